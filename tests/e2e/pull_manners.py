"""POP3 servers that announce one thing and give another: what counts as captured,
what may be deleted, and what is told.  One row a manner; each is played with
after = keep and after = delete, visited twice, and visited again once the server
is mended."""
import json
import os
import re
import time

from fake_pop3 import Fake, archive, pull
from kit import check, finish, message, sha256


def parts(n, closed=True):
    """A multipart message."""
    end = b"--b--\r\n" if closed else b""
    return b"Subject: %d\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello %d\r\n" % (n, n) + end


def lf_size(data):
    return len(data.replace(b"\r\n", b"\n"))


a, b, c = (message(i, 144 + i) for i in (1, 2, 3))
dotted = b"Subject: dots\r\n\r\nbefore\r\n.\r\n" + b"behind the dot, thirty bytes.\r\n"
doubled = b"Subject: dots\r\n\r\n.profile\r\n.vimrc\r\n"
hidden = b"Subject: dots\r\n\r\n.profile\r\n..\r\n...\r\n.\r.x\r\n"
cut = b[:58] + b"\r\n"
wide = message(4, 400)
early = dotted[:dotted.index(b".\r\n")]
# What stands behind the dot looks like replies, and like the message behind it.
swallow = b"Subject: dots\r\n\r\nbefore\r\n.\r\n+OK\r\n" + b"x" * (len(c) - 2) + b"\r\n.\r\n+OK\r\n"
agree = b"Subject: dots\r\n\r\nbefore\r\n.\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"
before = b"Subject: dots\r\n\r\nbefore\r\n"
exchange = b"Subject: Retrieval using the POP3 protocol failed for the following message: 2\r\n\r\nThe server couldn't retrieve the following message:\r\n"
large = message(7, 6 << 20)  # does not stay in memory until it is judged
twenty = "99999999999999999999"

