#!/usr/bin/env bash
# run_end_to_end.sh SPUR [KILLS]: `spur run` on a small world with 1, 2 and 3 threads, and one
# that is killed (SIGKILL) at random moments and started again, give the same bytes: output,
# tables, features, last layers, numbers, pages. A second call writes nothing, a dry run neither.
set -u
spur=$(realpath "$1")
kills_wanted=${2:-8}
data=$(realpath "$(dirname "$0")/../data")
work=$(mktemp -d "${TMPDIR:-/tmp}/spur-run-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
RANDOM=11
HOME=$work
export HOME
unset SPUR_DETECTOR SPUR_BACKBONE

fail()
{
    echo "run_end_to_end: $1"
    exit 1
}

"$spur" demo --world world --classes 3 --images 30 --quiet >/dev/null || fail "no world"
cp -r "$data/tiny-owlvit" detector
cp -r "$data/tiny-resnet" net
cp -r "$data/tiny-vit-timm" vit
options=(../world/truth.csv --out run --detector ../detector --backbone ../net
    --backbone ../vit -k "3,20%" --seeds 2 --noise --noise-alpha 10 --trials 2 --noise-limit 6
    --auto --auto-k 50% --auto-clear 0,100 --quiet)

# go FOLDER [OPTION]...: a run in FOLDER/run, so that nothing printed depends on its name.
go()
{
    mkdir -p "$1"
    (cd "$1" && "$spur" run "${options[@]}" "${@:2}" >text 2>err)
}

# list FOLDER: every file of the run but the database and the lock, and the database's rows.
list()
{
    (cd "$1" && find . -type f ! -name 'run.db*' ! -name lock ! -name '.spur-*.tmp' -print0 |
        sort -z | xargs -0 sha256sum)
    "$spur" export "$1" --csv - | sha256sum
    "$spur" export "$1" --subset clear-3 --jsonl - | sha256sum
}

begin=$(date +%s%N)
go one -j 1 || fail "the undisturbed run ended with $?: $(cat one/err)"
span=$((($(date +%s%N) - begin) / 1000000 + 1)) # milliseconds
list one/run >one.list
[ "$(wc -l <one.list)" -gt 20 ] || fail "too few files: $(cat one.list)"

for threads in 2 3; do
    go "with$threads" -j $threads || fail "$threads threads: $(cat "with$threads/err")"
    cmp one/text "with$threads/text" || fail "$threads threads print something else"
    list "with$threads/run" | diff one.list - || fail "$threads threads: other bytes"
done

# Again: the same output, and no file is touched. A dry run on it, and on nothing.
cp -rp one before
go one || fail "the second call ended with $?: $(cat one/err)"
cmp one/text before/text || fail "the second call prints something else"
list one/run | diff one.list - || fail "the second call changed files"
cmp one/run/run.db before/run/run.db || fail "the second call wrote to run.db"
go one --dry-run || fail "dry run: $(cat one/err)"
grep -q 'score .* done' one/text || fail "dry run: nothing is done: $(cat one/text)"
cmp one/run/run.db before/run/run.db || fail "the dry run wrote to run.db"
go nothing --dry-run || fail "dry run on nothing: $(cat nothing/err)"
[ ! -e nothing/run ] || fail "the dry run made a folder"

attempts=0 kills=0 partial=0
mkdir killed
while [ "$kills" -lt "$kills_wanted" ]; do
    attempts=$((attempts + 1))
    [ "$attempts" -le $((20 * kills_wanted)) ] || fail "only $kills kills"
    (cd killed && exec "$spur" run "${options[@]}" -j $((RANDOM % 3 + 1)) >text 2>err) &
    process=$!
    delay=$((RANDOM * span / 32768))
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    kill -9 "$process" 2>/dev/null
    wait "$process" 2>/dev/null
    code=$?
    if [ "$code" -eq 137 ]; then
        kills=$((kills + 1))
        [ -e killed/run/report/index.html ] || partial=$((partial + 1))
    elif [ "$code" -eq 0 ]; then
        cmp before/text killed/text || fail "after kills: another output"
        list killed/run | diff one.list - || fail "after kills: other bytes"
        rm -rf killed
        mkdir killed
    else
        fail "going on after a kill ended with $code: $(cat killed/err)"
    fi
done
go killed || fail "the last call: $(cat killed/err)"
cmp before/text killed/text || fail "after kills: another output"
list killed/run | diff one.list - || fail "after kills: other bytes"
echo "run_end_to_end: $kills kills in $attempts attempts, $partial before the report"
[ "$partial" -gt 0 ] || fail "no kill met an unfinished run"

# Asked to stop: 130, and the line that continues.
rm -rf killed
mkdir killed
(cd killed && exec "$spur" run "${options[@]}" -j 1 >text 2>err) &
process=$!
sleep 0.1
kill -TERM "$process"
wait "$process"
code=$?
[ "$code" -eq 130 ] || [ "$code" -eq 0 ] || [ "$code" -eq 143 ] || fail "SIGTERM: $code"
if [ "$code" -eq 130 ]; then
    (cd killed && eval "$(tail -n 1 err)" >text 2>err) || fail "the printed line: $(cat killed/err)"
    list killed/run | diff one.list - || fail "after SIGTERM: other bytes"
fi
