#!/usr/bin/env python3
"""Alarms: one for each cause, in the log, in status, by the command; ended when
the cause is gone; acknowledged; over restarts and full disks; and what status
says of a service that is not there."""
import concurrent.futures
import glob

from kit import *


def with_command(work):
    """A command that notes what it is given; (config, told())."""
    script = work + "/tell"
    with open(script, "w") as f:
        f.write(f"#!/bin/sh\ncat >>{work}/told\n")
    os.chmod(script, 0o755)
    path = work + "/told"
    return f"  command = {script}", lambda: [json.loads(t) for t in open(path)] if os.path.exists(path) else []


def mail(a, n, first=0):
    """${n} messages; the codes of the answers."""
    codes = []
    with smtp(a.port) as client:
        for i in range(n):
            codes.append(send(client, message(first + i))[0])
            client.rset()
    return codes


def alarm_events(a, cause, state=None):
    return [e["detail"] for e in a.events("alarm")
            if e["detail"]["cause"] == cause and state in (None, e["detail"]["state"])]


def open_alarms(a):
    return {x["cause"]: x for x in a.status()["open_alarms"]}


def guard_unwritable():
    """A guard that cannot be written, under mail: one alarm, and one end."""
    work = workdir()
    guard = work + "/guard"
    os.mkdir(guard)
    command, told = with_command(work)
    a = Archive(work, free_port(), config={"alarm": command}, init=("--guard", guard))
    a.start()
    check(mail(a, 3) == [250] * 3, "mail before")
    wait_for("the guard's copy", lambda: os.path.exists(guard + "/checkpoint"))
    a.cmd("status")
    # As a unit does it that makes the system read-only: the mount is ours alone.
    run("mount", "--bind", guard, guard)
    run("mount", "-o", "remount,bind,ro", guard)
    first = 100
    for _ in range(6):
        check(mail(a, 5, first) == [250] * 5, "mail while the guard cannot be written")
        first += 5
        time.sleep(1.1)
    wait_for("it is counted", lambda: open_alarms(a).get("guard_unwritable", {}).get("count", 0) > 3)
    check(a.log_text().count("event=alarm ") == 1, f"{a.log_text().count('event=alarm ')} log lines of one alarm")
    check(len(told()) == 1 and told()[0]["cause"] == "guard_unwritable" and told()[0]["state"] == "begin", f"told: {told()}")
    check(len(alarm_events(a, "guard_unwritable")) == 1, "one entry")
    x = open_alarms(a)["guard_unwritable"]
    check(not x["acknowledged"] and "guard" in x["text"], f"{x}")
    text = a.cmd("status", status=1).stdout.decode()
    check("guard_unwritable" in text, text)
    prom = a.cmd("status", "--format", "prometheus", status=1).stdout.decode()
    check('sealpost_alarm_open{cause="guard_unwritable",acknowledged="no"} 1' in prom, prom)
    # Over a reload and a restart it is the same alarm.
    a.service.send_signal(signal.SIGHUP)
    wait_for("workers of the reload", lambda: a.log_text().count("event=worker_start") >= 8)
    a.stop()
    text = a.cmd("status", status=1).stdout.decode()
    check("guard_unwritable" in text and "stopped by order" in text, text)
    a.cmd("status", "--offline-ok", status=1)
    a.start()
    check(mail(a, 2, 500) == [250] * 2, "mail after a restart")
    wait_for("counted after a restart", lambda: open_alarms(a)["guard_unwritable"]["count"] > x["count"])
    check(len(told()) == 1, f"told again after a restart: {told()[1:]}")
    # Acknowledged: shown, and no reason for status to fail.
    a.cmd("alarms", "acknowledge", "nothing_such", status=1)
    done = a.cmd("alarms", "acknowledge", "guard_unwritable", "--note", "the unit is being changed")
    a.cmd("status")
    listed = a.cmd("alarms", "list").stdout.decode()
    check("acknowledged by" in listed and "the unit is being changed" in listed, listed)
    acks = a.events("acknowledge")
    check(len(acks) == 1 and acks[0]["detail"]["alarms"][0]["cause"] == "guard_unwritable" and acks[0]["actor"]["uid"] == os.getuid()
          and acks[0]["detail"]["note"] == "the unit is being changed", f"{acks}")
    # Healed, without any mail: one end.
    run("umount", guard)
    wait_for("the end", lambda: "guard_unwritable" not in open_alarms(a))
    wait_for("the end is told", lambda: len(told()) == 2)
    check(told()[1]["state"] == "ended" and told()[1]["count"] > 3, f"{told()[1]}")
    wait_for("the entry of the end", lambda: alarm_events(a, "guard_unwritable", "ended"))
    time.sleep(2)
    check([d["state"] for d in alarm_events(a, "guard_unwritable")] == ["begin", "ended"], f"{alarm_events(a, 'guard_unwritable')}")
    listed = a.cmd("alarms", "list", "--all", "--format", "json").stdout.decode().splitlines()
    check([json.loads(t)["state"] for t in listed] == ["ended"], f"{listed}")
    check(b"no alarm is open" in a.cmd("alarms").stdout, "alarms without a verb lists")
    a.stop()
    a.verify()


