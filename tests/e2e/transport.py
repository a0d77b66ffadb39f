#!/usr/bin/env python3
"""Sockets in the file system, and proxies in front of a listener, with TLS behind the header."""
import ssl
import stat

import certs
from kit import *

LMTP, PROXIED, SECURE = "lmtp.sock", 2526, 2527
HEAD = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT = HEAD + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 7, 198, 51, 100, 1]) + b"\x1f\x90\x00\x19"


def record(a, text):
    return json.loads(a.cmd("show", answer(text)[0], "--format", "record").stdout)


def deliver(c, verb, number=1):
    for line in (f"{verb} client.example", "MAIL FROM:<a@corp.example>", "RCPT TO:<j@archive.example>"):
        check(c.cmd(line)[0] == 250, line)
    check(c.cmd("DATA")[0] == 354, "DATA")
    c.put(message(number) + b".\r\n")
    return c.reply()[1]


def local(a, path):
    st = os.stat(path)
    check(stat.S_IMODE(st.st_mode) == 0o660 and stat.S_ISSOCK(st.st_mode), f"mode {oct(st.st_mode)}")
    c = Raw(path=path)
    check(c.reply()[1].endswith("LMTP Sealpost"), "greeting")
    s = record(a, deliver(c, "LHLO"))["source"]
    check(s["peer"] == f"unix:uid={os.getuid()}" and s["local"] == "unix:" + path and s["proto"] == "LMTP", f"record: {s}")
    c.close()
    done = run("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "python3", "-c",
               f"import socket; socket.socket(socket.AF_UNIX).connect({path!r})", status=None)
    check(done.returncode != 0 and b"Permission denied" in done.stderr, f"nobody may connect: {done.stderr[-200:]}")
    other = Archive(a.root, free_port(), name="other", config={"top": f'listen l {{ address = "unix:{path}" }}\n'})
    done = other.cmd("serve", status=2)
    check(b"another program does" in done.stderr, f"a live socket was taken: {done.stderr}")
    # One that a dead service left behind is replaced; another file is not.
    a.service.kill()
    a.service.wait()
    check(os.path.exists(path), "the name is gone")
    a.start()
    Raw(path=path).close()
    a.stop()
    check(not os.path.exists(path), "the name stays after the end")
    open(path, "w").write("mine")
    done = a.cmd("serve", status=2)
    check(b"something else has this name" in done.stderr and open(path).read() == "mine", f"{done.stderr}")
    os.unlink(path)
    a.start()


def proxied(a, pem):
    c = Raw(PROXIED)
    c.put(CLIENT)
    check(c.reply()[0] == 220, "greeting behind a header")
    s = record(a, deliver(c, "EHLO"))["source"]
    check(s["peer"].startswith("127.0.0.1:") and s["claimed"]["proxy"] == {"src": "192.0.2.7:8080", "dst": "198.51.100.1:25"},
          f"record: {s}")
    c.close()
    c = Raw(PROXIED)
    c.put(b"EHLO x\r\n")
    check(c.reply()[0] == 0, "served without a header")
    c.close()
    wait_for("the line", lambda: 'event=proxy_failed' in a.log_text())
    # The header comes before TLS, also in one piece with it.
    ctx = ssl.create_default_context(cafile=pem)
    sock = socket.create_connection(("127.0.0.1", SECURE))
    sock.sendall(CLIENT)
    with ctx.wrap_socket(sock, server_hostname="archive.example") as t:
        check(t.recv(200).startswith(b"220 "), "TLS behind a header")
        t.sendall(b"QUIT\r\n")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ctx.wrap_bio(incoming, outgoing, server_hostname="archive.example")
    sock, first = socket.create_connection(("127.0.0.1", SECURE), timeout=PATIENCE), CLIENT
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(first + outgoing.read())
            first = b""
            incoming.write(sock.recv(65536))
    sock.sendall(outgoing.read())
    while True:
        try:
            check(tls.read(200).startswith(b"220 "), "TLS in one piece with the header")
            break
        except ssl.SSLWantReadError:
            incoming.write(sock.recv(65536))
    sock.close()


def main():
    work = workdir()
    os.chmod(work, 0o755)
    pem, path = certs.self_signed(work, "archive.example", "DNS:archive.example"), os.path.join(work, LMTP)
    a = Archive(work, config={"top": f'''
listen local {{
  address = "unix:{path}"
  protocol = lmtp
}}
listen proxied {{
  address = "127.0.0.1:{PROXIED}"
  proxy = {{ 127.0.0.1 }}
  allow = {{ 192.0.2.0/24 }}
}}
listen secure {{
  address = "127.0.0.1:{SECURE}"
  proxy = {{ 127.0.0.1 }}
  allow = {{ 192.0.2.0/24 }}
  tls = implicit
  certificate = "{pem}"
}}
'''})
    a.start()
    local(a, path)
    proxied(a, pem)
    a.stop()
    a.verify()
    finish("transport")


main()
