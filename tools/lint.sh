#!/usr/bin/env bash
# lint.sh [BASE]: clang-format and cppcheck on the whole tree, the layer rules, and clang-tidy
# on all sources, or with BASE only on those that differ from that commit.
set -euo pipefail
cd "$(dirname "$0")/.."
base=${1:-}

mapfile -t all < <(find src include tests examples bench -name '*.[ch]' 2>/dev/null | sort)
echo "clang-format: ${#all[@]} files"
clang-format --dry-run -Werror "${all[@]}"
echo "layers"
tests/layers.sh

[ -f build/compile_commands.json ] || cmake --preset release >/dev/null
echo "cppcheck"
# cppcheck follows no allocation through an output parameter and knows no cmocka.
cppcheck --quiet --std=c11 --language=c --error-exitcode=1 --inline-suppr -j 2 \
    --enable=warning,performance,portability --suppressions-list=tools/cppcheck.txt \
    -I src -I include -D__GNUC__=12 src

if [ -n "$base" ]; then
    mapfile -t changed < <(git diff --name-only --diff-filter=d "$base" -- 'src/*.[ch]' \
        'tests/*.[ch]' 'include/*.h')
    # A changed header concerns the sources that name it.
    mapfile -t tidy < <(for path in "${changed[@]}"; do
        case $path in
        *.c) echo "$path" ;;
        *) grep -rlF "$(basename "$path")\"" src --include='*.c' || true ;;
        esac
    done | sort -u)
else
    mapfile -t tidy < <(find src tests -name '*.c' | sort)
fi
# Only what the build compiles has its flags known.
mapfile -t tidy < <(for path in "${tidy[@]}"; do
    ! grep -qF "$PWD/$path\"" build/compile_commands.json || echo "$path"
done)
echo "clang-tidy: ${#tidy[@]} files"
[ ${#tidy[@]} -eq 0 ] ||
    printf '%s\n' "${tidy[@]}" | xargs -P 2 -n 4 clang-tidy --quiet -p build 2>/dev/null
