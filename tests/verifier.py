#!/usr/bin/env python3
"""Checks a Sealpost archive or an unpacked export, sharing no code with it.

Written from doc/format-*.md alone.  Uses python3, python3-cryptography
(Ed25519) and the stock commands openssl, sha256sum, zstd and tar.

    verifier.py [--vkey KEY] [--from-checkpoint FILE] PATH

Prints PASS or FAIL lines with reasons.  Exit status: 0 all passed, 1 a
failure, 2 it could not look.
"""
import argparse
import base64
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import \
        Ed25519PublicKey
except ImportError:
    print("verifier.py: python3-cryptography is needed", file=sys.stderr)
    sys.exit(2)

failures = 0


def check(ok, what, why=""):
    global failures
    if ok:
        print("PASS", what)
    else:
        failures += 1
        print("FAIL", what + (": " + why if why else ""))
    return ok


def fail(what, why=""):
    return check(False, what, why)


def sha(b):
    return hashlib.sha256(b).digest()


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def b64(b):
    return base64.b64encode(b).decode()


def unb64(s, n=None):
    d = base64.b64decode(s, validate=True)
    if b64(d) != (s if isinstance(s, str) else s.decode()):
        raise ValueError("base64 is not canonical")
    if n is not None and len(d) != n:
        raise ValueError("%d bytes, expected %d" % (len(d), n))
    return d


# ---- RFC 6962 ----

def leaf(b):
    return sha(b"\0" + b)


def node(l, r):
    return sha(b"\1" + l + r)


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root_of(h):
    """Root of a list of leaf hashes, folded pairwise."""
    if not h:
        return sha(b"")
    h = list(h)
    while len(h) > 1:
        up = [node(h[i], h[i + 1]) for i in range(0, len(h) - 1, 2)]
        if len(h) % 2:
            up.append(h[-1])
        h = up
    return h[0]


def inclusion_root(m, n, h, proof):
    """Root from a leaf and its path; None if the path has a wrong length."""
    if m >= n:
        return None
    proof = list(proof)

    def go(m, n):
        if n == 1:
            return h
        if not proof:
            return None
        sib = proof.pop()
        k = split(n)
        if m < k:
            r = go(m, k)
            return None if r is None else node(r, sib)
        r = go(m - k, n - k)
        return None if r is None else node(sib, r)
    r = go(m, n)
    return None if proof else r


def consistent(m, n, r1, r2, proof):
    """RFC 6962 section 2.1.2 from the definition: both roots are rebuilt."""
    proof = list(proof)

    def go(m, n, whole):
        if m == n:
            if whole:
                return r1, r1
            if not proof:
                return None
            h = proof.pop(0)
            return h, h
        k = split(n)
        if m <= k:
            got = go(m, k, whole)
            if got is None or not proof:
                return None
            return got[0], node(got[1], proof.pop(0))
        got = go(m - k, n - k, False)
        if got is None or not proof:
            return None
        left = proof.pop(0)
        return node(left, got[0]), node(left, got[1])
    if not 0 < m <= n:
        return False
    got = go(m, n, True)
    return got is not None and not proof and got == (r1, r2)


def range_root(first, end, n, leaves, left, right):
    """Root of a tree of n from the leaves [first, end) and the siblings."""
    left, right = list(left), list(right)

    def go(lo, hi):
        # The subtree over [lo, hi).
        if hi <= first:
            return left.pop()           # nearest to the root is last
        if lo >= end:
            return right.pop()
        if hi - lo == 1:
            return leaves[lo - first]
        k = lo + split(hi - lo)
        return ordered(lo, k, hi)

    def ordered(lo, k, hi):
        # Siblings are consumed root side first, whichever side they are on.
        if k <= first:
            l = left.pop()
            return node(l, go(k, hi))
        if k >= end:
            r = right.pop()
            return node(go(lo, k), r)
        return node(go(lo, k), go(k, hi))
    try:
        r = go(0, n)
    except IndexError:
        return None
    return None if left or right else r


# ---- notes ----

