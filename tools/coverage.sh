#!/usr/bin/env bash
# coverage.sh: runs the tests of a build with counters; prints lines and branches per file and
# leaves a browsable report in build-coverage/report/.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh build lint
[ -f build-coverage/build.ninja ] || cmake --preset coverage >/dev/null
cmake --build build-coverage
find build-coverage -name '*.gcda' -delete
ctest --preset coverage || echo "some tests failed: the figures are of what ran" >&2
mkdir -p build-coverage/report
gcovr --root . --filter 'src/' --gcov-ignore-parse-errors --exclude-throw-branches --branches \
    build-coverage
gcovr --root . --filter 'src/' --gcov-ignore-parse-errors --print-summary \
    --html-details build-coverage/report/index.html build-coverage
