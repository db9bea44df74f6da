// SPDX-License-Identifier: BSD-2-Clause
/* Theory: accord.h. */
#include "accord.h"

#include "../impl.h"

/* Retired blocks are looked through once for so many, or so many bytes: each look touches a line of
 * every replica, and that should be little beside the operations, or the copying, in between. */
#define UNSEEN_MAX       32
#define UNSEEN_BYTES_MAX ((size_t)256 * 1024)

/* A block that waits for a party, while it waits. */
struct waiting {
    struct waiting *next;
    uint64_t request;
    size_t size;
};

/* ---- Requests -----------------------------------------------------------------------------------
 */

/* What is really asked for: room for the links. */
static size_t whole_size(size_t size)
{
    return size < sizeof(struct waiting) ? sizeof(struct waiting) : size;
}

static size_t whole_align(size_t align)
{
    return align < _Alignof(struct waiting) ? _Alignof(struct waiting) : align;
}

static void *take_from(const struct party *party, size_t size, size_t align)
{
    struct nr_allocator *from = party->accord->from;
    return from->alloc(from, whole_size(size), whole_align(align), party->node);
}

static void give_back(const struct accord *accord, void *ptr, size_t size)
{
    accord->from->free(accord->from, ptr, whole_size(size));
}

static void party_queue(struct party *party, struct waiting *block)
{
    block->next = NULL;
    if (party->first)
        party->last->next = block;
    else
        party->first = block;
    party->last = block;
}

static void party_free_queue(struct party *party)
{
    while (party->first) {
        struct waiting *block = party->first;
        party->first = block->next;
        give_back(party->accord, block, block->size);
    }
}

/* Allocates for every party but `first` and queues the blocks; false, and nothing done, if one is
 * refused. */
static bool decide_for_others(struct accord *accord, const struct party *first, size_t size,
                              size_t align)
{
    struct waiting *blocks = NULL, **end = &blocks, *block;
    for (const struct party *party = accord->parties; party; party = party->next) {
        if (party == first)
            continue;
        block = take_from(party, size, align);
        if (!block)
            goto out_free;
        *block = (struct waiting){.request = first->requests, .size = size};
        *end = block;
        end = &block->next;
    }
    for (struct party *party = accord->parties; party; party = party->next) {
        if (party == first)
            continue;
        block = blocks;
        blocks = block->next;
        party_queue(party, block);
    }
    return true;

out_free:
    while ((block = blocks)) {
        blocks = block->next;
        give_back(accord, block, size);
    }
    return false;
}

static void *decide(struct party *party, size_t size, size_t align)
{
    struct accord *accord = party->accord;
    void *ptr = take_from(party, size, align);
    if (ptr && !decide_for_others(accord, party, size, align)) {
        give_back(accord, ptr, size);
        ptr = NULL;
    }
    accord->decided++;
    return ptr;
}

/* The block that waits for the party's present request; NULL if the request was refused. */
static void *take_waiting(struct party *party, size_t size)
{
    struct waiting *block = party->first;
    if (!block || block->request != party->requests)
        return NULL;
    if (block->size != size)
        nr_port_fatal("nr: replicas of a ready-made structure diverged");
    party->first = block->next;
    return block;
}

static void *party_alloc(struct allocator *self, size_t size, size_t align)
{
    struct party *party = container_of(self, struct party, base);
    struct accord *accord = party->accord;
    if (party->direct)
        return take_from(party, size, align);
    nr_lock(&accord->lock);
    void *ptr =
        party->requests == accord->decided ? decide(party, size, align) : take_waiting(party, size);
    party->requests++;
    nr_unlock(&accord->lock);
    return ptr;
}

static void party_free(struct allocator *self, void *ptr, size_t size)
{
    give_back(container_of(self, struct party, base)->accord, ptr, size);
}

/* ---- Coming and going ---------------------------------------------------------------------------
 */

void accord_init(struct accord *accord, struct nr_allocator *from)
{
    *accord = (struct accord){.from = from};
}

