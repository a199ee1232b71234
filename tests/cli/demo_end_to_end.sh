#!/usr/bin/env bash
# demo_end_to_end.sh SPUR: a small demo with 1, 2, 3 and 8 threads, and one that is killed and
# started again, give the same images, sheets, output and rows.
set -euo pipefail
spur=$(realpath "$1")
data=$(cd "$(dirname "$0")/../data" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir models
ln -s "$data/tiny-owlvit" models/detector

# run FOLDER THREADS: a demo in FOLDER/run, so that nothing printed depends on its name.
run()
{
    mkdir -p "$1"
    (cd "$1" && "$spur" demo --out run --models ../models --classes 4 --images 40 \
        --threads "$2" --quiet >text)
}

# compare FOLDER: everything but run.db's pages, which are compared as rows.
compare()
{
    cmp "$1/text" one/text
    diff -r "$1/run/world" one/run/world
    cmp "$1/run/world.png" one/run/world.png
    cmp "$1/run/ranking.png" one/run/ranking.png
    diff -r "$1/run/report" one/run/report
    for split in train val balanced ood; do
        cmp <("$spur" export "$1/run" --split $split --csv -) \
            <("$spur" export one/run --split $split --csv -)
    done
}

run one 1
for threads in 2 3 8; do
    run "with$threads" "$threads"
    compare "with$threads"
done

# Killed after growing times, in the world's images and in scoring; kill -9 leaves temporary
# files, which are dotted and no part of the result.
for delay in 0.02 0.05 0.1 0.15 0.2 0.3; do
    mkdir -p killed
    (cd killed && timeout --signal=KILL "$delay" "$spur" demo --out run --models ../models \
        --classes 4 --images 40 --quiet >text) 2>/dev/null || true
done
run killed 2
find killed -name '.spur-*.tmp' -delete
compare killed
