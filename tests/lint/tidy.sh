#!/bin/sh
# clang-tidy over our sources.  Usage: tidy.sh SOURCE-DIR BUILD-DIR [PATTERN]
# BUILD-DIR has compile_commands.json (CMAKE_EXPORT_COMPILE_COMMANDS).
# The whole tree takes ten minutes: without SP_LONG=1 or a pattern only what is
# not committed and what the newest commits changed, newest first, 24 files.
cd "$1" || exit 2
command -v clang-tidy >/dev/null || { echo "clang-tidy is missing"; exit 77; }
some=24
all=$(find base journal index export app -name '*.c' | sort)
if [ -n "${3:-}" ]; then
	all=$(echo "$all" | grep -E "$3")
elif [ "${SP_LONG:-0}" = 0 ]; then
	git rev-parse -q --verify HEAD >/dev/null 2>&1 ||
		{ echo "no git history here, so nothing says what changed last"; exit 77; }
	echo "$all" >"$2/tidy.all"
	all=$({ git diff --name-only HEAD; git ls-files -o --exclude-standard; git log -30 --format= --name-only; } |
		awk '!seen[$0]++' | grep -xF -f "$2/tidy.all" | head -n $some)
	[ -n "$all" ] || { echo "the last 30 commits changed no source file"; exit 77; }
fi
echo "$all" | xargs -P2 -n4 clang-tidy -p "$2" --quiet 2>/dev/null >"$2/tidy.log"
grep -E 'error:|warning:' "$2/tidy.log" | sort -u | { ! grep .; }
