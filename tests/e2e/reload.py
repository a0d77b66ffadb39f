#!/usr/bin/env python3
"""A reload, and stopping, while a sender takes its time: nobody else waits long."""
import base64

from kit import *


def in_data():
    c = Raw(timeout=PATIENCE)
    c.hello()
    for line in ("MAIL FROM:<a@corp.example>", "RCPT TO:<j@archive.example>"):
        check(c.cmd(line)[0] == 250, line)
    check(c.cmd("DATA")[0] == 354, "DATA")
    c.put(b"Subject: slow\r\n\r\n")
    return c


def reload_with_a_slow_sender(a):
    slow = in_data()
    before = a.status()["entries"]
    begin = time.time()
    a.service.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    fast = Raw()
    check(fast.reply()[0] == 220, "no greeting after the reload")
    took = time.time() - begin
    print(f"served again after {took:.1f} s", flush=True)
    fast.close()
    check("event=drain_cut" in a.log_text(), "the cut is not in the log")
    try:
        slow.put(b".\r\n")
        code = slow.reply()[0]
    except OSError:
        code = 0
    check(code == 0, f"the message that was cut off was answered {code}")
    check(a.status()["entries"] == before, "what was cut off became an entry")


def status_while_workers_end(a):
    """A status is always answered: it is what monitoring asks."""
    for name in ("seal", "index", "pull", "receive") * 2:
        os.kill(a.workers()[name], signal.SIGKILL)
        for _ in range(5):
            done = a.cmd("status", "--format", "json", status=None)
            check(done.returncode in (0, 1), f"status while {name} ended: {done.returncode} {done.stderr}")
        a.cmd("status", status=None)
        wait_for(f"{name} again", lambda: a.workers()[name] > 0)


def commands_go_on_over_reloads(a, work, seq):
    """Whoever works at the door while the service reloads notices nothing."""
    box = os.path.join(work, "box")
    os.mkdir(box)
    for number in range(1500):
        with open(f"{box}/{number}.eml", "wb") as f:
            f.write(message(20000 + number))
    a.wait_index()
    before = a.status()["messages"]
    job = subprocess.Popen([SEALPOST, "-A", a.dir, "import", box], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(5):
        time.sleep(0.7)
        a.service.send_signal(signal.SIGHUP)
        time.sleep(0.05)
        a.cmd("show", seq, "--format", "raw", status=0)
    out, err = job.communicate(timeout=PATIENCE)
    check(job.returncode == 0, f"import over reloads: {job.returncode} {err.decode()[-500:]}")
    a.wait_index()
    check(a.status()["messages"] == before + 1500, f"import over reloads: {a.status()['messages'] - before} new, want 1500")


def only_tag_manifests_are_signed(a, work):
    """The key that signs exports signs segments too: readers choose no bytes."""
    a.cmd("export", "--output", os.path.join(work, "bag"))
    seq = a.events("export")[-1]["seq"]
    manifest = open(os.path.join(work, "bag/tagmanifest-sha256.txt"), "rb").read()
    for name, data, want in (("the manifest", manifest, "ok "), ("a text", b"anything", "err "), ("nothing", b"", "err "),
                             ("more", manifest + b"x", "err "), ("less", manifest[:-40], "err "),
                             ("another name", manifest.replace(b"bagit.txt", b"bagit.tx2"), "err ")):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(a.dir + "/state/control")
            s.sendall(b"sign %d %s\n" % (seq, base64.b64encode(data)))
            text = s.makefile().readline()
        check(text.startswith(want), f"sign {name}: {text[:200]}")


def main():
    work = workdir()
    a = Archive(work)
    a.start()
    with smtp() as client:
        seq = answer(send(client, message(1))[1])[0]
        check(seq is not None, "first message")
    commands_go_on_over_reloads(a, work, seq)
    only_tag_manifests_are_signed(a, work)
    reload_with_a_slow_sender(a)
    status_while_workers_end(a)
    slow = in_data()
    a.stop()
    slow.close()
    a.verify()
    finish("reload")


main()
