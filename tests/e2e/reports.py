#!/usr/bin/env python3
"""Journal reports from a trusted and an untrusted listener and by import:
searched, shown, exported, and the same after reindex.  With the test messages
of the neighbouring folder: every report of theirs, to the byte."""
import tarfile

from kit import *

TRUSTED, OPEN = free_port(), free_port()
ORIGINAL = (b"From: Alice <alice@corp.example>\r\nTo: Bob <bob@corp.example>\r\nSubject: Q%d numbers\r\n"
            b"Message-ID: <orig-%d@corp.example>\r\nDate: Tue, 06 Jan 2026 09:15:02 +0000\r\n\r\nSee there, number %d.\r\n")


def original(n):
    return ORIGINAL % (n, n, n)


def report(n, ident, lines):
    text = "\r\n".join(["Sender: alice@corp.example", f"Subject: Q{n} numbers", f"Message-ID: <orig-{n}@corp.example>", *lines, ""])
    return (b"From: <MicrosoftExchange329e@corp.example>\r\nTo: journal@archive.example\r\nX-MS-Journal-Report:\r\n"
            b"Message-ID: <%s@corp.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"_b_\"\r\n\r\n"
            b"--_b_\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n--_b_\r\nContent-Type: message/rfc822\r\n\r\n%s\r\n--_b_--\r\n"
            % (ident.encode(), text.encode(), original(n)))


def send_raw(port, data):
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        client.ehlo("e2e.example")
        check(client.mail("exchange@corp.example")[0] == 250 and client.rcpt("journal@archive.example")[0] == 250, "MAIL, RCPT")
        code, text = client.data(data)
        check(code == 250, f"{code} {text}")
        return answer(text.decode())[0]


def count(a, query, want):
    got = a.cmd("search", "--count", query, status=None).stdout.strip()
    check(got == b"%d" % want, f"{query}: {got}, want {want}")


def show(a, seq):
    return json.loads(a.cmd("show", seq, "--format", "json").stdout)


def rows(a):
    lines = a.cmd("search", "--format", "json", "--limit", "0", status=None).stdout.splitlines()
    return {json.loads(t)["seq"]: t for t in lines}


def answers(a, seq):
    """What must be the same after a reindex."""
    for query, want in (("rcpt:carol@partner.example", 3), ("bcc:carol@partner.example", 3), ("rcpt:dl@corp.example", 2),
                        ("redirected:dl@corp.example", 2), ("rcpt:erin@corp.example", 1), ("reported:erin@corp.example", 1),
                        ("rcpt:mallory@evil.example", 0), ("reported:mallory@evil.example", 0), ("mallory", 2),
                        ("flag:journal", 5), ("flag:journal_untrusted", 2), ("flag:journal_malformed", 1),
                        ("flag:journal_truncated", 1), ("flag:duplicate", 1), ("flag:same_message", 1), ("flag:msgid_conflict", 1),
                        (f"family:{seq['first']}", 4), (f"family:{seq['blind']}", 4), (f"family:{seq['other']}", 1),
                        ("traced:dora@corp.example", 1), ("subject:\"Q1 numbers\"", 5)):
        count(a, query, want)


