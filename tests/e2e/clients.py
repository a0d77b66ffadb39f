#!/usr/bin/env python3
"""Clients that are not ours: swaks and smtp-source (after Postfix itself, see
postfix.py).  What they sent is what the archive has."""
from kit import *

ROOT = sys.argv[1]
MANY = 20000 if LONG else 1000


def swaks(a, *args, status=0):
    return run("swaks", "--server", f"127.0.0.1:{a.port}", "--from", "ann@corp.example", "--to", "journal@archive.example",
               "--helo", "swaks.example", *args, status=status, timeout=PATIENCE)


def by_swaks(a, work):
    body = b"Subject: by swaks\r\nMessage-ID: <swaks@e2e.example>\r\n\r\n.dot\r\n..two\r\n" + "Grüße\r\n".encode() + b"\r\n.\r\nend\r\n"
    open(work + "/mail.eml", "wb").write(body)
    # --data @file; swaks stuffs the dots
    done = swaks(a, "--data", f"@{work}/mail.eml")
    text = done.stdout.decode()
    seq, digest = answer(text)
    if check(seq is not None, f"swaks: {text[-600:]}"):
        raw = a.raw(seq)
        check(sha256(raw) == digest, "swaks: the archive has other bytes than it acknowledged")
        check(raw.rstrip(b"\r\n") == body.rstrip(b"\r\n"), f"swaks: the archive has {raw!r}")
        record = json.loads(a.cmd("show", seq, "--format", "record").stdout)
        check(record["source"]["helo"] == "swaks.example" and record["envelope"]["from"] == "ann@corp.example", f"swaks: {record}")
    # What it offers and what it refuses, as swaks sees it.
    done = swaks(a, "--quit-after", "EHLO")
    for word in ("PIPELINING", "SIZE 157286400", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "BINARYMIME", "DSN"):
        check(word in done.stdout.decode(), f"EHLO does not offer {word} to swaks")
    check("STARTTLS" not in done.stdout.decode(), "STARTTLS is offered")
    done = swaks(a, "--tls", status=29)
    done = swaks(a, "--attach", f"@{work}/mail.eml", "--header", "Subject: with an attachment", "--body", "see below")
    check("250 2.0.0 Ok: seq=" in done.stdout.decode(), f"swaks with an attachment: {done.stdout[-400:]}")
    done = swaks(a, "--to", "a@x.example,b@x.example,c@x.example", "--pipeline")
    seq, _ = answer(done.stdout.decode())
    if check(seq is not None, f"swaks, three recipients, pipelined: {done.stdout[-400:]}"):
        record = json.loads(a.cmd("show", seq, "--format", "record").stdout)
        check([t["addr"] for t in record["envelope"]["to"]] == ["a@x.example", "b@x.example", "c@x.example"], f"{record['envelope']}")
    # The 5xx of a sender's mistake, and an XCLIENT that nobody may use.
    done = swaks(a, "--xclient", "ADDR=192.0.2.1", status=None)
    check(done.returncode != 0, "XCLIENT was accepted")
    a.wait_index()
    found = a.cmd("search", "--count", "subject:swaks").stdout
    check(found.strip() == b"1", f"search finds {found} messages by swaks")


def smtp_source(a, *args, status=0):
    env = {"LD_LIBRARY_PATH": f"{ROOT}/usr/lib/postfix:{ROOT}/usr/lib/x86_64-linux-gnu"}
    return run(f"{ROOT}/usr/sbin/smtp-source", *args, "-f", "load@corp.example", "-t", "journal@archive.example",
               f"127.0.0.1:{a.port}", env=env, status=status, timeout=600)


def by_smtp_source(a):
    """Load in parallel sessions: as many entries as messages, each acknowledged once."""
    before = a.status()
    rounds = [("-s", "20", "-m", str(MANY), "-l", "4096"), ("-s", "50", "-m", str(MANY // 4), "-l", "51200"),
              ("-s", "1", "-m", "20", "-l", "300"), ("-s", "4", "-m", "8", "-l", "3000000"),
              ("-d", "-s", "10", "-m", str(MANY // 4), "-l", "1000")]  # -d: many messages in a session
    total = 0
    for args in rounds:
        done = smtp_source(a, *args)
        check(not done.stderr, f"smtp-source {' '.join(args)}: {done.stderr[-400:]}")
        total += int(args[args.index("-m") + 1])
    wait_for("all are counted", lambda: a.status()["accepted"] - before["accepted"] >= total)
    after = a.status()
    check(after["accepted"] - before["accepted"] == total, f"{after['accepted'] - before['accepted']} accepted of {total}")
    a.wait_index()
    found = int(a.cmd("search", "--count", "envelope-from:load@corp.example").stdout)
    check(found == total, f"{found} messages of smtp-source found of {total}")
    # Sent and stored have the same size.
    size = json.loads(a.cmd("search", "--format", "json", "--limit", "1", "larger:2900000").stdout)["size"]
    check(abs(size - 3000000) < 1000, f"a message of 3,000,000 bytes has {size} in the archive")
    check(after["alarms"] == 0, f"alarms: {after['last_alarm']}")
    a.cmd("seal")
    a.verify()


def main():
    work = workdir()
    a = Archive(work)
    a.start()
    for name, test in (("by_swaks", lambda: by_swaks(a, work)), ("by_smtp_source", lambda: by_smtp_source(a))):
        print("-", name, flush=True)
        test()
    a.stop()
    finish("clients")


main()
