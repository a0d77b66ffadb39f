#!/usr/bin/env python3
"""The token source over time: cache, renewal, one request at a time, back-off,
and a refresh token that is rotated while the disk fails or the process dies."""
import hashlib
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import idp as provider  # noqa: E402
from kit import BUILD, PATIENCE, Archive, check, finish, workdir  # noqa: E402

MAIN = os.path.join(BUILD, "tests", "oauth", "oauth_main")
PORT = 18443
URL = f"https://localhost:{PORT}"
work = workdir()
os.mkdir(work + "/tls")
ca = provider.CA(work + "/tls")
idp = provider.Idp(*ca.issue("idp", "localhost"), PORT)
idp.clients = {"app": {"secret": "sesame-7fJq2-open-9xKv4"}}
secret = ca.write("secret", b"sesame-7fJq2-open-9xKv4\n")
COMMON = (f"user = user\nserver = localhost\nauth = xoauth2\ntoken_url = '{URL}/token'\noauth_ca = {ca.path}\nactive = false\n"
          f"client_id = app\nclient_secret_file = {secret}\n")
a = Archive(work, config={"top": f"pull cc {{\n{COMMON}grant = client_credentials\n}}\npull r {{\n{COMMON}grant = refresh_token\n}}\n"})


class Source:
    """oauth_main, one command a line."""

    def __init__(self, account, fault=None):
        env = dict(os.environ, **({"SP_FAULT": fault} if fault else {}))
        self.p = subprocess.Popen([MAIN, a.dir + "/sealpost.conf", a.dir, account], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)

    def do(self, command):
        """(first word, rest); ("", "") if it died."""
        try:
            self.p.stdin.write(command + "\n")
            self.p.stdin.flush()
        except BrokenPipeError:
            return "", ""
        word, _, rest = self.p.stdout.readline().rstrip("\n").partition(" ")
        return word, rest

    def end(self):
        _, err = self.p.communicate(timeout=PATIENCE)
        check("Sanitizer" not in err and "runtime error" not in err, err)
        return self.p.returncode


def asked():
    return len(idp.asked)


def is_token(hex_):
    return hex_ in {hashlib.sha256(t.encode()).hexdigest() for t in idp.issued}


def login(token=None):
    token = token or idp.new_refresh("user")
    a.cmd("oauth", "login", "--no-check", "r", data=token.encode() + b"\n")


def stored():
    return json.load(open(a.dir + "/secrets/r.token"))["refresh_token"]


# ---- the cache
s = Source("cc")
first = s.do("get")
check(first[0] == "ok" and is_token(first[1]), f"{first}")
check(s.do("get") == first and asked() == 1, "the second comes from memory")
again = s.do("again")
check(again[0] == "ok" and again != first and asked() == 2, "a refused token is replaced")
check(s.do("get") == again and asked() == 2, "and the new one is kept")
s.end()
idp.life = 63  # renewed when 60 s are left
s = Source("cc")
one = s.do("get")
check(s.do("get") == one, "still fresh")
time.sleep(3.5)
idp.fail = [(503, {}, b"")]
before = asked()
check(s.do("get") == one and asked() == before + 1, "while a new one cannot be had the old one is used")
check(s.do("get") == one and asked() == before + 1, "and the provider is left alone for a while")
s.end()
s = Source("cc")
one = s.do("get")
time.sleep(3.5)
two = s.do("get")
check(two[0] == "ok" and two != one, "renewed before it ends")
s.end()
idp.life = 5
s = Source("cc")
check(s.do("get") != s.do("get"), "a token that lives less than a minute is not kept")
s.end()
idp.life = 3600
s = Source("cc")
before = asked()
check(s.do("threads") == ("ok", "8") and asked() == before + 1, "eight threads, one request")
s.end()

