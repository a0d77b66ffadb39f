#!/usr/bin/env python3
"""Fairness: one address that takes whatever it can get, over SMTP with STARTTLS, LMTP, a proxy and the milter protocol,
keeps nobody else out, and the receive worker stays under its ceiling of memory.  Counts and answers decide."""
import resource
import ssl
import struct

import certs
from kit import *

STARTTLS, CROWD, LMTP, MILTER, PROXY = 2526, 2527, 2528, 2529, 2530
GREEDY, HONEST, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"
CEILING = 100 << 20  # bytes; doc/smtp.md, "Memory"
MANY = 1000


def most(a):
    """The most memory so far of the receive worker."""
    text = open(f"/proc/{a.workers()['receive']}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text).group(1)) * 1024


def is_low(a, what):
    used = most(a)
    print(f"{what}: {used / 2**20:.1f} MiB at most", flush=True)
    check(SANITIZED or used < CEILING, f"{what}: {used} bytes")


def connect(port, source):
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(source, 0))


class Client:
    """Lines out, whole replies in, from an address of its own."""

    def __init__(self, port, source, hello="EHLO", before=b""):
        self.sock = connect(port, source)
        if before:
            self.sock.sendall(before)
        self.file = self.sock.makefile("rb")
        self.greeting = self.reply()
        if self.greeting[:3] == "220" and hello:
            self.cmd(f"{hello} {source}.example")

    def reply(self):
        while True:
            line = self.file.readline().decode(errors="replace")
            if line[3:4] != "-":
                return line.rstrip()

    def cmd(self, text):
        self.sock.sendall(text.encode() + b"\r\n")
        return self.reply()

    def starttls(self, ctx):
        if self.cmd("STARTTLS")[:3] == "220":
            self.file.close()
            self.sock = ctx.wrap_socket(self.sock, server_hostname="archive.example")
            self.file = self.sock.makefile("rb")
            self.cmd("EHLO again.example")
        return self

    def close(self):
        self.file.close()
        self.sock.close()


def is_served(what, port, source, ctx=None, hello="EHLO", before=b""):
    """Somebody who behaves gets a message in."""
    c = Client(port, source, hello, before)
    if check(c.greeting[:3] == "220", f"{what}: {source} is greeted with {c.greeting!r}"):
        if ctx:
            c.starttls(ctx)
        got = [c.cmd("MAIL FROM:<a@corp.example>"), c.cmd("RCPT TO:<j@archive.example>"), c.cmd("DATA")]
        got.append(c.cmd("Subject: hi\r\n\r\nbody\r\n."))
        check([g[:3] for g in got] == ["250", "250", "354", "250"], f"{what}: {source} hears {got}")
    c.close()


