#!/usr/bin/env python3
"""Logging in: users by `sealpost passwd`, smtplib and swaks with PLAIN and
LOGIN, SCRAM-SHA-256 by hand, guessing, reload."""
import base64
import hashlib
import hmac
import socket
import ssl

import certs
from kit import *

AUTH, OPEN = 2526, 2527


def passwd(a, name, password, *args, status=0):
    return a.cmd("passwd", *args, name, data=password.encode() + b"\n", status=status)


def session(ca, port=AUTH):
    c = smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE)
    c._host = "archive.example"
    c.ehlo("client.example")
    check("auth" not in c.esmtp_features, "AUTH offered in the clear")
    c.starttls(context=ca)
    c.ehlo("client.example")
    return c


def scram(c, name, password, nonce="rOprNGfwEbeRWgbNEkqO"):
    """RFC 5802 with Python's own hashes; (code, whether the server proved itself)."""
    bare = f"n={name},r={nonce}"
    code, text = c.docmd("AUTH", "SCRAM-SHA-256 " + base64.b64encode(b"n,," + bare.encode()).decode())
    if code != 334:
        return code, False
    first = base64.b64decode(text).decode()
    got = dict(f.split("=", 1) for f in first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(got["s"]), int(got["i"]))
    mac = lambda key, text: hmac.new(key, text.encode(), "sha256").digest()
    key = mac(salted, "Client Key")
    final = f"c=biws,r={got['r']}"
    auth = f"{bare},{first},{final}"
    proof = bytes(x ^ y for x, y in zip(key, mac(hashlib.sha256(key).digest(), auth)))
    code, text = c.docmd(base64.b64encode(f"{final},p={base64.b64encode(proof).decode()}".encode()).decode())
    if code != 334:
        return code, False
    proved = base64.b64decode(text).decode() == "v=" + base64.b64encode(mac(mac(salted, "Server Key"), auth)).decode()
    return c.docmd("")[0], proved


def source(a, seq):
    return json.loads(a.cmd("show", seq, "--format", "record").stdout)["source"]


def logged_in(a, c, mechanism, number):
    code, text = send(c, message(number))
    if check(code == 250, f"{mechanism}: {code} {text}"):
        s = source(a, answer(text)[0])
        check((s["auth"], s["auth_mechanism"], s["proto"]) == ("mx1", mechanism, "ESMTPSA"), f"{mechanism}: {s}")
        a.wait_log(f"seq={answer(text)[0]} ")
        check(re.search(r"event=accepted .*seq=%d .* auth=mx1" % answer(text)[0], a.log_text()), "no auth= in the log")
    c.quit()


def mechanisms(a, ca):
    for i, name in enumerate(("PLAIN", "LOGIN")):
        c = session(ca)
        check(c.esmtp_features.get("auth") == " SCRAM-SHA-256 PLAIN LOGIN", f"{c.esmtp_features}")
        code, text = c.mail("a@corp.example")
        check(code == 530, f"MAIL before AUTH: {code} {text}")
        c.user, c.password = "mx1", "secret pass 1"
        code, text = c.auth(name, getattr(c, "auth_" + name.lower()))
        check(code == 235, f"{name}: {code} {text}")
        logged_in(a, c, name, i)
    c = session(ca)
    code, proved = scram(c, "mx1", "secret pass 1")
    check(code == 235 and proved, f"SCRAM: {code}, the server proved itself: {proved}")
    logged_in(a, c, "SCRAM-SHA-256", 3)
    for name in ("PLAIN", "LOGIN"):
        done = run("swaks", "--server", f"127.0.0.1:{AUTH}", "--tls", "--auth", name, "--auth-user", "mx1", "--auth-password", "secret pass 1",
                   "--from", "a@corp.example", "--to", "journal@archive.example", timeout=PATIENCE)
        check(b"235 2.7.0" in done.stdout and b"250 2.0.0 Ok: seq=" in done.stdout, f"swaks {name}: {done.stdout[-500:]}")
    # In the clear nothing is taken, not even from who knows the password.
    with smtp(AUTH) as c:
        code, _ = c.docmd("AUTH", "PLAIN " + base64.b64encode(b"\0mx1\0secret pass 1").decode())
        check(code == 538, f"AUTH in the clear: {code}")
        check(c.mail("a@corp.example")[0] == 530, "MAIL in the clear")
    # Where it is not required, who does not log in is taken by the list.
    c = session(ca, OPEN)
    code, text = send(c, message(8))
    check(code == 250 and "auth" not in source(a, answer(text)[0]), f"not required: {code} {text}")
    c.quit()


