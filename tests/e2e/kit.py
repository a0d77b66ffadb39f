"""What the end-to-end tests share: an archive, the service, clients, checks.

Every test runs under ns.sh.  Only processes that a test started are ended, by
their pid.
"""
import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ["SP_BUILD"]
SOURCE = os.environ["SP_SOURCE"]
LONG = os.environ.get("SP_LONG") == "1"
SEALPOST = os.path.join(BUILD, "app", "sealpost")
VERIFY = os.path.join(BUILD, "app", "sealpost-verify")
PORT = 2525
with open(SEALPOST, "rb") as f:
    SANITIZED = b"__asan_init" in f.read()

# Seconds before a test takes a wait for a hang.  A machine may be busy: what is
# right comes in time for this, and no test passes or fails by being quick.
PATIENCE = 300

sys.path.insert(0, os.path.join(SOURCE, "tests"))
import verifier  # noqa: E402

failures = []


def check(ok, what):
    """Note a failure and go on, so that one run shows all of them."""
    if not ok:
        failures.append(what)
        print("FAIL", what, flush=True)
    return ok


def finish(name):
    print(f"{name}: {'FAILED, ' + str(len(failures)) + ' checks' if failures else 'all checks passed'}")
    sys.exit(1 if failures else 0)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def workdir(tmpfs=None):
    """A directory that goes away with the mount namespace or at the end."""
    path = tempfile.mkdtemp(prefix="sp-e2e-")
    if tmpfs:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={tmpfs}", "tmpfs", path], check=True)
    else:
        import atexit
        atexit.register(remove_tree, path)
    return path


def remove_tree(path):
    """Remove a work directory, and nothing that is mounted in it: /dev of the host may be."""
    points = [line.split()[4] for line in open("/proc/self/mountinfo") if line.split()[4].startswith(path + "/")]
    for point in reversed(points):
        subprocess.run(["umount", "-l", point], capture_output=True)
    if not any(line.split()[4].startswith(path + "/") for line in open("/proc/self/mountinfo")):
        shutil.rmtree(path, ignore_errors=True)


def run(*args, status=0, data=None, env=None, timeout=3 * PATIENCE, **popen):
    """Run a command; check its exit status (None: any); the completed process."""
    done = subprocess.run([str(a) for a in args], input=data, capture_output=True, timeout=timeout,
                          env={**os.environ, **(env or {})}, **popen)
    if status is not None and done.returncode != status:
        check(False, f"{' '.join(map(str, args))[:200]}: exit status {done.returncode}, want {status}\n"
                     f"  out: {done.stdout[-600:].decode(errors='replace')}\n"
                     f"  err: {done.stderr[-1500:].decode(errors='replace')}")
    for bad in (b"AddressSanitizer", b"runtime error:", b"LeakSanitizer"):
        check(bad not in done.stderr, f"{' '.join(map(str, args))[:200]}: {done.stderr[-3000:].decode(errors='replace')}")
    return done


class Archive:
    """An archive in a directory of its own, and the service on it."""

    def __init__(self, root, port=PORT, config=None, name="archive", init=()):
        self.root, self.port, self.program = root, port, SEALPOST
        self.dir = os.path.join(root, name)
        self.origin = f"e2e.example/{name}"
        run(SEALPOST, "init", self.dir, "--origin", self.origin, "--listen", f"127.0.0.1:{port}", *init)
        if config:
            self.configure(config)
        self.vkey = self.cmd("key", "show").stdout.decode().splitlines()[0]
        self.service = None
        self.starts = 0

    def configure(self, extra):
        """Put options into sections and at the end: {'listen': ..., 'seal': ..., 'top': ...}."""
        path = os.path.join(self.dir, "sealpost.conf")
        text = open(path).read()
        for section, options in extra.items():
            if section != "top":
                text, n = re.subn(r"(?m)^(%s [^{]*\{\n)" % section, lambda m: m.group(1) + options + "\n", text, count=1)
                check(n == 1, f"no section {section} in {path}")
        open(path, "w").write(text + extra.get("top", ""))

    def cmd(self, *args, **kw):
        return run(self.program, "-A", self.dir, *args, **kw)

    def start(self, *args, wait=True):
        self.starts += 1
        self.log = os.path.join(self.root, f"serve-{self.starts}.log")
        self.service = subprocess.Popen([SEALPOST, "-A", self.dir, "serve", *args],
                                        stderr=open(self.log, "wb"), stdout=subprocess.DEVNULL)
        if wait:
            self.wait_log("event=ready")
        return self

    def log_text(self):
        return open(self.log, errors="replace").read()

    def wait_log(self, text):
        end = time.time() + PATIENCE
        while time.time() < end:
            if text in self.log_text():
                return True
            if self.service.poll() is not None:
                break
            time.sleep(0.02)
        return check(False, f"no \"{text}\" in the log:\n{self.log_text()[-3000:]}")

    def events(self, name=None):
        """[record] of the events, oldest first."""
        if self.service:
            self.wait_index()
        found = [json.loads(t) for t in self.cmd("audit", "--format", "json", status=None).stdout.splitlines()]
        return sorted((r for r in found if name in (None, r["event"])), key=lambda r: r["seq"])

    def stop(self, sig=signal.SIGTERM, status=0):
        self.service.send_signal(sig)
        got = self.service.wait(timeout=PATIENCE)
        if status is not None:
            check(got == status, f"serve ended with {got}, want {status}\n{self.log_text()[-2000:]}")
        for bad in ("AddressSanitizer", "runtime error:", "LeakSanitizer"):
            check(bad not in self.log_text(), f"serve: {self.log_text()[-4000:]}")
        self.service = None

    def workers(self):
        """{name: pid} as the supervisor says."""
        done = self.cmd("status", "--format", "json", status=None)
        return {w["name"]: w["pid"] for w in json.loads(done.stdout)["workers"]}

    def status(self):
        return json.loads(self.cmd("status", "--format", "json", status=None).stdout)

    def raw(self, seq):
        return self.cmd("show", seq, "--format", "raw").stdout

    def wait_index(self):
        end = time.time() + PATIENCE
        while time.time() < end:
            s = self.status()
            if s["indexed"] == s["entries"]:
                return True
            time.sleep(0.05)
        return check(False, f"the index stays behind: {self.status()}")

    def verify(self, *args, status=0, **kw):
        return self.cmd("verify", *args, status=status, **kw)

    def entries(self):
        """{seq: (record, bytes of the message or None)}, read from the files by the independent verifier and stock tools."""
        found = {}
        for first, last, path in verifier.segments(self.dir):
            with tempfile.TemporaryDirectory() as tmp:
                run("tar", "--zstd", "-xf", path, "-C", tmp)
                for seq in range(first, last + 1):
                    name = f"{tmp}/{seq:012d}"
                    raw = open(name + ".eml", "rb").read() if os.path.exists(name + ".eml") else None
                    found[seq] = json.load(open(name + ".json")), raw
        with contextlib.redirect_stdout(io.StringIO()):
            unsealed = list(verifier.intake(self.dir))
        for seq, record, raw, _ in unsealed:
            record = json.loads(record)
            found.setdefault(seq, (record, raw if record["kind"] == "message" else None))
        check(verifier.failures == 0, f"{self.dir}: the independent reader of the intake log has {verifier.failures} findings")
        return dict(sorted(found.items()))

    def records(self):
        """{seq: record} of all entries."""
        return {seq: record for seq, (record, _) in self.entries().items()}


