#!/usr/bin/env bash
# fuzz.sh SECONDS [NAME...]: replays the corpus of every fuzz target (or of these), then fuzzes
# each for SECONDS. What is found is left in build-fuzz/findings/; new inputs that reach new
# code in build-fuzz/corpus/NAME, from where the best may be copied to tests/fuzz/corpus/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: tools/fuzz.sh SECONDS [NAME...]}
shift

tools/setup.sh build lint
[ -f build-fuzz/build.ninja ] || cmake --preset fuzz >/dev/null
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
    for target in tests/fuzz/fuzz_*.c; do
        [ -e "$target" ] || { echo "no fuzz targets"; exit 0; }
        name=$(basename "$target" .c)
        names+=("${name#fuzz_}")
    done
fi
cmake --build build-fuzz --target "${names[@]/#/fuzz_}"

mkdir -p build-fuzz/findings
failed=0
for name in "${names[@]}"; do
    seeds=tests/fuzz/corpus/$name
    found=build-fuzz/corpus/$name
    program=build-fuzz/tests/fuzz/fuzz_$name
    limits=(-timeout=10 -rss_limit_mb=1024 -max_len=65536 -verbosity=0 -print_final_stats=1
            -artifact_prefix="build-fuzz/findings/$name-")
    mkdir -p "$found"
    echo "== $name: $(find "$seeds" -type f | wc -l) seeds, $seconds s"
    if ! "$program" "${limits[@]}" -runs=0 "$seeds" >"$found.log" 2>&1 ||
       ! "$program" "${limits[@]}" -max_total_time="$seconds" "$found" "$seeds" \
           >>"$found.log" 2>&1; then
        tail -n 40 "$found.log"
        failed=1
    fi
    grep -E 'number_of_executed_units|peak_rss_mb' "$found.log" | tail -n 2 || true
done
[ "$failed" -eq 0 ] || { echo "findings are in build-fuzz/findings/"; exit 1; }
