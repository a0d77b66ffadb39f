#!/usr/bin/env python3
"""Journal reports from a trusted and an untrusted listener and by import:
searched, shown, exported, and the same after reindex.  With the test messages
of the neighbouring folder: every report of theirs, to the byte."""
import base64
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
                        ("rcpt:mallory@evil.example", 1), ("bcc:mallory@evil.example", 0), ("reported:mallory@evil.example", 0), ("mallory", 2),
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
        check(flag in m["flags"] and m["subject"] is None, f"{name}: {m['flags']}")
        if name == "forged":
            check("journal" not in m and m["claims"] == [], f"{name}: {m['claims']}")
        else:
            check(m["journal"]["doubt"] == ["extra_text"] and {c["evidence"] for c in m["claims"]} == {"doubtful-report:extra_text"}, f"{name}: {m['journal']} {m['claims']}")
        check(why in m["journal_problem"] and why in a.cmd("show", seq[name]).stdout.decode(), f"{name}: {m['journal_problem']}")
        check(why in a.cmd("show", seq[name], "--part", "inner", status=2).stderr.decode(), f"{name}: --part inner")
    check(a.cmd("show", seq["forged"], "--format", "raw").stdout == forged, "forged: raw")
    check("journal_truncated" in show(a, seq["cut"])["flags"] and show(a, seq["cut"])["journal"]["sender"] == "alice@corp.example", "cut")
    s = a.status()
    check(s["findings"] == {"msgid_conflict": 1, "journal_malformed": 1, "journal_untrusted": 2, "journal_truncated": 1}, f"findings: {s['findings']}")
    check(b"search flag:msgid_conflict" in a.cmd("status").stdout, "status, for a person")
    check(b'sealpost_findings{flag="msgid_conflict"} 1' in a.cmd("status", "--format", "prometheus").stdout, "status, for prometheus")


ENVELOPE = b"Sender: ann@corp.example\r\nSubject: deal\r\nMessage-Id: <deal-%d@corp.example>\r\nTo: bob@corp.example\r\nBcc: eve@partner.example\r\n"
DEAL = b"From: Ann <ann@corp.example>\r\nTo: bob@corp.example\r\nSubject: deal\r\nDate: Mon, 05 Jan 2026 10:00:00 +0000\r\nMessage-ID: <deal-%d@corp.example>\r\n\r\ninnerword%d\r\n"
TEXT, RFC822 = b"Content-Type: text/plain\r\n\r\n", b"Content-Type: message/rfc822\r\n\r\n"
FILE = b"Content-Type: application/octet-stream; name=deal.eml\r\nContent-Transfer-Encoding: base64\r\n\r\n"


def changed(n):
    """What gateways make of a report, and what is then doubted."""
    text, deal = ENVELOPE % n, DEAL % (n, n)
    return (
        ([TEXT + text + b"\r\n-- \r\nThis e-mail is confidential.\r\n", RFC822 + deal], ["extra_text"]),
        ([TEXT + text, RFC822 + deal, TEXT + b"Scanned by gateway"], ["extra_part"]),
        ([TEXT + text, FILE + base64.encodebytes(deal)], ["original_type"]),
        ([RFC822 + deal, TEXT + text], ["part_order"]),
        ([b"Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n" + TEXT + text + b"\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>" +
          text.replace(b"<", b"&lt;").replace(b"\r\n", b"<br>") + b"\r\n--a--", RFC822 + deal], ["alternative"]),
        ([TEXT + text, RFC822 + deal, RFC822 + deal.replace(b"deal-%d" % n, b"clear-%d" % n)], ["extra_original"]),
        # Encoded anew only: that is still certain.
        ([TEXT[:-2] + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(text), RFC822 + deal], None),
    )


