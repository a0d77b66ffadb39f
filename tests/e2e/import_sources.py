#!/usr/bin/env python3
"""Import from every kind of source: mbox in four dialects by Python's mailbox
module and own writers, Maildir, containers, bombs, Outlook files checked
against pffexport; the record leads back to the file; kill -9 of importer and
service, and the rest is taken by the next run, nothing twice."""
import bz2
import email
import email.policy
import gzip
import io
import lzma
import mailbox
import random
import tarfile
import threading
import zipfile

from kit import *

sys.path.insert(0, os.path.join(SOURCE, "tests", "import"))
import make_pst

SEED = int(os.environ.get("SP_SEED", time.time()))
FROM = b"From ann@corp.example Mon Jan  5 10:00:00 2026\n"


def msg(n, body=b"hello\n"):
    return b"From: ann@corp.example\nTo: bob@corp.example\nSubject: number %d\nMessage-ID: <%d@import.example>\n\n%s" % (n, n, body)


def summary(done):
    """taken, there, not mail, failed"""
    m = re.match(rb"([\d,]+) messages taken \([^)]*\), ([\d,]+) already there, ([\d,]+) files not mail, ([\d,]+) failed", done.stdout)
    check(m is not None, f"no summary: {done.stdout} {done.stderr}")
    return tuple(int(x.replace(b",", b"")) for x in m.groups()) if m else (0, 0, 0, 0)


def put(work, name, data):
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def imported(a):
    """The records of all messages, with "raw", out of an export."""
    a.bags = getattr(a, "bags", 0) + 1
    bag = os.path.join(a.root, f"{os.path.basename(a.dir)}-bag{a.bags}")
    a.cmd("export", "--output", bag)
    out = []
    with open(bag + "/data/records.jsonl") as f:
        for r in map(json.loads, f):
            if r["kind"] == "message":
                with open(f"{bag}/data/messages/{r['seq']:012d}.eml", "rb") as m:
                    r["raw"] = m.read()
                out.append(r)
    shutil.rmtree(bag)
    return out


def quote(data, all_of_them):
    return re.sub(rb"(?m)^(>*From )" if all_of_them else rb"(?m)^(From )", rb">\1", data)


def bytes_of(value):
    import base64
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode()


def back(a, file):
    """The bytes of an mbox out of the archive alone."""
    out = b""
    for r in sorted((r for r in imported(a) if r["source"]["file"] == file), key=lambda r: r["source"]["mbox"]["offset"]):
        m, data = r["source"]["mbox"], r["raw"]
        if m.get("unquoted"):
            data = quote(data, m["dialect"] == "mboxrd")
        out += bytes_of(m["from"]) + data + bytes_of(m.get("tail", ""))
    return out