def full_disk():
    """Below the reserve, then full to the last byte: 452, one alarm by all ways,
    no storm, and its entry follows when there is room."""
    work, outside = workdir(tmpfs="64m"), workdir()
    command, told = with_command(outside)
    a = Archive(work, free_port(), config={"top": "disk_reserve = 16M\n", "alarm": command})
    a.start()
    check(mail(a, 3) == [250] * 3, "mail before")
    a.wait_index()
    before = a.status()["entries"]
    free = os.statvfs(work)
    with open(work + "/ballast", "wb") as f:
        left = free.f_bavail * free.f_frsize - (12 << 20)
        while left > 0:
            left -= f.write(b"\0" * min(left, 1 << 20))
    # Nobody sends anything: it is noticed all the same.
    wait_for("the alarm without mail", lambda: "disk_reserve" in open_alarms(a))
    wait_for("the command is told", lambda: told())
    for _ in range(20):
        check(mail(a, 1, 50) == [452], "mail below the reserve")
    lines = [t for t in a.log_text().splitlines() if "event=deferred" in t]
    check(lines and all("level=warn" in t and "cause=disk_reserve" in t for t in lines), f"{lines[:2]}")
    # To the last byte: nothing can be written, the alarm's entry neither.
    with open(work + "/ballast2", "wb", buffering=0) as f:
        with contextlib.suppress(OSError):
            while True:
                f.write(b"\0" * 65536)
        with contextlib.suppress(OSError):
            while True:
                f.write(b"\0" * 512)
    for _ in range(10):
        check(mail(a, 1, 60) == [452], "mail on a full disk")
        time.sleep(0.5)
    time.sleep(3)
    check([t["cause"] for t in told()] == ["disk_reserve"], f"told: {[t['cause'] for t in told()]}")
    check(a.log_text().count("event=alarm ") == 1, f"log lines: {[t for t in a.log_text().splitlines() if 'event=alarm' in t]}")
    a.cmd("status", status=1)
    os.unlink(work + "/ballast2")
    os.unlink(work + "/ballast")
    wait_for("mail is taken again", lambda: mail(a, 1, 70) == [250])
    wait_for("the end", lambda: not open_alarms(a))
    wait_for("the end is told", lambda: len(told()) == 2)
    wait_for("both entries", lambda: len(alarm_events(a, "disk_reserve")) == 2)
    check([d["state"] for d in alarm_events(a, "disk_reserve")] == ["begin", "ended"], "begin, ended")
    entries = a.status()["entries"]
    check(entries - before <= 6, f"{entries - before} entries for one full disk and a message")
    a.stop()
    a.verify()
    run("umount", work)


