#!/usr/bin/env python3
"""The IMAP client against a server that does everything that servers do: cut
literals, odd sizes, messages that vanish, faults and attacks.  The archive is
one of the test's own (tests/imap/imap_visit.c)."""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from imapd import CAPS, Box, Server  # noqa: E402
from kit import PATIENCE, workdir  # noqa: E402

VISIT = os.path.join(os.environ["SP_BUILD"], "tests/imap/imap_visit")
TMP = workdir("1g")
failed = []


def mail(n, size=0):
    head = f"From: a@b.example\r\nMessage-ID: <{n}@b.example>\r\nSubject: number {n}\r\n\r\n"
    text = head + f"text {n}\r\n"
    return text.encode() + (b"0123456789abcdef" * (size // 16 + 1))[:max(0, size - len(text))]


class Account:
    def __init__(self, server, **options):
        self.dir = tempfile.mkdtemp(dir=TMP)
        self.conf = os.path.join(self.dir, "conf")
        self.pw = os.path.join(self.dir, "pw")
        with open(self.pw, "w") as f:
            f.write(server.secret)
        self.server = server
        self.options = {"type": "imap", "server": "127.0.0.1", "port": server.port, "user": '"%s"' % server.user,
                        "password_file": self.pw, "security": "none", "timeout": 10}
        self.options.update(options)

    def argv(self, *args):
        with open(self.conf, "w") as f:
            f.write("pull box {\n" + "".join(f"\t{k} = {v}\n" for k, v in self.options.items()) + "}\n")
        return [VISIT, self.conf, self.dir, *map(str, args)]

    def visit(self, *args, want=0, later=0):
        """One run of the client, ${later} seconds from now."""
        env = {**os.environ, "SP_TEST_CLOCK": f"{int((time.time() + later) * 1000000)}:1"}
        r = subprocess.run(self.argv(*args), capture_output=True, text=True, timeout=PATIENCE, env=env)
        assert r.returncode == want, (r.returncode, r.stdout, r.stderr)
        return r.stdout

    def have(self, box="INBOX", uidvalidity=7):
        out = {}
        for path in glob.glob(f"{self.dir}/{box}.{uidvalidity}.*"):
            if not path.endswith(".json"):
                out[int(path.rsplit(".", 1)[1])] = open(path, "rb").read()
        return out

    def source(self, uid, box="INBOX", uidvalidity=7):
        return json.load(open(f"{self.dir}/{box}.{uidvalidity}.{uid}.json"))


def filled(n=5, **kw):
    s = Server(**kw)
    for i in range(1, n + 1):
        s.inbox.add(mail(i, 300))
    return s


def all_of(box):
    return {u: m[0] for u, m in box.msgs.items()}


def sent(s, pattern):
    return [x for x in s.said if re.search(pattern, x)]


def polite(s):
    """What must never be said."""
    for bad in (r"BODY\[", r"RFC822[^.]", r"Seen", r"^\S+ EXPUNGE", r"^\S+ CLOSE"):
        assert not sent(s, bad), sent(s, bad)


def count(out, **want):
    got = dict(re.findall(r"(\w+)=(\d+)", re.findall(r"visit (.*)", out)[-1]))
    for k, v in want.items():
        assert int(got[k]) == v, (k, v, out)


# ---- keeping

def test_keep_takes_everything_once_and_changes_nothing():
    s = filled(5)
    a = Account(s)
    count(a.visit(), taken=5, known=0, there=5)
    assert a.have() == all_of(s.inbox)
    src = a.source(3)
    assert src["origin_date"] == "1996-07-17T02:44:25-07:00", src
    assert src["source"]["reported_size"] == len(s.inbox.msgs[3][0])
    assert not sent(s, "SELECT") and sent(s, "EXAMINE") and not sent(s, " STORE ")
    s.said.clear()
    count(a.visit(), taken=0, known=5)
    # UIDNEXT says that nothing is new; only the last message is looked at, whether its UID still names it.
    assert len(sent(s, "FETCH")) == len(sent(s, r"UID FETCH [0-9,]+ \(UID BODY.PEEK\[\]<0.4096>\)")) == 1, s.said
    s.inbox.add(mail(6))
    count(a.visit(), taken=1)
    assert a.have() == all_of(s.inbox)
    polite(s)


def test_the_last_message_again_is_not_new():
    s = filled(3, no_uidnext=True)
    a = Account(s)
    a.visit()
    count(a.visit(), taken=0)
    assert sent(s, r"UID FETCH 4:\*")


def test_state_that_is_lost_is_learnt_from_the_log():
    s = filled(4)
    a = Account(s)
    a.visit()
    shutil.rmtree(a.dir + "/state")
    count(a.visit(), taken=0, known=4)


def test_split_everywhere():
    s = filled(3, split=1)
    a = Account(s)
    a.visit()
    assert a.have() == all_of(s.inbox)


def test_content_that_looks_like_answers():
    s = filled(0)
    for text in (b")\r\ns1 OK done\r\ns5 OK done\r\ns6 OK x\r\n* BYE\r\n* 9 FETCH (UID 9 BODY[] {3}\r\nabc)\r\n",
                 b"", b"\0\0nul\r\n", b"no line end", b"{5}\r\n+ go\r\n", b"\r\n" * 50):
        s.inbox.add(text)
    a = Account(s)
    a.visit()
    assert a.have() == all_of(s.inbox)


def test_the_uid_may_come_behind_the_content():
    def body(c, seq, uid, meta, name, part):
        c.raw(f"* {seq} FETCH (FLAGS () {name} {{{len(part)}}}\r\n".encode() + part + f" UID {uid})\r\n".encode())
        return True
    s = filled(4, body=body)
    s.inbox.add(mail(9, 9 << 20))
    a = Account(s)
    a.visit()
    assert a.have() == all_of(s.inbox)


def test_a_quoted_body_and_no_body():
    def body(c, seq, uid, meta, name, part):
        if uid == 1:
            c.line(f'* {seq} FETCH ({meta} {name} "a \\"b\\" \\\\c")')
        elif uid == 2:
            c.line(f"* {seq} FETCH ({meta} {name} NIL)")
        return uid in (1, 2)
    s = filled(3, body=body)
    s.inbox.msgs[1][0] = b'a "b" \\c'
    a = Account(s)
    out = a.visit()
    assert a.have() == {1: b'a "b" \\c', 3: s.inbox.msgs[3][0]}, a.have()
    assert "message INBOX UID 2 is NOT captured: the server announces it and does not give it" in out, out


def test_unsolicited_data_is_taken_for_what_it_is():
    def body(c, seq, uid, meta, name, part):
        c.line(f"* {seq} FETCH (FLAGS (\\Flagged))")
        c.line(f"* 1 FETCH (UID 77 BODY[] {{5}}\r\nfalse)")  # nobody asked
        c.line(f"* {seq} FETCH (UID {uid} BODY[]<7> {{5}}\r\nwrong)")
        c.line(f"* {seq} FETCH (UID {uid} ENVELOPE (NIL {{3}}\r\na)b NIL))")
        c.line("* OK [XYZZY 5] {12}")
        c.line("* 1 RECENT")
        c.line("* FLAGS (\\Seen)")
    s = filled(5, body=body)
    a = Account(s)
    a.visit()
    assert a.have() == all_of(s.inbox)


def test_another_uidvalidity_means_all_anew():
    s = filled(3)
    a = Account(s)
    a.visit()
    s.inbox.uidvalidity = 8
    out = a.visit()
    assert "uidvalidity_changed mailbox=INBOX from=7 to=8" in out, out
    count(out, taken=3)
    assert a.have(uidvalidity=8) == a.have(uidvalidity=7)


def test_another_uidvalidity_in_the_middle_ends_the_session():
    def hook(c, tag, rest):
        if "BODY.PEEK" in rest:
            c.line("* OK [UIDVALIDITY 9] surprise")
    s = filled(3, hook=hook)
    a = Account(s)
    out = a.visit(want=2)
    assert "changed UIDVALIDITY of the open mailbox" in out, out
    assert not a.have(uidvalidity=9)
    s.quirks["hook"] = None
    a.visit()
    assert sorted(a.have()) == [1, 2, 3]


# ---- what vanishes

def test_a_message_that_is_expunged_meanwhile():
    def hook(c, tag, rest):
        if "BODY.PEEK" in rest and 3 in c.box.msgs:
            with c.srv.lock:
                c.box.drop(3)
                c.tell_gone([3])
    s = filled(5, caps=CAPS.replace("QRESYNC", ""), hook=hook)
    a = Account(s)
    out = a.visit()
    assert sorted(a.have()) == [1, 2, 4, 5]
    assert "vanished mailbox=INBOX messages=1 first_uid=3" in out, out
    count(a.visit(), taken=0)


def test_qresync_tells_what_came_and_went():
    s = filled(3)
    a = Account(s)
    a.visit()
    for i in range(4, 9):
        s.inbox.add(mail(i))
    for u in (2, 5, 6):  # 2 was fetched
        s.inbox.drop(u)
    out = a.visit()
    assert sent(s, r"QRESYNC \(7 \d+\)")
    assert "vanished mailbox=INBOX messages=2 first_uid=5" in out, out
    assert sorted(a.have()) == [1, 2, 3, 4, 7, 8]


def test_a_server_that_does_not_give_a_message():
    def hook(c, tag, rest):
        if "BODY.PEEK" in rest and c.chosen(rest.split(" ")[2]).count(2):
            if re.search(r"UID FETCH 2 ", rest):
                c.line(tag + " NO [SERVERBUG] cannot convert it")
            else:
                c.line(tag + " NO some messages could not be fetched")
            return True
    s = filled(4, hook=hook)
    a = Account(s, after="delete")
    out = a.visit()
    assert sorted(a.have()) == [1, 3, 4]
    assert "UID 2 is NOT captured" in out and "[SERVERBUG] cannot convert it" in out, out
    count(out, taken=3, deleted=3, doubtful=1)
    assert s.inbox.uids() == [2]


def test_a_server_that_throttles_is_left_alone():
    def hook(c, tag, rest):
        if "BODY.PEEK" in rest:
            c.line(tag + " NO [LIMIT] slow down")
            return True
    s = filled(4, hook=hook)
    out = Account(s).visit(want=2)
    assert "failed throttle" in out and "[LIMIT] slow down" in out, out
    assert len(sent(s, "BODY.PEEK")) <= 2


# ---- sizes

def test_sizes_that_are_not_exact():
    # A few bytes, and line ends counted as one.
    for size in (lambda m: len(m) + 4, lambda m: len(m) - m.count(b"\r\n")):
        s = filled(6, size=size)
        a = Account(s)
        count(a.visit(), taken=6, doubtful=0)
        assert a.have() == all_of(s.inbox)
        assert a.source(2)["source"]["reported_size"] == size(s.inbox.msgs[2][0])
        assert not sent(s, r"UID FETCH 2 ")  # once is enough


def test_a_short_answer_is_asked_for_again():
    done = []

    def body(c, seq, uid, meta, name, part):
        if uid == 2 and not done:
            done.append(1)
            c.raw(f"* {seq} FETCH ({meta} {name} {{5}}\r\nshort)\r\n".encode())
            return True
    s = filled(3, body=body)
    a = Account(s)
    a.visit()
    assert a.have() == all_of(s.inbox)
    assert len(sent(s, "UID FETCH 2 ")) == 1


def test_large_messages_come_in_slices():
    s = filled(1)
    for size in ((4 << 20) - 1, 4 << 20, (4 << 20) + 1, 8 << 20, (9 << 20) + 5):
        s.inbox.add(mail(size, size))
    a = Account(s)
    a.visit()
    assert a.have() == all_of(s.inbox)
    assert len(sent(s, r"<8388608\.4194304>")) == 2
    # A wrong size, and a server without slices.
    s = filled(1, size=lambda m: len(m) + 9 if len(m) > 1000 else len(m))
    s.inbox.add(mail(1, 5 << 20))
    a = Account(s)
    a.visit()
    assert a.have() == all_of(s.inbox)
    assert sent(s, r"UID FETCH 2 \(UID BODY.PEEK\[\]\)")

    def whole(c, seq, uid, meta, name, part):
        m = c.box.msgs[uid][0]
        c.raw(f"* {seq} FETCH ({meta} BODY[] {{{len(m)}}}\r\n".encode() + m + b")\r\n")
        return True
    s = filled(1, body=whole)
    s.inbox.add(mail(1, 5 << 20))
    a = Account(s)
    a.visit()
    assert a.have() == all_of(s.inbox)


def test_larger_than_max_message():
    s = filled(2)
    s.inbox.add(mail(3, 200000))
    s.inbox.add(mail(4))
    a = Account(s, max_message="100K", after="delete")
    out = a.visit(2)
    assert sorted(a.have()) == [1, 2, 4]
    assert "UID 3 was not taken: larger than max_message" in out, out
    assert s.inbox.uids() == [3] and not sent(s, "UID FETCH 3 ")


def test_many_messages_and_sparse_uids():
    s = Server()
    for i in range(12000):
        s.inbox.add(b"m%d\r\n" % i, uid=i * 3 + 1)
    s.inbox.add(b"far\r\n", uid=4000000000)
    a = Account(s)
    count(a.visit(), taken=12001)
    assert a.have() == all_of(s.inbox)
    assert max(len(x) for x in s.said) < 8192
    count(a.visit("list"), known=12001)
    for i in range(20):
        s.inbox.add(b"new%d\r\n" % i)
    count(a.visit(), taken=20)


# ---- deleting and moving

def test_delete_only_what_is_durable():
    s = filled(5)
    a = Account(s, after="delete")
    want = all_of(s.inbox)
    count(a.visit(), taken=5, deleted=5)
    assert a.have() == want and not s.inbox.msgs
    polite(s)
    assert sent(s, r"UID STORE 1:5 \+FLAGS.SILENT \(\\Deleted\)") and sent(s, "UID EXPUNGE 1:5")
    s.inbox.add(mail(7))
    out = a.visit()
    count(out, taken=1, deleted=1)
    assert "vanished" not in out, out


def test_nothing_is_deleted_when_the_disk_is_full():
    s = filled(8)
    s.inbox.add(mail(9, 20 << 20))
    a = Account(s, after="delete")
    out = a.visit("full=4", want=2)
    assert "failed store" in out and "the disk is full" in out, out
    assert len(a.have()) + len(s.inbox.msgs) >= 9
    assert set(range(4, 10)) <= set(s.inbox.msgs)
    want = all_of(s.inbox)
    a.visit()
    assert {u: m for u, m in a.have().items() if u in want} == want and not s.inbox.msgs
    assert sorted(a.have()) == list(range(1, 10))


def test_a_huge_literal_and_a_full_disk():
    def body(c, seq, uid, meta, name, part):
        c.raw(f"* {seq} FETCH ({meta} {name} {{9223372036854775807}}\r\n".encode())
        while True:
            c.raw(b"x" * 65536)
    # Content that never ends is not read: the session breaks there, and the others come.
    s = filled(3, body=lambda c, seq, uid, *a: uid == 2 and body(c, seq, uid, *a))
    a = Account(s, after="delete")
    out = a.visit()
    assert "UID 2 is NOT captured" in out and "announces content of 9223372036854775807 bytes" in out, out
    assert sorted(a.have()) == [1, 3] and s.inbox.uids() == [2]

    # Larger than announced, then than allowed: read and dropped, in little memory.
    def large(c, seq, uid, meta, name, part):
        c.raw(f"* {seq} FETCH ({meta} {name} {{{60 << 20}}}\r\n".encode() + b"x" * (60 << 20) + b")\r\n")
        return True
    s = filled(1, body=large)
    a = Account(s, after="delete", max_message="1M")
    p = subprocess.Popen(["/usr/bin/time", "-f", "rss=%M", *a.argv()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    out = p.communicate(timeout=PATIENCE)[0]
    assert int(re.search(r"rss=(\d+)", out).group(1)) < 60000, out
    assert "max_message" in out and s.inbox.msgs, out


def test_what_a_crash_left_is_deleted_without_fetching():
    s = filled(5)
    a = Account(s)
    a.visit()
    a.options["after"] = "delete"
    s.said.clear()
    count(a.visit(), taken=0, known=5, deleted=5)
    assert not sent(s, r"BODY.PEEK\[\]\)") and not s.inbox.msgs


def test_without_uidplus_messages_stay_marked():
    s = filled(3, caps=CAPS.replace("UIDPLUS ", "").replace("MOVE ", ""))
    a = Account(s, after="delete")
    out = a.visit()
    assert "no_uidplus" in out, out
    count(out, taken=3, deleted=0)
    assert all("\\Deleted" in m[1] for m in s.inbox.msgs.values()) and len(s.inbox.msgs) == 3
    s.said.clear()
    count(a.visit(), taken=0, known=3)
    assert not sent(s, " STORE ")
    polite(s)


def test_move_with_move_and_with_copy():
    for caps in (CAPS, CAPS.replace("MOVE ", "")):
        s = filled(4, caps=caps)
        a = Account(s, after='"move:Done \\"&\\" ü"')
        want = sorted(all_of(s.inbox).values())
        count(a.visit(), taken=4, deleted=4)
        name = 'Done "&-" &APw-'
        assert sorted(all_of(s.boxes[name]).values()) == want and not s.inbox.msgs, s.boxes
        polite(s)
    s = filled(1)
    out = Account(s, after='"move:inbox"').visit(want=2)
    assert "failed config" in out and "one of mailboxes" in out, out


def test_a_mailbox_that_cannot_be_changed():
    s = filled(1, read_only=True)
    out = Account(s, after="delete").visit(want=2)
    assert "failed config" in out and "reading only" in out, out
    s = filled(1, permanent="(\\Seen)")
    out = Account(s, after="delete").visit(want=2)
    assert "does not keep \\Deleted" in out, out
    assert not sent(s, "FETCH")


# ---- mailboxes

def test_several_mailboxes_and_special_use():
    s = filled(2)
    s.boxes["[Gmail]/Alle Nachrichten"] = Box(11, "\\HasNoChildren \\All")
    s.boxes["Entw&APw-rfe"] = Box(12)
    s.boxes["[Gmail]/Alle Nachrichten"].add(mail(50))
    s.boxes["Entw&APw-rfe"].add(mail(60))
    a = Account(s, mailboxes='{ inbox, "\\\\All", "Entwürfe" }')
    count(a.visit(), taken=4, there=4)
    assert a.source(1, "[[]Gmail]_Alle Nachrichten".replace("[[]", "["), 11)["source"]["mailbox"] == "[Gmail]/Alle Nachrichten"
    assert a.source(1, "Entwürfe", 12)["source"]["mailbox"] == "Entwürfe"
    out = Account(s, mailboxes='{ "\\\\Junk" }').visit(want=2)
    assert "no mailbox for \\Junk" in out, out
    out = Account(s, mailboxes='{ Nowhere }').visit(want=2)
    assert "failed config" in out and "Nowhere: the server does not open" in out, out


def test_gmail_identifiers_are_recorded():
    s = filled(1, caps=CAPS + " X-GM-EXT-1")
    a = Account(s)
    a.visit()
    src = a.source(1)["source"]
    assert src["gm_msgid"] == "1278455344230334865" and src["gm_labels"] == ["\\Inbox", "\\Sent", "a)b"], src


# ---- waiting

def test_idle_brings_mail():
    for after in ("keep", "delete"):
        s = filled(2)
        a = Account(s, after=after)
        p = subprocess.Popen(a.argv("stay"), stdout=subprocess.PIPE, text=True)
        try:
            for n in (3, 4, 5):
                until = time.time() + PATIENCE
                while not sent(s, "IDLE") or s.said[-1].split(" ")[-1] != "IDLE":
                    assert time.time() < until, s.said
                    time.sleep(0.02)
                s.deliver(mail(n))
                t = time.time()
                while n not in a.have() or (after == "delete" and s.inbox.msgs):
                    assert time.time() - t < PATIENCE, (n, s.said)
                    time.sleep(0.02)
        finally:
            p.send_signal(signal.SIGTERM)
            assert p.wait(timeout=PATIENCE) == 0
        assert sent(s, "^DONE$")
        if after == "delete":
            assert not s.inbox.msgs
        polite(s)


def test_a_poke_ends_the_wait():
    s = filled(1)
    s.boxes["B"] = Box(9)
    a = Account(s, mailboxes="{ INBOX, B }")
    p = subprocess.Popen(a.argv("stay"), stdout=subprocess.PIPE, text=True)
    while not sent(s, "IDLE"):
        time.sleep(0.02)
    s.boxes["B"].add(mail(2))  # not the one that is watched
    p.send_signal(signal.SIGUSR1)
    until = time.time() + PATIENCE
    while not a.have("B", 9):
        assert time.time() < until, s.said
        time.sleep(0.02)
    p.send_signal(signal.SIGTERM)
    assert p.wait(timeout=PATIENCE) == 0


def test_without_idle_the_visit_ends():
    s = filled(1, caps=CAPS.replace("IDLE ", ""))
    count(Account(s).visit("stay"), taken=1)

    def hook(c, tag, rest):
        if rest == "IDLE":
            c.line(tag + " NO not now")
            return True
    s = filled(1, hook=hook)
    count(Account(s).visit("stay"), taken=1)
    assert sent(s, "LOGOUT")


# ---- logging in

def test_each_way_to_log_in():
    for auth, caps, line in (("password", CAPS, "LOGIN "), ("plain", CAPS, "AUTHENTICATE PLAIN "), ("xoauth2", CAPS, "AUTHENTICATE XOAUTH2 "),
                             ("oauthbearer", CAPS, "AUTHENTICATE OAUTHBEARER "), ("plain", CAPS.replace("SASL-IR ", ""), "AUTHENTICATE PLAIN$"),
                             ("xoauth2", CAPS.replace("SASL-IR ", ""), "AUTHENTICATE XOAUTH2$"),
                             ("password", CAPS + " LOGINDISABLED", "AUTHENTICATE PLAIN ")):
        s = filled(1, caps=caps)
        count(Account(s, auth=auth).visit(), taken=1)
        assert sent(s, line), (auth, s.said)
    s = filled(1)
    s.user, s.secret = 'a"b', 'p\\w " x'
    a = Account(s)
    a.options["user"] = '"a\\"b"'
    count(a.visit(), taken=1)
    s = filled(1)
    s.secret = "pässword"  # no quoted string can carry it
    count(Account(s).visit(), taken=1)
    assert sent(s, "AUTHENTICATE PLAIN")


def test_refusals_are_told_apart():
    s = filled(1)
    a = Account(s)
    s.secret = "other"
    out = a.visit(want=2)
    assert "failed auth" in out and "[AUTHENTICATIONFAILED] wrong" in out, out
    assert "secret again" not in out
    for code, why in (("[UNAVAILABLE] later", "network"), ("[INUSE] busy", "throttle"), ("[LIMIT] many", "throttle"),
                      ("[EXPIRED] change it", "auth"), ("no code", "auth")):
        s = filled(1, refusal=code)
        a = Account(s)
        s.secret = "other"
        out = a.visit(want=2)
        assert f"failed {why}" in out and code in out, (code, out)


def test_a_token_is_renewed_once():
    for auth, dummy in (("xoauth2", "(line) "), ("oauthbearer", "(line) AQ==")):
        s = filled(1)
        a = Account(s, auth=auth)
        s.secret = "fresh"
        with open(a.pw + ".new", "w") as f:
            f.write("fresh")
        out = a.visit()
        assert out.count("secret") == 2 and "secret again" in out, out
        assert dummy in s.said, s.said
        count(out, taken=1)
        s.secret = "never"
        out = a.visit(want=2)
        # The first may have been old, the second was not: asking more often is no use.
        assert out.count("secret") == 2 and "failed config" in out and "invalid_token" in out, out
    s = filled(1, status="insufficient_scope")
    a = Account(s, auth="oauthbearer")
    s.secret = "other"
    out = a.visit(want=2)
    assert "failed config" in out, out


def test_what_is_missing_is_named():
    s = filled(1, caps="IMAP4rev1 LOGINDISABLED")
    out = Account(s).visit(want=2)
    assert "failed config" in out and "does not offer AUTH=PLAIN; it has IMAP4REV1,LOGINDISABLED" in out, out
    s = filled(1, caps="IMAP4rev1")
    out = Account(s, security="starttls").visit(want=2)
    assert "does not offer STARTTLS" in out, out
    assert not sent(s, "LOGIN")


def test_preauth():
    s = filled(1, greeting="* PREAUTH hello")
    count(Account(s).visit(), taken=1)
    assert not sent(s, "LOGIN") and sent(s, "CAPABILITY")
    out = Account(s, security="starttls").visit(want=2)
    assert "failed config" in out and "before STARTTLS" in out, out


def certificate():
    key, crt = TMP + "/key.pem", TMP + "/crt.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                    "-out", crt, "-days", "10", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    return crt, key


def test_starttls_forgets_what_was_said_before():
    crt, key = certificate()
    s = filled(2, caps="STARTTLS LOGINDISABLED " + CAPS, tls=(crt, key))
    a = Account(s, security="starttls", ca=crt)
    count(a.visit(), taken=2)
    assert len(sent(s, "CAPABILITY")) >= 1 and sent(s, "LOGIN")
    for inject in ("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", "s3 OK in\r\n"):
        s = filled(2, caps="STARTTLS LOGINDISABLED " + CAPS, tls=(crt, key), inject=inject)
        out = Account(s, security="starttls", ca=crt).visit(want=2)
        assert "visit taken=0" in out and "failed" in out, out
        assert not sent(s, "LOGIN") and not sent(s, "AUTHENTICATE")


# ---- faults

def test_bye_is_heard():
    s = filled(1, greeting="* BYE [UNAVAILABLE] too many")
    out = Account(s).visit(want=2)
    assert "failed network" in out and "[UNAVAILABLE] too many" in out, out

    def hook(c, tag, rest):
        if "BODY.PEEK" in rest:
            c.line("* BYE [INUSE] going down")
            c.s.shutdown(2)
            return True
    s = filled(3, hook=hook)
    out = Account(s).visit(want=2)
    assert "failed throttle" in out and "going down" in out, out


def test_alerts_are_shown():
    def hook(c, tag, rest):
        if rest.startswith("EXAMINE"):
            c.line("* OK [ALERT] the disk fails soon")
    out = Account(filled(1, hook=hook)).visit()
    assert "note the server alerts: the disk fails soon" in out, out


def test_a_connection_that_breaks_loses_nothing():
    at = []

    def body(c, seq, uid, meta, name, part):
        if uid == 4 and len(at) < 5:
            at.append(1)
            c.raw(f"* {seq} FETCH ({meta} {name} {{{len(part)}}}\r\n".encode() + part[:100])
            c.s.shutdown(2)
            return True
    s = filled(6, body=body)
    want = all_of(s.inbox)
    a = Account(s, after="delete")
    # Twice it breaks at the same message: all others come.
    out = a.visit()
    count(out, taken=5, deleted=5, doubtful=1)
    assert len(at) == 2 and "UID 4 is NOT captured" in out, out
    assert {**a.have(), 4: want[4]} == want and s.inbox.uids() == [4]
    # Asked for at the next visit, then put off, and told at each visit, until it comes.
    for later, breaks in ((0, 4), (0, 4), (30, 4)):
        out = a.visit(later=later)
        assert len(at) == breaks and "UID 4 is NOT captured" in out, (len(at), out)
    count(a.visit(later=120), taken=1, deleted=1, doubtful=0)
    assert a.have() == want and not s.inbox.msgs


def test_what_is_not_imap_ends_the_session():
    for line, text in (("* 1 FETCH (UID 1 BODY[] {99999999999999999999}", "length of a literal"), ("* 1 FETCH (UID 1 BODY[] {-1}", "length of a literal"),
                       ("s99 OK what", "was not sent"), ("* 1 FETCH (UID 1", "does not end"), ("nonsense", "neither data"),
                       ("* X " + "y" * 300000, "longer than"), ("* X " + "(" * 100, "deeper")):
        def hook(c, tag, rest, line=line):
            if "BODY.PEEK" in rest:
                c.line(line)
        # At each message that is asked for, twice; then it is left alone, and told.
        s = filled(2, hook=hook)
        out = Account(s, after="delete").visit()
        assert text in out, (line[:40], out)
        assert len(s.inbox.msgs) == 2
        count(out, taken=0, doubtful=2)
        assert len(sent(s, "BODY.PEEK")) <= 8, s.said
    out = Account(filled(1, greeting="220 mx ESMTP")).visit(want=2)
    assert "failed network" in out, out


def test_a_flood_of_listed_messages_is_bounded():
    def hook(c, tag, rest):
        if "INTERNALDATE" in rest:
            for i in range(30000):
                c.raw(b"* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n" * 1)
            c.ok(tag)
            return True
    out = Account(filled(1, hook=hook)).visit(want=2)
    assert "more messages than there can be" in out, out


# ---- looking

def test_check_and_list_change_nothing():
    s = filled(3)
    a = Account(s, after="delete")
    out = a.visit("check")
    for step in ("greeting ok", "login ok", "capabilities ok", "mailbox ok: INBOX: 3 messages, UIDVALIDITY 7"):
        assert "step " + step in out, out
    a.options["after"] = "keep"
    a.visit()
    s.inbox.add(mail(4))
    out = a.visit("list")
    assert re.findall(r"listed INBOX (\d+) (\w+)", out) == [("1", "known"), ("2", "known"), ("3", "known"), ("4", "missing")], out
    assert not sent(s, "SELECT| STORE ")
    polite(s)


def main():
    only = sys.argv[1:]
    for name, test in list(globals().items()):
        if not name.startswith("test_") or (only and not any(o in name for o in only)):
            continue
        t = time.time()
        try:
            test()
            print(f"ok {name} ({time.time() - t:.1f} s)", flush=True)
        except Exception as e:  # every test is told of
            import traceback
            failed.append(name)
            print(f"FAILED {name}: {e}\n{traceback.format_exc()[-1500:]}", flush=True)
    sys.exit(1 if failed else 0)


main()
