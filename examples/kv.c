// SPDX-License-Identifier: BSD-2-Clause
/*
 * A type of your own with several logs: how often does each word come? Words of different
 * partitions are counted in parallel; the total is a query on all logs, and sees one moment.
 */
#include <nr/nr.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { LOGS = 4, ROOM = 256, WORD = 24, THREADS = 4, ROUNDS = 1000 };

/* ---- The sequential structure: no locks, no atomics -------------------------------------------
 */

struct entry {
    char word[WORD];
    uint64_t count;
};

/* Operations on different logs touch different partitions, and that is all that CNR asks for. */
struct words {
    struct entry table[LOGS][ROOM]; /* open addressing; count 0: free */
};

struct add {
    char word[WORD];
    uint64_t by;
};

struct lookup {
    char word[WORD]; /* empty: the total of all words */
};

static uint64_t hash(const char *word)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *word; word++)
        hash = (hash ^ (unsigned char)*word) * UINT64_C(0x100000001b3);
    return hash;
}

/* The word's entry, or the free one where it goes, or NULL if the partition is full. */
static const struct entry *find(const struct words *words, const char *word)
{
    const struct entry *table = words->table[hash(word) % LOGS];
    for (uint64_t i = 0, at = hash(word) / LOGS; i < ROOM; i++, at++) {
        const struct entry *entry = &table[at % ROOM];
        if (!entry->count || strncmp(entry->word, word, WORD) == 0)
            return entry;
    }
    return NULL;
}

/* A mutation. Answers the new count; 0: no room, on every replica alike. */
static uint64_t words_apply(struct words *words, const struct add *add)
{
    struct entry *entry = (struct entry *)find(words, add->word);
    if (!entry)
        return 0;
    memcpy(entry->word, add->word, WORD);
    return entry->count += add->by;
}

static uint64_t words_read(const struct words *words, const struct lookup *lookup)
{
    if (lookup->word[0]) {
        const struct entry *entry = find(words, lookup->word);
        return entry ? entry->count : 0;
    }
    uint64_t total = 0;
    for (unsigned i = 0; i < LOGS; i++) {
        for (unsigned j = 0; j < ROOM; j++)
            total += words->table[i][j].count;
    }
    return total;
}

/* ---- The same, replicated ----------------------------------------------------------------------
 */

/* The logs of an operation as a set of bits; several make it a scan. */
static uint64_t words_op_logs(const struct add *add, unsigned logs)
{
    return UINT64_C(1) << hash(add->word) % logs;
}

static uint64_t words_query_logs(const struct lookup *lookup, unsigned logs)
{
    return lookup->word[0] ? UINT64_C(1) << hash(lookup->word) % logs : (UINT64_C(1) << logs) - 1;
}

NR_PLAIN(words, struct words)
NR_ADAPT_LOGS(words, struct add, struct lookup)
NR_DEFINE(words, struct words, struct add, uint64_t, struct lookup, uint64_t,
          .op_logs = words_op_logs_adapted, .query_logs = words_query_logs_adapted);

static const char *const poem[] = {"a", "rose", "is", "a", "rose", "is", "a", "rose"};

static void *count_poem(void *arg)
{
    struct words_thread *me;
    if (words_register(arg, NR_ANY_REPLICA, &me) != NR_OK)
        return arg;
    for (unsigned i = 0; i < ROUNDS * sizeof poem / sizeof *poem; i++) {
        struct add add = {.by = 1};
        strncpy(add.word, poem[i % (sizeof poem / sizeof *poem)], WORD - 1);
        (void)words_execute(me, &add);
    }
    words_unregister(me);
    return NULL;
}

int main(void)
{
    struct nr_config config = {.replicas = 2, .logs = LOGS};
    struct words_nr *nr;
    struct words_thread *me;
    pthread_t threads[THREADS];
    void *failed = NULL, *result;
    if (words_nr_create(&config, &nr) != NR_OK || words_register(nr, 0, &me) != NR_OK)
        return 1;
    for (unsigned i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, count_poem, nr) != 0)
            return 1;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        failed = result ? result : failed;
    }
    uint64_t roses = words_query(me, &(struct lookup){"rose"}),
             total = words_query(me, &(struct lookup){""});
    printf("%llu words, %llu of them rose\n", (unsigned long long)total, (unsigned long long)roses);
    words_unregister(me);
    return words_nr_destroy(nr) != NR_OK || failed || roses != 3u * THREADS * ROUNDS ||
           total != 8u * THREADS * ROUNDS;
}
