#!/usr/bin/env python3
"""Exports in every form, checked by our verifier, an independent one and stock
tools; repeatable; and nothing that looks finished when it is not."""
import csv
import email.generator
import io
import zipfile

from kit import *

sys.path.insert(0, os.path.join(SOURCE, "examples"))
import send as fixtures

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\tx", "＝1", 'quote " and, comma', "plain"]
MANY = 3000 if LONG else 1200


def fixture(m):
    out = io.BytesIO()
    email.generator.BytesGenerator(out, policy=fixtures.POLICY).flatten(m)
    return out.getvalue()


def fill(a, work):
    """Mail of January by import, mail of today by SMTP, names that a spreadsheet would run."""
    old = work + "/old"
    os.mkdir(old)
    for i, (_, _, m) in enumerate([fixtures.everyday(n) for n in range(20, 50)]):
        open(f"{old}/{i:02d}.eml", "wb").write(fixture(m))
    a.cmd("import", old)
    a.start()
    with smtp(a.port) as client:
        for sender, to, m in fixtures.special(1):
            code, text = send(client, fixture(m), sender, to, ["BODY=8BITMIME"])
            check(code == 250, f"{code} {text}")
        for i, subject in enumerate(FORMULAS):
            data = (f'From: "{subject}" <x{i}@corp.example>\r\nSubject: {subject}\r\nMessage-ID: <f{i}@corp.example>\r\n'
                    "Date: Tue, 06 Jan 2026 09:00:00 +0000\r\n\r\nformula\r\n").encode()
            code, text = send(client, data, options=["BODY=8BITMIME"])
            check(code == 250, f"{code} {text}")
    a.wait_index()
    # A segment, and entries that are in none yet.
    a.cmd("seal")
    with smtp(a.port) as client:
        check(send(client, message(5000))[0] == 250, "mail")
    a.wait_index()


def unpack(path, work):
    """The folder of a bag, by stock tools."""
    if path.endswith(".zip"):
        run("unzip", "-tq", path)
        names = zipfile.ZipFile(path).namelist()
        run("unzip", "-q", path, "-d", path + ".d")
    elif path.endswith(".tar.zst"):
        os.mkdir(path + ".d")
        names = run("tar", "--zstd", "-tf", path).stdout.decode().split()
        run("tar", "--zstd", "-xf", path, "-C", path + ".d")
    else:
        return path
    folder = os.path.basename(path).removesuffix(".zip").removesuffix(".tar.zst")
    check({n.split("/")[0] for n in names} == {folder}, f"{path}: folders {set(n.split('/')[0] for n in names)}")
    check(len(names) == len(set(names)), f"{path}: a name occurs twice")
    return f"{path}.d/{folder}"


def info(bag):
    return dict(line.split(":", 1) for line in open(bag + "/bag-info.txt").read().splitlines())


def checked(a, path, work, complete, *more):
    """Everything that anybody can check; the folder."""
    run(VERIFY, "--vkey", a.vkey, *(["--require-complete"] if complete else []), *more, path)
    run(VERIFY, path, status=2)  # knows no key
    run(VERIFY, "--vkey", a.vkey, "--require-complete", path, status=0 if complete else 1)
    a.cmd("verify", path)
    bag = unpack(path, work)
    done = run(sys.executable, SOURCE + "/tests/verifier.py", "--vkey", a.vkey, bag, status=None)
    check(done.returncode == 0, f"verifier.py on {path}: {[t for t in done.stdout.decode().splitlines() if not t.startswith('PASS')][:5]} {done.stderr[-500:]}")
    for manifest in ("tagmanifest-sha256.txt", "manifest-sha256.txt"):
        run("sha256sum", "-c", "--strict", "--quiet", manifest, cwd=bag)
    listed = {line[66:] for line in open(bag + "/manifest-sha256.txt").read().splitlines()}
    there = {os.path.relpath(os.path.join(d, n), bag) for d, _, names in os.walk(bag + "/data") for n in names}
    check(listed == there, f"{path}: manifest and files differ: {sorted(listed ^ there)[:5]}")
    run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-CAfile", "data/proof/seal.crt",
        "-in", "tagmanifest-sha256.txt.p7s", "-content", "tagmanifest-sha256.txt", "-out", "/dev/null", cwd=bag)
    text = open(bag + "/data/VERIFY.txt").read()
    check("sealpost-verify --vkey" in text and ("COMPLETE" if complete else "SELECTION") in text, f"{path}: VERIFY.txt")
    check(info(bag)["Sealpost-Verdict"].strip() == ("COMPLETE" if complete else "SELECTION"), f"{path}: {info(bag)}")
    messages = sorted(os.listdir(bag + "/data/messages")) if os.path.isdir(bag + "/data/messages") else []
    for name in messages[:3] + messages[-2:]:
        check(open(f"{bag}/data/messages/{name}", "rb").read() == a.raw(int(name[:-4])), f"{path}: {name} has other bytes than show")
    return bag


