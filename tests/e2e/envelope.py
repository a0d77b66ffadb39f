#!/usr/bin/env python3
"""A real Postfix tells the true envelope: recipient_bcc_maps with a pattern
over SMTP, always_bcc over LMTP."""
from kit import *

ROOT = sys.argv[1]

import mailhost

LMTP_PORT = 2424
MANY = 700
MAIN_CF = mailhost.BASE_CF + """recipient_bcc_maps = regexp:/etc/postfix/journal_bcc
always_bcc = all@lmtp.example
transport_maps = inline:{archive.example=smtp:[127.0.0.1]:2525, lmtp.example=lmtp:inet:127.0.0.1:2424}
smtp_destination_recipient_limit = 1000
smtp_send_xforward_command = yes
lmtp_send_xforward_command = yes
"""
JOURNAL_BCC = """if !/@(archive|lmtp)\\.example$/
/^(.+)@([^@]+)$/ journal+$1=$2@archive.example
endif
"""
CONF = {"listen": "\trecipients = { \"journal+{local}={domain}@archive.example\" }\n\txforward = { 127.0.0.1 }",
        "top": f"\nlisten delivery {{\n\taddress = 127.0.0.1:{LMTP_PORT}\n\tprotocol = lmtp\n\txforward = {{ 127.0.0.0/8 }}\n}}\n"}


def send_to(client, number, to):
    code, text = send(client, message(number), to=to)
    check(code == 250, f"Postfix answered {code} {text}")


def main():
    work = workdir(tmpfs="1g")
    a = Archive(work, config=CONF).start()
    postfix = mailhost.Postfix(work, ROOT, MAIN_CF)
    open(postfix.m + "/etc/postfix/journal_bcc", "w").write(JOURNAL_BCC)
    wait_for("Postfix listens", lambda: listening(25))
    # The header names one of them; the others are Bcc.
    few = ["b@corp.example", "Carol.Roe+x@Partner.example", "list-bob=corp.example@lists.example", "\"odd name\"@corp.example"]
    many = [f"user{i}@big.example" for i in range(MANY)]
    with smtp(25) as client:
        send_to(client, 1, few)
        send_to(client, 2, many)

    def arrived():
        a.wait_index()
        return len(a.cmd("search", "--format", "json", status=None).stdout.splitlines()) >= 4
    check(wait_for("all four copies", arrived), postfix.log()[-3000:])
    queue_ids = set()
    for number, to in ((1, few), (2, many)):
        rows = [json.loads(t) for t in a.cmd("search", "--format", "json", f"msgid:{number}@e2e.example").stdout.splitlines()]
        check(len(rows) == 2, f"message {number}: {len(rows)} copies, want one by SMTP and one by LMTP")
        for row in rows:
            record = json.loads(a.cmd("show", row["seq"], "--format", "record").stdout)
            claim = record["source"]["claimed"]["xforward"]
            # Who gave it to Postfix, in Postfix's words.
            check(claim["helo"] == "client.example" and claim["addr"] == "127.0.0.1" and claim["source"] in ("LOCAL", "REMOTE"), f"{claim}")
            check(record["source"]["helo"] == "mx.corp.example", f"{record['source']}")
            queue_ids.add(claim["ident"])
            if row["via"] == "lmtp":
                check(row["envelope_to"] == ["all@lmtp.example"], f"{row['envelope_to']}")
                continue
            # One transaction, every recipient of it, Bcc too.
            check(sorted(row["envelope_to"]) == sorted(to), f"message {number}: envelope_to is {row['envelope_to'][:5]}")
            shown = json.loads(a.cmd("show", row["seq"], "--format", "json").stdout)
            check(shown["envelope_to"] == row["envelope_to"], "show and search say different recipients")
            got = {t["original"]: t for t in record["envelope"]["to"]}
            check("journal+b=corp.example@archive.example" == got["b@corp.example"]["addr"] if number == 1 else len(got) == MANY, f"{record['envelope']}")
    check(len(queue_ids) == 2 and all(i in postfix.log() for i in queue_ids), f"queue ids {queue_ids}")
    for one in queue_ids:
        found = a.cmd("search", "--count", f"claimed:{one}").stdout.strip()
        check(found == b"2", f"claimed:{one}: {found}")
        check(f"ident={one}" in a.log_text(), f"no ident={one} in the log")
    for query, count in (("rcpt:carol.roe+x@partner.example", 1), ("envelope-to:b@corp.example", 1), ("to:carol.roe+x@partner.example", 0),
                         (f"rcpt:user{MANY - 1}@big.example", 1), ("envelope-to:@lists.example", 1), ("rcpt:@archive.example", 2)):
        found = a.cmd("search", "--count", query, status=None).stdout.strip()
        check(found == b"%d" % count, f"{query}: {found}, want {count}")
    text = a.cmd("show", rows[0]["seq"]).stdout + a.cmd("show", rows[1]["seq"]).stdout
    check(b"Claimed      xforward: " in text, f"show says {text[-3000:]}")
    check(b"user3@big.example, as journal+user3=big.example@archive.example\n" in text, f"show says {text[:800]}")
    a.cmd("export", "--output", work + "/bag", "rcpt:carol.roe+x@partner.example")
    csv = open(work + "/bag/data/loadfile/messages.csv").read()
    check("Carol.Roe+x@Partner.example" in csv, f"messages.csv: {csv}")
    # A recipient that is no address of the pattern is refused, by SMTP.
    with smtp() as client:
        code, text = send(client, message(3), to=["journal@archive.example"])
        check(code == 550, f"an address beside the pattern: {code} {text}")
    postfix.stop()
    a.stop()
    a.verify()
    finish("envelope")


main()
