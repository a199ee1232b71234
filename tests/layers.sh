#!/usr/bin/env bash
# layers.sh [ROOT]: the rules of the source tree that no compiler checks.
# A layer includes only itself and what stands before it; the command sees spur.h only; oneDNN
# is named in src/nn and SQLite in src/io/store.c only; file names are unique; some calls are
# never made. Prints one line per violation and fails when there is any.
set -euo pipefail
root=$(cd "${1:-$(dirname "$0")/..}" && pwd)
cd "$root"

layers=(base io nn models pipeline demo report top) # top: files directly in src
violations=0

complain()
{
    echo "$1"
    violations=$((violations + 1))
}

level_of()
{
    local i
    for i in "${!layers[@]}"; do
        [ "${layers[$i]}" != "$1" ] || { echo "$i"; return; }
    done
    echo -1
}

# Source text without comments and the contents of strings, "path:line:text".
code_of()
{
    awk 'FNR == 1 { inside = 0 }
    {
        text = $0
        gsub(/"([^"\\]|\\.)*"/, "\"\"", text)
        if (inside) {
            if (!sub(/^.*\*\//, "", text)) next
            inside = 0
        }
        gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", text)
        if (sub(/\/\*.*$/, "", text)) inside = 1
        sub(/\/\/.*$/, "", text)
        print FILENAME ":" FNR ":" text
    }' "$@"
}

check_includes()
{
    local path line included layer target
    while IFS=: read -r path line included; do
        layer=$(cut -d/ -f2 <<<"$path")
        [ -d "src/$layer" ] || layer=top
        included=$(sed -E 's/^[^"]*"([^"]*)".*/\1/' <<<"$included")
        case "$included" in
        spur.h) continue ;;
        */*) target=${included%%/*} ;;
        *) target=$layer ;;
        esac
        if [ "$layer" = cli ]; then
            [ "$target" = cli ] || complain "$path:$line: the command includes $included"
        elif [ "$(level_of "$target")" -lt 0 ] ||
             [ "$(level_of "$target")" -gt "$(level_of "$layer")" ]; then
            complain "$path:$line: $layer includes $included"
        fi
    done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' src --include='*.[ch]')
}

# forbid WHAT PATTERN [EXCEPT_PATH_PATTERN]: PATTERN may not occur in the code of src.
forbid()
{
    local found
    while read -r found; do
        complain "$1: $found"
    done < <(grep -E ":[0-9]+:.*$2" <<<"$code" | grep -vE "^(${3:-nothing}):" || true)
}

check_includes

mapfile -t sources < <(find src -name '*.[ch]' | sort)
code=$(code_of "${sources[@]}")
call='(^|[^A-Za-z0-9_.>])'
forbid "oneDNN outside src/nn" 'dnnl' 'src/nn/[^:]*'
forbid "SQLite outside src/io/store.c" 'sqlite3_' 'src/io/store[^:]*|src/version\.c'
forbid "never called" \
       "$call(mmap|alloca|strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|system|popen)\("
forbid "the library prints" \
       "$call(printf|vprintf|puts|putchar|perror)\(|${call}fprintf\((stdout|stderr)" 'src/cli/[^:]*'
forbid "the library exits" "$call(exit|_exit|_Exit|abort|quick_exit)\(" 'src/cli/[^:]*'
forbid "allocation outside base/memory.c" \
       "$call(malloc|calloc|realloc|aligned_alloc|posix_memalign|strdup|strndup|asprintf)\(" \
       'src/base/memory\.c|src/cli/[^:]*'

while read -r name; do
    complain "same file name twice: $name"
done < <(find src include tests examples bench -name '*.[ch]' 2>/dev/null |
         sed 's:.*/::' | sort | uniq -d)
while read -r path; do
    complain "name that explains nothing: $path"
done < <(find src tests -regextype posix-extended \
         -regex '.*/(utils?|common|helpers?|misc)(\.[ch])?')

[ "$violations" -eq 0 ] || { echo "$violations violations"; exit 1; }
