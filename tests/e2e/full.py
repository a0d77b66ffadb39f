#!/usr/bin/env python3
"""A disk that fills: 452, nothing lost, nothing half there, and it goes on by
itself once there is space."""
from kit import *

SIZE = "48m"


def ballast(work, leave, name="ballast"):
    """Fill the file system up to ${leave} bytes."""
    path = f"{work}/{name}"
    free = os.statvfs(work)
    with open(path, "wb") as f:
        left = max(0, free.f_bavail * free.f_frsize - leave)
        while left > 0:
            left -= f.write(b"\0" * min(left, 1 << 20))
    return path


class Sender:
    def __init__(self, a):
        self.a, self.number, self.acked, self.codes = a, 0, {}, {}

    def one(self, size, way="DATA"):
        """One message; the code of its answer."""
        self.number += 1
        data = message(self.number, size)
        c = Raw(self.a.port)
        c.hello()
        code, text = c.cmd("MAIL FROM:<a@corp.example>")
        if code == 250:
            code, text = c.cmd("RCPT TO:<j@archive.example>")
        if code == 250 and way == "DATA":
            code, text = c.cmd("DATA")
            if code == 354:
                c.put(data + b".\r\n")
                code, text = c.reply()
        elif code == 250:
            c.put(b"BDAT %d LAST\r\n" % len(data) + data)
            code, text = c.reply()
        c.close()
        self.codes[code] = self.codes.get(code, 0) + 1
        if code == 250:
            self.acked[answer(text)[0]] = data
        else:
            check(code == 452 and "4.3.1" in text, f"a full disk is answered {code} {text}")
        return code

    def until_full(self, size):
        for _ in range(3000):
            if self.one(size) == 452:
                return True
        return check(False, "the disk did not fill")


def whole(a, sender):
    """Exactly what was acknowledged is there, byte for byte."""
    a.wait_index()
    hits = [json.loads(t) for t in a.cmd("search", "--format", "json", "--limit", "0", timeout=600).stdout.splitlines()]
    check({h["seq"] for h in hits} == set(sender.acked), f"{len(hits)} messages in the archive, {len(sender.acked)} acknowledged")
    for h in hits:
        check(h["sha256"] == sha256(sender.acked.get(h["seq"], b"")), f"entry {h['seq']} has other bytes than were acknowledged")
    for seq in sorted(sender.acked)[-3:]:
        check(a.raw(seq) == sender.acked[seq], f"entry {seq}: other bytes come out")


def fills(name, config, leave):
    work = workdir(tmpfs=SIZE)
    a = Archive(work, free_port(), name=name, config=config)
    a.start()
    sender = Sender(a)
    for size in (500, 20000):
        check(sender.one(size) == 250, "mail before the disk is full")
    path = ballast(work, leave)
    sender.until_full(8000)
    # It stays full: small and large ones, by DATA and BDAT, each 452 or really taken.
    for size in (300, 3000, 300000, 3000000):
        for way in ("DATA", "BDAT"):
            sender.one(size, way)
    time.sleep(2.5)  # checkpoints, heartbeats and the index meet it too
    pids = a.workers()
    os.unlink(path)
    wait_for("mail is taken again", lambda: sender.one(3000) == 250)
    for size in (500, 100000):
        check(sender.one(size) == 250, "mail after space was freed")
    check(a.workers()["receive"] == pids["receive"], "receive was restarted by a full disk")
    print(f"{name}: {sender.codes}")
    check(sender.codes.get(452, 0) >= 3, "the disk was hardly full")
    whole(a, sender)
    wait_for("seal works again", lambda: a.cmd("seal", status=None).returncode == 0)
    a.verify()
    a.stop()
    a.verify()
    run("umount", work)


def start_on_full_disk():
    """The service starts on a disk without a free byte, and goes on later."""
    work = workdir(tmpfs=SIZE)
    a = Archive(work, free_port(), name="start", config={"top": "disk_reserve = 0\n"})
    a.start()
    sender = Sender(a)
    sender.one(5000)
    a.stop()
    path = ballast(work, 0)
    a.start(wait=False)
    time.sleep(3)
    # The index gives a few pages back when it is opened.
    more = ballast(work, 0, "more")
    if listening(a.port):
        check(sender.one(5000) == 452, "mail was taken on a disk without a free byte")
    # Commands say so in one line.
    # The last page of the intake file may have room for a few small entries.
    for _ in range(40):
        done = a.cmd("show", 1, status=None)
        if done.returncode != 0:
            break
    check(done.returncode == 2, f"show on a full disk: exit status {done.returncode}")
    one_line(done, "show on a full disk")
    done = a.cmd("export", "--output", work + "/bag", status=2)
    one_line(done, "export on a full disk")
    check(not os.path.exists(work + "/bag") and not os.path.exists(work + "/bag.partial"), "export left something on a full disk")
    os.unlink(path)
    os.unlink(more)
    wait_for("mail is taken again", lambda: listening(a.port) and sender.one(3000) == 250)
    whole(a, sender)
    a.stop()
    a.verify()
    run("umount", work)


def import_on_full_disk():
    """An import that meets a full disk says so; run again it takes the rest."""
    work = workdir(tmpfs=SIZE)
    a = Archive(work, free_port(), name="import", config={"top": "disk_reserve = 0\n"})
    source = workdir() + "/mail"
    os.mkdir(source)
    for i in range(400):
        open(f"{source}/{i:04d}.eml", "wb").write(message(i, 20000))
    path = ballast(work, 2 << 20)
    done = a.cmd("import", source, status=2)
    one_line(done, "import on a full disk")
    check(b"space" in done.stderr, f"import on a full disk: {done.stderr}")
    os.unlink(path)
    done = a.cmd("import", source)
    m = re.search(rb"([\d,]+) messages taken.*?([\d,]+) already there", done.stdout)
    check(m and int(m[1].replace(b",", b"")) + int(m[2].replace(b",", b"")) == 400, f"the second import: {done.stdout}")
    check(a.cmd("search", "--count").stdout.strip() == b"400", "not every message is there once")
    a.verify()
    run("umount", work)


def main():
    print("- without a reserve", flush=True)
    fills("bare", {"top": "disk_reserve = 0\n"}, 3 << 20)
    print("- with a reserve", flush=True)
    fills("reserve", {"top": "disk_reserve = 4M\n", "seal": "  size = 1M"}, 8 << 20)
    for test in (start_on_full_disk, import_on_full_disk):
        print("-", test.__name__, flush=True)
        test()
    finish("full")


main()
