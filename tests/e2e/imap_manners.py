"""What IMAP servers do that no document allows, one row a manner, against the
built program.  For each row the mailbox has five messages, and the manner is
shown at one of them or at all; the table says what must be in the archive as a
capture, as evidence only, and what must be left on the server.  Every row is run
with after = delete and after = keep, visited again while the server goes on like
that, and once more when it has come to its senses: then all five must be there."""
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from imapd import Box, Server  # noqa: E402
from kit import Archive, check, finish, sha256, workdir  # noqa: E402

root = workdir("1g")
secret = os.path.join(root, "password")
with open(secret, "w") as f:
    f.write("secret\n")
os.chmod(secret, 0o600)
BAD = 3  # the message at which the server is odd
ALL = {1, 2, 3, 4, 5}


def mail(n):
    return (f"From: a@b.example\r\nMessage-ID: <{n}@b.example>\r\nSubject: number {n}\r\n\r\n".encode()
            + b"text of it\r\n" * 8)


MAIL = {n: mail(n) for n in ALL}
SUBSTITUTE = (b"From: Microsoft Exchange Server\r\nSubject: Retrieval using the IMAP4 protocol failed for the following message: 12\r\n"
              b"Content-Type: text/plain\r\n\r\nThe server couldn't retrieve the following message:\r\n\r\nSubject: \"number 3\"\r\n")


# ---- ways to be odd ---------------------------------------------------------

def at(uid, way):
    """${way} at one message; the others are given as they should be."""
    def body(c, seq, u, meta, name, part):
        return u == uid and way(c, seq, u, meta, name, part)
    return {"body": body}


def literal(data, announced=None, name=None, tail=b")\r\n", no_uid=False):
    """A literal of ${data}, which may be announced with another length."""
    def way(c, seq, uid, meta, said, part):
        got = data(part) if callable(data) else data
        n = len(got) if announced is None else announced(len(got))
        c.raw(f"* {seq} FETCH ({'' if no_uid else meta + ' '}{name or said} {{{n}}}\r\n".encode() + got + tail)
        return True
    return way


def line(text):
    def way(c, seq, uid, meta, name, part):
        c.line(f"* {seq} FETCH ({meta} {name} {text})")
        return True
    return way


def nothing(c, seq, uid, meta, name, part):
    return True


def hangs_up(c, seq, uid, meta, name, part):
    c.s.shutdown(2)
    return True


def bye(c, seq, uid, meta, name, part):
    c.line("* BYE [UNAVAILABLE] internal error")
    c.s.shutdown(2)
    return True


def cut(c, seq, uid, meta, name, part):
    c.raw(f"* {seq} FETCH ({meta} {name} {{{len(part)}}}\r\n".encode() + part[:60])
    c.s.shutdown(2)
    return True


def refuses(reply, uid=BAD):
    """${reply} to a command that asks for the content of ${uid}."""
    def hook(c, tag, rest):
        if "BODY.PEEK" not in rest or "<0.4096>" in rest or (uid and uid not in c.chosen(rest.split(" ")[2])):
            return False
        c.line(f"{tag} {reply}")
        return True
    return {"hook": hook}


def changing():
    """Other bytes, and more of them, at every fetch."""
    count = []

    def way(c, seq, uid, meta, name, part):
        count.append(1)
        return literal(part + b"x" * 50 * len(count))(c, seq, uid, meta, name, part)
    return at(BAD, way)


def short_once():
    done = []

    def way(c, seq, uid, meta, name, part):
        if done:
            return False
        done.append(1)
        return literal(part[:60])(c, seq, uid, meta, name, part)
    return at(BAD, way)


def listed_as(fields):
    """How messages are listed: ${fields} of ${uid}."""
    def row(c, seq, uid, items):
        c.line(f"* {seq} FETCH ({fields(uid)})")
        return True
    return {"row": row}


def size(text):
    return listed_as(lambda uid: f"UID {uid} RFC822.SIZE {text}")


