#!/usr/bin/env python3
"""kill -9 of each worker and of the whole service at random moments under
load: every 250 has exactly one entry, with the seq and the bytes that the
answer named; any other entry is a message whose final dot was sent and whose
reply was never read; the archive verifies."""
import random
import threading

from kit import *

ROUNDS = 200 if LONG else 20
CLIENTS = 4
SEED = int(os.environ.get("SP_SEED", time.time()))


class Load(threading.Thread):
    """Sends messages of its own until told to stop; notes what it was told."""

    def __init__(self, number):
        super().__init__(daemon=True)
        self.number, self.stop = number, False
        self.acked = {}          # Message-ID -> (seq, sha256)
        self.unread = set()      # final dot sent (or being sent), no reply read
        self.refused = 0
        self.rng = random.Random(SEED * 100 + number)

    def one(self, client, n):
        ident = self.number * 10000000 + n
        data = message(ident, self.rng.choice([300, 2000, 20000, 90000]))
        name = f"{ident}@e2e.example"
        self.unread.add(name)
        code, text = send(client, data)
        if code == 250:
            seq, digest = answer(text)
            check(digest == sha256(data), f"{name}: acknowledged other bytes")
            self.acked[name] = (seq, digest)
        else:
            self.refused += 1
            check(400 <= code < 500, f"{name}: answered {code} {text}")
        self.unread.discard(name)

    def run(self):
        n = 0
        while not self.stop:
            try:
                client = smtp(timeout=PATIENCE)
                for _ in range(50):
                    if self.stop:
                        break
                    n += 1
                    self.one(client, n)
                client.close()
            except (OSError, smtplib.SMTPException):
                time.sleep(0.02)


def main():
    rng = random.Random(SEED)
    work = workdir()
    a = Archive(work)
    # Small segments, so that packing is hit as well.
    path = a.dir + "/sealpost.conf"
    text = re.sub(r"(?m)^seal \{", "seal {\n  size = 1M", open(path).read())
    open(path, "w").write(text if "size = 1M" in text else text + "seal {\n  size = 1M\n}\n")
    a.start()
    loads = [Load(i) for i in range(CLIENTS)]
    for load in loads:
        load.start()
    targets = ["receive", "seal", "index", "pull", "service"]
    for number in range(ROUNDS):
        time.sleep(rng.uniform(0.05, 0.6))
        target = targets[number % 5] if number < 10 else rng.choice(["receive", "receive", "seal", "index", "service"])
        if target == "service":
            a.service.kill()
            a.service.wait()
            a.start()
            continue
        pid = a.workers().get(target, 0)
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    time.sleep(1)
    for load in loads:
        load.stop = True
    for load in loads:
        load.join(60)
    acked = {k: v for load in loads for k, v in load.acked.items()}
    unread = set().union(*(load.unread for load in loads))
    print(f"seed {SEED}: {ROUNDS} kills, {len(acked)} acknowledged, {len(unread)} without an answer, "
          f"{sum(load.refused for load in loads)} deferred")
    check(len(acked) > 50, "too little load to mean anything")
    a.wait_index()
    entries = {}
    for line in a.cmd("search", "--format", "json", "--limit", "0", timeout=600).stdout.splitlines():
        hit = json.loads(line)
        entries.setdefault(hit["message_id"], []).append((hit["seq"], hit["sha256"]))
    for name, want in acked.items():
        got = entries.get(name, [])
        check(want in got, f"{name} was acknowledged as {want}, the archive has {got}")
        check(len(got) == 1, f"{name} is in the archive {len(got)} times: {got}")
    for name, got in entries.items():
        check(name in acked or name in unread, f"{name} is in the archive ({got}), but its final dot was never sent")
    a.cmd("seal")
    a.verify()
    a.stop()
    # A second start changes nothing.
    before = a.status()["entries"]
    a.start()
    after = a.status()
    check(after["entries"] - before <= 1, f"a start added entries: {before} -> {after['entries']}")
    a.verify()
    a.stop()
    finish("kill")


main()