def content(bag):
    """What must be the same for the same arguments and tree size."""
    out = {}
    for d, _, names in os.walk(bag + "/data"):
        for n in names:
            rel = os.path.relpath(os.path.join(d, n), bag + "/data")
            if rel.startswith(("messages/", "loadfile/")) or rel in ("records.jsonl", "proof/entries.txt", "proof/omitted.jsonl"):
                out[rel] = open(os.path.join(d, n), "rb").read()
    return out


def forms(a, work):
    """Containers, with and without a query: the same content in each."""
    contents = {}
    at = a.status()["entries"]
    for query, complete in (("", True), ("subject:offer OR from:ann@corp.example", False)):
        for suffix in ("", ".zip", ".tar.zst"):
            path = f"{work}/bag{len(query)}{suffix}"
            done = a.cmd("export", "--output", path, "--at", at, *([query] if query else []))
            check((b"COMPLETE" if complete else b"SELECTION") in done.stdout, f"export says {done.stdout}")
            check(not os.path.exists(path + ".partial"), f"{path}.partial is left")
            bag = checked(a, path, work, complete)
            contents.setdefault(query, content(bag))
            check(content(bag) == contents[query], f"{path}: other content than in a folder")
            mtimes = {int(os.stat(f"{bag}/data/messages/{n}").st_mtime) for n in os.listdir(bag + "/data/messages")}
            check(max(mtimes) <= time.time() and min(mtimes) > time.time() - 86400, f"{path}: mtimes are not the receipt")
    whole, part = contents[""], contents["subject:offer OR from:ann@corp.example"]
    count = lambda c: sum(n.startswith("messages/") for n in c)
    check(count(part) == int(a.cmd("search", "--count", "subject:offer OR from:ann@corp.example").stdout), "the selection is not what search finds")
    check(count(whole) == int(a.cmd("search", "--count").stdout), "the whole is not what search finds")
    reasons = [json.loads(t) for t in part["proof/omitted.jsonl"].splitlines()]
    check(len(reasons) + count(part) == at, f"{len(reasons)} omitted and {count(part)} given of {at}")
    check({r["reason"] for r in reasons} == {"event", "filtered"}, f"reasons {({r['reason'] for r in reasons})}")
    loadfile(whole)


def loadfile(content_):
    rows = list(csv.reader(io.StringIO(content_["loadfile/messages.csv"].decode("utf-8-sig"), newline="")))
    check(content_["loadfile/messages.csv"].startswith(b"\xef\xbb\xbf") and b"\r\n" in content_["loadfile/messages.csv"], "messages.csv: no BOM or CRLF")
    names, rows = rows[0], [dict(zip(rows[0], r)) for r in rows[1:]]
    hits = [json.loads(t) for t in content_["loadfile/messages.jsonl"].splitlines()]
    given = sorted(n for n in content_ if n.startswith("messages/"))
    check(["data/" + n for n in given] == [r["file"] for r in rows], "messages.csv does not list the messages")
    check([h["seq"] for h in hits] == [int(r["seq"]) for r in rows], "messages.jsonl and messages.csv differ")
    by = {h["message_id"]: r for h, r in zip(hits, rows)}
    for i, subject in enumerate(FORMULAS):
        got = by[f"f{i}@corp.example"]["subject"] if f"f{i}@corp.example" in by else by[f"<f{i}@corp.example>"]["subject"]
        bare = subject.strip()
        want = ("'" if bare[0] in "=+-@＝" else "") + bare
        check(got == want, f"subject {subject!r} is {got!r} in messages.csv")
    for row in rows:
        for name, value in row.items():
            check(not value or value[0] not in "=+-@\t\r＝＋－＠", f"messages.csv: {name} {value!r} is a formula")
    for h, name in zip(hits, given):
        check(sha256(content_[name]) == h["sha256"], f"{name} is not what messages.jsonl says")