def bare_row(c, seq, uid, items):
    c.line(f"* {seq} FETCH ({'' if uid == BAD else f'UID {uid} '}RFC822.SIZE {len(MAIL[uid])} INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")")
    return True


def forgets_to_list(c, tag, rest):
    """The listing by UID leaves one out; by its number it is there."""
    m = re.match(r"UID FETCH (\S+) \(UID RFC822", rest)
    if not m:
        return False
    for uid in c.chosen(m.group(1)):
        if uid != BAD and uid in c.box.msgs:
            c.fetch_one(uid, "RFC822.SIZE")
    c.ok(tag)
    return True


def never_lists(c, tag, rest):
    return rest.startswith("FETCH ") and (c.ok(tag) or True) or forgets_to_list(c, tag, rest)


def half_a_list(c, tag, rest):
    """NO behind the first two messages of the listing."""
    m = re.match(r"UID FETCH (\S+) \(UID RFC822", rest)
    if not m:
        return False
    for uid in c.chosen(m.group(1))[:2]:
        c.fetch_one(uid, "RFC822.SIZE")
    c.line(f"{tag} NO Some of the messages could not be listed")
    return True


def expunge_while_fetching():
    """No UIDs, and the numbers change in the middle."""
    done = []

    def hook(c, tag, rest):
        if "BODY.PEEK" in rest and not done and c.box:
            done.append(1)
            c.line("* 1 EXPUNGE")
            c.view.remove(c.view[0])
            c.box.drop(1)
    return {"hook": hook, "body": literal(lambda part: part, no_uid=True)}


def empty_lines():
    def body(c, seq, uid, meta, name, part):
        c.raw(b"\r\n\r\n")
        c.raw(f"* {seq} FETCH ({meta} {name} {{{len(part)}}}\r\n".encode() + part + b")\r\n\r\n \r\n")
        return True
    return {"body": body}


def still_here(c, tag, rest):
    """Never an answer to the command for a message, but always something."""
    if "BODY.PEEK[])" not in rest:
        return False
    try:
        while True:
            c.raw(b"* OK still here, and busy as never before\r\n" * 5000)
    except OSError:
        return True


def twice(c, seq, uid, meta, name, part):
    for _ in range(2):
        literal(part)(c, seq, uid, meta, name, part)
    return True


def both_names(c, seq, uid, meta, name, part):
    c.raw(f"* {seq} FETCH ({meta} RFC822 {{{len(part)}}}\r\n".encode() + part + f" {name} {{{len(part)}}}\r\n".encode() + part + b")\r\n")
    return True


def says(word, reply):
    """${reply} to the command ${word}."""
    def hook(c, tag, rest):
        if not rest.startswith(word):
            return False
        c.line(reply.replace("TAG", tag))
        return True
    return {"hook": hook}


# ---- the table --------------------------------------------------------------
# name: (manners, what is told, evidence {uid: flag} or None, what else is special)
# taken: captured at the first visit (default: all but BAD, or all where nothing is told)

