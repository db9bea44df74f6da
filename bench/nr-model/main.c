// SPDX-License-Identifier: BSD-2-Clause
// nr_model: predicts the rate of a contestant of the suite nr on a machine of several sockets, and
// counts its cache line transfers. One configuration, one line of CSV; bench/nr-model/run.py makes
// the curves.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../nr/harness.h"
#include "probe.h"
#include "vclock.h"

enum {
    CATCH_UP_KEYS = 64, /* among so many there is one of each log */
};

extern const struct contestant map_brlock_contestant, map_mutex_contestant, sharded_contestant,
    map_nr_contestant, parts_nr_contestant;

static const struct method {
    const char *name;
    const struct contestant *contestant;
    unsigned logs;
    bool replicated; /* one replica for each socket */
} methods[] = {
    {"nr", &map_nr_contestant, 1, true},          {"nr-r1", &map_nr_contestant, 1, false},
    {"cnr-l4", &parts_nr_contestant, 4, true},    {"mutex", &map_mutex_contestant, 1, false},
    {"brlock", &map_brlock_contestant, 1, false}, {"sharded", &sharded_contestant, 1, false},
};

struct model {
    struct machine machine;
    const struct method *method;
    struct run run;
    struct entrant entrant;
    struct coherence *coherence;
    struct worker workers[MAX_CORES];
    void *tokens[MAX_CORES];
    uint64_t ops, warm_up, end; /* all threads together */
    uint64_t from, to;          /* virtual time of the measured part */
    struct transfers before, after;
};

static _Noreturn void fail(const char *what, const char *who)
{
    fprintf(stderr, "nr_model: %s%s%s\n", what, who ? ": " : "", who ? who : "");
    exit(EXIT_FAILURE);
}

/* The life of a logical thread. */
static void work(void *arg, unsigned index)
{
    struct model *m = arg;
    struct worker *worker = &m->workers[index];
    const struct contestant *contestant = m->method->contestant;
    while (m->ops < m->end) {
        struct bench_op op;
        if (stream_next(&worker->stream, &op)) {
            m->entrant.in += op.value;
            m->entrant.out += contestant->write(m->entrant.self, m->tokens[index], &op);
        } else {
            (void)contestant->read(m->entrant.self, m->tokens[index], op.key);
        }
        m->ops++;
        if (m->ops == m->warm_up) {
            m->from = vclock_now();
            m->before = coherence_transfers(m->coherence);
        } else if (m->ops == m->end) {
            m->to = vclock_now();
            m->after = coherence_transfers(m->coherence);
        }
    }
}

static void enter_all(struct model *m)
{
    unsigned threads = m->machine.sockets * m->machine.cores;
    for (unsigned i = 0; i < threads; i++) {
        m->workers[i] = (struct worker){
            .index = i,
            .threads = threads,
            .replica = m->method->replicated ? i / m->machine.cores : 0,
            .stream = stream_make(m->run.seed, i, m->run.keys, true, m->run.writes, NULL),
        };
        m->tokens[i] = m->method->contestant->enter
                           ? m->method->contestant->enter(m->entrant.self, &m->workers[i])
                           : &m->workers[i];
        if (!m->tokens[i])
            fail("no memory", NULL);
        /* Keys of all logs: the replica catches up with the filling. */
        for (uint64_t key = 0; key < CATCH_UP_KEYS; key++)
            (void)m->method->contestant->read(m->entrant.self, m->tokens[i], key);
    }
}

/* What went in is inside or went out, on each replica: the model did run the real code. */
static void check(struct model *m)
{
    for (unsigned i = 0; i < m->machine.sockets * m->machine.cores; i++) {
        if (m->method->contestant->leave)
            m->method->contestant->leave(m->entrant.self, m->tokens[i]);
    }
    for (unsigned replica = 0; replica < m->entrant.setup.replicas; replica++) {
        struct contents contents;
        if (!entrant_contents(&m->entrant, &m->run, replica, &contents))
            fail("no memory", NULL);
        if (contents.sum != m->entrant.in - m->entrant.out)
            fail("what went in is not what is inside and went out", m->method->name);
    }
}

