#!/bin/sh
# Shows each lint a tiny bad tree: it must fail there, and say why.
# Usage: seeded.sh LINT-DIR
lint=$(cd "$1" && pwd)
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 2
bad=0
# expect LINT TEXT FILE CONTENT
expect() {
	rm -rf t && mkdir -p "t/$(dirname "$3")"
	printf '%b' "$4" >"t/$3"
	script=$lint/$1.sh
	[ -f "$script" ] || script=$lint/$1.py
	if out=$("$script" "$tmp/t" 2>&1); then
		echo "$1: says nothing about $3: $4"
		bad=1
	elif ! echo "$out" | grep -q -- "$2"; then
		echo "$1: does not say \"$2\" but: $out"
		bad=1
	fi
}
expect layers 'base/x.c: must not include "journal/seal/seal.h"' base/x.c '#include "journal/seal/seal.h"\n'
expect layers 'must not include <sqlite3.h>' journal/log/x.c '#include <sqlite3.h>\n'
expect layers 'must not include <archive.h>' base/io.c ' # include <archive.h>\n'
expect layers 'must not include "app/common/app.h"' index/x.h '#include "app/common/app.h"\n'
expect layers 'private "index/query/query_priv.h"' index/mail/x.c '#include "index/query/query_priv.h"\n'
expect layers 'no room of the table' journal/new/x.c 'int x;\n'
expect banned 'base/x.c:2:.*banned' base/x.c '\n\tstrcpy(a, b);\n'
expect banned 'only in base/io' index/x.c '\tif (fsync(fd) != 0)\n'
expect banned 'only in base/io' export/x.c '\tfd = open(p, O_RDWR);\n'
expect banned 'only in base/clock' base/io.c '\tt = time(NULL);\n'
expect banned 'only app/' base/x.c '\texit(1);\n'
expect banned 'finish it' base/x.h '/* TO''DO: later */\n'
expect headers 'base/x.h: does not compile alone' base/x.h 'size_t f(void);\n'
expect headers 'does not compile alone' base/x.h 'struct a { int b; };\n'
expect format 'base/x.c' base/x.c 'int  x ;\n'
expect literals 'base/x.c:2: continues' base/x.c 'const char *a = "no such "\n\t"file";\n'
expect size 'x.c: 601 lines' base/x.c "$(yes 'int x;\n' | head -n 601 | tr -d '\n')"
expect size 'f has 71 lines' base/x.c "int\nf(void)\n{\n$(yes '\tg();\n' | head -n 71 | tr -d '\n')}\n"
expect names 'base/x.h: sp_y_open does not begin with sp_x_' base/x.h 'int sp_y_open(void);\n'
expect words 'base/x.c: opens with no paragraph' base/x.c 'int x;\n'
expect docs 'doc/x.md: there is no doc/y.md' doc/x.md 'See `doc/y.md`.\n'
rm -rf t && mkdir t
for l in a b; do
	echo 'int sp_x(void); int sp_x(void) { return 0; }' >"t/$l.c"
	cc -c "t/$l.c" -o "t/$l.o" && ar rc "t/libsp_$l.a" "t/$l.o"
done
if "$lint/symbols.sh" "$tmp/t" >/dev/null; then
	echo "symbols: says nothing about a name defined twice"
	bad=1
fi
# verifier TEXT LINKED NEEDED: a program that links the libraries LINKED and
# asks the loader for libNEEDED.so.
verifier() {
	rm -rf t && mkdir -p t/app
	echo 'int main(void) { return 0; }' >t/main.c
	cc -shared -o "t/lib$3.so" -x c /dev/null
	cc -o t/app/sealpost-verify t/main.c -Lt -Wl,--no-as-needed "-l$3"
	printf 'build app/sealpost-verify: LINKER a.o\n  LINK_LIBRARIES = %s\n' "$2" >t/build.ninja
	out=$("$lint/verifier.sh" "$tmp/t" 2>&1) && [ -n "$1" ] && { echo "verifier: says nothing about $2 $3"; bad=1; }
	case $out in *"$1"*) ;; *) echo "verifier: does not say \"$1\" but: $out"; bad=1 ;; esac
}
ours='journal/verify/libsp_verify.a base/libsp_base.a /usr/lib/libcrypto.so'
verifier '' "$ours" zstd
verifier 'links sp_index' "$ours index/libsp_index.a" zstd
verifier 'links ssl' "$ours /usr/lib/libssl.so.3" zstd
verifier 'links curl' "$ours -lcurl" zstd
verifier 'needs sqlite3' "$ours" sqlite3
verifier 'needs icuuc' "$ours" icuuc
verifier 'no link command' 'base/libsp_base.a' zstd
exit $bad
