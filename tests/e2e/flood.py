#!/usr/bin/env python3
"""Overload: a thousand connections, peers that say little or never read, plain and in TLS; whoever behaves is served
meanwhile, and the receive worker's memory stays under its ceiling.  Sizes and times are bounded; all goes to loopback
in a network of its own."""
import resource
import select
import ssl

import certs
from kit import *

PLAIN, TLS, SLOW = PORT, 2527, 2528
MANY = 1000
CEILING = 100 << 20  # bytes; doc/smtp.md, "Memory"
SANITIZED = "asan" in SEALPOST


def rss(a):
    """(resident now, most so far) of the receive worker."""
    text = open(f"/proc/{a.workers()['receive']}/status").read()
    return tuple(int(re.search(name + r":\s+(\d+) kB", text).group(1)) * 1024 for name in ("VmRSS", "VmHWM"))


def rss_is_low(a, what):
    now, most = rss(a)
    print(f"{what}: {now / 2**20:.1f} MiB now, {most / 2**20:.1f} MiB at most", flush=True)
    check(SANITIZED or most < CEILING, f"{what}: {most} bytes")


def connect(port, timeout=PATIENCE):
    s = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    return s


def serves(port, number, tls=None):
    """Somebody who behaves gets mail in meanwhile."""
    begin = time.time()
    with (smtplib.SMTP_SSL("127.0.0.1", port, timeout=PATIENCE, context=tls) if tls else smtp(port)) as c:
        c.ehlo("client.example")
        code, text = send(c, message(number))
    took = time.time() - begin
    print(f"served in {took:.1f} s", flush=True)
    return check(code == 250, f"not served: {code} {text}")


def wrap(ctx, sock):
    return ctx.wrap_socket(sock, server_hostname="archive.example", suppress_ragged_eofs=True)