MANNERS = {
    # A copy that is not whole.
    "an empty string": (at(BAD, line('""')), "UID 3 is NOT captured: .*empty", {}),
    "an empty literal": (at(BAD, literal(b"")), "UID 3 is NOT captured: .*empty", {}),
    "60 of its bytes": (at(BAD, literal(lambda p: p[:60])), "UID 3 is NOT captured: .*shorter", {BAD: "short"}),
    "60 of its bytes, once": (short_once(), None, {}),
    "60 of its bytes, and closed": (at(BAD, cut), "UID 3 is NOT captured", {}),
    "Exchange's text instead": (at(BAD, literal(SUBSTITUTE)), "UID 3 is NOT captured: .*text of its own", {BAD: "substitute"}),
    "Exchange's text, as announced": ({**at(BAD, literal(SUBSTITUTE)), "size": lambda m: len(SUBSTITUTE) if m == MAIL[BAD] else len(m)},
                                      "UID 3 is NOT captured: .*text of its own", {BAD: "substitute"}),
    "other bytes each time": (changing(), "UID 3 is NOT captured: .*other bytes", {BAD: "inconsistent"}),
    # Not there.
    "NIL": (at(BAD, line("NIL")), "UID 3 is NOT captured: .*does not give it", {}),
    "a number instead": (at(BAD, line("4")), "UID 3 is NOT captured: .*does not give it", {}),
    "OK without it": (at(BAD, nothing), "UID 3 is NOT captured: .*does not give it", {}),
    "OK without any": ({"body": nothing}, "UID 3 is NOT captured", {}, {"taken": set()}),
    # Other names, no name.
    "RFC822": ({"body": literal(lambda p: p, name="RFC822")}, None, {}),
    "RFC822 and BODY[]": ({"body": both_names}, None, {}),
    "BODY.PEEK[]": ({"body": literal(lambda p: p, name="BODY.PEEK[]")}, None, {}),
    "BODY[]<0>": ({"body": literal(lambda p: p, name="BODY[]<0>")}, None, {}),
    "no UID": ({"body": literal(lambda p: p, no_uid=True)}, None, {}),
    "no UID, and other numbers": (expunge_while_fetching(), None, {}, {"taken": ALL - {1}, "gone": {1}}),
    "UID 0": ({"body": lambda c, seq, uid, meta, name, part: literal(part)(c, seq, uid, "UID 0", name, part)}, None, {}),
    "under the UID of the next": (at(BAD, lambda c, seq, uid, meta, name, part: literal(part)(c, seq, uid, f"UID {BAD + 1}", name, part)),
                                  "UID 3 is NOT captured: .*does not give it", {}),
    "every answer twice": ({"body": twice}, None, {}),
    "empty lines": (empty_lines(), None, {}),
    "still here, for ever": ({"hook": still_here}, "bytes and no reply to the last command", {}, {"taken": set(), "only": "keep"}),
    # Sizes.
    "size -1": (size("-1"), None, {}),
    "size NIL": (size("NIL"), None, {}),
    "size of 20 digits": (size("12345678901234567890"), None, {}),
    "no size, no date": (listed_as(lambda uid: f"UID {uid}"), None, {}),
    "size 0": (size("0"), None, {}),
    # The list.
    "listed without UID": ({"row": bare_row}, "not_listed mailbox=INBOX messages=1 first_number=[13] ", {}),
    "not listed by UID": ({"hook": forgets_to_list}, None, {}),
    "never listed": ({"hook": never_lists}, "not_listed mailbox=INBOX messages=1 first_number=[13] ", {}),
    "half a list": ({"hook": half_a_list}, "lists only some messages: Some of the messages", {}, {"taken": ALL}),
    # One bad message.
    "NO [UNAVAILABLE]": (refuses("NO [UNAVAILABLE] cannot open it"), r"UID 3 is NOT captured: .*\[UNAVAILABLE\] cannot open it", {}),
    "NO [NONEXISTENT]": (refuses("NO [NONEXISTENT] no such message"), "UID 3 is NOT captured", {}),
    "BAD": (refuses("BAD what"), "UID 3 is NOT captured: .*what", {}),
    "closed at it": (at(BAD, hangs_up), "UID 3 is NOT captured", {}),
    "BYE at it": (at(BAD, bye), "UID 3 is NOT captured: .*internal error", {}),
    "a literal that is too long": (at(BAD, literal(lambda p: p, lambda n: n + 5000)), "UID 3 is NOT captured", {}),
    "a literal that is too short": (at(BAD, literal(lambda p: p, lambda n: n - 30)), "UID 3 is NOT captured", {}),
    "a literal of -1 bytes": (at(BAD, literal(lambda p: p, lambda n: -1)), "UID 3 is NOT captured: .*not IMAP", {}),
    "no end of the list": (at(BAD, literal(lambda p: p, tail=b"\r\n")), "UID 3 is NOT captured: .*not IMAP", {}),
    # It gives nothing, and wants to be left alone.
    "NO to all": (refuses("NO Server error", 0), "one after|UID 1 is NOT captured: .*Server error", {}, {"taken": set()}),
    "BAD throttled": (refuses("BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", 0),
                      "throttled. Suggested Backoff Time: 299961", {}, {"taken": set(), "throttled": 2}),
    "NO [THROTTLED]": (refuses("NO [THROTTLED] enough", 0), r"\[THROTTLED\] enough", {}, {"taken": set(), "throttled": 2}),
    "OK throttled, without any": ({"hook": lambda c, tag, rest: "BODY.PEEK[])" in rest and (c.line(tag + " OK [THROTTLED] Slow down") or True)},
                                  r"\[THROTTLED\] Slow down", {}, {"taken": set(), "throttled": 2}),
    "BYE too many": (says("EXAMINE", "* BYE Too many simultaneous connections"), "Too many simultaneous", {}, {"taken": set(), "throttled": 0, "only": "keep"}),
    "throttled at login": (says("LOGIN", "TAG NO Request is throttled. Suggested Backoff Time: 60 seconds"), "Request is throttled", {}, {"taken": set(), "throttled": 0}),
    "throttled list": (says("UID FETCH", "TAG BAD Request is throttled."), "Request is throttled", {}, {"taken": set(), "throttled": 0}),
    "a greeting of NO": ({"greeting": "* NO IceWarp: access denied by Intrusion prevention, try again in 30 minutes"}, "Intrusion prevention", {},
                         {"taken": set(), "throttled": 0, "blind": True}),
}


