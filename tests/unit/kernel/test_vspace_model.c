// SPDX-License-Identifier: BSD-2-Clause
//
// Random histories of a few address spaces against a flat model: for each page of a window what it
// is, and the word that a load there must find. The model knows nothing of frames, regions or
// faults. Cores work at replicas that lag behind each other, memory runs out on demand, spaces are
// cloned and closed.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random.h"
#include "vspace_world.h"
#include "walker.h"
#include <base/bits.h>
#include <kernel/inject.h>
#include <string.h>

/* The window begins a few pages before a border of tables of each level. */
#define WINDOW       (PAGE_1G - 40 * PAGE_4K)
#define WINDOW_PAGES 1200

enum { MODEL_SPACES = 3, MODEL_SHARED = 24, MODEL_STEPS = 40000 };

struct model_page {
    bool mapped;
    bool known; /* FILE_PRIVATE: was written, so it has a word of its own */
    uint8_t kind;
    uint8_t rights;
    uint8_t allowed;
    uint32_t source; /* FILE: page of the object; SHARED: number of the frame */
    uint32_t object;
    uint64_t word; /* of private kinds */
};

struct model_space {
    struct world_space *real;
    struct model_page pages[WINDOW_PAGES];
};

static struct world world;
static struct random rnd;
static struct model_space spaces[MODEL_SPACES];
static uint64_t object_words[WORLD_OBJECTS][WORLD_OBJECT_PAGES];
static uint64_t shared_words[MODEL_SHARED];
static paddr_t shared_frames; /* MODEL_SHARED of them, contiguous */
static bool injecting;
static unsigned out_of_memory, clones, true_faults, accesses;

static uint64_t below(uint64_t n)
{
    return random_below(&rnd, n);
}

static uint64_t va_of(uint64_t page)
{
    return WINDOW + page * PAGE_4K;
}

/* Where the word of a page is in the model. */
static uint64_t *word_of(struct model_page *page)
{
    if (page->kind == VSPACE_SHARED)
        return &shared_words[page->source];
    if (page->kind == VSPACE_FILE_SHARED)
        return &object_words[page->object][page->source];
    /* What a private page of a file shows before it is written is not said: here, what the file
     * has now. */
    if (page->kind == VSPACE_FILE_PRIVATE && !page->known)
        return &object_words[page->object][page->source];
    return &page->word;
}

/* An operation may fail for lack of memory whenever memory is made scarce. True: it did. */
static bool failed(kerr_t err, kerr_t expected)
{
    inject_arm(0, false);
    if (err == KERR_NO_MEMORY && injecting) {
        out_of_memory++;
        return true;
    }
    assert_int_equal(err, expected);
    return err != KERR_OK;
}

static void maybe_inject(void)
{
    injecting = below(4) == 0;
    if (injecting)
        inject_arm(1 + below(12), below(2));
}

/* --- Steps --- */

static paddr_t frames_for(uint8_t kind, uint64_t n, struct model_page *first)
{
    paddr_t frame = {0};
    if (kind == VSPACE_SHARED) {
        frame = paddr_add(shared_frames, first->source * PAGE_4K);
        assert_int_equal(frame_shares_add(world.shares, frame, n), KERR_OK);
    } else if (kind == VSPACE_FRAME) {
        const struct frame_request request = {.count = n, .align = n >= 512 ? PAGE_2M : PAGE_4K};
        if (frames_alloc_range(world.frames, &request, &frame))
            return paddr(0);
        for (uint64_t i = 0; i < n; i++)
            *(uint64_t *)arch_phys_to_virt(paddr_add(frame, i * PAGE_4K)) = i + 1;
    }
    return frame;
}

static void model_map(struct model_space *s, uint64_t at, uint64_t n,
                      const struct model_page *first)
{
    for (uint64_t i = 0; i < n; i++) {
        struct model_page *page = &s->pages[at + i];
        *page = *first;
        page->mapped = true;
        page->source +=
            page->kind == VSPACE_ANONYMOUS || page->kind == VSPACE_FRAME ? 0 : (uint32_t)i;
        page->word = page->kind == VSPACE_FRAME ? i + 1 : 0;
    }
}

static bool is_free(const struct model_space *s, uint64_t at, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (s->pages[at + i].mapped)
            return false;
    }
    return true;
}

static struct model_page random_page(uint64_t *n)
{
    static const uint8_t kinds[] = {VSPACE_FRAME,        VSPACE_SHARED,      VSPACE_ANONYMOUS,
                                    VSPACE_FILE_PRIVATE, VSPACE_FILE_SHARED, VSPACE_ANONYMOUS};
    struct model_page page = {.kind = kinds[below(array_count(kinds))]};
    page.allowed = below(8) ? VSPACE_ALL : VSPACE_READ;
    page.rights = (below(4) ? VSPACE_READ | VSPACE_WRITE : (uint8_t)below(8)) & page.allowed;
    uint64_t most = WINDOW_PAGES;
    if (page.kind == VSPACE_SHARED)
        most = MODEL_SHARED;
    else if (page.kind >= VSPACE_FILE_PRIVATE)
        most = WORLD_OBJECT_PAGES;
    *n = min(*n, most);
    if (most != WINDOW_PAGES)
        page.source = (uint32_t)below(most - *n + 1);
    if (page.kind >= VSPACE_FILE_PRIVATE)
        page.object = (uint32_t)below(WORLD_OBJECTS);
    return page;
}

