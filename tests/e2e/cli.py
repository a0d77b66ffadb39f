#!/usr/bin/env python3
"""The command line: every wrong use gives one clear line and the right exit
status, every output is what the contract says."""
import base64
import email.generator
import io

from kit import *

sys.path.insert(0, os.path.join(SOURCE, "examples"))
import send as fixtures

COMMANDS = ["init", "config", "serve", "import", "pull", "search", "show", "export", "verify", "status", "alarms", "audit", "canary",
            "reconcile", "journal", "seal", "reindex", "passwd", "key", "oauth", "proof"]
HIT = ["seq", "received", "date", "grade", "via", "size", "sha256", "message_id", "subject", "from", "to", "cc", "bcc",
       "reply_to", "envelope_from", "envelope_to", "attachments", "claims", "inner_sha256", "duplicate_of",
       "same_as", "msgid_conflict_with", "flags"]
MORE = ["family", "headers", "text", "leaves", "record", "line"]


def mails():
    for _, _, m in [fixtures.everyday(n) for n in range(20, 40)] + list(fixtures.special(1)):
        out = io.BytesIO()
        email.generator.BytesGenerator(out, policy=fixtures.POLICY).flatten(m)
        yield out.getvalue()


def fill(work):
    """An archive of fixtures by every way of import; the folder that they come from."""
    a = Archive(work, free_port(), name="cli")
    tree = work + "/tree"
    for d in ("eml/deep", "md/cur", "md/new", "md/tmp"):
        os.makedirs(f"{tree}/{d}")
    all_ = list(mails())
    third = len(all_) // 3
    for i, data in enumerate(all_[:third]):
        open(f"{tree}/eml/{'deep/' if i % 2 else ''}{i:02d}.eml", "wb").write(data)
    for i, data in enumerate(all_[third:2 * third]):
        open(f"{tree}/md/{'cur' if i % 2 else 'new'}/1700000000.{i}.host:2,S", "wb").write(data)
    with open(f"{tree}/box.mbox", "wb") as f:
        for data in all_[2 * third:]:
            f.write(b"From ann@corp.example Mon Jan  5 10:00:00 2026\n" + data.replace(b"\r\n", b"\n") + b"\n")
    open(tree + "/notes.txt", "w").write("not mail\n")
    done = a.cmd("import", "--source", "old server", tree)
    check(f"{len(all_)} messages taken".encode() in done.stdout and b"1 files not mail" in done.stdout
          and b"0 failed" in done.stdout, f"import: {done.stdout}")
    return a, tree, len(all_)


