"""IMAP from a real Dovecot: kept, deleted and moved, several mailboxes, large
messages, what vanishes, another UIDVALIDITY, IDLE in the service, kill -9."""
import base64
import glob
import hmac
import imaplib
import json
import os
import random
import signal
import sys
import time

from dovecot import CONF, PASSWORD, Authority, Dovecot
from kit import BUILD, LONG, SANITIZED, Archive, check, finish, message, run, sha256, wait_for, workdir

VISIT = os.path.join(BUILD, "tests/imap/imap_visit")

root = workdir("2g")
ca = Authority(root)
good, pin, _ = ca.server("good", "localhost")
secret = os.path.join(root, "password")
open(secret, "w").write(PASSWORD + "\n")
os.chmod(secret, 0o600)
os.mkdir(os.path.join(root, "dovecot"))
dv = Dovecot(os.path.join(root, "dovecot"), sys.argv[1], good,
             CONF + "namespace inbox {\n  inbox = yes\n  mailbox Everything {\n    auto = create\n    special_use = \\All\n  }\n}\n")


def crlf(data):
    """What an IMAP server makes of it: lines end with CR LF."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def deliver(user, data, n=[0]):
    """As a delivery agent does it: all at once."""
    n[0] += 1
    base = f"{dv.m}/srv/mail/{user}/Maildir"
    name = f"{1800000000 + n[0]}.N{n[0]}.host"
    open(f"{base}/tmp/{name}", "wb").write(data)
    os.rename(f"{base}/tmp/{name}", f"{base}/new/{name}")


def section(name, user, security="tls", **more):
    options = {"type": "imap", "server": "localhost", "port": {"tls": 10993}.get(security, 10143), "user": user, "security": security,
               "password_file": secret, "poll": "1", **more}
    if security != "none":
        options.setdefault("ca", ca.path)
    return f"pull {name} {{\n" + "".join(f"\t{k} = {v if str(v).startswith('{') else json.dumps(str(v), ensure_ascii=False)}\n" for k, v in options.items()) + "}\n"


def digests(a):
    """The digests of all messages, sorted, and the records' sources."""
    found = [json.loads(t) for t in a.cmd("search", "--limit", "0", "--format", "json", status=None).stdout.splitlines()]
    return sorted(m["sha256"] for m in found)


def same(a, want, what):
    got = digests(a)
    check(got == sorted(sha256(crlf(m)) for m in want), f"{what}: {len(got)} messages archived, want {len(want)}, byte for byte")


def login(user):
    c = imaplib.IMAP4("localhost", 10143)
    c.login(user, PASSWORD)
    return c


mail = [message(i, 300 + 97 * i) for i in range(40)]
mail += [b"From: a@b\n\n.\ns1 OK done\r\n)\r\n* BYE\r\n", b"Subject: no end\n\nno line end", b"\n", message(1, 3000000), message(2, 13000000)]

# Without the service: kept, once only, and unseen.
dv.fill("keep", mail)
a = Archive(root, name="keep", config={"top": section("keep", "keep")})
out = a.cmd("pull", "--once", "keep").stdout.decode()
check(f"{len(mail)} messages taken, 0 were there" in out, f"first pull: {out}")
same(a, mail, "keep")
check(f"0 messages taken, {len(mail)} were there" in a.cmd("pull").stdout.decode(), "the second pull takes nothing")
c = login("keep")
c.select("INBOX", readonly=True)
check(c.search(None, "SEEN")[1] == [b""] and c.search(None, "DELETED")[1] == [b""], "nothing is marked")
c.logout()
r = next(x for x in a.records().values() if x["kind"] == "message")
src = r["source"]
check(src["via"] == "imap" and src["grade"] == "pulled" and src["mailbox"] == "INBOX" and src["uidvalidity"] > 0 and src["uid"] == "1"
      and src["reported_size"] == r["message"]["size"] and src["server_tls"]["verified"] and "origin_date" in r, f"the record: {r}")
os.unlink(os.path.join(a.dir, "state/pull/keep"))
check(f"0 messages taken, {len(mail)} were there" in a.cmd("pull").stdout.decode(), "a lost state is learnt from the log")
deliver("keep", message(99))
check("1 messages taken" in a.cmd("pull").stdout.decode().replace("1 message taken", "1 messages taken"), "one more")