def mboxes(work):
    a = Archive(work, name="mbox")
    bodies = [b"x\n", b"From here\n>From there\n>>From far\n", b"", b"no end", b"two\n\nFrom ann@corp.example Mon Jan  5 10:00:00 2026\n\n", b"\r\nCRLF\r\n"]
    originals = [msg(i, b) for i, b in enumerate(bodies)]
    rd = b"".join(FROM + quote(d, True) + (b"" if d.endswith(b"\n") else b"\n") + b"\n" for d in originals)
    cl2 = b"".join(FROM + d.replace(b"\n\n", b"\nContent-Length: %d\n\n" % len(d.split(b"\n\n", 1)[1]), 1) + b"\n" for d in originals)
    cl = b""
    for d in originals:
        head, body = d.split(b"\n\n", 1)
        body = quote(body.replace(b">From", b"|From"), False)
        cl += FROM + head + b"\nContent-Length: %d\n\n" % len(body) + body + b"\n"
    for kind, data, n in (("mboxrd", rd, 6), ("mboxcl2", cl2, 6), ("mboxcl", cl, 6)):
        path = put(work, f"{kind}/box", data)
        done = a.cmd("import", "--as", kind, path)
        check(summary(done) == (n, 0, 0, 0), f"{kind}: {done.stdout} {done.stderr}")
        check(back(a, path) == data, f"{kind}: the file does not come back")
    got = [r["raw"] for r in imported(a) if "/mboxrd/" in r["source"]["file"]]
    want = [d if d.endswith(b"\n") else d + b"\n" for d in originals]
    check(got == want, f"mboxrd gave other messages: {[(g, w) for g, w in zip(got, want) if g != w][:1]}")
    # The module of Python writes mboxo.
    path = os.path.join(work, "python.mbox")
    box = mailbox.mbox(path)
    for d in originals[:3]:
        box.add(d)
    box.flush()
    box.close()
    done = a.cmd("import", path)
    check(summary(done) == (3, 0, 0, 0) and b"--as mboxrd" in done.stderr, f"python: {done.stdout} {done.stderr}")
    with open(path, "rb") as f:
        check(back(a, path) == f.read(), "python's mbox does not come back")
    check(len(a.cmd("search", "--format", "seq", "flag:mbox_quoted").stdout.split()) == 1, "flag:mbox_quoted")
    # What is in doubt is told, counted and found; the file comes back all the same.
    plain, quoting = b"".join(FROM + msg(200 + i) for i in range(3)), FROM + msg(210, b"x\n\n" + FROM + b"I quoted an mbox.\n") + b"\n" + FROM + msg(211)
    for name, data, n, doubt in (("noblank", plain, 3, 3), ("quoting", quoting, 2, 1)):
        path, report = put(work, name, data), os.path.join(work, name + ".jsonl")
        done = a.cmd("import", "--source", name, "--report", report, path)
        check(summary(done) == (n, 0, 0, 0) and b", %d of the messages in doubt\n" % doubt in done.stdout and b"flag:mbox_boundary" in done.stderr, f"{name}: {done.stdout} {done.stderr}")
        check(json.loads(open(report).readlines()[-1])["in_doubt"] == doubt, f"{name}: report")
        check(back(a, path) == data, f"{name}: the file does not come back")
    check(len(a.cmd("search", "--format", "seq", "flag:mbox_boundary").stdout.split()) == 4, "flag:mbox_boundary")
    # Old Macs, and what is no mbox.
    path = put(work, "mac", b"\r\r".join(FROM.replace(b"\n", b"\r") + b"Subject: mac %d\rFrom: ann@corp.example\r\rmacword%d" % (i, i) for i in range(3)))
    done = a.cmd("import", path)
    check(summary(done) == (3, 0, 0, 0) and b"doubt" not in done.stdout and back(a, path) == open(path, "rb").read(), f"old Mac: {done.stdout} {done.stderr}")
    check(len(a.cmd("search", "--format", "seq", "subject:mac body:macword2").stdout.split()) == 1, "old Mac: not found")
    for name, data in (("utf16.mbox", "\ufeffFrom a".encode("utf-16")), ("only.mbox", FROM), ("text.mbox", b"Dear Ann\n")):
        done = a.cmd("import", put(work, name, data), status=1)
        check(summary(done) == (0, 0, 0, 1) and one_line(done, name), f"{name}: {done.stdout} {done.stderr}")
    # Lengths that lie never hide a message.
    lie = FROM + b"Content-Length: 4000\n\nx\n\n" + FROM + msg(77) + b"\n" + FROM + msg(78) + b"\n"
    for kind in ("mbox", "mboxcl", "mboxcl2"):
        done = a.cmd("import", "--as", kind, put(work, f"lie-{kind}", lie.replace(b"4000", b"%d" % (4000 + len(kind)))))
        check(summary(done)[0] == 3, f"a lying length, {kind}: {done.stdout}")
    a.verify()


def maildirs(work):
    a = Archive(work, name="maildir")
    box = mailbox.Maildir(os.path.join(work, "Maildir"))
    for i in range(3):
        m = mailbox.MaildirMessage(msg(i))
        m.set_flags("FS")
        m.set_subdir("cur")
        box.add(m)
    box.add_folder("Sent.2025").add(msg(10))
    nested = mailbox.Maildir(os.path.join(work, "Maildir", "nested"))
    nested.add(msg(11))
    report = os.path.join(work, "maildir.jsonl")
    done = a.cmd("import", "--source", "old", "--report", report, os.path.join(work, "Maildir"))
    check(summary(done)[0] == 5 and summary(done)[3] == 0, f"maildir: {done.stdout}")
    facts = [r["source"]["maildir"] for r in imported(a)]
    check(sorted(f["folder"] for f in facts) == [".Sent.2025", "Maildir", "Maildir", "Maildir", "nested"], f"folders: {facts}")
    check(sum(f.get("flags") == "FS" for f in facts) == 3, f"flags: {facts}")
    with open(report) as f:
        lines = [json.loads(line) for line in f]
    check(sum(x["what"] == "taken" for x in lines) == 5 and lines[-1]["what"] == "summary" and lines[-1]["taken"] == 5, f"report: {lines}")
    for x in lines:
        if x["what"] == "taken":
            check(sha256(a.raw(x["seq"])) == x["sha256"], f"report: {x}")
    done = a.cmd("import", "--report", report, os.path.join(work, "Maildir"), status=2)
    check(one_line(done, "an existing report"), f"{done.stderr}")
    check(summary(a.cmd("import", "--source", "old", os.path.join(work, "Maildir")))[:2] == (0, 5), "maildir again")


