// SPDX-License-Identifier: BSD-2-Clause
//
// Instructions that C has no words for.
#pragma once

#include <stdint.h>

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

#define DEFINE_CONTROL_REGISTER(cr)                                    \
    static inline uint64_t read_##cr(void)                             \
    {                                                                  \
        uint64_t value;                                                \
        __asm__ volatile("movq %%" #cr ", %0" : "=r"(value));          \
        return value;                                                  \
    }                                                                  \
    static inline void write_##cr(uint64_t value)                      \
    {                                                                  \
        __asm__ volatile("movq %0, %%" #cr : : "r"(value) : "memory"); \
    }
DEFINE_CONTROL_REGISTER(cr0)
DEFINE_CONTROL_REGISTER(cr2)
DEFINE_CONTROL_REGISTER(cr3)
DEFINE_CONTROL_REGISTER(cr4)
#undef DEFINE_CONTROL_REGISTER

/* mul_div - a * b / c, exact in between; UINT64_MAX if that has more than 64 bits. c != 0. */
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    uint64_t low = (uint64_t)product, high = (uint64_t)(product >> 64), quotient;
    if (high >= c)
        return UINT64_MAX;
    __asm__("divq %3" : "=a"(quotient), "+d"(high) : "a"(low), "r"(c) : "cc");
    return quotient;
}

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

/* cpuid - zeroes for a leaf beyond the highest of its range. */
static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r, max;
    __asm__ volatile("cpuid"
                     : "=a"(max.eax), "=b"(max.ebx), "=c"(max.ecx), "=d"(max.edx)
                     : "a"(leaf & 0xf0000000), "c"(0));
    if (leaf > max.eax)
        return (struct cpuid){0};
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline void write_xcr0(uint64_t value)
{
    __asm__ volatile("xsetbv" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(0));
}

static inline void invlpg(const volatile void *va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}
