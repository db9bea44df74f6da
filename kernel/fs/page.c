// SPDX-License-Identifier: BSD-2-Clause
//
// Pages of files: frames, which exist once, on the node of the core that wrote to them first.
//
// Readers take no lock of the file, so a page may be read while it is written to, and both see some
// mixture of old and new bytes, as on other systems. So that this is defined in C, the copying is
// by relaxed atomic accesses: of words where addresses allow, of bytes at the ends.

#include "fs_impl.h"

#include <kernel/arch.h>
#include <kernel/panic.h>

uint64_t fs_page_new(struct fs *fs)
{
    paddr_t frame;
    node_id_t node = frames_core_node(fs->config.frames, arch_core_id());
    if (frames_alloc(fs->config.frames, node, FRAME_SMALL, FRAME_ANY_NODE, &frame) == KERR_OK)
        return frame.raw;
    atomic_fetch_add_explicit(&fs->refused, 1, memory_order_relaxed);
    return 0;
}

void fs_page_free(struct fs *fs, uint64_t frame)
{
    kerr_t err = frames_free(fs->config.frames, paddr(frame), FRAME_SMALL);
    if (err)
        panic("fs: page %#llx: %s", (unsigned long long)frame, kerr_text(err));
}

static char *page_at(uint64_t frame, size_t at)
{
    return (char *)arch_phys_to_virt(paddr(frame)) + at;
}

static bool is_word(const char *page, size_t n)
{
    return n >= sizeof(uint64_t) && is_aligned((uintptr_t)page, sizeof(uint64_t));
}

void fs_page_store(uint64_t frame, size_t at, const void *from, size_t n)
{
    char *to = page_at(frame, at);
    const char *source = from;
    while (n > 0) {
        uint64_t word;
        size_t step = 1;
        if (is_word(to, n)) {
            step = sizeof(word);
            memcpy(&word, source, sizeof(word));
            atomic_store_explicit((_Atomic uint64_t *)(void *)to, word, memory_order_relaxed);
        } else {
            atomic_store_explicit((_Atomic char *)to, *source, memory_order_relaxed);
        }
        to += step;
        source += step;
        n -= step;
    }
}

void fs_page_load(uint64_t frame, size_t at, void *to, size_t n)
{
    char *from = page_at(frame, at);
    char *target = to;
    while (n > 0) {
        uint64_t word;
        size_t step = 1;
        if (is_word(from, n)) {
            step = sizeof(word);
            word = atomic_load_explicit((_Atomic uint64_t *)(void *)from, memory_order_relaxed);
            memcpy(target, &word, sizeof(word));
        } else {
            *target = atomic_load_explicit((_Atomic char *)from, memory_order_relaxed);
        }
        from += step;
        target += step;
        n -= step;
    }
}

void fs_page_clear(uint64_t frame, size_t at, size_t n)
{
    static const char zeros[256];
    while (n > 0) {
        size_t step = min(n, sizeof(zeros));
        fs_page_store(frame, at, zeros, step);
        at += step;
        n -= step;
    }
}
