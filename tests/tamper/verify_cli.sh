#!/bin/sh
# sealpost-verify from outside: exit statuses, output, what it is linked with;
# and the independent verifier, which must say the same.
# usage: verify_cli.sh SEALPOST-VERIFY MAKE-WORLD VERIFIER.PY
set -eu
verify=$1
world=$2
python=$3
root=$("$world")
trap 'rm -rf "$root"' EXIT
key=$root/guard/log.vkey
failed=0

# expect STATUS TEXT COMMAND...: the exit status, and TEXT in the output
expect()
{
	want=$1
	text=$2
	shift 2
	got=0
	"$@" >"$root/out" 2>&1 || got=$?
	if [ "$got" != "$want" ] || ! grep -qF -- "$text" "$root/out"; then
		echo "FAILED: $*: status $got, wanted $want and \"$text\":"
		cat "$root/out"
		failed=1
	fi
}

# flip FILE BYTE: change one byte; flip again to put it back
flip()
{
	python3 - "$1" "$2" <<'PY'
import os, stat, sys
path, at = sys.argv[1], int(sys.argv[2])
os.chmod(path, 0o600)
with open(path, "r+b") as f:
    f.seek(at, 2 if at < 0 else 0)
    b = f.read(1)
    f.seek(-1, 1)
    f.write(bytes([b[0] ^ 1]))
PY
}

segment=$(ls "$root"/archive/archive/*/*/*.tar.zst | head -1)

# who signed: known, unknown, another
for path in archive bag bag.zip bag.tar.zst; do
	expect 0 'OK        everything fits' \
	    "$verify" --vkey "$key" "$root/$path"
	expect 0 'rests on  the verification key that you gave' \
	    "$verify" --vkey "$(cat "$key")" "$root/$path"
	expect 2 'signer not authenticated' "$verify" "$root/$path"
	expect 0 'because you chose to trust it' \
	    "$verify" --trust-embedded-key "$root/$path"
	expect 0 'the checkpoint of size 336 that you kept' \
	    "$verify" --from-checkpoint "$root/kept.checkpoint" "$root/$path"
done
for path in bag bag.zip bag.tar.zst; do
	expect 0 'COMPLETE  every message' "$verify" --vkey "$key" "$root/$path"
	expect 0 'given     335 of 335 messages' \
	    "$verify" --vkey "$key" --require-complete "$root/$path"
done
expect 0 'SELECTION the choice' "$verify" --vkey "$key" "$root/selection"
expect 1 'is a selection' \
    "$verify" --vkey "$key" --require-complete "$root/selection"
expect 1 'which --until includes' \
    "$verify" --vkey "$key" --until 2999-01-01 "$root/bag"
expect 0 'signatures and tables only' \
    "$verify" --vkey "$key" --quick "$root/archive"
expect 0 '"verdict":"ok"' "$verify" --format json --vkey "$key" "$root/bag"
expect 2 '"verdict":"unauthenticated"' "$verify" --format json "$root/bag"

# what it cannot look at
expect 2 'No such file' "$verify" "$root/nothing"
expect 2 'neither a Sealpost archive' "$verify" "$root/guard"
expect 2 'neither a directory nor' "$verify" "$key"
expect 2 'neither a verification key' "$verify" --vkey nonsense "$root/bag"
expect 2 'usage' "$verify"
expect 2 'unrecognized option' "$verify" --no-such-option "$root/bag"
expect 2 'No such file' \
    "$verify" --vkey "$key" --from-checkpoint "$root/none" "$root/bag"
expect 2 'ask for an export made with --from-checkpoint' "$verify" \
    --from-checkpoint "$root/kept.checkpoint" "$root/selection"
expect 0 'Exit status' "$verify" --help

# the independent verifier agrees
for path in archive bag selection; do
	expect 0 'OK: 0 failure(s)' \
	    python3 "$python" --vkey "$key" "$root/$path"
done
expect 0 'continues the kept checkpoint' python3 "$python" \
    --from-checkpoint "$root/kept.checkpoint" "$root/bag"
expect 0 'continues the kept checkpoint' python3 "$python" \
    --from-checkpoint "$root/kept.checkpoint" "$root/archive"
expect 2 'no consistency proof' python3 "$python" \
    --from-checkpoint "$root/kept.checkpoint" "$root/selection"

# a change is seen by both
for change in "$segment:3000" "$segment.p7s:-3" \
    "$root/archive/tree/checkpoint:40" "$root/archive/tree/tile/0/000:99" \
    "$root/archive/tree/tile/entries/000:1000"; do
	file=${change%:*}
	flip "$file" "${change##*:}"
	expect 1 "${file#"$root"/archive/}" \
	    "$verify" --vkey "$key" "$root/archive"
	expect 1 'FAIL' python3 "$python" --vkey "$key" "$root/archive"
	flip "$file" "${change##*:}"
done
for change in data/messages/000000000007.eml:20 data/records.jsonl:300 \
    data/proof/entries.txt:2000 data/proof/range.txt:25 \
    data/proof/checkpoint:40 data/proof/log.vkey:50 \
    data/proof/omitted.jsonl:8 tagmanifest-sha256.txt:3 \
    tagmanifest-sha256.txt.p7s:-3 bag-info.txt:60; do
	file=${change%:*}
	flip "$root/bag/$file" "${change##*:}"
	expect 1 "$file" "$verify" --vkey "$key" "$root/bag"
	expect 1 'FAIL' python3 "$python" --vkey "$key" "$root/bag"
	flip "$root/bag/$file" "${change##*:}"
done
expect 0 'everything fits' "$verify" --vkey "$key" "$root/archive"
expect 0 'everything fits' "$verify" --vkey "$key" "$root/bag"

# no network, no database, no MIME in it
needed=$(readelf -d "$verify" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    grep -vE '^(libjansson|libarchive|libzstd|libcrypto|libc|libm|libasan|libubsan|libgcc_s|ld-linux.*)\.so' || true)
if [ -n "$needed" ]; then
	echo "FAILED: sealpost-verify is linked with $needed"
	failed=1
fi
if nm -D --undefined-only "$verify" |
    grep -wE 'socket|connect|bind|listen|getaddrinfo|(sqlite3|curl|g_mime|uv)_[a-z_]*'; then
	echo "FAILED: sealpost-verify can talk to somebody"
	failed=1
fi
exit $failed