# name, mail, manners, stored whole after two visits, evidence {flag: [bytes]}, numbers of those not captured, what is said of them
ROWS = (
    ("sizes are right", [a, b, c], {}, [a, b, c], {}, (), ""),
    ("sizes count line ends as one", [a, b, c], {"announces": lf_size}, [a, b, c], {}, (), ""),
    ("sizes count the dot that ends", [a, b, c], {"announces": lambda x: len(x) + 3}, [a, b, c], {}, (), ""),
    ("sizes are far too small", [a, b, c], {"announces": lambda x: 20}, [a, b, c], {}, (), ""),
    ("sizes are no numbers", [a, b, c], {"announces": {0: "-1", 1: twenty, 2: "many"}}, [a, b, c], {}, (), ""),
    ("no LIST", [a, b, c], {"no": {"LIST": "-ERR what"}}, [a, b, c], {}, (), ""),
    ("dots are not doubled", [a, dotted, c], {"unstuffed": True}, [a, c], {"short": [early]}, (1,), "shorter than the server announces"),
    ("dots are not doubled, none is alone", [a, hidden, c], {"unstuffed": True}, [a, hidden, c], {}, (), ""),
    ("dots are doubled, sizes are off by as many", [a, doubled, c], {"announces": lambda x: len(x) + 2}, [a, doubled, c], {}, (), ""),
    ("dots are doubled", [a, hidden, dotted], {}, [a, hidden, dotted], {}, (), ""),
    ("dots are not doubled, last", [a, b, dotted], {"unstuffed": True}, [a, b], {"short": [early]}, (2,), "shorter than the server announces"),
    ("dots are not doubled, few bytes are lost", [a, early + b".\r\nx\r\n", c], {"unstuffed": True}, [a, c], {"short": [early]}, (1,), "shorter than the server announces"),
    ("dots are not doubled, no LIST", [a, dotted, c], {"unstuffed": True, "no": {"LIST": "-ERR what"}}, [a, c], {"short": [early]}, (1,), "shorter than the server announces"),
    ("replies in a message, dots are not doubled", [a, swallow, c, b], {"unstuffed": True}, [a, c, b], {"short": [before]}, (1,), "shorter than the server announces"),
    ("replies alone in it", [a, agree, c, b], {"unstuffed": True}, [a, c, b], {"short": [before]}, (1,), "shorter than the server announces"),
    ("replies in it, no LIST", [a, swallow, c, b], {"unstuffed": True, "no": {"LIST": "-ERR what"}}, [a, c, b], {"short": [before]}, (1,), "shorter than the server announces"),
    ("replies in it, no UIDL for some", [a, swallow, c, b], {"unstuffed": True, "uidl": {1: None}}, [a, c, b], {"short": [before]}, (1,), "shorter than the server announces"),
    ("replies in it, one by one", [a, agree, c, b], {"unstuffed": True, "capa": ["UIDL"]}, [a, c, b], {"short": [before]}, (1,), "shorter than the server announces"),
    ("no LIST, RETR tells the size", [a, b, c], {"octets": True, "no": {"LIST": "-ERR what"}, "gives": {1: cut}}, [a, c], {"short": [cut]}, (1,), "shorter than the server announces"),
    ("no size of one, RETR tells it", [a, b, c], {"octets": True, "announces": {1: "many"}, "gives": {1: cut}}, [a, c], {"short": [cut]}, (1,), "shorter than the server announces"),
    ("a large one", [a, large, c], {}, [a, large, c], {}, (), ""),
    ("a large one is cut", [a, large, c], {"gives": {1: large[:5 << 20]}}, [a, c], {"short": [large[:5 << 20] + b"\r\n"]}, (1,), "shorter than the server announces"),
    ("nothing comes", [a, b, c], {"gives": {1: b""}}, [a, c], {}, (1,), "sends an empty message"),
    ("part of it comes", [a, b, c], {"gives": {1: cut}}, [a, c], {"short": [cut]}, (1,), "shorter than the server announces"),
    ("part comes once", [a, b, c], {"gives": {1: [cut, b]}}, [a, b, c], {}, (), ""),
    ("a multipart without its end", [a, parts(1), c], {"gives": {1: parts(1, False)}}, [a, c], {"short": [parts(1, False)]}, (1,), "shorter"),
    ("Exchange's text", [a, b, c], {"gives": {1: exchange}}, [a, c], {"substitute": [exchange]}, (1,), "text of its own"),
    ("Exchange's text, size as announced", [a, exchange, c], {}, [a, c], {"substitute": [exchange]}, (1,), "text of its own"),
    ("other bytes at each fetch", [a, b, c], {"announces": {1: 20}, "gives": {1: [b + b"%d\r\n" % i for i in range(9)]}}, [a, c],
     {"inconsistent": [b + b"1\r\n", b + b"3\r\n"]}, (1,), "other bytes at each fetch"),
    ("-ERR to one", [a, b, c], {"lost": {1}}, [a, c], {}, (1,), "does not give"),
    ("the connection goes at one", [a, b, c], {"closes": {1}}, [a, c], {}, (1,), "session broke"),
    ("the connection goes at the first", [a, b, c], {"closes": {0}}, [b, c], {}, (0,), "session broke"),
    ("the connection goes at two", [a, b, c], {"closes": {0, 2}}, [b], {}, (0, 2), "session broke"),
    ("no reply at one", [a, b, c], {"garbles": {1}}, [a, c], {}, (1,), "session broke"),
    ("UIDL leaves one out", [a, b, c], {"uidl": {1: None}}, [a, b, c], {}, (), ""),
    ("one UIDL is empty", [a, b, c], {"uidl": {1: "N "}}, [a, b, c], {}, (), ""),
    ("one UIDL is missing", [a, b, c], {"uidl": {1: "N"}}, [a, b, c], {}, (), ""),
    ("one UIDL is too long", [a, b, c], {"uidl": {1: "N " + "x" * 2000}}, [a, b, c], {}, (), ""),
    ("one UIDL is endless", [a, b, c], {"uidl": {1: "N " + "x" * 70000}}, [a, b, c], {}, (), ""),
    ("one without a UIDL is not whole", [a, b, c], {"uidl": {1: None}, "gives": {1: cut}}, [a, c], {"short": [cut]}, (1,), "shorter"),
    ("of two with one UIDL the other comes", [a, wide, c], {"uidl": {0: "N same", 1: "N same"}, "gives": {1: a}}, [a, c], {"short": [a]}, (1,), "shorter"),
    ("STAT counts too few", [a, b, c], {"stat": lambda mail: "+OK %d 10" % (len(mail) // 3)}, [a, b, c], {}, (), ""),
    ("STAT has negative octets", [a, b, c], {"stat": lambda mail: "+OK %d -1" % len(mail)}, [a, b, c], {}, (), ""),
    ("STAT has no octets", [a, b, c], {"stat": lambda mail: "+OK %d" % len(mail)}, [a, b, c], {}, (), ""),
    ("empty lines between answers", [a, b, c], {"between": b"\r\n\r\n"}, [a, b, c], {}, (), ""),
    ("new UIDLs in every session", [a, b, c], {"renames": True}, [a, b, c], {}, (), ""),
)


def stored(arc):
    """({flag or "": [sha256]}) of the messages in the log."""
    out = {}
    for record, raw in arc.entries().values():
        if record["kind"] == "message":
            out.setdefault("".join(record.get("flags", [])), []).append(sha256(raw))
    return {k: sorted(v) for k, v in out.items()}


def digests(mail):
    return sorted(sha256(x) for x in mail)


def retries(arc):
    """Let the pauses of the account be over."""
    path = os.path.join(arc.dir, "state/pull/p")
    text = open(path).read()
    open(path, "w").write(re.sub(r"^(doubt \S+ \S+ \d+) \d+", r"\1 0", text, flags=re.M))


for name, mail, manners, whole, evidence, lacking, said in ROWS:
    for after in ("keep", "delete"):
        what = f"{name}, {after}"
        copy = {k: ({i: list(v) if isinstance(v, list) else v for i, v in x.items()} if isinstance(x, dict) else x) for k, x in manners.items()}
        f = Fake(mail, **copy)
        arc = archive(f, after=after)
        got, err = pull(arc, 1 if lacking else 0)
        check(got["error"] is None and got["taken"] == len(whole) and got["doubtful"] == len(lacking), f"{what}: {got} {err}")
        first = stored(arc)
        expect = {"": digests(whole)} | {k: digests(v[:1]) for k, v in evidence.items()}
        check(first == expect, f"{what}: stored {first}, want {expect}")
        left = [x for x in mail if after == "keep" or mail.index(x) in lacking]
        check(f.mail == left, f"{what}: {len(f.mail)} left on the server, want {len(left)}")
        check(all(x in err for x in ([said] if lacking else [])) and err.count("NOT captured") == len(lacking), f"{what}: said {err}")
        # A second visit: named again, the evidence is not stored again.
        got, err = pull(arc, 1 if lacking else 0)
        check(got["error"] is None and got["taken"] == 0 and got["doubtful"] == len(lacking) and err.count("NOT captured") == len(lacking), f"{what}, second visit: {got} {err}")
        expect = {"": digests(whole)} | {k: digests(v) for k, v in evidence.items()}
        check(stored(arc) == expect, f"{what}, second visit: stored {stored(arc)}, want {expect}")
        check(f.mail == left, f"{what}, second visit: {len(f.mail)} left")
        if "new UIDLs" in name and after == "keep":
            check(got["known"] == 3 and "under names that the server does not use any more" in err, f"{what}: {got} {err}")
        if after == "keep" and "uidl" not in manners and "renames" not in manners:
            out = arc.cmd("reconcile", "p", status=1 if lacking else 0).stdout.decode()
            check((f"{len(lacking)} NOT ARCHIVED" if lacking else "complete") in out, f"{what}: reconcile {out}")
            check("it is whole" not in out, f"{what}: reconcile {out}")
            check(out.count("no capture") == sum(map(len, evidence.values())) > 0 or not evidence or "inconsistent" in evidence, f"{what}: reconcile {out}")
        # The state is lost: nothing is stored twice, nothing counts that did not.
        if evidence:
            os.unlink(os.path.join(arc.dir, "state/pull/p"))
            got, err = pull(arc, 1)
            check(got["taken"] == 0 and got["doubtful"] == len(lacking) and f.mail == left, f"{what}, state lost: {got} {err}")
            check("stored before" not in got["doubts"], f"{what}, state lost, names: {got}")
            # The same, and the server does not answer: what the log says of it is kept nevertheless.
            os.unlink(os.path.join(arc.dir, "state/pull/p"))
            f.m["greeting"] = "-ERR not now"
            got, err = pull(arc, 1)
            state = open(os.path.join(arc.dir, "state/pull/p")).read()
            check((got["doubtful"] > 0 or "one UIDL the other" in name) and "it is whole" not in got["doubts"] and "(null)" not in state, f"{what}, state lost, no server: {got} {state}")
        # The server is mended: all of it comes.
        f.m.clear()
        if lacking and "size as announced" not in name and "one UIDL the other" not in name:
            retries(arc)
            got, err = pull(arc)
            check(got["taken"] == len(lacking) and got["doubtful"] == 0, f"{what}, mended: {got} {err}")
            check(stored(arc)[""] == digests(mail) and f.mail == (mail if after == "keep" else []), f"{what}, mended: {len(f.mail)} left")
            if after == "keep":
                check("complete" in arc.cmd("reconcile", "p").stdout.decode(), f"{what}, mended: reconcile")

# A message without an end keeps no other waiting, and the visit ends.
f = Fake([a, b, c], endless={1})
arc = archive(f, after="delete", max_message="1M")
got, err = pull(arc, 1)
check(got["taken"] == 2 and f.mail == [b] and "far more than max_message" in err, f"endless: {got} {err}")

# Too short, again and again: it counts once another session an hour later gave the same; a multipart only with its end.
for name, short, counts in (("text", cut, True), ("multipart", parts(1, False), False), ("whole multipart", parts(1), True), ("empty", b"", False)):
    f = Fake([a, b + c], gives={1: short})
    arc = archive(f, after="delete")
    pull(arc, 1)
    pull(arc, 1)
    path = os.path.join(arc.dir, "state/pull/p")

    def earlier(seconds):
        """As if the first fetch had been so long ago."""
        text = open(path).read()
        open(path, "w").write(re.sub(r"^(doubt \S+ \S+ \d+) \d+( \S+ \d+ \S+) (\d+) (\d+)",
                                     lambda m: f"{m[1]} 0{m[2]} {int(m[3]) - seconds * 10**6} {int(m[4]) - seconds * 10**6}", text, flags=re.M))

    earlier(3000)
    got, _ = pull(arc, 1)
    check(got["taken"] == 0 and len(f.mail) == 1, f"short {name}, 50 minutes: {got}")
    earlier(700)
    got, _ = pull(arc, 0 if counts else 1)
    check(got["taken"] == counts and len(f.mail) == 1 - counts and ("counts as captured" in _) == counts, f"short {name}, an hour: {got} {_}")
    check(len(stored(arc).get("short", [])) == (short != b""), f"short {name}: {stored(arc)}")

# A doubtful message is put off, longer and longer; others come meanwhile.
f = Fake([a, b], closes={1})
arc = archive(f)
for _ in range(5):
    pull(arc, 1)
asked = sum(x == "RETR 2" for s in f.sessions for x in s)
check(asked == 4, f"asked {asked} times for what breaks the session, want twice in each of the first two visits")
f.mail.append(c)
f.uids.append("new")
got, err = pull(arc, 1)
check(got["taken"] == 1 and "UIDL u1 is NOT captured" in err, f"others come: {got} {err}")
# The server stops announcing it.
f.mail.pop(1), f.uids.pop(1), f.m.clear()
got, err = pull(arc, 1)
check(got["doubtful"] == 0 and got["lost"] == 1 and "message UIDL u1 is LOST UNCAPTURED" in err, f"announced no more: {got} {err}")
got, err = pull(arc)
check(got["lost"] == 0 and "LOST" not in err, f"announced no more is told once: {got} {err}")
# So is one whose bad copy is stored, whether mail is deleted or not; new names for the same messages are no loss.
for after in ("keep", "delete"):
    for uidl in ("u1", None):
        f = Fake([a, b, c], gives={1: cut}, uidl={} if uidl else {1: None})
        arc = archive(f, after=after)
        pull(arc, 1)
        i = f.mail.index(b)
        f.mail.pop(i), f.uids.pop(i), f.m.clear()
        got, err = pull(arc, 1)
        check(got["lost"] == 1 and got["doubtful"] == 0 and "LOST UNCAPTURED" in err and "flag:short" in err, f"gone, {after}, {uidl}: {got} {err}")
f = Fake([a, b, c], gives={1: cut}, renames=True)
arc = archive(f)
for _ in range(3):
    got, err = pull(arc, 1)
    check(got["lost"] == 0 and "LOST" not in err, f"new names: {got} {err}")

f = Fake([message(1, 300), message(2, 300)], uidl={0: None, 1: None}, gives={1: cut})
arc = archive(f, after="delete")
pull(arc, 1)
got, err = pull(arc, 1)
check(got["doubtful"] == 1 and got["lost"] == 0 and len(f.mail) == 1, f"another place among those of its size: {got} {err}")
f.m.clear()
retries(arc)
got, err = pull(arc)
check(got["taken"] == 1 and got["lost"] == 0, f"it has a name now: {got} {err}")

# What was put last is asked for although the server deletes nothing, and although all else is fetched at every visit.
for how, after in (({"no": {"DELE": "-ERR read only"}}, "delete"), ({"uidl": {0: None, 2: None}}, "keep")):
    f = Fake([a, b, c], gives={1: cut}, **how)
    arc = archive(f, after=after)
    pull(arc, 1)
    f.m.pop("gives")
    got, err = pull(arc)
    check(got["taken"] == 1 and got["doubtful"] == 0 and stored(arc)[""] == digests([a, b, c]), f"last, {how}: {got} {err}")

# Many at which the session breaks: the visit ends, and goes on the next time.
mail = [message(i, 200 + i) for i in range(60)]
f = Fake(mail, closes=set(range(0, 60, 2)))
arc = archive(f)
for _ in range(4):
    arc.cmd("pull", "p", status=1)
check(stored(arc)[""] == digests(mail[1::2]), "all others came")
check(len(f.sessions) < 100, f"{len(f.sessions)} sessions")

# Very many that the server does not give: the log is not flooded.
f = Fake([message(i, 200) for i in range(130)], lost=set(range(5, 130)))
got, err = pull(archive(f), 1)
check(got["taken"] == 5 and got["doubtful"] == 125 and err.count("UIDL") == 200 // 2 and "25 more messages are NOT captured" in err, f"very many: {got} {err[-300:]}")

# What a server says does nothing to a terminal.
f = Fake([a, b], lost={1}, refusal="-ERR \x1b[2J no \x07 such \x9b31m \xe4")
got, err = pull(archive(f), 1)
check("\x1b" not in err and "\x07" not in err and "?[2J no ? such ??31m \xe4" in err, f"controls: {err!r}")

# Throttled: the session ends, the words are shown, nothing more is asked.
for reply, at in (("-ERR Request is throttled. Suggested Backoff Time: 299961 milliseconds", "RETR"), ("-ERR [SYS/TEMP] server busy", "UIDL"),
                  ("-ERR throttled", "LIST"), ("-ERR too many connections", "CAPA"), ("-ERR [LOGIN-DELAY] too often", "UIDL")):
    f = Fake([a, b, c], no={at: reply})
    arc = archive(f)
    got, err = pull(arc, 1)
    check(reply.split(" ", 1)[1].split("] ")[-1] in got["error"] and f.sessions[-1][-1].split(" ")[0] in (at, "RETR") and len(f.sessions) == 1, f"{reply}: {got} {f.sessions}")
f = Fake([a, b, c], greeting="-ERR IceWarp Intrusion prevention, try again in 30 minutes")
got, _ = pull(archive(f), 1)
check("Intrusion prevention" in got["error"] and f.sessions[-1] == [], f"greeting: {got} {f.sessions}")

# By the service: events, status, the pause that the server wants.
f = Fake([a, b, c, large], gives={1: cut})
arc = archive(f, after="delete", poll="1")
arc.start()
end = time.time() + 60
while time.time() < end and not (arc.status().get("pull") or [{}])[0].get("doubtful"):
    time.sleep(0.1)
p = arc.status()["pull"][0]
check(p["doubtful"] == 1 and "UIDL u1 (it is shorter" in p["doubts"] and p["failures"] == 0, f"status: {p}")
text = arc.cmd("status", status=None).stdout.decode()
check("1 NOT CAPTURED: UIDL u1" in text, f"status: {text}")
check('sealpost_pull_not_captured{account="p"} 1' in arc.cmd("status", "--format", "prometheus", status=None).stdout.decode(), "prometheus")
got, _ = pull(arc, 1)
check(got["doubtful"] == 1 and "UIDL u1" in got["doubts"], f"asked by hand: {got}")
check(f.mail == [b], f"the large one came too: {[len(x) for x in f.mail]}")
f.m["greeting"] = "-ERR throttled, retry after 7200 seconds"
for _ in range(3):  # the first may be answered by a visit that was on its way
    got, _ = pull(arc, None)
    if got["error"]:
        break
check("throttled, retry after 7200" in (got["error"] or ""), f"throttled: {got}")
arc.wait_index()
found = [json.loads(t) for t in arc.cmd("search", "--format", "json", "flag:short").stdout.splitlines()]
check(len(found) == 1 and found[0]["sha256"] == sha256(cut), f"search flag:short: {found}")
log = arc.log_text()
check("event=pull_note" in log and "UIDL u1 is NOT captured" in log and "doubtful=1" in log, "the log names it")
waits = [int(x) for x in re.findall(r"event=pull_failed .*reason=throttle .*next_s=(\d+)", log)]
check(waits and min(waits) >= 7200, f"the pause is at least what the server wants: {waits}")
arc.stop()

# Not captured at two visits: an alarm, until it came.  What is gone uncaptured is one too, and counted.


def causes():
    return {x["cause"]: x for x in arc.status()["open_alarms"]}


def until(what, done, seconds=120):
    end = time.time() + seconds
    while time.time() < end and not done():
        time.sleep(0.2)
    check(done(), f"{what}: {causes()} {arc.status()['pull']}")


f = Fake([a, b, c], gives={1: cut})
arc = archive(f, after="delete", poll="1")
arc.start()
until("alarm", lambda: "pull_doubtful:p" in causes())
check("UIDL u1 (it is shorter" in causes()["pull_doubtful:p"]["text"], f"alarm: {causes()}")
# Who asks while no service runs is told what is not captured.
arc.stop()
p = arc.status()["pull"][0]
check(p["account"] == "p" and p["doubtful"] == 1 and "UIDL u1 (it is shorter" in p["doubts"], f"status, stopped: {p}")
text = arc.cmd("status", status=1).stdout.decode()
check("1 NOT CAPTURED: UIDL u1" in text and "no service answers" in text, f"status, stopped: {text}")
arc.start()
f.mail.clear(), f.uids.clear()
until("lost", lambda: "pull_lost:p" in causes() and "pull_doubtful:p" not in causes())
text = arc.cmd("status", status=1).stdout.decode()
check("1 LOST UNCAPTURED: UIDL u1" in text and "1 messages are lost uncaptured" in causes()["pull_lost:p"]["text"], f"lost: {text}")
check('sealpost_pull_lost_total{account="p"} 1' in arc.cmd("status", "--format", "prometheus", status=None).stdout.decode(), "prometheus, lost")
check("lost=1" in arc.log_text() and "message UIDL u1 is LOST UNCAPTURED" in arc.log_text(), "lost: events")
arc.stop()
arc.verify()
finish("pull_manners")
