#!/usr/bin/env python3
"""Tokens for pull accounts against a token endpoint of the tests: every grant,
login, status and revoke, rotation, failures, certificates; no secret anywhere
but in secrets/."""
import glob
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography.hazmat.primitives import serialization  # noqa: E402

import idp as provider  # noqa: E402
from kit import PATIENCE, SEALPOST, Archive, check, finish, one_line, workdir  # noqa: E402

PORT = 18443
URL = f"https://localhost:{PORT}"
SECRET = "sesame-7fJq2-open-9xKv4"
work = workdir()
os.mkdir(work + "/tls")
ca = provider.CA(work + "/tls")
idp = provider.Idp(*ca.issue("idp", "localhost"), PORT)
app_crt, app_key = ca.issue("app", "app.example", rsa_key=True)
old_crt, old_key = ca.issue("old", "app.example", days=(-20, -1), rsa_key=True)
svc_crt, svc_key = ca.issue("service", "service.example", rsa_key=True)
idp.clients = {"app": {"secret": SECRET}, "basic id+": {"secret": SECRET, "basic": True}, "cert": {"certificate": app_crt},
               "public": {}}
idp.services["robot@project.example"] = serialization.load_pem_private_key(open(svc_key, "rb").read(), None).public_key()
secret_file = ca.write("secret", SECRET.encode() + b"\n")
wrong_file = ca.write("wrong", b"wrong-secret-0123456789\n")
json_file = ca.write("google.json", json.dumps({
    "type": "service_account", "client_email": "robot@project.example", "private_key": open(svc_key).read(),
    "private_key_id": "k1", "token_uri": URL + "/token"}).encode())
everything = []  # all that the program ever printed


def section(name, *lines, ca_path=None, url=URL):
    return (f"pull {name} {{\nuser = user\nserver = localhost\nauth = xoauth2\ntoken_url = '{url}/token'\n"
            f"oauth_ca = {ca_path or ca.path}\nactive = false\nscopes = {{ mail }}\n" + "\n".join(lines) + "\n}\n")


SECRETLY = f"grant = client_credentials\nclient_id = app\nclient_secret_file = {secret_file}"
PERSON = f"client_id = app\nclient_secret_file = {secret_file}\nrevocation_url = '{URL}/revoke'"
sections = {
    "cc": [SECRETLY],
    "basic": ["grant = client_credentials", 'client_id = "basic id+"', f"client_secret_file = {secret_file}", "client_auth = basic"],
    "ps": ["grant = client_credentials", "client_id = cert", f"client_certificate = {app_crt}", f"client_key = {app_key}"],
    "rs": ["grant = client_credentials", "client_id = cert", f"client_certificate = {app_crt}", f"client_key = {app_key}", "assertion = RS256"],
    "otherkey": ["grant = client_credentials", "client_id = cert", f"client_certificate = {app_crt}", f"client_key = {svc_key}"],
    "oldcert": ["grant = client_credentials", "client_id = cert", f"client_certificate = {old_crt}", f"client_key = {old_key}"],
    "wrong": ["grant = client_credentials", "client_id = app", f"client_secret_file = {wrong_file}"],
    "nobody": ["grant = client_credentials", "client_id = nobody", f"client_secret_file = {secret_file}"],
    "google": ["grant = service_account", f"service_account_file = {json_file}"],
    "pem": ["grant = service_account", f"service_account_file = {svc_key}", "client_id = robot@project.example"],
    "badrobot": ["grant = service_account", f"service_account_file = {app_key}", "client_id = robot@project.example"],
    "device": ["grant = device_code", f"device_url = '{URL}/device'", PERSON],
    "public": ["grant = device_code", f"device_url = '{URL}/device'", "client_id = public"],
    "code": ["grant = authorization_code", f"authorization_url = '{URL}/authorize'", PERSON, "redirect_url = 'http://127.0.0.1/cb'"],
    "refresh": ["grant = refresh_token", PERSON],
}
a = Archive(work, config={"top": "\n".join(section(n, *o) for n, o in sections.items())})


def said(done):
    everything.append(done.stdout + done.stderr)
    return (done.stdout + done.stderr).decode(errors="replace")


def oauth(*args, status=0, **kw):
    done = a.cmd("oauth", *args, *(["--no-check"] if args[0] == "login" else []), status=status, **kw)
    text = said(done)
    if status != 0 and args[0] != "status":
        one_line(done, f"oauth {' '.join(args)}")
    return text


def forms(path="/token"):
    return [f for _, p, f in idp.asked if p == path]


def stored(name):
    return json.load(open(f"{a.dir}/secrets/{name}.token"))


