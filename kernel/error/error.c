// SPDX-License-Identifier: BSD-2-Clause

#include <base/bits.h>
#include <kernel/error.h>

#define LINUX_EIO 5

struct error_entry {
    const char *name;
    const char *text;
    kerr_t err;
    int linux_errno;
};

static const struct error_entry entries[] = {
    {"OK", "success", 0, 0},
#define KERR(name, number, text, linux_errno) {#name, text, KERR_##name, linux_errno},
#include <kernel/errors.def>
#undef KERR
};

static const struct error_entry *find(kerr_t err)
{
    for (size_t i = 0; i < array_count(entries); i++) {
        if (entries[i].err == err)
            return &entries[i];
    }
    return NULL;
}

const char *kerr_name(kerr_t err)
{
    const struct error_entry *entry = find(err);
    return entry ? entry->name : "UNKNOWN";
}

const char *kerr_text(kerr_t err)
{
    const struct error_entry *entry = find(err);
    return entry ? entry->text : "unknown error";
}

int kerr_to_linux(kerr_t err)
{
    const struct error_entry *entry = find(err);
    return entry ? entry->linux_errno : LINUX_EIO;
}
