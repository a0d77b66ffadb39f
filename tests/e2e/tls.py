#!/usr/bin/env python3
"""TLS on listeners: STARTTLS and implicit, certificates of clients, SNI, reload, injection, keys of root."""
import ssl

import certs
from kit import *

PLAIN, STARTTLS, IMPLICIT, CLIENTS, PINNED = PORT, 2526, 2527, 2528, 2529
ACCOUNT = "daemon"  # an account of every Debian


def context(ca, cert=None, **kw):
    c = ssl.create_default_context(cafile=ca)
    for name, value in kw.items():
        setattr(c, name, value)
    if cert:
        c.load_cert_chain(cert)
    return c


def source(a, seq):
    return json.loads(a.cmd("show", seq, "--format", "record").stdout)["source"]


def accepted(code_text, what):
    code, text = code_text
    check(code == 250, f"{what}: {code} {text}")
    return answer(text)[0]


def by_starttls(port, ctx, number, host="archive.example"):
    """(answer to a message, the session's EHLO keywords before and after)."""
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as c:
        c._host = host
        c.ehlo("client.example")
        before = dict(c.esmtp_features)
        c.starttls(context=ctx)
        c.ehlo("client.example")
        return send(c, message(number)), before, dict(c.esmtp_features)


def starttls(a, ca):
    got, before, after = by_starttls(STARTTLS, context(ca.cert), 1)
    seq = accepted(got, "STARTTLS")
    check("starttls" in before and "requiretls" not in before, f"before: {before}")
    check("starttls" not in after and "requiretls" in after, f"after: {after}")
    s = source(a, seq)
    check(s["proto"] == "ESMTPS" and s["tls"]["version"] == "TLSv1.3" and s["tls"]["sni"] == "archive.example"
          and "peer_sha256" not in s["tls"], f"record: {s}")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        got = by_starttls(STARTTLS, context(ca.cert, maximum_version=version), 2)[0]
        check(source(a, accepted(got, version.name))["tls"]["version"] == version.name.replace("_", "."), version.name)
    # The second name has a certificate of its own.
    accepted(by_starttls(STARTTLS, context(ca.cert), 3, host="other.example")[0], "SNI")


def require_tls(a):
    with smtp(STARTTLS) as c:
        check(c.mail("a@corp.example")[0] == 530, "MAIL without TLS")
        check(c.docmd("RSET")[0] == 530, "RSET without TLS")
        check(c.docmd("NOOP")[0] == 250, "NOOP without TLS")
        check(c.docmd("STARTTLS", "now")[0] == 501, "STARTTLS with an argument")
    with smtp(PLAIN) as c:
        check(c.docmd("STARTTLS")[0] == 502, "STARTTLS where it is not offered")
        check("starttls" not in c.esmtp_features, "STARTTLS offered without TLS")
        check(c.docmd("MAIL", "FROM:<a@b> REQUIRETLS")[0] == 555, "REQUIRETLS outside TLS")


def injection(a):
    """Bytes in the same segment as STARTTLS are never executed."""
    before = a.status()["entries"]
    for extra in (b"RSET\r\n", b"MAIL FROM:<evil@x>\r\n", b"\r\n", b"x"):
        c = Raw(STARTTLS)
        c.hello()
        c.put(b"STARTTLS\r\n" + extra)
        code, text = c.reply()
        check(code == 554, f"STARTTLS with {extra}: {code} {text}")
        check(c.reply()[0] == 0, "still open")
        c.close()
    # In a segment of their own, before the answer is read, they are no handshake.
    c = Raw(STARTTLS)
    c.hello()
    c.put(b"STARTTLS\r\n")
    check(c.reply()[0] == 220, "220")
    c.put(b"MAIL FROM:<evil@x>\r\nRCPT TO:<j@x>\r\n")
    check(b"250" not in c.file.read(), "a command was executed")
    c.close()
    wait_for("the failure in the log", lambda: "event=tls_failed" in a.log_text())
    check(a.status()["entries"] <= before + 2, "injected bytes became mail")


def implicit(a, ca):
    c = smtplib.SMTP_SSL("127.0.0.1", IMPLICIT, timeout=PATIENCE, context=context(ca.cert, check_hostname=False))
    with c:
        c.ehlo("client.example")
        seq = accepted(send(c, message(10), options=("REQUIRETLS",)), "implicit")
    r = json.loads(a.cmd("show", seq, "--format", "record").stdout)
    check(r["envelope"]["from_params"] == ["REQUIRETLS"], f"REQUIRETLS in the record: {r['envelope']}")
    with ssl.create_default_context(cafile=ca.cert).wrap_socket(
            socket.create_connection(("127.0.0.1", IMPLICIT)), server_hostname="archive.example") as s:
        check(s.recv(100).startswith(b"220 "), "greeting")
        s.sendall(b"QUIT\r\n")
        check(s.recv(100).startswith(b"221 "), "QUIT")
        check(s.recv(100) == b"", "close_notify")  # an EOF without it raises


