"""POP3 servers that do what servers do: each trap of the protocol, played by a
small server of the test (fake_pop3.py), against the built program."""
import base64
import json
import os
import socket
import threading

from fake_pop3 import CAPA, Fake, archive, archived, pull, root, secret, want
from kit import Archive, check, finish, message, run, workdir

three = [message(i) for i in range(3)]

# Dots, no line end that is CR LF, NUL; every reply a byte at a time.
odd = [b".\r\n..\r\n.a\r\n", b"a\n.\r\nb\r\n", b"\r\n", b"", b"nul\0\r\n.\r\n", b"a\r.\r\r\n"]
f = Fake(odd, dribble=True)
a = archive(f)
got, _ = pull(a)
check(got["taken"] == len(odd) and archived(a) == want(*odd), f"odd bytes: {got}")

# The same UIDL twice in one listing: two messages, also when the first session breaks between them.
f = Fake([three[0], three[0], three[1]], ["same", "same", "x"], capa=[c for c in CAPA if c != "PIPELINING"], cut=2)
a = archive(f, after="delete")
got, err = pull(a)
check("closed the connection" in err, f"cut in RETR: {got} {err}")
check(len(f.sessions) > 1 and not any("DELE" in c for c in f.sessions[0]), "nothing is deleted in a session that broke")
check(got["taken"] == 3 and got["deleted"] == 3 and archived(a) == want(three[0], three[0], three[1]) and f.mail == [], f"the same UIDL twice: {got}")

# Two messages of one UIDL, and only the second can be had: the first is not taken for it.
for after in ("keep", "delete"):
    f = Fake(three, ["same", "same", "x"], lost=(0,), quit=["-ERR not now"])
    a = archive(f, after=after)
    pull(a, 1)
    f.m.pop("lost")
    pull(a)
    pull(a)
    check(archived(a) == want(*three) and len(f.mail) == (3 if after == "keep" else 0), f"different messages of one UIDL, {after}: {len(archived(a))} archived, {len(f.mail)} left")

# They are fetched at every visit; that does not keep others waiting, and is forgotten at no time.
f = Fake([three[0]] * 4 + three[1:], ["same"] * 4 + ["x", "y"])
a = archive(f, session_messages=2)
for _ in range(6):
    pull(a)
check(archived(a) == want(*([three[0]] * 4 + three[1:])), f"a session's limit and equal UIDLs: {len(archived(a))}")
out = a.cmd("reconcile", "p", status=None)
check("4 of its messages" in out.stderr.decode(), f"reconcile with equal UIDLs: {out.stdout} {out.stderr}")

# A section that names another mailbox now, whose messages have the same names: nothing of it is known.
for change in (('user = "u"', 'user = "v"'), ('server = "127.0.0.1"', 'server = "127.0.0.2"')):
    f = Fake(three[:1], ["1"])
    a = archive(f, after="keep")
    pull(a)
    f.mail = [three[1]]
    conf = os.path.join(a.dir, "sealpost.conf")
    text = open(conf).read()
    check(change[0] in text and 'after = "keep"' in text, "the section is as it was written")
    open(conf, "w").write(text.replace(*change).replace('after = "keep"', 'after = "delete"'))
    got, _ = pull(a)
    check(got["taken"] == 1 and f.mail == [] and archived(a) == want(*three[:2]), f"another mailbox by {change}: {got}")

# QUIT is refused, or the connection goes: the next session deletes, nothing is taken twice.
for quit in ("-ERR some deleted messages not removed", None):
    f = Fake(three, quit=[quit])
    a = archive(f, after="delete")
    got, err = pull(a, 1 if quit is None else 0)
    check(len(f.mail) == 3 and got["taken"] == 3 and got["deleted"] == 0, f"QUIT {quit}: {got} {err}")
    got, _ = pull(a)
    check(f.mail == [] and got["taken"] == 0 and got["deleted"] == 3 and archived(a) == want(*three), f"after QUIT {quit}: {got}")

# DELE is lost: the server says yes and does nothing.
f = Fake(three)
f.session_of = f.session
a = archive(f, after="delete")
pull(a)
f.mail, f.uids = list(three), ["u0", "u1", "u2"]
got, _ = pull(a)
check(archived(a) == want(*(three + three)), "a UIDL that comes back after it was deleted is a new message")

# No UIDL: refused with keep; with delete known by its bytes.
f = Fake(three + [three[0]], no={"UIDL": "-ERR what"})
a = archive(f)
got, _ = pull(a, 1)
check("no UIDL" in got["error"] and "after = delete" in got["error"], f"no UIDL: {got}")
a = archive(f, after="delete")
f.m["quit"] = [None]
pull(a, 1)
got, _ = pull(a)
check(got["taken"] == 0 and got["deleted"] == 4 and archived(a) == want(*three, three[0]), f"no UIDL, delete: {got}")

