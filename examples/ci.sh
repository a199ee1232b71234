#!/bin/sh
# ci.sh TRAIN VAL DETECTOR BACKBONE: for a build server. Fails when a classifier is more than 8
# points better on images that show their object clearly than on images that hide it, and
# shuffled rankings reach that in less than 1 of 100 (without the second term a few images a
# class are enough to fail a build by chance).
#
# The run folder, $RUN or "run", may be cached between builds: only what is new is computed. When
# models, names or numbers of images have changed, Spur exits with 4: remove the folder then, and
# also when files have other contents under their old names, which nothing notices.
# Exit codes: 0 fine, 7 the condition holds, others: docs/formats.md.
set -eu
[ $# -eq 4 ] || {
    echo "usage: ci.sh TRAIN VAL DETECTOR BACKBONE" >&2
    exit 2
}
exec spur run "$1" --val "$2" --out "${RUN:-run}" --detector "$3" --backbone "$4" \
    --preset quick --no-progress --fail-if 'val/*/original/gap>8,p<.01'
