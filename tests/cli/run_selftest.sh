#!/usr/bin/env bash
# run_selftest.sh SPUR: run.sh must see each kind of difference.
set -u
folder=$(realpath "$(dirname "$0")")
work=$(mktemp -d "${TMPDIR:-/tmp}/spur-cli-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/cli" "$work/data"
cp "$folder/run.sh" "$work/cli/"
spur=$(realpath "$1")
failures=0

# must NAME WANTED TEXT: run.sh exits with WANTED on the transcript TEXT.
must()
{
    printf '%s\n' "$3" >"$work/cli/case.test"
    "$work/cli/run.sh" "$spur" "$work/cli/case.test" >/dev/null
    local code=$?
    [ $((code != 0)) -eq "$2" ] || { echo "$1: run.sh exits with $code"; failures=1; }
}

must right 0 $'$ echo a; echo b >&2; exit 3\n? 3\n> a\n! b'
must pattern 0 $'$ echo abc\n>~ a.*'
must rest 0 $'$ echo a; echo b\n>*'
must code 1 $'$ exit 1'
must line 1 $'$ echo a\n> b'
must missing 1 $'$ true\n> a'
must extra 1 $'$ echo a'
must error_stream 1 $'$ echo a >&2'
must pattern_differs 1 $'$ echo abc\n>~ b.*'
must nothing 1 '# no command'
must unreadable 1 'what is this'
exit "$failures"
