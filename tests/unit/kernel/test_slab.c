// SPDX-License-Identifier: BSD-2-Clause
//
// The slab allocator: fixed cases, random operations with objects full of patterns, several threads
// as cores. Built for the checked and the plain kernel.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"
#include "random.h"
#include <base/bits.h>
#include <kernel/inject.h>
#include <kernel/slab.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static struct frames *frames;
static struct slab *slab;
static uint64_t frames_before;

static int set_up(void **state)
{
    (void)state;
    frames = machine_create();
    frames_before = machine_free_frames(frames, MACHINE_NODES);
    return slab_create(frames, &slab);
}

/* Each test leaves a heap without objects. */
static int tear_down(void **state)
{
    (void)state;
    struct slab_stats stats;
    slab_stats(slab, &stats);
    assert_int_equal(stats.objects, 0);
    assert_int_equal(stats.large_frames, 0);
    slab_shrink(slab);
    slab_stats(slab, &stats);
    assert_int_equal(stats.frames, 0);
    slab_destroy(slab);
    assert_int_equal(machine_free_frames(frames, MACHINE_NODES), frames_before);
    machine_destroy();
    return 0;
}

static node_id_t home_of(const void *object)
{
    node_id_t node = MACHINE_NODES;
    assert_int_equal(frames_node_of(frames, arch_virt_to_phys(object), &node), KERR_OK);
    return node;
}

static void sizes_and_alignments_are_kept(void **state)
{
    (void)state;
    for (size_t align = 1; align <= 65536; align *= 2) {
        for (size_t size = 1; size <= 20000; size += size < 300 ? 1 : 61) {
            char *a = slab_alloc(slab, size, align);
            char *b = slab_alloc(slab, size, align);
            assert_non_null(a);
            assert_non_null(b);
            assert_true(is_aligned((uintptr_t)a, align));
            assert_true(is_aligned((uintptr_t)b, align));
            assert_true(a + size <= b || b + size <= a);
            memset(a, 1, size);
            memset(b, 2, size);
            assert_int_equal(a[0] + a[size - 1], 2);
            slab_free(slab, a, size);
            slab_free(slab, b, size);
        }
    }
}

static void a_power_of_two_costs_its_size(void **state)
{
    (void)state;
    if (KERNEL_CHECKED)
        skip();
    for (size_t size = 16; size <= 2048; size *= 2) {
        enum { N = 200 };
        void *objects[N];
        struct slab_stats before, after;
        slab_stats(slab, &before);
        for (int i = 0; i < N; i++)
            objects[i] = slab_alloc(slab, size, size);
        slab_stats(slab, &after);
        /* An eighth for heads of spans, and the last span may be begun. */
        assert_true((after.frames - before.frames) * FRAME_SIZE <= N * size * 9 / 8 + 32768);
        for (int i = 0; i < N; i++)
            slab_free(slab, objects[i], size);
    }
}

static void objects_come_from_the_node_of_the_core(void **state)
{
    (void)state;
    for (core_id_t core = 0; core < MACHINE_CORES; core++) {
        hosted_set_core(core);
        void *small = slab_alloc(slab, 100, 8);
        void *large = slab_alloc(slab, 100000, 8);
        assert_int_equal(home_of(small), core / 2);
        assert_int_equal(home_of(large), core / 2);
        slab_free(slab, small, 100);
        slab_free(slab, large, 100000);
    }
}

static void affinity_sends_objects_elsewhere(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 1000, 8192, 50000};
    for (node_id_t node = 0; node < MACHINE_NODES; node++) {
        assert_int_equal(slab_set_affinity(slab, node), 0);
        for (size_t i = 0; i < array_count(sizes); i++) {
            void *object = slab_alloc(slab, sizes[i], 8);
            assert_int_equal(home_of(object), node);
            slab_free(slab, object, sizes[i]);
            object = allocator_alloc(slab_allocator(slab), sizes[i], 8);
            assert_int_equal(home_of(object), node);
            allocator_free(slab_allocator(slab), object, sizes[i]);
        }
        assert_int_equal(slab_set_affinity(slab, 0), node);
        void *object = allocator_alloc(slab_allocator_on(slab, node), 24, 8);
        assert_int_equal(home_of(object), node);
        allocator_free(slab_allocator_on(slab, node), object, 24);
    }
}