def background(*args):
    p = subprocess.Popen([SEALPOST, "-A", a.dir, "oauth", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    p.text = b""

    def read():
        for line in p.stdout:
            p.text += line

    p.reader = threading.Thread(target=read)
    p.reader.start()
    return p


def ended(p, status):
    got = p.wait(timeout=PATIENCE)
    p.reader.join()
    everything.append(p.text)
    text = p.text.decode(errors="replace")
    check(got == status, f"{p.args[3:]}: exit status {got}, want {status}: {text}")
    return text


def wait_text(p, pattern):
    end = time.time() + PATIENCE
    while time.time() < end and p.poll() is None:
        m = re.search(pattern, p.text.decode(errors="replace"))
        if m:
            return m
        time.sleep(0.05)
    check(False, f"no {pattern} in {p.text}")
    return None


# ---- grants that need nobody
check("no section" in oauth("login", "nosuch", status=2), "an unknown account is named")
check(oauth("status", status=1).count("none yet") == len(sections), "status lists every account before anything was asked")
for name in ("cc", "basic", "ps", "rs", "google", "pem"):
    check("the provider gives tokens" in oauth("login", name), f"{name} gets a token")
    check("access token until" in oauth("status", name), f"{name}: status says until when")
check(forms()[0]["grant_type"] == "client_credentials" and forms()[0]["scope"] == "mail" and "client_secret" in forms()[0],
      f"secret by post: {forms()[0].keys()}")
check("client_secret" not in forms()[1] and "client_id" not in forms()[1], "with basic the secret is not in the form")
check(not os.path.exists(a.dir + "/secrets"), "nothing is stored without a login")

# ---- configuration errors: one clear line, what to do, no storm
for name, want in (("wrong", "invalid_client"), ("nobody", "unauthorized_client"), ("badrobot", "domain-wide delegation"),
                   ("otherkey", "do not belong together"), ("oldcert", "has expired")):
    before = len(idp.asked)
    check(want in oauth("login", name, status=2), f"{name}: {want}")
    check(len(idp.asked) - before <= 1, f"{name}: asked {len(idp.asked) - before} times")
    check("failed" in oauth("status", name, status=1), f"{name}: status shows the failure")
idp.echo = True
check("is not shown" in oauth("login", "wrong", status=2), "an answer that repeats the secret is not shown")
idp.echo = False
for mode, want in ((0o644, "chmod 600"), (0o600, None)):
    os.chmod(secret_file, mode)
    if want:
        check(want in oauth("login", "cc", status=2), "a secret that everybody can read is refused")

# ---- faults of the provider
for fault, want in (
        ((429, {"Retry-After": "77"}, b""), "HTTP status 429"),
        ((503, {}, b"<html>"), "HTTP status 503"),
        ((302, {"Location": URL + "/token"}, b""), "leads elsewhere"),
        ((200, {}, b"<html>"), "no JSON object"),
        ((200, {}, b'{"access_token":"x","token_type":"mac"}'), "not Bearer"),
        ((200, {}, b'{"access_token":"x y","token_type":"Bearer"}'), "bytes that no token has"),
        ((200, {}, b'{"access_token":"' + b"x" * 70000 + b'"}'), "more than 65536 bytes"),
        ((400, {}, b'{"error":"invalid_scope"}'), "invalid_scope")):
    idp.fail = [fault]
    text = oauth("login", "cc", status=2)
    check(want in text, f"{fault[0]} {fault[2][:40]}: {text}")
check(len([f for f in forms() if f.get("grant_type") == "authorization_code"]) == 0, "no redirect was followed")

# ---- certificates of the token endpoint
other = provider.CA(work + "/tls", "Other CA")
for port, (what, pair, want) in enumerate((
        ("expired", ca.issue("expired", "localhost", days=(-20, -1)), "expired"),
        ("wrongname", ca.issue("wrongname", "elsewhere.example"), "certificate of localhost"),
        ("selfsigned", other.issue("selfsigned", "localhost"), "certificate of localhost")), 18450):
    bad = provider.Idp(*pair, port)
    bad.clients = idp.clients
    sections[what] = True
    open(a.dir + "/sealpost.conf", "a").write(section(what, SECRETLY, url=f"https://localhost:{port}"))
    text = oauth("login", what, status=2)
    check(want in text and "nothing was sent" in text, f"{what}: {text}")
    check(not bad.asked, f"{what}: the secret was sent to {bad.asked}")
    bad.close()
open(a.dir + "/sealpost.conf", "a").write(section("gone", SECRETLY, url="https://localhost:18499"))
check("no answer from localhost" in oauth("login", "gone", status=2), "nobody listens")

# ---- device code
for name in ("device", "public"):
    idp.script = ["authorization_pending", "slow_down", "authorization_pending"]
    idp.asked.clear()
    text = oauth("login", name)
    times = [t for t, p, f in idp.asked if p == "/token"]
    check("WDJB-MJHT" in text and "https://idp.test.invalid/device" in text, f"the code is shown: {text}")
    check(len(times) == 4 and times[1] - times[0] < 3 and all(y - x > 5.5 for x, y in zip(times[1:], times[2:])),
          f"it asks each second, and 5 s slower after slow_down: {[y - x for x, y in zip(times, times[1:])]}")
    check(stored(name)["refresh_token"] in idp.users, "the refresh token is stored")
idp.script = ["access_denied"]
check("was refused" in oauth("login", "device", status=1), "the person says no")
idp.script = ["expired_token"]
check("not entered in time" in oauth("login", "device", status=1), "the code is too old")
check(stored("device")["refresh_token"] in idp.users, "a login that failed leaves the old one")
modes = {p: oct(os.stat(f"{a.dir}/{p}").st_mode & 0o777) for p in ("secrets", "secrets/device.token")}
check(modes == {"secrets": "0o700", "secrets/device.token": "0o600"}, f"modes {modes}")

# ---- authorization code, by the browser on this machine and by pasting
for paste in (False, True):
    p = background("login", "code", "--no-check")
    m = wait_text(p, r"(https://localhost:\S+/authorize\?\S+)")
    if m:
        q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(m.group(1)).query))
        check(q["code_challenge_method"] == "S256" and q["response_type"] == "code" and q["scope"] == "mail", f"{q}")
        check(re.fullmatch(r"http://127\.0\.0\.1:\d+/cb", q["redirect_uri"]), q["redirect_uri"])
        idp.codes["the/code+1"] = (q["code_challenge"], q["redirect_uri"], "user")
        back = q["redirect_uri"] + "?" + urllib.parse.urlencode({"code": "the/code+1", "state": q["state"]})
        for wrong in ("/favicon.ico", "/cb?code=stolen&state=guess"):
            try:
                urllib.request.urlopen(q["redirect_uri"].replace("/cb", wrong), timeout=PATIENCE)
                check(False, f"{wrong} was accepted")
            except urllib.error.HTTPError as e:
                check(e.code == 404, f"{wrong}: {e.code}")
        if paste:
            p.stdin.write(back.encode() + b"\n")
            p.stdin.flush()
        else:
            page = urllib.request.urlopen(back, timeout=PATIENCE).read()
            check(b"You can close this page" in page, page)
    ended(p, 0)
    check(stored("code")["refresh_token"] in idp.users, "code: stored")
