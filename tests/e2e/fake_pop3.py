"""A POP3 server of the tests that has manners: each is a member of `m`, and what
they do stands in Fake.  pull_fake.py and pull_manners.py import it."""
import json
import os
import socket
import threading

from kit import Archive, check, message, run, sha256, workdir

root = workdir("512m")
secret = os.path.join(root, "password")
open(secret, "w").write("secret-1\n")
os.chmod(secret, 0o600)
CAPA = ["TOP", "UIDL", "PIPELINING", "UTF8", "USER", "RESP-CODES", "AUTH-RESP-CODE"]


def stuffed(data):
    """What goes over the wire (RFC 1939 section 3), without the dot that ends it."""
    return (b"." + data if data.startswith(b".") else data).replace(b"\r\n.", b"\r\n..")


class Fake:
    """A mailbox and its manners; one session at a time.

    greeting TEXT, no {COMMAND: reply}, auth [reply], quit reply or [reply]
    dribble         every reply a byte at a time
    cut N           the connection goes in the middle of the Nth RETR, once
    lost {i}        -ERR, or refusal TEXT, to RETR
    closes {i}      the connection goes at RETR of i, always
    garbles {i}     what comes at RETR of i is no reply
    gives {i: bytes or [bytes, ...]}  another content than the mailbox has, the last one from then on
    unstuffed       dots are not doubled
    announces {i: text}  the size in LIST; or a function of the message for all
    uidl {i: text or None}  the line of UIDL instead of "N uid", N: its number; None: none
    octets          "+OK 120 octets" to RETR
    endless {i}     RETR of i never ends
    stat F          F(mail): the reply to STAT
    between BYTES   behind each message
    renames         other UIDLs in every session
    """
    number = 0

    def __init__(self, mail=(), uids=None, capa=CAPA, **manners):
        self.mail = list(mail)
        self.uids = list(uids) if uids is not None else [f"u{i}" for i in range(len(self.mail))]
        self.capa = capa
        self.m = manners
        self.places = list(range(len(self.mail)))  # where each was at first: what manners name
        self.sessions = []  # the commands of each
        self.server = socket.create_server(("", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            s, _ = self.server.accept()
            self.sessions.append([])
            try:
                with s, s.makefile("rb") as f:
                    self.session(s, f)
            except (OSError, EOFError):
                pass

    def say(self, s, text):
        data = text if isinstance(text, bytes) else text.encode()
        if self.m.get("dribble"):
            for i in range(len(data)):
                s.sendall(data[i:i + 1])
            s.sendall(b"\r\n")
        else:
            s.sendall(data + b"\r\n")

    def listing(self, s, lines):
        self.say(s, "+OK")
        for line in lines:
            self.say(s, line)
        self.say(s, ".")

    def session(self, s, f):
        log, dele, n = self.sessions[-1], set(), 0
        if len(self.places) != len(self.mail):
            self.places = list(range(len(self.mail)))
        if self.m.get("renames"):
            self.uids = [f"s{len(self.sessions)}-{i}" for i in range(len(self.mail))]
        self.say(s, self.m.get("greeting", "+OK ready <1@fake>"))
        while True:
            line = f.readline()
            if not line:
                raise EOFError
            line = line.decode("latin-1").rstrip("\r\n")
            log.append(line)
            word = line.split(" ")[0].upper()
            arg = line[len(word) + 1:]
            if word in self.m.get("no", {}):
                self.say(s, self.m["no"][word])
            elif word == "CAPA":
                self.listing(s, self.capa) if self.capa is not None else self.say(s, "-ERR what")
            elif word == "AUTH":
                self.say(s, "+ ")
                log.append(f.readline().decode().rstrip("\r\n"))
                for reply in self.m.get("auth", ["+OK in"]):
                    self.say(s, reply)
                    if reply.startswith("+ "):
                        log.append(f.readline().decode().rstrip("\r\n"))
            elif word in ("USER", "PASS", "UTF8", "NOOP", "RSET"):
                self.say(s, "+OK")
            elif word == "STAT":
                self.say(s, self.m["stat"](self.mail) if "stat" in self.m else f"+OK {len(self.mail)} {sum(map(len, self.mail))}")
            elif word == "UIDL":
                lines = [self.m.get("uidl", {}).get(self.places[i], "N " + u) for i, u in enumerate(self.uids)]
                lines = [None if x is None else x.replace("N", str(i + 1), 1) for i, x in enumerate(lines)]
                self.listing(s, [x for x in lines if x is not None]) if not arg else self.say(s, f"+OK {lines[int(arg) - 1]}")
            elif word == "LIST":
                size = self.m.get("announces", {})
                lines = [f"{i + 1} {size(x) if callable(size) else size.get(self.places[i], len(x))}" for i, x in enumerate(self.mail)]
                self.listing(s, lines) if not arg else self.say(s, f"+OK {lines[int(arg) - 1]}")
            elif word == "RETR":
                n += 1
                i = int(arg) - 1
                place = self.places[i] if i < len(self.mail) else None
                if place is None or place in self.m.get("lost", ()):
                    self.say(s, self.m.get("refusal", "-ERR no such message"))
                    continue
                if place in self.m.get("closes", ()):
                    raise EOFError
                if place in self.m.get("endless", ()):
                    s.sendall(b"+OK\r\n")
                    while True:
                        s.sendall(b"and so on\r\n" * 10000)
                if place in self.m.get("garbles", ()):
                    s.sendall(b"* 1 FETCH (BODY[] {5}\r\n")
                    continue
                data = self.m.get("gives", {}).get(place, self.mail[i])
                if isinstance(data, list):
                    data = data.pop(0) if len(data) > 1 else data[0]
                if data and not data.endswith(b"\r\n"):
                    data += b"\r\n"
                wire = (b"+OK %d octets\r\n" % len(self.mail[i]) if self.m.get("octets") else b"+OK\r\n") + (data if self.m.get("unstuffed") else stuffed(data))
                if self.m.get("cut") == n:
                    self.m.pop("cut")
                    s.sendall(wire[:len(wire) // 2])
                    raise EOFError
                self.say(s, wire + b".")
                s.sendall(self.m.get("between", b""))
            elif word == "DELE":
                dele.add(int(arg) - 1)
                self.say(s, "+OK")
            elif word == "QUIT":
                how = self.m.get("quit", "+OK bye")
                if isinstance(how, list):
                    how = how.pop(0) if how else "+OK bye"
                if how is None:
                    raise EOFError
                if how.startswith("+OK"):
                    self.places = [x for i, x in enumerate(self.places) if i not in dele]
                    self.mail = [x for i, x in enumerate(self.mail) if i not in dele]
                    self.uids = [x for i, x in enumerate(self.uids) if i not in dele]
                self.say(s, how)
                return
            else:
                self.say(s, "-ERR what")


def archive(fake, **more):
    Fake.number += 1
    a = Archive(root, name=f"a{Fake.number}")
    options = {"server": "127.0.0.1", "port": fake.port, "user": "u", "security": "none", "password_file": secret, "timeout": "5", **more}
    a.configure({"top": "disk_reserve = 0\npull p {\n" + "".join(f"\t{k} = {json.dumps(str(v))}\n" for k, v in options.items()) + "}\n"})
    return a


def pull(a, status=0):
    done = a.cmd("pull", "p", "--format", "json", status=status)
    got = json.loads(done.stdout) if done.stdout else {"error": done.stderr.decode()}
    check("secret-1" not in done.stdout.decode() + done.stderr.decode(), "no password is printed")
    return got, done.stderr.decode()


def archived(a):
    return sorted(sha256(raw) for r, raw in a.entries().values() if r["kind"] == "message")


def want(*mail):
    return sorted(sha256(m) for m in mail)