def full_at_once():
    """A disk without a free byte from one moment to the next: the alarm reaches
    people before the log has room for it."""
    work, outside = workdir(tmpfs="48m"), workdir()
    command, told = with_command(outside)
    a = Archive(work, free_port(), config={"top": "disk_reserve = 4M\n", "alarm": command})
    a.start()
    check(mail(a, 2) == [250] * 2, "mail before")
    a.wait_index()
    pids = a.workers()
    os.kill(pids["receive"], signal.SIGSTOP)
    with open(work + "/ballast", "wb", buffering=0) as f:
        for size in (1 << 20, 4096, 64):
            with contextlib.suppress(OSError):
                while True:
                    f.write(b"\0" * size)
    os.kill(pids["receive"], signal.SIGCONT)
    wait_for("told while the disk is full", lambda: told())
    time.sleep(8)
    check(len(told()) == 1 and told()[0]["cause"] == "disk_reserve", f"told: {told()}")
    check("disk_reserve" in open_alarms(a), "status")
    a.cmd("alarms", "list")
    os.unlink(work + "/ballast")
    wait_for("the entry, once there is room", lambda: alarm_events(a, "disk_reserve", "begin"))
    wait_for("the end", lambda: alarm_events(a, "disk_reserve", "ended"))
    check(a.workers()["receive"] == pids["receive"], "receive was restarted")
    a.stop()
    a.verify()
    run("umount", work)


def service_down():
    """A service that ended other than by order is an alarm of the next start."""
    work = workdir()
    command, told = with_command(work)
    a = Archive(work, free_port(), config={"alarm": command})
    check("not running" in a.cmd("status", status=1).stdout.decode(), "never started")
    a.cmd("status", "--offline-ok")
    a.start()
    a.cmd("status")
    a.stop()
    text = a.cmd("status", status=1).stdout.decode()
    check("stopped by order" in text, text)
    check(json.loads(a.cmd("status", "--format", "json", "--offline-ok").stdout)["service"] == "stopped", "as JSON")
    a.start()
    check(not told(), f"an ordered stop is an alarm: {told()}")
    workers = a.workers()
    a.service.kill()
    a.service.wait()
    wait_for("the workers end with it", lambda: not any(os.path.exists(f"/proc/{p}") for p in workers.values()))
    check("other than by order" in a.cmd("status", status=1).stdout.decode(), "status of a killed service")
    a.start()
    wait_for("the alarm is told", lambda: [t for t in told() if t["cause"] == "service_down"])
    a.cmd("status", status=1)
    check(len(alarm_events(a, "service_down", "begin")) == 1, "one entry")
    # A second kill is the same alarm, counted.
    a.cmd("alarms", "acknowledge", "service_down")
    a.cmd("status")
    a.stop()


def reload_and_workers():
    """A reload that fails, and a worker that ends, are alarms with causes."""
    work = workdir()
    a = Archive(work, free_port())
    a.start()
    conf = a.dir + "/sealpost.conf"
    good = open(conf).read()
    open(conf, "w").write(good + "nonsense {\n")
    a.service.send_signal(signal.SIGHUP)
    wait_for("reload_failed in the log", lambda: "event=reload_failed" in a.log_text())
    open(conf, "w").write(good)
    wait_for("reload_failed", lambda: "reload_failed" in open_alarms(a))
    a.service.send_signal(signal.SIGHUP)
    wait_for("it ends", lambda: "reload_failed" not in open_alarms(a))
    for _ in range(3):
        pid = a.workers()["index"]
        os.kill(pid, signal.SIGKILL)
        wait_for("index again", lambda: a.workers()["index"] not in (0, pid))
    wait_for("counted", lambda: open_alarms(a).get("worker_restart:index", {}).get("count") == 3)
    check(len(alarm_events(a, "worker_restart:index")) == 1, "one entry for three restarts")
    # The alarm is the supervisor's: a worker that dies takes none with it.
    os.kill(a.workers()["receive"], signal.SIGKILL)
    wait_for("receive", lambda: "worker_restart:receive" in open_alarms(a) and a.workers()["receive"] != 0)
    wait_for("its entry", lambda: alarm_events(a, "worker_restart:receive"))
    # Nobody but the service makes alarms.
    check("event=alarm" in a.log_text(), "log line")
    a.stop()
    a.verify()