def large(a, ca):
    data = message(11, size=3_000_000)
    with smtplib.SMTP("127.0.0.1", STARTTLS, timeout=PATIENCE) as c:
        c.starttls(context=context(ca.cert, check_hostname=False))
        c.ehlo("client.example")
        for chunk in (data, data[:20_000]):
            seq = accepted(send(c, chunk), "large")
            check(a.raw(seq) == chunk + (b"" if chunk.endswith(b"\r\n") else b"\r\n"), "large: other bytes")


def clients(a, ca, other):
    """Who the client is, by its certificate."""
    rows = (("good", ca.path("good.pem"), True, None), ("none", None, False, "required"),
            ("expired", ca.path("expired.pem"), False, "it has expired"),
            ("revoked", ca.path("revoked.pem"), False, "it was revoked"),
            ("unknown", other.path("stranger.pem"), False, "unknown authority"),
            ("self-signed", os.path.join(ca.folder, "own.pem"), False, "it is self-signed"))
    for name, cert, good, why in rows:
        code, text = by_starttls(CLIENTS, context(ca.cert, cert), 20)[0]
        check((code == 250) == good, f"{name}: {code} {text}")
        if good:
            t = source(a, answer(text)[0])["tls"]
            check(t["verified"] is True and t["peer_sha256"] == certs.fingerprint(cert), f"{name}: {t}")
        else:
            check(code == 454 and why in text, f"{name}: {code} {text}")
    # Where no certificate is required it is recorded with the verdict.
    for cert, good in (("own.pem", True), ("good.pem", False)):
        cert = os.path.join(ca.folder, cert)
        t = source(a, accepted(by_starttls(PINNED, context(ca.cert, cert), 21)[0], cert))["tls"]
        check(t["verified"] is good and t["peer_sha256"] == certs.fingerprint(cert), f"pinned {cert}: {t}")
        check(good or t["why"] == "its fingerprint is not one of those expected", f"pinned {cert}: {t}")


def tools(ca):
    done = run("swaks", "--server", f"127.0.0.1:{STARTTLS}", "--tls", "--tls-verify", "--tls-ca-path", ca.cert,
               "--to", "j@archive.example", "--from", "a@corp.example", status=0)
    check(b"250 2.0.0 Ok: seq=" in done.stdout, "swaks --tls")
    done = run("swaks", "--server", f"127.0.0.1:{CLIENTS}", "--tls", "--tls-cert", ca.path("good.crt"),
               "--tls-key", ca.path("good.key"), "--to", "j@archive.example", "--from", "a@corp.example", status=0)
    check(b"250 2.0.0 Ok: seq=" in done.stdout, "swaks with a certificate")
    done = run("openssl", "s_client", "-connect", f"127.0.0.1:{STARTTLS}", "-starttls", "smtp", "-CAfile", ca.cert,
               "-verify_return_error", "-servername", "other.example", data=b"QUIT\r\n", status=0)
    check(b"CN = other.example" in done.stdout or b"CN=other.example" in done.stdout, "s_client got another certificate")
    run("openssl", "s_client", "-connect", f"127.0.0.1:{IMPLICIT}", "-tls1_1", data=b"", status=1)


def reload(a, ca):
    """New certificates at SIGHUP; a broken one is refused and the old ones go on."""
    def presented():
        der = ssl.get_server_certificate(("127.0.0.1", IMPLICIT))
        return sha256(ssl.PEM_cert_to_DER_cert(der))

    first = presented()
    path = os.path.join(a.root, "archive.pem")
    old = open(path).read()
    open(path, "w").write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    a.service.send_signal(signal.SIGHUP)
    a.wait_log("event=reload_failed")
    check("archive.pem: certificate 1 in it is damaged" in a.log_text(), a.log_text()[-500:])
    check(presented() == first, "the old certificate does not go on")
    # Also a worker that starts again has it.
    pid = a.workers()["receive"]
    os.kill(pid, signal.SIGKILL)
    wait_for("receive again", lambda: a.workers()["receive"] not in (0, pid))
    wait_for("the old certificate", lambda: listening(IMPLICIT) and presented() == first)
    open(path, "w").write(open(ca.issue("second", "DNS:archive.example")).read())
    a.service.send_signal(signal.SIGHUP)
    a.wait_log("event=reload ")
    wait_for("the new certificate", lambda: presented() != first)
    open(path, "w").write(old)