def fill(c, most_rcpts=1000):
    """Recipients as long as they may be, until there is no more; how many were taken."""
    taken = 0
    c.cmd("MAIL FROM:<a@corp.example>")
    line = "RCPT TO:<%s@archive.example> ORCPT=rfc822;%s\r\n" % ("x" * 450, "y" * 490)
    for _ in range(most_rcpts // 50):
        c.sock.sendall(line.encode() * 50)
        codes = [c.reply()[:3] for _ in range(50)]
        taken += codes.count("250")
        if codes[-1] != "250":
            break
    return taken


def envelopes(a, ctx):
    """The report: 110 sessions of one address that stop after RCPT."""
    greedy, taken = [], 0
    for _ in range(110):
        c = Client(STARTTLS, GREEDY)
        if c.greeting[:3] == "220":
            greedy.append(c)
            taken += fill(c)
        else:
            check(c.greeting[:9] in ("421 4.3.2", "421 4.7.0"), f"the greedy one is greeted with {c.greeting!r}")
            c.close()
    print(f"{len(greedy)} sessions hold {taken} recipients", flush=True)
    check(taken > 10000, f"the greedy one got only {taken} recipients in: this tests nothing")
    for source in (HONEST, THIRD):
        is_served("beside 110 full envelopes", STARTTLS, source, ctx)
    is_served("beside 110 full envelopes", PORT, HONEST)
    is_low(a, "110 sessions with full envelopes")
    for c in greedy:
        c.close()


def places(a, ctx):
    """All places of a listener are taken by one address: idle, in TLS, in the middle of messages."""
    for what in ("idle", "handshake", "encrypted", "sending"):
        greedy = []
        for _ in range(100):
            c = Client(CROWD, GREEDY)
            if what == "encrypted":
                c.starttls(ctx)
            elif what == "handshake":
                c.cmd("STARTTLS")
            elif what == "sending":
                for text in ("MAIL FROM:<a@x>", "RCPT TO:<b@y>", "DATA"):
                    c.cmd(text)
                c.sock.sendall(b"half a mess")
            greedy.append(c)
        for _ in range(3):
            is_served(f"a full listener, {what}", CROWD, HONEST, ctx)
        own = Client(CROWD, GREEDY)
        # One place was given up, and is the greedy one's again; the next is not.
        second = Client(CROWD, GREEDY)
        check(second.greeting[:9] == "421 4.3.2", f"the greedy one on a full listener, {what}: {second.greeting!r}")
        for c in greedy + [own, second]:
            c.close()
        wait_for("the listener is empty", lambda: a.status()["receive"]["sessions"] <= 1 if "receive" in a.status() else True)


def proxied(a):
    """The proxy's clients are told apart by what it says of them."""
    header = "PROXY TCP4 %s 127.0.0.1 1000 25\r\n"
    greedy = [Client(PROXY, "127.0.0.1", before=(header % GREEDY).encode()) for _ in range(20)]
    check(all(c.greeting[:3] == "220" for c in greedy), "a client of the proxy is turned away")
    is_served("by a proxy", PROXY, "127.0.0.1", before=(header % HONEST).encode())
    for c in greedy:
        c.close()


def lmtp(a):
    """Replies for a thousand recipients each, which nobody reads."""
    greedy = []
    for _ in range(200):
        c = Client(LMTP, GREEDY, "LHLO")
        if c.greeting[:3] != "220":
            break
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.sock.settimeout(0.05)
        one = b"MAIL FROM:<a@x>\r\n" + b"RCPT TO:<b@y>\r\n" * 1000 + b"BDAT 2 LAST\r\n\r\n"
        try:
            for _ in range(40):
                c.sock.sendall(one)
        except OSError:
            pass
        greedy.append(c)
    is_low(a, f"{len(greedy)} LMTP sessions that read nothing")
    is_served("LMTP", LMTP, HONEST, hello="LHLO")
    for c in greedy:
        c.close()


def packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command + data


def milters(a):
    """A thousand sessions from ten addresses, each with as many macros as it may have, a long envelope and a message."""
    options = packet(b"O", struct.pack("!III", 6, 0x1ff, 0x1fffff))
    macros = b"".join(b"{m%d}\0" % i + b"v" * 620 + b"\0" for i in range(95))
    rcpts = b"".join(packet(b"R", b"<%s@archive.example>\0" % (b"x" * 400) + b"ORCPT=rfc822;" + b"y" * 400 + b"\0") for _ in range(200))
    head = packet(b"D", b"C" + macros) + packet(b"C", b"host\x00U") + packet(b"D", b"M" + macros) + packet(b"M", b"<a@x>\0")
    body = packet(b"L", b"Subject\0 hi\0") + packet(b"N") + packet(b"B", b"x" * 60000) * 4
    socks = []
    for i in range(MANY):
        s = connect(MILTER, f"127.0.1.{i % 10}")
        s.settimeout(PATIENCE)
        try:
            s.sendall(options + head + rcpts + body)
        except OSError:
            pass
        socks.append(s)
    is_low(a, f"{MANY} milter sessions with full envelopes and messages")
    for s in socks:
        try:
            s.sendall(packet(b"E"))
        except OSError:
            pass
    # Another MTA is asked meanwhile, and afterwards.
    for source in (HONEST, THIRD):
        s = connect(MILTER, source)
        s.sendall(options + packet(b"M", b"<a@x>\0") + packet(b"R", b"<b@y>\0") + body + packet(b"E"))
        got = s.makefile("rb").read(17 + 5 + 5 + 5)
        check(got[-1:] == b"a" and len(got) == 32, f"another MTA hears {got!r}")
        s.close()
    last = {}
    for s in socks:
        try:
            data = b""
            while len(data) < 17 or data[-5:-1] != b"\0\0\0\1" or data[-1:] not in b"at":
                more = s.recv(4096)
                if not more:
                    data = b"\0closed"
                    break
                data += more
        except OSError:
            data = b"\0closed"
        last[data[-1:]] = last.get(data[-1:], 0) + 1
        s.close()
    print(f"last answers: {last}", flush=True)
    is_low(a, f"{MANY} milter sessions, stored or put off")


GREEDY_UID, OTHER_UID, READERS = 61021, 61022, 61030


def accounts(work):
    """Two readers and their group, in front of /etc/passwd and /etc/group, for us alone."""
    lines = {"passwd": [f"fair-{n}:x:{uid}:{uid}::/nonexistent:/bin/sh" for n, uid in (("greedy", GREEDY_UID), ("other", OTHER_UID))],
             "group": [f"fair-{n}:x:{gid}:" for n, gid in (("greedy", GREEDY_UID), ("other", OTHER_UID))]
             + [f"fair-readers:x:{READERS}:fair-greedy,fair-other"]}
    for name, more in lines.items():
        path = os.path.join(work, name)
        with open(path, "w") as out:
            out.write(open("/etc/" + name).read() + "\n".join(more) + "\n")
        os.chmod(path, 0o644)
        subprocess.run(["mount", "--bind", path, "/etc/" + name], check=True)


def as_user(a, uid, *args, program=SEALPOST):
    return subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--init-groups", program, "-A", a.dir, *args],
                          capture_output=True, timeout=PATIENCE, cwd="/")