# reconcile and --check.
check("complete" in a.cmd("reconcile", "keep").stdout.decode(), "reconcile finds nothing missing")
deliver("keep", message(100))
lines = [json.loads(t) for t in a.cmd("reconcile", "keep", "--format", "json", status=1).stdout.splitlines()]
check(len([x for x in lines if x.get("missing")]) == 1 and lines[-1]["there"] == len(mail) + 2, f"reconcile: {lines}")
out = a.cmd("pull", "--check", "keep").stdout.decode()
for want in ("ok   tls ", "ok   login ", "ok   capabilities", "UIDPLUS", "QRESYNC", "ok   mailbox", "UIDVALIDITY", "ok   all"):
    check(want in out, f"--check says {want}:\n{out}")
check(PASSWORD not in out, "--check keeps the password")

# QRESYNC: what came and went between two visits.
a.cmd("pull")
for i in (201, 202, 203):
    deliver("keep", message(i))
c = login("keep")
c.select("INBOX")
c.store("*", "+FLAGS", "\\Deleted")
c.expunge()
c.logout()
done = a.cmd("pull", "keep")
check("vanished mailbox=INBOX messages=1" in done.stderr.decode() + done.stdout.decode(), f"vanished: {done.stdout} {done.stderr}")

# Another UIDVALIDITY: all again, and both captures stay.
before = digests(a)
for path in glob.glob(f"{dv.m}/srv/mail/keep/Maildir/dovecot*"):
    os.unlink(path)
time.sleep(1.1)
done = a.cmd("pull", "keep")
check("uidvalidity_changed" in done.stderr.decode() + done.stdout.decode(), f"uidvalidity: {done.stdout} {done.stderr}")
check(set(digests(a)) == set(before) and len(digests(a)) == 2 * len(before), "all of it twice")
a.verify()

# Several mailboxes, by name and by use; moved.
dv.fill("many", mail[:5])
dv.fill("many", mail[5:9], box="Entw&APw-rfe")
dv.fill("many", mail[9:12], box="Everything")
m = Archive(root, name="many", config={"top": section("many", "many", "starttls", mailboxes='{ INBOX, "Entwürfe", "\\\\All" }', after="move:Erledigt & weg")})
out = m.cmd("pull", "many").stdout.decode()
check("12 messages taken" in out, f"three mailboxes: {out}")
same(m, mail[:12], "three mailboxes")
files = [os.path.join(d, f) for d, _, names in os.walk(f"{dv.m}/srv/mail/many/Maildir") for f in names if d.endswith(("/cur", "/new"))]
check(len(files) == 12 and all("/.Erledigt &- weg/" in f for f in files), f"moved: {files}")
check("0 messages taken" in m.cmd("pull", "many").stdout.decode(), "nothing more to move")

# The service: delete, and IDLE.
dv.fill("idle", mail[:30])
dv.fill("watch", mail[:3])
b = Archive(root, port=2526, name="idle", config={"top": section("idle", "idle", after="delete", poll="3600") + section("watch", "watch", poll="3600")})
b.start()
wait_for("the first visit", lambda: not dv.messages("idle") and b.status()["entries"] >= 34)
for i in range(3):
    deliver("idle", message(300 + i))
    deliver("watch", message(400 + i))
    n = b.status()["entries"]
    wait_for("a new message by IDLE", lambda: b.status()["entries"] >= 36 + 2 * i)
wait_for("deleted by IDLE", lambda: not dv.messages("idle"))
got = json.loads(b.cmd("pull", "idle", "--format", "json").stdout)
check(got["taken"] == 0 and got["error"] is None, f"a pull while it waits: {got}")
accounts = lambda: {p["account"]: p for p in b.status()["pull"]}
# Entries of the log may be events: the counter of the account says when it is done.
wait_for("the last one of the watched mailbox", lambda: accounts()["watch"]["taken"] == 6)
pull = accounts()
check(pull["idle"]["deleted"] == 33 and pull["idle"]["failures"] == 0 and pull["watch"]["taken"] == 6, f"status: {pull}")
# The server goes, and comes again.
dv.stop()
wait_for("the failure is told", lambda: "event=pull_failed" in b.log_text())
dv.start()
b.stop()
check(PASSWORD not in b.log_text(), "the log")
b.verify()

