// SPDX-License-Identifier: BSD-2-Clause
//
// One address space under libnr, with threads as cores that access memory while others change it.
//
// Each core walks the page table of its replica without any lock, as hardware does, and keeps
// translations in a TLB until somebody asks it to forget them. It then advances its replica first,
// forgets, and acknowledges; who asked waits for all and serves requests to itself meanwhile. That
// is the protocol which the kernel will carry out by interrupts.
//
// Every page holds 0 or a word that names its address. A core that used a translation after its
// frame was freed, or a table after that was freed, would sooner or later read a word of another
// page, or destroy one; and when an operation that took something away returned, no page table in
// use gives it. In the published area pages are never unmapped: once a core knows that one
// is there, an access by any core must succeed, however far its replica is behind.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"
#include "random.h"
#include "walker.h"
#include <base/bits.h>
#include <kernel/panic.h>
#include <kernel/vspace_user.h>
#include <nr/nr.h>
#include <pthread.h>
#include <string.h>

#define RW        (VSPACE_READ | VSPACE_WRITE)
#define BASE      (PAGE_1G - 100 * PAGE_4K)
#define PUBLISHED (UINT64_C(5) << 40)

enum {
    CORES = MACHINE_CORES, /* two for each of three replicas */
    OWN_PAGES = 48,        /* of each core, next to those of the others */
    PUBLISHED_PAGES = 150,
    ROUNDS = 600,
    QUIET_ROUNDS = 200, /* at first nothing is removed: requests to flush would advance replicas */
    CLONE_EACH = 150,   /* rounds of core 0 */
    TLB_SIZE = 64,
};

/* --- What is replicated --- */

struct space {
    struct vspace vspace;
};

static struct frames *frames;
static struct slab *slab;
static struct frame_shares *shares;
static struct vspace_memory memory = {
    .region_kind = 0, .node_kind = 1, .table_kind = 2, .top_level = 2};
static const struct detmem_kind kinds[] = {VSPACE_REGION_KIND, VSPACE_NODE_KIND, VSPACE_TABLE_KIND};

static unsigned n_replicas;
static paddr_t roots[MACHINE_NODES];

static int space_init(struct space *space, void *arg)
{
    struct detmem_pool *pool;
    (void)arg;
    if (detmem_join(memory.detmem, n_replicas, NULL, &pool))
        return NR_ENOMEM;
    if (vspace_init(&space->vspace, pool, NULL)) {
        detmem_leave(pool);
        return NR_ENOMEM;
    }
    roots[n_replicas++] = page_table_root(&space->vspace.table);
    return NR_OK;
}

static int space_clone(struct space *copy, const struct space *from, void *arg)
{
    struct detmem_pool *pool;
    (void)arg;
    if (detmem_join(memory.detmem, n_replicas, from->vspace.pool, &pool))
        return NR_ENOMEM;
    if (vspace_copy(&copy->vspace, &from->vspace, pool)) {
        detmem_leave(pool);
        return NR_ENOMEM;
    }
    roots[n_replicas++] = page_table_root(&copy->vspace.table);
    return NR_OK;
}

static void space_fini(struct space *space)
{
    struct detmem_pool *pool = space->vspace.pool;
    vspace_fini(&space->vspace);
    detmem_leave(pool);
}

static struct vspace_answer space_apply(struct space *space, const struct vspace_op *op)
{
    return vspace_apply(&space->vspace, op);
}

static struct vspace_result space_read(const struct space *space, const struct vspace_query *query)
{
    return vspace_read(&space->vspace, query);
}

NR_DEFINE(space, struct space, struct vspace_op, struct vspace_answer, struct vspace_query,
          struct vspace_result);

/* --- Cores --- */

struct translation {
    uint64_t va;
    uint64_t pa;
    bool present;
    bool writable;
};