def own(work):
    conf = {"top": f"\nlisten exchange {{\n\taddress = 127.0.0.1:{TRUSTED}\n\tjournal = true\n}}\n"}
    a = Archive(work, OPEN, config=conf, name="own").start()
    seq = {}
    first = report(1, "r1", ["To: bob@corp.example", "Bcc: carol@partner.example, Expanded: dl@corp.example"])
    forged = report(3, "r3", ["Bcc: mallory@evil.example"])
    seq["first"] = send_raw(TRUSTED, first)
    seq["second"] = send_raw(TRUSTED, report(1, "r2", ["Recipient: erin@corp.example"]))
    seq["again"] = send_raw(TRUSTED, first)
    seq["forged"] = send_raw(OPEN, forged)
    seq["bad"] = send_raw(TRUSTED, report(4, "r4", ["Bcc: mallory@evil.example", "", "Dear user, click here."]))
    seq["cut"] = send_raw(TRUSTED, report(5, "r5", ["To: bob@corp.example"])[:-12])
    seq["blind"] = send_raw(OPEN, b"Received: by mx1\r\nDelivered-To: dora@corp.example\r\n" + original(1))
    seq["other"] = send_raw(OPEN, original(1).replace(b"See there", b"See elsewhere"))
    # Imported, with and without a word that the source is trusted.
    for name, data in (("t", report(6, "r6", ["Bcc: carol@partner.example"])), ("u", report(6, "r6", ["Bcc: mallory2@evil.example"]))):
        os.mkdir(f"{work}/{name}")
        open(f"{work}/{name}/1.eml", "wb").write(data)
    a.cmd("import", "--journal", work + "/t")
    a.cmd("import", work + "/u")
    a.wait_index()
    return a, seq, first, forged


def looked_at(a, seq, first, forged):
    one = show(a, seq["first"])
    check(one["subject"] == "Q1 numbers" and one["from"] == [{"name": "Alice", "addr": "alice@corp.example"}], f"subject, from: {one['subject']} {one['from']}")
    check(one["message_id"] == "orig-1@corp.example" and "See there, number 1." in one["text"], "message id, text")
    j = one["journal"]
    check(j["report"] is True and j["kind"] == "exchange-2007" and j["sender"] == "alice@corp.example", f"{j}")
    check([(r["role"], r["addr"], r["via"] and (r["via"]["how"], r["via"]["addr"])) for r in j["recipients"]] ==
          [("to", "bob@corp.example", None), ("bcc", "carol@partner.example", ("expanded", "dl@corp.example"))], f"{j['recipients']}")
    check(j["inner_sha256"] == sha256(original(1)), "inner_sha256")
    check(a.cmd("show", seq["first"], "--part", "inner").stdout == original(1), "--part inner")
    check(a.cmd("show", seq["first"], "--part", j["inner"]).stdout == original(1), "--part PATH of the original")
    check(a.cmd("show", seq["first"], "--format", "raw").stdout == first, "--format raw")
    # The family: every recipient with its evidence, from any of the copies.
    for name in ("first", "second", "again", "blind"):
        f = show(a, seq[name])["family"]
        check(f["entries"] == sorted(seq[n] for n in ("first", "second", "again", "blind")), f"family of {name}: {f['entries']}")
        got = {r["addr"]: {(x["seq"], x["evidence"], x.get("role")) for x in r["facts"]} for r in f["recipients"]}
        check(got.get("carol@partner.example") == {(seq["first"], "report", "bcc"), (seq["again"], "report", "bcc")}, f"carol: {got}")
        check(got.get("dora@corp.example") == {(seq["blind"], "header:Delivered-To", "recipient")}, f"dora: {got}")
        check(got.get("journal@archive.example") == {(seq["blind"], "smtp", None)}, f"journal: {got}")
    check(show(a, seq["again"])["duplicate_of"] == seq["first"], "duplicate_of")
    check(show(a, seq["second"])["same_as"] == seq["first"], "same_as")
    check(show(a, seq["other"])["msgid_conflict_with"] == seq["first"], "msgid_conflict_with")
    text = a.cmd("show", seq["second"]).stdout.decode()
    for words in ("Microsoft 365", "erin@corp.example  (role not stated; not named in the header)", "together 5 recipients",
                  f"by report in entry {seq['first']}, expanded from dl@corp.example", "by header:Delivered-To in entry"):
        check(words in text, f"show does not say \"{words}\":\n{text}")
    # What nobody vouches for, and what is damaged.
    for name, flag, why in (("forged", "journal_untrusted", "trusted journal source"), ("bad", "journal_malformed", "a line that no report has")):
        m = show(a, seq[name])
        check("journal" not in m and flag in m["flags"] and m["claims"] == [], f"{name}: {m['flags']} {m['claims']}")
        check(why in m["journal_problem"] and why in a.cmd("show", seq[name]).stdout.decode(), f"{name}: {m['journal_problem']}")
        check(why in a.cmd("show", seq[name], "--part", "inner", status=2).stderr.decode(), f"{name}: --part inner")
    check(a.cmd("show", seq["forged"], "--format", "raw").stdout == forged, "forged: raw")
    check("journal_truncated" in show(a, seq["cut"])["flags"] and show(a, seq["cut"])["journal"]["sender"] == "alice@corp.example", "cut")
    s = a.status()
    check(s["findings"] == {"msgid_conflict": 1, "journal_malformed": 1, "journal_untrusted": 2, "journal_truncated": 1}, f"findings: {s['findings']}")
    check(b"search flag:msgid_conflict" in a.cmd("status").stdout, "status, for a person")
    check(b'sealpost_findings{flag="msgid_conflict"} 1' in a.cmd("status", "--format", "prometheus").stdout, "status, for prometheus")


