#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_freestanding.sh SOURCE WORK
# Compiles libnr without its Linux port and without a C library, and fails if that
# wants anything but the port and the four memory functions.
set -eu
source=$1
work=$2
rm -rf "$work"
mkdir -p "$work"

compilers=0
failed=0

# check NAME COMPILER FLAG...
check() {
    name=$1
    compiler=$2
    shift 2
    if ! command -v "$compiler" >/dev/null; then
        echo "$name: no $compiler here, not checked"
        return
    fi
    compilers=$((compilers + 1))
    mkdir -p "$work/$name"
    for file in "$source"/lib/nr/*.c "$source"/lib/nr/structs/*.c "$source"/lib/base/*.c; do
        case $file in
        */port_linux.c | */lib/base/memory.c | *'*'*) continue ;;
        esac
        "$compiler" "$@" -std=gnu11 -O2 -ffreestanding -nostdlib -mgeneral-regs-only -fno-pic \
            -Wall -Wextra -Werror -I"$source/lib/nr/include" -I"$source/lib/base/include" \
            -c "$file" -o "$work/$name/$(basename "$file" .c).o"
    done
    # Undefined in one object and defined in none: what the embedder has to bring.
    nm "$work/$name"/*.o | awk '$1 == "U" { wanted[$2] } $2 ~ /^[TDBR]$/ { have[$3] }
        END { for (name in wanted) if (!(name in have)) print name }' | sort >"$work/$name/wanted"
    if grep -vxE 'nr_port_[a-z_]+|memcpy|memmove|memset|memcmp' "$work/$name/wanted"; then
        echo "$name: the library calls the functions above, which no port has"
        failed=1
    else
        echo "$name: wants only $(tr '\n' ' ' <"$work/$name/wanted")"
    fi
}

check gcc gcc
check clang clang
# Atomics in line: the helper functions that gcc calls otherwise are in its own run-time library.
check aarch64-gcc aarch64-linux-gnu-gcc -mno-outline-atomics
check aarch64-clang clang --target=aarch64-linux-gnu -mno-outline-atomics

[ "$compilers" -gt 0 ] || { echo "no compiler found"; exit 1; }
exit $failed
