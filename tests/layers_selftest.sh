#!/usr/bin/env bash
# layers_selftest.sh: layers.sh accepts a clean tree and finds every kind of violation.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/src/{base,io,nn,models,cli} "$tree"/tests
failed=0

# expect TEXT PATH SOURCE: with SOURCE at PATH, layers.sh fails and says TEXT.
expect()
{
    local said
    printf '%s\n' "$3" >"$tree/$2"
    if said=$("$here/layers.sh" "$tree") || ! grep -qF "$1" <<<"$said"; then
        echo "not found: $1 ($2); said: $said"
        failed=1
    fi
    rm "$tree/$2"
}

cat >"$tree/src/io/clean.c" <<'END'
/* a comment may say malloc( and dnnl,
 * also on a second line: system(now) */
#include "base/error.h"
#include "spur.h"
static const char *text = "printf(%d) dnnl"; /* abort( */
END
"$here/layers.sh" "$tree" || { echo "a clean tree was refused"; failed=1; }

expect "base includes io/file.h" src/base/up.c '#include "io/file.h"'
expect "io includes nn/engine.h" src/io/up.h '#include "nn/engine.h"'
expect "the command includes base/error.h" src/cli/deep.c '#include "base/error.h"'
expect "oneDNN outside src/nn" src/models/direct.c '#include <dnnl.h>'
expect "SQLite outside" src/models/query.c 'int f(void) { return sqlite3_open(0, 0); }'
expect "never called" src/io/copy.c 'void f(char *a) { strcpy(a, "b"); }'
expect "the library prints" src/nn/talk.c 'void f(void) { fprintf(stderr, "x"); }'
expect "the library exits" src/nn/leave.c 'void f(void) { exit(1); }'
expect "allocation outside" src/io/take.c 'void *f(void) { return malloc(3); }'
expect "same file name twice: clean.c" src/nn/clean.c 'int x;'
expect "name that explains nothing" src/io/utils.c 'int x;'
exit $failed