struct core {
    struct vspace_user user;
    struct space_thread *token;
    paddr_t root;
    struct translation tlb[TLB_SIZE];
    struct random random;
    uint64_t words[OWN_PAGES]; /* what must be there; UINT64_MAX: nothing is mapped */
    uint8_t rights[OWN_PAGES];
    uint64_t behind;        /* faults at which the page was there: the replica was behind */
    _Atomic bool runs;      /* is asked to forget */
    _Atomic bool current;   /* and had its replica advanced since it runs */
    _Atomic uint64_t asked; /* requests to forget everything */
    _Atomic uint64_t done;
};

static struct core cores[CORES];
static _Atomic uint64_t published;

static struct core *core_of(struct vspace_user *user)
{
    return container_of(user, struct core, user);
}

/* The handler of the interrupt: advance, forget, acknowledge. */
static void serve(struct core *core)
{
    uint64_t asked = atomic_load(&core->asked);
    if (asked == atomic_load_explicit(&core->done, memory_order_relaxed))
        return;
    space_sync(core->token);
    memset(core->tlb, 0, sizeof(core->tlb));
    atomic_store(&core->done, asked);
}

static void flush(struct vspace_user *user, uint64_t va, uint64_t end, uint32_t pages)
{
    struct core *self = core_of(user);
    uint64_t numbers[CORES];
    (void)va;
    (void)end;
    (void)pages;
    memset(self->tlb, 0, sizeof(self->tlb));
    for (unsigned i = 0; i < CORES; i++)
        numbers[i] = atomic_fetch_add(&cores[i].asked, 1) + 1;
    for (unsigned i = 0; i < CORES; i++) {
        while (&cores[i] != self && atomic_load(&cores[i].runs) &&
               atomic_load(&cores[i].done) < numbers[i]) {
            serve(self);
            arch_relax();
        }
    }
}

static struct vspace_answer execute(struct vspace_user *user, const struct vspace_op *op)
{
    return space_execute(core_of(user)->token, op);
}

static struct vspace_result query(struct vspace_user *user, const struct vspace_query *what)
{
    struct vspace_result result = space_query(core_of(user)->token, what);
    core_of(user)->behind += what->question == VSPACE_RESOLVE && result.verdict == VSPACE_THERE;
    return result;
}

static kerr_t no_files(struct vspace_user *user, uint64_t object, uint64_t offset, paddr_t *frame)
{
    (void)user;
    (void)object;
    (void)offset;
    (void)frame;
    return KERR_NOT_FOUND;
}

/* The processor: TLB, then walker, then fault. */
static kerr_t translate(struct core *core, uint64_t va, bool write, uint64_t *pa)
{
    struct translation *cached = &core->tlb[va / PAGE_4K % TLB_SIZE];
    for (;;) {
        serve(core);
        if (cached->present && cached->va == va && (cached->writable || !write)) {
            *pa = cached->pa;
            return KERR_OK;
        }
        struct walk walk = hardware_walk(core->root, va);
        *cached = (struct translation){va, walk.pa, walk.present, walk.writable};
        if (walk.present && (walk.writable || !write))
            continue;
        *cached = (struct translation){0};
        kerr_t err = vspace_fault(&core->user, va, write ? VSPACE_WRITE : VSPACE_READ);
        if (err && err != KERR_AGAIN)
            return err;
    }
}

static _Atomic uint64_t *word_at(uint64_t pa)
{
    return arch_phys_to_virt(paddr(pa));
}

static uint64_t word_for(uint64_t va, uint64_t number)
{
    return (va << 8) + number % (1 << 20);
}

static bool is_word_of(uint64_t word, uint64_t va)
{
    return word == 0 || word >> 20 == (va << 8) >> 20;
}

/* --- What cores do --- */

static uint64_t own_va(const struct core *core, uint64_t page)
{
    return BASE + ((uint64_t)(core - cores) * OWN_PAGES + page) * PAGE_4K;
}

/* Operations are refused while core 0 makes a clone. */
static bool again(struct core *core, kerr_t err)
{
    if (err == KERR_AGAIN)
        serve(core);
    else
        assert(err == KERR_OK);
    return err == KERR_AGAIN;
}

