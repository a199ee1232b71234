#!/usr/bin/env bash
# kill_noise.sh SPUR [KILLS]: `spur eval --noise --audit` is killed and started again; outcomes
# and numbers must equal those of an undisturbed run, and so must those of 1, 2, 3 and 8 threads.
# Also: two processes on one run, and SIGTERM.
. "$(dirname "$0")/kill_loop.sh"
kill_prepare "$1" 17

begin()
{
    exec "$spur" eval "$1" --noise --noise-backbone "$data/tiny-resnet" --noise-sigma .05,.2 --trials 2 \
        --noise-boxes 0.3 --audit --detector "$data/tiny-owlvit" -q --no-progress "${@:2}"
}

fresh() { cp -r scored "$1"; }

# All outcomes of a run, one line a block.
blocks_of()
{
    python3 - "$1/run.db" <<'END'
import sqlite3, sys
rows = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute(
    "SELECT stage, subject, split, block, hex(outcomes) FROM experiment_blocks "
    "ORDER BY stage, subject, split, block")
for row in rows:
    print(*row)
END
}

half_done()
{
    local there
    there=$(blocks_of "$1" | wc -l)
    [ "$there" -gt 0 ] && [ "$there" -lt "$blocks" ]
}

compare()
{
    blocks_of "$1" >found
    cmp wanted found || fail "$1 has other outcomes"
    cmp whole/metrics.json "$1/metrics.json" || fail "$1 has other numbers"
}

make_photos 12
rm photos/*/1/broken.png
{
    "$spur" score photos --out scored --detector "$data/tiny-owlvit" -q --no-progress &&
        "$spur" features scored --backbone "$data/tiny-resnet" -q --no-progress &&
        "$spur" select scored --k 10 --seeds 1 -q && "$spur" retrain scored -q &&
        "$spur" eval scored -q
} >/dev/null 2>err || fail "preparing: $(cat err)"
rm -f scored/lock
fresh whole
measure_span whole
blocks_of whole >wanted
blocks=$(wc -l <wanted)
[ "$blocks" -eq 36 ] || fail "the undisturbed run has $blocks blocks"
kill_until "${2:-20}"
compare_threads
refuse_second
stop_politely 5