def only_receive_has_keys(a):
    for name, pid in a.workers().items():
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        held = [t for t in links if "sealpost-pem" in t]
        check(not held or name == "receive", f"worker {name} holds {held}")
    path = os.path.join(a.root, "archive.pem")
    pem = open(path).read().split("PRIVATE KEY-----")[1].strip().splitlines()[0].encode()
    text = certs.openssl("ec", "-in", path, "-noout", "-text").decode()
    number = bytes.fromhex("".join(re.search(r"priv:([\s0-9a-f:]+)pub:", text).group(1).split()).replace(":", ""))[-32:]
    for name, pid in list(a.workers().items()) + [("supervisor", a.service.pid)]:
        found = in_memory(pid, (number[::-1], number))
        check(found == (name == "receive"), f"the key is {'' if found else 'not '}in the memory of {name}")
        check(not in_memory(pid, (pem,)), f"the PEM text of the key is in the memory of {name}")


def in_memory(pid, needles):
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in open(f"/proc/{pid}/maps"):
            span, mode = line.split()[:2]
            begin, end = (int(x, 16) for x in span.split("-"))
            # The sanitizers' shadow is terabytes of nothing.
            if not mode.startswith("rw") or "[v" in line or end - begin > 1 << 28:
                continue
            try:
                mem.seek(begin)
                data = mem.read(end - begin)
            except OSError:
                continue
            if any(n in data for n in needles):
                return True
    return False


def config_check(a, ca):
    path = os.path.join(a.dir, "sealpost.conf")
    text = open(path).read()
    line = next(n for n, t in enumerate(text.splitlines(), 1) if "starttls-cert" in t)

    def complains(old, new, want):
        open(path, "w").write(text.replace(old, new))
        # What cannot be loaded is an error (2), what would fail a finding (1).
        done = a.cmd("config", "check", status=2 if "encryption needs" in want else 1)
        one_line(done, want)
        check(want in done.stderr.decode(), f"config check: {done.stderr.decode()!r}, want {want!r}")

    cert = f'certificate = "{a.root}/archive.pem" # starttls-cert'
    complains(cert, f'certificate = "{a.root}/gone.pem"', f"sealpost.conf:{line}: cannot open {a.root}/gone.pem: No such file")
    complains(cert, f'certificate = "{ca.cert}"', f"sealpost.conf:{line}: {ca.cert} has no private key in it")
    complains(cert, f'certificate = "{ca.cert}"\nkey = "{ca.path("good.key")}"',
              f"sealpost.conf:{line + 1}: {ca.path('good.key')}: the key does not belong to the first certificate")
    complains(cert, "", "encryption needs a certificate")
    open(path, "w").write(text.replace(cert, f'certificate = "{ca.path("expired.pem")}"'))
    done = a.cmd("config", "check")
    check(b"warning: " in done.stderr and b"the certificate has expired" in done.stderr, done.stderr)
    open(path, "w").write(text)
    a.cmd("config", "check")


def main():
    work = workdir()
    os.chmod(work, 0o755)
    ca, other = certs.CA(os.path.join(work, "ca")), certs.CA(os.path.join(work, "other"), "other")
    ca.issue("good")
    ca.issue("revoked")
    ca.issue("expired", days=("20200101000000Z", "20200201000000Z"))
    ca.issue("other.example", "DNS:other.example")
    other.issue("stranger")
    certs.self_signed(ca.folder, "own")
    ca.revoke("revoked")
    archive_pem = os.path.join(work, "archive.pem")
    open(archive_pem, "w").write(open(ca.issue("archive.example", "DNS:archive.example")).read())
    os.chmod(archive_pem, 0o600)
    mine = f'certificate = "{archive_pem}"'
    a = Archive(work, init=("--user", ACCOUNT), config={"top": f'''
listen starttls {{
  address = "127.0.0.1:{STARTTLS}"
  tls = starttls
  {mine} # starttls-cert
  sni_certificates = {{ "{ca.path("other.example.pem")}" }}
  require_tls = true
}}
listen implicit {{
  address = "127.0.0.1:{IMPLICIT}"
  tls = implicit
  {mine}
}}
listen clients {{
  address = "127.0.0.1:{CLIENTS}"
  tls = starttls
  {mine}
  client_ca = "{ca.cert}"
  client_crl = "{ca.crl()}"
  require_client_cert = true
}}
listen pinned {{
  address = "127.0.0.1:{PINNED}"
  tls = starttls
  {mine}
  client_fingerprints = {{ "{certs.fingerprint(os.path.join(ca.folder, "own.pem"), colons=True)}" }}
}}
'''})
    a.start()
    starttls(a, ca)
    require_tls(a)
    injection(a)
    implicit(a, ca)
    large(a, ca)
    clients(a, ca, other)
    tools(ca)
    only_receive_has_keys(a)
    config_check(a, ca)
    reload(a, ca)
    a.stop()
    a.verify()
    finish("tls")


main()
