#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_install.sh CMAKE BUILD SOURCE WORK
# Installs libnr into WORK and uses it as a stranger would: through pkg-config, with each compiler, shared and
# static; then looks at what the libraries show to the outside.
set -eu
cmake=$1
build=$2
source=$3
work=$4
rm -rf "$work"
mkdir -p "$work"
"$cmake" --install "$build" --prefix "$work/prefix" --component libnr >"$work/install.log"

fail() {
    echo "check_install: $*"
    exit 1
}

pc=$(find "$work/prefix" -name libnr.pc)
[ -n "$pc" ] || fail "no libnr.pc"
# An installed tree can be moved: nothing in it may know where it was.
mv "$work/prefix" "$work/moved"
PKG_CONFIG_LIBDIR=$(dirname "$work/moved${pc#"$work/prefix"}")
export PKG_CONFIG_LIBDIR
command -v pkg-config >/dev/null || fail "pkg-config is missing: install Debian's pkgconf"
libdir=$(pkg-config --variable=libdir libnr)
includedir=$(pkg-config --variable=includedir libnr)
find "$work/moved" -name libnr.3 | grep -q . || fail "no manual page"

# ---- Programs ----
used=0
for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    used=$((used + 1))
    for header in "$includedir"/nr/*.h; do
        header=$(basename "$header")
        [ "$header" != engine.h ] || continue # a part of nr.h
        # shellcheck disable=SC2046 # words for the compiler
        printf "#include <nr/%s>\nextern int something;\n" "$header" |
            "$compiler" -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags libnr) -x c -
    done
    for example in "$source"/examples/*.c; do
        name=$(basename "$example" .c)
        for kind in shared static; do
            flags=
            [ $kind = shared ] || flags=-static
            # shellcheck disable=SC2046 # words for the compiler
            "$compiler" -std=c11 -pedantic -Wall -Wextra -Werror -O2 $flags "$example" \
                $(pkg-config --cflags --libs libnr) -o "$work/$name-$compiler-$kind"
            LD_LIBRARY_PATH=$libdir "$work/$name-$compiler-$kind" >"$work/$name.out" ||
                fail "$name, $compiler, $kind: exit status $?"
        done
        ldd "$work/$name-$compiler-shared" | grep -q 'libnr\.so\.0 ' || fail "$name does not use libnr.so.0"
    done
done
[ "$used" -gt 0 ] || fail "no compiler found"

# ---- Symbols ----
sed -n 's/^NR_API [^(;]*[ *]\(nr_[a-z0-9_]*\)(.*/\1/p' "$includedir"/nr/*.h | sort -u >"$work/declared"
nm -D --defined-only --with-symbol-versions "$libdir/libnr.so.0" | awk '{ print $3 }' | sort >"$work/exported"
grep -E '^NR_[0-9.]+(@@NR_[0-9.]+)?$' "$work/exported" >"$work/versions" || fail "libnr.so defines no version"
grep -vxFf "$work/versions" "$work/exported" >"$work/symbols"
! grep -vE '^nr_[a-z0-9_]+@@NR_[0-9.]+$' "$work/symbols" || fail "the symbols above are foreign or have no version"
sed 's/@@.*//' "$work/symbols" | sort -u | diff "$work/declared" - ||
    fail "the headers (left) and nr.map (right) disagree"
# The members of libnr.a besides the port define nothing else either.
nm -g --defined-only "$libdir/libnr.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | grep -v '^nr_port_' |
    sort | diff "$work/declared" - || fail "the headers (left) and libnr.a (right) disagree"
echo "libnr: $(wc -l <"$work/symbols") symbols, $used compilers"
