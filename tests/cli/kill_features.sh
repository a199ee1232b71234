#!/usr/bin/env bash
# kill_features.sh SPUR [KILLS]: `spur features` is killed (SIGKILL) at random moments and
# started again, with other numbers of threads, until it is done; the feature file must equal
# that of an undisturbed run. Counts the kills that really happened and how many left a file
# half done: a test that kills nothing fails. Also: two processes on one run, SIGTERM.
set -u
spur=$(realpath "$1")
kills_wanted=${2:-20}
data=$(realpath "$(dirname "$0")/../data")
work=$(mktemp -d "${TMPDIR:-/tmp}/spur-kill-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
RANDOM=11
copies=40
file=features/tiny-resnet/train.safetensors

fail()
{
    echo "kill_features: $1"
    exit 1
}

# In the background; $process is the program itself, not a shell around it.
start()
{
    "$spur" features "$1" --backbone "$data/tiny-resnet" -q --no-progress "${@:2}" \
        >/dev/null 2>err &
    process=$!
}

finish()
{
    start "$@"
    wait "$process"
}

for class in ball box tree; do
    for copy in $(seq "$copies"); do
        mkdir -p "photos/$class/$copy"
        cp "$data/photos-tiny/$class/"*.png "photos/$class/$copy"
    done
    echo "no picture" >"photos/$class/1/broken.png"
done
"$spur" score photos --out whole --detector "$data/tiny-owlvit" -q --no-progress >/dev/null 2>err
[ $? -eq 3 ] || fail "scoring ended otherwise than with 3: $(cat err)"
mkdir scored
cp whole/run.db* scored

begin=$(date +%s%N)
finish whole -j 2
[ $? -eq 3 ] || fail "the undisturbed run ended otherwise than with 3: $(cat err)"
cp "whole/$file" first
span=$((($(date +%s%N) - begin) / 1000000 + 1)) # milliseconds

attempts=0 kills=0 partial=0 runs=0 name=""
while [ "$kills" -lt "$kills_wanted" ]; do
    attempts=$((attempts + 1))
    [ "$attempts" -le $((20 * kills_wanted + 20)) ] || fail "only $kills kills in $attempts attempts"
    if [ -z "$name" ]; then
        runs=$((runs + 1))
        name=run$runs
        cp -r scored "$name"
    fi
    start "$name" -j $((RANDOM % 3 + 1))
    sleep "$(printf '%d.%03d' $((RANDOM * span / 32768 / 1000)) $((RANDOM * span / 32768 % 1000)))"
    kill -9 "$process" 2>/dev/null
    wait "$process" 2>/dev/null
    code=$?
    if [ "$code" -eq 137 ]; then
        kills=$((kills + 1))
        [ ! -e "$name/$file.part" ] || partial=$((partial + 1))
    elif [ "$code" -eq 3 ]; then
        cmp first "$name/$file" || fail "$name differs after kills"
        name=""
    else
        fail "going on after a kill ended with $code: $(cat err)"
    fi
done
if [ -n "$name" ]; then
    finish "$name"
    [ $? -eq 3 ] || fail "the last run: $(cat err)"
    cmp first "$name/$file" || fail "$name differs after kills"
fi
echo "kill_features: $kills kills in $attempts attempts over $runs runs, $partial left a file half done"
[ $((partial * 4)) -ge "$kills" ] || fail "too few kills met a file that was half done"

# Killed in the middle of a restart: the old features are gone or the new ones come.
start whole -j 1 --restart
sleep 0.05
kill -9 "$process" 2>/dev/null
wait "$process" 2>/dev/null
finish whole -j 3
[ $? -eq 3 ] || fail "going on after a killed restart: $(cat err)"
cmp first "whole/$file" || fail "a killed restart changed the features"

# Two processes on one run: the second is refused with 6.
cp -r scored held
start held -j 1
for _ in $(seq 200); do
    [ -s held/lock ] && break
    sleep 0.005
done
kill -STOP "$process"
holder=$process
finish held
code=$?
kill -CONT "$holder"
[ "$code" -eq 6 ] || fail "a second process on one run ended with $code"
wait "$holder"
[ $? -eq 3 ] || fail "the first process was disturbed"
cmp first "held/$file" || fail "held differs"

# SIGTERM: 130, what is done stays.
stopped=0
for try in $(seq 10); do
    rm -rf term
    cp -r scored term
    start term -j 1
    sleep "0.$(printf '%03d' $((try * 25)))"
    kill -TERM "$process" 2>/dev/null
    wait "$process"
    code=$?
    [ "$code" -ne 130 ] || stopped=$((stopped + 1))
    [ "$code" -eq 130 ] || [ "$code" -eq 3 ] || [ "$code" -eq 143 ] ||
        fail "SIGTERM ended with $code: $(cat err)"
    finish term
    cmp first "term/$file" || fail "term differs after SIGTERM"
done
[ "$stopped" -gt 0 ] || fail "no SIGTERM met running work"
echo "kill_features: $stopped of 10 runs stopped by SIGTERM went on to the same file"
