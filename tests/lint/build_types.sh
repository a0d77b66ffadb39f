#!/bin/sh
# A user's plain cmake compiles, and warns of nothing: no preset, each standard
# build type, gcc and clang.  Usage: build_types.sh SOURCE-DIR [COMPILER:TYPE...]
# Two of the eight unless SP_LONG=1: the others differ in -O only.
src=$(cd "$1" && pwd) || exit 2
shift
if [ $# -eq 0 ]; then
	set -- gcc:Release clang:RelWithDebInfo
	[ "${SP_LONG:-0}" = 0 ] || set -- gcc:Debug gcc:Release gcc:RelWithDebInfo \
		gcc:MinSizeRel clang:Debug clang:Release clang:RelWithDebInfo clang:MinSizeRel
fi
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT
bad=0
for each; do
	if ! cmake -S "$src" -B "$tmp/b" -G Ninja -DCMAKE_C_COMPILER="${each%:*}" \
		-DCMAKE_BUILD_TYPE="${each#*:}" >"$tmp/log" 2>&1 ||
		! ninja -C "$tmp/b" >>"$tmp/log" 2>&1; then
		echo "$each: does not build"
		grep -E 'error:|Error' "$tmp/log" | head -n 5
		bad=1
	elif grep -q 'warning:' "$tmp/log"; then
		echo "$each: builds with warnings"
		grep 'warning:' "$tmp/log" | head -n 5
		bad=1
	else
		echo "$each: builds, no warnings"
	fi
	rm -rf "$tmp/b"
done
exit $bad
