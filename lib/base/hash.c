// SPDX-License-Identifier: BSD-2-Clause
#include <base/hash.h>

static uint64_t load_u64(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/*
 * Sixteen bytes per multiplication. A factor of zero would erase all that was hashed before, so
 * both factors depend on the seed: without it no such input can be written down. The length goes in
 * first and the last two words may overlap earlier ones, so no padding is needed.
 */
uint64_t hash_bytes(const void *data, size_t n, uint64_t seed)
{
    const unsigned char *p = data;
    const uint64_t key = hash_u64(seed ^ UINT64_C(0x9e3779b97f4a7c15));
    uint64_t hash = hash_u64(seed + n);
    uint64_t a = 0, b = 0;

    if (n > 16) {
        size_t left = n;
        for (; left > 16; left -= 16, p += 16)
            hash = hash_fold(load_u64(p) ^ key, load_u64(p + 8) ^ hash);
        a = load_u64(p + left - 16);
        b = load_u64(p + left - 8);
    } else if (n >= 8) {
        a = load_u64(p);
        b = load_u64(p + n - 8);
    } else {
        for (size_t i = 0; i < n; i++)
            a = a << 8 | p[i];
    }
    return hash_u64(hash_fold(a ^ key, b ^ hash));
}
