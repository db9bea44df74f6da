// SPDX-License-Identifier: BSD-2-Clause
//
// Which messages are wanted. A source caches its level; it comes into the list of all sources when
// it first logs, so that log_configure() can change it.

#include "log_impl.h"

#include <base/bits.h>
#include <base/string.h>

/* Subsystems with levels of their own: more than there are. */
#define MAX_RULES 32
#define MAX_NAME  24

struct rule {
    char name[MAX_NAME];
    uint8_t level;
};

/* [global] Written by log_configure(), which is called at boot by one core. */
static struct rule rules[MAX_RULES];
static _Atomic unsigned n_rules;
static _Atomic uint8_t default_level = LOG_INFO;
static _Atomic(struct log_source *) sources; /* all that have logged */

static const char *const level_names[] = {"off", "error", "warn", "info", "debug", "trace"};

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

/* Is `name` the first `len` characters of text? */
static bool equals(const char *text, size_t len, const char *name)
{
    size_t i = 0;
    while (i < len && name[i] && name[i] == text[i])
        i++;
    return i == len && !name[i];
}

static uint8_t level_for(const char *name)
{
    size_t len = 0;
    while (name[len])
        len++;
    /* acquire: pairs with the release when rules are added. */
    unsigned n = atomic_load_explicit(&n_rules, memory_order_acquire);
    for (unsigned i = 0; i < n; i++) {
        if (equals(name, len, rules[i].name))
            return rules[i].level;
    }
    return atomic_load_explicit(&default_level, memory_order_relaxed);
}

uint8_t log_source_level(struct log_source *source)
{
    /* acq_rel: of those who see it unknown at a time, one links it. */
    if (!atomic_load_explicit(&source->known, memory_order_relaxed) &&
        !atomic_exchange_explicit(&source->known, true, memory_order_acq_rel)) {
        atomic_store_explicit(&source->level, level_for(source->name), memory_order_relaxed);
        source->next = atomic_load_explicit(&sources, memory_order_relaxed);
        /* release: the link. */
        while (!atomic_compare_exchange_weak_explicit(&sources, &source->next, source,
                                                      memory_order_release, memory_order_relaxed))
            ;
    }
    return atomic_load_explicit(&source->level, memory_order_relaxed);
}

/* The level of a name; false: there is none. */
static bool parse_level(const char *text, size_t len, uint8_t *level)
{
    for (unsigned i = 0; i < array_count(level_names); i++) {
        if (equals(text, len, level_names[i])) {
            *level = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static kerr_t add_rule(const char *name, size_t len, uint8_t level)
{
    unsigned n = atomic_load_explicit(&n_rules, memory_order_relaxed);
    if (len == 0)
        return KERR_INVALID;
    if (len >= MAX_NAME)
        return KERR_TOO_LONG;
    unsigned i = 0;
    while (i < n && !equals(name, len, rules[i].name))
        i++;
    if (i == MAX_RULES)
        return KERR_NO_SPACE;
    memcpy(rules[i].name, name, len);
    rules[i].name[len] = '\0';
    rules[i].level = level;
    /* release: the rule before its number. */
    atomic_store_explicit(&n_rules, max(n, i + 1), memory_order_release);
    return KERR_OK;
}

/* One part between commas: LEVEL or NAME=LEVEL. */
static kerr_t configure_part(const char *text, size_t len)
{
    size_t name_len = 0;
    while (name_len < len && text[name_len] != '=')
        name_len++;
    uint8_t level;
    if (name_len < len) {
        const char *value = text + name_len + 1;
        bool valid = parse_level(value, len - name_len - 1, &level);
        return valid ? add_rule(text, name_len, level) : KERR_INVALID;
    }
    if (!parse_level(text, len, &level))
        return KERR_INVALID;
    atomic_store_explicit(&default_level, level, memory_order_relaxed);
    return KERR_OK;
}

kerr_t log_configure(const char *text, size_t *position)
{
    kerr_t first_err = KERR_OK;
    atomic_store_explicit(&n_rules, 0, memory_order_release);
    atomic_store_explicit(&default_level, LOG_INFO, memory_order_relaxed);
    for (size_t at = 0;; at++) {
        size_t start = at;
        while (text[at] && text[at] != ',')
            at++;
        kerr_t err = at > start ? configure_part(text + start, at - start) : KERR_OK;
        if (err && !first_err) {
            first_err = err;
            *position = start;
        }
        if (!text[at])
            break;
    }
    /* acquire: the links. */
    struct log_source *source = atomic_load_explicit(&sources, memory_order_acquire);
    for (; source; source = source->next)
        atomic_store_explicit(&source->level, level_for(source->name), memory_order_relaxed);
    return first_err;
}
