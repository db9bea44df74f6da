// SPDX-License-Identifier: BSD-2-Clause
#pragma once

/* What putting a value under a key did to a map. */
enum put_result {
    PUT_NO_MEMORY = -1, /* nothing: the map is unchanged */
    PUT_ADDED = 0,      /* the key is new */
    PUT_REPLACED = 1,   /* the key was there; the old value is gone */
};
