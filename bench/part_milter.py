"""What our milter costs a Postfix: messages a second with it and without, in turn."""
import atexit

from part_intake import Postfix, source
from rig import *

MILTER = 8891
LISTEN = f"listen filter {{\n\tprotocol = milter\n\taddress = 127.0.0.1:{MILTER}\n}}\n"
# size, sessions: messages of a round
COUNTS = {(4096, 1): 600, (4096, 10): 1500, (4096, 50): 1500, (51200, 10): 1000}


def switch(postfix, on):
    value = f"inet:127.0.0.1:{MILTER}" if on else ""
    done = postfix.sh(f"postconf -e 'smtpd_milters = {value}' 'milter_default_action = tempfail' && postfix reload")
    if done.returncode != 0:
        raise SystemExit(f"bench: postconf: {done.stderr!r}")
    time.sleep(1)


def part(work, table):
    service = Service(folder(work, "milter"), top=LISTEN).start()
    atexit.register(service.stop)
    postfix = Postfix(folder(work, "postfix"))
    atexit.register(postfix.stop)
    sent = 0
    for (size, sessions), count in COUNTS.items():
        got = {False: [], True: []}
        for _ in range(3):
            for on in (False, True):
                switch(postfix, on)
                got[on].append(source(POSTFIX_PORT, sessions, count, size))
                postfix.drain()
                sent += count if on else 0
        without, with_ = median(got[False]), median(got[True])
        table.add(f"Postfix accepting with our milter / without, {size // 1024} KiB, {sessions} session{'s' if sessions > 1 else ''}",
                  f"{with_:,.0f}/s", f"{without:,.0f}/s", f"{with_ / without:.2f}", "")
    service.wait_index()
    found = int(service.cmd("search", "--count", "via:milter").stdout)
    if found != sent:
        raise SystemExit(f"bench: {sent} messages were accepted through the milter, {found} are in the archive")
    for stop in (postfix.stop, service.stop):
        atexit.unregister(stop)
        stop()