# ---- the driver -------------------------------------------------------------

class Visitor:
    number = 0

    def __init__(self, server, **options):
        Visitor.number += 1
        self.server, self.later = server, 0
        self.a = Archive(root, name=f"a{Visitor.number}")
        self.conf = {"type": "imap", "server": "127.0.0.1", "port": server.port, "user": "u", "security": "none",
                     "password_file": secret, "timeout": 2, **options}
        self.text = open(os.path.join(self.a.dir, "sealpost.conf")).read()
        self.write()

    def write(self, **options):
        self.conf.update(options)
        with open(os.path.join(self.a.dir, "sealpost.conf"), "w") as f:
            f.write(self.text + "pull p {\n" + "".join(f"\t{k} = {json.dumps(str(v))}\n" for k, v in self.conf.items()) + "}\n")

    def cmd(self, *args):
        clock = f"{int((time.time() + self.later) * 1000000)}:100"
        done = self.a.cmd(*args, status=None, env={"SP_TEST_CLOCK": clock})
        return done.stdout.decode() + done.stderr.decode()

    def pull(self):
        self.server.said.clear()
        return self.cmd("pull", "p")

    def archived(self):
        """{uid: [(SHA-256, flags)]} of what was pulled."""
        out = {}
        for r, raw in self.a.entries().values():
            if r["kind"] == "message":
                out.setdefault(int(r["source"]["uid"]), []).append((sha256(raw), tuple(r.get("flags", []))))
        return out

    def captured(self):
        return {u: [s for s, flags in v if not set(flags) & {"short", "substitute", "inconsistent"}] for u, v in self.archived().items()}

    def missing(self):
        """What reconcile says is not in the archive."""
        lines = [json.loads(t) for t in self.cmd("reconcile", "p", "--format", "json").splitlines() if t.startswith("{")]
        return sorted(x["uid"] for x in lines if x.get("missing")), lines


def heal(server):
    server.quirks.clear()
    server.greeting = None