def containers(work):
    a = Archive(work, name="containers")
    box = FROM + msg(1) + b"\n" + FROM + msg(2)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as z:
        z.writestr("in.eml", msg(3))
        deepest = io.BytesIO()
        with zipfile.ZipFile(deepest, "w") as y:
            y.writestr("deep.eml", msg(4))
        z.writestr("deep.zip", deepest.getvalue())
    names = {"a/1.eml": msg(5), "b/Größe.eml": msg(6), "box.mbox": box, "notes.txt": b"x", "M/.Sent/cur/1:2,S": msg(7), "inner.zip": inner.getvalue(),
             "CR.eml": b"a\rb\r\n\x00c"}
    zpath = os.path.join(work, "all.zip")
    with zipfile.ZipFile(zpath, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in names.items():
            z.writestr(name, data)
    done = a.cmd("import", zpath, status=1)
    check(summary(done) == (7, 0, 1, 1) and b"deep.zip" in done.stderr, f"zip: {done.stdout} {done.stderr}")
    raws = {r["source"]["member"]: r["raw"] for r in imported(a)}
    for name in ("a/1.eml", "b/Größe.eml", "CR.eml", "M/.Sent/cur/1:2,S"):
        check(raws.get(name) == names[name], f"zip: {name}: {raws.get(name)} of {sorted(raws)}")
    check(raws.get("inner.zip:in.eml") == msg(3), "zip in a zip")
    done = a.cmd("import", zpath, status=1)
    check(summary(done) == (0, 7, 1, 1), f"zip again: {done.stdout}")
    for mode, end in (("w", "tar"), ("w:gz", "tar.gz"), ("w:bz2", "tar.bz2"), ("w:xz", "tar.xz")):
        path = os.path.join(work, "t." + end)
        with tarfile.open(path, mode) as t:
            for i in range(20):
                info = tarfile.TarInfo(f"d/{end}-{i}.eml")
                data = msg(1000 + i, end.encode())
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
            link = tarfile.TarInfo("d/link.eml")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            t.addfile(link)
        check(summary(a.cmd("import", path)) == (20, 0, 1, 0), end)
    path = os.path.join(work, "t.tar")
    if shutil.which("zstd"):
        run("zstd", "-q", path, "-o", path + ".zst")
        check(summary(a.cmd("import", path + ".zst")) == (20, 0, 1, 0), "tar.zst")
    for end, pack in ((".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)):
        check(summary(a.cmd("import", put(work, "one.eml" + end, pack(msg(50))))) == (1, 0, 0, 0), "eml" + end)
        check(summary(a.cmd("import", put(work, "two.mbox" + end, pack(box)))) == (2, 0, 0, 0), "mbox" + end)
    # Names of before Unicode: taken, known again, in the record byte for byte.
    path = os.path.join(work, "latin1.tar")
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT, encoding="latin-1") as t:
        for n in range(3):
            info = tarfile.TarInfo(f"Gr\u00fc\u00dfe/{n}.eml")
            data = msg(2000 + n)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    done = a.cmd("import", "--source", "latin1", path)
    check(summary(done) == (3, 0, 0, 0), f"latin-1 names: {done.stdout} {done.stderr}")
    check(summary(a.cmd("import", "--source", "latin1", path)) == (0, 3, 0, 0), "latin-1 names again")
    names = sorted(bytes_of(r["source"]["member"]) for r in imported(a) if r["source"].get("name") == "latin1")
    check(names == [b"Gr\xfc\xdfe/%d.eml" % n for n in range(3)], f"latin-1 names: {names}")
    # A message of NULs is one; an empty container is told.
    check(summary(a.cmd("import", put(work, "nul.eml.gz", gzip.compress(bytes(20480))))) == (1, 0, 0, 0), "NULs")
    done = a.cmd("import", put(work, "nul.tar.gz", gzip.compress(bytes(20480))), status=1)
    check(summary(done) == (0, 0, 0, 1) and one_line(done, "a container of NULs"), f"NULs: {done.stdout} {done.stderr}")
    a.verify()


def hostile(work):
    """A clear line, the right status, bounded memory, and the rest is taken."""
    a = Archive(work, name="hostile")
    bomb = os.path.join(work, "bomb.zip")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("first.eml", msg(1))
        with z.open("zeros.eml", "w", force_zip64=True) as f:
            for _ in range(700):
                f.write(bytes(1 << 20))
        z.writestr("last.eml", msg(2))
    good = put(work, "good.eml", msg(3))
    script = "import resource,subprocess,sys; c=subprocess.run(sys.argv[1:]).returncode; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(c)"
    done = run(sys.executable, "-c", script, SEALPOST, "-A", a.dir, "import", bomb, good, status=1)
    check(b"bomb" in done.stderr and summary(done)[0] == 2, f"bomb: {done.stdout} {done.stderr}")
    if not SANITIZED:
        check(int(done.stdout.split()[-1]) < 700000, f"bomb: {done.stdout.split()[-1]} KiB")
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as z:
        for i in range(5):
            z.writestr(f"{i}.eml", msg(i, b"text " * 200))
        z.writestr("box.mbox", FROM + msg(1) + b"\n" + FROM + msg(2))
    whole = whole.getvalue()
    rng = random.Random(SEED)
    for i in range(12):
        data = bytearray(whole[:rng.randrange(30, len(whole))] if i % 2 else whole)
        for _ in range(20):
            data[rng.randrange(len(data))] = rng.randrange(256)
        done = a.cmd("import", put(work, f"broken{i}.zip", bytes(data)), status=None)
        check(done.returncode in (0, 1) and b"Sanitizer" not in done.stderr, f"broken zip: {done.returncode} {done.stderr[-300:]}")
    many = os.path.join(work, "pst")
    data = make_pst.make(outlook())
    for i in range(16):
        bad = bytearray(data[:rng.randrange(600, len(data))] if i % 4 == 0 else data)
        for _ in range(rng.choice([1, 5, 50])):
            bad[rng.randrange(564, min(len(bad), 60000))] = rng.randrange(256)
        done = a.cmd("import", put(work, f"pst/{i}.pst", bytes(bad)), status=None, timeout=PATIENCE)
        check(done.returncode in (0, 1), f"broken pst {many}: {done.returncode} {done.stderr[-300:]}")
        check(done.stderr.count(b"\n") <= 40, f"broken pst: {done.stderr[:2000]}")
    a.verify()


# Instead of what libpff finds of deleted items: three that are in a folder, and a crash at the second.
CRASH = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
typedef int children(void *, int *, void **);
typedef int child(void *, int, void **, void **);
typedef int root(void *, void **, void **);
#define REAL(type, name) ((type *)dlsym(RTLD_NEXT, name))
int libpff_file_recover_items(void *f, unsigned char flags, void **e) { (void)f; (void)flags; (void)e; return (1); }
int libpff_file_get_number_of_orphan_items(void *f, int *n, void **e) { (void)f; (void)e; *n = 0; return (1); }
int libpff_file_get_number_of_recovered_items(void *f, int *n, void **e) { (void)f; (void)e; *n = 3; return (1); }
int
libpff_file_get_recovered_item_by_index(void *f, int i, void **item, void **e)
{
	void *at = NULL, *sub;
	int n = 0;

	if (i == 1)
		abort();
	if (REAL(root, "libpff_file_get_root_folder")(f, &at, e) != 1)
		return (-1);
	while (REAL(children, "libpff_folder_get_number_of_sub_messages")(at, &n, e) == 1 && n < 3) {
		sub = NULL;
		if (REAL(child, "libpff_folder_get_sub_folder")(at, 0, &sub, e) != 1)
			return (-1);
		at = sub;
	}
	return (REAL(child, "libpff_folder_get_sub_message")(at, i, item, e));
}
"""


def pst_crash(work):
    """A crash in an item that was deleted: the items behind it are read all the same."""
    cc = shutil.which("cc") or shutil.which("gcc")
    if SANITIZED or cc is None:
        print("pst_crash: no compiler, or sanitized")
        return
    so = os.path.join(work, "crash.so")
    run(cc, "-shared", "-fPIC", "-o", so, put(work, "crash.c", CRASH.encode()), "-ldl")
    a = Archive(work, name="outlook-crash")
    path = put(work, "crash.pst", make_pst.make(outlook()))
    done = run(SEALPOST, "-A", a.dir, "import", path, env={"LD_PRELOAD": so}, status=1)
    check(summary(done) == (67, 0, 1, 1) and one_line(done, "a crash"), f"a crash: {done.stdout} {done.stderr}")
    check(len([r for r in imported(a) if "recovered" in r["flags"]]) == 2, "what is behind the crash is not read")
    # Damage is told in words that say what to do, not in the library's.
    data = make_pst.make(outlook())
    for name, bad in (("cut.pst", data[:300]), ("header.pst", data[:8] + bytes(len(data) - 8)), ("zeros.pst", data[:600] + bytes(len(data) - 600))):
        done = a.cmd("import", put(work, name, bad), status=1)
        check(summary(done)[3] >= 1 and b"libpff" not in done.stderr and b"damaged" in done.stderr and b"scanpst" in done.stderr, f"{name}: {done.stdout} {done.stderr}")
        one_line(done, name)


def outlook():
    return {"name": "Top of Personal Folders", "folders": [
        {"name": "Inbox", "messages": [
            {"subject": "Grüße", "text": "Hello\r\nworld\r\n", "from_name": "Ann Archer", "from_addr": "ann@corp.example", "submitted": 1700000000,
             "delivered": 1700000100, "message_id": "<1@corp.example>",
             "rcpts": [(1, "Bob", "bob@corp.example"), (2, "Cid", "/O=CORP/CN=CID", "cid@corp.example"), (3, "Dora", "dora@corp.example"), (1, "Exchange", "/O=CORP/CN=EVE")],
             "attachments": [{"name": "Übersicht.pdf", "type": "application/pdf", "data": b"%PDF-1.4 " + bytes(range(256)) * 60},
                             {"name": "inner", "message": {"subject": "inside", "text": "inner text", "from_name": "E", "from_addr": "e@x.example", "rcpts": [(1, "F", "f@x.example")]}}]},
            {"subject": "with headers", "headers": "Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\nFrom: X <x@x.example>\r\nTo: y@x.example\r\n"
                                                   "Subject: with headers\r\nContent-Type: text/plain;\r\n charset=x\r\nMessage-ID: <2@x.example>\r\n\r\n",
             "html": b"<html>hi</html>", "text": "hi", "rcpts": [(1, "", "y@x.example"), (3, "Zoe", "zoe@x.example")]},
            {"subject": "rtf", "rtf": b"{\\rtf1 plain}"}, {"subject": "lzfu", "lzfu": b"{\\rtf1 compressed hello}"}]},
        {"name": "Contacts", "class": "IPF.Contact", "messages": [{"class": "IPM.Contact", "subject": "Ann"}]},
        {"name": "Größe", "folders": [{"name": "京都", "messages": [{"subject": "big", "text": "z" * 30000, "from_addr": "z@x.example"}]
                                      + [{"subject": f"n{i}", "text": f"text {i}", "message_id": f"<n{i}@x.example>"} for i in range(60)]}]}]}


def pst(work):
    a = Archive(work, name="outlook")
    path = put(work, "ann.pst", make_pst.make(outlook()))
    done = a.cmd("import", path)
    check(summary(done) == (65, 0, 1, 0), f"pst: {done.stdout} {done.stderr}")
    by = {}
    for r in imported(a):
        check("reassembled" in r["flags"] and "incomplete" not in r["flags"], f"flags: {r['flags']} {r['source']}")
        m = email.message_from_bytes(r["raw"], policy=email.policy.default)
        check(not m.defects, f"defects: {m.defects}")
        by[m["Subject"]] = (r, m)
    r, m = by["Grüße"]
    check(m["Bcc"] == "Dora <dora@corp.example>" and m["Cc"] == "Cid <cid@corp.example>" and "Exchange" in m["To"] and "/O=" not in m["To"], f"recipients: {m.items()}")
    check(m["Date"].datetime.timestamp() == 1700000000 and m["From"] == "Ann Archer <ann@corp.example>", f"date, from: {m['Date']}, {m['From']}")
    check(r["source"]["pst"]["folder"] == "Top of Personal Folders/Inbox" and r["origin_date"] == "2023-11-14T22:15:00.000000Z", f"{r['source']} {r.get('origin_date')}")
    check([x["type"] for x in r["source"]["pst"]["recipients"]] == ["to", "cc", "bcc", "to"], f"{r['source']['pst']}")
    parts = list(m.iter_attachments())
    check(parts[0].get_filename() == "Übersicht.pdf" and parts[0].get_content() == b"%PDF-1.4 " + bytes(range(256)) * 60, "attachment")
    check(parts[1].get_content()["Subject"] == "inside" and parts[1].get_content().get_content().strip() == "inner text", "a message within")
    check(m.get_body().get_content() == "Hello\r\nworld\r\n", f"body: {m.get_body().get_content()!r}")
    r, m = by["with headers"]
    check(m["Received"] is not None and m["Bcc"] == "Zoe <zoe@x.example>" and len(m.get_all("Subject")) == 1, f"headers: {m.items()}")
    check(m.get_body(("html",)).get_content().strip() == "<html>hi</html>", "html")
    for name, text in (("rtf", b"{\\rtf1 plain}"), ("lzfu", b"{\\rtf1 compressed hello}")):
        part = list(by[name][1].iter_attachments())
        check(part and part[0].get_filename() == "body.rtf" and part[0].get_content() == text, f"{name}: {by[name][1]}")
    check(by["big"][0]["source"]["pst"]["folder"].endswith("Größe/京都") and by["big"][1].get_body().get_content().strip() == "z" * 30000, "big")
    # The same file gives the same bytes, and is known again.
    check(summary(a.cmd("import", path))[:2] == (0, 65), "pst again")
    b = Archive(work, name="outlook2")
    b.cmd("import", path)
    check([x["message"]["sha256"] for x in imported(a)] == [x["message"]["sha256"] for x in imported(b)], "not the same bytes")
    a.cmd("search", "bcc:dora@corp.example")
    done = a.cmd("import", put(work, "no.pst", b"!BDNgarbage" * 100), status=1)
    check(summary(done)[3] == 1 and one_line(done, "no pst"), f"no pst: {done.stderr}")
    a.verify()


def exports(work):
    """An export of another archive: verified, kept with its old record, found by its old envelope."""
    old = Archive(work, name="old").start()
    client = smtp()
    for i in range(5):
        send(client, msg(i).replace(b"\n", b"\r\n"), to=("bob@corp.example", f"secret{i}@corp.example"))
    client.close()
    time.sleep(1)
    old.wait_index()
    bags = [os.path.join(work, "bag" + end) for end in ("", ".zip", ".tar.zst")]
    for bag in bags:
        old.cmd("export", "--output", bag)
    old.stop()
    key = old.dir + "/keys/log.vkey"
    for bag, how in zip(bags, ((), ("--as", "export"), ("--as", "export"))):
        a = Archive(work, name="new-" + os.path.basename(bag))
        done = a.cmd("import", *how, bag, status=1)
        check(summary(done) == (0, 0, 0, 1) and b"not authenticated" in done.stderr, f"no key: {done.stdout} {done.stderr}")
        done = a.cmd("import", *how, "--vkey", key, bag)
        check(summary(done) == (5, 0, 0, 0), f"{bag}: {done.stdout} {done.stderr}")
        check(summary(a.cmd("import", *how, "--vkey", key, bag)) == (0, 5, 0, 0), f"{bag} again")
        for i, r in enumerate(imported(a)):
            was = r["source"]["from_export"]
            check(r["raw"] == msg(i).replace(b"\n", b"\r\n") and was["origin"] == old.origin and was["verified"] == "vkey", f"{bag}: {was}")
            check(r["source"]["grade"] == "imported" and json.loads(was["record"])["source"]["grade"] == "witnessed", f"{bag}: grade")
            import base64
            check(was["line"].split()[4] == base64.b64encode(hashlib.sha256(was["record"].encode()).digest()).decode(), f"{bag}: line")
            check(r["origin_date"] == was["received"], f"{bag}: date")
        found = a.cmd("search", "--format", "seq", "rcpt:secret3@corp.example").stdout.split()
        check(len(found) == 1, f"{bag}: rcpt: {found}")
        a.cmd("search", "grade:witnessed", status=1)
        a.verify()
    a = Archive(work, name="new-trust")
    done = a.cmd("import", "--trust-embedded-key", bags[0])
    check(summary(done)[0] == 5 and {r["source"]["from_export"]["verified"] for r in imported(a)} == {"embedded key"}, f"embedded: {done.stdout}")
    name = sorted(os.listdir(bags[0] + "/data/messages"))[1]
    os.chmod(bags[0] + "/data/messages/" + name, 0o644)
    with open(bags[0] + "/data/messages/" + name, "ab") as f:
        f.write(b"x")
    done = a.cmd("import", "--vkey", key, bags[0], status=1)
    check(summary(done) == (0, 0, 0, 1) and b"does not verify" in done.stderr, f"a changed export: {done.stdout} {done.stderr}")


def grown(a, by, p):
    """Wait until the log took in that many bytes more, or the import is done."""
    size = lambda: sum(e.stat().st_size for d in ("intake", "archive") for e in os.scandir(f"{a.dir}/{d}") if e.is_file())
    before, end = size(), time.time() + 60
    while size() < before + by and p.poll() is None and time.time() < end:
        time.sleep(0.005)


def arrivals(work):
    """Source and trust are part of an arrival: the same bytes from another custodian, or as journal mail,
    are an entry of their own; the same file from the same source is there already, however it is named,
    when the import was killed, and when several run at once."""
    a = Archive(work, name="arrivals")
    path = put(work, "arr/one.eml", msg(1))
    box = put(work, "arr/box.mbox", FROM + msg(2) + b"\n" + FROM + msg(3))

    def went(*args, **more):
        return summary(a.cmd("import", *args, path, box, **more))[:2]

    check(went("--source", "ann") == (3, 0), "the first custodian")
    check(went("--source", "bob") == (3, 0), "the second custodian leaves no trace")
    check(b"3 messages were there already from another source" in a.cmd("import", "--source", "cid", path, box).stderr, "another source: not said")
    check(went("--source", "ann") == (0, 3), "the first custodian again")
    check(went() == (3, 0), "no name is a source of its own")
    check(went("--journal") == (3, 0), "the same as journal mail")
    check(went("--source", "bob", "--journal") == (3, 0), "the second custodian's as journal mail")
    for args in ((), ("--journal",), ("--source", "bob"), ("--source", "bob", "--journal"), ("--source", "ann")):
        check(went(*args) == (0, 3), f"again: {args}")
    # One message to the index: copies of each other.
    first = a.cmd("search", "--format", "seq", "subject:\"number 1\" -flag:duplicate").stdout.split()
    check(len(first) == 1, f"one of them is not a duplicate: {first}")
    check(len(a.cmd("search", "--format", "seq", f"family:{first[0].decode()}").stdout.split()) == 6, "six copies of one message")
    sources = sorted((r["source"].get("name", ""), r["source"].get("journal", False)) for r in imported(a) if r["source"]["file"] == path)
    check(sources == [("", False), ("", True), ("ann", False), ("bob", False), ("bob", True), ("cid", False)], f"sources: {sources}")
    # Within one run a file is one file by all its names; two equal files are two.
    put(work, "arr2/x.eml", msg(10))
    put(work, "arr2/sub/y.eml", msg(10))
    put(work, "arr2/sub/z.mbox", FROM + msg(11) + b"\n" + FROM + msg(12))
    os.symlink("arr2", work + "/arr2-link")
    names = [work + n for n in ("/arr2/x.eml", "/arr2", "/arr2/./sub/", "/arr2-link/sub/z.mbox", "/arr2/x.eml", "/arr2-link")]
    got = summary(a.cmd("import", *names))
    check(got[:2] == (4, 11), f"one file by several names: {got}")
    check(summary(a.cmd("import", *names))[:2] == (0, 15), "the same again")
    check(summary(a.cmd("import", work + "/arr2"))[:2] == (0, 4), "the folder alone again")
    put(work, "arr2/third.eml", msg(10))
    done = a.cmd("import", work + "/arr2")
    check(summary(done)[:2] == (1, 4) and b"another source" not in done.stderr, f"a third equal file: {done.stdout} {done.stderr}")
    # Several at once, with and without a service: each message once.
    for n, live in ((0, False), (1, True)):
        if live:
            a.start()
        many = put(work, f"arr3/many{n}.mbox", b"".join(FROM + msg(1000 * n + i) + b"\n" for i in range(3000)))
        ps = [subprocess.Popen([SEALPOST, "-A", a.dir, "import", *args, many], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
              for args in ((), (), ())]
        outs = [p.communicate(timeout=PATIENCE) for p in ps]
        got = [int(out.split()[0].replace(b",", b"")) for out, _ in outs]
        check(all(p.returncode == 0 for p in ps) and sorted(got) == [0, 0, 3000], f"several at once, service {live}: {outs}")
    # Killed in the middle: the rest comes, for each source.
    killed_box = put(work, "arr4/killed.mbox", b"".join(FROM + msg(9000 + i, b"k" * 2000 + b"\n") + b"\n" for i in range(4000)))
    for source in ("ann", "bob"):
        p = subprocess.Popen([SEALPOST, "-A", a.dir, "import", "--source", source, killed_box], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        grown(a, 1 << 20, p)
        p.kill()
        p.communicate()
        got = summary(a.cmd("import", "--source", source, killed_box, timeout=PATIENCE))
        check(got[0] + got[1] == 4000, f"killed, {source}: {got}")
    count = {}
    for r in imported(a):
        if r["source"]["file"] == killed_box:
            key = (r["source"]["name"], r["source"]["mbox"]["offset"])
            count[key] = count.get(key, 0) + 1
    check(len(count) == 8000 and set(count.values()) == {1}, f"killed: {len(count)} of 8000, {sum(v > 1 for v in count.values())} twice")
    a.stop()
    a.verify()


def killed(work):
    """kill -9 of the importer and of the service at random moments."""
    rng = random.Random(SEED)
    count = 12000
    cut = 0  # runs that did not come to their end
    a = Archive(work, name="killed")
    box = put(work, "big.mbox", b"".join(FROM + msg(100000 + i, b"z" * rng.randrange(3000) + b"\n") + b"\n" for i in range(count // 2)))
    zpath = os.path.join(work, "big.zip")
    with zipfile.ZipFile(zpath, "w") as z:
        for i in range(count // 2):
            z.writestr(f"{i}.eml", msg(200000 + i, b"y" * rng.randrange(3000)))
    a.start()
    rounds = 0
    for rounds in range(40 if LONG else 14):
        p = subprocess.Popen([SEALPOST, "-A", a.dir, "import", box, zpath], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        grown(a, rng.randrange(3 << 20), p)
        what = rounds % 4
        if what == 0:
            p.kill()
        elif what == 1:
            p.send_signal(signal.SIGINT)
        elif what == 2:
            a.service.kill()
            a.service.wait()
            a.start()
        else:
            pid = a.workers().get("receive", 0)
            if pid:
                os.kill(pid, signal.SIGKILL)
        out, err = p.communicate(timeout=PATIENCE)
        cut += p.returncode != 0
        check(b"Sanitizer" not in err, f"killed: {err[-2000:]}")
        a.wait_index()
        if what == 3 and rng.random() < 0.5:
            a.stop()
            p = subprocess.Popen([SEALPOST, "-A", a.dir, "import", box, zpath], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(rng.uniform(0.05, 0.4))
            p.kill()
            p.communicate()
            a.start()
    done = a.cmd("import", box, zpath)
    check(summary(done)[0] + summary(done)[1] == count and summary(done)[3] == 0, f"the rest: {done.stdout} {done.stderr}")
    seen = {}
    for r in imported(a):
        key = (r["source"]["file"], r["source"].get("member"), r["source"].get("mbox", {}).get("offset"))
        seen[key] = seen.get(key, 0) + 1
    check(len(seen) == count, f"lost: {count - len(seen)} of {count}")
    check(max(seen.values()) == 1, f"twice: {sum(v > 1 for v in seen.values())} of {count} (seed {SEED})")
    check(cut >= 2, f"only {cut} runs were cut off: nothing was tested")
    print(f"killed: {rounds + 1} rounds, {cut} cut off, {summary(done)} in the last run")
    a.stop()
    a.verify()


def text_of_records(work):
    """A record's texts have the one form of doc/format-record.md, whatever bytes a file name
    has, through the service and without it."""
    name = b'n\x1b\x7f\x08\t"\\\xc3\xa9\xc2\x85.eml'
    want = b'/n\\u001b\\u007f\\u0008\\t\\"\\\\\xc3\xa9\xc2\x85.eml"'
    os.mkdir(work + "/odd")
    with open(os.path.join(os.fsencode(work), b"odd", name), "wb") as f:
        f.write(msg(1))
    a = Archive(work, name="odd-archive")
    a.cmd("import", "--source", "without", work + "/odd")
    a.start()
    with open(os.path.join(os.fsencode(work), b"odd", name), "wb") as f:
        f.write(msg(2))
    a.cmd("import", "--source", "with", work + "/odd")
    records = [a.cmd("show", seq, "--format", "record").stdout for seq, r in a.records().items() if r["kind"] == "message"]
    check(len(records) == 2, f"{len(records)} imported, want 2")
    for record in records:
        check(want in record, f"a file name in a record is not in the form of the document: {record}")
    a.stop()
    a.verify()


def main():
    print("seed", SEED)
    work = workdir()
    parts = {"mboxes": mboxes, "maildirs": maildirs, "containers": containers, "pst": pst, "pst_crash": pst_crash, "hostile": hostile, "exports": exports, "texts": text_of_records, "arrivals": arrivals, "killed": killed}
    for name in sys.argv[1:] or parts:
        parts[name](work)
    finish("import_sources")


if __name__ == "__main__":
    main()