def wrong(a, work):
    """(what, arguments, exit status, words of the message)"""
    d = a.dir
    other = Archive(work, free_port(), name="other")
    shutil.copy(other.dir + "/tree/checkpoint", work + "/other.checkpoint")
    newer = work + "/newer"
    shutil.copytree(d, newer)
    open(newer + "/FORMAT", "w").write("sealpost archive 2\ne2e.example/cli\n")
    broken = work + "/broken"
    shutil.copytree(d, broken)
    open(broken + "/FORMAT", "w").write("garbage")
    nokey = work + "/nokey"
    shutil.copytree(d, nokey)
    shutil.copytree(d + ".guard", nokey + ".guard")
    for key in ("log.key", "seal.key"):
        os.unlink(f"{nokey}/keys/{key}")
    text = open(nokey + "/sealpost.conf").read()
    open(nokey + "/sealpost.conf", "w").write(text.replace(d + ".guard", nokey + ".guard"))
    novkey = work + "/novkey"
    shutil.copytree(d, novkey)
    os.unlink(novkey + "/keys/log.vkey")
    os.makedirs(work + "/exists")
    os.makedirs(work + "/empty")
    confs = {}
    for name, body, words in (
            ("unknown option", 'listen a {\n  address = "127.0.0.1:25"\n  nonsense = 1\n}\n', ":3:"),
            ("unclosed section", 'listen a {\n  address = "127.0.0.1:25"\n', ":1:"),
            ("twice", 'memory = 1M\nmemory = 2M\n', ":2:"),
            ("wrong size", 'memory = many\n', ":1:"),
            ("wrong address", 'listen a {\n  address = "nowhere"\n}\n', ":2:"),
            ("open to the world", 'listen a {\n  address = "0.0.0.0:25"\n}\n', ":"),
            ("same address twice", 'listen a {\n  address = "127.0.0.1:25"\n}\nlisten b {\n  address = "127.0.0.1:25"\n}\n', ":"),
            ("not text", 'memory = \x01\x02\n', ":1:")):
        path = f"{work}/{name.replace(' ', '-')}.conf"
        open(path, "w").write(body)
        confs[name] = (path, words)
    A = ("-A", d)
    table = [
        ("no archive", ("-A", work + "/nothing", "status"), 2, ["no archive", "nothing"]),
        ("not an archive", ("-A", work + "/empty", "search", "x"), 2, ["not a Sealpost archive", "FORMAT"]),
        ("a newer archive", ("-A", newer, "search", "x"), 2, ["2", "newer"]),
        ("a newer archive, verify", ("-A", newer, "verify"), 2, ["newer"]),
        ("a newer archive, serve", ("-A", newer, "serve"), 2, ["newer"]),
        ("a broken FORMAT", ("-A", broken, "status"), 2, ["FORMAT"]),
        ("no command of that name", (*A, "frobnicate"), 2, ["frobnicate", "--help"]),
        ("no global option of that name", ("--frobnicate",), 2, ["--frobnicate", "--help"]),
        ("a global option without its value", ("-A",), 2, ["-A", "value"]),
        ("no such time zone", (*A, "--tz", "Mars/Olympus", "search", "x"), 2, ["Mars/Olympus"]),
        ("no option of that name", (*A, "search", "--frobnicate"), 2, ["--frobnicate", "search --help"]),
        ("an option without its value", (*A, "search", "--limit"), 2, ["--limit", "value"]),
        ("not a number", (*A, "search", "--limit", "many", "x"), 2, ["--limit", "many"]),
        ("not a format", (*A, "search", "--format", "xml", "x"), 2, ["--format", "xml", "table"]),
        ("not an order", (*A, "search", "--sort", "colour", "x"), 2, ["--sort", "colour"]),
        ("not a date", (*A, "search", "--since", "someday", "x"), 2, ["--since", "someday", "YYYY-MM-DD"]),
        ("a day that does not exist", (*A, "search", "--since", "2026-02-30"), 2, ["2026-02-30"]),
        ("an impossible range", (*A, "search", "--since", "2026-02-02", "--until", "2026-02-01"), 2, ["impossible range"]),
        ("an impossible range, export", (*A, "export", "-o", work + "/x", "--since", "2026-02-02", "--until", "2026-01"), 2, ["impossible range"]),
        ("an impossible range, verify", (*A, "verify", "--since", "2026-02-02", "--until", "2026-01"), 2, ["impossible range"]),
        ("no entry of that number", (*A, "show", "99999"), 2, ["99999"]),
        ("no number", (*A, "show", "first"), 2, ["first", "sequence number"]),
        ("show without a number", (*A, "show"), 2, ["SEQ"]),
        ("two numbers", (*A, "show", "1", "2"), 2, ["2"]),
        ("no bytes of an event", (*A, "show", "0", "--format", "raw"), 2, ["event"]),
        ("no part of that name", (*A, "show", "1", "--part", "9.9"), 2, ["9.9"]),
        ("import of nothing", (*A, "import"), 2, ["PATH"]),
        ("import as nonsense", (*A, "import", "--as", "tape", "x"), 2, ["--as", "tape"]),
        ("export without a path", (*A, "export"), 2, ["--output"]),
        ("export to an existing path", (*A, "export", "-o", work + "/exists"), 2, ["exists", "already"]),
        ("export into no folder", (*A, "export", "-o", work + "/no/such/folder"), 2, ["no/such"]),
        ("export by nonsense", (*A, "export", "-o", work + "/x", "--by", "colour"), 2, ["--by", "colour"]),
        ("export with no such load file", (*A, "export", "-o", work + "/x", "--load-file", "pst"), 2, ["pst"]),
        ("export at a size to come", (*A, "export", "-o", work + "/x", "--at", "99999"), 2, ["--at", "99999"]),
        ("export from no checkpoint", (*A, "export", "-o", work + "/x", "--from-checkpoint", work + "/no"), 2, ["/no"]),
        ("export from what is no checkpoint", (*A, "export", "-o", work + "/x", "--from-checkpoint", d + "/FORMAT"), 2, ["FORMAT"]),
        ("export from the checkpoint of another log", (*A, "export", "-o", work + "/x", "--from-checkpoint", work + "/other.checkpoint"), 1,
         ["e2e.example/other", "e2e.example/cli"]),
        ("export with a bad query", (*A, "export", "-o", work + "/x", "subject:("), 2, None),
        ("verify of nothing", (*A, "verify", work + "/no"), 2, ["/no"]),
        ("verify with no key", (*A, "verify", "--vkey", "nonsense"), 2, ["nonsense", "key"]),
        ("verify from no checkpoint", (*A, "verify", "--from-checkpoint", work + "/no"), 2, ["/no"]),
        ("proof of nothing", (*A, "proof"), 2, ["SEQ"]),
        ("proof of an entry to come", (*A, "proof", "99999"), 2, ["99999"]),
        ("oauth without a verb", (*A, "oauth"), 2, ["oauth login ACCOUNT"]),
        ("oauth for nobody", (*A, "oauth", "login", "nobody"), 2, ["no section", "nobody"]),
        ("key without a verb", (*A, "key"), 2, ["key show"]),
        ("config without a verb", (*A, "config"), 2, ["config check"]),
        ("serve with an argument", (*A, "serve", "now"), 2, ["now"]),
        ("seal with an argument", (*A, "seal", "now"), 2, ["now"]),
        ("no configuration", (*A, "-c", work + "/no.conf", "serve"), 2, ["no.conf"]),
        ("init without a folder", ("init",), 2, ["init DIR"]),
        ("init over an archive", ("init", d), 2, ["already"]),
        ("init in a full folder", ("init", work + "/tree"), 2, ["empty"]),
        ("init of no address", ("init", work + "/n1", "--listen", "everywhere"), 2, ["--listen", "everywhere"]),
        ("init of a wrong origin", ("init", work + "/n1", "--origin", "two words"), 2, ["--origin"]),
        ("init for nobody", ("init", work + "/n1", "--user", "nosuchuser"), 2, ["nosuchuser"]),
        ("no signing key", ("-A", nokey, "seal"), 2, ["keys/"]),
        ("no signing key, export", ("-A", nokey, "export", "-o", work + "/x"), 2, ["keys/"]),
        ("no verification key", ("-A", novkey, "key", "show"), 2, ["keys/log.vkey"]),
    ] + [("configuration: " + name, ("-c", path, "config", "check"), 2, [os.path.basename(path) + words])
         for name, (path, words) in confs.items()]
    for what, args, status, words in table:
        done = run(SEALPOST, *args, status=status, timeout=PATIENCE)
        text = done.stderr.decode(errors="replace")
        if words is None:
            check(re.search(r"\n  .*\n +\^\n$", text), f"{what}: no caret below the query:\n{text}")
            continue
        check(len(text.splitlines()) == 1 and text.startswith("sealpost"), f"{what}: not one line on standard error: {text!r}")
        for word in words:
            check(word in text, f"{what}: {word!r} is not in {text!r}")
        check(not done.stdout, f"{what}: printed {done.stdout[:200]!r}")
    for name in ("x", "x.partial", "n1", "n1.guard"):
        check(not os.path.exists(f"{work}/{name}"), f"a wrong use left {name}")
    for query, column in (('from:(', 6), ('"never closed', 0), ("one OR", 6), ("nofield:x", 0), ("date:2026-13", 5), ("a (b", 2),
                          ("larger:huge", 7), ("seq:9..x", 4), ("NOT", 3)):
        text = run(SEALPOST, *A, "search", "--", query, status=2).stderr.decode()
        lines = text.splitlines()
        if check(len(lines) == 3 and lines[1] == "  " + query, f"query {query!r}: {text}"):
            check(abs(lines[2].index("^") - 2 - column) <= 1, f"query {query!r}: the caret is at {lines[2].index('^') - 2}, want {column}")


