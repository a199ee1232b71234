#!/usr/bin/env bash
# kill_resume.sh SPUR [KILLS]: `spur score` is killed (SIGKILL) at random moments and started
# again until it is done; the exported tables must equal those of an undisturbed run. Counts the
# kills that really happened and how many of them left a run half done: a test that kills
# nothing fails. Also: two processes on one run, SIGTERM, and a reader beside the writer.
set -u
spur=$(realpath "$1")
kills_wanted=${2:-20}
data=$(realpath "$(dirname "$0")/../data")
work=$(mktemp -d "${TMPDIR:-/tmp}/spur-kill-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
RANDOM=7
copies=25

fail()
{
    echo "kill_resume: $1"
    exit 1
}

score()
{
    "$spur" score photos --out "$1" --detector "$data/tiny-owlvit" -q --no-progress "${@:2}" \
        >/dev/null 2>err
}

# The same in the background; $process is the program itself, not a shell around it.
start()
{
    "$spur" score photos --out "$1" --detector "$data/tiny-owlvit" -q --no-progress "${@:2}" \
        >/dev/null 2>err &
    process=$!
}

export_run()
{
    "$spur" export "$1" --csv "$1.csv" --jsonl "$1.jsonl" --coco "$1.json" 2>err
}

for class in ball box tree; do
    for copy in $(seq "$copies"); do
        mkdir -p "photos/$class/$copy"
        cp "$data/photos-tiny/$class/"*.png "photos/$class/$copy"
    done
    echo "no picture" >"photos/$class/1/broken.png"
done
images=$((3 * (copies * 4 + 1)))

begin=$(date +%s%N)
score whole -j 2
[ $? -eq 3 ] || fail "the undisturbed run ended otherwise than with 3: $(cat err)"
span=$((($(date +%s%N) - begin) / 1000000 + 1)) # milliseconds
export_run whole || fail "$(cat err)"

attempts=0 kills=0 partial=0 runs=0 name=""
while [ "$kills" -lt "$kills_wanted" ]; do
    attempts=$((attempts + 1))
    [ "$attempts" -le $((20 * kills_wanted + 20)) ] || fail "only $kills kills in $attempts attempts"
    if [ -z "$name" ]; then
        runs=$((runs + 1))
        name=run$runs
    fi
    start "$name" -j $((RANDOM % 3 + 1))
    sleep "$(printf '%d.%03d' $((RANDOM * span / 32768 / 1000)) $((RANDOM * span / 32768 % 1000)))"
    kill -9 "$process" 2>/dev/null
    wait "$process" 2>/dev/null
    code=$?
    if [ "$code" -eq 137 ]; then
        kills=$((kills + 1))
        rows=$("$spur" export "$name" --csv - 2>/dev/null | wc -l)
        [ "$rows" -le 1 ] || [ "$rows" -gt "$images" ] || partial=$((partial + 1))
    elif [ "$code" -eq 3 ]; then
        export_run "$name" || fail "$(cat err)"
        for table in csv jsonl json; do
            cmp "whole.$table" "$name.$table" || fail "$name.$table differs after kills"
        done
        name=""
    else
        fail "going on after a kill ended with $code: $(cat err)"
    fi
done
if [ -n "$name" ]; then
    score "$name"
    [ $? -eq 3 ] || fail "the last run: $(cat err)"
    export_run "$name"
    for table in csv jsonl json; do
        cmp "whole.$table" "$name.$table" || fail "$name.$table differs after kills"
    done
fi
echo "kill_resume: $kills kills in $attempts attempts over $runs runs, $partial left a run half done"
[ $((partial * 4)) -ge "$kills" ] || fail "too few kills met a run that was half done"

# Two processes on one run: the second is refused with 6 and names the first.
start held -j 1
for _ in $(seq 200); do
    [ -s held/lock ] && break
    sleep 0.005
done
kill -STOP "$process"
score held
code=$?
holder=$(sed -n 's/.*process \([0-9]*\).*/\1/p' held/lock)
kill -CONT "$process"
[ "$code" -eq 6 ] || fail "a second process on one run ended with $code"
grep -q "process $holder" err || fail "the refusal does not name the process: $(cat err)"
wait "$process"
[ $? -eq 3 ] || fail "the first process was disturbed"
export_run held
cmp whole.csv held.csv || fail "held.csv differs"

# SIGTERM: 130, what is done stays.
stopped=0
for try in $(seq 20); do
    rm -rf term
    start term -j 1
    sleep "0.$(printf '%03d' $((try * 10)))"
    kill -TERM "$process" 2>/dev/null
    wait "$process"
    code=$?
    [ "$code" -ne 130 ] || stopped=$((stopped + 1))
    [ "$code" -eq 130 ] || [ "$code" -eq 3 ] || [ "$code" -eq 143 ] ||
        fail "SIGTERM ended with $code: $(cat err)"
    score term
    export_run term
    cmp whole.csv term.csv || fail "term.csv differs after SIGTERM"
done
[ "$stopped" -gt 0 ] || fail "no SIGTERM met a running score"
echo "kill_resume: $stopped of 20 runs stopped by SIGTERM went on to the same table"
