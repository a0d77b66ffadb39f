"""5,000 messages pulled with delete while the puller, the receiver and the whole
service are killed at random moments: nothing is lost, nothing is there twice.
SP_LONG=1: 20,000 messages, more kills."""
import json
import os
import random
import signal
import sys
import time

from dovecot import PASSWORD, Authority, Dovecot
from kit import LONG, Archive, check, finish, message, sha256, workdir

COUNT = 20000 if LONG else 5000
seed = int(os.environ.get("SP_SEED", random.randrange(1 << 30)))
random.seed(seed)
print("seed", seed, flush=True)
root = workdir("3g" if LONG else "1g")
ca = Authority(root)
cert, _, _ = ca.server("good", "localhost")
secret = os.path.join(root, "password")
open(secret, "w").write(PASSWORD)
os.chmod(secret, 0o600)
os.mkdir(os.path.join(root, "dovecot"))
dv = Dovecot(os.path.join(root, "dovecot"), sys.argv[1], cert)
mail = [message(i, random.choice((100, 400, 2000, 9000))) for i in range(COUNT)]
dv.fill("kill", mail)
a = Archive(root, config={"top": f"""pull kill {{
	server = localhost
	port = 10995
	user = kill
	password_file = "{secret}"
	ca = "{ca.path}"
	after = delete
	poll = 1
	session_messages = 700
}}
"""})
a.start()
box = f"{dv.m}/srv/mail/kill/Maildir"


def left():
    return sum(len(os.listdir(f"{box}/{d}")) for d in ("new", "cur") if os.path.isdir(f"{box}/{d}"))


kills = {"pull": 0, "receive": 0, "service": 0}
end = time.time() + (1800 if LONG else 400)
while left() and time.time() < end:
    time.sleep(random.uniform(0.05, 1.2))
    victim = random.choice(("pull", "pull", "receive", "service"))
    if sum(kills.values()) > (400 if LONG else 60):
        break
    if victim == "service":
        a.service.kill()
        a.service.wait()
        a.start()
    else:
        pid = a.workers().get(victim, 0)
        if not pid:
            continue
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    kills[victim] += 1
    if random.random() < 0.2:
        try:
            os.unlink(os.path.join(a.dir, "state/pull/kill"))
        except FileNotFoundError:
            pass
print("kills", kills, "left", left(), flush=True)
check(min(kills.values()) > 0, f"each was killed at least once: {kills}")
while left() and time.time() < end:
    a.cmd("pull", "kill", status=None)
check(left() == 0, f"the mailbox is empty: {left()} left")
got = json.loads(a.cmd("pull", "kill", "--format", "json").stdout)
check(got["taken"] == 0 and got["there"] == 0, f"nothing is left to take: {got}")
a.wait_index()
found = [json.loads(t)["sha256"] for t in a.cmd("search", "--limit", "0", "--format", "json").stdout.splitlines()]
want = [sha256(m.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")) for m in mail]
check(len(set(want)) == COUNT, "the messages differ")
check(not set(want) - set(found), f"{len(set(want) - set(found))} messages are LOST")
check(len(found) == len(set(found)), f"{len(found) - len(set(found))} messages are there twice")
check(set(found) == set(want), "nothing else is there")
a.stop()
a.verify()
dv.stop()
finish("pull_kill")
