#!/usr/bin/env bash
# kill_eval.sh SPUR [KILLS]: `spur eval` is killed and started again; predictions, numbers and
# findings in run.db and metrics.json must equal those of an undisturbed run, and so must those
# of 1, 2, 3 and 8 threads. Also: two processes on one run, and SIGTERM.
. "$(dirname "$0")/kill_loop.sh"
kill_prepare "$1" 19

begin()
{
    exec "$spur" eval "$1" -q --no-progress "${@:2}"
}

fresh() { cp -r trained "$1"; }

# rows_of NAME [TABLE...]: what eval has written, one line a row.
rows_of()
{
    python3 - "$1/run.db" "${@:2}" <<'END'
import sqlite3, sys
path, *tables = sys.argv[1:]
db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
for table in tables or ["stages", "results", "findings", "predictions"]:
    rows = sorted(repr(row) for row in db.execute("SELECT * FROM " + table))
    print(*(table + " " + row for row in rows), sep="\n")
END
}

half_done()
{
    local there
    there=$(rows_of "$1" predictions stages | grep -c .)
    [ "$there" -gt 0 ] && { [ "$there" -lt "$parts" ] || [ ! -e "$1/metrics.json" ]; }
}

compare()
{
    rows_of "$1" >found
    cmp wanted found || fail "$1 has other rows"
    cmp whole/metrics.json "$1/metrics.json" || fail "$1 has other numbers"
}

make_photos 12
rm photos/*/1/broken.png
{
    "$spur" score photos --out trained --detector "$data/tiny-owlvit" -q --no-progress &&
        "$spur" features trained --backbone "$data/tiny-resnet" -q --no-progress &&
        "$spur" select trained --k 5,10,20 --seeds 1 -q && "$spur" retrain trained -q
} >/dev/null 2>err || fail "preparing: $(cat err)"
rm -f trained/lock
[ "$(rows_of trained predictions stages | grep -c .)" -eq 0 ] || fail "retrain has evaluated, too"
fresh whole
measure_span whole
rows_of whole >wanted
parts=$(rows_of whole predictions stages | grep -c .)
kill_until "${2:-20}"
compare_threads
refuse_second
stop_politely 5
