#!/usr/bin/env bash
# demo.sh: everything the program can do, on images of its own making.
set -euo pipefail
cd "$(dirname "$0")/.."
echo '$ build/spur demo --out demo-run'
exec build/spur demo --out demo-run