/* Ranges are short as a rule, and now and then long enough for a large page, which then starts at a
 * place where it can be one. */
static void random_range(uint64_t *at, uint64_t *n)
{
    *n = below(40) ? 1 + below(12) : 1 + below(600);
    *at = below(8) ? below(WINDOW_PAGES) : 40;
    if (*at == 40 && below(2))
        *n = 512;
    *n = min(*n, WINDOW_PAGES - *at);
}

static void step_map(struct model_space *s, unsigned core)
{
    uint64_t at, n;
    random_range(&at, &n);
    struct model_page first = random_page(&n);
    struct vspace_mapping mapping = {
        .va = va_of(at),
        .kind = first.kind,
        .rights = first.rights,
        .allowed = first.allowed,
        .object = first.object,
        .size = n * PAGE_4K,
    };
    if (first.kind >= VSPACE_FILE_PRIVATE)
        mapping.offset = first.source * PAGE_4K;
    const bool eager = first.kind == VSPACE_FRAME || first.kind == VSPACE_SHARED;
    mapping.pa = frames_for(first.kind, n, &first).raw;
    if (eager && !mapping.pa)
        return; /* no contiguous frames */
    maybe_inject();
    kerr_t err = vspace_map(&s->real->users[core], &mapping);
    kerr_t expected = is_free(s, at, n) ? KERR_OK : KERR_EXISTS;
    if (err == KERR_RANGE)
        expected = KERR_RANGE;
    if (failed(err, expected) && eager)
        (void)frame_shares_release(world.shares, world.frames, paddr(mapping.pa), n);
    if (!err)
        model_map(s, at, n, &first);
}

static void step_unmap(struct model_space *s, unsigned core)
{
    uint64_t at, n, done;
    random_range(&at, &n);
    maybe_inject();
    kerr_t err = vspace_unmap(&s->real->users[core], va_of(at), n * PAGE_4K, &done);
    failed(err, KERR_OK);
    for (uint64_t i = at; va_of(i) < done; i++)
        s->pages[i] = (struct model_page){0};
}

static void step_protect(struct model_space *s, unsigned core)
{
    uint64_t at, n, done;
    random_range(&at, &n);
    const uint8_t rights = (uint8_t)(below(2) ? VSPACE_READ | VSPACE_WRITE : below(8));
    kerr_t expected = KERR_OK;
    uint64_t stop = at;
    while (stop < at + n && s->pages[stop].mapped && !(rights & ~s->pages[stop].allowed))
        stop++;
    if (stop < at + n)
        expected = s->pages[stop].mapped ? KERR_NOT_PERMITTED : KERR_BAD_ADDRESS;
    maybe_inject();
    kerr_t err = vspace_protect(&s->real->users[core], va_of(at), n * PAGE_4K, rights, &done);
    if (!failed(err, expected) || err == expected)
        assert_int_equal(done, va_of(stop));
    for (uint64_t i = at; va_of(i) < done; i++)
        s->pages[i].rights = rights;
}

static void step_access(struct model_space *s, unsigned core)
{
    uint64_t at = below(WINDOW_PAGES);
    for (unsigned i = 0; i < 20 && !s->pages[at].mapped; i++)
        at = below(WINDOW_PAGES); /* mostly where there is something */
    struct model_page *page = &s->pages[at];
    const bool write = below(2);
    const unsigned need = write ? VSPACE_WRITE : VSPACE_READ;
    /* The processor has no pages that can be written or executed but not read. */
    bool allowed = page->mapped && (page->rights & need);
    uint64_t word = random_next(&rnd);
    maybe_inject();
    kerr_t err = write ? world_store(s->real, core, va_of(at), word)
                       : world_load(s->real, core, va_of(at), &word);
    if (!allowed && !write && page->mapped && page->rights && err == KERR_OK)
        allowed = true;
    true_faults += !allowed;
    accesses++;
    if (failed(err, allowed ? KERR_OK : KERR_BAD_ADDRESS))
        return;
    if (write) {
        page->known = true;
        *word_of(page) = word;
    } else {
        assert_int_equal(word, *word_of(page));
    }
}

static void close_space(struct model_space *s, unsigned core)
{
    /* Without any memory. */
    inject_arm(1, true);
    kerr_t err = vspace_close(&s->real->users[core]);
    inject_arm(0, false);
    assert_int_equal(err, KERR_OK);
    world_space_destroy(s->real);
    memset(s, 0, sizeof(*s));
}

static void step_clone(struct model_space *from, struct model_space *to, unsigned core)
{
    if (to->real)
        return;
    to->real = world_space_create(&world);
    assert_non_null(to->real);
    maybe_inject();
    kerr_t err = vspace_clone(&from->real->users[core], &to->real->users[below(WORLD_REPLICAS)]);
    if (failed(err, KERR_OK)) {
        close_space(to, core);
        return;
    }
    memcpy(to->pages, from->pages, sizeof(to->pages));
    clones++;
}

