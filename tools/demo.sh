#!/usr/bin/env bash
# demo.sh: scores and ranks the bundled pictures with the bundled tiny detector.
set -euo pipefail
cd "$(dirname "$0")/.."
run=demo-run

step()
{
    printf '\n$ %s\n' "$*"
    "$@"
}

step build/spur score tests/data/photos-tiny --out "$run" --detector tests/data/tiny-owlvit
step build/spur rank "$run"
step build/spur export "$run" --csv "$run/scores.csv"
cat <<END

The weights of this detector are generated, so the order means nothing; the README says how to
get published ones. The files:
  $run/run.db       everything, as SQLite
  $run/scores.csv   one row per image: logit, rank, box, best other class
END
