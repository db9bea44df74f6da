// SPDX-License-Identifier: BSD-2-Clause
// nr_bench: measures one workload with one number of keys and one share of writes, for all
// contestants and numbers of threads asked for. Prints CSV; bench/nr/run.py runs it for a whole
// suite.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum {
    MAX_ENTRANTS = 64,
    CHECK_OPS = 20000, /* touches most keys of the small map and takes milliseconds */
    TRIES = 3,         /* for a window without disturbance; then it is taken as it is */
};

struct options {
    struct run run;
    struct entrant entrants[MAX_ENTRANTS];
    unsigned threads[BENCH_MAX_THREADS];
    unsigned thread_counts;
    int processors[BENCH_MAX_THREADS];
    unsigned processor_count;
    unsigned rounds;
    double theta;
    uint64_t count; /* not 0: execute so many operations, measure nothing */
};

static _Noreturn void fail(const char *what, const char *who)
{
    fprintf(stderr, "nr_bench: %s%s%s\n", what, who ? ": " : "", who ? who : "");
    exit(EXIT_FAILURE);
}

static uint64_t number(const char *text, uint64_t low, uint64_t high, const char *what)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || *end || n < low || n > high)
        fail(what, text);
    return n;
}

static const struct contestant *find_contestant(const char *workload, const char *name, size_t len)
{
    for (const struct contestant *const *c = contestants; *c; c++) {
        if (strcmp((*c)->workload, workload) == 0 && strlen((*c)->name) == len &&
            memcmp((*c)->name, name, len) == 0)
            return *c;
    }
    return NULL;
}

/* CLASS[-rREPLICAS][-lLOGS][-keep] */
static void parse_entrant(struct entrant *entrant, const struct run *run, char *label)
{
    *entrant = (struct entrant){
        .label = label,
        .setup = {.keys = run->keys, .replicas = 1, .logs = 1},
    };
    size_t len = strcspn(label, "-");
    entrant->contestant = find_contestant(run->workload, label, len);
    if (!entrant->contestant)
        fail("no such contestant in this workload", label);
    for (const char *at = label + len; *at;) {
        at++;
        len = strcspn(at, "-");
        char word[16] = "";
        if (len < sizeof(word))
            memcpy(word, at, len);
        if (word[0] == 'r')
            entrant->setup.replicas = (unsigned)number(word + 1, 1, 64, "number of replicas");
        else if (word[0] == 'l')
            entrant->setup.logs = (unsigned)number(word + 1, 1, 8, "number of logs");
        else if (strcmp(word, "keep") == 0)
            entrant->setup.keep_log = true;
        else
            fail("what is meant by the end of this contestant", label);
        at += len;
    }
    if (entrant->setup.logs & (entrant->setup.logs - 1))
        fail("the number of logs must be a power of two", label);
}

static void parse_list(struct options *o, char *labels, char *threads)
{
    for (char *word = strtok(labels, ","); word; word = strtok(NULL, ",")) {
        if (o->run.count == MAX_ENTRANTS)
            fail("too many contestants", NULL);
        parse_entrant(&o->entrants[o->run.count++], &o->run, word);
    }
    for (char *word = strtok(threads, ","); word; word = strtok(NULL, ",")) {
        if (o->thread_counts == BENCH_MAX_THREADS)
            fail("too many numbers of threads", NULL);
        o->threads[o->thread_counts++] =
            (unsigned)number(word, 1, BENCH_MAX_THREADS, "number of threads");
    }
}

static void parse_processors(struct options *o, char *list)
{
    for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
        if (o->processor_count == BENCH_MAX_THREADS)
            fail("too many processors", NULL);
        o->processors[o->processor_count++] = (int)number(word, 0, 4095, "processor");
    }
}

static void usage(void)
{
    puts(
        "nr_bench --workload map|vspace|stack --contestants LABEL,... [options]\n"
        "  --keys N       number of keys (10000)\n"
        "  --writes P     share of mutations in percent (10)\n"
        "  --threads N,.. numbers of threads, each measured (1,2)\n"
        "  --cpus N,..    processors of threads 0, 1, ... (those the program may use)\n"
        "  --rounds N     windows of each contestant after one to warm up (5)\n"
        "  --window MS    length of a window (50)\n"
        "  --lead MS      lead-in of a window, not counted (5)\n"
        "  --zipf THETA   popularity of keys falls with this exponent; 0: uniform (0)\n"
        "  --seed N       of the streams (1)\n"
        "  --count N      only execute N operations in one thread, for valgrind\n"
        "  --list         list workloads and contestants\n"
        "A label is CLASS[-rREPLICAS][-lLOGS][-keep]; keep: the log is used with one replica too.");
}