def stuck():
    """A worker that is up and does not go on, as one whose disk hangs."""
    work = workdir()
    a = Archive(work, free_port())
    os.environ["SP_STUCK_SECONDS"] = "12"
    a.start()
    del os.environ["SP_STUCK_SECONDS"]
    pids = a.workers()
    for name, cause in (("index", "index_stuck"), ("seal", "worker_stuck:seal"), ("pull", "worker_stuck:pull"), ("receive", "worker_stuck:receive")):
        os.kill(pids[name], signal.SIGSTOP)
        wait_for(cause, lambda: f"cause={cause}" in a.log_text())
        os.kill(pids[name], signal.SIGCONT)
        wait_for(f"the end of {cause}", lambda: f"event=alarm_ended cause={cause}" in a.log_text())
    check(a.workers() == pids, "a worker was started again")
    wait_for("entries", lambda: len(a.events("alarm")) == 8)
    a.stop()
    a.verify()


def outlived():
    """Alarms whose end only the supervisor sees end, too, where the worker or the service was started again."""
    work = workdir()
    a = Archive(work, free_port())
    conf = a.dir + "/sealpost.conf"
    good = open(conf).read()
    os.environ["SP_STUCK_SECONDS"] = "12"
    a.start()
    pid = a.workers()["seal"]
    os.kill(pid, signal.SIGSTOP)
    wait_for("seal stands still", lambda: "cause=worker_stuck:seal" in a.log_text())
    os.kill(pid, signal.SIGKILL)
    wait_for("seal goes on", lambda: "event=alarm_ended cause=worker_stuck:seal" in a.log_text())
    open(conf, "w").write(good + "nonsense {\n")
    a.service.send_signal(signal.SIGHUP)
    wait_for("reload_failed", lambda: "reload_failed" in open_alarms(a))
    os.kill(a.workers()["pull"], signal.SIGSTOP)
    wait_for("pull stands still", lambda: "worker_stuck:pull" in open_alarms(a))
    # Both are in state/alarms, and what an administrator does is a restart.
    wait_for("the register", lambda: "worker_stuck:pull" in open(a.dir + "/state/alarms").read())
    a.stop(signal.SIGKILL, status=-9)
    open(conf, "w").write(good)
    a.start()
    del os.environ["SP_STUCK_SECONDS"]
    for cause in ("reload_failed", "worker_stuck:pull"):
        wait_for(f"the end of {cause}", lambda: f"event=alarm_ended cause={cause}" in a.log_text())
    a.stop()
    a.verify()


def accounts_and_refusals():
    """An account that gets nowhere; refusals name whom they are about."""
    work = workdir()
    a = Archive(work, free_port(), config={"log": "  addresses = true", "listen": "  recipients = { journal@archive.example }"})
    conf = a.dir + "/sealpost.conf"
    good = open(conf).read()
    open(conf, "w").write(good + f"""
pull box {{
  server = 127.0.0.1
  port = {free_port()}
  type = imap
  security = none
  insecure_plaintext = true
  user = j
  password_file = {work}/not-there
}}
""")
    a.start()
    wait_for("the account is stuck", lambda: "pull_stuck:box" in open_alarms(a))
    with smtp(a.port) as client:
        check(send(client, message(1), to=("eve@elsewhere.example",))[0] == 550, "refused")
    line = wait_for("the line", lambda: [t for t in a.log_text().splitlines() if "event=refused" in t])[0]
    check("from=a@corp.example" in line and "to=eve@elsewhere.example" in line, line)
    first = wait_for("the event", lambda: a.events("refused"))[0]["detail"]["first"]
    check(first["from"] == "a@corp.example" and first["to"] == "eve@elsewhere.example", f"{first}")
    # Gone from the configuration, it is no alarm any more.
    open(conf, "w").write(good)
    a.service.send_signal(signal.SIGHUP)
    wait_for("the end", lambda: "pull_stuck:box" not in open_alarms(a))
    # The door takes alarms from nobody.
    door = Raw(path=a.dir + "/state/door")
    door.hello("LHLO")
    import base64
    event = base64.b64encode(json.dumps({"event": "alarm", "detail": {"text": "made up"}}).encode()).decode()
    check(door.cmd(f"XSEALPOST EVENT {event}")[0] == 550, "an alarm came in by the door")
    door.close()
    a.stop()


