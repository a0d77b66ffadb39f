#!/usr/bin/env python3
"""What a mail server may ask of a session: LMTP, with clients that are not
ours."""
from kit import *

LMTP_PORT = 2424


def by_lmtp(a):
    """smtplib and swaks: one reply for each recipient, one entry."""
    client = smtplib.LMTP("127.0.0.1", LMTP_PORT)
    client.ehlo("lmtp.example")
    raw = message(1)
    code, _ = client.mail("a@corp.example")
    check(code == 250, f"MAIL over LMTP: {code}")
    for i in range(3):
        code, _ = client.rcpt(f"r{i}@archive.example")
        check(code == 250, f"RCPT over LMTP: {code}")
    code, _ = client.docmd("DATA")
    check(code == 354, f"DATA over LMTP: {code}")
    client.send(raw + b".\r\n")
    replies = [client.getreply() for _ in range(3)]
    check(len(set(replies)) == 1 and replies[0][0] == 250, f"LMTP answers {replies}")
    seq, digest = answer(replies[0][1].decode())
    check(digest == sha256(raw) and a.raw(seq) == raw, "LMTP: the archive has other bytes")
    code, text = client.docmd("NOOP")
    check(code == 250, f"after LMTP data: {code} {text}")
    client.quit()
    record = json.loads(a.cmd("show", seq, "--format", "record").stdout)
    source = record["source"]
    check((source["via"], source["proto"], source["grade"], source["listener"]) == ("lmtp", "LMTP", "witnessed", "delivery"), f"{source}")
    check([t["addr"] for t in record["envelope"]["to"]] == [f"r{i}@archive.example" for i in range(3)], f"{record['envelope']}")
    done = run("swaks", "--server", f"127.0.0.1:{LMTP_PORT}", "--protocol", "LMTP", "--from", "ann@corp.example",
               "--to", "x@archive.example,y@archive.example", timeout=PATIENCE)
    found = re.findall(r"250 2\.0\.0 Ok: seq=(\d+)", done.stdout.decode())
    check(len(found) >= 1 and len(set(found)) == 1, f"swaks over LMTP: {done.stdout[-500:]}")
    a.wait_index()
    check(a.cmd("search", "--count", "via:lmtp").stdout.strip() == b"2", "search via:lmtp does not find both")


def main():
    work = workdir()
    a = Archive(work, config={"top": f"\nlisten delivery {{\n\taddress = 127.0.0.1:{LMTP_PORT}\n\tprotocol = lmtp\n}}\n"})
    a.start()
    for name, test in (("by_lmtp", lambda: by_lmtp(a)),):
        print("-", name, flush=True)
        test()
    a.stop()
    a.verify()
    finish("sessions")


main()