def doubted(work):
    """Reports that a gateway changed: found by what they say, and doubted; from
    a source that is not trusted only flagged."""
    a = Archive(work, free_port(), name="doubted")
    for n in range(len(changed(0))):
        parts, doubt = changed(n)[n]
        data = (b"From: <MicrosoftExchange329e@corp.example>\r\nTo: journal@archive.example\r\nSubject: deal\r\nX-MS-Journal-Report:\r\nMIME-Version: 1.0\r\n"
                b"Message-ID: <rep-%d@corp.example>\r\nContent-Type: multipart/mixed; boundary=jj\r\n\r\n" % n
                + b"".join(b"--jj\r\n" + p + b"\r\n" for p in parts) + b"--jj--\r\n")
        file = f"{work}/changed-{n}.eml"
        open(file, "wb").write(data.replace(b"<rep-", b"<other-"))
        a.cmd("import", "--source", "elsewhere", file)
        count(a, "rcpt:eve@partner.example", n)
        open(file, "wb").write(data)
        a.cmd("import", "--journal", "--source", "gateway", file)
        hits = [json.loads(t) for t in a.cmd("search", "--format", "json", "rcpt:eve@partner.example", "body:innerword%d" % n).stdout.splitlines()]
        if not check(len(hits) == 1, f"{doubt}: {len(hits)} hits"):
            continue
        m = show(a, hits[0]["seq"])
        evidence = "doubtful-report:" + ",".join(doubt) if doubt else "report"
        check([c["evidence"] for c in hits[0]["claims"] if c["addr"] == "eve@partner.example"] == [evidence], f"{doubt}: {hits[0]['claims']}")
        check(m["journal"]["report"] is True and m["journal"].get("doubt") == doubt and m["journal"]["inner_sha256"] == sha256(DEAL % (n, n)), f"{doubt}: {m['journal']}")
        check("eve@partner.example" not in m["envelope_to"], "a doubtful recipient in the envelope")
        if doubt:
            check("journal_doubtful" in m["flags"] and "journal" not in m["flags"], f"{doubt}: {m['flags']}")
            text = a.cmd("show", hits[0]["seq"]).stdout.decode()
            check(f"({doubt[0]})" in text and "Went to?" in text and "eve@partner.example  (Bcc)" in text, f"{doubt}: {text}")
    for query, want in (("bcc:eve@partner.example", 1), ("reported:eve@partner.example", 1), ("traced:eve@partner.example", 6),
                        ("flag:journal_doubtful", 6), ("flag:journal_untrusted", 7), ("envelope-to:eve@partner.example", 0)):
        count(a, query, want)
    before = rows(a)
    a.cmd("reindex")
    check(rows(a) == before, "the rows after reindex are others")