def ranges(a, work):
    """Days, empty ranges, --by date, load files on request, --with-records."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    done = a.cmd("export", "--output", work + "/today", "--since", today, "--until", today)
    check(b"the range is not over" in done.stdout, f"export until the end of today: {done.stdout}")
    bag = checked(a, work + "/today", work, True, "--since", today)
    # The day is not over: an export cannot prove what has not come yet.
    run(VERIFY, "--vkey", a.vkey, "--since", today, "--until", today, bag, status=1)
    middle, later = (json.loads(a.cmd("show", s, "--format", "record").stdout)["received"] for s in (40, 60))
    a.cmd("export", "--output", work + "/middle", "--since", middle, "--until", later)
    bag = checked(a, work + "/middle", work, True, "--since", middle, "--until", later)
    run(VERIFY, "--vkey", a.vkey, "--since", today, "--until", later, bag, status=1)  # not what was asked
    for since, until in (("2001", "2002"), ("2099", "2100")):
        path = f"{work}/empty{since}"
        done = a.cmd("export", "--output", path, "--since", since, "--until", until)
        check(b"0 of 0 messages" in done.stdout and b"COMPLETE" in done.stdout, f"empty range: {done.stdout}")
        bag = checked(a, path, work, True, *(["--since", since, "--until", until] if since < today else []))
        check(not os.path.exists(bag + "/data/messages"), "an empty export has a folder of messages")

    done = a.cmd("export", "--output", work + "/received", "--since", "2026-01", "--until", "2026-01")
    check(b"imported messages are dated inside" in done.stdout and b"--by date" in done.stdout, f"no word of imported mail: {done.stdout}")
    done = a.cmd("export", "--output", work + "/dated", "--since", "2026-01-06", "--until", "2026-01", "--by", "date")
    check(b"SELECTION" in done.stdout, f"--by date: {done.stdout}")
    bag = checked(a, work + "/dated", work, False)
    want = a.cmd("search", "--format", "seq", "date:2026-01-06..2026-01").stdout.split()
    got = [str(int(n[:-4])).encode() for n in os.listdir(bag + "/data/messages")]
    check(sorted(got) == sorted(want) and want, f"--by date gives {len(got)}, search finds {len(want)}")

    for kinds in ("csv", "jsonl"):
        a.cmd("export", "--output", f"{work}/only-{kinds}", "--load-file", kinds, "offer")
        bag = checked(a, f"{work}/only-{kinds}", work, False)
        check(os.listdir(bag + "/data/loadfile") == [f"messages.{kinds}"], f"--load-file {kinds}: {os.listdir(bag + '/data/loadfile')}")

    a.cmd("export", "--output", work + "/with", "--with-records", "offer")
    bag = checked(a, work + "/with", work, False)
    records = [json.loads(t) for t in open(bag + "/data/records.jsonl")]
    omitted = [json.loads(t) for t in open(bag + "/data/proof/omitted.jsonl")]
    check(len(records) == len(os.listdir(bag + "/data/messages")) + sum(o["reason"] == "filtered" for o in omitted),
          "--with-records does not give the records of what was left out")

    seq = a.cmd("search", "--format", "seq", "--limit", "1", "offer").stdout.decode().strip()
    a.cmd("show", seq)
    a.cmd("export", "--output", work + "/audited", "offer")
    bag = checked(a, work + "/audited", work, False)
    events = [json.loads(t) for t in open(bag + "/data/audit.jsonl")]
    check(any(e["event"] == "show" and e["detail"]["seqs"] == [int(seq)] for e in events), "audit.jsonl lacks the access to a message")


def again(a, work):
    """--at SIZE gives the same bytes after more mail came and was sealed."""
    at = a.status()["entries"] - 3
    for query in ((), ("formula OR offer",)):
        first = f"{work}/at1-{len(query)}"
        a.cmd("export", "--output", first, "--at", at, "--with-records", *query)
        before = content(checked(a, first, work, not query))
        kept = first + "/data/proof/checkpoint"
        with smtp(a.port) as client:
            for i in range(20):
                check(send(client, message(6000 + i))[0] == 250, "mail")
        a.cmd("seal")
        second = f"{work}/at2-{len(query)}.zip"
        a.cmd("export", "--output", second, "--at", at, "--with-records", "--from-checkpoint", kept, *query)
        bag = checked(a, second, work, not query, "--from-checkpoint", kept)
        after = content(bag)
        check(before == after, f"--at {at} gives other bytes: {[n for n in before.keys() | after.keys() if before.get(n) != after.get(n)]}")
        size = open(kept).read().split("\n")[1]
        now = open(bag + "/data/proof/checkpoint").read().split("\n")[1]
        check(os.path.exists(f"{bag}/data/proof/consistency/{size}-{now}.txt"), "no consistency proof from the kept checkpoint")
        run(sys.executable, SOURCE + "/tests/verifier.py", "--vkey", a.vkey, "--from-checkpoint", kept, bag)
    # Also the checkpoints of all earlier exports are proven to be prefixes.
    sizes = {e["detail"]["tree_size"] for e in a.events("exported")}
    a.cmd("export", "--output", work + "/last")
    bag = checked(a, work + "/last", work, True)
    proven = {int(n.split("-")[0]) for n in os.listdir(bag + "/data/proof/consistency")}
    check(sizes <= proven, f"no consistency proof for {sorted(sizes - proven)}")


def exported(a, work):
    """The event of the finished bag names its digest."""
    done = a.events("exported")[-1]
    digest = sha256(open(work + "/last/tagmanifest-sha256.txt", "rb").read())
    check(done["detail"]["tagmanifest_sha256"] == digest, f"exported: {done['detail']}")
    check(done["detail"]["export"] == int(info(work + "/last")["Sealpost-Event"]), f"exported: {done['detail']}")


def interrupted(a, work):
    """Ctrl-C and kill -9 in the middle: nothing looks finished, the next try works."""
    many = work + "/many"
    os.mkdir(many)
    for i in range(MANY):
        open(f"{many}/{i}.eml", "wb").write(message(20000 + i, 4000))
    a.cmd("import", many)
    a.wait_index()
    for suffix in ("", ".zip", ".tar.zst"):
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            for query in ((), ("--", "-subject:nothing")):
                path = f"{work}/cut-{int(sig)}{len(query)}{suffix}"
                child = subprocess.Popen([SEALPOST, "-A", a.dir, "export", "--output", path, *query],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                while child.poll() is None and not os.path.exists(path + ".partial"):
                    time.sleep(0.002)
                child.send_signal(sig)
                _, err = child.communicate(timeout=PATIENCE)
                what = f"export to {os.path.basename(path)}, {sig.name}"
                if not check(child.returncode != 0, f"{what}: it was finished (too few messages for this machine?)"):
                    continue
                check(b"Sanitizer" not in err, f"{what}: {err}")
                check(not os.path.exists(path), f"{what}: {path} is there")
                if sig != signal.SIGKILL:
                    check(child.returncode == 2 and b"interrupted" in err, f"{what}: exit status {child.returncode}, {err}")
                    check(not os.path.exists(path + ".partial"), f"{what}: left its .partial")
                    continue
                run(VERIFY, "--vkey", a.vkey, path + ".partial", status=None)
                check(run(VERIFY, "--vkey", a.vkey, path + ".partial", status=None).returncode != 0, f"{what}: the rest verifies")
                done = a.cmd("export", "--output", path, status=2)
                one_line(done, what + ", again")
                check(b".partial" in done.stderr, f"{what}, again: {done.stderr}")
                shutil.rmtree(path + ".partial", ignore_errors=True)
                if os.path.exists(path + ".partial"):
                    os.unlink(path + ".partial")
    path = work + "/cut-90"
    a.cmd("export", "--output", path)
    checked(a, path, work, True)
    check(not [n for n in os.listdir(work) if ".tmp" in n], f"temporary files are left: {os.listdir(work)}")


def without_service(a, work):
    a.cmd("export", "--output", work + "/alone")
    checked(a, work + "/alone", work, True)
    a.cmd("export", "--output", work + "/alone.tar.zst", "--", "-formula")
    checked(a, work + "/alone.tar.zst", work, False)
    os.chdir(work)
    a.cmd("export", "--output", "relative.zip")
    run(VERIFY, "--vkey", a.vkey, "relative.zip")
    # A checkpoint of an older or another log is refused before anything is written.
    text = open(work + "/last/data/proof/checkpoint").read().split("\n")
    for what, lines in (("another log", ["elsewhere.example/log"] + text[1:]), ("a larger log", [text[0], "99999999"] + text[2:]),
                        ("another history", [text[0], text[1], "A" * 43 + "="] + text[3:])):
        open(work + "/wrong.checkpoint", "w").write("\n".join(lines))
        done = a.cmd("export", "--output", work + "/never", "--from-checkpoint", work + "/wrong.checkpoint", status=1)
        one_line(done, "--from-checkpoint of " + what)
        check(not os.path.exists(work + "/never"), f"--from-checkpoint of {what} wrote a bag")


def main():
    work = workdir()
    a = Archive(work, free_port(), name="export")
    fill(a, work)
    for test in (forms, ranges, again, exported, interrupted):
        print("-", test.__name__, flush=True)
        test(a, work)
    a.stop()
    print("- without_service", flush=True)
    without_service(a, work)
    a.verify()
    finish("export")


main()
