#!/usr/bin/env bash
# symbols.sh DIR: no name is defined twice in the static libraries below DIR.
# A linker takes the first and says nothing: two rooms that both have an
# sp_address_parse would call each other's.
set -euo pipefail
found=$(find "$1" -name 'libsp_*.a' | sort | while read -r lib; do
  nm -g --defined-only "$lib" 2>/dev/null | awk -v lib="${lib##*/}" 'NF == 3 { print $3, lib }'
done | sort -u | awk '$1 == name { print name " is defined in " lib " and in " $2 } { name = $1; lib = $2 }')
[ -z "$found" ] || { echo "$found"; exit 1; }
