"""OAuth all the way: tokens from a token endpoint of the tests, mail from a
real Dovecot that checks them by itself.  XOAUTH2 and OAUTHBEARER, tokens that
end during the run, wrong ones, and no secret where none belongs."""
import base64
import glob
import json
import os
import pwd
import re
import sys
import time

from cryptography.hazmat.primitives import serialization

import idp as provider
from dovecot import CONF, Authority, Dovecot
from kit import Archive, check, finish, message, wait_for, workdir

PORT = 18443
URL = f"https://localhost:{PORT}"
SECRET = "sesame-7fJq2-open-9xKv4"
PROTOCOLS = ("pop3", "imap")
root = workdir("1g")
os.chmod(root, 0o755)
os.mkdir(root + "/tls")
ca = provider.CA(root + "/tls", "Provider CA")
os.chmod(ca.path, 0o644)
idp = provider.Idp(*ca.issue("idp", "localhost"), PORT)
app_crt, app_key = ca.issue("app", "app.example", rsa_key=True)
svc_crt, svc_key = ca.issue("service", "service.example", rsa_key=True)
idp.clients = {"app": {"secret": SECRET}, "cert": {"certificate": app_crt}}
idp.services["robot@project.example"] = serialization.load_pem_private_key(open(svc_key, "rb").read(), None).public_key()
secret_file = ca.write("secret", SECRET.encode() + b"\n")  # root's, 0600
json_file = ca.write("google.json", json.dumps({
    "type": "service_account", "client_email": "robot@project.example", "private_key": open(svc_key).read(),
    "private_key_id": "k1", "token_uri": URL + "/token"}).encode())

mail_ca = Authority(root, "Mail CA")
certificate, _, _ = mail_ca.server("mail", "localhost")
os.mkdir(root + "/dovecot")
conf = CONF.replace("auth_mechanisms = plain login", "auth_mechanisms = plain login xoauth2 oauthbearer").replace(
    "passdb {\n  driver = static", "passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n"
    "  args = /srv/oauth2.conf.ext\n}\npassdb {\n  driver = static\n  mechanisms = plain login")


class OAuthDovecot(Dovecot):
    def start(self):
        keys = self.m + "/srv/keys/default/HS256"
        os.makedirs(keys, exist_ok=True)
        open(keys + "/default", "w").write(base64.b64encode(idp.secret).decode())
        open(self.m + "/srv/oauth2.conf.ext", "w").write(
            "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=/srv/keys/\n"
            f"username_attribute = sub\nissuers = {provider.ISSUER}\nscope = mail\n")
        super().start()


# Else each refused token makes Dovecot answer this address later, up to 15 s:
# longer than the tokens of the test live.
conf += "service anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n"
dv = OAuthDovecot(root + "/dovecot", sys.argv[1], certificate, conf)
GRANTS = {
    "cc": f"grant = client_credentials\nclient_id = app\nclient_secret_file = {secret_file}\nparameters = {{ \"user=%s\" }}\n",
    "cert": f"grant = client_credentials\nclient_id = cert\nclient_certificate = {app_crt}\nclient_key = {app_key}\n"
            "parameters = { \"user=%s\" }\n",
    "svc": f"grant = service_account\nservice_account_file = {json_file}\n",
    "ref": f"grant = refresh_token\nclient_id = app\nclient_secret_file = {secret_file}\n",
}


def section(name, protocol, auth, grant):
    return (f"pull {name} {{\n\ttype = {protocol}\n\tserver = localhost\n\tport = {10995 if protocol == 'pop3' else 10993}\n"
            f"\tuser = {name}\n\tca = {mail_ca.path}\n\tauth = {auth}\n\tpoll = 1\n\tidle = false\n\toauth_ca = {ca.path}\n"
            f"\ttoken_url = \"{URL}/token\"\n\tscopes = {{ mail }}\n{GRANTS[grant].replace('%s', name)}}}\n")


accounts = {f"{p}-{m[:2]}-{g}": (p, m, g) for p in PROTOCOLS for m, g in
            (("xoauth2", "cc"), ("oauthbearer", "cc"), ("xoauth2", "cert"), ("oauthbearer", "svc"), ("xoauth2", "ref"))}
everything = []


def said(done):
    everything.append(done.stdout + done.stderr)
    return (done.stdout + done.stderr).decode(errors="replace")


def forms():
    return [f for _, p, f in idp.asked if p == "/token"]


# The archive is another account's; the secrets' files are root's.
owner = pwd.getpwnam("mail")
a = Archive(root, init=("--user", "mail"),
            config={"top": "".join(section(n, *o) for n, o in accounts.items())})
for name in accounts:
    dv.fill(name, [message(i) for i in range(5)])

# ---- login, which tries the mailbox, too
for name, (_, _, grant) in accounts.items():
    data = idp.new_refresh(name).encode() + b"\n" if grant == "ref" else None
    text = said(a.cmd("oauth", "login", name, data=data))
    check("as " + name in text or "login" in text, f"{name}: login and check: {text}")
    if grant == "ref":
        st = os.stat(f"{a.dir}/secrets/{name}.token")
        check((st.st_uid, st.st_mode & 0o777) == (owner.pw_uid, 0o600), f"{name}.token: {st}")

