"""POP3 from a real Dovecot: keep and delete, STLS and implicit TLS, good and
bad certificates, with the service and without, --check and reconcile."""
import json
import os
import sys
import time

from dovecot import PASSWORD, Authority, Dovecot
from kit import PATIENCE, Archive, check, finish, message, run, sha256, workdir

root = workdir("1g")
ca = Authority(root)
other = Authority(root, "Other CA")
good, pin, serial = ca.server("good", "localhost")
secret = os.path.join(root, "password")
open(secret, "w").write(PASSWORD + "\n")
os.chmod(secret, 0o600)
os.mkdir(os.path.join(root, "dovecot"))
dv = Dovecot(os.path.join(root, "dovecot"), sys.argv[1], good)


def crlf(data):
    """What a POP3 server makes of it: lines end with CR LF, the last one too."""
    data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def section(name, user, security="tls", **more):
    options = {"server": "localhost", "port": {"tls": 10995}.get(security, 10110), "user": user, "security": security,
               "password_file": secret, "poll": "1", **more}
    if security != "none" and "fingerprint" not in more:
        options.setdefault("ca", ca.path)
    return f"pull {name} {{\n" + "".join(f"\t{k} = {v if str(v).startswith('{') else json.dumps(str(v))}\n" for k, v in options.items()) + "}\n"


def pulled(a):
    """[(record, sha256 of the raw bytes)] of the pulled messages."""
    out = []
    for seq, (r, raw) in a.entries().items():
        if r["kind"] == "message":
            check(r["source"]["grade"] == "pulled" and r["source"]["via"] == "pop3", f"grade of {seq}: {r['source']}")
            out.append((r, sha256(raw)))
    return out


def same(a, want, what):
    got = sorted(d for _, d in pulled(a))
    check(got == sorted(sha256(crlf(m)) for m in want), f"{what}: {len(got)} messages archived, want {len(want)}, byte for byte")


mail = [message(i, 300 + 97 * i) for i in range(40)]
mail += [b"From: a@b\n\n.\n..\n...x\n.", b"Subject: no end\n\nno line end", b"\n", message(1, 3000000)]

# Without the service: kept, and once only.
dv.fill("keep", mail)
a = Archive(root, name="keep", config={"top": section("keep", "keep")})
out = a.cmd("pull", "--once", "keep").stdout.decode()
check(f"{len(mail)} messages taken, 0 were there" in out, f"first pull: {out}")
same(a, mail, "keep")
check(f"0 messages taken, {len(mail)} were there" in a.cmd("pull").stdout.decode(), "the second pull takes nothing")
check(len(dv.messages("keep")) == len(mail), "keep leaves the mail where it is")
r = pulled(a)[0][0]["source"]
check(r["account"] == "keep" and r["host"] == "localhost" and r["uidl"] and r["reported_size"] > 0 and
      r["server_tls"]["verified"] and r["server_tls"]["peer_sha256"] == pin and r["fetched"].endswith("Z"), f"the record: {r}")
# The state is lost: the log knows.
os.unlink(os.path.join(a.dir, "state/pull/keep"))
check(f"0 messages taken, {len(mail)} were there" in a.cmd("pull").stdout.decode(), "a lost state is learnt from the log")
open(os.path.join(a.dir, "state/pull/keep"), "w").write("junk\n")
check("0 messages taken" in a.cmd("pull").stdout.decode(), "so is a damaged one")
dv.fill("keep", [message(99)])
got = json.loads(a.cmd("pull", "--format", "json").stdout)
check(got["taken"] == 1 and got["known"] == len(mail) and got["error"] is None, f"json: {got}")
a.verify()
text = open(os.path.join(a.dir, "sealpost.conf")).read()

# reconcile: complete, then with mail that was not fetched.
check("complete" in a.cmd("reconcile", "keep").stdout.decode(), "reconcile finds nothing missing")
dv.fill("keep", [message(100), message(101)])
lines = [json.loads(t) for t in a.cmd("reconcile", "keep", "--format", "json", status=1).stdout.splitlines()]
check(len([x for x in lines if x.get("missing")]) == 2 and lines[-1]["there"] == len(mail) + 3, f"reconcile: {lines}")

# --check says step by step.
out = a.cmd("pull", "--check", "keep").stdout.decode()
for want in ("ok   name ", "ok   connect ", "ok   tls ", "TLSv1.3", "verified", "ok   capabilities", "UIDL", "ok   login ", "ok   mailbox",
             "2 are not in the archive yet", "ok   all"):
    check(want in out, f"--check says {want}:\n{out}")
check(PASSWORD not in out, "--check keeps the password")

