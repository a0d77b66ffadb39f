#!/bin/sh
# Real exports, made by sealpost: both verifiers find them whole, and find
# every change, also one that was signed again with the right key.
# usage: export_cli.sh SEALPOST SEALPOST-VERIFY VERIFIER.PY
set -eu
sealpost=$1
verify=$2
python=$3
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cd "$root"
failed=0

# expect STATUS TEXT COMMAND...
expect()
{
	want=$1
	text=$2
	shift 2
	got=0
	"$@" >out 2>&1 || got=$?
	if [ "$got" != "$want" ] || ! grep -qF -- "$text" out; then
		echo "FAILED: $*: status $got, wanted $want and \"$text\":"
		cat out
		failed=1
	fi
}

"$sealpost" init archive --origin journal.test.example >/dev/null
mkdir mail
i=0
while [ $i -lt 40 ]; do
	printf 'From: a@x.example\r\nSubject: %d\r\n\r\nBody %d.\r\n' $i $i \
	    >mail/$i.eml
	i=$((i + 1))
done
"$sealpost" -q -A archive import mail >/dev/null
"$sealpost" -q -A archive seal >/dev/null
cp archive/tree/checkpoint kept
key=archive.guard/log.vkey
printf 'Subject: late\r\n\r\n.\r\n' >late.eml
"$sealpost" -q -A archive import late.eml >/dev/null

for out in bag bag.zip bag.tar.zst; do
	"$sealpost" -q -A archive export --output $out --since 2020 \
	    --from-checkpoint kept >/dev/null
	expect 0 'COMPLETE  every message' "$verify" --vkey $key $out
	expect 0 'OK        everything fits' "$sealpost" -A archive verify $out
	expect 0 'that you kept' "$verify" --from-checkpoint kept $out
done
expect 0 'OK: 0 failure(s)' python3 "$python" --vkey $key bag
expect 0 'continues the kept' python3 "$python" --from-checkpoint kept bag
"$sealpost" -q -A archive export --output none --until 2020 >/dev/null
expect 0 'given     0 of 0 messages' "$verify" --vkey $key none
expect 0 'OK: 0 failure(s)' python3 "$python" --vkey $key none
"$sealpost" -q -A archive export --output some --with-records subject:7 \
    >/dev/null
expect 0 'SELECTION' "$verify" --vkey $key some
expect 1 'is a selection' "$verify" --vkey $key --require-complete some
expect 0 'OK: 0 failure(s)' python3 "$python" --vkey $key some
"$sealpost" -q -A archive export --output at --at 20 >/dev/null
expect 0 'given     19 of 19 messages' "$verify" --vkey $key at
expect 0 'OK: 0 failure(s)' python3 "$python" --vkey $key at

# each file of the bag: a byte, cut by one, gone
find bag -type f | sort >files
while read -r f; do
	case $f in
	# A message like the next one: one is enough.
	bag/data/messages/00000000002*) continue ;;
	esac
	[ -s "$f" ] || continue
	chmod u+w "$f"
	cp "$f" keep
	python3 - "$f" <<'PY'
import sys
b = bytearray(open(sys.argv[1], "rb").read())
b[len(b) // 2] ^= 1
open(sys.argv[1], "wb").write(b)
PY
	expect 1 "${f#bag/}" "$verify" --vkey $key bag
	head -c -1 keep >"$f"
	expect 1 "${f#bag/}" "$verify" --vkey $key bag
	rm "$f"
	expect 1 "${f#bag/}" "$verify" --vkey $key bag
	cp keep "$f"
done <files
expect 0 'everything fits' "$verify" --vkey $key bag

# one message and all mention of it withheld, and signed again with the key
cp -r bag lie
chmod -R u+w lie
python3 - lie 5 <<'PY'
import hashlib, os, re, sys
top, seq = sys.argv[1], int(sys.argv[2])
p = lambda *a: os.path.join(top, *a)
os.unlink(p("data", "messages", "%012d.eml" % seq))
for name in ("data/records.jsonl", "data/loadfile/messages.jsonl"):
    if os.path.exists(p(name)):
        lines = open(p(name), "rb").read().splitlines(True)
        open(p(name), "wb").writelines(
            l for l in lines if b'"seq":%d,' % seq not in l)
files, size = [], 0
for folder, _, names in os.walk(p("data")):
    for n in names:
        path = os.path.join(folder, n)
        files.append(os.path.relpath(path, top))
        size += os.path.getsize(path)
def listing(names):
    return "".join("%s  %s\n" % (hashlib.sha256(
        open(p(n), "rb").read()).hexdigest(), n) for n in sorted(names))
open(p("manifest-sha256.txt"), "w").write(listing(files))
info = open(p("bag-info.txt")).read()
info = re.sub("Payload-Oxum: .*", "Payload-Oxum: %d.%d"
              % (size, len(files)), info)
given = int(re.search("Sealpost-Given: (.*)", info)[1])
info = info.replace("Sealpost-Given: %d" % given,
                    "Sealpost-Given: %d" % (given - 1))
open(p("bag-info.txt"), "w").write(info)
open(p("tagmanifest-sha256.txt"), "w").write(listing(
    ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"]))
PY
openssl cms -sign -binary -cades -md sha256 -signer archive/keys/seal.crt \
    -inkey archive/keys/seal.key -outform DER \
    -in lie/tagmanifest-sha256.txt -out lie/tagmanifest-sha256.txt.p7s
expect 1 'entry 5: neither given nor listed' "$verify" --vkey $key lie
expect 1 'every entry of the run is given or omitted' \
    python3 "$python" --vkey $key lie
if grep -q signature out; then
	echo "FAILED: the signature of the liar should hold:"
	cat out
	failed=1
fi
exit $failed