static void map_own(struct core *core, uint64_t page, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (core->words[page + i] != UINT64_MAX)
            return;
    }
    const struct vspace_mapping mapping = {.va = own_va(core, page),
                                           .size = n * PAGE_4K,
                                           .kind = VSPACE_ANONYMOUS,
                                           .rights = RW,
                                           .allowed = VSPACE_ALL};
    while (again(core, vspace_map(&core->user, &mapping)))
        ;
    for (uint64_t i = 0; i < n; i++) {
        core->words[page + i] = 0;
        core->rights[page + i] = RW;
    }
}

/* Once an operation that took rights away returned, no page table that is in use gives them: each
 * core that runs has acknowledged, or began later and advanced its replica then. */
static void check_taken(const struct core *core, uint64_t page, uint64_t n, bool write_only)
{
    for (unsigned i = 0; i < CORES; i++) {
        if (!atomic_load(&cores[i].current))
            continue;
        for (uint64_t at = page; at < page + n; at++) {
            struct walk walk = hardware_walk(cores[i].root, own_va(core, at));
            assert(write_only ? !walk.writable : !walk.present);
        }
    }
}

static void unmap_own(struct core *core, uint64_t page, uint64_t n)
{
    uint64_t done = own_va(core, page);
    while (again(core, vspace_unmap(&core->user, done, own_va(core, page + n) - done, &done)))
        ;
    for (uint64_t i = 0; i < n; i++)
        core->words[page + i] = UINT64_MAX;
    check_taken(core, page, n, false);
}

static void protect_own(struct core *core, uint64_t page, unsigned rights)
{
    uint64_t done;
    if (core->words[page] == UINT64_MAX)
        return;
    while (again(core, vspace_protect(&core->user, own_va(core, page), PAGE_4K, rights, &done)))
        ;
    core->rights[page] = (uint8_t)rights;
    if (rights == VSPACE_READ)
        check_taken(core, page, 1, true);
}

static void use_own(struct core *core, uint64_t page, bool write)
{
    uint64_t va = own_va(core, page), pa = 0;
    bool allowed = core->words[page] != UINT64_MAX &&
                   (core->rights[page] & (write ? VSPACE_WRITE : VSPACE_READ));
    kerr_t err = translate(core, va, write, &pa);
    assert(err == (allowed ? KERR_OK : KERR_BAD_ADDRESS));
    if (err)
        return;
    if (write) {
        core->words[page] = word_for(va, random_next(&core->random));
        atomic_store_explicit(word_at(pa), core->words[page], memory_order_relaxed);
    } else {
        uint64_t word = atomic_load_explicit(word_at(pa), memory_order_relaxed);
        assert(word == core->words[page]);
    }
}

static void look_at_others(struct core *core)
{
    uint64_t va = BASE + random_below(&core->random, CORES * OWN_PAGES) * PAGE_4K, pa = 0;
    kerr_t err = translate(core, va, false, &pa);
    assert(err == KERR_OK || err == KERR_BAD_ADDRESS);
    if (!err)
        assert(is_word_of(atomic_load_explicit(word_at(pa), memory_order_relaxed), va));
}

static void look_at_published(struct core *core)
{
    uint64_t n = atomic_load(&published), pa = 0;
    if (n == 0)
        return;
    uint64_t va = PUBLISHED + random_below(&core->random, n) * 3 * PAGE_4K;
    if (random_below(&core->random, 2))
        va = PUBLISHED + (n - 1) * 3 * PAGE_4K; /* the newest */
    assert(translate(core, va, false, &pa) == KERR_OK);
    assert(atomic_load_explicit(word_at(pa), memory_order_relaxed) == word_for(va, 1));
}

