#!/bin/sh
# segment_stock.sh MAKER: stock tools read a sealed segment.  Exit 77: a tool
# that the test needs is not installed.
set -eu
maker=$1
here=$(dirname "$0")
python=/usr/bin/python3
for t in zstd tar openssl "$python"; do
	command -v "$t" >/dev/null || { echo "$t is not installed"; exit 77; }
done
"$python" -c 'import zstandard' 2>/dev/null ||
	{ echo "python3-zstandard is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$maker" "$work"
seg=$(find "$work/archive/archive" -name '*.tar.zst')
[ "$(echo "$seg" | wc -l)" = 1 ]

echo "zstd -t"
zstd -q -t "$seg"
echo "tar --zstd -xf"
mkdir "$work/out"
tar --zstd -C "$work/out" -xf "$seg" 2>"$work/warnings"
[ ! -s "$work/warnings" ] || { cat "$work/warnings"; exit 1; }
echo "every message byte for byte"
for f in "$work"/want/*.eml; do
	cmp "$f" "$work/out/${f##*/}"
done
[ "$(ls "$work/want" | wc -l)" = "$(ls "$work/out" | grep -c 'eml$')" ]
echo "names, modes and owners"
tar --zstd -tvf "$seg" >"$work/list"
! grep -v -- '^-r--r--r-- 0/0 ' "$work/list"
echo "openssl cms -verify"
openssl cms -verify -binary -inform DER -in "$seg.p7s" -content "$seg" \
	-CAfile "$work/archive/keys/seal-all.crt" -purpose any -out /dev/null \
	2>"$work/cms"
grep -qi successful "$work/cms"
echo "zstandard, tarfile, the tables by the document"
"$python" "$here/segment_stock.py" "$seg" "$work/out"
echo "a flipped byte is noticed by zstd and openssl"
cp "$seg" "$work/bad"
printf 'X' | dd of="$work/bad" bs=1 seek=5000 conv=notrunc status=none
! zstd -q -t "$work/bad" 2>/dev/null
! openssl cms -verify -binary -inform DER -in "$seg.p7s" \
	-content "$work/bad" -CAfile "$work/archive/keys/seal-all.crt" \
	-purpose any -out /dev/null 2>/dev/null
echo "all good"
