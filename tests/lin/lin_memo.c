// SPDX-License-Identifier: BSD-2-Clause
// Two open-addressing hash tables over one arena: states by their bytes, visited pairs by (set,
// state number). Tables hold pointers into the arena and double at three quarters full.
//
// The set of linearized operations is a bit per operation in order of calls. In a pair it is stored
// from the first word that is not all ones to the last that is not zero. Real-time order makes that
// window short: everything that returned before a linearized operation's call is linearized too.
// Its hash is the exclusive or of one random word per member, so adding and removing cost nothing.
#include "lin_memo.h"

#include <stdlib.h>
#include <string.h>

#include "rng.h"

enum {
    ARENA_MIN = 4 << 10, /* chunks double up to the maximum: most histories are tiny */
    ARENA_MAX = 1 << 20,
    TABLE_MIN = 64,
};

struct chunk {
    struct chunk *next;
    size_t used, cap;
    _Alignas(16) unsigned char bytes[];
};

/* Both kinds of entries begin alike, so both tables share their code. */
struct entry {
    uint64_t hash;
    uint32_t state;  /* pair: number of its state */
    uint32_t base;   /* pair: number of leading words that are all ones */
    uint32_t number; /* state: its number; not compared */
    uint32_t len;    /* bytes behind the header */
    _Alignas(8) unsigned char bytes[];
};

struct table {
    struct entry **slots;
    size_t cap, used;
};

struct lin_memo {
    struct chunk *chunks;
    size_t bytes;
    struct table states, pairs;
    struct entry **by_number; /* states by number */
    size_t numbers, numbers_cap;
    uint64_t *set;      /* bit per operation */
    size_t first, last; /* words below first are all ones, words above last are zero */
    uint64_t set_hash;
};

void *lin_alloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p) {
        fprintf(stderr, "linearizability harness: out of memory\n");
        abort();
    }
    return p;
}

void *lin_realloc(void *old, size_t n, size_t size)
{
    void *p = reallocarray(old, n, size);
    if (!p) {
        fprintf(stderr, "linearizability harness: out of memory\n");
        abort();
    }
    return p;
}

void lin_state_resize(struct lin_state *state, size_t len)
{
    if (len > state->cap || !state->bytes) {
        state->cap = len * 2 < 64 ? 64 : len * 2;
        state->bytes = lin_realloc(state->bytes, state->cap, 1);
    }
    if (len > state->len)
        memset(state->bytes + state->len, 0, len - state->len);
    state->len = len;
}

/* One round of SplitMix64's finaliser: a good 64-bit mixer. */
static uint64_t mix(uint64_t x)
{
    struct rng r = {x};
    return rng_next(&r);
}

static uint64_t hash_bytes(const unsigned char *bytes, size_t len)
{
    uint64_t h = mix(len);
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, len - i < 8 ? len - i : 8);
        h = mix(h ^ word);
    }
    return h;
}

static void *arena_alloc(struct lin_memo *m, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (!m->chunks || m->chunks->cap - m->chunks->used < size) {
        size_t cap = m->chunks ? 2 * m->chunks->cap : ARENA_MIN;
        cap = cap > ARENA_MAX ? ARENA_MAX : cap;
        cap = cap < size ? size : cap;
        struct chunk *c = lin_realloc(NULL, sizeof(*c) + cap, 1);
        *c = (struct chunk){.next = m->chunks, .cap = cap};
        m->chunks = c;
    }
    void *p = m->chunks->bytes + m->chunks->used;
    m->chunks->used += size;
    m->bytes += size;
    return p;
}

static bool entry_equal(const struct entry *a, const struct entry *b, const unsigned char *b_bytes)
{
    return a->hash == b->hash && a->state == b->state && a->base == b->base && a->len == b->len &&
           memcmp(a->bytes, b_bytes, a->len) == 0;
}

static struct entry **table_slot(const struct table *t, uint64_t hash)
{
    return &t->slots[hash & (t->cap - 1)];
}

static struct entry **table_next(const struct table *t, struct entry **slot)
{
    return ++slot == t->slots + t->cap ? t->slots : slot;
}