# Certificates that are not good; each with a clear line, and no password sent.
bad = {
    "expired": (ca.server("expired", "localhost", days=(-30, -1))[0], {}, "it has expired"),
    "name": (ca.server("name", "mail.example")[0], {}, "it is for another name"),
    "self": (ca.server("self", "localhost", self_signed=True)[0], {}, "it is self-signed"),
    "unknown": (other.server("unknown", "localhost")[0], {}, "unknown authority"),
    "revoked": (good, {"crl": ca.crl(serial)}, "it was revoked"),
    "pin": (good, {"fingerprint": '{"' + "0" * 64 + '"}'}, "its fingerprint is not one of those expected"),
}
for name, (cert, more, why) in bad.items():
    for security in ("tls", "starttls"):
        dv.certificate(cert)
        dv.stop()
        dv.start()
        before = dv.log().count("Login:")
        open(os.path.join(a.dir, "sealpost.conf"), "w").write(text + section("bad", "bad", security, **more))
        done = a.cmd("pull", "bad", status=1)
        check(why in done.stderr.decode() and "no password was sent" in done.stderr.decode(), f"{name} {security}: {done.stderr.decode()}")
        done = a.cmd("pull", "--check", "bad", status=1)
        check("FAIL tls" in done.stdout.decode() and why in done.stdout.decode(), f"--check {name}: {done.stdout.decode()}")
        check(dv.log().count("Login:") == before, f"{name}: somebody logged in")

# Good ones: a list that does not have it, a pin of a self-signed one.
own, own_pin, _ = ca.server("own", "wrong.example", days=(-30, -1), self_signed=True)
for cert, security, more in ((good, "tls", {"crl": ca.crl()}), (own, "tls", {"fingerprint": "{" + own_pin + "}"}),
                             (own, "starttls", {"fingerprint": '{"' + ":".join(own_pin[i:i + 2].upper() for i in range(0, 64, 2)) + '"}'}),
                             (good, "starttls", {}), (good, "none", {}), (good, "starttls", {"auth": "plain"})):
    dv.certificate(cert)
    dv.stop()
    dv.start()
    open(os.path.join(a.dir, "sealpost.conf"), "w").write(text + section("fine", "fine", security, **more))
    out = a.cmd("pull", "--check", "fine").stdout.decode()
    check("ok   all" in out, f"{security} {more}: {out}")

# A wrong password: said clearly.
open(os.path.join(root, "wrong"), "w").write("nonsense")
os.chmod(os.path.join(root, "wrong"), 0o600)
open(os.path.join(a.dir, "sealpost.conf"), "w").write(text + section("wrong", "keep", password_file=os.path.join(root, "wrong")))
done = a.cmd("pull", "wrong", status=1)
check("user or password are wrong" in done.stderr.decode() and "nonsense" not in done.stderr.decode(), f"wrong: {done.stderr.decode()}")
os.chmod(os.path.join(root, "wrong"), 0o644)
check("chmod 600" in a.cmd("pull", "wrong", status=1).stderr.decode(), "a password that everybody can read is refused")
check("there is no account nobody" in a.cmd("pull", "nobody", status=2).stderr.decode(), "an unknown account")

# With the service: delete, several accounts, one of which hangs.
import socket
hang = socket.create_server(("127.0.0.1", 10999))
mail = [message(i, 200 + i) for i in range(1200)]
dv.fill("gone", mail)
dv.fill("second", mail[:7])
b = Archive(root, port=2526, name="gone", config={"top": section("gone", "gone", after="delete", session_messages=500)
                                                  + section("second", "second", "starttls")
                                                  + section("hang", "x", "none", server="127.0.0.1", port=10999, timeout=600)
                                                  + section("asleep", "second", active="false")})
b.start()
end = time.time() + PATIENCE
while time.time() < end and (dv.messages("gone") or b.status()["entries"] < 1209):
    time.sleep(0.1)
check(dv.messages("gone") == [], "delete: the mailbox is empty")
got = json.loads(b.cmd("pull", "second", "--format", "json").stdout)
check(got["taken"] == 0 and got["known"] == 7, f"pull by the service: {got}")
got = json.loads(b.cmd("pull", "asleep", "--format", "json").stdout)
check(got["taken"] == 7, f"an account that is not active is pulled on demand: {got}")
dv.fill("second", [message(5000)])
end = time.time() + PATIENCE
while time.time() < end and b.status()["entries"] < 1217:
    time.sleep(0.1)
pull = {p["account"]: p for p in b.status()["pull"]}
check(pull["gone"]["deleted"] == 1200 and pull["gone"]["failures"] == 0, f"status: {pull}")
check("sealpost_pull_taken_total{account=\"gone\"} 1200" in b.cmd("status", "--format", "prometheus", status=None).stdout.decode(), "prometheus")
check("gone: 1,200 messages taken since the start" in b.cmd("status", status=None).stdout.decode(), "status as text")
b.stop()
found = [d for _, d in pulled(b)]
check(sorted(found) == sorted([sha256(crlf(m)) for m in mail] + 2 * [sha256(crlf(m)) for m in mail[:7]] + [sha256(crlf(message(5000)))]),
      f"the service took {len(found)}")
check("event=pulled" in b.log_text() and PASSWORD not in b.log_text(), "the log")
b.verify()
dv.stop()
finish("pull")