static void list_contestants(void)
{
    for (const struct contestant *const *c = contestants; *c; c++)
        printf("%s %s\n", (*c)->workload, (*c)->name);
}

static const struct option known_options[] = {
    {"workload", required_argument, NULL, 'w'},
    {"contestants", required_argument, NULL, 'c'},
    {"keys", required_argument, NULL, 'k'},
    {"writes", required_argument, NULL, 'p'},
    {"threads", required_argument, NULL, 't'},
    {"cpus", required_argument, NULL, 'u'},
    {"rounds", required_argument, NULL, 'r'},
    {"window", required_argument, NULL, 'm'},
    {"lead", required_argument, NULL, 'e'},
    {"zipf", required_argument, NULL, 'z'},
    {"seed", required_argument, NULL, 's'},
    {"count", required_argument, NULL, 'n'},
    {"list", no_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* The options with a number. */
static void parse_number(struct options *o, int c, const char *text)
{
    switch (c) {
    case 'k':
        o->run.keys = number(text, 1, UINT32_MAX, "number of keys");
        break;
    case 'p':
        o->run.writes = (unsigned)number(text, 0, 100, "share of writes");
        break;
    case 'r':
        o->rounds = (unsigned)number(text, 1, 1000, "number of rounds");
        break;
    case 'm':
        o->run.window_ms = (unsigned)number(text, 1, 60000, "window");
        break;
    case 'e':
        o->run.lead_ms = (unsigned)number(text, 0, 60000, "lead-in");
        break;
    case 's':
        o->run.seed = number(text, 0, UINT64_MAX, "seed");
        break;
    case 'n':
        o->count = number(text, 1, UINT64_MAX, "count");
        break;
    default:
        exit(EXIT_FAILURE); /* getopt has said why */
    }
}

static void parse(struct options *o, int argc, char **argv)
{
    char *labels = NULL, two[] = "1,2", *threads = two;
    int c;
    while ((c = getopt_long(argc, argv, "", known_options, NULL)) != -1) {
        switch (c) {
        case 'w':
            o->run.workload = optarg;
            break;
        case 'c':
            labels = optarg;
            break;
        case 't':
            threads = optarg;
            break;
        case 'u':
            parse_processors(o, optarg);
            break;
        case 'z':
            o->theta = strtod(optarg, NULL);
            break;
        case 'l':
            list_contestants();
            exit(EXIT_SUCCESS);
        case 'h':
            usage();
            exit(EXIT_SUCCESS);
        default:
            parse_number(o, c, optarg);
        }
    }
    if (!o->run.workload || !labels || optind != argc)
        fail("see --help", NULL);
    if (!(o->theta >= 0 && o->theta < 1))
        fail("the exponent must lie in [0, 1)", NULL);
    o->run.scatter = strcmp(o->run.workload, "map") == 0;
    o->run.entrants = o->entrants;
    parse_list(o, labels, threads);
}

/* The structure itself executes the same operations and must have answered and hold the same. */
static void check_replay(const struct options *o, struct entrant *entrant, struct entrant *bare)
{
    struct answers expected, found;
    struct contents before, after;
    if (!entrant_execute(bare, &o->run, CHECK_OPS, &expected) ||
        !entrant_execute(entrant, &o->run, CHECK_OPS, &found))
        fail("no memory", entrant->label);
    if (expected.out != found.out || expected.answers != found.answers)
        fail("it answers differently from the bare structure", entrant->label);
    if (!entrant_contents(bare, &o->run, 0, &before))
        fail("no memory", bare->label);
    for (unsigned replica = 0; replica < entrant->setup.replicas; replica++) {
        if (!entrant_contents(entrant, &o->run, replica, &after))
            fail("no memory", entrant->label);
        if (before.sum != after.sum || before.hash != after.hash)
            fail("it holds something else than the bare structure", entrant->label);
    }
}

/* Nothing got lost or doubled in all the windows, and the replicas are equal. */
static void check_conservation(const struct run *run, struct entrant *entrant)
{
    struct contents first = {0};
    for (unsigned replica = 0; replica < entrant->setup.replicas; replica++) {
        struct contents contents;
        if (!entrant_contents(entrant, run, replica, &contents))
            fail("no memory", entrant->label);
        if (contents.sum != entrant->in - entrant->out)
            fail("what went in is not what is inside and went out", entrant->label);
        if (replica == 0)
            first = contents;
        if (contents.hash != first.hash)
            fail("its replicas differ", entrant->label);
    }
}

static void create_all(struct options *o)
{
    for (unsigned i = 0; i < o->run.count; i++) {
        char label[] = "bare";
        struct entrant bare;
        parse_entrant(&bare, &o->run, label);
        if (!entrant_create(&bare, &o->run) || !entrant_create(&o->entrants[i], &o->run))
            fail("no memory", o->entrants[i].label);
        if (!o->count)
            check_replay(o, &o->entrants[i], &bare);
        entrant_destroy(&bare);
    }
}

static void print_window(const struct options *o, const struct entrant *entrant, unsigned threads,
                         unsigned round, const struct window *window)
{
    printf("%s,%s,%llu,%u,%u,%s,%s,%u,%u,%u,%llu,%.4f,%llu,%.3f,", o->run.workload,
           o->run.zipf ? "zipf" : "uniform", (unsigned long long)o->run.keys, o->run.writes,
           threads, entrant->label, entrant->contestant->name, entrant->setup.replicas,
           entrant->setup.logs, round, (unsigned long long)window->ops, window->rate / 1e6,
           (unsigned long long)window->preempted, window->present);
    if (window->counts.valid)
        printf("%.4f,%.1f\n", (double)window->counts.misses / (double)window->ops,
               (double)window->counts.instructions / (double)window->ops);
    else
        printf(",\n");
}

/* Nothing protects the bare structure; several replicas want as many threads to keep up. */
static bool takes_part(const struct entrant *entrant, unsigned threads)
{
    return threads == 1 || strcmp(entrant->contestant->name, "bare") != 0;
}

/* With a processor for each thread, a preemption means that somebody else ran; the kernel's own
 * threads do so for microseconds. */
static bool disturbed(const struct window *window, unsigned threads)
{
    if (window->ops == 0)
        return true;
    return window->preempted > threads && window->present < 0.97 && threads <= pool_processors();
}

/* All (contestant, threads) once, from another start in each round. Round 0 warms up. */
static void run_round(struct options *o, struct pool *pool, unsigned round)
{
    unsigned turns = o->run.count * o->thread_counts;
    for (unsigned turn = 0; turn < turns; turn++) {
        unsigned at = (turn + round * o->thread_counts) % turns;
        struct entrant *entrant = &o->entrants[at / o->thread_counts];
        unsigned threads = o->threads[at % o->thread_counts];
        struct window window;
        if (!takes_part(entrant, threads))
            continue;
        for (unsigned try = 0; try == 0 || (try < TRIES && disturbed(&window, threads)); try++) {
            if (!pool_window(pool, &o->run, entrant, threads, round, &window))
                fail("no memory", entrant->label);
        }
        if (round > 0)
            print_window(o, entrant, threads, round, &window);
    }
}

static void measure(struct options *o)
{
    unsigned most = 0;
    for (unsigned i = 0; i < o->thread_counts; i++)
        most = o->threads[i] > most ? o->threads[i] : most;
    struct pool *pool = pool_create(most, o->processors, o->processor_count);
    if (!pool)
        fail("cannot start the threads", NULL);
    if (pool_counters_missing(pool))
        printf("# hardware counters: %s\n", pool_counters_missing(pool));
    puts("workload,keys_drawn,keys,writes,threads,label,class,replicas,logs,round,ops,mops,"
         "preempted,"
         "present,misses_per_op,instructions_per_op");
    for (unsigned round = 0; round <= o->rounds; round++)
        run_round(o, pool, round);
    pool_destroy(pool);
    for (unsigned i = 0; i < o->run.count; i++)
        check_conservation(&o->run, &o->entrants[i]);
}

int main(int argc, char **argv)
{
    static struct options o = {
        .run = {.keys = 10000, .writes = 10, .seed = 1, .lead_ms = 5, .window_ms = 50},
        .rounds = 5,
    };
    parse(&o, argc, argv);
    struct zipf *zipf = o.theta > 0 ? zipf_create(o.run.keys, o.theta) : NULL;
    if (o.theta > 0 && !zipf)
        fail("no memory", NULL);
    o.run.zipf = zipf;
    create_all(&o);
    struct answers ignored;
    if (!o.count)
        measure(&o);
    else if (!entrant_execute(&o.entrants[0], &o.run, o.count, &ignored))
        fail("no memory", o.entrants[0].label);
    for (unsigned i = 0; i < o.run.count; i++)
        entrant_destroy(&o.entrants[i]);
    free(zipf);
    return EXIT_SUCCESS;
}
