#!/bin/sh
# Every header compiles alone, twice over, and has its guard.
# Usage: headers.sh DIR [COMPILER FLAG...]
cd "$1" || exit 2
shift
[ $# -gt 0 ] || set -- cc
bad=0
for h in $(find base journal index export app tests bench -name '*.h' \
	2>/dev/null | sort); do
	printf '#include "%s"\n#include "%s"\n' "$h" "$h" |
		"$@" -std=c11 -D_GNU_SOURCE -I. -Wall -Werror -fsyntax-only \
			-x c - 2>/tmp/sp-header.$$ || {
		echo "$h: does not compile alone"
		head -n 3 /tmp/sp-header.$$
		bad=1
	}
done
rm -f /tmp/sp-header.$$
exit $bad