static void table_grow(struct lin_memo *m, struct table *t)
{
    struct table bigger = {.cap = t->cap ? 2 * t->cap : TABLE_MIN, .used = t->used};
    bigger.slots = lin_alloc(bigger.cap, sizeof(bigger.slots[0]));
    for (size_t i = 0; i < t->cap; i++) {
        if (!t->slots[i])
            continue;
        struct entry **slot = table_slot(&bigger, t->slots[i]->hash);
        while (*slot)
            slot = table_next(&bigger, slot);
        *slot = t->slots[i];
    }
    m->bytes += (bigger.cap - t->cap) * sizeof(t->slots[0]);
    free(t->slots);
    *t = bigger;
}

/* The slot with an entry like key, or the empty slot where it belongs. */
static struct entry **table_find(struct lin_memo *m, struct table *t, const struct entry *key,
                                 const unsigned char *bytes)
{
    if (4 * t->used >= 3 * t->cap)
        table_grow(m, t);
    struct entry **slot = table_slot(t, key->hash);
    while (*slot && !entry_equal(*slot, key, bytes))
        slot = table_next(t, slot);
    return slot;
}

static struct entry *entry_store(struct lin_memo *m, const struct entry *key,
                                 const unsigned char *bytes)
{
    struct entry *e = arena_alloc(m, sizeof(*e) + key->len);
    *e = *key;
    memcpy(e->bytes, bytes, key->len);
    return e;
}

struct lin_memo *lin_memo_create(size_t n)
{
    struct lin_memo *m = lin_alloc(1, sizeof(*m));
    m->set = lin_alloc(n / 64 + 1, sizeof(m->set[0]));
    return m;
}

void lin_memo_destroy(struct lin_memo *m)
{
    while (m->chunks) {
        struct chunk *next = m->chunks->next;
        free(m->chunks);
        m->chunks = next;
    }
    free(m->states.slots);
    free(m->pairs.slots);
    free(m->by_number);
    free(m->set);
    free(m);
}

uint32_t lin_memo_intern(struct lin_memo *m, const struct lin_state *state)
{
    struct entry key = {
        .hash = hash_bytes(state->bytes, state->len),
        .number = (uint32_t)m->numbers,
        .len = (uint32_t)state->len,
    };
    struct entry **slot = table_find(m, &m->states, &key, state->bytes);
    if (*slot)
        return (*slot)->number;

    *slot = entry_store(m, &key, state->bytes);
    m->states.used++;
    if (m->numbers == m->numbers_cap) {
        m->numbers_cap = m->numbers_cap ? 2 * m->numbers_cap : TABLE_MIN;
        m->by_number = lin_realloc(m->by_number, m->numbers_cap, sizeof(m->by_number[0]));
    }
    m->by_number[m->numbers++] = *slot;
    m->bytes += sizeof(m->by_number[0]);
    return key.number;
}

void lin_memo_load(const struct lin_memo *m, uint32_t number, struct lin_state *state)
{
    const struct entry *e = m->by_number[number];
    lin_state_resize(state, e->len);
    memcpy(state->bytes, e->bytes, e->len);
}

void lin_memo_add(struct lin_memo *m, size_t i)
{
    m->set[i / 64] |= (uint64_t)1 << (i % 64);
    m->set_hash ^= mix(i);
    if (i / 64 > m->last)
        m->last = i / 64;
    while (m->first < m->last && m->set[m->first] == UINT64_MAX)
        m->first++;
}

void lin_memo_remove(struct lin_memo *m, size_t i)
{
    m->set[i / 64] &= ~((uint64_t)1 << (i % 64));
    m->set_hash ^= mix(i);
    if (i / 64 < m->first)
        m->first = i / 64;
    while (m->last > 0 && m->set[m->last] == 0)
        m->last--;
    if (m->first > m->last)
        m->first = m->last; /* one representation per set, or known pairs would look new */
}

bool lin_memo_visit(struct lin_memo *m, uint32_t state)
{
    struct entry key = {
        .hash = mix(m->set_hash ^ mix(state)),
        .state = state,
        .base = (uint32_t)m->first,
        .len = (uint32_t)((m->last - m->first + 1) * sizeof(m->set[0])),
    };
    const unsigned char *bytes = (const unsigned char *)(m->set + m->first);
    struct entry **slot = table_find(m, &m->pairs, &key, bytes);
    if (*slot)
        return false;
    *slot = entry_store(m, &key, bytes);
    m->pairs.used++;
    return true;
}

size_t lin_memo_bytes(const struct lin_memo *m)
{
    return m->bytes;
}
