#!/bin/sh
# .clang-format decides.  Usage: format.sh DIR
cd "$1" || exit 2
command -v clang-format >/dev/null || { echo "clang-format is missing"; exit 77; }
find base journal index export app tests bench -name '*.[ch]' 2>/dev/null |
	sort | xargs -r -P2 -n20 clang-format --dry-run --Werror 2>&1 |
	grep -E 'error:|warning:' | cut -d: -f1 | sort | uniq -c |
	sed 's/^ *\([0-9]*\) \(.*\)/\2: \1 places; run clang-format -i/' |
	{ ! grep .; }