def accepted(work):
    """Reports that were imported as ordinary mail are claimed as reports later."""
    a = Archive(work, free_port(), name="accepted").start()
    for n in range(4):
        os.makedirs(f"{work}/ordinary", exist_ok=True)
        open(f"{work}/ordinary/{n}.eml", "wb").write(report(n, f"acc{n}", [f"Bcc: carol{n}@partner.example"]))
    open(f"{work}/ordinary/plain.eml", "wb").write(original(9))
    open(f"{work}/ordinary/z.eml", "wb").write(report(8, "acc8", ["Bcc: carol8@partner.example", "", "disclaimer"]))
    a.cmd("import", work + "/ordinary")
    a.wait_index()
    seqs = [int(s) for s in reversed(a.cmd("search", "--format", "seq", "flag:journal_untrusted").stdout.split())]
    plain = int(a.cmd("search", "--format", "seq", "subject:Q9").stdout)
    check(len(seqs) == 5, f"untrusted reports: {seqs}")
    count(a, "rcpt:carol0@partner.example", 0)
    # What is no report, or not there, is refused, and nothing is accepted.
    for words in ((plain,), (0,), (999999,), (seqs[0], plain), ("subject:Q9",), ("subject:nothinglikeit",)):
        done = a.cmd("journal", "accept", *words, status=1)
        one_line(done, f"accept {words}")
    done = a.cmd("journal", "accept", "--dry-run", "--format", "json", "flag:journal_untrusted")
    got = [json.loads(t) for t in done.stdout.splitlines()]
    check([(x["seq"], x["state"], x["event"]) for x in got] == [(s, "report", None) for s in seqs], f"--dry-run: {got}")
    check(got[4]["doubt"] == ["extra_text"] and got[0]["doubt"] == [] and got[0]["kind"] == "exchange-2007", f"--dry-run: {got}")
    check(not a.events("journal_accept"), "a dry run or a refusal left an event")
    # One by its number, the rest by a query; then again.
    done = a.cmd("journal", "accept", seqs[0])
    check(b"1 reports accepted" in done.stdout, f"{done.stdout}")
    count(a, "bcc:carol0@partner.example", 1)
    done = a.cmd("journal", "accept", "flag:journal_untrusted", "OR", "flag:journal_accepted")
    check(b"4 reports accepted, 1 accepted already" in done.stdout, f"{done.stdout}")
    done = a.cmd("journal", "accept", *seqs)
    check(b"0 reports accepted, 5 accepted already" in done.stdout, f"{done.stdout}")
    events = a.events("journal_accept")
    check([e["detail"]["seqs"] for e in events] == [seqs[:1], seqs[1:]] and all(e["actor"]["uid"] == 0 for e in events), f"{events}")
    check(events[1]["detail"]["query"] == "flag:journal_untrusted OR flag:journal_accepted", f"{events}")
    check(b"journal_accept" in a.cmd("audit").stdout, "audit")

    def looks():
        for n, s in enumerate(seqs[:4]):
            m, e = show(a, s), events[min(n, 1)]["seq"]
            check(m["subject"] == f"Q{n} numbers" and m["journal"]["recipients"][0]["addr"] == f"carol{n}@partner.example", f"{s}: {m['journal']}")
            check("journal_accepted" in m["flags"] and "journal" in m["flags"] and "journal_untrusted" not in m["flags"], f"{s}: {m['flags']}")
            check({c["evidence"] for c in m["claims"]} == {f"accepted-report:{e}"}, f"{s}: {m['claims']}")
            check(m["journal_accepted"]["entry"] == e and m["journal_accepted"]["actor"]["uid"] == 0, f"{s}: {m['journal_accepted']}")
            check(m["record"]["source"].get("journal") is None, "the record was changed")
            check(a.cmd("show", s, "--part", "inner").stdout == original(n), f"{s}: --part inner")
        text = a.cmd("show", seqs[0]).stdout.decode()
        check(re.search(rf"Accepted +as a report by root on \S+ .*\(entry {events[0]['seq']}\)", text), f"show: {text}")
        m = show(a, seqs[4])
        check(m["journal"]["doubt"] == ["extra_text"] and "journal_accepted" in m["flags"] and "journal" not in m["flags"], f"a doubtful one: {m['journal']} {m['flags']}")
        for query, want in (("flag:journal_accepted", 5), ("flag:journal_untrusted", 0), ("reported:carol3@partner.example", 1),
                            ("bcc:carol8@partner.example", 0), ("rcpt:carol8@partner.example", 1), ("from:@corp.example from:microsoftexchange329e@corp.example", 1)):
            count(a, query, want)
    looks()
    before = rows(a)
    a.stop()
    shutil.rmtree(a.dir + "/index")
    a.cmd("reindex")
    check(rows(a) == before, "the rows after reindex are others")
    looks()
    a.verify()
    # More than 20 of them are not accepted without a word, without the service too.
    for n in range(21):
        open(f"{work}/ordinary/{n:02d}.eml", "wb").write(report(50, f"many{n}", ["Bcc: dave@partner.example"]))
    a.cmd("import", work + "/ordinary")
    one_line(a.cmd("journal", "accept", "subject:wrapper OR flag:journal_untrusted", status=2), "many without --yes")
    count(a, "bcc:dave@partner.example", 0)
    a.cmd("journal", "accept", "--yes", "flag:journal_untrusted")
    count(a, "bcc:dave@partner.example", 21)
    a.verify()


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
    doubted(work)
    accepted(work)
    if os.path.exists(sys.argv[1] + "/dev-corpus.tar.xz"):
        corpus(work, sys.argv[1])
    finish("reports")


main()
