"""What the benches share: the service, the peers' commands, medians, the table."""
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("SP_BUILD", "")
PEERS = os.environ.get("SP_PEERS", "")
LONG = os.environ.get("SP_LONG") == "1"
PORT, SINK_PORT, POSTFIX_PORT = 2525, 2600, 25
HZ = os.sysconf("SC_CLK_TCK")


def program(name):
    return os.path.join(BUILD, "bench" if name.startswith("bench_") else "app", name)


def peer_env(root):
    path = f"{PEERS}/{root}/usr/lib/postfix:{PEERS}/{root}/usr/lib/x86_64-linux-gnu"
    return {**os.environ, "LD_LIBRARY_PATH": path}


def run(*args, status=0, **kw):
    done = subprocess.run([str(a) for a in args], capture_output=True, timeout=1800, **kw)
    if status is not None and done.returncode not in (status if isinstance(status, tuple) else (status,)):
        raise SystemExit(f"bench: {' '.join(map(str, args))[:300]}: exit status {done.returncode}\n"
                         f"{done.stderr[-2000:].decode(errors='replace')}")
    return done


def timed(*args, **kw):
    start = time.monotonic()
    run(*args, **kw)
    return time.monotonic() - start


def median(values):
    return statistics.median(values)


def folder(work, name):
    path = os.path.join(work, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def size_of(path, suffix=""):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(path) for f in files if f.endswith(suffix))


def wait_port(port, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"bench: nothing listens on port {port}")


def cpu(pid):
    """Seconds of user and system time that a process has used, its ended children included."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / HZ


class Service:
    """An archive and the whole service on it."""

    def __init__(self, root, listen="", top=""):
        self.root, self.dir = root, os.path.join(root, "archive")
        run(program("sealpost"), "init", self.dir, "--origin", "bench.example/journal", "--listen", f"127.0.0.1:{PORT}")
        path = os.path.join(self.dir, "sealpost.conf")
        text = re.sub(r"(\n\s*listen [^{]*\{\n)", lambda m: m.group(1) + listen + "\n", open(path).read(), count=1)
        open(path, "w").write(text + top)
        self.process, self.starts = None, 0

    def start(self):
        self.starts += 1
        self.log = os.path.join(self.root, f"serve-{self.starts}.log")
        self.process = subprocess.Popen([program("sealpost"), "-A", self.dir, "serve"],
                                        stderr=open(self.log, "wb"), stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while b"event=ready" not in open(self.log, "rb").read():
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit("bench: serve did not start:\n" + open(self.log).read()[-2000:])
            time.sleep(0.01)
        return self

    def cmd(self, *args, **kw):
        return run(program("sealpost"), "-A", self.dir, *args, **kw)

    def status(self):
        return json.loads(self.cmd("status", "--format", "json", status=(0, 1)).stdout)

    def workers(self):
        return {w["name"]: w["pid"] for w in self.status()["workers"]}

    def wait_index(self, seconds=600):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            s = self.status()
            if s["indexed"] == s["entries"]:
                return
            time.sleep(0.1)
        raise SystemExit("bench: the index stays behind")

    def stop(self, sig=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(sig)
            self.process.wait(timeout=120)
        self.process = None


def import_mail(service, path, kind):
    """Take mail in, seal it; seconds that the import took.  Without the service."""
    took = timed(program("sealpost"), "-A", service.dir, "import", "--as", kind, path, status=(0, 1))
    service.cmd("seal")
    return took


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, ours, peer, ratio, goal, met=None):
        mark = "" if met is None else "yes" if met else "no"
        self.rows.append((what, ours, peer, ratio, goal, mark))
        print("  " + " | ".join(x for x in self.rows[-1] if x), flush=True)

    def text(self):
        head = ("what", "Sealpost", "peer", "ratio", "goal", "met")
        width = [max(len(r[i]) for r in [head, *self.rows]) for i in range(6)]
        line = lambda r: "| " + " | ".join(c.ljust(w) for c, w in zip(r, width)) + " |"
        return "\n".join([line(head), "|" + "|".join("-" * (w + 2) for w in width) + "|", *map(line, self.rows)])