# Sessions have a limit.
f = Fake([message(i) for i in range(25)])
a = archive(f, after="delete", session_messages=10)
got, _ = pull(a)
check(got["taken"] == 25 and got["deleted"] == 25 and len(f.sessions) == 3, f"sessions: {got} {len(f.sessions)}")

# A message that the server does not give is asked for again; the others come.
f = Fake(three, lost={1})
a = archive(f, after="delete")
got, err = pull(a, 1)
check(got["taken"] == 2 and got["deleted"] == 2 and got["doubtful"] == 1 and "does not give message 2" in err, f"lost: {got} {err}")
f.m["lost"] = ()
got, _ = pull(a)
check(got["taken"] == 1 and archived(a) == want(*three), f"given later: {got}")

# One that is too large stays, whether LIST told or not.
big = message(9, 5000)
for lie in (False, True):
    f = Fake([three[0], big], no={"LIST": "-ERR what"} if lie else {})
    a = archive(f, after="delete", max_message=2000)
    got, err = pull(a, 1)
    check(got["taken"] == 1 and got["skipped"] == 1 and len(f.mail) == 1 and "was not taken" in err, f"too large: {got} {err}")

# So stays each of several without a UIDL, and each is named.
for m in ({"no": {"UIDL": "-ERR what"}}, {"uidl": {1: None, 2: None}}):
    f = Fake([three[0], big, message(8, 6000)], **m)
    got, err = pull(archive(f, after="delete", max_message=2000), 1)
    check(got["taken"] == 1 and got["skipped"] == 2 and len(f.mail) == 2 and err.count("was not taken") == 2, f"two too large, {m}: {got} {err}")

# A password may be as long as its file; the server gets all of it.
long = os.path.join(root, "long")
for n in (65535, 65536):
    open(long, "w").write("x" * n)
    os.chmod(long, 0o600)
    f = Fake(three)
    got, err = pull(archive(f, password_file=long))
    check(got["taken"] == 3 and f"PASS {'x' * n}" in f.sessions[0], f"a password of {n} bytes: {got} {err}")
    got, err = pull(archive(Fake(three), password_file=long, auth="plain"), 1)
    check("too long" in got["error"], f"a password of {n} bytes by SASL: {got} {err}")

# What a refusal means, and what is done about it.
for reply, where, text in (("-ERR [IN-USE] locked", "PASS", "somebody else has the mailbox open"), ("-ERR [LOGIN-DELAY] wait", "PASS", "longer poll interval"),
                           ("-ERR [AUTH] no", "PASS", "user or password are wrong"), ("-ERR [SYS/TEMP] later", "PASS", "will pass"),
                           ("-ERR [SYS/PERM] broken", "STAT", "administrator must mend"), ("-ERR no", "PASS", "may be in use"),
                           ("-ERR [AUTH] no", "USER", "user or password are wrong"), ("-ERR no such: PASS secret-1", "PASS", "repeats the password")):
    f = Fake(three, no={where: reply})
    a = archive(f)
    got, _ = pull(a, 1)
    check(text in got["error"] and f"127.0.0.1:{f.port}" in got["error"], f"{reply}: {got}")
for greeting, text in (("-ERR [IN-USE] busy", "somebody else"), ("* OK IMAP4rev1", "no POP3 reply"), ("+OK " + "x" * 9000, "more than")):
    got, _ = pull(archive(Fake(three, greeting=greeting)), 1)
    check(text in got["error"], f"greeting {greeting[:20]}: {got}")
for junk in ({"UIDL": "+OK\r\nx\r\n."}, {"UIDL": "+OK\r\n99999999999 u\r\n."}, {"STAT": "+OK many"}, {"LIST": "+OK\r\nx\r\n."}, {"STAT": "+OK 99999999999 1"}):
    got, _ = pull(archive(Fake(three, no=junk)), 1)
    check("no line of it" in got["error"], f"{junk}: {got}")

# A message that only UIDL announces is asked for.
f = Fake(three, no={"UIDL": "+OK\r\n1 u\r\n2 v\r\n3 w\r\n9 x\r\n."})
got, err = pull(archive(f), 1)
check(got["taken"] == 3 and got["there"] == 4 and "UIDL x is NOT captured" in err, f"UIDL only: {got} {err}")