def guessing(a, ca):
    """Late, three a session, alike for known and unknown names, then put off."""
    times = {}
    for round_ in range(7):
        c = session(ca)
        for name in ("mx1", "nobody", "mx1"):
            start = time.time()
            if round_ % 2:
                code, _ = scram(c, name, "a guess")
            else:
                code, _ = c.docmd("AUTH", "PLAIN " + base64.b64encode(f"\0{name}\0a guess".encode()).decode())
            took = time.time() - start
            if code == 454:
                break
            check(code == 535 and took > 1.5, f"a guess: {code} after only {took:.1f} s")
            times.setdefault(name, []).append(took)
        if code == 454:
            break
        code, text = c.getreply()
        check(code == 421, f"after three guesses: {code} {text}")
        c.close()
    count = sum(map(len, times.values()))
    check(count == 20, f"put off after {count} guesses, want 20")
    # The right password does not help now, another address is not put off.
    c = session(ca)
    check(c.docmd("AUTH", "PLAIN " + base64.b64encode(b"\0mx1\0secret pass 1").decode())[0] == 454, "not put off")
    c.close()
    c = smtplib.SMTP("127.0.0.1", AUTH, timeout=PATIENCE, source_address=("127.0.0.2", 0))
    c._host = "archive.example"
    c.starttls(context=ca)
    c.ehlo()
    check(c.docmd("AUTH", "PLAIN " + base64.b64encode(b"\0mx1\0secret pass 1").decode())[0] == 235, "another address was put off")
    c.quit()
    text = a.log_text()
    check(len(re.findall(r"event=login .*result=wrong user=nobody", text)) >= 5, "guesses are not logged")
    check("a guess" not in text and "secret pass" not in text, "a password in the log")
    a.wait_index()
    check(any("535 5.7.8" in json.dumps(r) for r in a.events("refused")), "no event of the refusals")


def vanish(a, ca, first, count):
    """Clients that go away while their password is being checked."""
    for i in range(count):
        c = smtplib.SMTP("127.0.0.1", AUTH, timeout=PATIENCE, source_address=(f"127.0.1.{first + i}", 0))
        c._host = "archive.example"
        c.starttls(context=ca)
        c.ehlo()
        c.putcmd("AUTH", "PLAIN " + base64.b64encode(b"\0mx1\0a guess").decode())
        c.sock.close()


def unheard(a, ca):
    """A guesser who does not wait for the late answer is counted all the same."""
    def login():
        c = smtplib.SMTP("127.0.0.1", AUTH, timeout=PATIENCE, source_address=("127.0.2.1", 0))
        c._host = "archive.example"
        c.starttls(context=ca)
        c.ehlo()
        return c
    good = base64.b64encode(b"\0mx1\0secret pass 1").decode()
    for i in range(20):
        c = login()
        c.putcmd("AUTH", "PLAIN " + base64.b64encode(b"\0mx1\0a guess").decode())
        # The right password has its answer long before a wrong one.
        c.sock.settimeout(0.5)
        try:
            c.getreply()
        except (OSError, smtplib.SMTPException):
            pass
        c.close()

    def put_off():
        c = login()
        code, _ = c.docmd("AUTH", "PLAIN " + good)
        c.close()
        return code == 454
    check(wait_for("454", put_off), "guessers who do not wait are not put off")


