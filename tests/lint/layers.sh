#!/bin/sh
# Who may include whom (DESIGN section 2), third-party libraries too.
# Usage: layers.sh DIR
cd "$1" || exit 2
# Standard headers of C, POSIX and Linux are everybody's.
std='(assert|ctype|dirent|errno|fcntl|fnmatch|ftw|getopt|grp|inttypes|langinfo|limits|locale|math|netdb|poll|pthread|pwd|sched|setjmp|signal|spawn|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|sysexits|syslog|termios|time|unistd|wchar|wctype|(sys|arpa|net|netinet|linux)/[a-z0-9_]+)\.h'
ssl='openssl/[a-z0-9_]+\.h'
arc='archive(_entry)?\.h|zstd(_errors)?\.h'

# check FOLDER OURS THIRD-PARTY: patterns of what its files may include.
check() {
	[ -d "$1" ] || return 0
	find "$1" -maxdepth 1 -name '*.[ch]' -exec \
		grep -HE '^[[:blank:]]*#[[:blank:]]*include' {} + |
		sed 's/:[^<"]*\([<"][^>"]*[>"]\).*/: \1/' |
		grep -Ev ": (\"($2)/[a-z0-9_]+\.h\"|<($std|$3)>)\$" |
		grep -vxF 'base/config.c: <confuse.h>'
}
out=$(
	check base 'base' "jansson\.h|$ssl"
	check journal/archive 'base|journal/archive' "$arc|jansson\.h|$ssl"
	check index/mail 'base|index/mail' \
		'magic\.h|libxml/[A-Za-z]+\.h|iconv\.h|archive(_entry)?\.h'
	check journal/tls 'base|journal/tls' "$ssl"
	check journal/receive 'base|journal/archive|journal/tls|journal/receive' \
		"uv\.h|jansson\.h|$ssl"
	check journal/pull 'base|journal/tls|journal/pull' \
		"curl/curl\.h|uv\.h|archive(_entry)?\.h|libpff\.h|jansson\.h|$ssl"
	check journal/watch 'base|journal/watch' ''
	check index 'base|journal/archive|index|index/mail' \
		'sqlite3\.h|unicode/[a-z0-9_]+\.h|jansson\.h'
	check export 'base|journal/archive|index|index/mail|export' \
		"$arc|jansson\.h"
	check app 'base|journal/archive|journal/tls|journal/receive|journal/pull|journal/watch|index|index/mail|export|app' \
		'uv\.h|systemd/sd-[a-z]+\.h|jansson\.h'
)
[ -z "$out" ] || { echo "$out" | sort | sed 's/: /: must not include /'; exit 1; }