class Vkey:
    def __init__(self, text):
        self.text = text.strip()
        name, kid, key = self.text.split("+", 2)
        raw = unb64(key)
        if raw[0] != 1 or len(raw) != 33:
            raise ValueError("not an Ed25519 verification key")
        self.name, self.raw = name, raw[1:]
        self.id = bytes.fromhex(kid)
        if self.id != sha(name.encode() + b"\n" + raw)[:4]:
            raise ValueError("the key id does not belong to the key")
        self.key = Ed25519PublicKey.from_public_bytes(self.raw)


class Checkpoint:
    def __init__(self, note, vkey):
        text, _, sigs = note.rpartition(b"\n\n")
        if not sigs or not sigs.endswith(b"\n"):
            raise ValueError("not a signed note")
        text += b"\n"
        good = False
        for line in sigs.decode().split("\n")[:-1]:
            dash, name, blob = line.split(" ")
            if dash != "\u2014":
                raise ValueError("not a signature line")
            raw = base64.b64decode(blob, validate=True)
            if name == vkey.name and raw[:4] == vkey.id:
                vkey.key.verify(raw[4:], text)
                good = True
        if not good:
            raise ValueError("no signature of " + vkey.name)
        lines = text.decode().split("\n")
        self.origin, self.size = lines[0], int(lines[1])
        if str(self.size) != lines[1]:
            raise ValueError("size with leading zeros")
        self.root = unb64(lines[2], 32)
        self.note = note


def checkpoint(path, vkey, what):
    try:
        c = Checkpoint(read(path), vkey)
    except InvalidSignature:
        fail(what, "wrong signature")
        return None
    except (OSError, ValueError) as e:
        fail(what, str(e))
        return None
    check(c.origin == vkey.name, what + " is signed by the log's key")
    return c


# ---- entries ----

LINE = re.compile(
    r"sealpost/entry/v1 (0|[1-9]\d*) (message|event) "
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S{44}) (\S{44}|-)")


class Line:
    def __init__(self, text):
        self.text = text
        m = LINE.fullmatch(text.decode())
        if not m:
            raise ValueError("not an entry line: %r" % text[:80])
        self.seq, self.kind, self.time = int(m[1]), m[2], m[3]
        self.record = unb64(m[4], 32)
        self.message = None if m[5] == "-" else unb64(m[5], 32)


def check_entry(line, record, message, where):
    """A record (and, unless None, a message) against the entry line."""
    if sha(record) != line.record:
        return fail(where, "record does not match its line")
    r = json.loads(record)
    if (r["seq"], r["kind"], r["received"]) != (
            line.seq, line.kind, line.time):
        return fail(where, "record says something else than its line")
    if message is None:
        return True
    m = r["message"]
    if m["size"] != len(message) or m["sha256"] != sha(message).hex():
        return fail(where, "message does not match its record")
    if sha(unb64(m["salt"], 16) + sha(message)) != line.message:
        return fail(where, "message does not match its line")
    return True


def openssl_cms(p7s, content, certs):
    r = subprocess.run(
        ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose",
         "any", "-CAfile", certs, "-in", p7s, "-content", content, "-out",
         os.devnull], capture_output=True)
    return r.returncode == 0, r.stderr.decode(errors="replace").strip()


def said(events, vkey_text, certs, what):
    """Key and certificates must be named by init or key events."""
    keys, pems = set(), []
    for r in events:
        if r.get("event") in ("init", "key"):
            keys.add(r["detail"]["vkey"])
            pems.append(r["detail"]["seal_crt"].encode())
    check(vkey_text in keys, what + ": the log names its key")
    rest = certs
    while rest:
        for p in pems:
            if rest.startswith(p):
                rest = rest[len(p):]
                break
        else:
            break
    check(certs and not rest, what + ": the log names every certificate")


# ---- an archive ----

def tile_path(level, n):
    parts = ["%03d" % (n % 1000)]
    while n >= 1000:
        n //= 1000
        parts.insert(0, "x%03d" % (n % 1000))
    return "/".join(["tile", level] + parts)