def cut_off(a, ca):
    """A wrong proof and the end of TLS in one packet: a guess like any other."""
    s = socket.create_connection(("127.0.0.1", AUTH), timeout=PATIENCE, source_address=("127.0.3.1", 0))
    f = s.makefile("rb")

    def reply():
        line = f.readline()
        while line[3:4] == b"-":
            line = f.readline()
        return line
    reply()
    for command in (b"EHLO x\r\n", b"STARTTLS\r\n"):
        s.sendall(command)
        reply()
    got, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    t = ca.wrap_bio(got, out, server_hostname="archive.example")

    def talk(do):
        while True:
            try:
                done = do()
                s.sendall(out.read())
                return done
            except ssl.SSLWantReadError:
                s.sendall(out.read())
                got.write(s.recv(65536))
    talk(t.do_handshake)
    t.write(b"EHLO x\r\n")
    seen = b""
    while b"250 HELP" not in seen:
        seen += talk(lambda: t.read(65536))
    t.write(b"AUTH SCRAM-SHA-256 " + base64.b64encode(b"n,,n=cutoff,r=abc") + b"\r\n")
    check(talk(lambda: t.read(65536)).startswith(b"334 "), "no challenge")
    t.write(base64.b64encode(b"c=biws,r=abc,p=AAAA") + b"\r\n")
    try:
        t.unwrap()
    except ssl.SSLError:
        pass
    s.sendall(out.read())
    check(wait_for("the guess", lambda: "result=wrong user=cutoff " in a.log_text()), "a guess that ends TLS is not counted")
    s.close()


def reload(a, ca, users):
    passwd(a, "mx1", "another pass")
    text = open(users).read()
    check("another" not in text and "secret" not in text, "a password in the file")
    a.service.send_signal(signal.SIGHUP)
    a.wait_log("event=reload")

    def try_(password):
        try:
            c = session(ca)
            code = c.docmd("AUTH", "PLAIN " + base64.b64encode(f"\0mx1\0{password}".encode()).decode())[0]
            c.close()
            return code
        except (OSError, smtplib.SMTPException):
            return 0
    check(wait_for("the new password", lambda: try_("another pass") == 235), "the reload did not bring the new password")
    check(try_("secret pass 1") == 535, "the old password is still good")
    # A file that cannot be used: a reload is refused, and the passwords that are
    # in force stay.
    open(users, "a").write("mx9:nonsense\n")
    check(a.cmd("config", "check", status=1).returncode == 1, "config check takes a broken file of users")
    a.service.send_signal(signal.SIGHUP)
    a.wait_log("event=reload_failed")
    check(try_("another pass") == 235, "a refused reload changed who may log in")
    # A service that starts with it says so, and nobody is turned away for good.
    a.stop()
    a.start()
    a.wait_log("cause=users:")
    check(wait_for("454", lambda: try_("another pass") == 454), "a broken file of users is not a 454")
    with smtp() as c:
        check(send(c, message(9))[0] == 250, "another listener does not go on")


def main():
    work = workdir()
    own = certs.CA(os.path.join(work, "ca"))
    pem = own.issue("archive.example", "DNS:archive.example")
    users = os.path.join(work, "archive", "users")
    tls = f'\ttls = starttls\n\tcertificate = "{pem}"\n\tauth_users = "{users}"\n'
    a = Archive(work, config={"top": f"\nlisten auth {{\n\taddress = 127.0.0.1:{AUTH}\n{tls}\trequire_auth = true\n}}\n"
                                     f"listen open {{\n\taddress = 127.0.0.1:{OPEN}\n{tls}}}\n"})
    passwd(a, "mx1", "secret pass 0")
    passwd(a, "mx1", "secret pass 1")
    passwd(a, "mx2", "x" * 255)
    passwd(a, "mx3", "short", status=2)
    check(a.cmd("passwd", "--list").stdout == b"mx1\nmx2\n", "passwd --list")
    passwd(a, "mx2", "", "--delete")
    check(os.stat(users).st_mode & 0o777 == 0o600, "mode of the file of users")
    ca = ssl.create_default_context(cafile=own.cert)
    a.start()
    for name, test in (("mechanisms", lambda: mechanisms(a, ca)), ("guessing", lambda: guessing(a, ca)),
                       ("vanish", lambda: vanish(a, ca, 1, 40)), ("unheard", lambda: unheard(a, ca)),
                       ("cut off", lambda: cut_off(a, ca)), ("reload", lambda: reload(a, ca, users))):
        print("-", name, flush=True)
        test()
    # The service ends while some are being checked.
    vanish(a, ca, 100, 20)
    a.stop()
    a.verify()
    finish("auth")


main()
