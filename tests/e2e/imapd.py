"""An IMAP server for tests: mailboxes in memory, and faults on demand.  Every
command is kept in ${said}, so that a test can see what was never sent."""
import base64
import bisect
import re
import socket
import ssl
import threading

CAPS = "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER LITERAL+ IDLE UIDPLUS MOVE ENABLE CONDSTORE QRESYNC ID SPECIAL-USE"
DATE = '"17-Jul-1996 02:44:25 -0700"'


class Gone(Exception):
    """The connection ends here."""


class Box:
    def __init__(self, uidvalidity=7, attrs=""):
        self.uidvalidity, self.attrs = uidvalidity, attrs
        self.uidnext, self.modseq = 1, 1
        self.msgs = {}  # uid -> [bytes, set of flags]
        self.gone = []  # (modseq, uid)

    def add(self, msg, uid=None):
        uid = uid or self.uidnext
        self.msgs[uid] = [msg, set()]
        self.uidnext = max(self.uidnext, uid + 1)
        self.modseq += 1
        return uid

    def drop(self, uid):
        del self.msgs[uid]
        self.modseq += 1
        self.gone.append((self.modseq, uid))

    def uids(self):
        return sorted(self.msgs)


def chosen(text, view):
    """The UIDs of a set, of the sorted list ${view}."""
    top, out = view[-1] if view else 0, set()
    for part in text.split(","):
        a, _, b = part.partition(":")
        lo = top if a == "*" else int(a)
        hi = lo if not b else top if b == "*" else int(b)
        lo, hi = min(lo, hi), max(lo, hi)
        out |= set(view[bisect.bisect_left(view, lo):bisect.bisect_right(view, hi)])
    return sorted(out)


class Server:
    def __init__(self, caps=CAPS, greeting=None, tls=None, **quirks):
        self.boxes = {"INBOX": Box()}
        self.caps, self.greeting, self.tls, self.quirks = caps, greeting, tls, quirks
        self.said, self.user, self.secret = [], "u", "secret"
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(10)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def inbox(self):
        return self.boxes["INBOX"]

    def accept(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Conn(self, s).run, daemon=True).start()

    def close(self):
        self.sock.close()

    def deliver(self, msg, box="INBOX"):
        with self.changed:
            uid = self.boxes[box].add(msg)
            self.changed.notify_all()
        return uid