# UTF8 goes before the login; capabilities are asked for again after it.
f = Fake(three)
pull(archive(f))
words = [c.split(" ")[0] for c in f.sessions[0]]
check(words[:6] == ["CAPA", "UTF8", "USER", "PASS", "CAPA", "STAT"], f"order: {words}")
# A server without CAPA is spoken to plainly.
f = Fake(three, capa=None)
got, _ = pull(archive(f))
check(got["taken"] == 3, f"no CAPA: {got}")

# SASL: never on the command line of AUTH; both flows of a refused token.
f = Fake(three)
got, _ = pull(archive(f, auth="plain"))
check(f.sessions[0][2:4] == ["AUTH PLAIN", base64.b64encode(b"\0u\0secret-1").decode()], f"PLAIN: {f.sessions[0]}")
for auth, dummy in (("xoauth2", ""), ("oauthbearer", "AQ==")):
    bad = base64.b64encode(b'{"status":"invalid_token","scope":"mail"}').decode()
    f = Fake(three, auth=[f"+ {bad}", "-ERR no"])
    a = archive(f, auth=auth)
    got, _ = pull(a, 1)
    check("the token is refused (status invalid_token" in got["error"] and len(f.sessions) == 2, f"{auth}: {got} {len(f.sessions)}")
    check(f.sessions[0][2] == f"AUTH {auth.upper()}" and f.sessions[0][4] == dummy, f"{auth}: {f.sessions[0]}")

# STLS that is refused, and bytes smuggled in before the handshake: no login.
f = Fake(three)
got, _ = pull(archive(f, security="starttls", server="127.0.0.1"), 1)
check("does not do STLS" in got["error"] and not any(c.startswith(("USER", "AUTH")) for c in f.sessions[0]), f"no STLS: {got} {f.sessions}")
f = Fake(three, capa=CAPA + ["STLS"], no={"STLS": "+OK go\r\n+OK injected"})
got, _ = pull(archive(f, security="starttls"), 1)
check("before the TLS handshake" in got["error"] and not any(c.startswith(("USER", "AUTH")) for c in f.sessions[0]), f"injected: {got} {f.sessions}")

# A server that says nothing; one that is not there; a name that is none.
hang = socket.create_server(("127.0.0.1", 0))
f = Fake(three)
f.port = hang.getsockname()[1]
got, _ = pull(archive(f, timeout="1"), 1)
check("no answer for 1 s" in got["error"], f"hang: {got}")
hang.close()
got, _ = pull(archive(f, timeout="1"), 1)
check("cannot connect" in got["error"] and "refused" in got["error"], f"nobody there: {got}")
got, _ = pull(archive(f, server="nowhere.invalid", insecure_plaintext="true"), 1)
check("name not resolved" in got["error"], f"no name: {got}")


# A proxy that leads there, and one that does not.
def proxy(answer, target):
    s = socket.create_server(("127.0.0.1", 0))

    def serve():
        c, _ = s.accept()
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += c.recv(4096)
        c.sendall(answer)
        check(asked.startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % target), f"proxy: {asked}")
        if answer.startswith(b"HTTP/1.1 200"):
            up = socket.create_connection(("127.0.0.1", target))

            def copy(x, y):
                try:
                    while (data := x.recv(65536)):
                        y.sendall(data)
                    y.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            threading.Thread(target=copy, args=(up, c), daemon=True).start()
            copy(c, up)
    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{s.getsockname()[1]}"


f = Fake(three)
got, _ = pull(archive(f, proxy=proxy(b"HTTP/1.1 200 fine\r\nX: y\r\n\r\n", f.port)))
check(got["taken"] == 3, f"proxy: {got}")
got, _ = pull(archive(f, proxy=proxy(b"HTTP/1.1 403 no\r\n\r\n", f.port)), 1)
check("does not lead to" in got["error"] and "403" in got["error"], f"proxy: {got}")

# The disk is full in the middle: what is durable is deleted, the rest stays, and comes later.
small = workdir("4m")
f = Fake([message(i, 60000) for i in range(120)])
Fake.number += 1
a = Archive(small, name="full", config={"top": f"""disk_reserve = 0
pull p {{
	server = 127.0.0.1
	port = {f.port}
	user = u
	security = none
	password_file = "{secret}"
	after = delete
	session_messages = 20
}}
"""})
everything = list(f.mail)
done = a.cmd("pull", "p", "--format", "json", status=1)
got = json.loads(done.stdout)
check(0 < got["taken"] < 120 and "space" in got["error"], f"disk full: {got}")
run("mount", "-o", "remount,size=64m", small)
got, _ = pull(a)
check(f.mail == [] and archived(a) == want(*everything), f"after the disk grew: {got}, {len(f.mail)} left, {len(archived(a))} archived")
finish("pull_fake")
