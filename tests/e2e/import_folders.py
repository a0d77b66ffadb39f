#!/usr/bin/env python3
"""Import of the folders that mail programs leave: Apple Mail, Thunderbird, MH,
spools, Cyrus, Eudora, Maildirs whole and not, compressed, Dovecot's dbox (written by Dovecot itself, from the root in the first
argument, if there is one); as folders and zipped. What is no mail is refused by name, and nothing of it enters
the log; a folder of which nothing was taken says what was there."""
import bz2
import gzip
import lzma
import mailbox
import struct
import tarfile
import zipfile

import mailhost
from kit import *

FROM = b"From ann@corp.example Mon Jan  5 10:00:00 2026\n"
PLIST = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
\t<key>date-received</key>
\t<integer>1767607200</integer>
\t<key>flags</key>
\t<integer>8590195713</integer>
</dict>
</plist>
"""
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1528)
DBX = b"\xcf\xad\x12\xfe\xc5\xfd\x74\x6f" + bytes(3000)
RAR4, RAR5 = b"Rar!\x1a\x07\x00" + bytes(50), b"Rar!\x1a\x07\x01\x00" + bytes(50)
NSF = b"\x1a\x00\x00\x04\x00\x00" + bytes(500)
TNEF = b"\x78\x9f\x3e\x22" + bytes(100)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PDF = b"%PDF-1.7\n" + bytes(100)
SQLITE = b"SQLite format 3\x00" + bytes(100)
MDBOX = b"2 M1e C695b9e40\n\x01\x02N                  000000C8\n"


def msg(n, body=b"hello\n", end=b"\n"):
    text = b"From: ann@corp.example\nTo: bob@corp.example\nSubject: folder %d\nMessage-ID: <%d@folders.example>\n\nzebra%d %s" % (n, n, n, body)
    return text.replace(b"\n", end)


def emlx(message, plist=PLIST):
    return b"%-10d\n" % len(message) + message + plist


def dbox(message, size=None):
    size = len(message) if size is None else size
    return b"2 M1e C695b9e40\n\x01\x02N" + b" " * 10 + b"%016X\n" % size + message + b"\n\x01\x03\nG1a2b3c4d\nR695b9e40\n\n"


def olm():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("Accounts/ann@corp.example/com.microsoft.__Messages/Inbox/message_00001.xml", "<emails/>")
        z.writestr("Categories.xml", "<c/>")
    return out.getvalue()


def zstd(data):
    return run("zstd", "-q", "-c", data=data).stdout


def lz4(data):
    """One frame with a stored block (lz4 frame format 1.6.1)."""
    return b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", 0x80000000 | len(data)) + data + bytes(4)


def put(root, files):
    """Files (bytes), folders (None) and links (text) below root."""
    for name, data in files.items():
        path = os.path.join(root, name)
        os.makedirs(path if data is None else os.path.dirname(path), exist_ok=True)
        if isinstance(data, str):
            os.symlink(data, path)
        elif data is not None:
            with open(path, "wb") as f:
                f.write(data)
    return root


def zipped(root, files, name):
    path = os.path.join(root, name)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for member, data in files.items():
            if isinstance(data, bytes):
                z.writestr(member, data)
    return path


class Import:
    """One run of the command: what it said, and what is in the log by it."""

    def __init__(self, a, path, *args, status=0, data=None):
        report = path + ".report.jsonl" if path != "-" else a.root + "/stdin.jsonl"
        before = self.messages(a)
        self.done = a.cmd("import", *args, "--report", report, path, status=None, data=data)
        check(self.done.returncode == status, f"{path}: status {self.done.returncode}, want {status}: {self.done.stdout} {self.done.stderr}")
        with open(report) as f:
            self.lines = [json.loads(line) for line in f]
        os.unlink(report)
        self.taken = [x for x in self.lines if x["what"] == "taken"]
        new = [x for seq, x in self.messages(a).items() if seq not in before]
        self.records, self.raws = [r for r, _ in new], sorted(raw for _, raw in new)
        self.err = self.done.stderr + self.done.stdout
        check(len(new) == len(self.taken), f"{path}: {len(new)} entries, {len(self.taken)} reported")

    @staticmethod
    def messages(a):
        return {seq: x for seq, x in a.entries().items() if x[0]["kind"] == "message"}

    def record(self, message):
        for r in self.records:
            if r["message"]["sha256"] == sha256(message):
                return r
        return {"source": {}}


# name: files, the messages that must come of it, and in the log's words what is not mail
TREES = {
    "apple-mbox": ({"Box.mbox/mbox": FROM + msg(1) + b"\n" + FROM + msg(2), "Box.mbox/table_of_contents": b"\0\0\0\4xx", "Empty.mbox/mbox": b""}, [msg(1), msg(2)], b"1 indexes"),
    "apple-emlx": ({"INBOX.mbox/AAAA/Data/Messages/1.emlx": emlx(msg(3)), "INBOX.mbox/AAAA/Data/Messages/20.emlx": emlx(msg(4, end=b"\r\n")), "INBOX.mbox/Info.plist": PLIST}, [msg(3), msg(4, end=b"\r\n")], b"1 indexes"),
    "thunderbird": ({"Mail/Local Folders/Inbox": b"From - Mon Jan  5 10:00:00 2026\nX-Mozilla-Status: 0001\n" + msg(5) + b"\n",
                     "Mail/Local Folders/Inbox.msf": b"// <!-- <mdb:mork:z v=\"1.4\"/> -->\n", "Mail/Local Folders/Inbox.sbd/Sub.2019": FROM + msg(6) + b"\n",
                     "Mail/Local Folders/Trash": b"", "ImapMail/imap.corp.example/INBOX": FROM + msg(7) + b"\n", "ImapMail/imap.corp.example/INBOX.msf": b"// <!-- <mdb:mork:z\n",
                     "Mail/Local Folders/Store/cur/17.eml": msg(8), "Mail/Local Folders/Store/tmp": None, "Mail/Local Folders/Store.msf": b"// <!-- <mdb:mork:z\n",
                     "Mail/Local Folders/msgFilterRules.dat": b"version=9\n", "global-messages-db.sqlite": SQLITE, "prefs.js": b"user_pref(1);\n",
                     "Mail/Local Folders/Inbox.mozmsgs/1.wdseml": msg(5)}, [b"X-Mozilla-Status: 0001\n" + msg(5), msg(6), msg(7), msg(8)], b"other files"),
    "mh": ({"inbox/1": msg(9), "inbox/2": msg(10), "inbox/.mh_sequences": b"cur: 1\n", "inbox/,3": msg(11), "inbox/sub/7": msg(12), "inbox/12345678": b"junk without a header\n"},
           [msg(9), msg(10), msg(12), b"junk without a header\n"], b"1 messages marked as removed"),
    "spool": ({"ann": FROM + msg(13) + b"\n", "bob": FROM + msg(14) + b"\n" + FROM + msg(15) + b"\n", "ann.lock": b"", "empty": b"", "words": b"From here to eternity\nall is text\n"}, [msg(13), msg(14), msg(15)], b"1 other files"),
    "cyrus": ({"user/ann/1.": msg(16, end=b"\r\n"), "user/ann/20.": msg(17, end=b"\r\n"), "user/ann/cyrus.index": bytes(90), "user/ann/cyrus.header": b"\241\002\213\015Cyrus mailbox header\n", "user/ann/cyrus.cache": bytes(9)},
              [msg(16, end=b"\r\n"), msg(17, end=b"\r\n")], b"3 indexes"),
    "eudora": ({"In.mbx": b"From ???@??? Mon Jan 05 10:00:00 2026\r\n" + msg(18, end=b"\r\n") + b"\r\n", "In.toc": b"0\0" * 52, "Out.mbx": b""}, [msg(18, end=b"\r\n")], b"1 indexes"),
    "maildir-cur": ({"cur/1.c:2,S": msg(19), "cur/notes": b"no mail\n"}, [msg(19)], b"1 other"),
    "maildir-no-tmp": ({"cur/1.c:2,S": b"a\0b", "new/2.c": msg(20), "new/3.M1.host": b"odd"}, [b"a\0b", msg(20), b"odd"], b""),
    "maildir-gz": ({"cur/1.M1.host,S=200,W=210:2,SZ": gzip.compress(msg(21)), "cur/2.host:2,Z": bz2.compress(msg(22)), "new/3.host": lzma.compress(msg(23)), "new/4.host": msg(24), "cur/5.host": lz4(msg(33))},
                   [msg(21), msg(22), msg(23), msg(24), msg(33)], b""),
    "sdbox": ({"mailboxes/INBOX/dbox-Mails/u.1": dbox(msg(25)), "mailboxes/INBOX/dbox-Mails/u.20": dbox(gzip.compress(msg(35))), "mailboxes/INBOX/dbox-Mails/dovecot.index.log": bytes(40)}, [msg(25), msg(35)], b"1 indexes"),
    "plain names": ({"258-512.msg": msg(26), "mail.cnm": msg(27), "1767607214.M1.host:2,S": msg(28), "2019-January.txt": FROM + msg(29) + b"\n", "saved.txt": msg(30), "page.mht": msg(31), "archive.gz": gzip.compress(FROM + msg(32) + b"\n"), "log.gz": gzip.compress(b"no mail\n")},
                    [msg(26), msg(27), msg(28), msg(29), msg(32)], b"2 texts that look like mail"),
}


def folders(work, a):
    for name, (files, want, words) in TREES.items():
        if name == "maildir-gz" and shutil.which("zstd"):
            files["cur/6.host"] = zstd(msg(34))
            want = want + [msg(34)]
        root = put(os.path.join(work, name), files)
        got = Import(a, root)
        check(got.raws == sorted(want), f"{name}: {len(got.raws)} messages, want {len(want)}: {got.done.stdout} {got.err}")
        check(words in got.err, f"{name}: not said: {words}: {got.err}")
        again = Import(a, root)
        check(len(again.taken) == 0, f"{name} again: {again.done.stdout}")
        facts(name, files, got)
        # The same in a container: MH and Cyrus are known by what their files look like.
        got = Import(a, zipped(work, files, name.replace(" ", "-") + ".zip"))
        less = [b"junk without a header\n"] if name == "mh" else []
        check(got.raws == sorted(x for x in want if x not in less), f"{name}.zip: {len(got.raws)} messages: {got.done.stdout} {got.err}")
    found = a.cmd("search", "--format", "seq", "body:zebra21").stdout.split()
    check(len(found) >= 1, f"the text of a compressed message is not found: {found}")


def facts(name, files, got):
    """What the record says: the digest of both, and what leads back to the file."""
    if name == "maildir-gz":
        for file, data, message, how in (("cur/1.M1.host,S=200,W=210:2,SZ", None, msg(21), "gzip"), ("cur/2.host:2,Z", None, msg(22), "bzip2"), ("new/3.host", None, msg(23), "xz")):
            r = got.record(message)
            check(r["source"].get("compression") == how and r["source"].get("file_sha256") == sha256(files[file]), f"{file}: {r}")
            check(r["source"].get("maildir", {}).get("name") == os.path.basename(file), f"{file}: {r['source']}")
        check("compression" not in got.record(msg(24))["source"], "an uncompressed message says that it was compressed")
    if name == "apple-emlx":
        r = got.record(msg(3))
        e = r["source"].get("emlx", {})
        check((e.get("line", "").encode() + msg(3) + e.get("plist", "").encode()) == files["INBOX.mbox/AAAA/Data/Messages/1.emlx"], f"emlx: the file does not come back: {r}")
        check(r.get("origin_date", "").startswith("2026-01-05T10:00:00"), f"emlx: {r.get('origin_date')}")
    if name == "sdbox":
        r = got.record(msg(25))
        d = r["source"].get("dbox", {})
        check(d.get("head", "").encode() + msg(25) + d.get("tail", "").encode() == files["mailboxes/INBOX/dbox-Mails/u.1"], f"dbox: the file does not come back: {r}")
        check(r.get("origin_date", "").startswith("2026-01-05T11:19:28"), f"dbox: {r.get('origin_date')}")
        r = got.record(msg(35))
        check(r["source"].get("compression") == "gzip" and "head" in r["source"].get("dbox", {}) and r["source"].get("file_sha256") == sha256(files["mailboxes/INBOX/dbox-Mails/u.20"]), f"dbox: {r}")


def not_whole(work, a):
    """Messages whose attachments lie elsewhere: taken, flagged, and told."""
    root = put(os.path.join(work, "partial"), {"Messages/2.partial.emlx": emlx(msg(40)), "Messages/2.2.emlxpart": b"AAAA\n", "Attachments/2/3/report.pdf": PDF, "Messages/3.partial.emlx": emlx(msg(41)),
                                               "Messages/4.emlx": emlx(msg(42)).replace(b"<?xml", b"x" * 5 + b"<?xml")})
    got = Import(a, root)
    check(got.raws == sorted([msg(40), msg(41), msg(42)]), f"partial: {got.raws}")
    check(all("incomplete" in r.get("flags", []) for r in got.records), f"partial: {got.records}")
    check(b"2.2.emlxpart" in got.err and b"Attachments/2/3/report.pdf" in got.err and b"2.partial.emlx" in got.err, f"partial: {got.err}")
    check(sorted(got.record(msg(40))["source"]["emlx"]["attachments"]) == ["2.2.emlxpart", "Attachments/2/3/report.pdf"], f"partial: {got.record(msg(40))}")
    check(len(a.cmd("search", "--format", "seq", "flag:incomplete").stdout.split()) == 3, "flag:incomplete")
    body = b"hello\r\nAttachment Converted: \"C:\\EUDORA\\ATTACH\\plan.doc\"\r\n"
    root = put(os.path.join(work, "eudora-attach"), {"In.mbx": b"From ???@??? Mon Jan 05 10:00:00 2026\r\n" + msg(43, body) + b"\r\n", "attach/plan.doc": OLE})
    got = Import(a, root)
    check(len(got.taken) == 1 and "incomplete" in got.records[0].get("flags", []), f"eudora: {got.records}")
    check(b"1 messages are not whole" in got.err and b"/attach" in got.err, f"eudora: {got.err}")
    with open(root + "/In.mbx", "rb") as f:
        got = Import(a, zipped(work, {"In.mbx": f.read()}, "eudora.zip"))
    check(len(got.taken) == 1 and "incomplete" in got.records[0].get("flags", []) and b"1 messages are not whole" in got.err, f"eudora zipped: {got.records} {got.err}")


# What is refused, and a word of what to do.
REFUSED = {
    "note.msg": (OLE, b"msgconvert"), "real.olm": (olm(), b"Outlook for Mac"), "Inbox.dbx": (DBX, b"undbx"), "mail.rar": (RAR4, b"unpack"), "mail5.rar": (RAR5, b"unpack"),
    "mail.nsf": (NSF, b"Notes"), "winmail.dat": (TNEF, b"TNEF"), "cut.msg": (b"\xd0\xcf", b"msgconvert"), "old.mbx": (b"JMF9" + bytes(60), b"Outlook Express 4"), "uw": (b"*mbx*\r\n5a5a\r\n", b"UW IMAP"),
    "RMAIL": (b"BABYL OPTIONS: -*- rmail -*-\nVersion: 5\n\x1f", b"Babyl"), "mmdf": (b"\1\1\1\1\n" + msg(1) + b"\1\1\1\1\n", b"MMDF"), "priv.edb": (bytes(4) + b"\xef\xcd\xab\x89" + bytes(60), b"Exchange"),
    "x.olk15MsgSource": (b"\xd0\x0d\x00\x00MSrc" + bytes(30) + msg(1), b"Outlook for Mac"), "secret.rpmsg": (b"\x76\xe8\x04\x60\xc4\x11\xe3\x86" + bytes(30), b"rights"),
    "m.1": (MDBOX + msg(1), b"doveadm"), "u.9": (dbox(msg(1), 999), b"doveadm"), "u.8": (dbox(gzip.compress(msg(1))[:-9]), b"gzip"), "bad.mbs": (b"opera\n", b"mbox"),
    "bad.emlx": (b"no count\n" + msg(1), b"count"), "cut.emlx": (b"99999\n" + msg(1), b"cut off"), "odd.eml.gz": (b"not compressed\n", b"not compressed"), "cut.eml.gz": (gzip.compress(msg(1, os.urandom(5000)))[:3000], b"gzip"),
    "junk.mbox": (b"junk\n", b"not an mbox"), "junk.mbox.gz": (gzip.compress(b"junk\n"), b"not an mbox"), "cut.pst": (b"!BDN" + bytes(3000), b"header damaged"),
    "utf16.eml": (("\ufeff" + msg(1).decode()).encode("utf-16-le"), b"UTF-16"), "utf16be.eml": (("\ufeff" + msg(1).decode()).encode("utf-16-be"), b"UTF-16"), "utf16nomark.eml": (msg(1).decode().encode("utf-16-le"), b"UTF-16"),
}
# No mail at all: refused where a message is expected, in folders only counted.
NO_MAIL = {"photo.png": PNG, "paper.pdf": PDF, "list.docx": olm().replace(b"com.microsoft.__Messages", b"word/document.xml/Messag"), "text.doc": OLE, "a.sqlite": SQLITE, "words.txt": b"Hello world\nno mail\n", "._a": b"\0\5\x16\7\0\2\0\0" + bytes(90)}


def refused(work, a):
    root = os.path.join(work, "refused")
    put(root, {name: data for name, (data, _) in REFUSED.items()})
    for name, (data, word) in REFUSED.items():
        renamed = "copy-of-" + name.replace(".", "-") + ".eml"
        mark = name.split(".")[0] not in ("cut", "bad", "odd", "junk", "u", "m")  # known by their bytes alone
        for path, one in ((put(os.path.join(work, "one-" + name), {name: data}), False), (os.path.join(root, name), True)) + (((os.path.join(put(os.path.join(work, "re-" + name), {renamed: data}), renamed), True),) if mark else ()):
            got = Import(a, path, status=1)
            check(len(got.taken) == 0 and word in got.err and os.path.basename(name).split(".")[0].encode() in got.err, f"{path}: {got.done.stdout} {got.err}")
            check(not one or one_line(got.done, path), f"{path}: more than one line: {got.err}")
        if name != "cut.pst":
            got = Import(a, zipped(work, {"x/" + name: data}, "refused-" + name + ".zip"), status=1)
            check(len(got.taken) == 0 and word in got.err, f"{name} zipped: {got.done.stdout} {got.err}")
    got = Import(a, root, status=1)
    check(len(got.taken) == 0 and b"no mail was taken" in got.err, f"all refused: {got.done.stdout} {got.err}")
    put(root, {"good.eml": msg(60)})
    got = Import(a, root, status=1)
    check(got.raws == [msg(60)], f"refused and a good one: {got.done.stdout}")
    for name, data in NO_MAIL.items():
        single = put(os.path.join(work, "no-" + name), {name: data})
        got = Import(a, single, status=1)
        check(len(got.taken) == 0 and b"no mail was found" in got.err, f"folder of {name}: {got.done.stdout} {got.err}")
        got = Import(a, os.path.join(single, name), status=1)
        check(len(got.taken) == 0, f"{name}: {got.done.stdout} {got.err}")
        if name not in ("words.txt",):
            renamed = put(os.path.join(work, "ren-" + name), {"m.eml": data, "sub/cur/1:2,S": data, "sub/new": None})
            got = Import(a, os.path.join(renamed, "m.eml"), status=1)
            check(len(got.taken) == 0 and b"m.eml" in got.err, f"{name} as .eml: {got.done.stdout} {got.err}")
            got = Import(a, renamed, status=1)
            check(len(got.taken) == 0 and b"1:2,S" in got.err, f"{name} in a Maildir: {got.done.stdout} {got.err}")
            got = Import(a, "-", status=1, data=data)
            check(len(got.taken) == 0, f"{name} from standard input: {got.done.stdout} {got.err}")
        beside = put(os.path.join(work, "beside-" + name), {name: data, "a.eml": msg(61, name.encode())})
        got = Import(a, beside)
        check(got.raws == [msg(61, name.encode())] and b"not mail: 1 " in got.err, f"beside {name}: {got.done.stdout} {got.err}")
    # Odd, but given as .eml: it is a message, every byte of it.
    odd = {"from.eml": FROM + msg(1), "empty.eml": b"", "html.eml": b"<html>\n", "nul.eml": b"a\0b\0", "nuls.eml.gz": gzip.compress(bytes(2048)), "bom.eml": b"\xef\xbb\xbf" + msg(1), "packed.eml": gzip.compress(msg(62)), "words.eml": b"PK is a word\n"}
    got = Import(a, put(os.path.join(work, "odd"), odd))
    want = [gzip.decompress(x) if x[:2] == b"\x1f\x8b" else x for x in odd.values()]
    check(got.raws == sorted(want), f"odd .eml: {got.done.stdout} {got.err}")
    check(Import(a, put(os.path.join(work, "unknown"), {"x.bin": b"Hello\n"}) + "/x.bin", "--as", "eml").raws == [b"Hello\n"], "--as eml")


def nothing(work, a):
    """Folders of which nothing was taken, and what was there."""
    for name, files, words in (("empty", {"a": None}, b"it is empty"), ("empty-maildir", {"cur": None, "new": None, "tmp": None}, b"it is empty"),
                               ("others", {"a.txt": b"x", "b/c.jpg": b"\xff\xd8\xff\xe0", "Inbox.msf": b"x", "z": b""}, b"1 indexes and settings of mail programs, 1 empty files, 2 other files")):
        got = Import(a, put(os.path.join(work, "nothing-" + name), files), status=1)
        check(words in got.err and len(got.taken) == 0 and got.lines[-1]["failed"] == 1, f"{name}: {got.err}")
    got = Import(a, zipped(work, {"a.txt": b"x"}, "nothing.zip"), status=1)
    check(b"1 other files" in got.err, f"an empty zip: {got.err}")
    check(Import(a, put(os.path.join(work, "box"), {"empty.mbox": b""}) + "/empty.mbox").lines[-1]["taken"] == 0, "an empty mbox")


def hard_links(work, a):
    """A tar of a store that keeps one message of two mailboxes once: the second is named."""
    root = put(os.path.join(work, "store"), {"user/ann/1.": msg(95), "user/bob/2.": msg(96)})
    os.link(root + "/user/ann/1.", root + "/user/bob/1.")
    path = os.path.join(work, "store.tar")
    with tarfile.open(path, "w") as t:
        t.add(root, "store")
    got = Import(a, path, status=1)
    check(got.raws == sorted([msg(95), msg(96)]), f"hard links: {got.done.stdout} {got.err}")
    check(b"a hard link to another member" in got.err and got.lines[-1]["failed"] == 1, f"hard links: {got.err}")
    got = Import(a, root)
    check(len(got.raws) == 3, f"hard links, unpacked: {got.done.stdout} {got.err}")


def odd_files(work, a):
    """Links, pipes, devices, loops, and folders that cannot be listed."""
    root = os.path.join(work, "odd-files")
    put(root, {"M/cur/1.host": msg(70), "M/new/2.host": msg(71), "M/tmp": None, "real.eml": msg(72), "outside/secret.eml": msg(73)})
    os.rename(os.path.join(root, "outside"), os.path.join(work, "outside"))
    put(root, {"M/cur/3.host": "../../../outside/secret.eml", "link.eml": "../outside/secret.eml", "out": "../outside", "loop": ".", "M/self": "..", "L/cur": "../M/cur", "dangling.eml": "nowhere"})
    os.mkfifo(os.path.join(root, "pipe.eml"))
    os.mkfifo(os.path.join(root, "M/cur/4.host"))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.join(root, "sock.eml"))
    os.mknod(os.path.join(root, "zero.eml"), 0o600 | 0o020000, os.makedev(1, 5))
    got = Import(a, root)
    check(got.raws == sorted([msg(70), msg(71), msg(72)]), f"odd files: {got.done.stdout} {got.err}")
    check(b"7 links (not followed), 4 pipes, sockets and devices" in got.err, f"odd files: {got.err}")
    for name in ("pipe.eml", "sock.eml", "zero.eml"):
        check(len(Import(a, os.path.join(root, name), status=1).taken) == 0, name)
    # Root may list anything, so that is tried as another user.
    root = put(os.path.join(work, "unlisted"), {"M/cur/1.host": msg(74), "M/new": None, "M/tmp": None, "a/x": None, "z.eml": msg(75)})
    user = ["setpriv", "--reuid", "65534", "--clear-groups"]
    if shutil.which("setpriv"):
        copy = os.path.join(work, "as-nobody")
        run("cp", "-r", root, copy)
        run("chown", "-R", "65534", copy)
        for folder in (work, os.path.dirname(work)):
            os.chmod(folder, 0o755)
        b = Archive(work, name="nobody")
        run("chown", "-R", "65534", b.dir)
        for folder in ("M/new", "a/x"):
            os.chown(os.path.join(copy, folder), 0, 0)
            os.chmod(os.path.join(copy, folder), 0o700)
        done = run(*user, SEALPOST, "-A", b.dir, "import", copy, status=1)
        check(b"2 messages taken" in done.stdout and b"2 failed" in done.stdout, f"a folder that cannot be listed: {done.stdout} {done.stderr}")
        check(b"M/new" in done.stderr and b"a/x" in done.stderr, f"a folder that cannot be listed: {done.stderr}")


def programs(work, a):
    """Mailboxes as Python's module writes them."""
    root = os.path.join(work, "python")
    os.makedirs(root)
    box = mailbox.MH(os.path.join(root, "MH"))
    for i in range(3):
        box.add(msg(80 + i))
    box.add_folder("sub").add(msg(84))
    for name, kind in (("mbox", mailbox.mbox),):
        b = kind(os.path.join(root, name))
        b.add(msg(85))
        b.close()
    got = Import(a, root)
    check(got.raws == sorted([msg(80), msg(81), msg(82), msg(84), msg(85)]), f"python: {got.done.stdout} {got.err}")
    for name, kind in (("babyl", mailbox.Babyl), ("mmdf", mailbox.MMDF)):
        b = kind(os.path.join(work, name))
        b.add(msg(86))
        b.close()
        check(len(Import(a, os.path.join(work, name), status=1).taken) == 0, name)