def smtp(port=PORT, timeout=PATIENCE):
    client = smtplib.SMTP("127.0.0.1", port, timeout=timeout)
    client.ehlo("client.example")
    return client


def send(client, data, sender="a@corp.example", to=("journal@archive.example",), options=()):
    """One message of exactly these bytes by DATA; (code, text)."""
    code, text = client.mail(sender, list(options))
    if code != 250:
        return code, text.decode()
    for rcpt in to:
        code, text = client.rcpt(rcpt)
        if code != 250:
            return code, text.decode()
    code, text = client.docmd("DATA")
    if code != 354:
        return code, text.decode()
    wire = re.sub(rb"(?:(?<=\r\n)|\A)\.", b"..", data)
    if not wire.endswith(b"\r\n"):
        wire += b"\r\n"
    client.send(wire + b".\r\n")
    code, text = client.getreply()
    return code, text.decode()


def answer(text):
    """(seq, sha256) of a 250 answer."""
    m = re.search(r"seq=(\d+) sha256=([0-9a-f]{64})", text)
    return (int(m.group(1)), m.group(2)) if m else (None, None)


def message(number, size=600, extra=b""):
    body = b"".join(b"line %d of message %d\r\n" % (i, number) for i in range(max(1, size // 30)))
    return (b"From: a@corp.example\r\nTo: b@corp.example\r\nSubject: message %d\r\n"
            b"Message-ID: <%d@e2e.example>\r\nDate: Mon, 05 Jan 2026 10:00:00 +0000\r\n\r\n" % (number, number)
            + body + extra)


class Raw:
    """A session on a socket: exact bytes out, whole replies in."""

    def __init__(self, port=PORT, path=None, timeout=PATIENCE):
        self.sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.sock.settimeout(timeout)
        self.sock.connect(path or ("127.0.0.1", port))
        self.file = self.sock.makefile("rb")

    def reply(self):
        """(code, text) of one whole reply; (0, "") at the end of the connection."""
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                return 0, ""
            lines.append(line.decode(errors="replace").rstrip("\r\n"))
            if line[3:4] != b"-":
                return int(line[:3]), "\n".join(lines)

    def put(self, data):
        self.sock.sendall(data)

    def cmd(self, text):
        self.put((text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.reply()

    def hello(self, verb="EHLO"):
        self.reply()
        return self.cmd(verb + " client.example")

    def close(self):
        self.file.close()
        self.sock.close()


def wait_for(what, test):
    """Poll until test() is true; noted as a failure if it never is."""
    end = time.time() + PATIENCE
    while time.time() < end:
        value = test()
        if value:
            return value
        time.sleep(0.05)
    return check(False, f"never came: {what}")


def one_line(done, what):
    """An error is one line on standard error that names the program."""
    text = done.stderr.decode(errors="replace")
    return check(text.count("\n") == 1 and re.match(r"sealpost(-verify)?: .{8,}", text),
                 f"{what}: not one clear line on standard error: {text!r}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0