/* --- Checks --- */

/* The tree, page for page, and what the page table leads to. */
static void check_window(struct model_space *s)
{
    const struct vspace *space = &s->real->replicas[0];
    for (uint64_t i = 0; i < WINDOW_PAGES; i++) {
        const struct vspace_query query = {.question = VSPACE_RESOLVE, .va = va_of(i)};
        const struct vspace_result result = vspace_read(space, &query);
        const struct model_page *page = &s->pages[i];
        assert_int_equal(result.err, page->mapped ? KERR_OK : KERR_NOT_FOUND);
        if (!page->mapped)
            continue;
        assert_int_equal(result.region.kind, page->kind);
        assert_int_equal(result.region.rights, page->rights);
        assert_int_equal(result.region.allowed, page->allowed);
        assert_int_equal(result.region.object, page->object);
        struct walk walk = hardware_walk(page_table_root(&space->table), va_of(i));
        assert_false(walk.present && !page->rights);
        if (walk.present && (page->known || page->kind != VSPACE_FILE_PRIVATE))
            assert_int_equal(*(uint64_t *)arch_phys_to_virt(paddr(walk.pa)),
                             *word_of((struct model_page *)page));
    }
}

/* However far a replica lags behind, its page table permits nothing that is no longer so. */
static void check_lagging(struct model_space *s)
{
    for (unsigned i = 0; i < 20; i++) {
        uint64_t at = below(WINDOW_PAGES);
        const struct model_page *page = &s->pages[at];
        const struct vspace *space = &s->real->replicas[below(WORLD_REPLICAS)];
        struct walk walk = hardware_walk(page_table_root(&space->table), va_of(at));
        if (!walk.present)
            continue;
        assert_true(page->mapped && page->rights);
        assert_true(!walk.writable || (page->rights & VSPACE_WRITE));
        assert_true(!walk.executable || (page->rights & VSPACE_EXECUTE));
        if (page->known || page->kind != VSPACE_FILE_PRIVATE)
            assert_int_equal(*(uint64_t *)arch_phys_to_virt(paddr(walk.pa)),
                             *word_of((struct model_page *)page));
    }
}

static void step(struct model_space *s)
{
    unsigned core = (unsigned)below(WORLD_REPLICAS);
    uint64_t what = below(100);
    if (what < 12)
        step_map(s, core);
    else if (what < 15)
        step_unmap(s, core);
    else if (what < 22)
        step_protect(s, core);
    else if (what < 30)
        step_clone(s, &spaces[below(MODEL_SPACES)], core);
    else if (what < 35)
        world_advance(s->real, (unsigned)below(WORLD_REPLICAS), 1 + below(4));
    else
        step_access(s, core);
    check_lagging(s);
    world_check_replica(s->real, core);
}

static void create_spaces(void)
{
    const struct frame_request request = {.count = MODEL_SHARED};
    world_create(&world);
    memset(spaces, 0, sizeof(spaces));
    assert_int_equal(frames_alloc_range(world.frames, &request, &shared_frames), KERR_OK);
    for (unsigned i = 0; i < MODEL_SHARED; i++) {
        shared_words[i] = 1000 + i;
        *(uint64_t *)arch_phys_to_virt(paddr_add(shared_frames, i * PAGE_4K)) = shared_words[i];
    }
    for (unsigned i = 0; i < WORLD_OBJECTS * WORLD_OBJECT_PAGES; i++)
        object_words[i / WORLD_OBJECT_PAGES][i % WORLD_OBJECT_PAGES] =
            world_object_word(i / WORLD_OBJECT_PAGES, i % WORLD_OBJECT_PAGES);
}

static void random_histories_agree_with_a_flat_model(void **state)
{
    (void)state;
    rnd = (struct random){random_seed("random_histories_agree_with_a_flat_model")};
    create_spaces();
    for (unsigned i = 0; i < MODEL_STEPS; i++) {
        struct model_space *s = &spaces[below(MODEL_SPACES)];
        if (!s->real) {
            if (s != &spaces[0] && below(200))
                continue; /* as a rule a clone comes here */
            s->real = world_space_create(&world);
            assert_non_null(s->real);
        }
        step(s);
        if (i % 50 == 0) {
            world_check(s->real);
            check_window(s);
        }
        if (below(400) == 0)
            close_space(s, (unsigned)below(WORLD_REPLICAS));
    }
    for (unsigned i = 0; i < MODEL_SPACES; i++) {
        if (spaces[i].real)
            close_space(&spaces[i], i);
    }
    assert_int_equal(frame_shares_release(world.shares, world.frames, shared_frames, MODEL_SHARED),
                     MODEL_SHARED);
    world_destroy(&world);
    printf("%u accesses, %u of them true faults, %u clones, memory ran out %u times\n", accesses,
           true_faults, clones, out_of_memory);
    assert_true(accesses > true_faults && clones > 10 && out_of_memory > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_agree_with_a_flat_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