/* lock held */
static void add(struct accord *accord, struct party *party)
{
    /* Asks the port where the replica is being made: libnr has told it. */
    int node = nr_port_affinity(NR_ANY_NODE);
    (void)nr_port_affinity(node);
    *party = (struct party){
        .base = {party_alloc, party_free},
        .accord = accord,
        .node = node,
        .direct = true,
        .next = accord->parties,
    };
    accord->parties = party;
}

void accord_join(struct accord *accord, struct party *party)
{
    nr_lock(&accord->lock);
    add(accord, party);
    nr_unlock(&accord->lock);
}

bool accord_join_as(struct party *party, const struct party *source)
{
    struct accord *accord = source->accord;
    bool ok = true;
    nr_lock(&accord->lock);
    add(accord, party);
    party->requests = source->requests;
    nr_store(&party->retired, nr_load(&source->retired, relaxed), relaxed);
    for (const struct waiting *block = source->first; block && ok; block = block->next) {
        /* The alignment asked for is not known any more; a line is enough for every structure here.
         */
        struct waiting *copy = take_from(party, block->size, NR_APART);
        ok = copy != NULL;
        if (copy) {
            *copy = *block;
            party_queue(party, copy);
        }
    }
    nr_unlock(&accord->lock);
    if (!ok)
        (void)accord_leave(party);
    return ok;
}

void accord_begin(struct party *party)
{
    party->direct = false;
}

static void free_retired(struct accord *accord, uint64_t upto)
{
    while (accord->freed < upto) {
        struct retirable *block = accord->first;
        accord->first = block->next;
        accord->freed++;
        accord_release(accord->from, block);
    }
}

bool accord_leave(struct party *party)
{
    struct accord *accord = party->accord;
    nr_lock(&accord->lock);
    struct party **at = &accord->parties;
    while (*at != party)
        at = &(*at)->next;
    *at = party->next;
    party_free_queue(party);
    bool last = !accord->parties;
    if (last)
        free_retired(accord, nr_load(&accord->retired, relaxed));
    nr_unlock(&accord->lock);
    party->direct = true;
    return last;
}

/* ---- Retiring -----------------------------------------------------------------------------------
 */

void accord_release(struct nr_allocator *from, struct retirable *block)
{
    /* acq_rel: the other holder's reads come before the memory is used again */
    if (atomic_fetch_sub_explicit(&block->holders, 1, memory_order_acq_rel) == 1)
        from->free(from, block, block->size);
}

/* lock held: frees what no replica has any more. */
static void look_through(struct accord *accord)
{
    uint64_t least = nr_load(&accord->retired, relaxed);
    for (const struct party *party = accord->parties; party; party = party->next) {
        /* acquire: what the replica read from its blocks comes before we free them */
        uint64_t count = nr_load(&party->retired, acquire);
        least = count < least ? count : least;
    }
    free_retired(accord, least);
    accord->unseen = 0;
    accord->unseen_bytes = 0;
}

/* lock held */
static void append(struct accord *accord, struct retirable *block)
{
    uint64_t retired = nr_load(&accord->retired, relaxed);
    block->next = NULL;
    if (accord->freed == retired)
        accord->first = block;
    else
        accord->last->next = block;
    accord->last = block;
    accord->unseen++;
    accord->unseen_bytes += block->size;
    nr_store(&accord->retired, retired + 1, release);
}

void accord_retire(struct party *party, struct retirable *block, bool held)
{
    struct accord *accord = party->accord;
    uint64_t number = nr_load(&party->retired, relaxed);
    /* acquire: with the append, the first replica's count of holders */
    if (number != nr_load(&accord->retired, acquire)) {
        nr_store(&party->retired, number + 1, release);
        return;
    }
    nr_lock(&accord->lock);
    nr_store(&party->retired, number + 1, release);
    if (number == nr_load(&accord->retired, relaxed)) {
        if (held)
            nr_store(&block->holders, 2, relaxed);
        append(accord, block);
        if (!accord->parties->next || accord->unseen >= UNSEEN_MAX ||
            accord->unseen_bytes >= UNSEEN_BYTES_MAX)
            look_through(accord);
    }
    nr_unlock(&accord->lock);
}
