// SPDX-License-Identifier: BSD-2-Clause
//
// Feature detection. nrk needs: long mode, NX, SSE2, FXSR, a local APIC, SYSCALL, MSRs, TSC. That
// is every x86-64 processor since 2004; QEMU's qemu64 is such a one.

#include "cpu.h"

#include "arch.h"
#include "asm.h"

#include <base/bits.h>
#include <base/string.h>
#include <kernel/arch.h>
#include <kernel/log.h>

#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)

#define CR4_DE         (1u << 3)
#define CR4_PAE        (1u << 5)
#define CR4_MCE        (1u << 6)
#define CR4_PGE        (1u << 7)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP       (1u << 11)
#define CR4_FSGSBASE   (1u << 16)
#define CR4_OSXSAVE    (1u << 18)
#define CR4_SMEP       (1u << 20)
#define CR4_SMAP       (1u << 21)
#define CR4_PKE        (1u << 22)

/* State components of XSAVE, as bits of XCR0. */
#define XSTATE_X87    UINT64_C(0x001)
#define XSTATE_SSE    UINT64_C(0x002)
#define XSTATE_AVX    UINT64_C(0x004)
#define XSTATE_AVX512 UINT64_C(0x0e0) /* all three or none */
#define XSTATE_PKRU   UINT64_C(0x200)

#define MSR_EFER 0xc0000080
#define EFER_NXE (1u << 11)

/* A register of a CPUID leaf and a bit in it. */
#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

struct cpuid_bit {
    uint32_t leaf;
    unsigned reg, bit;
    const char *name;
    bool *found; /* NULL: required */
};

struct cpu_features cpu;

static const struct cpuid_bit bits[] = {
    {1, EDX, 4, "TSC", NULL},
    {1, EDX, 5, "MSR", NULL},
    {1, EDX, 9, "APIC", NULL},
    {1, EDX, 24, "FXSR", NULL},
    {1, EDX, 26, "SSE2", NULL},
    {0x80000001, EDX, 11, "SYSCALL", NULL},
    {0x80000001, EDX, 20, "NX", NULL},
    {1, ECX, 31, "hypervisor", &cpu.hypervisor},
    {1, ECX, 3, "monitor", &cpu.monitor},
    {1, ECX, 21, "x2apic", &cpu.x2apic},
    {1, ECX, 24, "tsc-deadline", &cpu.tsc_deadline},
    {1, ECX, 26, "xsave", &cpu.xsave},
    {1, ECX, 30, "rdrand", &cpu.rdrand},
    {1, EDX, 7, "mce", &cpu.mce},
    {1, EDX, 13, "pge", &cpu.pge},
    {6, EAX, 2, "arat", &cpu.arat},
    {7, EBX, 0, "fsgsbase", &cpu.fsgsbase},
    {7, EBX, 7, "smep", &cpu.smep},
    {7, EBX, 20, "smap", &cpu.smap},
    {7, ECX, 2, "umip", &cpu.umip},
    {7, ECX, 3, "pku", &cpu.pku},
    {0x80000001, EDX, 26, "1gib-pages", &cpu.gib_pages},
    {0x80000001, EDX, 27, "rdtscp", &cpu.rdtscp},
    {0x80000007, EDX, 8, "invariant-tsc", &cpu.invariant_tsc},
};

static bool has(const struct cpuid_bit *b)
{
    struct cpuid r = cpuid(b->leaf, 0);
    const uint32_t regs[] = {r.eax, r.ebx, r.ecx, r.edx};
    return regs[b->reg] >> b->bit & 1;
}

static void read_names(void)
{
    struct cpuid r = cpuid(0, 0);
    memcpy(cpu.vendor, &r.ebx, 4);
    memcpy(cpu.vendor + 4, &r.edx, 4);
    memcpy(cpu.vendor + 8, &r.ecx, 4);
    for (uint32_t i = 0; i < 3; i++) {
        r = cpuid(0x80000002 + i, 0);
        memcpy(cpu.model + i * 16, &r, 16);
    }
}

static uint64_t supported_xstate(void)
{
    struct cpuid r = cpuid(0xd, 0);
    return r.eax | (uint64_t)r.edx << 32;
}

/* The vector registers that programs may use. Protection keys are a program's too, so they are on
 * only where they can be saved with the rest. */
static void choose_xstate(void)
{
    uint64_t supported = cpu.xsave ? supported_xstate() : 0;
    cpu.pku = cpu.pku && supported & XSTATE_PKRU;
    cpu.xstate = supported & (XSTATE_X87 | XSTATE_SSE | XSTATE_AVX);
    if (supported & XSTATE_AVX && (supported & XSTATE_AVX512) == XSTATE_AVX512)
        cpu.xstate |= XSTATE_AVX512;
    cpu.xstate |= cpu.pku ? XSTATE_PKRU : 0;
}

void cpu_detect(void)
{
    bool missing = false;
    for (size_t i = 0; i < array_count(bits); i++) {
        bool found = has(&bits[i]);
        if (bits[i].found) {
            *bits[i].found = found;
        } else if (!found) {
            log_raw("nrk cannot run on this processor: it has no %s\n", bits[i].name);
            missing = true;
        }
    }
    if (missing)
        arch_exit(EXIT_EXCEPTION_DURING_INIT);

    choose_xstate();
    read_names();
    unsigned width = cpuid(0x80000008, 0).eax & 0xff;
    cpu.physical_bits = width ? width : 36;
}

bool cpu_has_boot_features(void)
{
    for (size_t i = 0; i < array_count(bits); i++) {
        bool needed = !bits[i].found || *bits[i].found;
        if (needed && !has(&bits[i]))
            return false;
    }
    return (supported_xstate() & cpu.xstate) == cpu.xstate;
}

void cpu_setup(void)
{
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    write_cr0((read_cr0() & ~(uint64_t)(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP);
    uint64_t cr4 = CR4_PAE | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    cr4 |= cpu.mce ? CR4_MCE : 0;
    cr4 |= cpu.pge ? CR4_PGE : 0;
    cr4 |= cpu.umip ? CR4_UMIP : 0;
    cr4 |= cpu.fsgsbase ? CR4_FSGSBASE : 0;
    cr4 |= cpu.xsave ? CR4_OSXSAVE : 0;
    cr4 |= cpu.smep ? CR4_SMEP : 0;
    cr4 |= cpu.smap ? CR4_SMAP : 0;
    cr4 |= cpu.pku ? CR4_PKE : 0;
    write_cr4(cr4);
    if (cpu.xsave)
        write_xcr0(cpu.xstate);
}

uint64_t cpu_random(void)
{
    /* RDRAND fails when the hardware runs dry; ten tries are what its makers recommend. */
    for (unsigned i = 0; cpu.rdrand && i < 10; i++) {
        uint64_t value;
        bool ok;
        __asm__ volatile("rdrand %0" : "=r"(value), "=@ccc"(ok));
        if (ok)
            return value;
    }
    uint64_t tsc = rdtsc();
    return (tsc ^ tsc << 32) * 0x9e3779b97f4a7c15;
}
