"""Durable intake against smtp-sink and Postfix; what it costs; start; memory."""
import atexit
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from mail import Mail
from rig import *

MAIN_CF = """compatibility_level = 3.6
myhostname = mx.corp.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = /var/log/mail.log
smtpd_client_connection_count_limit = 0
default_process_limit = 250
default_transport = discard:
relay_transport = discard:
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
"""
# How many messages of a size at a number of sessions: one to four seconds each.
COUNTS = {(4096, 1): (3000, 5000, 1000), (4096, 10): (15000, 20000, 1500), (4096, 50): (20000, 20000, 1500),
          (4096, 200): (20000, 20000, 1500), (51200, 1): (1500, 3000, 700), (51200, 10): (5000, 6000, 1200),
          (51200, 50): (5000, 6000, 1200), (51200, 200): (5000, 6000, 1200)}
GOALS = {(4096, 1): (None, 2), (4096, 50): (0.5, 8), (51200, 10): (0.5, 3.5), (51200, 50): (0.5, 3.5)}


class Postfix:
    """Accepting to its queue and discarding, in this mount namespace only; the queue is on the disk of WORK."""

    def __init__(self, work):
        m = self.m = os.path.join(work, "over", "merged")
        spool, work = os.path.join(work, "spool"), os.path.join(work, "over")
        os.mkdir(spool)
        os.mkdir(work)
        # An overlay cannot have its own upper folder below it.
        run("mount", "-t", "tmpfs", "-o", "size=512m", "tmpfs", work)
        for d in ("layer", "up", "wd", "merged"):
            os.mkdir(os.path.join(work, d))
        run("cp", "-a", f"{PEERS}/postfix/.", os.path.join(work, "layer"))
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={work}/layer:/,upperdir={work}/up,workdir={work}/wd", m)
        for what in (["-t", "proc", "proc", m + "/proc"], ["--bind", "/dev", m + "/dev"],
                     ["-t", "tmpfs", "tmpfs", m + "/tmp"], ["--bind", spool, m + "/var/spool/postfix"]):
            run("mount", *what)
        for name, line in (("passwd", "postfix:x:7011:7011::/var/spool/postfix:/bin/false\n"),
                           ("group", "postfix:x:7011:\npostdrop:x:7012:\n")):
            path = f"{m}/etc/{name}"
            if not re.search(r"^postfix:", open(path).read(), re.M):
                open(path, "a").write(line)
        open(m + "/etc/postfix/main.cf", "w").write(MAIN_CF)
        run("cp", m + "/usr/share/postfix/master.cf.dist", m + "/etc/postfix/master.cf")
        self.sh("mkdir -p /var/lib/postfix && chown postfix /var/lib/postfix && chgrp postdrop /usr/sbin/postdrop"
                " /usr/sbin/postqueue && chmod g+s /usr/sbin/postdrop /usr/sbin/postqueue; postfix check; postfix start")
        wait_port(POSTFIX_PORT)

    def sh(self, text):
        return subprocess.run(["chroot", self.m, "bash", "-c", text], capture_output=True, timeout=120)

    def drain(self):
        """Until what was accepted is discarded, so that it does not run beside the next."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if not any(f for q in ("incoming", "active", "deferred") for _, _, f in os.walk(f"{self.m}/var/spool/postfix/{q}")):
                return
            time.sleep(0.05)

    def stop(self):
        self.sh("postfix stop")
        for path in ("/var/spool/postfix", "/tmp", "/dev", "/proc", "", "/.."):
            subprocess.run(["umount", "-l", self.m + path], capture_output=True)


def source(port, sessions, count, size):
    """Messages a second that smtp-source gets rid of, each with its 250."""
    seconds = timed(f"{PEERS}/postfix/usr/sbin/smtp-source", "-d", "-s", sessions, "-m", count, "-l", size,
                    "-f", "alice@corp.example", "-t", "journal@archive.example", f"127.0.0.1:{port}", env=peer_env("postfix"))
    return count / seconds


def ours(work, sessions, count, size):
    service = Service(folder(work, "intake")).start()
    before = service.status()["entries"]
    rate = source(PORT, sessions, count, size)
    got = service.status()["entries"] - before
    service.stop()
    if got < count:
        raise SystemExit(f"bench: {count} messages were acknowledged, {got} are in the log")
    return rate


def rates(work, table):
    sink = subprocess.Popen([f"{PEERS}/postfix/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{SINK_PORT}", "1000"],
                            env=peer_env("postfix"), stderr=subprocess.DEVNULL)
    atexit.register(sink.terminate)
    postfix = Postfix(folder(work, "postfix"))
    atexit.register(postfix.stop)
    wait_port(SINK_PORT)
    for (size, sessions), counts in COUNTS.items():
        got = {"ours": [], "sink": [], "postfix": []}
        for _ in range(3):
            got["ours"].append(ours(work, sessions, counts[0], size))
            got["sink"].append(source(SINK_PORT, sessions, counts[1], size))
            got["postfix"].append(source(POSTFIX_PORT, sessions, counts[2], size))
            postfix.drain()
        a, b, c = (median(got[k]) for k in ("ours", "sink", "postfix"))
        goal = GOALS.get((size, sessions), (None, None))
        what = f"durable intake, {size // 1024} KiB, {sessions} session{'s' if sessions > 1 else ''}"
        table.add(what + " / smtp-sink", f"{a:,.0f}/s", f"{b:,.0f}/s", f"{a / b:.2f}",
                  f">= {goal[0]}" if goal[0] else "", a / b >= goal[0] if goal[0] else None)
        table.add(what + " / Postfix", f"{a:,.0f}/s", f"{c:,.0f}/s", f"{a / c:.1f}",
                  f">= {goal[1]}" if goal[1] else "", a / c >= goal[1] if goal[1] else None)
    for stop in (postfix.stop, sink.terminate):
        atexit.unregister(stop)
        stop()
    sink.wait()


# ---- a client of our own: real text, and 1,000 sessions ----------------------


def talk(s, command, want):
    s.sendall(command)
    got = b""
    while not re.search(rb"^\d{3} .*\r\n\Z", got, re.M):
        more = s.recv(4096)
        if not more:
            raise SystemExit(f"bench: connection closed after {command[:60]!r}")
        got += more
    if not got.startswith(want):
        raise SystemExit(f"bench: {command[:60]!r}: {got!r}")
    return got


def session():
    s = socket.create_connection(("127.0.0.1", PORT), timeout=60)
    talk(s, b"", b"220")
    talk(s, b"EHLO bench.example\r\n", b"250")
    return s


def send_all(mails):
    s = session()
    for sender, data in mails:
        talk(s, b"MAIL FROM:<%s>\r\n" % sender.encode(), b"250")
        talk(s, b"RCPT TO:<journal@archive.example>\r\n", b"250")
        talk(s, b"DATA\r\n", b"354")
        talk(s, data.replace(b"\r\n.", b"\r\n..") + b".\r\n", b"250")
    s.close()


def cost(work, table):
    """CPU of receive, and of all workers until all is indexed and signed, for text mail over 10 sessions."""
    count = 4000
    mails = list(Mail().messages(count))
    receive, every = [], []
    for _ in range(3):
        service = Service(folder(work, "intake")).start()
        pids = service.workers()
        before = {k: cpu(p) for k, p in pids.items()}
        threads = [threading.Thread(target=send_all, args=(mails[i::10],)) for i in range(10)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        service.wait_index()
        service.cmd("seal")
        used = {k: cpu(p) - before[k] for k, p in pids.items()}
        receive.append(used["receive"] / count * 1000)
        every.append(sum(used.values()) / count * 1000)
        service.stop()
    table.add("CPU of receive per 1,000 text messages", f"{median(receive):.2f} s", "", "", "")
    table.add("CPU of all workers per 1,000, sealed and indexed", f"{median(every):.2f} s", "", "", "<= 0.4 s", median(every) <= 0.4)


def start(work, table):
    """kill -9 with a full intake log, then the time to the greeting."""
    service = Service(folder(work, "intake")).start()
    os.kill(service.workers()["seal"], signal.SIGSTOP)
    log = lambda: max((os.path.getsize(f) for f in glob.glob(service.dir + "/intake/*.log")), default=0)
    while log() < 245 << 20:
        source(PORT, 50, 2000, 4096)
    full = log()
    pids = service.workers()
    os.kill(service.process.pid, signal.SIGKILL)
    for pid in pids.values():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    service.process.wait()
    began = time.monotonic()
    process = subprocess.Popen([program("sealpost"), "-A", service.dir, "serve"], stderr=open(service.root + "/again.log", "wb"))
    greeted = None
    while greeted is None and time.monotonic() - began < 60:
        try:
            send_all([("a@corp.example", b"Subject: first\r\n\r\nfirst\r\n")])
            greeted = time.monotonic() - began
        except (ConnectionError, OSError):
            time.sleep(0.01)
    process.terminate()
    process.wait(timeout=120)
    table.add(f"kill -9, {full >> 20} MiB in the intake log: to the first 250", f"{greeted:.2f} s", "", "", "< 2 s", greeted < 2)


def memory(work, table):
    """RSS of receive with 1,000 sessions, each with half of a 1 MiB message sent."""
    service = Service(folder(work, "intake"), listen="max_per_peer = 2000\n max_sessions = 2000").start()
    pid = service.workers()["receive"]
    rss = lambda: int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024
    idle = rss()
    half = (b"x" * 70 + b"\r\n") * (524288 // 72)
    sessions = []
    for _ in range(1000):
        s = session()
        talk(s, b"MAIL FROM:<a@corp.example>\r\n", b"250")
        talk(s, b"RCPT TO:<journal@archive.example>\r\n", b"250")
        talk(s, b"DATA\r\n", b"354")
        sessions.append(s)
    peak = 0
    for s in sessions:
        s.sendall(half)
        peak = max(peak, rss())
    time.sleep(1)
    middle = max(peak, rss())
    for s in sessions:
        s.sendall(half)
    for s in sessions:
        talk(s, b"\r\n.\r\n", b"250")
        peak = max(peak, rss())
        s.close()
    service.stop()
    table.add("memory of receive, 1,000 sessions amid 1 MiB", f"{middle:.0f} MiB", f"idle {idle:.0f}", "", "< 100 MiB", middle < 100)
    table.add("the same until all are stored", f"{peak:.0f} MiB", "", "", "< 100 MiB", peak < 100)


def part(work, table):
    rates(work, table)
    cost(work, table)
    start(work, table)
    memory(work, table)
    shutil.rmtree(os.path.join(work, "intake"), ignore_errors=True)