# ---- failures are remembered
for answer, code, least, most in (
        ((429, {"Retry-After": "77"}, b""), "again", 75, 77),
        ((503, {}, b""), "again", 9, 10),
        ((400, {}, b'{"error":"invalid_client"}'), "config", 890, 900)):
    s = Source("cc")
    idp.fail = [answer]
    before = asked()
    got = [s.do("get"), s.do("get"), s.do("again")]
    check(all(g[0] == code for g in got), f"{answer}: {got}")
    check(asked() == before + 1, f"{answer}: {asked() - before} requests")
    wait = int(s.do("wait")[1])
    check(least <= wait <= most, f"{answer}: wait {wait}")
    s.end()

# ---- refresh tokens
s = Source("r")
check(s.do("get")[0] == "perm" and "oauth login r" in s.do("get")[1], "nobody logged in yet")
login()
before = stored()
got = s.do("get")
check(got[0] == "ok" and is_token(got[1]), f"a login is noticed without a restart: {got}")
check(stored() != before and before in idp.spent and stored() in idp.users, "the rotated one is stored")
idp.users.clear()
before = asked()
got = [s.do("again"), s.do("again"), s.do("get")]
check([g[0] for g in got] == ["perm"] * 3 and asked() == before + 1, f"a refused refresh token is tried once: {got}")
login()
check(s.do("get")[0] == "ok", "and a new login helps at once")
s.end()
moved = json.load(open(a.dir + "/secrets/r.token"))
for member in ("token_url", "client_id", "user"):
    open(a.dir + "/secrets/r.token", "w").write(json.dumps(dict(moved, **{member: "another"})))
    s = Source("r")
    before = asked()
    got = s.do("get")
    check(got[0] == "perm" and "belongs to another" in got[1] and asked() == before, f"{member}: {got}")
    s.end()
open(a.dir + "/secrets/r.token", "w").write("{\"v\":1,\"refresh_token\":\"rt-cut")
s = Source("r")
got = s.do("get")
check(got[0] == "format" and "rt-cut" not in got[1], f"a damaged file: {got}")
s.end()

# ---- two processes never spend the same token: reuse would end the login
login()
sources = [Source("r") for _ in range(4)]
for _ in range(3):
    for s in sources:
        s.p.stdin.write("again\n")
        s.p.stdin.flush()
    got = [s.p.stdout.readline().split()[0] for s in sources]
    check(got == ["ok"] * 4, f"four processes: {got}")
for s in sources:
    s.end()

# ---- the disk fails at every call: nothing that came is lost
for kind in ("enospc", "eio"):
    n = fired = 0
    while True:
        n += 1
        login()
        before = asked()
        s = Source("r", f"{kind}:{n}")
        got = s.do("get")
        if got[0] != "ok":
            fired += 1
            check(got[0] in ("nospace", "io", "sync"), f"{kind}:{n}: {got}")
            old = asked()
            got = s.do("get")
            check(got[0] == "ok", f"{kind}:{n}: the next try is {got}")
            check(asked() == max(old, before + 1), f"{kind}:{n}: {asked() - before} requests")
        check(is_token(got[1]) and stored() in idp.users, f"{kind}:{n}: what is stored is not good")
        s.end()
        if n > 40:
            break
    check(fired >= 6, f"{kind} fired {fired} times")

# ---- the process dies at every call: the file is whole, and no token that
# was stored is lost; only the one that came in the very answer can be
lost = n = 0
while n < 40:
    n += 1
    login()
    before, old = asked(), stored()
    s = Source("r", f"crash:{n}")
    died = s.do("get")[0] == ""
    s.end()
    if not died:
        check(stored() in idp.users, "the end of the crashes")
        continue
    now = stored()
    check(now in idp.users or (asked() > before and now == old), f"crash:{n}: the stored token is neither old nor new")
    gone = now in idp.spent
    s = Source("r")
    got = s.do("get")
    if gone:
        lost += 1
        check(got[0] == "perm" and "oauth login r" in got[1], f"crash:{n}: {got}")
        idp.spent.discard(now)
    else:
        check(got[0] == "ok", f"crash:{n}: {got}")
    s.end()
check(0 < lost <= 4, f"{lost} crashes lost the token of an answer that was not stored yet")
print(f"crash: {lost} places where the answer's token is lost")
idp.close()
finish("oauth_renew")