static void print_result(const struct model *m)
{
    double ops = (double)(m->end - m->warm_up);
    printf("%s,%u,%u,%u,%u,%.3f,%.3f,%.3f,%.3f\n", m->method->name, m->machine.sockets,
           m->machine.cores, m->machine.sockets * m->machine.cores, m->run.writes,
           ops / (double)(m->to - m->from) * 1e6, (double)(m->after.same - m->before.same) / ops,
           (double)(m->after.cross - m->before.cross) / ops,
           (double)(m->after.hits - m->before.hits) / ops);
}

static void predict(struct model *m)
{
    static const int nodes[MAX_SOCKETS] = {0, 1, 2, 3, 4, 5, 6, 7};
    m->coherence = coherence_create(&m->machine);
    if (!m->coherence)
        fail("no memory", NULL);
    vclock_observe(m->coherence);
    m->entrant = (struct entrant){
        .label = m->method->name,
        .contestant = m->method->contestant,
        .setup = {.keys = m->run.keys,
                  .replicas = m->method->replicated ? m->machine.sockets : 1,
                  .logs = m->method->logs,
                  .nodes = m->method->replicated ? nodes : NULL},
    };
    if (!entrant_create(&m->entrant, &m->run))
        fail("no memory", NULL);
    enter_all(m);
    if (!vclock_run(&m->machine, m->coherence, work, m))
        fail("no memory", NULL);
    check(m);
    print_result(m);
    entrant_destroy(&m->entrant);
    coherence_destroy(m->coherence);
}

static void usage(void)
{
    puts("nr_model [options]\n"
         "  --method NAME   nr, nr-r1, cnr-l4, mutex, brlock or sharded (nr)\n"
         "  --sockets N     sockets (1)\n"
         "  --cores N       cores of each socket, a thread on each (24)\n"
         "  --writes P      share of mutations in percent (10)\n"
         "  --keys N        number of keys (10000)\n"
         "  --ops N         operations measured, after as many to warm up (20000)\n"
         "  --set NAME=NS   a parameter of the machine\n"
         "  --parameters    print the parameters and end\n"
         "  --probe         measure those that this machine shows and end");
}

static void set(struct machine *machine, char *text)
{
    char *value = strchr(text, '=');
    if (value)
        *value++ = '\0';
    if (!value || !machine_set(machine, text, strtod(value, NULL)))
        fail("no such parameter", text);
}

static unsigned number(const char *text, unsigned long low, unsigned long high)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || *end || n < low || n > high)
        fail("not a number that will do", text);
    return (unsigned)n;
}

static const struct option known_options[] = {
    {"method", required_argument, NULL, 'm'},
    {"sockets", required_argument, NULL, 's'},
    {"cores", required_argument, NULL, 'c'},
    {"writes", required_argument, NULL, 'w'},
    {"keys", required_argument, NULL, 'k'},
    {"ops", required_argument, NULL, 'o'},
    {"set", required_argument, NULL, 'x'},
    {"parameters", no_argument, NULL, 'p'},
    {"probe", no_argument, NULL, 'b'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const struct method *find_method(const char *name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    }
    fail("no such method", name);
}

static void parse_option(struct model *m, int c, char *text)
{
    switch (c) {
    case 'm':
        m->method = find_method(text);
        break;
    case 's':
        m->machine.sockets = number(text, 1, MAX_SOCKETS);
        break;
    case 'c':
        m->machine.cores = number(text, 1, MAX_CORES / MAX_SOCKETS);
        break;
    case 'w':
        m->run.writes = number(text, 0, 100);
        break;
    case 'k':
        m->run.keys = number(text, 1, UINT32_MAX);
        break;
    case 'o':
        m->warm_up = number(text, 1, 100000000);
        break;
    case 'x':
        set(&m->machine, text);
        break;
    case 'p':
        machine_print(&m->machine);
        exit(EXIT_SUCCESS);
    case 'b':
        probe_print();
        exit(EXIT_SUCCESS);
    case 'h':
        usage();
        exit(EXIT_SUCCESS);
    default:
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    static struct model m = {
        .run = {.keys = 10000, .writes = 10, .seed = 1, .scatter = true},
        .method = &methods[0],
        .warm_up = 20000,
    };
    m.machine = machine_default;
    int c;
    while ((c = getopt_long(argc, argv, "", known_options, NULL)) != -1)
        parse_option(&m, c, optarg);
    if (optind != argc)
        fail("see --help", NULL);
    m.end = 2 * m.warm_up;
    predict(&m);
    return EXIT_SUCCESS;
}
