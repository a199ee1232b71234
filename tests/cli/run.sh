#!/usr/bin/env bash
# run.sh SPUR TRANSCRIPT: runs the command lines of a transcript and compares what they print.
#
#   # a comment
#   $ command line          run by bash in a fresh folder; spur is on PATH
#   ? 2                     its exit code (default 0)
#   > text                  the next line of standard output, exactly
#   >~ expression           the same as an extended regular expression for the whole line
#   ! text, !~ expression   standard error
#   >* or !*                any further lines
#
# $DATA is the folder tests/data. Lines about a stream may be missing: then it must be empty.
set -u
spur=$(realpath "$1")
transcript=$(realpath "$2")
DATA=$(realpath "$(dirname "$2")/../data")
export DATA
work=$(mktemp -d "${TMPDIR:-/tmp}/spur-cli-XXXXXX")
trap 'rm -rf "$work"' EXIT
PATH="$(dirname "$spur"):$PATH"
export PATH HOME="$work" LC_ALL=C TERM=dumb
unset SPUR_DETECTOR SPUR_BACKBONE HF_HOME HF_HUB_CACHE XDG_CACHE_HOME NO_COLOR
failures=0
commands=0

complain()
{
    echo "$(basename "$transcript"): $command"
    echo "    ${1//$'\n'/$'\n'    }"
    failures=$((failures + 1))
}

# compare NAME FILE EXPECTED...: EXPECTED are the lines after the mark, with their '~'.
compare()
{
    local name=$1 file=$2 actual expected line=0
    shift 2
    exec 3<"$file"
    for expected in "$@"; do
        line=$((line + 1))
        [ "$expected" != '*' ] || { exec 3<&-; return; }
        if ! IFS= read -r actual <&3 && [ -z "$actual" ]; then
            complain "$name ends before line $line: $expected"
            exec 3<&-
            return
        fi
        case "$expected" in
        '~ '*) [[ $actual =~ ^${expected#'~ '}$ ]] ||
               complain "$name line $line: $actual
expected to match: ${expected#'~ '}" ;;
        *) [ "$actual" = "${expected# }" ] ||
           complain "$name line $line: $actual
expected:      ${expected# }" ;;
        esac
    done
    if IFS= read -r actual <&3 || [ -n "$actual" ]; then
        complain "$name has more lines: $actual"
    fi
    exec 3<&-
}

finish_command()
{
    [ -n "$command" ] || return 0
    commands=$((commands + 1))
    (cd "$work" && bash -c "$command") >"$work/.out" 2>"$work/.err" </dev/null
    local code=$?
    [ "$code" -eq "$wanted" ] || complain "exit code $code, expected $wanted
$(cat "$work/.err")"
    compare stdout "$work/.out" ${out[@]+"${out[@]}"}
    compare stderr "$work/.err" ${err[@]+"${err[@]}"}
}

command='' wanted=0 out=() err=()
while IFS= read -r text || [ -n "$text" ]; do
    case "$text" in
    '$ '*) finish_command; command=${text#'$ '} wanted=0 out=() err=() ;;
    '? '*) wanted=${text#'? '} ;;
    '>'*) out+=("${text#>}") ;;
    '!'*) err+=("${text#!}") ;;
    '' | '#'*) ;;
    *) echo "cannot read line: $text"; exit 1 ;;
    esac
done <"$transcript"
finish_command
echo "$(basename "$transcript"): $commands commands, $failures differences"
[ "$failures" -eq 0 ] && [ "$commands" -gt 0 ]
