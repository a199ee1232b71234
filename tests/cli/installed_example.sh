#!/usr/bin/env bash
# installed_example.sh BUILD CC: installs into a fresh prefix, moves it, and uses the moved copy
# as a stranger would: the program, pkg-config, a CMake project, the header from C and C++,
# man pages, and a dlopen-able library that exports spur_* only.
set -euo pipefail
build=$(realpath "$1")
cc=$2
root=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d "${TMPDIR:-/tmp}/spur-install-XXXXXX")
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix"
prefix=$work/prefix
lib=$(dirname "$(find "$prefix" -name libspur.so)")
export PKG_CONFIG_PATH=$lib/pkgconfig
model=$root/tests/data/tiny-owlvit
image=$(find "$root/tests/data/photos-tiny" -name '*.png' | sort | sed -n 1p)

# The program finds its library from where it lies.
env -u LD_LIBRARY_PATH "$prefix/bin/spur" --version

# The header alone, pedantic, as C and as C++.
echo '#include <spur.h>' >"$work/header.c"
cp "$work/header.c" "$work/header.cpp"
read -ra flags < <(pkg-config --cflags spur)
"$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror "${flags[@]}" -fsyntax-only "$work/header.c"
if command -v c++ >/dev/null; then
    c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror "${flags[@]}" -fsyntax-only \
        "$work/header.cpp"
fi

# pkg-config.
read -ra libs < <(pkg-config --libs spur)
"$cc" -std=c11 -Wall -Wextra -Werror "${flags[@]}" "$root/examples/score_one.c" "${libs[@]}" \
    -Wl,-rpath,"$lib" -o "$work/score_one"
by_pkgconfig=$("$work/score_one" "$model" "$image" 'a photo of a ball.')
echo "pkg-config: $by_pkgconfig"

# find_package.
mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(example LANGUAGES C)
find_package(Spur 0.1 REQUIRED)
add_executable(score_one ${SOURCE})
target_link_libraries(score_one PRIVATE Spur::spur)
END
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_COMPILER="$cc" -DSOURCE="$root/examples/score_one.c" >/dev/null
cmake --build "$work/project/build" >/dev/null
by_cmake=$("$work/project/build/score_one" "$model" "$image" 'a photo of a ball.')
[ "$by_pkgconfig" = "$by_cmake" ]

# The program says the same.
by_program=$("$prefix/bin/spur" detect "$image" --detector "$model" --threshold 0 --top 1 \
    --query 'a photo of a ball.' --json | sed -E 's/.*"logit":([^,]*),.*/\1/')
[ "${by_pkgconfig%% *}" = "$by_program" ]

# A bad model is an error, not a crash.
if "$work/score_one" "$work" "$image" x 2>"$work/err"; then
    echo "an empty folder was accepted as a model"
    exit 1
fi
grep -q '^score_one: ' "$work/err"

# Nothing but spur_* is exported.
if nm -D --defined-only "$lib/libspur.so" | grep -vE ' (spur_|SPUR_0)'; then
    echo "libspur exports more than spur_*"
    exit 1
fi

# One page and one completion per command.
while read -r command; do
    [ -s "$prefix/share/man/man1/spur-${command// /-}.1" ] || { echo "no page: $command"; exit 1; }
done < <("$prefix/bin/spur" help --list)
[ -s "$prefix/share/man/man1/spur.1" ]
bash -n "$prefix/share/bash-completion/completions/spur"
[ -s "$prefix/share/zsh/site-functions/_spur" ]
[ -s "$prefix/share/fish/vendor_completions.d/spur.fish" ]
echo "installed copy works"
