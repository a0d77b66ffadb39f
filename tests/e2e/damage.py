#!/usr/bin/env python3
"""A finished intake file that cannot be packed: one alarm, and all else goes on."""
import glob
import threading

from kit import *


def main():
    work = workdir()
    script = os.path.join(work, "on alarm")  # the name shows that no shell reads it
    with open(script, "w") as f:
        f.write('#!/bin/sh\ncat >> "%s/alarms"\n' % work)
    os.chmod(script, 0o755)
    a = Archive(work, config={"alarm": "\tcommand = \"%s\"" % script})
    a.start()
    with smtp() as client:
        for number in range(5):
            check(send(client, message(number, 3000))[0] == 250, "message")
    wait_for("signed", lambda: a.status()["checkpoint"] >= 6)
    path = glob.glob(a.dir + "/intake/*.log")[0]
    seal = a.workers()["seal"]
    os.kill(seal, signal.SIGSTOP)
    sealing = threading.Thread(target=lambda: a.cmd("seal", status=2))
    sealing.start()
    wait_for("rotation", lambda: len(glob.glob(a.dir + "/intake/*.log")) == 2)
    good = open(path, "rb").read()
    bad = bytearray(good)
    bad[good.index(b"line 50 of message 3")] ^= 1
    # The indexer has read it by then; an index that meets the damage itself
    # alarms at each of its starts.
    a.wait_index()
    with open(path, "r+b") as f:
        f.write(bad)
    os.kill(seal, signal.SIGCONT)
    sealing.join()
    with smtp() as client:
        code, text = send(client, message(99))
    seq = answer(text)[0]
    check(code == 250, f"{code} {text}")
    wait_for("signed beside the damage", lambda: a.status()["checkpoint"] > seq)
    time.sleep(12)
    alarms = a.log_text().count("event=alarm")
    check(alarms == 1, f"{alarms} alarms for one damaged file")
    check(a.workers()["seal"] == seal, "the seal worker was started again")
    told = [json.loads(t) for t in open(work + "/alarms")]
    check(len(told) == 1 and told[0]["worker"] == "seal" and "intake/" in told[0]["alarm"], f"alarm command: {told}")
    check(os.path.exists(path), "the damaged file is gone")
    with open(path, "r+b") as f:
        f.write(good)
    wait_for("packed once restored", lambda: not os.path.exists(path))
    a.stop()
    a.verify()
    finish("damage")


main()
