#!/bin/sh
# Functions that we do not use, marks that must not stay, and what only one
# file may do: durable writes (base/io*.c, and to simulate faults
# base/fault.c and base/power.c) and time.
# Usage: banned.sh DIR
cd "$1" || exit 2
# look PATTERN WHY FILE...: a call of one of the functions, outside comments.
look() {
	pattern=$1
	why=$2
	shift 2
	[ $# -gt 0 ] || return 0
	# Comments and strings go first; lines keep their numbers.
	for f; do
		sed -e 's/"\([^"\\]\|\\.\)*"/""/g' -e 's,//.*,,' \
			-e 's,/\*.*\*/,,' -e '/\/\*/,/\*\//s/.*//' "$f" |
			grep -En "(^|[^A-Za-z0-9_>.])($pattern)[ ]*\(" |
			sed "s|^|$f:|;s|\$| -- $why|"
	done
}
code=$(find base journal index export app -name '*.c' 2>/dev/null | sort)
all="$code $(find tests bench -name '*.c' 2>/dev/null | sort)"
noio=$(echo "$code" | grep -Ev '^base/(io[a-z_]*|fault|power)\.c$')
notime=$(echo "$code" | grep -v '^base/clock\.c$')
noapp=$(echo "$code" | grep -v '^app/')
out=$(
	# shellcheck disable=SC2086
	{
		look 'strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atoll|strtol|strtoll|strtoul|strtoull|sscanf|gets|system|popen|alloca' 'banned' $all
		look 'exit' 'only app/ ends the program' $noapp
		# Pipes and event counters are no files.
		look 'open|openat|creat|write|writev|pwrite|pwritev|fsync|fdatasync|sync|syncfs|rename|renameat|renameat2|unlink|unlinkat|remove|mkdir|mkdirat|rmdir|ftruncate|truncate|fopen|fdopen|link|linkat|symlink|flock|mkstemp|mkostemp|mkdtemp|fallocate|posix_fallocate|tmpfile' 'only in base/io*.c' $noio
		look 'clock_gettime|gettimeofday|time|clock' 'only in base/clock.c' $notime
		# shellcheck disable=SC2046
		grep -nE '\b(TODO|FIXME|XXX|HACK|not implemented)\b' $all \
			$(find . -path ./build -prune -o -name '*.h' -print) |
			sed 's/$/ -- finish it/'
	} 2>/dev/null | grep -Ev '^app/service/(outbox|worker)\.c:.*[^a-z]write\('
)
[ -z "$out" ] || { echo "$out"; exit 1; }
