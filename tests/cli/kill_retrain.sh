#!/usr/bin/env bash
# kill_retrain.sh SPUR [KILLS]: `spur retrain` is killed and started again; every head must equal
# that of an undisturbed run, and so must those of 1, 2, 3 and 8 threads. Also: two processes on
# one run, and SIGTERM.
. "$(dirname "$0")/kill_loop.sh"
kill_prepare "$1" 13
folder=heads/tiny-resnet

begin()
{
    exec "$spur" retrain "$1" --C 0.01,1 -q --no-progress "${@:2}"
}

fresh() { cp -r scored "$1"; }

count_heads() { find "$1/$folder" -name 'clear*.safetensors' -o -name 'mid*.safetensors' \
    -o -name 'hidden*.safetensors' -o -name 'rnd*.safetensors' | wc -l; }

half_done()
{
    local there
    there=$(count_heads "$1")
    [ "$there" -gt 0 ] && [ "$there" -lt "$heads" ]
}

compare()
{
    local head
    [ "$(count_heads "$1")" -eq "$heads" ] || fail "$1 has not all heads"
    for head in "whole/$folder/"*.safetensors; do
        cmp "$head" "$1/$folder/$(basename "$head")" || fail "$1 differs"
    done
}

make_photos 20
rm photos/*/1/broken.png
{
    "$spur" score photos --out scored --detector "$data/tiny-owlvit" -q --no-progress &&
        "$spur" features scored --backbone "$data/tiny-resnet" -q --no-progress &&
        "$spur" select scored --k 10,20,30 --seeds 3 -q
} >/dev/null 2>err || fail "preparing: $(cat err)"
rm -f scored/lock
fresh whole
measure_span whole
heads=$(count_heads whole)
[ "$heads" -eq 18 ] || fail "the undisturbed run has $heads heads"
kill_until "${2:-20}"
compare_threads
refuse_second
stop_politely 6
