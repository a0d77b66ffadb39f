#!/bin/sh
# No file over 600 lines, no function over 70.  Usage: size.sh DIR
cd "$1" || exit 2
find base journal index export app tests bench -name '*.[ch]' 2>/dev/null |
	sort | xargs -r awk '
	FNR == 1 { if (n > 600) print file ": " n " lines (600)"; start = 0 }
	{ file = FILENAME; n = FNR }
	# As .clang-format lays functions out: a lone { and a lone } in column 1.
	/^\{/ { start = FNR; name = last }
	/^}/ && start { if (FNR - start - 1 > 70)
		print FILENAME ":" start ": " name " has " FNR - start - 1 \
		    " lines (70)"; start = 0 }
	/^[a-z_]+[a-z0-9_]*\(/ { last = $0; sub(/\(.*/, "", last) }
	END { if (n > 600) print file ": " n " lines (600)" }' |
	{ ! grep .; }