# ---- by hand
first = next(iter(accounts))
text = said(a.cmd("pull", "--once", first))
check("5 messages taken" in text, f"by hand: {text}")

# ---- in the service; tokens end while it runs
idp.life = 62  # asked for again after 2 s
idp.asked.clear()
a.start()
wait_for("all the mail", lambda: a.status()["messages"] >= 5 * len(accounts))
for name in accounts:
    dv.fill(name, [message(100)])
wait_for("new mail", lambda: a.status()["messages"] >= 6 * len(accounts))
time.sleep(4)
for name in accounts:
    dv.fill(name, [message(101)])
wait_for("mail after the first tokens ended", lambda: a.status()["messages"] >= 7 * len(accounts))
asked = [f for f in forms() if f.get("user") == first]
check(2 <= len(asked) <= 12, f"{first}: {len(asked)} tokens were asked for")
check(a.events("alarm") == [], f"alarms: {a.events('alarm')}")

# ---- a token that ends earlier than expires_in says: one fresh one, no failure
idp.life, idp.true_life = 3600, 12
time.sleep(4)
for name in accounts:
    dv.fill(name, [message(102)])
wait_for("mail with tokens that lie", lambda: a.status()["messages"] >= 8 * len(accounts))
time.sleep(13)
for name in accounts:
    dv.fill(name, [message(103)])
wait_for("again", lambda: a.status()["messages"] >= 9 * len(accounts))
check("event=pull_failed" not in a.log_text(), f"{[t for t in a.log_text().splitlines() if 'pull_failed' in t][:3]}")
idp.true_life = None

# ---- the processes: no core, nothing in the command lines
pull = a.workers()["pull"]
limits = open(f"/proc/{pull}/limits").read()
check(re.search(r"Max core file size\s+0\s+0\s", limits), "the pull worker leaves no core")
lines = b""
for f in glob.glob("/proc/[0-9]*/cmdline") + [f"/proc/{p}/environ" for p in [a.service.pid, *a.workers().values()]]:
    try:
        lines += open(f, "rb").read()
    except (FileNotFoundError, ProcessLookupError):
        pass  # it ended meanwhile
check(b"serve" in lines, "the command lines were read")
everything.append(said(a.cmd("status", status=None)).encode())
everything.append(said(a.cmd("oauth", "status", status=None)).encode())
everything.append(a.log_text().encode())
a.stop()


# ---- refused for good: one fresh token, then an alarm and a rest
def broken(name, want, least=800):
    idp.asked.clear()
    a.start()
    line = wait_for(f"{name} fails", lambda: [t for t in a.log_text().splitlines() if f"pull_failed worker=pull account={name} " in t])
    line = line[0] if line else ""
    check("reason=config" in line and want in line, f"{name}: {line}")
    rest = int(line.split("next_s=")[1].split()[0]) if "next_s=" in line else 0
    check(rest >= least, f"{name} rests for {rest} s")
    time.sleep(3)
    check(any(name in str(e) for e in a.events("alarm")), f"{name}: no alarm")
    everything.append(a.log_text().encode())
    a.stop()


idp.sub = "somebody-else"
broken(first, "two tokens were refused, one of them fresh")
check(len([f for f in forms() if f.get("user") == first]) == 2, "one token, and one fresh one")
idp.sub = None
idp.scope = "calendar"
broken(first, "refused")
idp.scope = "mail"
idp.clients["app"]["secret"] = "another"
broken(first, "invalid_client")
check(len([f for f in forms() if f.get("user") == first]) == 1, "a wrong secret is tried once")
idp.clients["app"]["secret"] = SECRET
reference = next(n for n, o in accounts.items() if o[2] == "ref")
idp.users.clear()
broken(reference, f"sealpost oauth login {reference}")

# ---- a login while the service rests: the next visit works
a.start()
wait_for("it fails", lambda: f"pull_failed worker=pull account={reference} " in a.log_text())
said(a.cmd("oauth", "login", reference, data=idp.new_refresh(reference).encode() + b"\n"))
before = a.status()["messages"]
dv.fill(reference, [message(104)])
said(a.cmd("pull", reference))
check(a.status()["messages"] == before + 1, "after a new login it goes on without a restart")
everything.append(a.log_text().encode())
a.stop()

# ---- no secret anywhere but in secrets/
secret = {SECRET} | idp.issued
text = b"\n".join(everything) + lines
for s in secret:
    check(s.encode() not in text, f"a secret was shown: {s[:12]}...")
    check(base64.b64encode(s.encode())[4:-4] not in text, f"a secret was shown in base64: {s[:12]}...")
for path, _, names in os.walk(a.dir):
    for n in names:
        f = os.path.join(path, n)
        if "/secrets/" in f or not os.path.isfile(f):
            continue
        data = open(f, "rb").read()
        check(not any(s.encode() in data for s in secret), f"a secret is in {f}")
a.verify()
dv.stop()
idp.close()
finish("oauth_mail")