class Conn:
    def __init__(self, server, s):
        self.srv, self.s, self.q = server, s, server.quirks
        self.f = s.makefile("rb")
        self.box = None
        self.view = []  # uids by sequence number
        self.enabled = set()
        self.known = set()

    # -- wire
    def raw(self, data):
        step = self.q.get("split")
        if not step:
            self.s.sendall(data)
            return
        for i in range(0, len(data), step):
            self.s.sendall(data[i:i + step])

    def line(self, text):
        self.raw(text.encode("utf-8", "surrogateescape") + b"\r\n")

    def read(self):
        got = self.f.readline()
        if not got:
            raise Gone
        return got.rstrip(b"\r\n").decode()

    def run(self):
        try:
            self.line(self.srv.greeting or "* OK [CAPABILITY %s] ready" % self.srv.caps)
            while True:
                text = self.read()
                self.srv.said.append(text)
                tag, _, rest = text.partition(" ")
                self.command(tag, rest)
        except (Gone, OSError, ssl.SSLError):
            pass
        finally:
            try:
                self.s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.s.close()

    def command(self, tag, rest):
        hook = self.q.get("hook")
        if hook and hook(self, tag, rest):
            return
        word = rest.split(" ")[0].upper()
        if word == "UID":
            word += "_" + rest.split(" ")[1].upper()
        with self.srv.lock:
            f = getattr(self, "do_" + word.replace("-", "_").lower(), None)
            if f is None:
                self.line(tag + " BAD unknown command")
            else:
                f(tag, rest)

    def ok(self, tag, text="done"):
        self.line(f"{tag} OK {text}")

    # -- before login
    def do_capability(self, tag, rest):
        self.line("* CAPABILITY " + self.srv.caps)
        self.ok(tag)

    def do_starttls(self, tag, rest):
        inject = self.q.get("inject")
        if inject:
            self.raw((tag + " OK go\r\n" + inject).encode())
        else:
            self.ok(tag, "go")
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(*self.srv.tls)
        self.s = ctx.wrap_socket(self.s, server_side=True)
        self.f = self.s.makefile("rb")
        self.srv.caps = self.srv.caps.replace("STARTTLS LOGINDISABLED", "")

    def do_login(self, tag, rest):
        m = re.match(r'LOGIN "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$', rest)
        got = [re.sub(r"\\(.)", r"\1", x) for x in m.groups()] if m else []
        if got == [self.srv.user, self.srv.secret]:
            self.ok(tag)
        else:
            self.line(tag + " NO " + self.q.get("refusal", "[AUTHENTICATIONFAILED] wrong"))

    def do_authenticate(self, tag, rest):
        words = rest.split(" ")
        mech = words[1].upper()
        if len(words) > 2:
            ir = words[2]
        else:
            self.line("+ ")
            ir = self.read()
            self.srv.said.append("(line) " + ir)
        got = base64.b64decode(ir).decode()
        want = {"PLAIN": f"\0{self.srv.user}\0{self.srv.secret}",
                "XOAUTH2": f"user={self.srv.user}\1auth=Bearer {self.srv.secret}\1\1",
                "OAUTHBEARER": f"n,a={self.srv.user},\1host=127.0.0.1\1port={self.srv.port}\1auth=Bearer {self.srv.secret}\1\1"}[mech]
        if got == want:
            self.ok(tag, "in")
            return
        if mech != "PLAIN":
            self.line("+ " + base64.b64encode(b'{"status":"%s"}' % self.q.get("status", "invalid_token").encode()).decode())
            self.srv.said.append("(line) " + self.read())
        self.line(tag + " NO [AUTHENTICATIONFAILED] no")

    def do_id(self, tag, rest):
        self.line('* ID ("name" {4}')
        self.raw(b"fa)e)\r\n")
        self.ok(tag)

    def do_enable(self, tag, rest):
        self.enabled |= set(rest.upper().split()[1:])
        self.line("* ENABLED " + rest[7:])
        self.ok(tag)

    # -- mailboxes
    def name(self, text):
        m = re.match(r'"((?:[^"\\]|\\.)*)"', text)
        return re.sub(r"\\(.)", r"\1", m.group(1)), text[m.end():].strip()

    def do_list(self, tag, rest):
        for name, box in self.srv.boxes.items():
            self.line(f'* LIST ({box.attrs}) "/" "{name}"')
        self.ok(tag)

    def do_create(self, tag, rest):
        self.srv.boxes[self.name(rest[7:])[0]] = Box(99)
        self.ok(tag)

    def do_select(self, tag, rest):
        name, opts = self.name(rest.split(" ", 1)[1])
        name = "INBOX" if name.upper() == "INBOX" else name
        if name not in self.srv.boxes:
            self.line(tag + " NO [NONEXISTENT] no such mailbox")
            return
        b = self.box = self.srv.boxes[name]
        self.view = b.uids()
        self.line("* FLAGS (\\Seen \\Deleted)")
        self.line(f"* OK [PERMANENTFLAGS {self.q.get('permanent', '(' + chr(92) + 'Seen ' + chr(92) + 'Deleted ' + chr(92) + '*)')}] x")
        self.line(f"* {len(self.view)} EXISTS")
        self.line(f"* OK [UIDVALIDITY {b.uidvalidity}] x")
        if not self.q.get("no_uidnext"):
            self.line(f"* OK [UIDNEXT {b.uidnext}] x")
        if "CONDSTORE" in self.srv.caps:
            self.line(f"* OK [HIGHESTMODSEQ {b.modseq}] x")
        m = re.match(r"\(QRESYNC \((\d+) (\d+)\)\)", opts)
        if m and int(m.group(1)) == b.uidvalidity:
            gone = [str(u) for at, u in b.gone if at > int(m.group(2))]
            if gone:
                self.line("* VANISHED (EARLIER) " + ",".join(gone))
        ro = rest.upper().startswith("EXAMINE") or self.q.get("read_only")
        self.ok(tag, "[READ-ONLY] x" if ro else "[READ-WRITE] x")

    do_examine = do_select

    def news(self):
        """EXISTS for what came since."""
        new = [u for u in self.box.uids() if u > (self.view[-1] if self.view else 0)]
        if new:
            self.view += new
            self.line(f"* {len(self.view)} EXISTS")

    # -- messages
    def chosen(self, text):
        return chosen(text, self.view)

    def seq(self, uid):
        return bisect.bisect_left(self.view, uid) + 1

    def do_uid_fetch(self, tag, rest):
        _, _, text, items = rest.split(" ", 3)
        for uid in self.chosen(text):
            if uid in self.box.msgs:
                self.fetch_one(uid, items)
        self.news()
        self.ok(tag)

    def do_fetch(self, tag, rest):
        """By sequence numbers."""
        _, text, items = rest.split(" ", 2)
        for n in chosen(text, list(range(1, len(self.view) + 1))):
            if self.view[n - 1] in self.box.msgs:
                self.fetch_one(self.view[n - 1], items)
        self.ok(tag)

    def fetch_one(self, uid, items):
        msg, flags = self.box.msgs[uid]
        seq = self.seq(uid)
        row = self.q.get("row")
        if row and "BODY" not in items and row(self, seq, uid, items):
            return
        meta = [f"UID {uid}"]
        if "RFC822.SIZE" in items:
            meta.append(f"RFC822.SIZE {self.q.get('size', len)(msg)}")
        if "INTERNALDATE" in items:
            meta.append("INTERNALDATE " + DATE)
        if "FLAGS" in items:
            meta.append(f"FLAGS ({' '.join(flags)})")
        if "X-GM-MSGID" in items:
            meta.append('X-GM-MSGID 1278455344230334865 X-GM-THRID 12 X-GM-LABELS (\\Inbox "\\\\Sent" {3}\r\na)b)')
        m = re.search(r"BODY\.PEEK\[\](?:<(\d+)\.(\d+)>)?", items)
        if not m:
            self.line(f"* {seq} FETCH ({' '.join(meta)})")
            return
        part, name = msg, "BODY[]"
        if m.group(1):
            part = msg[int(m.group(1)):int(m.group(1)) + int(m.group(2))]
            name += f"<{m.group(1)}>"
        send = self.q.get("body")
        if send and send(self, seq, uid, " ".join(meta), name, part):
            return
        tilde = "~" if b"\0" in part else ""
        self.raw(f"* {seq} FETCH ({' '.join(meta)} {name} {tilde}{{{len(part)}}}\r\n".encode() + part + b")\r\n")

    def do_uid_store(self, tag, rest):
        _, _, text, how, flags = rest.split(" ", 4)
        for uid in self.chosen(text):
            if uid in self.box.msgs:
                self.box.msgs[uid][1] |= set(re.findall(r"\\\w+", flags))
        self.ok(tag)

    def tell_gone(self, uids):
        if "QRESYNC" in self.enabled and uids:
            self.line("* VANISHED " + ",".join(map(str, uids)))
        for u in uids:
            if "QRESYNC" not in self.enabled:
                self.line(f"* {self.seq(u)} EXPUNGE")
            self.view.remove(u)

    def do_uid_expunge(self, tag, rest):
        gone = [u for u in self.chosen(rest.split(" ")[2]) if u in self.box.msgs and "\\Deleted" in self.box.msgs[u][1]]
        for u in gone:
            self.box.drop(u)
        self.tell_gone(gone)
        self.ok(tag)

    def move(self, tag, rest, keep):
        _, _, text, name = rest.split(" ", 3)
        name = self.name(name)[0]
        if name not in self.srv.boxes:
            self.line(tag + " NO [TRYCREATE] no such mailbox")
            return
        uids = [u for u in self.chosen(text) if u in self.box.msgs]
        for u in uids:
            self.srv.boxes[name].add(self.box.msgs[u][0])
            if not keep:
                self.box.drop(u)
        if not keep:
            self.tell_gone(uids)
        self.ok(tag)

    def do_uid_move(self, tag, rest):
        self.move(tag, rest, False)

    def do_uid_copy(self, tag, rest):
        self.move(tag, rest, True)

    def do_uid_search(self, tag, rest):
        uid = int(rest.split(" ")[3])
        there = uid in self.box.msgs
        self.line("* SEARCH" + (f" {uid}" if there else ""))
        self.ok(tag)

    def do_noop(self, tag, rest):
        self.news()
        self.ok(tag)

    def do_idle(self, tag, rest):
        self.line("+ idling")
        done = []

        def wait():
            try:
                done.append(self.read())
            except (Gone, OSError, ValueError):
                done.append(None)
            with self.srv.changed:
                self.srv.changed.notify_all()
        threading.Thread(target=wait, daemon=True).start()
        while not done:
            self.news()
            self.srv.changed.wait(1)
        if done[0] is None:
            raise Gone
        self.srv.said.append(done[0])
        self.ok(tag)

    def do_logout(self, tag, rest):
        self.line("* BYE bye")
        self.ok(tag)
        raise Gone
