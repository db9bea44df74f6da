// SPDX-License-Identifier: BSD-2-Clause
//
// The page table against a walker that knows the processor's manual only.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"
#include "random.h"
#include "walker.h"
#include <base/bits.h>
#include <kernel/inject.h>
#include <kernel/slab.h>
#include <string.h>

static struct frames *frames;
static struct slab *slab;

static int set_up(void **state)
{
    (void)state;
    frames = machine_create();
    return slab_create(frames, &slab);
}

static uint64_t objects(void)
{
    struct slab_stats stats;
    slab_stats(slab, &stats);
    return stats.objects;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(objects(), 0);
    slab_destroy(slab);
    machine_destroy();
    return 0;
}

static struct page_table new_table(void)
{
    struct page_table pt;
    assert_int_equal(page_table_init(&pt, slab_allocator(slab), NULL), KERR_OK);
    return pt;
}

static struct pt_leaf make_leaf(uint64_t va, unsigned level, uint64_t pa)
{
    struct pt_leaf leaf = {
        .va = vaddr(va),
        .level = level,
        .entry = {.present = 1,
                  .writable = 1,
                  .user = 1,
                  .held = 1,
                  .large = level > 1,
                  .no_execute = 1},
    };
    pt_entry_lead_to(&leaf.entry, paddr(pa));
    return leaf;
}

static void put(struct page_table *pt, uint64_t va, unsigned level, uint64_t pa)
{
    struct pt_leaf l = make_leaf(va, level, pa);
    assert_int_equal(page_table_put(pt, &l), KERR_OK);
}

static void drop(struct page_table *pt, uint64_t va)
{
    struct pt_retired retired = {0};
    page_table_remove(pt, vaddr(va), &retired);
    page_table_free_retired(pt, &retired);
}

static void hardware_sees_pages_of_each_size(void **state)
{
    (void)state;
    struct page_table pt = new_table();
    put(&pt, 0x7fffffffe000, 1, 0x5000);
    put(&pt, PAGE_2M * 5, 2, PAGE_2M * 3);
    put(&pt, PAGE_1G * 7, 3, PAGE_1G * 2);
    paddr_t root = page_table_root(&pt);
    assert_int_equal(hardware_walk(root, 0x7fffffffe123).pa, 0x5123);
    assert_int_equal(hardware_walk(root, PAGE_2M * 5 + 0x12345).pa, PAGE_2M * 3 + 0x12345);
    assert_int_equal(hardware_walk(root, PAGE_1G * 7 + 0x1234567).pa, PAGE_1G * 2 + 0x1234567);
    assert_int_equal(hardware_walk(root, PAGE_2M * 5).size, PAGE_2M);
    assert_true(hardware_walk(root, PAGE_2M * 5).writable);
    assert_false(hardware_walk(root, PAGE_2M * 5).executable);
    assert_false(hardware_walk(root, PAGE_2M * 6).present);
    assert_false(hardware_walk(root, 0x7fffffffd000).present);
    page_table_fini(&pt);
}

static void tables_go_with_their_last_entry(void **state)
{
    (void)state;
    struct page_table pt = new_table();
    uint64_t before = objects();
    put(&pt, 0x1000, 1, 0x5000);
    put(&pt, 0x2000, 1, 0x6000);
    assert_int_equal(objects(), before + 3);
    drop(&pt, 0x1000);
    assert_int_equal(objects(), before + 3);
    drop(&pt, 0x2000);
    assert_int_equal(objects(), before);
    for (uint64_t i = 0; i < PT_ENTRIES; i++)
        put(&pt, i * PAGE_4K, 1, i * PAGE_4K);
    for (uint64_t i = 0; i < PT_ENTRIES; i++)
        drop(&pt, i * PAGE_4K);
    assert_int_equal(objects(), before);
    page_table_fini(&pt);
}

static void a_retired_table_is_still_an_empty_table(void **state)
{
    (void)state;
    struct page_table pt = new_table();
    struct pt_retired retired = {0};
    put(&pt, 0x1000, 1, 0x5000);
    put(&pt, PAGE_1G, 1, 0x6000);
    paddr_t cached = page_table_root(&pt);
    page_table_remove(&pt, vaddr(0x1000), &retired);
    page_table_remove(&pt, vaddr(PAGE_1G), &retired);
    unsigned n = 0;
    for (struct pt_table *table = retired.first; table; n++) {
        for (unsigned i = 0; i < PT_ENTRIES; i++)
            assert_false(atomic_load(&table->entries[i]) & 1);
        table = (struct pt_table *)(uintptr_t)atomic_load(&table->entries[0]);
    }
    assert_int_equal(n, 5); /* two of level 1, two of level 2, and the one of level 3 */
    assert_false(hardware_walk(cached, 0x1000).present);
    page_table_free_retired(&pt, &retired);
    page_table_fini(&pt);
}

