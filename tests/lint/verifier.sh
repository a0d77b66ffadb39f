#!/bin/sh
# sealpost-verify is what an auditor is handed: it links the rooms that read
# and check, and no network, SQLite, MIME or TLS library.  Looks at the link
# command in the build folder (Ninja or Make) and at what the built program
# asks the loader for; a library that libarchive brings in by itself is its own.
# Usage: verifier.sh BUILD-DIR
cd "$1" || exit 2
rooms='base|sign|tree|segment|log|verify'
libs='archive|zstd|jansson|crypto'
# Of the system, and of the sanitizers and clang's run-time.
system='c|m|dl|rt|pthread|resolv|gcc_s|asan|ubsan|ld-linux-[a-z0-9-]*'
program=app/sealpost-verify
[ -x "$program" ] || { echo "$program is not built"; exit 77; }

# Every library of the link command, one a line, as its bare name.
linked() {
	if [ -f build.ninja ]; then
		awk -v p="build $program:" 'index($0, p) == 1 { on = 1 }
			on && /^ *LINK_LIBRARIES =/ { print; exit }' build.ninja
	else
		cat app/CMakeFiles/sealpost-verify.dir/link.txt
	fi | tr ' ' '\n' | sed -nE 's,^-l([a-zA-Z0-9_]+)$,\1,p; t
		s,^(.*/)?lib([A-Za-z0-9_+-]+)\.(a|so)[.0-9]*$,\2,p'
}
needed() {
	readelf -d "$program" |
		sed -nE 's/.*\(NEEDED\).*\[(lib)?([^]]*)\.so[.0-9]*\]/\2/p'
}
all=$(linked)
echo "$all" | grep -qx sp_verify || { echo "no link command of $program found"; exit 1; }
bad=$({
	echo "$all" | grep -vxE "sp_($rooms)|$libs|$system" |
		sed "s,^,$program links ,"
	needed | grep -vxE "$libs|$system" | sed "s,^,$program needs ,"
} | sort -u)
[ -z "$bad" ] || { echo "$bad"; exit 1; }
