#!/usr/bin/env python3
"""A real Postfix asks our milter about each message: what it delivered by SMTP
is what the archive holds, and every recipient is in the record."""
import os
import random
import re
import sys
import threading
import time

from kit import *
import mailhost
import sink

ROOT = sys.argv[1]
MILTER = 8891
MAIN_CF = mailhost.BASE_CF.replace("smtpd_recipient_restrictions = ",
    "smtpd_recipient_restrictions = check_recipient_access inline:{unknown@corp.example=REJECT}, ") + f"""
smtpd_milters = inet:127.0.0.1:{MILTER}
non_smtpd_milters = inet:127.0.0.1:{MILTER}
milter_default_action = tempfail
message_size_limit = 40000000
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
"""
LOCAL = "listen local {\n\tprotocol = milter\n\taddress = \"unix:%s/sock/milter\"\n\tsocket_mode = 0666\n}\n"
LISTEN = f"listen filter {{\n\tprotocol = milter\n\taddress = 127.0.0.1:{MILTER}\n%s}}\n"


def odd():
    """Messages whose bytes a filter could get wrong; each with an id of its own."""
    head = b"From: a@corp.example\r\nDate: Mon, 05 Jan 2026 10:00:00 +0000\r\nMessage-ID: <%s@odd.example>\r\n"
    return {
        "plain": head % b"plain" + b"Subject: hi\r\n\r\nbody\r\n",
        "folded": head % b"folded" + b"Subject: one\r\n two\r\n\tthree\r\nX: a\r\n  \r\n b\r\n\r\nbody\r\n",
        "blanks": head % b"blanks" + b"X-None:none\r\nX-Two:  two\r\nX-Tab:\ttab\r\nX-Empty:\r\nX-Blank: \r\nX-End: end \t\r\nX:\r\n later\r\n\r\nbody\r\n",
        "dots": head % b"dots" + b"Subject: .\r\n\r\n.\r\n..\r\n...x\r\n.\r\n\r\n.y\r\n",
        "8bit": head % b"8bit" + b"Subject: \xe4 \xc3\xa4\r\n\r\n\xe4\xf6\xfc \xff\xfe\r\n",
        "no-header-name": head % b"no-header-name" + b"X-\xe4: y\r\n\r\nbody\r\n",
        "no-body": head % b"no-body" + b"Subject: nothing\r\n",
        "empty-body": head % b"empty-body" + b"Subject: nothing\r\n\r\n",
        "empty-lines": head % b"empty-lines" + b"Subject: lines\r\n\r\n\r\n\r\n\r\n",
        "no-header": b"This is not a header line <no-header@odd.example>\r\nMessage-ID: <no-header@odd.example>\r\n",
        "twice": head % b"twice" + b"Received: from a by b; Mon, 05 Jan 2026 10:00:00 +0000\r\nX: 1\r\nX: 1\r\nX: 1\r\n\r\nbody\r\n",
        "long-header": head % b"long-header" + b"X-Long: " + b",\r\n\t".join(b"r%d@corp.example" % i for i in range(2500)) + b"\r\n\r\nbody\r\n",
        "large": head % b"large" + b"Subject: large\r\n\r\n" + b"".join(b"line %d of many, to fill ten megabytes with lines of text\r\n" % i for i in range(170000)),
    }


def setup(work, listen):
    os.mkdir(work + "/sock")
    os.chmod(work + "/sock", 0o755)
    a = Archive(work, config={"top": LISTEN % listen + LOCAL % work}).start()
    receiver = sink.Sink(2600)
    postfix = mailhost.Postfix(work, ROOT, MAIN_CF)
    wait_for("Postfix listens", lambda: listening(25))
    return a, receiver, postfix


def entries(a):
    """{Message-ID: [(record, bytes)]} of all that came by the milter."""
    a.wait_index()
    out = {}
    hits = [json.loads(t) for t in a.cmd("search", "--format", "json", "--limit", "0", "via:milter", status=None).stdout.splitlines()]
    stored = a.entries()
    for hit in hits:
        record, raw = stored[hit["seq"]]
        check(sha256(raw) == hit["sha256"], f"entry {hit['seq']} is not what its record says")
        out.setdefault(ident(raw), []).append((record, raw))
    return out


def ident(raw):
    m = re.search(rb"<[\w.-]+@(?:odd|e2e)\.example>", raw)
    return m.group(0).decode().strip("<>") if m else raw[:60]


def own_received(delivered):
    """Without the Received header that Postfix put before it."""
    m = re.match(rb"Received: (?:[^\r\n]|\r\n[ \t])*\r\n", delivered)
    return delivered[m.end():] if m else None


