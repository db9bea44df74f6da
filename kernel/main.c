// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel from its start on the boot core to the first work it does.

#define LOG_SUBSYS "main"

#include <kernel/main.h>

#include <kernel/arch.h>
#include <kernel/cmdline.h>
#include <kernel/core_table.h>
#include <kernel/ktest.h>
#include <kernel/log.h>
#include <kernel/memory.h>
#include <kernel/nodes.h>
#include <kernel/percore.h>
#include <kernel/topology.h>
#include <stdatomic.h>

/* [const] after parse_cmdline, but for what is claimed. */
static struct cmdline cmdline;
static char cmdline_words[CMDLINE_BUFFER_SIZE(BOOT_MAX_CMDLINE)];

static void report_boot(const struct boot_info *boot)
{
    log_info("Started nrk by %s, image at %#lx, %lu KiB", boot->protocol, boot->image_base,
             boot->image_size >> 10);
    for (size_t i = 0; i < boot->n_modules; i++)
        log_info("module %s, %lu bytes", boot->modules[i].name, boot->modules[i].size);
    if (boot->n_dropped)
        log_warn("%zu facts of the boot loader had no place here", boot->n_dropped);
}

static void parse_cmdline(const struct boot_info *boot)
{
    log_info("command line: %s", boot->cmdline);
    kerr_t err = cmdline_parse(&cmdline, boot->cmdline, sizeof(boot->cmdline), cmdline_words,
                               sizeof(cmdline_words));
    if (err)
        log_error("command line not understood: %s", kerr_text(err));
    for (size_t i = 0; i < cmdline.n_problems && i < CMDLINE_MAX_PROBLEMS; i++)
        log_warn("command line, character %zu: %s", cmdline.problems[i].position,
                 cmdline_problem_text(cmdline.problems[i].kind));
}

/* log=LEVEL or log=SUBSYSTEM=LEVEL,... */
static void set_log_levels(void)
{
    const char *levels = cmdline_get(&cmdline, "log");
    size_t position;
    kerr_t err = levels ? log_configure(levels, &position) : KERR_OK;
    if (err)
        log_warn("log=%s, character %zu: %s", levels, position, kerr_text(err));
}

static void read_seed(void)
{
    kerr_t err = cmdline_get_number(&cmdline, "seed", &ktest_seed);
    if (err && err != KERR_NOT_FOUND)
        log_warn("seed: %s", kerr_text(err));
}

/* Words that nothing has asked for are most likely misspelt. */
static void report_unclaimed(void)
{
    struct cmdline_word word;
    for (size_t cursor = 0; cmdline_next(&cmdline, &cursor, &word);) {
        if (!word.claimed)
            log_warn("command line: nothing here knows '%s'", word.key);
    }
}

static void init_memory(void)
{
    kerr_t err = memory_init();
    if (!err)
        return;
    log_error("nrk needs more memory than this machine has: %s", kerr_text(err));
    arch_exit(EXIT_OUT_OF_MEMORY);
}

/* What a core can have logged before somebody writes it out: some dozens of lines. */
#define LOG_RING_SIZE 8192

static void add_log_ring(void)
{
    void *ring = slab_alloc(kernel_slab, LOG_RING_SIZE, 64);
    kerr_t err = ring ? log_add_ring(arch_core_id(), ring, LOG_RING_SIZE) : KERR_NO_MEMORY;
    if (err)
        log_warn("core %u logs to the ring of core 0: %s", arch_core_id(), kerr_text(err));
}

/* Cores that have got as far as they will: they operate, or they cannot. */
static _Atomic unsigned n_settled;

/* This core becomes one that operates on replicated objects, and says so in the core table. */
static void join_nodes(void)
{
    kerr_t err = nodes_core_online();
    if (!err)
        err = core_table_online(topology->cores[arch_core_id()].node);
    if (err)
        log_error("core %u left out: %s", arch_core_id(), kerr_text(err));
    atomic_fetch_add(&n_settled, 1);
    if (err)
        arch_halt_forever();
}

static void interrupted(void)
{
    nodes_serve();
}

static void init_nodes(void)
{
    arch_interrupt_set_handler(interrupted);
    kerr_t err = core_table_create();
    if (!err)
        err = nodes_core_online();
    if (!err)
        err = core_table_online(topology->cores[0].node);
    if (!err)
        return;
    log_error("no memory for replicated objects: %s", kerr_text(err));
    arch_exit(EXIT_OUT_OF_MEMORY);
}

/* What the core runs next, in the main loop of kernel_core_main. */
static PERCORE(_Atomic(kernel_job_fn *), next_job);

kerr_t kernel_run_on(core_id_t core, kernel_job_fn *fn)
{
    kernel_job_fn *none = NULL;
    if (!arch_core_online(core))
        return KERR_NOT_FOUND;
    if (!atomic_compare_exchange_strong(percore_of(core, next_job), &none, fn))
        return KERR_BUSY;
    arch_wake(core);
    return KERR_OK;
}

void kernel_core_main(void)
{
    add_log_ring();
    join_nodes();
    for (;;) {
        kernel_job_fn *job = atomic_exchange(percore(next_job), NULL);
        if (job)
            job();
        else
            nodes_idle();
    }
}

static void start_cores(void)
{
    unsigned n = arch_start_cores();
    while (atomic_load(&n_settled) < n - 1)
        arch_relax();
    log_info("%u cores online", core_table_count());
}

void kernel_main(const struct boot_info *boot)
{
    report_boot(boot);
    parse_cmdline(boot);
    set_log_levels();
    const char *test = cmdline_get(&cmdline, "test");
    read_seed();

    ktest_run(test, KTEST_EARLY);
    arch_init_machine(boot, &cmdline);
    init_memory();
    init_nodes();
    arch_debugger_init(&cmdline);
    ktest_run(test, KTEST_ALONE);
    start_cores();
    report_unclaimed();
    ktest_run(test, KTEST_FULL);

    if (test)
        log_error("there is no test named %s", test);
    arch_exit(test ? EXIT_PANIC : EXIT_OK);
}