static void publish(struct core *core)
{
    uint64_t n = atomic_load(&published), pa = 0;
    uint64_t va = PUBLISHED + n * 3 * PAGE_4K;
    if (n == PUBLISHED_PAGES)
        return;
    const struct vspace_mapping mapping = {
        .va = va, .size = PAGE_4K, .kind = VSPACE_ANONYMOUS, .rights = RW, .allowed = RW};
    while (again(core, vspace_map(&core->user, &mapping)))
        ;
    assert(translate(core, va, true, &pa) == KERR_OK);
    atomic_store_explicit(word_at(pa), word_for(va, 1), memory_order_relaxed);
    atomic_store(&published, n + 1);
}

/* --- A clone, which nobody else knows of --- */

struct child {
    struct vspace_user user;
    struct vspace_memory memory;
    struct vspace vspace;
};

static struct vspace_answer child_execute(struct vspace_user *user, const struct vspace_op *op)
{
    return vspace_apply(&container_of(user, struct child, user)->vspace, op);
}

static struct vspace_result child_query(struct vspace_user *user, const struct vspace_query *query)
{
    return vspace_read(&container_of(user, struct child, user)->vspace, query);
}

static void child_flush(struct vspace_user *user, uint64_t va, uint64_t end, uint32_t pages)
{
    (void)user;
    (void)va;
    (void)end;
    (void)pages;
}

static uint64_t child_word(struct child *child, uint64_t va, kerr_t *err)
{
    *err = vspace_fault(&child->user, va, VSPACE_READ);
    if (*err)
        return 0;
    struct walk walk = hardware_walk(page_table_root(&child->vspace.table), va);
    assert(walk.present);
    return atomic_load_explicit(word_at(walk.pa), memory_order_relaxed);
}

/* What this core owns is in the clone as it is here, and what the clone writes stays there. */
static void check_child(struct core *core, struct child *child)
{
    for (uint64_t page = 0; page < OWN_PAGES; page++) {
        kerr_t err;
        uint64_t va = own_va(core, page);
        uint64_t word = child_word(child, va, &err);
        bool allowed = core->words[page] != UINT64_MAX && (core->rights[page] & VSPACE_READ);
        assert(err == (allowed ? KERR_OK : KERR_BAD_ADDRESS));
        assert(err || word == core->words[page]);
        if (err || vspace_fault(&child->user, va, VSPACE_WRITE))
            continue;
        struct walk walk = hardware_walk(page_table_root(&child->vspace.table), va);
        atomic_store_explicit(word_at(walk.pa), 666, memory_order_relaxed);
    }
    for (uint64_t page = 0; page < OWN_PAGES; page++)
        use_own(core, page, false);
}

static void make_clone(struct core *core)
{
    struct child *child = calloc(1, sizeof(*child));
    struct detmem_pool *pool;
    assert(child);
    child->memory = memory;
    assert(!detmem_create(slab, kinds, array_count(kinds), &child->memory.detmem));
    assert(detmem_join(child->memory.detmem, 0, NULL, &pool) == KERR_OK);
    assert(vspace_init(&child->vspace, pool, NULL) == KERR_OK);
    child->user = core->user;
    child->user.execute = child_execute;
    child->user.query = child_query;
    child->user.flush = child_flush;
    child->user.memory = &child->memory;
    assert(vspace_clone(&core->user, &child->user) == KERR_OK);
    check_child(core, child);
    assert(vspace_close(&child->user) == KERR_OK);
    vspace_fini(&child->vspace);
    detmem_leave(pool);
    detmem_destroy(child->memory.detmem);
    free(child);
}

/* --- The test --- */

static void one_round(struct core *core, bool quiet)
{
    struct random *random = &core->random;
    uint64_t page = random_below(random, OWN_PAGES);
    uint64_t n = 1 + random_below(random, min(UINT64_C(4), OWN_PAGES - page));
    switch (quiet ? 4 + random_below(random, 4) : random_below(random, 12)) {
    case 0:
    case 1:
        map_own(core, page, n);
        break;
    case 2:
        unmap_own(core, page, n);
        break;
    case 3:
        protect_own(core, page, random_below(random, 2) ? RW : VSPACE_READ);
        break;
    case 4:
        look_at_others(core);
        break;
    case 5:
    case 6:
    case 7:
        look_at_published(core);
        break;
    default:
        use_own(core, page, random_below(random, 2));
        break;
    }
}

