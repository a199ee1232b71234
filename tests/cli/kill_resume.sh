#!/usr/bin/env bash
# kill_resume.sh SPUR [KILLS]: `spur score` is killed and started again; the exported tables must
# equal those of an undisturbed run. Also: two processes on one run, and SIGTERM.
. "$(dirname "$0")/kill_loop.sh"
kill_prepare "$1" 7
copies=25
images=$((3 * (copies * 4 + 1)))
finished=3 # some images cannot be read

begin()
{
    exec "$spur" score photos --out "$1" --detector "$data/tiny-owlvit" -q --no-progress "${@:2}"
}

fresh() { :; }

half_done()
{
    local rows
    rows=$("$spur" export "$1" --csv - 2>/dev/null | wc -l)
    [ "$rows" -gt 1 ] && [ "$rows" -le "$images" ]
}

export_run()
{
    "$spur" export "$1" --csv "$1.csv" --jsonl "$1.jsonl" --coco "$1.json" 2>err ||
        fail "$(cat err)"
}

compare()
{
    export_run "$1"
    for table in csv jsonl json; do
        cmp "whole.$table" "$1.$table" || fail "$1.$table differs"
    done
}

make_photos "$copies"
measure_span whole
export_run whole
kill_until "${2:-20}"
refuse_second
stop_politely 10