# Run as the greedy reader: sessions at the door that say nothing, or events without end.
HOLD = """
import socket, sys
held = []
for _ in range(200):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    if s.recv(200)[:3] == b"220":
        held.append(s)
print(len(held), flush=True)
sys.stdin.read()
"""
FILL = """
import base64, json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile("rb")
f.readline()
s.sendall(b"LHLO x\\r\\n")
while f.readline()[3:4] == b"-":
    pass
detail = {"x": "y" * int(sys.argv[2])}
line = b"XSEALPOST EVENT " + base64.b64encode(json.dumps({"event": "search", "detail": detail}).encode()) + b"\\r\\n"
taken, last = 0, b""
for _ in range(int(sys.argv[3])):
    s.sendall(line)
    last = f.readline()
    if last[:3] != b"250":
        break
    taken += 1
print(taken, last.decode().strip())
"""


def by_greedy(code, *args):
    return ["setpriv", f"--reuid={GREEDY_UID}", f"--regid={GREEDY_UID}", "--init-groups", sys.executable, "-c", code, *map(str, args)]


def door(work):
    """A reader holds sessions at the door without a word, and then fills the log with what it reads."""
    os.chmod(work, 0o755)
    accounts(work)
    small = workdir(tmpfs="96m")
    os.chmod(small, 0o755)
    a = Archive(small, port=free_port(), name="door", config={"top": 'group = "fair-readers"\ndisk_reserve = 40M\ndisk_minimum = 8M\n'})
    run("chgrp", "-R", str(READERS), a.dir)
    a.start()
    with smtp(a.port) as c:
        check(send(c, message(1))[0] == 250, "a message")
    a.wait_index()
    path = os.path.join(a.dir, "state/door")
    holder = subprocess.Popen(by_greedy(HOLD, path), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    held = int(holder.stdout.readline())
    check(0 < held <= 20, f"one reader holds {held} sessions at the door")
    done = as_user(a, OTHER_UID, "show", "1")
    check(done.returncode == 0 and b"waiting" not in done.stderr, f"show of another reader: {done.returncode} {done.stderr}")
    a.cmd("show", 1)
    a.cmd("export", "--output", small + "/bag.zip")
    os.unlink(small + "/bag.zip")
    done = as_user(a, GREEDY_UID, "show", "1")
    lines = done.stderr.decode().splitlines()
    check(done.returncode == 2 and len(lines) == 2, f"show of the greedy reader: {done.returncode} {lines}")
    check(len(lines) == 2 and lines[0].startswith("sealpost: waiting for the service, half a minute at most: ")
          and f"{held} are open" in lines[0] and "gave up after 30 seconds" in lines[1] and f"{held} are open" in lines[1], f"it is told {lines}")
    holder.stdin.close()
    holder.wait()
    check(as_user(a, GREEDY_UID, "show", "1").returncode == 0, "show once the sessions are gone")
    # Events: too large, too many, and none below the reserve.
    for size, count, want in ((300000, 1, "552 5.3.4"), (2000, 100000, "450 4.7.1")):
        got = run(*by_greedy(FILL, path, size, count)).stdout.decode()
        print(f"events of {size} bytes: {got.strip()}", flush=True)
        check(want in got, f"events of {size} bytes: {got}")
    check(as_user(a, OTHER_UID, "show", "1").returncode == 0, "show of another reader beside too many events")
    free = os.statvfs(small)
    with open(small + "/ballast", "wb") as out:
        out.write(b"\0" * (free.f_bavail * free.f_frsize - (20 << 20)))
    done = wait_for("reads are refused below the reserve", lambda: [d for d in (as_user(a, OTHER_UID, "show", "1"),) if d.returncode == 2])[0]
    one_line(done, "show below the reserve")
    check(b"below disk_reserve" in done.stderr and not done.stdout, f"show below the reserve: {done.stdout[:100]} {done.stderr}")
    a.cmd("show", 1)  # who runs the archive still may
    os.unlink(small + "/ballast")
    wait_for("reads are taken again", lambda: as_user(a, OTHER_UID, "show", "1").returncode == 0)
    a.stop()
    a.verify()
    run("umount", "-l", small)


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    work = workdir()
    pem = certs.self_signed(work, "archive.example", "DNS:archive.example")
    ctx = ssl.create_default_context(cafile=pem)
    ctx.check_hostname = False

    def listen(name, port, options):
        return f'\nlisten {name} {{\n  address = "127.0.0.1:{port}"\n  max_per_peer = 2000\n{options}}}\n'

    tls = f'  tls = starttls\n  certificate = "{pem}"\n'
    a = Archive(work, config={"top": listen("secured", STARTTLS, tls) + listen("crowd", CROWD, tls + "  max_sessions = 100\n")
                              + listen("delivery", LMTP, "  protocol = lmtp\n") + listen("filter", MILTER, "  protocol = milter\n")
                              + listen("proxied", PROXY, '  proxy = { "127.0.0.1" }\n  max_sessions = 20\n')})
    a.start()
    is_low(a, "at rest")
    for name, test in (("envelopes", lambda: envelopes(a, ctx)), ("places", lambda: places(a, ctx)), ("proxied", lambda: proxied(a)),
                       ("lmtp", lambda: lmtp(a)), ("milters", lambda: milters(a))):
        print("-", name, flush=True)
        test()
        is_served(f"after {name}", PORT, HONEST)
    print("- door", flush=True)
    door(work)
    check("421 4.7.0 Ended for others" in a.log_text(), "the log does not say why sessions were ended")
    check(len(set(a.workers().values())) == 4 and a.log_text().count("event=worker_start") == 4, "a worker was started again")
    a.stop()
    finish("fair")


main()