static void a_core_unknown_to_the_heap_works(void **state)
{
    (void)state;
    hosted_set_core(MACHINE_CORES + 1);
    void *object = slab_alloc(slab, 64, 8);
    assert_non_null(object);
    assert_int_equal(slab_set_affinity(slab, 2), 2);
    slab_free(slab, object, 64);
}

static void an_object_freed_elsewhere_returns_home(void **state)
{
    (void)state;
    enum { N = 1000 };
    void *objects[N];
    for (int i = 0; i < N; i++)
        objects[i] = slab_alloc(slab, 200, 8);
    struct slab_stats before, after;
    slab_stats(slab, &before);
    hosted_set_core(4);
    for (int i = 0; i < N; i++)
        slab_free(slab, objects[i], 200);
    slab_stats(slab, &after);
    assert_int_equal(after.remote_frees, before.remote_frees + N);
    hosted_set_core(0);
    for (int i = 0; i < N; i++) {
        objects[i] = slab_alloc(slab, 200, 8);
        assert_int_equal(home_of(objects[i]), 0);
    }
    slab_stats(slab, &after);
    assert_int_equal(after.frames, before.frames);
    for (int i = 0; i < N; i++)
        slab_free(slab, objects[i], 200);
}

static void memory_returns_to_the_frames_at_once(void **state)
{
    (void)state;
    enum { N = 5000 };
    static void *objects[N];
    struct slab_stats stats;
    for (int i = 0; i < N; i++)
        objects[i] = slab_alloc(slab, 512, 8);
    for (int i = 0; i < N; i++)
        slab_free(slab, objects[i], 512);
    slab_stats(slab, &stats);
    /* What the magazine has, spread over few spans, and one empty span. */
    assert_true(stats.frames <= 8 * 4);
}

static void memory_runs_out_and_comes_back(void **state)
{
    (void)state;
    static void *objects[MACHINE_NODES * MACHINE_NODE_SIZE / 1024];
    for (int round = 0; round < 2; round++) {
        size_t n = 0;
        while ((objects[n] = slab_alloc(slab, 1000, 8)))
            n++;
        assert_true(n > MACHINE_NODES * MACHINE_NODE_SIZE / 1200);
        assert_null(slab_alloc(slab, 100000, 8));
        for (size_t i = 0; i < n; i++)
            slab_free(slab, objects[i], 1000);
    }
}

static void frames_that_run_out_take_what_the_heap_keeps(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 100, 1000, 4000};
    static paddr_t all[MACHINE_NODES * MACHINE_NODE_SIZE / FRAME_SIZE];
    size_t n = 0;
    frames_set_reclaim(frames, slab_reclaim, slab);
    for (core_id_t core = 0; core < MACHINE_CORES; core++) {
        hosted_set_core(core);
        for (size_t i = 0; i < array_count(sizes); i++)
            slab_free(slab, slab_alloc(slab, sizes[i], 8), sizes[i]);
    }
    while (frames_alloc(frames, 0, FRAME_SMALL, FRAME_ANY_NODE, &all[n]) == KERR_OK)
        n++;
    /* All but the heap's own state. */
    assert_int_equal(n, frames_before - 1 - MACHINE_NODES - MACHINE_CORES);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(frames_free(frames, all[i], FRAME_SMALL), KERR_OK);
    frames_set_reclaim(frames, NULL, NULL);
}

static void destroying_a_heap_frees_its_objects(void **state)
{
    (void)state;
    struct slab *other;
    uint64_t before = machine_free_frames(frames, MACHINE_NODES);
    assert_int_equal(slab_create(frames, &other), KERR_OK);
    for (int i = 0; i < 3000; i++)
        assert_non_null(slab_alloc(other, 64, 8));
    slab_destroy(other);
    assert_int_equal(machine_free_frames(frames, MACHINE_NODES), before);
}