def one(name, after, manners, told, evidence, special):
    s = Server(**manners)
    for n in sorted(ALL):
        s.inbox.add(MAIL[n])
    taken = special.get("taken", ALL if told is None else ALL - {BAD})
    gone = special.get("gone", set())
    v = Visitor(s, after=after)
    what = f"{name}, {after}"
    out = ""
    for visit in (1, 2):
        out = v.pull()
        check(told is None or not s.inbox.msgs or re.search(told, out, re.S) is not None, f"{what}, visit {visit}: it is told: {out}")
        check(told is not None or "NOT captured" not in out, f"{what}: nothing to tell: {out}")
        got = v.captured()
        check({u for u in got if got[u]} == taken, f"{what}, visit {visit}: captured {got.keys()} want {taken}: {out}")
        for u in got:
            check(got[u] in ([], [sha256(MAIL[u])]), f"{what}: {u} once, and every byte of it: {out}")
        left = ALL - gone - (taken if after == "delete" else set())
        check(set(s.inbox.msgs) == left, f"{what}, visit {visit}: left on the server {set(s.inbox.msgs)} want {left}: {out}")
        if told and s.inbox.msgs and "throttled" not in special and name != "half a list":
            check("NOT CAPTURED" in out, f"{what}, visit {visit}: the result counts it: {out}")
        if "throttled" in special:
            asked = [t for t in s.said if "BODY.PEEK" in t]
            check(len(asked) <= special["throttled"], f"{what}: a server that is throttled is left alone: {asked}")
        check(len(s.said) < 80, f"{what}: {len(s.said)} commands for five messages")
    flags = {u: f for u, x in v.archived().items() for _, fl in x for f in fl if f in ("short", "substitute", "inconsistent")}
    check(flags == evidence, f"{what}: evidence {flags} want {evidence}")
    if evidence and name != "other bytes each time":
        check(len(v.archived()[BAD]) == 1, f"{what}: the same evidence is stored once: {v.archived()}")
    if not special.get("blind") and "throttled" not in special:
        names, lines = v.missing()
        number = "none, number %d" % (BAD if after == "keep" else 1)
        want = [number] if told and "not_listed" in told else [str(u) for u in sorted(ALL - gone - taken)]
        check(names == want, f"{what}: reconcile says {lines}, want {want}")
    # The server has come to its senses, and the pauses are over.
    heal(s)
    v.later += 90000
    out = v.pull()
    got = v.captured()
    check({u for u in got if sha256(MAIL[u]) in got[u]} == ALL - gone, f"{what}: at last all of them: {got.keys()} {out}")
    check(all(len(x) == 1 for x in got.values() if x), f"{what}: none twice: {got} {out}")
    check(set(s.inbox.msgs) == (set() if after == "delete" else ALL - gone), f"{what}: at last left {set(s.inbox.msgs)}")
    check(v.missing()[0] == [], f"{what}: at last complete")
    s.close()


def table(only):
    for name, (manners, told, evidence, *special) in MANNERS.items():
        if only and not any(o in name for o in only):
            continue
        special = special[0] if special else {}
        for after in ("delete", "keep"):
            if special.get("only", after) == after:
                fresh = {"60 of its bytes, once": short_once, "other bytes each time": changing,
                         "no UID, and other numbers": expunge_while_fetching}.get(name)
                one(name, after, fresh() if fresh else dict(manners), told, evidence, special)
        print("ok", name, flush=True)


# ---- what needs more than one state of the server ---------------------------

def a_short_copy_that_stays_short():
    """The server's size is wrong for good: the same bytes an hour later are the message; Exchange's text never is."""
    for data, whole in ((lambda p: p[:60], True), (SUBSTITUTE, False), (b"", False)):
        s = Server(**at(BAD, literal(data)))
        for n in sorted(ALL):
            s.inbox.add(MAIL[n])
        v = Visitor(s, after="delete")
        for later in (0, 1800, 3500):
            v.later = later
            out = v.pull()
            check(set(s.inbox.msgs) == {BAD}, f"after {later} s it is not deleted: {out}")
        for later in (7200, 90000, 180000):
            v.later = later
            out = v.pull()
        check(set(s.inbox.msgs) == (set() if whole else {BAD}), f"a day later: {set(s.inbox.msgs)} {out}")
        check(("NOT captured" in out) != whole, f"a day later: {out}")


