# kill_loop.sh - sourced by the kill tests: kills a command at random moments, starts it again,
# with other numbers of threads, until it is done, and compares with an undisturbed run. Counts
# the kills that really happened and how many left something half done: a test that kills
# nothing fails.
#
# A test calls kill_prepare first and then defines
#   begin NAME OPTION...    runs the command on run NAME, the program replacing the shell
#   fresh NAME              makes run NAME as it is before the first start
#   half_done NAME          true when a killed run has some but not all of the work
#   compare NAME            fails unless the finished run equals the undisturbed one
# and sets finished (exit code of a finished run) and span (milliseconds it takes).
set -u

# kill_prepare SPUR SEED: enters an empty folder.
kill_prepare()
{
    test_name=$(basename "$0" .sh)
    spur=$(realpath "$1")
    data=$(realpath "$(dirname "$0")/../data")
    work=$(mktemp -d "${TMPDIR:-/tmp}/spur-kill-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cd "$work" || exit 1
    RANDOM=$2
    finished=0
}

fail()
{
    echo "$test_name: $1"
    exit 1
}

# make_photos COPIES: three classes of 4 COPIES pictures and one broken file each.
make_photos()
{
    local class copy
    for class in ball box tree; do
        for copy in $(seq "$1"); do
            mkdir -p "photos/$class/$copy"
            cp "$data/photos-tiny/$class/"*.png "photos/$class/$copy"
        done
        echo "no picture" >"photos/$class/1/broken.png"
    done
}

# In the background; $process is the program itself, not a shell around it.
start()
{
    begin "$@" >/dev/null 2>err &
    process=$!
}

finish()
{
    start "$@"
    wait "$process"
}

# The undisturbed run, timed.
measure_span()
{
    local since
    since=$(date +%s%N)
    finish "$1" -j 2
    [ $? -eq "$finished" ] || fail "the undisturbed run: $(cat err)"
    span=$((($(date +%s%N) - since) / 1000000 + 1))
}

# nap MILLISECONDS
nap()
{
    sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

kill_until()
{
    local wanted=$1 attempts=0 kills=0 partial=0 runs=0 name="" code
    while [ "$kills" -lt "$wanted" ]; do
        attempts=$((attempts + 1))
        [ "$attempts" -le $((20 * wanted + 20)) ] || fail "only $kills kills in $attempts attempts"
        if [ -z "$name" ]; then
            runs=$((runs + 1))
            name=run$runs
            fresh "$name"
        fi
        start "$name" -j $((RANDOM % 3 + 1))
        nap $((RANDOM * span / 32768))
        kill -9 "$process" 2>/dev/null
        wait "$process" 2>/dev/null
        code=$?
        if [ "$code" -eq 137 ]; then
            kills=$((kills + 1))
            ! half_done "$name" || partial=$((partial + 1))
        elif [ "$code" -eq "$finished" ]; then
            compare "$name"
            name=""
        else
            fail "going on after a kill ended with $code: $(cat err)"
        fi
    done
    if [ -n "$name" ]; then
        finish "$name"
        [ $? -eq "$finished" ] || fail "the last run: $(cat err)"
        compare "$name"
    fi
    echo "$test_name: $kills kills in $attempts attempts over $runs runs, $partial left it half done"
    [ $((partial * 4)) -ge "$kills" ] || fail "too few kills met work that was half done"
}

# The same result for any number of threads.
compare_threads()
{
    local threads
    for threads in 1 2 3 8; do
        rm -rf threads
        fresh threads
        finish threads -j "$threads"
        [ $? -eq "$finished" ] || fail "$threads threads: $(cat err)"
        compare threads
    done
}

# Two processes on one run: the second is refused with 6 and names the first.
refuse_second()
{
    local holder code named
    fresh held
    start held -j 1
    for _ in $(seq 200); do
        [ -s held/lock ] && break
        sleep 0.005
    done
    kill -STOP "$process"
    holder=$process
    finish held
    code=$?
    named=$(sed -n 's/.*process \([0-9]*\).*/\1/p' held/lock)
    cp err refusal # the first writes to err, too
    kill -CONT "$holder"
    [ "$code" -eq 6 ] || fail "a second process on one run ended with $code"
    grep -q "process $named" refusal ||
        fail "the refusal does not name the process: $(cat refusal)"
    wait "$holder"
    [ $? -eq "$finished" ] || fail "the first process was disturbed"
    compare held
}

# stop_politely TRIES: SIGTERM at moments over the whole span: 130, and what is done stays.
stop_politely()
{
    local stopped=0 try code
    for try in $(seq "$1"); do
        rm -rf term
        fresh term
        start term -j 1
        nap $((try * span / ($1 + 1)))
        kill -TERM "$process" 2>/dev/null
        wait "$process"
        code=$?
        [ "$code" -ne 130 ] || stopped=$((stopped + 1))
        [ "$code" -eq 130 ] || [ "$code" -eq "$finished" ] || [ "$code" -eq 143 ] ||
            fail "SIGTERM ended with $code: $(cat err)"
        finish term
        compare term
    done
    [ "$stopped" -gt 0 ] || fail "no SIGTERM met running work"
    echo "$test_name: $stopped of $1 runs stopped by SIGTERM went on to the same result"
}