DOVECOT_CONF = """mail_location = {format}:{home}/mail
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 0
first_valid_gid = 0
base_dir = {home}/run
log_path = /dev/stderr
ssl = no
mail_plugins = {plugins}
namespace inbox {{
  inbox = yes
}}
plugin {{
  {save}
}}
"""


def dovecot(layer):
    """Mailboxes as Dovecot itself writes them, compressed and not."""
    work = workdir("512m")  # no rmtree: /dev is mounted below
    host = mailhost.Root(work, layer)
    text = msg(90, b"much text " * 300 + b"\n")
    host.sh("chmod 777 /tmp; for u in dovecot dovenull; do grep -q ^$u: /etc/passwd || echo $u:x:7101:7101::/:/bin/false >> /etc/passwd; grep -q ^$u: /etc/group || echo $u:x:7101: >> /etc/group; done")
    put(host.m + "/tmp", {"message": text})
    for form in ("maildir", "sdbox", "mdbox"):
        for how in ("", "gz", "bz2", "zstd", "lz4"):
            home = f"/tmp/{form}{how}"
            put(host.m + home, {"dovecot.conf": DOVECOT_CONF.format(format=form, home=home, plugins="zlib" if how else "", save=f"zlib_save = {how}" if how else "").encode()})
            done = host.sh(f"chown -R 65534 {home}; USER=ann HOME={home} setpriv --reuid 65534 --regid 65534 --clear-groups doveadm -c {home}/dovecot.conf save -m INBOX /tmp/message")
            check(done.returncode == 0, f"doveadm {form} {how}: {done.stderr}")
            path = put(os.path.join(work, form + how), {"x": None})
            shutil.copytree(host.m + home + "/mail", path + "/mail")
            a = Archive(work, name="a-" + form + how)
            read = form != "mdbox" and how != "lz4"
            got = Import(a, path + "/mail", status=0 if read else 1)
            check(got.raws == ([text] if read else []), f"dovecot {form} {how}: {got.done.stdout} {got.err}")
            check(read or b"doveadm backup" in got.err, f"dovecot {form} {how}: {got.err}")


def main():
    if sys.argv[1:] and os.path.isdir(sys.argv[1]):
        dovecot(sys.argv.pop(1))
    work = workdir()
    parts = {"folders": folders, "not_whole": not_whole, "refused": refused, "nothing": nothing, "odd_files": odd_files, "hard_links": hard_links, "programs": programs}
    for name in sys.argv[1:] or parts:
        # One place is known once: each part has an archive of its own.
        os.makedirs(os.path.join(work, name))
        a = Archive(work, name="archive-" + name)
        parts[name](os.path.join(work, name), a)
        a.verify()
    finish("import_folders")


if __name__ == "__main__":
    main()