def renumbered():
    """UIDs are given away under one UIDVALIDITY."""
    old = {1: MAIL[1], 2: MAIL[2], 3: MAIL[3]}
    cases = {
        "all moved up": {1: MAIL[2], 2: MAIL[3], 3: MAIL[4]},
        "made anew in another order": {1: MAIL[3], 2: MAIL[5], 3: MAIL[1], 4: MAIL[2]},
        "another mailbox": {1: MAIL[4], 2: MAIL[5]},
        "nothing of it left": {1: MAIL[5]},
    }
    for name, new in cases.items():
        for after in ("keep", "delete"):
            s = Server()
            for n in sorted(old):
                s.inbox.add(old[n])
            v = Visitor(s, after="keep")
            v.pull()
            box = Box()
            for uid, m in sorted(new.items()):
                box.add(m, uid)
            s.boxes["INBOX"] = box
            v.write(after=after)
            out = v.pull() + v.pull()
            have = {x for y in v.captured().values() for x in y}
            want = {sha256(m) for m in list(old.values()) + list(new.values())}
            check(have == want, f"renumbered, {name}, {after}: {len(have)} of {len(want)} contents: {out}")
            check(out.count("renumbered mailbox=INBOX uidvalidity=7") == 1, f"renumbered, {name}, {after}: told once: {out}")
            n = sum(map(len, v.captured().values()))
            # A UID that the log does not have gets an entry, whatever stands there: the log must name it.
            again = len({u for u in new if u not in old and new[u] in old.values()})
            check(n == len(want) + again, f"renumbered, {name}, {after}: {n} entries for {len(want)} contents")
            check(bool(s.inbox.msgs) == (after == "keep"), f"renumbered, {name}, {after}: left {set(s.inbox.msgs)}")
            check(v.missing()[0] == [], f"renumbered, {name}, {after}: complete")


def a_leftover_is_compared_before_it_is_deleted():
    """What an earlier session archived and did not delete is now another message, and nothing in the memo tells."""
    s = Server(hook=lambda c, tag, rest: "UID STORE" in rest and (c.line(tag + " NO not now") or True))
    for n in (1, 2, 3):
        s.inbox.add(MAIL[n])
    v = Visitor(s, after="delete")
    out = v.pull()
    check(set(s.inbox.msgs) == {1, 2, 3} and set(v.captured()) == {1, 2, 3}, f"archived and not deleted: {out}")
    s.inbox.msgs[2][0] = MAIL[5]
    heal(s)
    out = v.pull()
    have = {x for y in v.captured().values() for x in y}
    check(have == {sha256(MAIL[n]) for n in (1, 2, 3, 5)} and not s.inbox.msgs, f"the other message was taken first: {out}")
    check("renumbered mailbox=INBOX" in out, f"it is told: {out}")
    check(sum(map(len, v.captured().values())) == 4, f"and nothing is archived twice: {out}")


def names_that_do_not_last():
    """Another UIDVALIDITY in every session: told, and not archived again at every visit."""
    def hook(c, tag, rest):
        if rest.startswith("EXAMINE"):
            c.srv.inbox.uidvalidity += 1
    s = Server(hook=hook)
    for n in (1, 2, 3):
        s.inbox.add(MAIL[n])
    s.inbox.add(MAIL[3])  # two of the same bytes
    v = Visitor(s, after="keep")
    out = [v.pull() for _ in range(4)]
    entries = sum(r["kind"] == "message" for r in v.a.records().values())
    check(entries == 8, f"twice, and no more: {entries} {out}")
    check("uidvalidity_changed" in out[3] and "not archived again" in out[3], f"it is told: {out}")
    s.inbox.add(MAIL[4])
    out = [v.pull() for _ in range(2)]
    entries = sum(r["kind"] == "message" for r in v.a.records().values())
    check(entries == 9, f"what is new is taken, once: {entries} {out}")
    # It comes to rest.
    heal(s)
    out = [v.pull() for _ in range(2)]
    s.inbox.add(MAIL[5])
    out += [v.pull() for _ in range(2)]
    entries = sum(r["kind"] == "message" for r in v.a.records().values())
    check(entries == 10 and "NOT captured" not in "".join(out), f"as ever: {entries} {out}")