# kill -9 of pull and receive while messages are pulled with delete: nothing
# lost, nothing twice.
count = 5000 if LONG else 1200
lot = [message(i, 200 + i % 3000) for i in range(count)]
dv.fill("killed", lot)
k = Archive(root, port=2527, name="killed", config={"top": section("killed", "killed", after="delete")})
random.seed(7)
kills = 0
while kills < 6:
    k.start()
    end = time.time() + random.uniform(0.2, 1.5) * (4 if SANITIZED else 1)
    while time.time() < end and dv.messages("killed"):
        time.sleep(0.01)
    victim = random.choice(("pull", "receive", "service"))
    if victim != "service":
        try:
            os.kill(k.workers()[victim], signal.SIGKILL)
        except (KeyError, ProcessLookupError, TypeError):
            pass
        time.sleep(0.3)
    k.service.kill()
    k.service.wait()
    kills += 1
k.start()
wait_for("the rest after the kills", lambda: not dv.messages("killed"))
k.stop()
got = digests(k)
check(got == sorted(sha256(crlf(x)) for x in lot), f"kill -9: {len(got)} archived of {count}, {len(set(got))} different")
k.verify()

# Tokens, as Dovecot's own OAuth 2.0 check takes them; by the client alone,
# since where they come from is tested elsewhere.
def token(seconds):
    def part(x):
        return base64.urlsafe_b64encode(x if isinstance(x, bytes) else json.dumps(x).encode()).rstrip(b"=")
    now = int(time.time())
    text = part({"alg": "HS256", "typ": "JWT"}) + b"." + part({"sub": "bearer", "iss": "https://idp.test.invalid", "scope": "mail",
                                                              "iat": now - 100, "nbf": now - 100, "exp": now + seconds})
    return text + b"." + part(hmac.new(KEY, text, "sha256").digest())


KEY = b"0123456789abcdef0123456789abcdef"
dv.stop()
os.makedirs(dv.m + "/srv/keys/default/HS256")
open(dv.m + "/srv/keys/default/HS256/default", "wb").write(base64.b64encode(KEY))
open(dv.m + "/srv/oauth2.conf.ext", "w").write(
    "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=/srv/keys/\nusername_attribute = sub\n"
    "issuers = https://idp.test.invalid\nscope = mail\n")
conf = open(dv.m + "/srv/dovecot.conf").read().replace("auth_mechanisms = plain login", "auth_mechanisms = plain login xoauth2 oauthbearer")
open(dv.m + "/srv/dovecot.conf", "w").write(
    conf.replace("passdb {", "passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = /srv/oauth2.conf.ext\n}\npassdb {", 1))
dv.start()
dv.fill("bearer", mail[:3])
for auth in ("xoauth2", "oauthbearer"):
    for good_token in (True, False):
        where = os.path.join(root, f"{auth}-{good_token}")
        os.mkdir(where)
        # The first one has expired: the client asks for another, once.
        open(where + "/token", "wb").write(token(-10))
        open(where + "/token.new", "wb").write(token(600 if good_token else -5))
        open(where + "/conf", "w").write(section("bearer", "bearer", auth=auth, password_file=where + "/token"))
        done = run(VISIT, where + "/conf", where, status=0 if good_token else 2)
        out = done.stdout.decode()
        check(out.count("secret ") == 2 and ("taken=3" in out if good_token else "failed config" in out and ("invalid_token" in out or "status 401" in out)),
              f"{auth} {good_token}: {out}")
        if good_token:
            got = [open(f, "rb").read() for f in glob.glob(where + "/INBOX.*") if not f.endswith(".json")]
            check(sorted(got) == sorted(crlf(x) for x in mail[:3]), f"{auth}: what came")

# How fast: one visit without the service, every message synced.
count = 10000 if not SANITIZED else 1000
dv.fill("fast", [message(i, 2000) for i in range(count)])
f = Archive(root, port=2528, name="fast", config={"top": section("fast", "fast")})
login("fast").select("INBOX")
f.start()
t = time.time()
wait_for("all pulled", lambda: f.status()["entries"] > count)
print(f"IMAP: {count} messages of 2 kB in {time.time() - t:.1f} s by the service, {count / (time.time() - t):.0f} a second", flush=True)
f.stop()
check(len(digests(f)) == count, "all of them")
dv.stop()
finish("imap_dovecot")
