#!/bin/sh
# clang-tidy over our sources.  Usage: tidy.sh SOURCE-DIR BUILD-DIR [PATTERN]
# BUILD-DIR has compile_commands.json (CMAKE_EXPORT_COMPILE_COMMANDS).
# Takes minutes: without a pattern it wants SP_LONG=1.
cd "$1" || exit 2
[ "${SP_LONG:-0}" = 1 ] || [ -n "${3:-}" ] || exit 77
command -v clang-tidy >/dev/null || { echo "clang-tidy is missing"; exit 77; }
find base journal index export app -name '*.c' | grep -E "${3:-.}" | sort |
	xargs -P2 -n4 clang-tidy -p "$2" --quiet 2>/dev/null >"$2/tidy.log"
grep -E 'error:|warning:' "$2/tidy.log" | sort -u | { ! grep .; }
