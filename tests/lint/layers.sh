#!/bin/sh
# Who may include whom (doc/architecture.md, "Rooms"), third-party libraries
# too.  A room uses only rooms earlier in the table, so the rooms form no
# circle.
# Usage: layers.sh DIR
cd "$1" || exit 2
# Standard headers of C, POSIX and Linux are everybody's.
std='(assert|ctype|dirent|errno|fcntl|fnmatch|ftw|getopt|grp|inttypes|langinfo|limits|locale|math|netdb|poll|pthread|pwd|sched|setjmp|signal|spawn|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|sysexits|syslog|termios|time|unistd|wchar|wctype|(sys|arpa|net|netinet|linux)/[a-z0-9_]+)\.h'
ssl='openssl/[a-z0-9_]+\.h'
tar='archive(_entry)?\.h'

# The floors, lowest first: room | rooms that it includes | libraries.
rooms=$(cat <<TABLE
base||jansson\.h|$ssl
base/config|base|
journal/sign|base|$ssl
journal/tls|base|$ssl
journal/door|base|
journal/import|base|$tar|libpff\.h
journal/oauth|base base/config|curl/curl\.h|jansson\.h|$ssl
journal/watch|base base/config|curl/curl\.h
journal/segment|base|$tar|zstd(_errors)?\.h
journal/tree|base journal/sign|$ssl
journal/log|base base/config journal/segment journal/tree|
journal/pull|base base/config journal/tls|$ssl
journal/pull/imap|base journal/pull|
journal/smtp|base base/config journal/log|$ssl
journal/seal|base base/config journal/sign journal/segment journal/tree journal/log|
journal/verify|base journal/sign journal/segment journal/tree journal/log|$tar
index/mail/decode|base|libxml/[A-Za-z]+\.h|iconv\.h
index/mail|base index/mail/decode|magic\.h
index/schema|base|sqlite3\.h|unicode/[a-z0-9_]+\.h
index/query|base base/config index/schema|
index|base base/config journal/tree journal/log index/mail index/schema index/query|sqlite3\.h
journal/receive|base base/config journal/tls journal/log journal/smtp|uv\.h
export|base journal/tree journal/log index|$tar
app/common|base base/config journal/door|
app/host|base base/config journal/door journal/oauth journal/tree journal/log journal/pull journal/pull/imap journal/seal index app/common|
app/service|base base/config journal/door journal/log journal/smtp journal/seal journal/receive journal/watch index app/common app/host|uv\.h|systemd/sd-[a-z]+\.h
app/cmd|base base/config journal/import journal/oauth journal/watch journal/tree journal/log journal/smtp journal/seal journal/verify journal/receive index index/mail export app/common app/host app/service|jansson\.h
app|base app/common app/cmd|
TABLE
)
out=$(
	echo "$rooms" | while IFS='|' read -r room uses libs; do
		[ -d "$room" ] || continue
		ours=$(echo "$room $uses" | tr ' ' '|')
		find "$room" -maxdepth 1 -name '*.[ch]' -exec \
			grep -HE '^[[:blank:]]*#[[:blank:]]*include' {} + |
			sed 's/:[^<"]*\([<"][^>"]*[>"]\).*/: \1/' |
			grep -Ev ": (\"($ours)/[a-z0-9_]+\.h\"|<($std|$libs)>)\$" |
			sed 's/: /: must not include /'
		# A private header is its own room's.
		find "$room" -maxdepth 1 -name '*.[ch]' -exec \
			grep -HE '^#include "[^"]*_priv\.h"' {} + |
			grep -v "\"$room/[a-z0-9_]*_priv\.h\"" |
			sed 's/:[^"]*/: must not include the private /'
	done
	# No room that the table does not know, none without a floor.
	find base journal index export app -name '*.[ch]' 2>/dev/null |
		sed 's,/[^/]*$,,' | sort -u | while read -r d; do
		echo "$rooms" | grep -q "^$d|" || echo "$d: no room of the table in tests/lint/layers.sh"
	done
)
[ -z "$out" ] || { echo "$out" | sort; exit 1; }
