#!/bin/sh
# ci.sh TRAIN VAL DETECTOR BACKBONE: for a build server. Fails when a classifier is more than 8
# points better on images that show their object clearly than on images that hide it. The run
# folder may be cached between builds: only what is new is computed.
# Exit codes: 0 fine, 7 the condition holds, anything else: see docs/formats.md.
set -eu
exec spur run "$1" --val "$2" --out "${RUN:-run}" --detector "$3" --backbone "$4" \
    --preset quick --no-progress --fail-if 'val/*/original/gap>8'