def check_tree(top, lines):
    """Tiles, bundles and tail against the lines that the entries gave."""
    have = read(top, "tree", "tail")
    size, = struct.unpack_from("<Q", have, 16)
    if not check(size <= len(lines), "tree/tail has no more entries than "
                 "there are", "%d, there are %d" % (size, len(lines))):
        return
    # The youngest entries may not be in the tree yet.
    lines = lines[:size]
    h = [leaf(l) for l in lines]
    n, level, ok = len(lines), 0, True
    for i in range(n // 256):
        path = tile_path("entries", i)
        want = b"".join(struct.pack(">H", len(l)) + l
                        for l in lines[i * 256:i * 256 + 256])
        if read(top, "tree", path) != want:
            ok = fail("tree/" + path, "bundle does not have these lines")
    partial = []
    while level < 7:
        up = []
        for i in range(len(h) // 256):
            part = h[i * 256:i * 256 + 256]
            path = tile_path(str(level), i)
            if read(top, "tree", path) != b"".join(part):
                ok = fail("tree/" + path, "tile does not have these hashes")
            up.append(root_of(part))
        partial.append(b"".join(h[len(h) // 256 * 256:]))
        h, level = up, level + 1
    bundle = b"".join(struct.pack(">H", len(l)) + l
                      for l in lines[n // 256 * 256:])
    tail = struct.pack("<8sIIQ", b"sealtail", 1, len(bundle), n) + \
        b"".join(partial) + bundle
    check(have == tail + struct.pack(
        "<I", crc32c(tail)), "tree/tail is that of %d entries" % n)
    check(ok, "full tiles and bundles of %d entries" % n)


def segments(top):
    found = []
    base = os.path.join(top, "archive")
    for folder, _, names in os.walk(base):
        for n in names:
            m = re.fullmatch(r"(\d{12,})-(\d{12,})(\.r\d+)?\.tar\.zst", n)
            if m:
                found.append((int(m[1]), int(m[2]), os.path.join(folder, n)))
    return sorted(found)


def check_segment(top, first, last, path, events, lines):
    where = os.path.relpath(path, top)
    ok, why = openssl_cms(
        path + ".p7s", path, os.path.join(top, "keys", "seal-all.crt"))
    check(ok, where + ": openssl cms -verify", why)
    with tempfile.TemporaryDirectory() as tmp:
        r = subprocess.run(
            ["tar", "--zstd", "-xf", path, "-C", tmp], capture_output=True)
        if not check(r.returncode == 0, where + ": tar --zstd -xf",
                     r.stderr.decode(errors="replace")):
            return
        text = read(tmp, "%012d-%012d.lines" % (first, last))
        own = text.split(b"\n")
        check(own[-1] == b"" and len(own) == last - first + 2,
              where + ": one line for each entry")
        count, ok = 1, True
        for i, t in enumerate(own[:-1]):
            l = Line(t)
            at = "%s: entry %d" % (where, first + i)
            if l.seq != first + i:
                ok = fail(at, "line of entry %d" % l.seq)
            name = os.path.join(tmp, "%012d" % l.seq)
            record = read(name + ".json")
            message = None
            if l.message is not None:
                message = read(name + ".eml")
                count += 1
            count += 1
            ok = check_entry(l, record, message, at) and ok
            if l.kind == "event":
                events.append(json.loads(record))
            lines.append(t)
        check(ok, where + ": every record and message")
        check(count == len(os.listdir(tmp)), where + ": nothing else in it")


def verify_archive(top, args):
    fmt = read(top, "FORMAT").decode().split("\n")
    check(fmt[0] == "sealpost archive 1", "FORMAT")
    vkey = Vkey(args.vkey or read(top, "keys", "log.vkey").decode())
    check(vkey.text == read(top, "keys", "log.vkey").decode().strip(),
          "keys/log.vkey is the key given")
    check(fmt[1] == vkey.name, "the key is that of the origin")
    lines, events = [], []
    for first, last, path in segments(top):
        if first != len(lines):
            fail(os.path.relpath(path, top), "entries %d to %d are missing"
                 % (len(lines), first - 1))
            break
        check_segment(top, first, last, path, events, lines)
    for seq, record, message, where in intake(top):
        if seq < len(lines):
            continue
        if seq > len(lines):
            fail(where, "entries %d to %d are missing"
                 % (len(lines), seq - 1))
            break
        r = json.loads(record)
        commit = "-"
        if r["kind"] == "message":
            commit = b64(sha(unb64(r["message"]["salt"], 16) + sha(message)))
            if r["message"]["sha256"] != sha(message).hex():
                fail(where, "message does not match its record")
        else:
            events.append(r)
        lines.append(("sealpost/entry/v1 %d %s %s %s %s" % (
            seq, r["kind"], r["received"], b64(sha(record)),
            commit)).encode())
    check(all(Line(a).time <= Line(b).time
              for a, b in zip(lines, lines[1:])), "times never decrease")
    hashes = [leaf(l) for l in lines]
    names = ["checkpoint"] + [
        os.path.join("checkpoints", n)
        for n in os.listdir(os.path.join(top, "tree", "checkpoints"))
        if n.isdigit()]
    for n in names:
        c = checkpoint(os.path.join(top, "tree", n), vkey, "tree/" + n)
        if c is None:
            continue
        if not check(c.size <= len(hashes), "tree/%s has no more entries "
                     "than there are" % n, "%d, there are %d" % (
                         c.size, len(hashes))):
            continue
        check(root_of(hashes[:c.size]) == c.root,
              "tree/%s: the entries give its root (%d)" % (n, c.size))
    check_tree(top, lines)
    said(events, vkey.text, read(top, "keys", "seal-all.crt"), "keys")
    if args.from_checkpoint:
        k = checkpoint(args.from_checkpoint, vkey, "the kept checkpoint")
        if k is not None:
            check(k.size <= len(hashes) and
                  root_of(hashes[:k.size]) == k.root,
                  "the archive continues the kept checkpoint")
    print("origin %s, %d entries" % (vkey.name, len(lines)))


# ---- a bag ----

def hashes_of(lines):
    return [unb64(l, 32) for l in lines]


def parse_range(text):
    if not text.endswith(b"\n"):
        raise ValueError("no last line end")
    l = text.decode().split("\n")[:-1]
    if l[0] != "sealpost/range-proof/v1" or l[4] != "":
        raise ValueError("not a range proof")
    gap = l.index("", 5)
    return (int(l[1]), int(l[2]), int(l[3]), hashes_of(l[5:gap]),
            hashes_of(l[gap + 1:]))


def parse_proof(text):
    head, _, note = text.partition(b"\n\n")
    l = head.decode().split("\n")
    if l[0] != "c2sp.org/tlog-proof@v1" or not l[1].startswith("index "):
        raise ValueError("not a tlog-proof")
    return int(l[1][6:]), hashes_of(l[2:]), note


def line_of(record):
    r = json.loads(record)
    commit = "-"
    if "message" in r:
        commit = b64(sha(unb64(r["message"]["salt"], 16) +
                         bytes.fromhex(r["message"]["sha256"])))
    return ("sealpost/entry/v1 %d %s %s %s %s" % (
        r["seq"], r["kind"], r["received"], b64(sha(record)),
        commit)).encode()


def check_events(top, c):
    """All events that are proven to be in the tree, by seq."""
    folder = os.path.join(top, "data", "proof", "events")
    events = {}
    for n in sorted(os.listdir(folder)):
        if not n.endswith(".json"):
            continue
        record = read(folder, n)
        try:
            index, proof, note = parse_proof(
                read(folder, n[:-5] + ".tlog-proof"))
            r = json.loads(record)
            ok = (index == r["seq"] == int(n[:-5]) and
                  r["kind"] == "event" and note == c.note and
                  inclusion_root(index, c.size, leaf(line_of(record)),
                                 proof) == c.root)
        except (OSError, ValueError, KeyError) as e:
            fail("events/" + n, str(e))
            continue
        if check(ok, "events/%s is in the log" % n):
            events[r["seq"]] = r
    return events


def sha256sum(top, name):
    r = subprocess.run(["sha256sum", "-c", "--strict", "--quiet", name],
                       cwd=top, capture_output=True)
    check(r.returncode == 0, "sha256sum -c " + name,
          (r.stdout + r.stderr).decode(errors="replace").strip())


def check_files(top):
    listed = set(l.split("  ", 1)[1] for l in read(
        top, "manifest-sha256.txt").decode().splitlines())
    there = set()
    for folder, _, names in os.walk(os.path.join(top, "data")):
        for n in names:
            there.add(os.path.relpath(os.path.join(folder, n), top))
    check(listed == there, "the manifest lists every file",
          "differing: " + ", ".join(sorted(listed ^ there)[:5]))
    tags = {"bag-info.txt", "bagit.txt", "manifest-sha256.txt"}
    check(tags == set(l.split("  ", 1)[1] for l in read(
        top, "tagmanifest-sha256.txt").decode().splitlines()),
        "the tag manifest lists the tag files")
    outside = tags | {"tagmanifest-sha256.txt", "tagmanifest-sha256.txt.p7s",
                      "data"}
    check(set(os.listdir(top)) == outside, "nothing else lies outside data/")


def check_kept(top, args, vkey, c):
    if not args.from_checkpoint:
        return
    k = checkpoint(args.from_checkpoint, vkey, "the kept checkpoint")
    if k is None:
        return
    if k.size == c.size:
        check(k.root == c.root, "the bag continues the kept checkpoint")
        return
    path = os.path.join(top, "data", "proof", "consistency",
                        "%d-%d.txt" % (k.size, c.size))
    if k.size > c.size or not os.path.exists(path):
        print("verifier.py: no consistency proof from %d to %d"
              % (k.size, c.size), file=sys.stderr)
        sys.exit(2)
    l = read(path).decode().split("\n")
    check(l[0] == "sealpost/consistency/v1" and l[3] == "" and
          l[-1] == "" and l[1:3] == [str(k.size), str(c.size)] and
          consistent(k.size, c.size, k.root, c.root, hashes_of(l[4:-1])),
          "the bag continues the kept checkpoint")


def check_run(top, info, c, events):
    proof = os.path.join(top, "data", "proof")
    pfirst, pend, n, left, right = parse_range(read(proof, "range.txt"))
    first, end = (int(x) for x in info["Sealpost-Run"].split("-"))
    check((pfirst, pend, n) == (max(first - 1, 0), end + 1, c.size),
          "range.txt proves the run and its neighbours")
    texts = read(proof, "entries.txt").split(b"\n")
    check(texts.pop() == b"" and len(texts) == pend - pfirst,
          "entries.txt has a line for each entry of the proven run")
    check(range_root(pfirst, pend, n, [leaf(t) for t in texts], left,
                     right) == c.root, "the lines give the root")
    lines = [Line(t) for t in texts]
    check([l.seq for l in lines] == list(range(pfirst, pend)),
          "the lines are consecutive")
    check(all(a.time <= b.time for a, b in zip(lines, lines[1:])),
          "times never decrease")
    asked = events[int(info["Sealpost-Event"])]["detail"]
    by, at = asked["range"]["by"], asked["at"]
    since, until = asked["range"]["since"], asked["range"]["until"]
    event = int(info["Sealpost-Event"])
    at = event if at is None else at
    check(info["Sealpost-Range-By"] == by and
          info["Sealpost-Range-Since"] == (since or "-") and
          info["Sealpost-Range-Until"] == (until or "-"),
          "bag-info.txt and the export's event ask for the same")
    inner = [l for l in lines if first <= l.seq < end]
    if by == "received":
        check(all((since is None or l.time >= since) and
                  (until is None or l.time < until) for l in inner),
              "every entry of the run lies in the range")
        check(first == 0 or (since is not None and lines[0].time < since),
              "the entry before the run lies outside the range")
        check(end == at or (end < at and until is not None and
                            lines[-1].time >= until),
              "the entry behind the run lies outside the range")
    return inner, by, asked


def check_messages(top, inner, asked, events):
    records = {}
    for t in read(top, "data", "records.jsonl").split(b"\n")[:-1]:
        seq = json.loads(t)["seq"]
        check(seq not in records, "record %d once" % seq) \
            if seq in records else None
        records[seq] = t
    omitted = {}
    for t in read(top, "data", "proof", "omitted.jsonl").splitlines():
        o = json.loads(t)
        omitted[o["seq"]] = o
    folder = os.path.join(top, "data", "messages")
    given = {int(n[:-4]) for n in os.listdir(folder)} \
        if os.path.isdir(folder) else set()
    seqs = {l.seq for l in inner}
    check(given | set(omitted) == seqs and not given & set(omitted),
          "every entry of the run is given or omitted")
    check(set(records) <= seqs, "records are of the run")
    ok, filtered = True, 0
    for l in inner:
        where = "entry %d" % l.seq
        if l.seq in given:
            message = read(folder, "%012d.eml" % l.seq)
            if l.seq not in records:
                ok = fail(where, "no record")
                continue
            ok = check_entry(l, records[l.seq], message, where) and ok
            continue
        if l.seq in records:
            ok = check_entry(l, records[l.seq], None, where) and ok
        reason = omitted.get(l.seq, {}).get("reason")
        if (reason == "event") != (l.kind == "event"):
            ok = fail(where, "omitted as " + str(reason))
        elif reason == "filtered":
            filtered += 1
            if not asked["query"] and asked["range"]["by"] == "received":
                ok = fail(where, "filtered without a query")
        elif reason in ("purged", "erased"):
            e = events.get(omitted[l.seq]["event"], {"event": "", "detail": {}})
            if e["event"] != "purge" or not any(
                    a <= l.seq <= b for a, b in e["detail"]["entries"]) or (
                        reason == "erased" and e["detail"]["drop"] != "record"):
                ok = fail(where, "no purge event names it")
    check(ok, "every record and message (%d given, %d filtered)"
          % (len(given), filtered))
    return given, filtered


def verify_bag(top, args):
    info = {}
    for l in read(top, "bag-info.txt").decode().splitlines():
        k, _, v = l.partition(":")
        info[k] = v.strip(" ")
    check(read(top, "bagit.txt") == b"BagIt-Version: 1.0\n"
          b"Tag-File-Character-Encoding: UTF-8\n", "bagit.txt")
    ok, why = openssl_cms(
        os.path.join(top, "tagmanifest-sha256.txt.p7s"),
        os.path.join(top, "tagmanifest-sha256.txt"),
        os.path.join(top, "data", "proof", "seal.crt"))
    check(ok, "openssl cms -verify of the tag manifest", why)
    sha256sum(top, "tagmanifest-sha256.txt")
    sha256sum(top, "manifest-sha256.txt")
    check_files(top)
    inside = read(top, "data", "proof", "log.vkey").decode().strip()
    vkey = Vkey(args.vkey or inside)
    check(vkey.text == inside, "log.vkey is the key given")
    c = checkpoint(os.path.join(top, "data", "proof", "checkpoint"), vkey,
                   "the checkpoint")
    if c is None:
        return
    check(c.origin == info["Sealpost-Origin"] and
          c.size == int(info["Sealpost-Tree-Size"]),
          "bag-info.txt names the checkpoint")
    check_kept(top, args, vkey, c)
    events = check_events(top, c)
    check(0 in events and events[0]["event"] == "init", "entry 0 is there")
    said(events.values(), inside, read(top, "data", "proof", "seal.crt"),
         "the bag")
    if not check(events.get(int(info["Sealpost-Event"]), {}).get("event") ==
                 "export", "the export's own event is there"):
        return
    inner, by, asked = check_run(top, info, c, events)
    given, filtered = check_messages(top, inner, asked, events)
    complete = by == "received" and filtered == 0
    check(info["Sealpost-Verdict"] ==
          ("COMPLETE" if complete else "SELECTION"), "the verdict")
    check(int(info["Sealpost-Given"]) == len(given), "the number given")
    size = files = 0
    for folder, _, names in os.walk(os.path.join(top, "data")):
        for n in names:
            size += os.path.getsize(os.path.join(folder, n))
            files += 1
    check(info["Payload-Oxum"] == "%d.%d" % (size, files), "Payload-Oxum")
    print("%s: %d of %d messages, origin %s, tree of %d" % (
        "COMPLETE" if complete else "SELECTION", len(given),
        sum(l.kind == "message" for l in inner), vkey.name, c.size))


# ---- the intake log ----

CRC = []
for _i in range(256):
    for _ in range(8):
        _i = _i >> 1 ^ (0x82f63b78 if _i & 1 else 0)
    CRC.append(_i)


def crc32c(b, crc=0):
    crc ^= 0xffffffff
    for x in b:
        crc = CRC[(crc ^ x) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def intake_head(b):
    magic, version, length = struct.unpack_from("<8sII", b)
    if magic != b"SPINTAKE" or version != 1:
        raise ValueError("not an intake file of version 1")
    if struct.unpack_from("<I", b, length - 4)[0] != crc32c(b[:length - 4]):
        raise ValueError("damaged header")
    first, = struct.unpack_from("<Q", b, 32)
    prev_length, = struct.unpack_from("<Q", b, 56)
    return {"id": b[16:32], "first": first, "prev": b[40:56],
            "prev_length": prev_length, "length": length,
            "origin": b[74:length - 4].decode()}


def batch_head(b, at, fid):
    if at + 56 > len(b):
        return None
    magic, bid, number, first, count, length, crc = struct.unpack_from(
        "<8s16sQQIQI", b, at)
    if magic != b"SPBATCH1" or bid != fid or crc != crc32c(b[at:at + 52]):
        return None
    return number, first, count, length


def batch_entries(b, at, first, count, length, where):
    end = at + length
    for i in range(count):
        rlen, mlen, flags, rcrc, mcrc = struct.unpack_from("<IQIII", b, at)
        record = b[at + 24:at + 24 + rlen]
        message = b[at + 24 + rlen:at + 24 + rlen + mlen]
        if crc32c(b[at:at + 16] + record) != rcrc or crc32c(message) != mcrc:
            fail(where, "entry %d: wrong checksum" % (first + i))
        at += 24 + rlen + mlen
        yield first + i, record, message, where
    if at != end:
        fail(where, "entries do not fill their batch")


def intake(top):
    """All entries that are proven durable: (seq, record, message, where)."""
    files = []
    folder = os.path.join(top, "intake")
    for n in sorted(os.listdir(folder)):
        m = re.fullmatch(r"(\d{12,})-([0-9a-f]{8})\.log", n)
        if not m:
            continue
        b = read(folder, n)
        h = intake_head(b)
        check(h["first"] == int(m[1]) and h["id"][:4].hex() == m[2],
              "intake/%s has the header of its name" % n)
        files.append((h, n, b))
    limits = {h["prev"]: h["prev_length"] for h, _, _ in files}
    # Only empty files have the first seq of another; order among them does
    # not matter to what they hold.
    for h, n, b in sorted(files, key=lambda f: f[0]["first"]):
        limit, at, number = limits.get(h["id"]), h["length"], 0
        where = "intake/" + n
        while limit is None or at < limit:
            head = batch_head(b, at, h["id"])
            if head is None:
                if limit is not None:
                    fail(where, "damaged at byte %d" % at)
                break
            nr, first, count, length = head
            after = at + 56 + length
            if nr != number:
                fail(where, "batch %d is numbered %d" % (number, nr))
                break
            if limit is None and batch_head(b, after, h["id"]) is None \
                    and count > 0:
                break       # not proven durable
            yield from batch_entries(b, at + 56, first, count, length, where)
            at, number = after, number + 1


def main():
    ap = argparse.ArgumentParser(description="independent verifier")
    ap.add_argument("--vkey", help="the key, or a file with it")
    ap.add_argument("--from-checkpoint")
    ap.add_argument("path")
    args = ap.parse_args()
    if args.vkey and os.path.exists(args.vkey):
        args.vkey = read(args.vkey).decode()
    if not os.path.isdir(args.path):
        print("verifier.py: %s: not a directory (unpack it first)"
              % args.path, file=sys.stderr)
        return 2
    try:
        if os.path.exists(os.path.join(args.path, "FORMAT")):
            verify_archive(args.path, args)
        else:
            verify_bag(args.path, args)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as e:
        fail("cannot go on", "%s: %s" % (type(e).__name__, e))
    if not args.vkey:
        print("NOTE the key was found inside: this shows consistency, not "
              "who signed")
    print("%s: %d failure(s)" % ("FAILED" if failures else "OK", failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