def bytes_are_what_was_delivered(a, receiver):
    sent = odd()
    with smtp(25) as client:
        for name, data in sent.items():
            code, text = send(client, data, to=["b@corp.example", "hidden@corp.example"], options=["BODY=8BITMIME"])
            check(code == 250, f"{name}: Postfix answered {code} {text}")
    wait_for("all is delivered", lambda: len(receiver.got) >= len(sent))
    got = entries(a)
    for delivery in receiver.got:
        name = ident(delivery.data)
        record, raw = got.get(name, [(None, None)])[0]
        if not check(raw is not None, f"{name} was delivered and is not in the archive"):
            continue
        want = own_received(delivery.data)
        # A filter is not told whether the empty line was there.
        if name.startswith("no-body@") and want:
            want += b"\r\n"
        check(raw == want, f"{name}: archived {raw[:200]!r}, delivered {want[:200] if want else delivery.data[:300]!r}")
        check([t["addr"] for t in record["envelope"]["to"]] == ["b@corp.example", "hidden@corp.example"],
              f"{name}: recipients {record['envelope']}")
        check("reassembled" in record["flags"] and "header_space_guessed" not in record["flags"], f"{name}: flags {record['flags']}")
        if name.split("@")[0] not in ("no-body", "no-header", "no-header-name"):
            check(raw == sent[name.split("@")[0]], f"{name}: archived {raw[:200]!r}, sent otherwise")
    check(len(got) == len(sent), f"{len(got)} messages archived, {len(sent)} sent")
    print(f"{len(receiver.got)} deliveries compared with the archive, byte for byte")


