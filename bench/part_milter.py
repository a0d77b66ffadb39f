"""What our milter costs a Postfix: messages a second with it and without, in turn."""
import atexit

from part_intake import Postfix, source
from rig import *

MILTER = 8891
LISTEN = """listen filter {
	protocol = milter
	address = 127.0.0.1:%d
}
listen local {
	protocol = milter
	address = "unix:%s"
	socket_mode = 0666
}
"""
# size, sessions: messages of a round
COUNTS = {(4096, 1): 400, (4096, 10): 1000, (4096, 50): 1000, (51200, 10): 600}


def switch(postfix, value):
    done = postfix.sh(f"postconf -e 'smtpd_milters = {value}' 'milter_default_action = tempfail' && postfix reload")
    if done.returncode != 0:
        raise SystemExit(f"bench: postconf: {done.stderr!r}")
    time.sleep(1)


def part(work, table):
    place = folder(work, "sock")
    service = Service(folder(work, "milter"), top=LISTEN % (MILTER, place + "/milter")).start()
    atexit.register(service.stop)
    postfix = Postfix(folder(work, "postfix"))
    atexit.register(postfix.stop)
    run("mkdir", "-p", postfix.m + "/var/spool/postfix/sealpost")
    run("mount", "--bind", place, postfix.m + "/var/spool/postfix/sealpost")
    ways = {"without": "", "local socket": "unix:/sealpost/milter", "TCP": f"inet:127.0.0.1:{MILTER}"}
    sent = 0
    for (size, sessions), count in COUNTS.items():
        got = {way: [] for way in ways}
        for _ in range(3):
            for way, value in ways.items():
                switch(postfix, value)
                got[way].append(source(POSTFIX_PORT, sessions, count, size))
                postfix.drain()
                sent += count if value else 0
        without = median(got["without"])
        for way in ("local socket", "TCP"):
            rate = median(got[way])
            table.add(f"Postfix with our milter ({way}) / without, {size // 1024} KiB, {sessions} session{'s' if sessions > 1 else ''}",
                      f"{rate:,.0f}/s", f"{without:,.0f}/s", f"{rate / without:.2f}", "")
    service.wait_index()
    found = int(service.cmd("search", "--count", "via:milter").stdout)
    if found != sent:
        raise SystemExit(f"bench: {sent} messages were accepted through the milter, {found} are in the archive")
    run("umount", "-l", postfix.m + "/var/spool/postfix/sealpost")
    for stop in (postfix.stop, service.stop):
        atexit.unregister(stop)
        stop()
