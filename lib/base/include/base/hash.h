// SPDX-License-Identifier: BSD-2-Clause
#pragma once
/*
 * Hash functions: deterministic functions of their arguments, equal on every replica, run and
 * processor (bytes are read as little-endian words; we support no other order). They are not
 * cryptographic: where a stranger chooses the keys, choose the seed at boot by chance and hand the
 * same one to every replica.
 */
#include <base/string.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "hash_bytes reads little-endian words");

/* Mixes 64 bits: a bijection in which each input bit flips each output bit with probability about a
 * half. Constants: Stafford's variant 13 of the finaliser of MurmurHash3. */
static inline uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return x;
}

/* The two halves of the 128-bit product, xored: one multiplication that mixes all bits of a and b.
 */
static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Adds a word to a running hash; the order of the words matters. */
static inline uint64_t hash_combine(uint64_t hash, uint64_t word)
{
    return hash_fold(hash ^ UINT64_C(0x9e3779b97f4a7c15), word ^ UINT64_C(0xd6e8feb86659fd93));
}

/*
 * The multiplier for hash tables of 2^bits slots (0 < bits < 64) that use the top bits of key *
 * multiplier.
 *
 * Each size has its own: with one multiplier, copying a table into a smaller one in the order of
 * its slots would put long runs of entries on the same few slots. The salt was chosen by search so
 * that progressions of keys with steps 1, 8, 16, 64, 4096 and 2^21 need fewer probes than random
 * keys at 3/4 load would, for all bits up to 20: 2.4 for a hit at worst.
 */
static inline uint64_t hash_multiplier(unsigned bits)
{
    return hash_u64((UINT64_C(222115) << 8) + bits) | 1;
}

/* Hashes n bytes at `data` (NULL allowed if n is 0) under `seed`. */
uint64_t hash_bytes(const void *data, size_t n, uint64_t seed);
