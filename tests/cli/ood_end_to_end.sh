#!/usr/bin/env bash
# ood_end_to_end.sh SPUR: sets with other class names, with some of the classes, with numbers as
# folders and with a border, from spur score to spur eval: what is left out is counted, the
# numbers of both kinds of accuracy fit together, groups come from a column, and 1, 2, 3 and 8
# threads give the same bytes.
set -u
spur=$(realpath "$1")
data=$(realpath "$(dirname "$0")/../data")
work=$(mktemp -d "${TMPDIR:-/tmp}/spur-ood-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
HOME=$work
export HOME
unset SPUR_DETECTOR SPUR_BACKBONE

fail()
{
    echo "ood_end_to_end: $1"
    exit 1
}

"$spur" demo --world world --classes 3 --images 40 -q >/dev/null || fail "no world"
cp -r "$data/tiny-owlvit" detector
cp -r "$data/tiny-resnet" net

# Four of their classes for three of ours, and one that is none; two classes; numbers.
mkdir -p other/nothing two numbers
: >map.csv
index=0
for class in world/ood/*/; do
    class=$(basename "$class")
    cp -r "world/ood/$class" "other/a $class"
    echo "a $class,$class" >>map.csv
    [ $index -eq 2 ] || cp -r "world/ood/$class" "two/$class"
    cp -r "world/ood/$class" "numbers/$index"
    [ $index -gt 0 ] || { cp -r "world/balanced/$class" "other/b $class" && echo "b $class,$class" >>map.csv; }
    index=$((index + 1))
done
cp other/a*/0000.png other/nothing/ 2>/dev/null

# go FOLDER THREADS
go()
{
    mkdir -p "$1" && cd "$1" || return 1
    local -a common=(--out run --detector ../detector -j "$2" -q)
    "$spur" score ../world/truth.csv "${common[@]}" &&
        "$spur" score ../other --split ood:objectnet --class-map ../map.csv "${common[@]}" &&
        "$spur" score ../two --split ood:two "${common[@]}" &&
        "$spur" score ../numbers --split ood:imagenet-v2 "${common[@]}" &&
        "$spur" select run -k 10 --seeds 2 &&
        "$spur" features run --backbone ../net -j "$2" -q &&
        "$spur" retrain run -j "$2" -q &&
        "$spur" eval run --no-controls --group-column background --group-min 3 -j "$2" -q &&
        "$spur" export run --csv - && "$spur" export run --predictions -
}

(go one 1 >one.text 2>one.err) || fail "1 thread: $(tail -3 one.err)"
for threads in 2 3 8; do
    (go "with$threads" $threads >"with$threads.text" 2>"with$threads.err") ||
        fail "$threads threads: $(tail -3 "with$threads.err")"
    cmp one.text "with$threads.text" || fail "$threads threads print something else"
    cmp one/run/metrics.json "with$threads/run/metrics.json" || fail "$threads threads: other numbers"
done

# value KEY: of metrics.json
value()
{
    tr ',' '\n' <one/run/metrics.json | sed -n "s|^{*\"$1\":\([^}]*\)}*\$|\1|p"
}

same()
{
    [ -n "$(value "$1")" ] || fail "no key $1"
    [ "$(value "$1")" = "$2" ] || fail "$1 is $(value "$1"), expected $2"
}

cd "$work" || exit 1
for head in clear-10 hidden-10 rnd-10-s0 rnd-10-s1; do
    for split in ood ood:objectnet ood:two ood:imagenet-v2; do
        same "$split/net/$head/ood_top1_full" "$(value "$split/net/$head/top1")"
        same "$split/net/$head/ood_n" "$(value "$split/net/$head/n")"
    done
    # With all classes there is nothing to mask; the told one follows the rule.
    same "ood/net/$head/ood_top1_masked" "$(value "ood/net/$head/top1")"
    same "ood/net/$head/id_top1" "$(value "val/net/$head/top1")"
    same "ood:two/net/$head/ood_top1" "$(value "ood:two/net/$head/ood_top1_masked")"
    same "ood:objectnet/net/$head/ood_top1" "$(value "ood:objectnet/net/$head/ood_top1_full")"
    # Numbers as folders: the same images in the same order as by name.
    same "ood:imagenet-v2/net/$head/ood_top1" "$(value "ood/net/$head/top1")"
    awk -v masked="$(value "ood:two/net/$head/ood_top1_masked")" \
        -v full="$(value "ood:two/net/$head/ood_top1_full")" 'BEGIN { exit !(masked >= full) }' ||
        fail "$head: fewer are right among two classes than among three"
    [ -n "$(value "ood/net/$head/ood_residual")" ] || fail "$head has no residual"
    [ -n "$(value "groups/val/net/$head/worst_group")" ] || fail "$head has no worst group"
done
same "ood:two/net/clear-10/ood_classes" 2
same "ood/net/ood_line_heads" 5
same "groups/val/net/clear-10/mean_images" "$(value "val/net/clear-10/top1")"

"$spur" score other --split ood:objectnet --class-map map.csv --out one/run --detector detector \
    --json 2>/dev/null >again.json || fail "the second call"
grep -q '"excluded_images":1,"excluded_classes":1,"ood_rule":"objectnet","border":2' again.json ||
    fail "what was left out: $(cat again.json)"
"$spur" export one/run --split ood:objectnet --coco objectnet.json -q || fail "export"
grep -q '"width": *92,"height": *92' objectnet.json || fail "the border was not cut"

"$spur" score two --split ood:cut --border 48 --out new --detector detector -q >cut.text 2>&1
[ $? -eq 3 ] && grep -q 'nothing is left without a border of 48' cut.text || fail "too wide a border: $(cat cut.text)"

"$spur" eval one/run --no-controls --group-column background --group-min 3 -q >again 2>&1
cmp one/run/metrics.json with2/run/metrics.json || fail "a second eval changed numbers"
grep -q 'Out of distribution: ood:two/net' again || fail "no table of a set"
grep -q 'Groups: val/net' again || fail "no table of groups"

# A split in distribution by name, and one that does not exist.
"$spur" eval one/run --no-controls --id-split balanced -q >/dev/null 2>&1 || fail "--id-split"
cp one/run/metrics.json one/run/metrics.before && same "ood/net/clear-10/id_top1" "$(value balanced/net/clear-10/top1)"
"$spur" eval one/run --no-controls --id-split nothing -q >/dev/null 2>err && fail "a split that is not there"
grep -q 'nothing' err || fail "the message: $(cat err)"
"$spur" eval one/run --no-controls --group-column nothing -q >/dev/null 2>err && fail "a column that is not there"
grep -q 'nothing' err || fail "the message: $(cat err)"
echo "ood_end_to_end: 4 sets, 4 thread counts, 0 differences"