static void a_split_page_means_the_same(void **state)
{
    (void)state;
    struct page_table pt = new_table();
    put(&pt, PAGE_1G, 3, 0);
    paddr_t root = page_table_root(&pt);
    assert_int_equal(page_table_split(&pt, vaddr(PAGE_1G)), KERR_OK);
    assert_int_equal(hardware_walk(root, PAGE_1G).size, PAGE_1G);
    assert_int_equal(page_table_split(&pt, vaddr(PAGE_1G + PAGE_2M + PAGE_4K)), KERR_OK);
    for (uint64_t offset = 0; offset < 3 * PAGE_2M; offset += PAGE_4K / 2) {
        struct walk walk = hardware_walk(root, PAGE_1G + offset);
        assert_true(walk.present && walk.writable && !walk.executable);
        assert_int_equal(walk.pa, offset);
        assert_int_equal(walk.size, offset / PAGE_2M == 1 ? PAGE_4K : PAGE_2M);
    }
    page_table_fini(&pt);
}

static void the_upper_half_is_the_kernels(void **state)
{
    (void)state;
    struct page_table kernel = new_table(), pt;
    atomic_store(&kernel.root->entries[256], 0x1003);
    atomic_store(&kernel.root->entries[511], 0x2003);
    atomic_store(&kernel.root->entries[3], 0x3003);
    assert_int_equal(page_table_init(&pt, slab_allocator(slab), kernel.root), KERR_OK);
    assert_int_equal(atomic_load(&pt.root->entries[256]), 0x1003);
    assert_int_equal(atomic_load(&pt.root->entries[511]), 0x2003);
    assert_int_equal(atomic_load(&pt.root->entries[3]), 0);
    page_table_fini(&pt);
    atomic_store(&kernel.root->entries[3], 0);
    page_table_fini(&kernel);
}

static void each_failure_leaves_the_table_as_it_was(void **state)
{
    (void)state;
    if (!KERNEL_CHECKED)
        skip();
    struct page_table pt = new_table(), copy;
    put(&pt, PAGE_1G, 3, 0);
    uint64_t before = objects();
    struct pt_leaf l = make_leaf(0x1000, 1, 0x5000);
    uint64_t n = 0;
    kerr_t err;
    do {
        assert_int_equal(objects(), before);
        inject_arm(++n, false);
        err = page_table_put(&pt, &l);
        inject_arm(0, false);
    } while (err);
    assert_true(n > 3);
    before = objects();
    n = 0;
    do {
        assert_int_equal(objects(), before);
        inject_arm(++n, false);
        err = page_table_split(&pt, vaddr(PAGE_1G + PAGE_4K));
        inject_arm(0, false);
    } while (err);
    assert_true(n > 2);
    before = objects();
    n = 0;
    do {
        assert_int_equal(objects(), before);
        inject_arm(++n, false);
        err = page_table_copy(&copy, &pt, slab_allocator(slab));
        inject_arm(0, false);
    } while (err);
    assert_true(n > 6);
    page_table_fini(&copy);
    page_table_fini(&pt);
}

/* Pages of 4 KiB at random, in a few places far from each other, against an array. */
#define MODEL_PAGES 4096

static uint64_t model_va(uint64_t i)
{
    static const uint64_t places[] = {0, PAGE_2M - 64 * PAGE_4K, PAGE_1G - 9 * PAGE_4K,
                                      UINT64_C(0x7fff80000000)};
    return places[i % 4] + (i / 4 + (i % 4) * 8) * PAGE_4K * 3;
}

static void random_pages_agree_with_an_array(void **state)
{
    (void)state;
    static uint64_t model[MODEL_PAGES];
    struct random random = {random_seed("random_pages_agree_with_an_array")};
    struct page_table pt = new_table();
    uint64_t before = objects();
    memset(model, 0, sizeof(model));
    for (unsigned step = 0; step < 100000; step++) {
        uint64_t i = random_below(&random, MODEL_PAGES);
        if (model[i]) {
            drop(&pt, model_va(i));
            model[i] = 0;
        } else if (step < 70000) {
            model[i] = (random_below(&random, 1 << 20) + 1) * PAGE_4K;
            put(&pt, model_va(i), 1, model[i]);
        }
        uint64_t probe = random_below(&random, MODEL_PAGES);
        struct walk walk = hardware_walk(page_table_root(&pt), model_va(probe));
        assert_int_equal(walk.present ? walk.pa : 0, model[probe]);
    }
    struct page_table copy;
    struct pt_leaf l;
    uint64_t n = 0, found = 0;
    assert_int_equal(page_table_copy(&copy, &pt, slab_allocator(slab)), KERR_OK);
    for (uint64_t i = 0; i < MODEL_PAGES; i++) {
        n += model[i] != 0;
        struct walk walk = hardware_walk(page_table_root(&copy), model_va(i));
        assert_int_equal(walk.present ? walk.pa : 0, model[i]);
    }
    for (vaddr_t at = vaddr(0); page_table_next(&copy, at, vaddr(UINT64_C(1) << 47), &l); found++)
        at = vaddr_add(l.va, PAGE_4K);
    assert_int_equal(found, n);
    for (uint64_t i = 0; i < MODEL_PAGES; i++) {
        if (model[i])
            drop(&pt, model_va(i));
    }
    page_table_fini(&copy);
    assert_int_equal(objects(), before);
    page_table_fini(&pt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hardware_sees_pages_of_each_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_go_with_their_last_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_retired_table_is_still_an_empty_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_split_page_means_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_upper_half_is_the_kernels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_failure_leaves_the_table_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_pages_agree_with_an_array, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