def thousand_plain(a):
    """Each in the middle of a message of 200 KiB: far more than the budget together."""
    socks = [connect(PLAIN) for _ in range(MANY)]
    for s in socks:
        s.recv(200)
        s.sendall(b"EHLO x\r\n")
    for s in socks:
        s.recv(1000)
        s.sendall(b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n")
    block = (b"x" * 78 + b"\r\n") * 2560
    for s in socks:
        while b"354" not in s.recv(1000):
            pass
        s.sendall(block)
    rss_is_low(a, f"{MANY} plain sessions in DATA, {len(block) * MANY >> 20} MiB on their way")
    over = Raw(PLAIN)
    check(over.reply()[0] == 421, "one more than max_sessions")
    over.close()
    for s in socks:
        s.sendall(b".\r\n")
    codes = {s.recv(200)[:3] for s in socks}
    check(codes == {b"250"}, f"answers {codes}")
    for s in socks:
        s.close()


def thousand_tls(a, ctx):
    socks = [wrap(ctx, connect(TLS, 120)) for _ in range(MANY)]
    for s in socks:
        s.recv(200)
        s.sendall(b"EHLO x\r\n")
    for s in socks:
        s.recv(1000)
    rss_is_low(a, f"{MANY} TLS sessions, idle")
    for s in socks:
        s.sendall(b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n")
    block = (b"x" * 78 + b"\r\n") * 1280
    for s in socks:
        while b"354" not in s.recv(1000):
            pass
        s.sendall(block)
    rss_is_low(a, f"{MANY} TLS sessions in DATA, {len(block) * MANY >> 20} MiB on their way")
    for s in socks:
        s.sendall(b".\r\n")
    codes = {s.recv(200)[:3] for s in socks}
    check(codes == {b"250"}, f"answers {codes}")
    for s in socks:
        s.close()


def gone(socks):
    """How many the server has not closed in the end."""
    end = time.time() + PATIENCE
    left = {s.fileno(): s for s in socks}
    poll = select.poll()
    for fd in left:
        poll.register(fd, select.POLLIN)
    while left and time.time() < end:
        for fd, _ in poll.poll(500):
            try:
                data = left[fd].recv(65536)
            except OSError:
                data = b""
            if not data:
                poll.unregister(fd)
                del left[fd]
    return len(left)


def slowloris(a, ctx):
    """A byte now and then: commands, data, the handshake.  All are put out, and meanwhile others are served."""
    commands = [connect(SLOW) for _ in range(60)]
    data = [connect(SLOW) for _ in range(60)]
    for s in data:
        s.recv(200)
        s.sendall(b"EHLO x\r\n")
        s.recv(1000)
        s.sendall(b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n")
    hello, bio_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = ctx.wrap_bio(hello, bio_out, server_hostname="archive.example")
    try:
        half.do_handshake()
    except ssl.SSLWantReadError:
        pass
    flight = bio_out.read()
    shakes = [connect(TLS) for _ in range(60)]
    for i in range(12):
        for s in commands + data:
            try:
                s.sendall(b"x")
            except OSError:
                pass
        for s in shakes:
            try:
                s.sendall(flight[i:i + 1])
            except OSError:
                pass
        if i % 4 == 0:
            serves(PLAIN, 100 + i)
            serves(TLS, 200 + i, ctx)
        time.sleep(0.5)
    for name, socks in (("commands", commands), ("handshakes", shakes)):
        left = gone(socks)
        check(left == 0, f"slowloris in {name}: {left} of {len(socks)} are still there")
        for s in socks:
            s.close()
    check("TLS handshake: it did not end in time" in a.log_text(), "no line for slow handshakes")
    # A byte a second of data is below min_rate, which is averaged over a minute.
    end = time.time() + PATIENCE
    while data and time.time() < end:
        for s in list(data):
            try:
                s.sendall(b"x")
                s.settimeout(0)
                if not s.recv(4096):
                    data.remove(s)
            except BlockingIOError:
                pass
            except OSError:
                data.remove(s)
        time.sleep(1)
    check(not data, f"slowloris in data: {len(data)} are still there")


def never_reads(a, ctx):
    """Commands without end, and not one reply taken: input waits, memory stays, and in the end they go."""
    before = rss(a)[0]
    socks = []
    for i in range(100):
        s = connect(SLOW)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if i % 2:
            s = wrap(ctx, socket.create_connection(("127.0.0.1", TLS), timeout=PATIENCE))
        s.settimeout(0.2)
        socks.append(s)
    line = b"EHLO x\r\n" + b"VRFY x\r\n" * 4000
    sent = 0
    for _ in range(6):
        for s in socks:
            try:
                sent += s.send(line)
            except OSError:
                pass
        serves(PLAIN, 300)
    rss_is_low(a, f"{len(socks)} peers that never read, {sent >> 10} KiB sent")
    check(SANITIZED or rss(a)[0] < before + (40 << 20), "peers that never read make it grow")
    for s in socks:
        s.close()


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    work = workdir()
    pem = certs.self_signed(work, "archive.example", "DNS:archive.example")
    ctx = ssl.create_default_context(cafile=pem)
    ctx.check_hostname = False
    a = Archive(work, config={"top": f'''
listen tls {{
  address = "127.0.0.1:{TLS}"
  tls = implicit
  certificate = "{pem}"
  max_per_peer = 2000
  tls_timeout = 5
}}
listen slow {{
  address = "127.0.0.1:{SLOW}"
  max_per_peer = 2000
  timeout = 5
  data_timeout = 180
  min_rate = 100
}}
''', "listen": "  max_per_peer = 2000\n"})
    a.start()
    rss_is_low(a, "at rest")
    for test in (lambda: thousand_plain(a), lambda: thousand_tls(a, ctx), lambda: slowloris(a, ctx),
                 lambda: never_reads(a, ctx)):
        test()
        wait_for("all sessions are gone", lambda: a.status()["receive"]["sessions"] <= 1 if "receive" in a.status() else True)
        serves(PLAIN, 1)
        serves(TLS, 2, ctx)
    check(len(set(a.workers().values())) == 4 and a.log_text().count("event=worker_start") == 4, "a worker was started again")
    a.stop()
    finish("flood")


main()
