#!/usr/bin/env bash
# kill_features.sh SPUR [KILLS]: `spur features` is killed and started again; the feature file
# must equal that of an undisturbed run. Also: a killed restart, a full disk, two processes on
# one run, and SIGTERM.
. "$(dirname "$0")/kill_loop.sh"
kill_prepare "$1" 11
file=features/tiny-resnet/train.safetensors
finished=3 # some images cannot be read

begin()
{
    exec "$spur" features "$1" --backbone "$data/tiny-resnet" -q --no-progress "${@:2}"
}

fresh() { cp -r scored "$1"; }
half_done() { [ -e "$1/$file.part" ]; }
compare() { cmp first "$1/$file" || fail "$1 differs"; }

make_photos 40
"$spur" score photos --out scored --detector "$data/tiny-owlvit" -q --no-progress >/dev/null 2>err
[ $? -eq 3 ] || fail "scoring ended otherwise than with 3: $(cat err)"
rm -f scored/lock
fresh whole
measure_span whole
cp "whole/$file" first
kill_until "${2:-20}"

# Killed in the middle of a restart: the old features are gone or the new ones come.
start whole -j 1 --restart
sleep 0.05
kill -9 "$process" 2>/dev/null
wait "$process" 2>/dev/null
finish whole -j 3
[ $? -eq "$finished" ] || fail "going on after a killed restart: $(cat err)"
compare whole

# No room for the feature file (a limit on the size of files stands for a full disk): refused by
# name, and with room it goes on.
fresh full
(
    ulimit -f 100
    finish full
    [ $? -eq 6 ] || fail "without room it ended otherwise than with 6: $(cat err)"
) || exit 1
grep -q "^error: .*$file.*" err || fail "the file without room is not named: $(cat err)"
finish full
[ $? -eq "$finished" ] || fail "going on with room: $(cat err)"
compare full

refuse_second
stop_politely 10
