#!/bin/sh
# An error or log text is one literal on one line, so that grep finds it: two
# literals in a row only where the first ends its line (\n).
# Usage: literals.sh DIR
cd "$1" || exit 2
find base journal index export app -name '*.[ch]' 2>/dev/null | sort |
	xargs -r awk '
	FNR == 1 { open = 0 }
	/^[ \t]*"/ && open { print FILENAME ":" FNR ": continues the text of the line above; write it as one literal" }
	{ open = /"[ \t]*$/ && !/\\n"[ \t]*$/ && !/^[ \t]*(\*|\/\*|#)/ }' |
	{ ! grep .; }