def output(a):
    """A full disk behind standard output, a closed pipe."""
    for args in (("search", "--format", "json"), ("show", 1), ("audit",), ("status",), ("key", "show"), ("proof", 0), ("export", "--help"),
                 ("config", "check"), ("verify",)):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([SEALPOST, "-A", a.dir, *map(str, args)], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
        check(done.returncode == 2, f"{args[0]} > /dev/full: exit status {done.returncode}")
        check(b"standard output" in done.stderr, f"{args[0]} > /dev/full: {done.stderr}")
        check(b"Sanitizer" not in done.stderr, f"{args[0]}: {done.stderr}")
        r, w = os.pipe()
        os.close(r)
        done = subprocess.run([SEALPOST, "-A", a.dir, *map(str, args)], stdout=w, stderr=subprocess.PIPE, timeout=PATIENCE)
        os.close(w)
        check(done.returncode == 2, f"{args[0]} into a closed pipe: exit status {done.returncode} {done.stderr}")


def helps():
    listed = re.findall(r"(?m)^  ([a-z]+) ", run(SEALPOST, "--help").stdout.decode())
    check(sorted(listed) == sorted(COMMANDS), f"--help lists {listed}, this test knows {COMMANDS}")
    for name in COMMANDS:
        done = run(SEALPOST, name, "--help")
        check(done.stdout.startswith(b"usage: sealpost " + name.encode()) and not done.stderr, f"{name} --help: {done.stdout[:100]} {done.stderr}")
        check(run(SEALPOST, name, "-h").stdout == done.stdout, f"{name} -h differs from --help")
        check(b"sealpost-%s(1)" % name.encode() in done.stdout, f"{name} --help does not name its man page")
        page = f"{SOURCE}/doc/man/sealpost-{name}.1"
        if check(os.path.exists(page), f"no man page {page}"):
            text = open(page).read().replace("\\-", "-")
            for option in re.findall(r"--[a-z-]+", done.stdout.decode()):
                check(option in text or option == "--help", f"{page} does not have {option}")
    for args in (("--help",), ("-h",)):
        text = run(SEALPOST, *args).stdout.decode()
        check(all(re.search(rf"(?m)^  {c} ", text) for c in COMMANDS), f"{args}: {text}")
    check(re.match(rb"sealpost \d+\.\d+\.\d+\n$", run(SEALPOST, "--version").stdout), "--version")
    check(re.match(rb"sealpost-verify \d+\.\d+\.\d+\n$", run(VERIFY, "--version").stdout), "sealpost-verify --version")
    check(run(SEALPOST, status=2).stderr.startswith(b"usage:"), "sealpost alone")


def statuses(a, work, total):
    """Exit statuses that say yes or no."""
    a.cmd("search", "zzzzqqqq", status=1)
    a.cmd("search", "subject:offer", status=0)
    check(a.cmd("search", "--count", "zzzzqqqq", status=1).stdout == b"0\n", "search --count without a hit")
    check(a.cmd("search", "--count").stdout == b"%d\n" % total, "search --count of everything")
    check(a.cmd("audit", "--since", "2099", status=1).stdout == b"", "audit of the future")
    done = a.cmd("export", "--output", work + "/empty-bag", "--since", "2001", "--until", "2002")
    check(b"COMPLETE" in done.stdout, f"export of an empty range: {done.stdout}")
    run(VERIFY, "--vkey", a.vkey, "--require-complete", "--since", "2001", "--until", "2002", work + "/empty-bag")
    check(a.cmd("import", work + "/nothing-there", status=1).stderr.count(b"\n") == 1, "import of a missing file")
    open(work + "/fine.eml", "wb").write(message(1))
    done = a.cmd("import", work + "/fine.eml", work + "/nothing-there", status=1)
    check(b"1 messages taken" in done.stdout and b"1 failed" in done.stdout and b"nothing-there" in done.stderr, f"import, half: {done.stdout} {done.stderr}")
    a.cmd("import", work + "/fine.eml", status=0)
    done = a.cmd("import", "/dev/null", status=1)
    check(b"not a regular file" in done.stderr, f"import of a device: {done.stderr}")
    os.truncate(work + "/fine.eml", 151 << 20)
    done = a.cmd("import", work + "/fine.eml", status=1)
    check(b"larger" in done.stderr, f"import of a giant: {done.stderr}")
    done = a.cmd("import", "-", data=b"From: x@corp.example\nSubject: from a pipe\n\nhello\n")
    check(b"1 messages taken" in done.stdout, f"import -: {done.stdout}")
    done = a.cmd("import", "-", data=b"", status=0)
    check(b"1 messages taken (0 B)" in done.stdout, f"import - of nothing: {done.stdout}")
    a.cmd("status", "--offline-ok", status=0)
    a.cmd("verify", status=0)


def members(a, total):
    """--format json is JSON Lines with the members that the contract names."""
    lines = a.cmd("search", "--format", "json", "--limit", "0").stdout.decode().splitlines()
    hits = [json.loads(t) for t in lines]
    check(len(hits) >= total, f"{len(hits)} hits, want {total}")
    check([h["seq"] for h in hits] == sorted((h["seq"] for h in hits), reverse=True), "search is not newest first")
    for h in hits:
        check(list(h)[:len(HIT)] == HIT or set(HIT) <= set(h), f"search --format json: members {sorted(set(HIT) ^ set(h))}")
        for who in ("from", "to", "cc", "bcc", "reply_to"):
            check(all(set(p) == {"name", "addr"} for p in h[who] or []), f"{who}: {h[who]}")
        for att in h["attachments"] or []:
            check(set(att) == {"name", "type", "detected_type", "size", "sha256"}, f"attachment: {att}")
    for h in hits[:6] + [h for h in hits if h["attachments"]][:3]:
        full = json.loads(a.cmd("show", h["seq"], "--format", "json").stdout)
        check(set(HIT + MORE) <= set(full), f"show --format json: no {set(HIT + MORE) - set(full)}")
        same = {k: full[k] for k in HIT if k != "flags"}
        check(same == {k: h[k] for k in same}, f"show and search differ on {[k for k in same if same[k] != h[k]]} of {h['seq']}")
        raw = a.raw(h["seq"])
        check(sha256(raw) == full["sha256"] and len(raw) == full["size"], f"{h['seq']}: bytes and digest")
        record = a.cmd("show", h["seq"], "--format", "record").stdout
        check(json.loads(record) == full["record"], f"{h['seq']}: record")
        for leaf in full["leaves"]:
            check({"path", "type", "charset", "size", "sha256", "tsha256"} <= set(leaf), f"leaf: {leaf}")
            part = a.cmd("show", h["seq"], "--part", leaf["path"]).stdout
            check(sha256(part) == leaf["sha256"] and len(part) == leaf["size"], f"{h['seq']}: part {leaf['path']}")
        # the line commits to the record
        kind, time_, digest = full["line"].split(" ")[2:5]
        check(digest == base64.b64encode(hashlib.sha256(record.rstrip(b"\n")).digest()).decode(), f"{h['seq']}: line and record")
    table = a.cmd("search", "--limit", "3", "corp.example OR offer").stdout.decode().splitlines()
    check(len(table) <= 4 and table[0].split() == ["SEQ", "RECEIVED", "FROM", "SUBJECT"], f"table: {table}")
    done = a.cmd("search", "--limit", "1", "--format", "seq")
    check(done.stdout == b"%d\n" % hits[0]["seq"], f"search --format seq: {done.stdout}")
    check(re.search(rb"1 of [\d,]+ shown; --limit 0 for all\nindex covers entries 0\.\.\d+ of \d+\n$", done.stderr), f"search ends with {done.stderr}")
    check(not a.cmd("-q", "search", "--limit", "1").stderr, "search -q says more than was asked")
    for name, args in (("status", ("status", "--format", "json", "--offline-ok")), ("key", ("key", "show", "--format", "json"))):
        json.loads(a.cmd(*args).stdout)
    for line in a.cmd("audit", "--format", "json").stdout.splitlines():
        check(json.loads(line)["kind"] == "event", f"audit: {line}")
    for line in a.cmd("verify", "--format", "json").stdout.splitlines():
        json.loads(line)
    for line in a.cmd("status", "--format", "prometheus", "--offline-ok").stdout.decode().splitlines():
        check(re.match(r"# (HELP|TYPE) sealpost_\w+ .+$|sealpost_\w+(\{.*\})? \d+$", line), f"prometheus: {line}")


def zones(a, work):
    """--tz moves what is printed, and what a plain date means."""
    seq = a.cmd("search", "--format", "seq", "--limit", "1").stdout.decode().strip()
    received = json.loads(a.cmd("show", seq, "--format", "record").stdout)["received"]
    import zoneinfo
    import datetime
    at = datetime.datetime.fromisoformat(received.replace("Z", "+00:00"))
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        local = at.astimezone(zoneinfo.ZoneInfo(zone))
        text = a.cmd("--tz", zone, "show", seq).stdout.decode()
        check(local.strftime("%Y-%m-%d %H:%M:%S") in text, f"--tz {zone}: {text[:200]}")
        day = local.strftime("%Y-%m-%d")
        check(a.cmd("--tz", zone, "search", "--count", "--since", day, "--until", day, f"seq:{seq}").stdout == b"1\n", f"--tz {zone}, {day}")
        before = (local - datetime.timedelta(days=1)).strftime("%Y-%m-%d")
        a.cmd("--tz", zone, "search", "--count", "--until", before, f"seq:{seq}", status=1)


def inclusion(seq, size, leaf, path):
    """The root that an inclusion proof gives (RFC 9162, 2.1.3.2)."""
    fn, sn, r = seq, size - 1, leaf
    node = lambda l, r: hashlib.sha256(b"\1" + l + r).digest()
    for p in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            r = node(r, p)
        fn >>= 1
        sn >>= 1
    return r if sn == 0 else None


def proofs(a):
    """Each entry's tlog-proof leads from its line to the signed root."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    a.cmd("seal")
    name, keyid, key = re.match(r"(.*)\+([0-9a-f]{8})\+(.*)$", a.vkey).groups()
    key = base64.b64decode(key)
    check(key[0] == 1 and hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] == keyid, "key show: the key id")
    end = a.status()["entries"]
    for seq in list(range(0, end, 5)) + [end - 1]:
        text = a.cmd("proof", seq).stdout.decode()
        head, note = text.split("\n\n", 1)
        lines = head.split("\n")
        check(lines[0] == "c2sp.org/tlog-proof@v1" and lines[1] == f"index {seq}", f"proof {seq}: {lines[:2]}")
        origin, size, root = note.split("\n")[:3]
        body, signatures = note.split("\n\n", 1)
        line = json.loads(a.cmd("show", seq, "--format", "json").stdout)["line"]
        leaf = hashlib.sha256(b"\0" + line.encode()).digest()
        got = inclusion(seq, int(size), leaf, [base64.b64decode(t) for t in lines[2:]])
        check(got == base64.b64decode(root), f"proof {seq} does not lead to the root")
        m = re.match(r"— (\S+) (\S+)\n", signatures)
        raw = base64.b64decode(m[2])
        check(m[1] == name == origin and raw[:4].hex() == keyid, f"proof {seq}: signed by {m[1]}")
        Ed25519PublicKey.from_public_bytes(key[1:]).verify(raw[4:], body.encode() + b"\n")
    shown = json.loads(a.cmd("key", "show", "--format", "json").stdout)
    check(shown["vkey"] == a.vkey and "BEGIN CERTIFICATE" in shown["seal_crt"], f"key show: {shown}")


QUERIES = ["", "offer", "from:ann@corp.example", "has:attachment", "subject:quarter", "京都", "larger:1K", "grade:imported", "date:2026-01",
           "-offer", "\"third quarter\"", "filename:docx", "to:@corp.example NOT offer"]


def reindexed(a):
    """reindex changes no answer."""
    def answers():
        return [a.cmd("search", "--format", "json", "--limit", "0", "--sort", sort, "--", q, status=None).stdout
                for q in QUERIES for sort in ("received", "date", "relevance")]

    before = answers()
    check(sum(map(bool, before)) >= len(before) // 2, "the queries hardly find anything")
    done = a.cmd("reindex")
    check(b"index rebuilt" in done.stdout, f"reindex: {done.stdout}")
    for got, want, (q, s) in zip(answers(), before, ((q, s) for q in QUERIES for s in ("received", "date", "relevance"))):
        check(got == want, f"after reindex {q!r} by {s} gives other results")
    a.cmd("reindex", "--since", "2026-01-01")
    check(answers() == before, "after reindex --since other results")
    shutil.rmtree(a.dir + "/index")
    check(answers() == before, "after the index was deleted other results")


def twice(a, tree, work):
    """The second import of the same tree takes nothing, with and without the service."""
    done = a.cmd("import", "--source", "old server", tree)
    check(b"\n" in done.stdout and done.stdout.startswith(b"0 messages taken"), f"import again: {done.stdout}")
    a.start()
    done = a.cmd("import", "--source", "old server", tree)
    check(done.stdout.startswith(b"0 messages taken"), f"import again with the service: {done.stdout}")
    fresh = work + "/fresh"
    os.mkdir(fresh)
    for i in range(200):
        open(f"{fresh}/{i}.eml", "wb").write(message(70000 + i, 3000))
    done = a.cmd("import", fresh)
    check(done.stdout.startswith(b"200 messages taken"), f"import with the service: {done.stdout}")
    # At once again, while the index is behind: it waits for it.
    a.wait_index()
    worker = a.workers()["index"]
    os.kill(worker, signal.SIGSTOP)
    more = work + "/more"
    os.mkdir(more)
    for i in range(10):
        open(f"{more}/{i}.eml", "wb").write(message(80000 + i, 3000))
    done = a.cmd("import", more)
    check(done.stdout.startswith(b"10 messages taken"), f"import while the index stands still: {done.stdout}")
    again = subprocess.Popen([SEALPOST, "-A", a.dir, "import", more], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1)
    check(again.poll() is None, "an import did not wait for the index")
    os.kill(worker, signal.SIGCONT)
    out, err = again.communicate(timeout=PATIENCE)
    check(out.startswith(b"0 messages taken") and b"10 already there" in out, f"import at once again: {out} {err}")
    a.stop()


def audited(a):
    """Accesses are events, and audit lists them readably."""
    seq = a.cmd("search", "--format", "seq", "--limit", "1").stdout.decode().strip()
    a.cmd("show", seq, "--part", "1")
    last = a.events("show")[-1]
    check(last["detail"]["seqs"] == [int(seq)] and last["detail"]["part"] == "1", f"event of show: {last}")
    check(last["actor"]["uid"] == os.getuid(), f"actor: {last['actor']}")
    text = a.cmd("audit").stdout.decode()
    check(re.search(r"(?m)^ +\d+  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  show +  root", text), f"audit: {text[-500:]}")
    check([e["event"] for e in a.events()][0] == "init", "audit does not begin with init")
    check(len(a.cmd("audit", "--since", "today", "--until", "today").stdout.splitlines()) <= len(text.splitlines()) + 1, "audit of today")


def places(work):
    """Relative paths, the current directory, $SEALPOST_ARCHIVE, links, a path longer than a socket's."""
    here = work + "/here"
    os.makedirs(here + "/in")
    run(SEALPOST, "-q", "init", ".", cwd=here + "/in")
    check(sorted(os.listdir(here)) == ["in", "in.guard"], f"init . made {os.listdir(here)}")
    run(SEALPOST, "show", 0, cwd=here + "/in")
    run(SEALPOST, "show", 0, cwd=here + "/in/keys", status=2)
    run(SEALPOST, "-A", "in/../in", "verify", cwd=here)
    run(SEALPOST, "show", 0, env={"SEALPOST_ARCHIVE": here + "/in"})
    os.symlink("in", here + "/link")
    run(SEALPOST, "-A", here + "/link", "verify")
    run(SEALPOST, "-q", "init", "../sub//new/./", cwd=here + "/in")
    check(os.path.exists(here + "/sub/new/FORMAT") and os.path.exists(here + "/sub/new.guard/checkpoint"), f"init ../sub//new/./: {os.listdir(here)}")
    done = run(SEALPOST, "init", "bad", "--guard", "bad/guard", cwd=here, status=2)
    one_line(done, "a guard inside of the archive")
    deep = "/".join([work] + ["d" * 60] * 4)
    os.makedirs(deep)
    b = Archive(deep, free_port(), name="archive")
    b.cmd("show", 0)
    b.start()
    with smtp(b.port) as client:
        check(send(client, message(1))[0] == 250, "mail into an archive at a long path")
    b.cmd("show", 0)
    b.cmd("status")
    b.cmd("seal")
    b.cmd("export", "--output", deep + "/bag")
    b.stop()
    b.verify()
    b.cmd("verify", deep + "/bag")


def locked(a):
    """A role that another process holds: ten seconds, then one line that names it."""
    import fcntl
    open(a.root + "/locked.eml", "wb").write(message(123))
    for name, args in (("receive", ("show", 1)), ("receive", ("import", a.root + "/locked.eml")), ("seal", ("seal",)), ("index", ("reindex",))):
        with open(f"{a.dir}/state/{name}.lock", "r+") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            f.truncate(0)
            f.write(f"{os.getpid()}\n")
            f.flush()
            begin = time.time()
            done = a.cmd(*args, status=2, timeout=PATIENCE)
            took = time.time() - begin
        one_line(done, f"{args[0]} while {name} is held")
        check(str(os.getpid()).encode() in done.stderr, f"{args[0]} does not name who holds {name}: {done.stderr}")
        check(took > 8, f"{args[0]} waited only {took:.1f} s for the role {name}")
    # Half a second later it is free.
    f = open(a.dir + "/state/receive.lock", "r+")
    fcntl.flock(f, fcntl.LOCK_EX)
    child = subprocess.Popen([SEALPOST, "-A", a.dir, "show", "1"], stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    f.close()
    check(child.wait(timeout=PATIENCE) == 0, "a command did not wait for its role")


def cut_imports(work):
    """Ctrl-C and kill -9 in an import: what is in is whole, and the next run takes the rest once."""
    tree = work + "/large"
    os.mkdir(tree)
    for i in range(1500):
        open(f"{tree}/{i}.eml", "wb").write(message(300000 + i, 8000))
    for service in (False, True):
        for sig in (signal.SIGINT, signal.SIGKILL):
            b = Archive(work, free_port(), name=f"cut{service}{int(sig)}")
            if service:
                b.start()
            child = subprocess.Popen([SEALPOST, "-A", b.dir, "import", tree], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            size = lambda: sum(os.stat(f"{b.dir}/intake/{n}").st_size for n in os.listdir(b.dir + "/intake"))
            while child.poll() is None and size() < 4 << 20:
                time.sleep(0.005)
            child.send_signal(sig)
            out, err = child.communicate(timeout=PATIENCE)
            what = f"import, {sig.name}, {'with' if service else 'without'} the service"
            check(child.returncode != 0, f"{what}: it was finished")
            if sig == signal.SIGINT:
                check(child.returncode == 2 and b"interrupted" in err and b"messages taken" in out, f"{what}: {child.returncode} {out} {err}")
            done = b.cmd("import", tree)
            m = re.match(r"([\d,]+) messages taken \(.*\), ([\d,]+) already there", done.stdout.decode())
            taken, there = (int(t.replace(",", "")) for t in m.groups())
            check(taken + there == 1500 and 0 < there < 1500, f"{what}: then {done.stdout}")
            if service:
                b.wait_index()
            hits = [json.loads(t) for t in b.cmd("search", "--format", "json", "--limit", "0").stdout.splitlines()]
            check(len(hits) == len({h["sha256"] for h in hits}) == 1500, f"{what}: {len(hits)} messages, {len({h['sha256'] for h in hits})} different")
            if service:
                b.stop()
            b.verify()


def main():
    work = workdir()
    a, tree, total = fill(work)
    print("- wrong", flush=True)
    wrong(a, work)
    for name, test in (("output", lambda: output(a)), ("helps", helps), ("statuses", lambda: statuses(a, work, total)),
                       ("members", lambda: members(a, total)), ("zones", lambda: zones(a, work)), ("proofs", lambda: proofs(a)),
                       ("reindexed", lambda: reindexed(a)), ("twice", lambda: twice(a, tree, work)), ("audited", lambda: audited(a)),
                       ("places", lambda: places(work)), ("locked", lambda: locked(a)), ("cut_imports", lambda: cut_imports(work))):
        print("-", name, flush=True)
        test()
    a.verify()
    finish("cli")


main()
