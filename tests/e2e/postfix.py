#!/usr/bin/env python3
"""A real Postfix journals into a running service (always_bcc and a transport
map): what it sent is what the archive gives back, byte for byte."""
import glob
import os
import re
import subprocess
import sys
import time

from kit import *

ROOT = sys.argv[1]
sys.path.insert(0, os.path.join(SOURCE, "examples"))
import email.generator
import io

import mailhost
import send as fixtures

MAIN_CF = mailhost.BASE_CF + """always_bcc = journal@archive.example
transport_maps = inline:{archive.example=smtp:[127.0.0.1]:2525}
"""


def sink(work, port):
    """smtp-sink takes the ordinary recipients' copies and writes them to files."""
    os.mkdir(work + "/sink")
    os.chmod(work + "/sink", 0o777)
    tool = os.path.join(ROOT, "usr/sbin/smtp-sink")
    env = {**os.environ, "LD_LIBRARY_PATH": f"{ROOT}/usr/lib/postfix:{ROOT}/usr/lib/x86_64-linux-gnu"}
    return subprocess.Popen([tool, "-u", "nobody", "-R", work + "/sink", "-d", "%M.", f"127.0.0.1:{port}", "100"],
                            env=env, stderr=open(work + "/sink.log", "wb"))


def mails():
    """A few hundred: every fixture of the quickstart, several times, with ids of their own."""
    for round_ in range(8 if not LONG else 40):
        for sender, to, m in [fixtures.everyday(n) for n in range(20, 50)] + list(fixtures.special(1)):
            out = io.BytesIO()
            email.generator.BytesGenerator(out, policy=fixtures.POLICY).flatten(m)
            data = re.sub(rb"Message-ID: <", b"Message-ID: <%d." % round_, out.getvalue(), count=1)
            yield sender, [t for t in to if t != fixtures.JOURNAL] or ["b@corp.example"], data


def unwrap(dump):
    """What smtp-sink wrote, less the lines that it put before the message."""
    text = dump.replace(b"\r\n", b"\n")
    head, _, rest = text.partition(b"\nReceived: from ")
    # its own Received header comes first; the message begins with Postfix's
    at = rest.find(b"\nReceived: ")
    return rest[at + 1:] if at >= 0 else None


def main():
    work = workdir(tmpfs="1g")
    a = Archive(work).start()
    receiver = sink(work, 2600)
    postfix = mailhost.Postfix(work, ROOT, MAIN_CF)
    for _ in range(200):
        if listening(25) and listening(2600):
            break
        time.sleep(0.05)
    check(listening(25), f"Postfix does not listen:\n{postfix.log()[-2000:]}")
    sent = list(mails())
    with smtp(25) as client:
        for sender, to, data in sent:
            code, text = send(client, data, sender, to, options=["BODY=8BITMIME"])
            check(code == 250, f"Postfix answered {code} {text}")
    end = time.time() + PATIENCE
    while time.time() < end and len(postfix.delivered()) < len(sent):
        time.sleep(0.2)
    answers = [answer(t) for t in postfix.delivered()]
    check(len(answers) == len(sent), f"{len(sent)} sent, {len(answers)} journaled:\n{postfix.log()[-1500:]}")

    # Hash by hash: the answer that Postfix logged, the bytes in the archive.
    archived, stored = {}, a.entries()
    for seq, digest in answers:
        raw = stored[seq][1]
        check(sha256(raw) == digest, f"entry {seq} is not what was acknowledged")
        archived.setdefault(re.search(rb"Message-ID: (<.*?>)", raw).group(1), []).append((seq, raw))
    check(len(archived) == len(sent), f"{len(archived)} different messages, want {len(sent)}")

    # An independent copy: what the same Postfix sent to the other recipients.
    compared = 0
    for path in glob.glob(work + "/sink/*"):
        copy = unwrap(open(path, "rb").read())
        m = re.search(rb"Message-ID: (<.*?>)", copy or b"")
        if not m or m.group(1) not in archived:
            continue
        same = [seq for seq, raw in archived[m.group(1)] if raw.replace(b"\r\n", b"\n").strip() == copy.strip()]
        check(same, f"{m.group(1)}: the archive has other bytes than the recipient")
        compared += 1
    check(compared >= len(sent), f"only {compared} copies compared")
    print(f"{len(sent)} messages sent through Postfix, {compared} independent copies compared")

    # The record knows the envelope, and who spoke.
    seq = answers[0][0]
    record = json.loads(a.cmd("show", seq, "--format", "record").stdout)
    check(record["envelope"]["to"][0]["addr"] == "journal@archive.example", f"envelope {record['envelope']}")
    check(record["source"]["helo"] == "mx.corp.example" and record["source"]["grade"] == "witnessed", f"{record['source']}")

    # Its log names each message that the archive has, and those that it has not.
    a.wait_index()
    maillog = postfix.m + "/var/log/mail.log"
    done = a.cmd("reconcile", "--maillog", maillog)
    check(not done.stdout and b" %d acknowledged, %d of them in the archive" % (len(sent), len(sent)) in done.stderr
          and b"; 0 missing" in done.stderr, f"reconcile: {done.stdout[-500:]} {done.stderr}")
    seq, digest = answers[-1]
    text = open(maillog).read()
    for wrong, why in ((f"seq={seq} sha256={'0' * 64}", b"another message"),
                       (f"seq=99999999 sha256={digest}", b"no such entry")):
        told = text.replace(f"seq={seq} sha256={digest}", wrong).encode()
        done = a.cmd("reconcile", "--maillog", "-", data=told, status=1)
        check(done.stdout.count(b"\n") == 1 and done.stdout.startswith(b"lost") and why in done.stdout, f"reconcile with {wrong}: {done.stdout}")
    without = "".join(l for l in text.splitlines(True) if f"seq={seq} " not in l)
    done = a.cmd("reconcile", "--maillog", "-", data=without.encode())
    check(b"1 there by another way" in done.stderr, f"reconcile finds no copy by its Message-ID: {done.stderr}")

    # Down and up again: Postfix keeps what we did not acknowledge.
    a.stop()
    with smtp(25) as client:
        code, text = send(client, message(77777), to=["b@corp.example"])
        check(code == 250, f"Postfix: {code} {text}")
    time.sleep(1)
    done = a.cmd("reconcile", "--maillog", maillog, "--format", "json", status=1)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    check([(f["finding"], f["message_id"]) for f in found] == [("waiting", "<77777@e2e.example>")], f"reconcile while down: {found}")
    a.start()
    end = time.time() + PATIENCE
    while time.time() < end and len(postfix.delivered()) < len(sent) + 1:
        postfix.sh("postqueue -f")
        time.sleep(0.5)
    check(len(postfix.delivered()) == len(sent) + 1, "a message sent while the service was down did not arrive")
    a.cmd("seal")
    a.verify()
    a.wait_index()
    a.cmd("reconcile", "--maillog", maillog)
    found = a.cmd("search", "--count", "msgid:77777@e2e.example", status=0).stdout
    check(found.strip() == b"1", f"the late message is found {found!r} times")
    postfix.stop()
    a.stop()
    receiver.terminate()
    receiver.wait()
    finish("postfix")


main()
