#!/usr/bin/env bash
# controls.sh SPUR: the controls of `spur eval` in a world in which the truth is known. An effect
# that is there is found, a class with an unknown name is listed and left out, label suspects hold
# many of the planted errors, and the numbers are the same for any number of threads.
set -euo pipefail
spur=$(realpath "$1")
models=$(dirname "$spur")/demo
work=$(mktemp -d "${TMPDIR:-/tmp}/spur-controls-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

fail()
{
    echo "controls: $1"
    exit 1
}

# value KEY: a number of the run's results.
value()
{
    tr ',{}' '\n' <run/metrics.json | sed -n "s|^\"$1\":||p"
}

# holds EXPRESSION: a comparison of numbers.
holds()
{
    awk "BEGIN { exit !($1) }" || fail "not so: $1"
}

"$spur" demo --world world --classes 6 --images 150 --wrong 0.1 --none 0 -q >/dev/null
awk -F, 'NR == 1 || $2 == "train" || $2 == "ood"' world/truth.csv >world/part.csv
label=$(awk -F, '$2 == "ood" { print $3; exit }' world/part.csv)
awk -F, 'NR > 1 && !seen[$3]++ { print $3, $3 }' world/part.csv | sed "s/^$label .*/$label zzgrumple/" \
    >names
"$spur" score world/part.csv --out run --detector "$models/detector" --class-names names -q \
    >/dev/null
"$spur" select run --k 50 --seeds 1 -q >/dev/null
"$spur" features run --backbone "$models/vit" -q >/dev/null 2>&1
cp -r run before
"$spur" eval run --confound energy -q -j 1 >table
cp run/metrics.json one.json

# The class that the detector cannot know is listed, and the numbers are there with and without.
grep -q 'ood: the detector can hardly tell 1 of the classes' table || fail "nothing is invisible"
tr '\n' ' ' <table | grep -q '(zzgrumple)' || fail "zzgrumple is not named"
holds "$(value ood/invisible_classes) == 1"
k=$(tr ',{}' '\n' <run/metrics.json |
    sed -n 's|^"ood/vit/original/gap_at_\([0-9]*\)_p":.*|\1|p' | sort -n | sed -n 1p)
gap=ood/vit/original/gap_at_$k
[ "$(value "$gap")" != "$(value "${gap}_visible")" ] || fail "the unknown class changes nothing"

# Hidden objects are hard: no shuffle of 2000 is as far apart, and what remains among images that
# show as much of their object is less than half of it.
holds "$(value "${gap}_visible_p") < 0.001"
holds "$(value "${gap}_visible") > 0.25"
holds "$(value "ood/vit/original/within/energy/gap_at_$k") < 0.5 * $(value "${gap}_visible")"

# Planted errors among the suspects of the train split.
"$spur" rank run --split train --truth planted --suspects 0 --json >suspects
python3 - <<'END' || fail "the suspects hold too few planted errors"
import json
found = json.load(open("suspects"))["suspects"]
share = {value["value"]: value["suspects"] for value in found["values"]}
images = {value["value"]: value["images"] for value in found["values"]}
precision = share["wrong"] / found["count"]
print("suspects", found["count"], "wrong", share["wrong"], "of", images["wrong"], "precision", round(precision, 3))
assert precision > 0.4, precision
END

# The same bytes for any number of threads, and nothing to do a second time.
for threads in 2 3 8; do
    rm -rf again
    cp -r before again
    "$spur" eval again --confound energy -q -j $threads >again_table
    cmp again/metrics.json one.json
    cmp again_table table
done
cp run/run.db kept
"$spur" eval run --confound energy -q >/dev/null
cmp kept run/run.db

# Sharpness is read from the files; one that is gone has none.
cp -r before sharp
"$spur" eval sharp --sharpness --split ood -q -j 2 >/dev/null
tr ',{}' '\n' <sharp/metrics.json | grep -q '"ood/vit/original/within/sharpness/gap_at_' ||
    fail "no gap within equal sharpness"
gone=world/$(awk -F, '$2 == "ood" { print $1; exit }' world/part.csv)
mv "$gone" gone.png
rm -rf sharp
cp -r before sharp
"$spur" eval sharp --sharpness --split ood -q >/dev/null 2>message
grep -q '1 images of split ood have no sharpness' message || fail "a missing file is not said"
mv gone.png "$gone"

# Left out on request.
cp -r before without
"$spur" eval without --no-controls -q >without_table
! grep -q 'controls' without_table || fail "--no-controls shows controls"
"$spur" eval run --confound planted -q 2>message && fail "a column of words was taken"
grep -q 'column planted cannot be controlled for' message
echo "controls: all as planted"