def missing():
    """A segment, a tile, the checkpoint: what is gone is told at the start."""
    work = workdir()
    a = Archive(work, free_port())
    a.start()
    check(mail(a, 300) == [250] * 300, "mail")
    a.wait_index()
    a.cmd("seal")
    check(mail(a, 20, 1000) == [250] * 20, "mail")
    a.cmd("seal")
    a.stop()
    found = {}
    for top, _, names in os.walk(a.dir):
        for name in names:
            found[os.path.relpath(os.path.join(top, name), a.dir)] = os.path.join(top, name)
    first = sorted(p for p in found if p.endswith(".tar.zst"))[0]
    for name, cause in ((first, "segment_missing"), (first + ".p7s", "segment_missing"), ("tree/tile/0/000", "tile_missing"),
                        ("tree/tile/entries/000", "tile_missing"), ("tree/checkpoint", "checkpoint_missing")):
        if not check(name in found, f"no {name} in {sorted(found)}"):
            continue
        os.rename(found[name], work + "/away")
        a.start(wait=False)
        wait_for(f"{cause} for {name}", lambda: cause in a.log_text())
        wait_for("in status", lambda: cause in open_alarms(a) and name.split("/")[-1].split(".")[0] in open_alarms(a)[cause]["text"]
                 or cause == "segment_missing" and cause in open_alarms(a))
        a.stop(status=None)
        if os.path.exists(found[name]):
            os.unlink(found[name])
        os.rename(work + "/away", found[name])
        a.start()
        wait_for("it ends once restored", lambda: cause not in open_alarms(a))
        a.stop()
    a.verify()


def scrubbed():
    """A segment that goes away while the service runs."""
    work = workdir()
    a = Archive(work, free_port())
    os.environ["SP_SCRUB_SECONDS"] = "1"
    a.start()
    del os.environ["SP_SCRUB_SECONDS"]
    check(mail(a, 30) == [250] * 30, "mail")
    a.wait_index()
    a.cmd("seal")
    time.sleep(3)
    check(not open_alarms(a), f"{open_alarms(a)}")
    name = sorted(p for p in glob.glob(a.dir + "/archive/**", recursive=True) if p.endswith(".tar.zst"))[0]
    os.rename(name, work + "/away")
    wait_for("the alarm", lambda: "segment_missing" in open_alarms(a))
    check("entries 0 to " in open_alarms(a)["segment_missing"]["text"], f"{open_alarms(a)}")
    os.rename(work + "/away", name)
    wait_for("its end", lambda: not open_alarms(a))
    wait_for("entries", lambda: [d["state"] for d in alarm_events(a, "segment_missing")] == ["begin", "ended"])
    a.stop()
    a.verify()


