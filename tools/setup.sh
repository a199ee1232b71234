#!/usr/bin/env bash
# setup.sh SECTION...: installs the Debian packages of these sections of packages.txt that are
# missing, and says so. Silent, and needs neither network nor root, when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v dpkg-query >/dev/null; then
    echo "setup: not a Debian system; install the counterparts of packages.txt yourself" >&2
    exit 0
fi

missing=()
for section in "$@"; do
    while read -r package; do
        state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
        [ "$state" = "install ok installed" ] || missing+=("$package")
    done < <(awk -v want="[$section]" '/^\[/ { inside = ($0 == want); next }
                                       inside && NF && !/^#/ { print $1 }' packages.txt)
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: missing packages, and neither root nor sudo; ask for: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y
         --no-install-recommends "${missing[@]}")
echo "setup: installing ${missing[*]}" >&2
# The package lists may be absent (a bare image) or too old: then fetch them, once.
if ! "${install[@]}" -qq >&2 2>/dev/null; then
    echo "setup: refreshing the package lists" >&2
    "${as_root[@]}" apt-get update -qq >&2
    "${install[@]}" -qq >&2
fi