p = background("login", "code", "--no-check")
m = wait_text(p, r"redirect_uri=(\S+?)&state=([^&\s]+)")
if m:
    urllib.request.urlopen(urllib.parse.unquote(m.group(1)) + f"?error=access_denied&state={m.group(2)}", timeout=PATIENCE)
check("access_denied" in ended(p, 1), "the person says no in the browser")

# ---- a token that somebody has; rotation
given = idp.new_refresh("user")
oauth("login", "refresh", data=given.encode() + b"\n")
check(given in idp.spent and stored("refresh")["refresh_token"] in idp.users, "it was tried, and the rotated one is stored")
check("invalid_grant" in oauth("login", "refresh", data=b"rt-nobody-knows-0123456789\n", status=1), "one that is not good")
check(stored("refresh")["refresh_token"] in idp.users, "a bad one does not replace the good one")
oauth("login", "refresh", data=b"\n", status=2)
idp.rotate = False
given = idp.new_refresh("user")
oauth("login", "refresh", data=given.encode() + b"\n")
check(stored("refresh")["refresh_token"] == given, "without rotation it is the one that was given")
idp.rotate = True

# ---- status and revoke
rows = [json.loads(line) for line in said(a.cmd("oauth", "status", "--format", "json", status=1)).splitlines()]
row = {r["account"]: r for r in rows}["device"]
check(row["grant"] == "device_code" and row["stored"] and row["needs_login"], f"{row}")
token = stored("refresh")["refresh_token"]
idp.fail = [(503, {}, b"")]
oauth("revoke", "refresh", status=2)
check(os.path.exists(a.dir + "/secrets/refresh.token"), "where the provider cannot be told, the token stays")
check("so have we" in oauth("revoke", "refresh"), "revoke")
check(token in idp.revoked and not os.path.exists(a.dir + "/secrets/refresh.token"), "gone on both sides")
check("no refresh token" in oauth("revoke", "refresh", status=2), "nothing to revoke")
check("run `sealpost oauth login refresh`" in oauth("status", "refresh", status=1), "status says what to do")

# ---- a token goes only to whom it came from
path = a.dir + "/secrets/public.token"
moved = dict(stored("public"), token_url="https://localhost:1/token")
open(path, "w").write(json.dumps(moved))
idp.asked.clear()
a.cmd("config", "check")

# ---- no secret anywhere
secret = {SECRET, "wrong-secret-0123456789", "dc-0123456789abcdef0123456789"} | idp.issued
for text in everything:
    for s in secret:
        check(s.encode() not in text, f"a secret was printed: {s[:8]}... in {text[:300]}")
for root, _, names in os.walk(a.dir):
    for n in names:
        f = os.path.join(root, n)
        if "/secrets/" in f or not os.path.isfile(f):
            continue
        data = open(f, "rb").read()
        for s in secret:
            check(s.encode() not in data, f"a secret is in {f}")
idp.close()
finish("oauth")