static void creation_survives_each_failure(void **state)
{
    (void)state;
    if (!KERNEL_CHECKED)
        skip();
    struct slab *other;
    uint64_t before = machine_free_frames(frames, MACHINE_NODES);
    uint64_t n = 1;
    for (;; n++) {
        inject_arm(n, false);
        kerr_t err = slab_create(frames, &other);
        inject_arm(0, false);
        if (!err)
            break;
        assert_int_equal(err, KERR_NO_MEMORY);
        assert_int_equal(machine_free_frames(frames, MACHINE_NODES), before);
    }
    assert_int_equal(n, 1 + MACHINE_NODES + MACHINE_CORES + 1);
    slab_destroy(other);
}

static void allocation_survives_each_failure(void **state)
{
    (void)state;
    if (!KERNEL_CHECKED)
        skip();
    static const size_t sizes[] = {100, 20000};
    for (size_t i = 0; i < array_count(sizes); i++) {
        /* 1: the heap itself says no; 2: the frames do. */
        for (uint64_t n = 1; n <= 2; n++) {
            slab_shrink(slab);
            inject_arm(n, false);
            assert_null(slab_alloc(slab, sizes[i], 8));
            assert_true(inject_fired());
        }
        inject_arm(3, false);
        void *object = slab_alloc(slab, sizes[i], 8);
        assert_non_null(object);
        inject_arm(0, false);
        slab_free(slab, object, sizes[i]);
    }
}

/* --- Errors that checked builds find --- */

static jmp_buf after_panic;
static char panic_message[512];

static void catch_panic(const char *message)
{
    strncpy(panic_message, message, sizeof(panic_message) - 1);
    longjmp(after_panic, 1);
}

/* Does freeing, or with no object allocating, panic with this text? */
static void check_panic(void *object, size_t size, const char *text)
{
    panic_message[0] = '\0';
    hosted_set_panic(catch_panic);
    if (!setjmp(after_panic)) {
        if (object)
            slab_free(slab, object, size);
        else
            slab_alloc(slab, size, 1);
    }
    hosted_set_panic(NULL);
    if (!panic_message[0] || !strstr(panic_message, text))
        fail_msg("expected '%s', got '%s'", text, panic_message);
}

static void misuse_is_found(void **state)
{
    (void)state;
    if (!KERNEL_CHECKED)
        skip();
    static const size_t sizes[] = {1, 16, 100, 240, 4000, 8170};
    for (size_t i = 0; i < array_count(sizes); i++) {
        size_t size = sizes[i];
        char *object = slab_alloc(slab, size, 1);
        check_panic(object, size + 1, "freed with");
        check_panic(object + 16, size, "no object");
        char saved = object[size];
        object[size] = 0;
        check_panic(object, size, size % 16 ? "beyond its end" : "");
        object[size] = saved;
        slab_free(slab, object, size);
        check_panic(object, size, "freed twice");
        if (size <= 8)
            continue; /* the first word of a freed object is the allocator's */
        object[size - 1] = 0;
        check_panic(NULL, size, "after it was freed");
    }
    /* The heap has lost the objects over which it panicked: start over. */
    slab_destroy(slab);
    assert_int_equal(machine_free_frames(frames, MACHINE_NODES), frames_before);
    assert_int_equal(slab_create(frames, &slab), KERR_OK);
}

static void freed_memory_is_overwritten(void **state)
{
    (void)state;
    if (!KERNEL_CHECKED)
        skip();
    uint8_t *object = slab_alloc(slab, 64, 8);
    for (int i = 0; i < 64; i++)
        assert_int_equal(object[i], 0x5a);
    memset(object, 0, 64);
    slab_free(slab, object, 64);
    for (int i = 8; i < 64; i++)
        assert_int_equal(object[i], 0x6b);
}

/* --- Random operations --- */

#define MAX_HELD 3000

struct held {
    uint8_t *object;
    size_t size;
    uint8_t pattern;
};

static struct held held[MAX_HELD];
static size_t n_held;

static size_t random_size(struct random *random)
{
    unsigned bits = (unsigned)random_below(random, 15);
    return 1 + random_below(random, UINT64_C(1) << bits);
}

static void hold_one(struct random *random)
{
    size_t size = random_size(random);
    node_id_t node = (node_id_t)random_below(random, MACHINE_NODES);
    size_t align = (size_t)1 << random_below(random, 7);
    uint8_t *object = slab_alloc_on(slab, node, size, align);
    if (!object)
        return;
    assert_true(is_aligned((uintptr_t)object, align));
    uint8_t pattern = (uint8_t)random_next(random);
    memset(object, pattern, size);
    held[n_held++] = (struct held){object, size, pattern};
}