def verify_finds():
    """What the last verification found is an alarm, once, until one finds nothing."""
    work = workdir()
    command, told = with_command(work)
    a = Archive(work, free_port(), config={"alarm": command})
    a.start()
    check(mail(a, 30) == [250] * 30, "mail")
    a.wait_index()
    a.cmd("seal")
    name = sorted(p for p in glob.glob(a.dir + "/archive/**", recursive=True) if p.endswith(".tar.zst"))[0]
    good = open(name, "rb").read()

    def damage():
        open(name, "r+b").write(good[:len(good) // 2] + bytes([good[len(good) // 2] ^ 1]))

    def heal():
        open(name, "r+b").write(good)

    a.cmd("verify", status=0)
    damage()
    a.cmd("verify", status=1)
    wait_for("the alarm", lambda: "verify" in open_alarms(a))
    check("sealpost verify" in open_alarms(a)["verify"]["text"] and "finding" in open_alarms(a)["verify"]["text"], f"{open_alarms(a)}")
    a.cmd("status", status=1)
    a.cmd("verify", status=1)
    wait_for("it is counted", lambda: open_alarms(a)["verify"]["count"] == 2)
    a.stop()
    a.start()
    time.sleep(2)
    check(open_alarms(a)["verify"]["count"] == 2, "one verification counted twice, over a restart")
    check([t["state"] for t in told()] == ["begin"], f"{told()}")
    heal()
    a.cmd("verify", status=0)
    wait_for("its end", lambda: [d["state"] for d in alarm_events(a, "verify")] == ["begin", "ended"])
    a.cmd("status", status=0)
    # While no service runs there is nobody who could raise it.
    a.stop()
    a.cmd("status", "--offline-ok", status=0)
    damage()
    a.cmd("verify", status=1)
    a.cmd("status", "--offline-ok", status=1)
    a.start()
    wait_for("the alarm after the start", lambda: "verify" in open_alarms(a))
    heal()
    a.cmd("verify", status=0)
    wait_for("the second end", lambda: "verify" not in open_alarms(a))
    a.stop()
    a.verify()


def numbers():
    """Messages counted before anything was indexed; times; pipes that close."""
    work = workdir()
    a = Archive(work, free_port())
    a.start()
    check(mail(a, 40) == [250] * 40, "mail")
    a.wait_index()
    check(a.status()["messages"] == 40, f"{a.status()['messages']} messages")
    os.kill(a.workers()["index"], signal.SIGSTOP)
    check(mail(a, 10, 100) == [250] * 10, "mail")
    s = a.status()
    check(s["messages"] == 50, f"{s['messages']} messages while the index stands still")
    os.kill(a.workers()["index"], signal.SIGCONT)
    wait_for("a checkpoint", lambda: a.status()["checkpoint_at"])
    check(a.status()["verified_at"] is None, "never verified")
    a.stop()
    shutil.rmtree(a.dir + "/index")
    s = json.loads(a.cmd("status", "--format", "json", "--offline-ok").stdout)
    check(s["messages"] == 50 and s["indexed"] == 0, f"without an index: {s}")
    for name in ("messages",):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{a.dir}/state/{name}")
    s = json.loads(a.cmd("status", "--format", "json", "--offline-ok").stdout)
    check(s["messages"] == 50 and s["last_message"], f"without its cache: {s}")
    a.verify()
    prom = dict(t.rsplit(" ", 1) for t in a.cmd("status", "--format", "prometheus", "--offline-ok").stdout.decode().splitlines() if t[0] != "#")
    for name in ("last_received", "checkpoint", "verify"):
        stamp = int(prom[f"sealpost_{name}_timestamp_seconds"])
        check(abs(stamp - time.time()) < PATIENCE, f"{name}: {stamp}")
    check(prom["sealpost_verify_ok"] == "1", "verify_ok")
    # Quiet where nobody reads on.
    a.cmd("search", "message")
    for args in ("search", "search --format json", "audit", "audit --format json", "status", "alarms list --all", "show 1", "key show"):
        done = subprocess.run(["sh", "-c", f"{SEALPOST} -q -A {a.dir} {args} | head -c 1"], capture_output=True, timeout=PATIENCE)
        check(done.returncode == 0 and done.stderr == b"", f"{args} | head: {done.stderr}")


PARTS = [guard_unwritable, full_disk, full_at_once, service_down, reload_and_workers, stuck, outlived, accounts_and_refusals, missing,
         scrubbed, verify_finds, numbers]


def apart(test):
    """One part in a namespace and a process of its own: they wait most of the time, so they wait together."""
    done = subprocess.run([os.path.join(SOURCE, "tests/e2e/ns.sh"), sys.executable, os.path.abspath(__file__), test.__name__],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(done.stdout.decode(errors="replace"), end="", flush=True)
    check(done.returncode == 0, f"{test.__name__}: exit status {done.returncode}")


def main():
    if len(sys.argv) > 1:
        for test in PARTS:
            if test.__name__ == sys.argv[1]:
                print("-", test.__name__, flush=True)
                test()
    else:
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            list(pool.map(apart, PARTS))
    finish("alarms")

main()