def the_envelope_is_whole(a, receiver):
    data = message(1)
    c = Raw(25)
    c.hello()
    check(c.cmd("MAIL FROM:<a@corp.example> RET=HDRS ENVID=env+2B1 SIZE=500")[0] == 250, "MAIL")
    codes = [c.cmd(f"RCPT TO:{r}")[0] for r in (
        "<b@corp.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;B+2Bx@corp.example", "<unknown@corp.example>",
        '<"odd one"@corp.example>', "<bcc@corp.example> NOTIFY=NEVER")]
    check(codes == [250, 554, 250, 250], f"RCPT: {codes}")
    c.cmd("DATA")
    c.put(data + b".\r\n")
    check(c.reply()[0] == 250, "end of DATA")
    # The same session again, and a transaction that is given up in between.
    for verb in ("MAIL FROM:<x@corp.example>", "RCPT TO:<y@corp.example>", "RSET", "MAIL FROM:<>", "RCPT TO:<c@corp.example>"):
        check(c.cmd(verb)[0] == 250, verb)
    c.cmd("DATA")
    c.put(message(2) + b".\r\n")
    check(c.reply()[0] == 250, "end of the second DATA")
    c.cmd("QUIT")
    got = entries(a)
    record, _ = got["1@e2e.example"][0]
    e, s = record["envelope"], record["source"]
    check(e["from"] == "a@corp.example" and e["from_params"] == ["RET=HDRS", "ENVID=env+2B1", "SIZE=500"], f"sender {e}")
    check(e["to"] == [{"addr": "b@corp.example", "params": ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;B+2Bx@corp.example"]},
                      {"addr": '"odd one"@corp.example'}, {"addr": "bcc@corp.example", "params": ["NOTIFY=NEVER"]}], f"recipients {e['to']}")
    check([r["addr"] for r in e["refused"]] == ["unknown@corp.example"] and "Access denied" in e["refused"][0]["reply"], f"refused {e['refused']}")
    check((s["via"], s["grade"], s["listener"], s["milter"]) == ("milter", "witnessed", "filter", 6), f"source {s}")
    claimed = s["claimed"]["milter"]
    check(s["peer"].startswith("127.0.0.1:") and claimed["addr"] == "127.0.0.1" and claimed["helo"] == "client.example" and claimed["port"] > 0,
          f"client {claimed}")
    check(claimed["macros"]["j"] == "mx.corp.example" and re.fullmatch(r"[0-9A-F]{8,}", claimed["macros"]["i"]), f"macros {claimed['macros']}")
    record, _ = got["2@e2e.example"][0]
    check(record["envelope"] == {"from": "", "to": [{"addr": "c@corp.example"}]} and record["source"]["transaction"] == 3,
          f"after RSET: {record['envelope']} {record['source']['transaction']}")
    check(record["source"]["session"] == s["session"], "one connection for one session")
    queue = [d for d in receiver.got if ident(d.data) == "1@e2e.example"]
    check(claimed["macros"]["i"].encode() in queue[0].data if queue else False, "the queue id of the record is not that of the delivery")


def local_mail_is_seen(a, postfix, receiver):
    n = len(receiver.got)
    text = "From: root@corp.example\\nTo: b@corp.example\\nBcc: hidden@corp.example\\nMessage-ID: <local@e2e.example>\\nSubject: local\\n\\nhand in\\n.x\\n"
    postfix.sh(f"printf '{text}' | sendmail -i -t -f root@corp.example")
    wait_for("local mail is delivered", lambda: len(receiver.got) > n)
    got = entries(a).get("local@e2e.example")
    if not check(got, f"local mail is not in the archive:\n{postfix.log()[-1500:]}"):
        return
    record, raw = got[0]
    check({t["addr"] for t in record["envelope"]["to"]} == {"b@corp.example", "hidden@corp.example"}, f"local: {record['envelope']}")
    check(raw == own_received(receiver.got[-1].data), f"local: archived {raw!r}, delivered {receiver.got[-1].data!r}")
    check(b"Bcc:" not in raw and record["source"]["claimed"]["milter"]["addr"] == "127.0.0.1", f"local: {raw!r} {record['source']}")


def a_local_socket_serves_as_well(a, work, postfix, receiver):
    # Where Postfix runs in a chroot (Debian), the path is seen from there.
    os.mkdir(postfix.m + "/var/spool/postfix/sealpost")
    subprocess.run(["mount", "--bind", work + "/sock", postfix.m + "/var/spool/postfix/sealpost"], check=True)
    postfix.sh("postconf -e smtpd_milters=unix:/sealpost/milter && postfix reload")
    time.sleep(1)
    n = len(receiver.got)
    with smtp(25) as client:
        check(send(client, message(5), to=["b@corp.example", "bcc@corp.example"])[0] == 250, "mail by a local socket")
    wait_for("it is delivered", lambda: len(receiver.got) > n)
    record, raw = entries(a)["5@e2e.example"][0]
    source = record["source"]
    check(raw == own_received(receiver.got[-1].data) == message(5), f"by a local socket: archived {raw!r}")
    check(re.fullmatch(r"unix:uid=\d+", source["peer"]) and source["listener"] == "local" and
          source["claimed"]["milter"]["addr"] == "127.0.0.1", f"by a local socket: {source}")
    postfix.sh(f"postconf -e smtpd_milters=inet:127.0.0.1:{MILTER} && postfix reload")
    time.sleep(1)


def an_old_protocol_is_enough(a, postfix, receiver):
    postfix.sh("postconf -e milter_protocol=2 && postfix reload")
    time.sleep(1)
    n = len(receiver.got)
    data = message(4, extra=b"X: \xe4\r\n")
    with smtp(25) as client:
        check(send(client, data, to=["b@corp.example", "bcc@corp.example"])[0] == 250, "mail with milter protocol 2")
    wait_for("it is delivered", lambda: len(receiver.got) > n)
    record, raw = entries(a)["4@e2e.example"][0]
    check(raw == own_received(receiver.got[-1].data) == data, f"protocol 2: archived {raw!r}")
    check(record["source"]["milter"] == 2 and "header_space_guessed" in record["flags"] and len(record["envelope"]["to"]) == 2,
          f"protocol 2: {record}")
    postfix.sh("postconf -e milter_protocol=6 && postfix reload")
    time.sleep(1)


def too_large_is_refused(a):
    with smtp(25) as client:
        code, text = send(client, message(3, 16 << 20))
        check(code == 552 and "5.3.4" in text, f"too large: {code} {text}")
        code, text = client.mail("a@corp.example", ["SIZE=20000000"])
        check(code == 552, f"declared too large: {code} {text}")
    check("3@e2e.example" not in entries(a), "a refused message is in the archive")
    check("event=refused" in a.log_text(), "no line for what was refused")


class Sender(threading.Thread):
    """Sends each message until it is taken, as a mail client would."""

    def __init__(self, first, enough):
        super().__init__()
        self.numbers, self.enough, self.acked, self.codes, self.stuck = range(first, first + 5000), enough, set(), {}, None

    def one(self, number):
        try:
            with smtp(25, timeout=PATIENCE) as client:
                return send(client, message(number, 300 + number % 7 * 3000), to=["b@corp.example", f"bcc{number}@corp.example"])[0]
        except (smtplib.SMTPException, OSError):
            return 0

    def run(self):
        for number in self.numbers:
            if self.enough.is_set() and len(self.acked) >= 20:
                return
            end = time.time() + PATIENCE
            while time.time() < end:
                code = self.one(number)
                self.codes[code] = self.codes.get(code, 0) + 1
                if code == 250:
                    self.acked.add(number)
                    break
                time.sleep(0.1)
            else:
                self.stuck = number


def killed_at_any_time(a, receiver):
    rng = random.Random(7)
    enough = threading.Event()
    senders = [Sender(10000 * (k + 1), enough) for k in range(6)]
    for s in senders:
        s.start()
    kills = 0
    while kills < (6 if not LONG else 60):
        time.sleep(0.2 + rng.random() * 0.8)
        a.service.kill()
        a.service.wait()
        kills += 1
        time.sleep(rng.random() * 0.5)
        a.start()
    enough.set()
    for s in senders:
        s.join()
    codes = {}
    for s in senders:
        check(s.stuck is None, f"message {s.stuck} was never taken")
        for code, n in s.codes.items():
            codes[code] = codes.get(code, 0) + n
    check(all(c in (0, 250) or 400 <= c < 500 for c in codes), f"answers {codes}")
    check(any(400 <= c < 500 for c in codes), f"{kills} kills, answers {codes}: nothing was disturbed")
    got = entries(a)
    for number in sorted(set().union(*(s.acked for s in senders))):
        found = got.get(f"{number}@e2e.example", [])
        check(any(raw == message(number, 300 + number % 7 * 3000) and
                  [t["addr"] for t in r["envelope"]["to"]] == ["b@corp.example", f"bcc{number}@corp.example"] for r, raw in found),
              f"message {number} was acknowledged and is not in the archive as it was sent")
    # What was delivered without our accept would be a hole.
    for d in receiver.got:
        check(ident(d.data) in got, f"{ident(d.data)} was delivered and is not in the archive")
    print(f"{kills} kills, answers {codes}")


def down_is_put_off(a, receiver):
    n = len(receiver.got)
    a.stop()
    with smtp(25) as client:
        code, text = send(client, message(9001))
        check(code == 451, f"while the service is down: {code} {text}")
    time.sleep(1)
    check(len(receiver.got) == n, "mail passed while the service was down")
    a.start()
    with smtp(25) as client:
        check(send(client, message(9001))[0] == 250, "mail after the service is back")


def garbage_is_closed(a):
    for data in (b"EHLO me\r\n", b"\0\0\0\0Q", b"\xff\xff\xff\xffM", os.urandom(2000)):
        c = Raw(MILTER, timeout=PATIENCE)
        c.put(data)
        check(c.file.read() == b"", f"garbage {data[:20]!r} was answered")
        c.close()
    wait_for("four lines for garbage", lambda: a.log_text().count("event=broken") == 4)


def full_disk_is_put_off():
    work = workdir(tmpfs="96m")
    a = Archive(work, free_port(), name="full", config={"top": "disk_reserve = 8M\n" + (LISTEN % "").replace(str(MILTER), "8892")}).start()
    c = Raw(8892)
    path = work + "/ballast"
    free = os.statvfs(work)
    with open(path, "wb") as f:
        f.write(b"\0" * max(0, free.f_bavail * free.f_frsize - (4 << 20)))
    time.sleep(1.5)

    def packet(data):
        c.put(len(data).to_bytes(4, "big") + data)

    def hear():
        n = int.from_bytes(c.file.read(4), "big")
        return c.file.read(n)
    packet(b"O" + b"\0\0\0\6" + b"\0\0\1\xff" + b"\0\x1f\xff\xff")
    check(hear()[:1] == b"O", "options")
    packet(b"M<a@b>\0")
    check(hear() == b"t", "a full disk at MAIL is not tempfail")
    packet(b"A")
    os.unlink(path)
    time.sleep(1.5)
    packet(b"M<a@b>\0")
    packet(b"R<c@d>\0")
    check((hear(), hear()) == (b"c", b"c"), "the disk has room again")
    # It fills while the message comes: the write fails, not the check before it.
    packet(b"N")
    free = os.statvfs(work)
    with open(path, "wb") as f:
        f.write(b"\0" * max(0, free.f_bavail * free.f_frsize - 65536))
    for _ in range(200):
        packet(b"B" + b"x" * 60000)
    packet(b"E")
    check(hear() == b"t", "a disk that fills is not tempfail")
    os.unlink(path)
    time.sleep(1.5)
    for data in (b"M<a@b>\0", b"R<c@d>\0", b"N", b"Bok", b"E"):
        packet(data)
    check([hear() for _ in range(3)] == [b"c", b"c", b"a"], "mail after the disk was full")
    c.close()
    check(a.cmd("search", "--count", "via:milter").stdout.strip() == b"1" if a.wait_index() else False, "one message in the archive")
    a.verify()
    a.stop()


def main():
    work = workdir(tmpfs="1g")
    a, receiver, postfix = setup(work, "\tmax_message = 11M\n")
    bytes_are_what_was_delivered(a, receiver)
    the_envelope_is_whole(a, receiver)
    local_mail_is_seen(a, postfix, receiver)
    a_local_socket_serves_as_well(a, work, postfix, receiver)
    an_old_protocol_is_enough(a, postfix, receiver)
    too_large_is_refused(a)
    garbage_is_closed(a)
    down_is_put_off(a, receiver)
    killed_at_any_time(a, receiver)
    a.cmd("seal")
    a.verify()
    postfix.stop()
    a.stop()
    receiver.close()
    full_disk_is_put_off()
    finish("milter")


main()