def exported(a, work, seq):
    a.cmd("export", "--output", work + "/bag", "rcpt:carol@partner.example")
    lines = [json.loads(t) for t in open(work + "/bag/data/loadfile/messages.jsonl")]
    check(len(lines) == 3 and all(any(c["addr"] == "carol@partner.example" and c["evidence"] == "report" for c in m["claims"]) for m in lines), f"messages.jsonl: {lines}")
    check("carol@partner.example (bcc, expanded from dl@corp.example; report)" in open(work + "/bag/data/loadfile/messages.csv").read(), "messages.csv")
    run(VERIFY, "--vkey", a.vkey, work + "/bag")


def corpus(work, source):
    """Every report of the corpus through import, search and show."""
    with tarfile.open(source + "/dev-corpus.tar.xz") as t:
        t.extractall(work, [m for m in t if "journal-dev" in m.name], filter="data")
    a = Archive(work, free_port(), name="corpus")
    a.cmd("import", "--journal", work + "/journal-dev")
    seqs = {os.path.basename(json.loads(t)["source"]["file"]): json.loads(t)["seq"] for t in
            (a.cmd("show", s, "--format", "record").stdout for s in range(1, 1 + len(os.listdir(work + "/journal-dev")))) if b'"kind":"message"' in t}
    for line in open(work + "/golden/journal-dev.jsonl"):
        golden = json.loads(line)
        want, m = golden["expect"], show(a, seqs[os.path.basename(golden["file"])])
        j = m.get("journal") or {}
        got = sorted((r["role"], r["addr"].lower(), ((r["via"] or {}).get("addr") or "").lower()) for r in j.get("recipients", []))
        check(got == sorted((r["kind"].lower(), r["addr"].lower(), (r["via"] or ["", ""])[1].lower()) for r in want["recipients"]), f"{golden['file']}: recipients")
        check(j.get("sender") == want["sender"], f"{golden['file']}: sender")
        if want["inner_sha256"]:
            check(sha256(a.cmd("show", m["seq"], "--part", "inner").stdout) == want["inner_sha256"] == j["inner_sha256"], f"{golden['file']}: the original's bytes")
    print(f"{len(seqs)} reports of the corpus are right", flush=True)


def main():
    work = workdir()
    a, seq, first, forged = own(work)
    answers(a, seq)
    looked_at(a, seq, first, forged)
    exported(a, work, seq)
    before = rows(a)
    a.stop()
    a.cmd("reindex")
    check(rows(a) == before, "the rows are others after reindex")
    answers(a, seq)
    shutil.rmtree(a.dir + "/index")
    a.cmd("reindex")
    check(rows(a) == before, "the rows are others without an index before")
    answers(a, seq)
    a.verify()
    if os.path.exists(sys.argv[1] + "/dev-corpus.tar.xz"):
        corpus(work, sys.argv[1])
    finish("reports")


main()