static void *run_core(void *arg)
{
    struct core *core = arg;
    hosted_set_core((core_id_t)(core - cores));
    for (unsigned round = 1; round <= ROUNDS; round++) {
        one_round(core, round <= QUIET_ROUNDS);
        if (core == &cores[0] && round % CLONE_EACH == 0)
            make_clone(core);
        if (core == &cores[1])
            publish(core);
        arch_relax(); /* to where others are */
    }
    /* From here on the space does not run on this core. */
    atomic_store(&core->current, false);
    atomic_store(&core->runs, false);
    return NULL;
}

static void start_core(struct space_nr *nr, unsigned i, uint64_t seed, pthread_t *thread)
{
    struct core *core = &cores[i];
    core->user = (struct vspace_user){
        .execute = execute,
        .query = query,
        .flush = flush,
        .file_page = no_files,
        .memory = &memory,
        .frames = frames,
        .shares = shares,
        .core = i,
        .node = i / 2,
    };
    core->root = roots[i / 2];
    core->random = (struct random){seed + i};
    memset(core->words, 0xff, sizeof(core->words));
    assert_int_equal(space_register(nr, i / 2, &core->token), NR_OK);
    /* First be one of those who are asked, then advance, so that nothing is missed in between. */
    atomic_store(&core->runs, true);
    space_sync(core->token);
    atomic_store(&core->current, true);
    assert_int_equal(pthread_create(thread, NULL, run_core, core), 0);
}

static void create(struct space_nr **nr)
{
    const struct nr_config config = {
        .replicas = 2, .max_replicas = MACHINE_NODES, .log_entries = 32, .flags = NR_CHECK};
    frames = machine_create();
    assert_int_equal(slab_create(frames, &slab), KERR_OK);
    assert_int_equal(frame_shares_create(slab, &shares), KERR_OK);
    assert_int_equal(detmem_create(slab, kinds, array_count(kinds), &memory.detmem), KERR_OK);
    assert_int_equal(space_nr_create(&config, nr), NR_OK);
}

static void destroy(struct space_nr *nr, uint64_t free_before)
{
    struct slab_stats stats;
    assert_int_equal(vspace_close(&cores[0].user), KERR_OK);
    for (unsigned i = 0; i < CORES; i++)
        space_unregister(cores[i].token);
    assert_int_equal(space_nr_destroy(nr), NR_OK);
    detmem_destroy(memory.detmem);
    frame_shares_destroy(shares);
    slab_stats(slab, &stats);
    assert_int_equal(stats.objects, 0);
    slab_destroy(slab);
    assert_int_equal(machine_free_frames(frames, MACHINE_NODES), free_before);
    machine_destroy();
}

static void no_core_sees_what_is_gone_or_misses_what_is_there(void **state)
{
    (void)state;
    uint64_t seed = random_seed("no_core_sees_what_is_gone_or_misses_what_is_there");
    struct space_nr *nr;
    pthread_t threads[CORES];
    unsigned late;
    uint64_t free_before = machine_free_frames(machine_create(), MACHINE_NODES);
    machine_destroy();
    create(&nr);
    for (unsigned i = 0; i < CORES - 2; i++)
        start_core(nr, i, seed, &threads[i]);
    /* A replica that comes while others work, with cores of its own. */
    assert_int_equal(space_nr_add_replica(nr, -1, &late), NR_OK);
    assert_int_equal(late, 2);
    for (unsigned i = CORES - 2; i < CORES; i++)
        start_core(nr, i, seed, &threads[i]);
    for (unsigned i = 0; i < CORES; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    uint64_t behind = 0;
    for (unsigned i = 0; i < CORES; i++)
        behind += cores[i].behind;
    printf("%" PRIu64 " faults of cores whose replica was behind\n", behind);
    destroy(nr, free_before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_core_sees_what_is_gone_or_misses_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