def status_names_it():
    """The service: what is not captured stands in the status, and is gone from it when it came."""
    s = Server(**at(BAD, nothing))
    for n in sorted(ALL):
        s.inbox.add(MAIL[n])
    v = Visitor(s, after="keep", idle="no")
    v.a.start()
    try:
        v.a.cmd("pull", "p", status=None)
        out = v.a.cmd("status", status=None).stdout.decode()
        check("1 NOT CAPTURED: INBOX UID 3" in out, f"the status names it: {out}")
        heal(s)
        v.a.cmd("pull", "p", status=0)
        out = v.a.cmd("status", status=None).stdout.decode()
        check("NOT CAPTURED" not in out, f"and no more: {out}")
    finally:
        v.a.stop()


def what_is_gone_uncaptured_is_told():
    """A message that is not captured and announced no more: told once as lost, and no doubt is left of it,
    wherever it lay in the mailbox; another UIDVALIDITY is no loss."""
    def visit(v, lost, doubtful=0):
        out = v.pull()
        check(out.count("is LOST UNCAPTURED: ") == lost and (f"{lost} LOST UNCAPTURED: " in out) == (lost > 0), f"{lost} lost: {out}")
        check(("NOT CAPTURED" in out) == (doubtful > 0), f"{doubtful} in doubt: {out}")
        return out
    for after in ("keep", "delete"):
        for way in (literal(lambda p: p[:60]), nothing, hangs_up):
            for bad in (BAD, max(ALL)):
                for everything in (False, True):
                    s = Server(**at(bad, way))
                    for n in sorted(ALL):
                        s.inbox.add(MAIL[n])
                    v = Visitor(s, after=after)
                    visit(v, 0, 1)
                    for uid in list(s.inbox.msgs) if everything else [bad]:
                        s.inbox.drop(uid)
                    out = visit(v, 1)
                    check(f"message INBOX UID {bad} is LOST" in out, f"it is named: {out}")
                    visit(v, 0)
    s = Server(**at(BAD, nothing))
    for n in sorted(ALL):
        s.inbox.add(MAIL[n])
    v = Visitor(s, after="keep")
    visit(v, 0, 1)
    s.inbox.uidvalidity += 1
    visit(v, 0, 1)
    # A refusal is called one.
    s = Server(**refuses("NO [UNAVAILABLE] cannot open it"))
    for n in sorted(ALL):
        s.inbox.add(MAIL[n])
    out = Visitor(s, after="keep").pull()
    check("NOT captured: the server refuses to give it: " in out and "session broke" not in out, f"a refusal: {out}")


def many_bad_messages():
    """Every third of sixty breaks the session: all others come, in visits that end."""
    s = Server(body=lambda c, seq, uid, *a: uid % 3 == 0 and hangs_up(c, seq, uid, *a))
    mails = {n: mail(n) for n in range(1, 61)}
    for n in mails:
        s.inbox.add(mails[n])
    v = Visitor(s, after="keep")
    for i in range(6):
        v.later = i * 3600
        out = v.pull()
    check(set(v.captured()) == {n for n in mails if n % 3}, f"all but the bad ones: {sorted(v.captured())} {out}")
    heal(s)
    v.later += 90000
    v.pull()
    check(set(v.captured()) == set(mails), f"at last all: {sorted(v.captured())}")


def main():
    only = sys.argv[1:]
    rows = [o for o in only if o not in globals()]
    if rows or not only:
        table(rows)
    for test in (a_short_copy_that_stays_short, renumbered, a_leftover_is_compared_before_it_is_deleted, names_that_do_not_last, status_names_it, what_is_gone_uncaptured_is_told, many_bad_messages):
        if not only or test.__name__ in only:
            test()
            print("ok", test.__name__, flush=True)
    finish("imap_manners")


main()
