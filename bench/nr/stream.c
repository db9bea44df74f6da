// SPDX-License-Identifier: BSD-2-Clause
#include "stream.h"

#include <math.h>
#include <stdlib.h>

struct stream stream_make(uint64_t seed, unsigned thread, uint64_t keys, bool scatter,
                          unsigned writes, const struct zipf *zipf)
{
    /* One round of splitmix64, so that neighbouring seeds and threads have unrelated streams. */
    uint64_t x = seed + (thread + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return (struct stream){
        .state = x ? x : 1,
        .stamp = (thread + UINT64_C(1)) << 48,
        .keys = keys,
        .scatter = scatter,
        .writes_below = writes * 65536 / 100,
        .zipf = zipf,
    };
}

struct zipf *zipf_create(uint64_t keys, double theta)
{
    struct zipf *zipf = malloc(sizeof(*zipf));
    if (!zipf)
        return NULL;
    double total = 0;
    for (uint64_t key = 0; key < keys; key++)
        total += pow((double)key + 1, -theta);
    double below = 0; /* probability of the keys before `key` */
    uint32_t i = 0;
    for (uint64_t key = 0; key < keys; key++) {
        below += pow((double)key + 1, -theta) / total;
        while (i <= ZIPF_QUANTILES && i < below * ZIPF_QUANTILES)
            zipf->quantile[i++] = (uint32_t)key;
    }
    while (i <= ZIPF_QUANTILES)
        zipf->quantile[i++] = (uint32_t)keys - 1;
    return zipf;
}
