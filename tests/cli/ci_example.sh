#!/usr/bin/env bash
# ci_example.sh SPUR: examples/ci.sh as a build server runs it, in a small world of the demo: fine
# by chance alone, fine again from the cached run, and failed where clear images are easier.
set -u
spur=$(realpath "$1")
example=$(realpath "$(dirname "$0")/../../examples/ci.sh")
models=$(dirname "$spur")/demo
work=$(mktemp -d "${TMPDIR:-/tmp}/spur-ci-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
PATH=$(dirname "$spur"):$PATH
export PATH

# expect CODE RUN VAL: runs the example with that folder and split.
expect()
{
    RUN=$2 "$example" world/train "world/$3" "$models/detector" "$models/vit" >out 2>err
    local code=$?
    [ "$code" -eq "$1" ] || {
        echo "ci_example: $2 ended with $code, expected $1: $(cat err)"
        exit 1
    }
}

"$spur" demo --world world --classes 4 --images 60 --wrong 0 --none 0 -q >/dev/null || exit 1
expect 0 fine val
expect 0 fine val
grep -q '280 vectors of 1 backbones, 280 were there' err || {
    echo "ci_example: the cached run was not used: $(cat err)"
    exit 1
}
expect 7 clear train
grep -q "holds: val/vit/original/gap_at_[0-9]* is" err || {
    echo "ci_example: the failure is not explained: $(cat err)"
    exit 1
}
"$example" world/train 2>err
[ $? -eq 2 ] || {
    echo "ci_example: missing arguments are accepted"
    exit 1
}
