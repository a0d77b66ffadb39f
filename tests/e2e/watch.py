#!/usr/bin/env python3
"""What does not come: a canary through a mail server that journals or does
not, a listener that falls silent, and whom an alarm reaches."""
import sqlite3

from kit import *
from mailsink import MailServer

MX = 2600


SUBMIT = f"""
submit {{
	server = "127.0.0.1:{MX}"
	from = sealpost@corp.example
}}
"""


def canary(a, mx):
    done = a.cmd("canary", status=2)
    one_line(done, "canary without an address")
    done = a.cmd("canary", "--to", "canary@corp.example", "--within", "30")
    check(re.search(rb"came back in [\d.]+ s as entry \d+\n", done.stdout), f"canary: {done.stdout} {done.stderr}")
    done = json.loads(a.cmd("canary", "--to", "canary@corp.example", "--format", "json").stdout)
    raw = a.raw(done["seq"])
    check(done["back"] and b"Message-ID: <" + done["message_id"].encode() + b">" in raw, f"canary: {done}")
    check(mx.got[-1][0] == ["RCPT TO:<canary@corp.example>"] and b"Auto-Submitted: auto-generated\r\n" in mx.got[-1][1],
          f"canary mail: {mx.got[-1]}")

    mx.journals = False
    done = a.cmd("canary", "--to", "canary@corp.example", "--within", "1", status=1)
    one_line(done, "a canary that does not come back")
    check(b"no copy came within 1 s" in done.stderr, f"{done.stderr}")
    mx.refuses = True
    done = a.cmd("canary", "--to", "canary@corp.example", "--within", "1", status=1)
    check(b"could not be sent" in done.stderr and b"550" in done.stderr, f"{done.stderr}")
    mx.refuses = False
    # The second is the same alarm, counted.
    wait_for("the alarm", lambda: a.events("alarm"))
    wait_for("counted", lambda: [x["count"] for x in a.status()["open_alarms"] if x["cause"] == "canary"] == [2])
    alarms = [e["detail"] for e in a.events("alarm")]
    check([(d["state"], d["cause"]) for d in alarms] == [("begin", "canary")] and "no copy came" in alarms[0]["text"],
          f"alarms of canaries: {alarms}")


def mails_with(mx, text):
    return [m for m in mx.got if text.encode() in m[1]]


def alarms(a, mx, notes):
    """It goes to the command once and to both mailboxes; so does its end."""
    wait_for("the alarm's mail", lambda: mails_with(mx, "Subject: Sealpost alarm: canary"))
    to, data = mails_with(mx, "no copy came")[0]
    check(to == ["RCPT TO:<ops@corp.example>", "RCPT TO:<audit@corp.example>"], f"alarm mail to {to}")
    check(b"From: Sealpost <sealpost@corp.example>\r\nTo: ops@corp.example,\r\n\taudit@corp.example\r\n" in data, f"{data}")
    wait_for("the command run again", lambda: len(open(notes).readlines()) == 1)
    check(len(mails_with(mx, "Subject: Sealpost alarm: canary")) == 1, "the mail was sent again with the command")
    mx.journals = True
    a.cmd("canary", "--to", "canary@corp.example", "--within", "30")
    wait_for("the mail of the end", lambda: mails_with(mx, "Subject: Sealpost alarm ended: canary"))
    wait_for("the command, of the end", lambda: len(open(notes).readlines()) == 2)
    ran = [json.loads(line) for line in open(notes)]
    check([(r["state"], r["cause"], r["count"]) for r in ran] == [("begin", "canary", 1), ("ended", "canary", 2)], f"the command ran: {ran}")
    wait_for("the entry of the end", lambda: [e["detail"]["state"] for e in a.events("alarm")] == ["begin", "ended"])


def silence(a, mx):
    """Two weeks of traffic in the index, and then nothing for a day."""
    for n in range(3):
        with smtp() as client:
            send(client, message(n))
    a.wait_index()
    a.stop()
    month = time.strftime("%Y-%m", time.gmtime())
    db = sqlite3.connect(f"{a.dir}/index/{month}.sqlite")
    hour = int(time.time()) // 3600
    kept = db.execute("SELECT kind, name, n FROM traffic ORDER BY kind").fetchall()
    check(kept[0][:2] == (0, "mta") and (2, "corp.example", kept[0][2]) in kept, f"traffic counted: {kept}")
    db.execute("DELETE FROM traffic")
    db.executemany("INSERT INTO traffic VALUES(0, 'mta', ?, 20, ?)",
                   [(h, h * 3600 * 10**6 + 1) for h in range(hour - 14 * 24, hour - 24)])
    db.commit()
    db.close()
    a.start()
    wait_for("the alarm of a silence", lambda: [e for e in a.events("alarm") if "nothing from listener mta since" in e["detail"]["text"]])
    wait_for("its mail", lambda: mails_with(mx, "nothing from listener mta since"))
    check(a.cmd("status", status=1).stdout, "status without an alarm")
    with smtp() as client:
        send(client, message(99))
    wait_for("the end of a silence", lambda: [e for e in a.events("alarm") if "listener mta is back" in e["detail"]["text"]])
    a.stop()
    a.start()
    time.sleep(3)
    check(len([e for e in a.events("alarm") if "listener mta" in e["detail"]["text"]]) == 2, "a silence is told twice")


def main():
    work = workdir(tmpfs="1g")
    mx = MailServer(MX)
    mx.journals = True
    notes = work + "/notes"
    script = work + "/alarm"
    # It fails once: the mail goes out all the same, and it is run again.
    open(script, "w").write(f"#!/bin/sh\n[ -e {notes} ] || {{ : > {notes}; exit 1; }}\ncat >> {notes}\n")
    os.chmod(script, 0o755)
    a = Archive(work, config={
        "alarm": f'command = "{script}"\nmail = {{ ops@corp.example, audit@corp.example }}',
        "watch": "check = 1\nleast = 1", "top": ""})
    text = open(a.dir + "/sealpost.conf").read()
    text = text.replace("submit {\n", SUBMIT.strip().rstrip("}"), 1)
    open(a.dir + "/sealpost.conf", "w").write(text)
    a.cmd("config", "check")
    done = a.cmd("canary", "--to", "canary@corp.example", status=2)
    check(b"no service runs" in done.stderr, f"canary without a service: {done.stderr}")
    a.start()
    canary(a, mx)
    alarms(a, mx, notes)
    silence(a, mx)
    a.stop()
    finish("watch")


main()