static void release(size_t i)
{
    struct held h = held[i];
    held[i] = held[--n_held];
    for (size_t at = 0; at < h.size; at++)
        assert_int_equal(h.object[at], h.pattern);
    slab_free(slab, h.object, h.size);
}

static void random_operations_keep_objects_apart(void **state)
{
    (void)state;
    struct random random = {random_seed("random_operations_keep_objects_apart")};
    for (int i = 0; i < 60000; i++) {
        hosted_set_core((core_id_t)random_below(&random, MACHINE_CORES + 1));
        uint64_t what = random_below(&random, 1000);
        if (what == 0)
            slab_shrink(slab);
        else if (n_held < MAX_HELD && what < 510)
            hold_one(&random);
        else if (n_held)
            release(random_below(&random, n_held));
    }
    while (n_held)
        release(n_held - 1);
    struct slab_stats stats;
    slab_stats(slab, &stats);
    assert_true(stats.refills > 0 && stats.spills > 0 && stats.remote_frees > 0);
}

/* --- Several cores --- */

#define N_THREADS 6
#define N_ROUNDS  8000
#define POOL      64

/* An object that wanders between cores; it begins with this. */
struct parcel {
    size_t size;
    uint64_t check;
};

static _Atomic(struct parcel *) mailbox[POOL];
static uint64_t thread_seed;

static void open_parcel(struct parcel *parcel)
{
    const uint8_t *bytes = (const uint8_t *)parcel;
    assert_true(parcel->check == (parcel->size ^ (uintptr_t)parcel));
    for (size_t i = sizeof(*parcel); i < parcel->size; i++)
        assert_int_equal(bytes[i], (uint8_t)parcel->size);
    slab_free(slab, parcel, parcel->size);
}

static void *churn(void *arg)
{
    uintptr_t self = (uintptr_t)arg;
    struct random random = {thread_seed + self};
    hosted_set_core((core_id_t)(self % (MACHINE_CORES - 1))); /* two share core 0 */
    for (int i = 0; i < N_ROUNDS; i++) {
        size_t size = sizeof(struct parcel) + random_below(&random, i % 64 ? 300 : 20000);
        node_id_t node = (node_id_t)random_below(&random, MACHINE_NODES);
        struct parcel *parcel =
            i % 4 ? slab_alloc(slab, size, 16) : slab_alloc_on(slab, node, size, 16);
        if (parcel) {
            memset(parcel, (uint8_t)size, size);
            parcel->size = size;
            parcel->check = size ^ (uintptr_t)parcel;
        }
        /* seq_cst: the parcel changes hands here. */
        parcel = atomic_exchange(&mailbox[random_below(&random, POOL)], parcel);
        if (parcel)
            open_parcel(parcel);
        if (i % 2000 == 1999)
            slab_shrink(slab);
    }
    return NULL;
}

static void cores_exchange_objects(void **state)
{
    (void)state;
    pthread_t threads[N_THREADS];
    thread_seed = random_seed("cores_exchange_objects");
    frames_set_reclaim(frames, slab_reclaim, slab);
    for (uintptr_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)i), 0);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < POOL; i++) {
        struct parcel *parcel = atomic_exchange(&mailbox[i], NULL);
        if (parcel)
            open_parcel(parcel);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sizes_and_alignments_are_kept),
        CASE(a_power_of_two_costs_its_size),
        CASE(objects_come_from_the_node_of_the_core),
        CASE(affinity_sends_objects_elsewhere),
        CASE(a_core_unknown_to_the_heap_works),
        CASE(an_object_freed_elsewhere_returns_home),
        CASE(memory_returns_to_the_frames_at_once),
        CASE(memory_runs_out_and_comes_back),
        CASE(frames_that_run_out_take_what_the_heap_keeps),
        CASE(destroying_a_heap_frees_its_objects),
        CASE(creation_survives_each_failure),
        CASE(allocation_survives_each_failure),
        CASE(misuse_is_found),
        CASE(freed_memory_is_overwritten),
        CASE(random_operations_keep_objects_apart),
        CASE(cores_exchange_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
