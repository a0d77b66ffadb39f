"""Pulling 10,000 messages by POP3 over TLS from a Dovecot on loopback, kept on the
server and synced here: against mpop and getmail, in the same run."""
import atexit
import os
import sys

from mail import Mail
from rig import *

sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e"))
COUNT = 10000
GETMAIL = 1000  # messages of getmail that are timed
USER = "bench"


def mpop(work, ca, password):
    home = folder(work, "mpop")
    for d in ("cur", "new", "tmp"):
        os.makedirs(f"{home}/mail/{d}")
    rc = f"{home}/mpoprc"
    open(rc, "w").write(f"""account a
host localhost
port 10995
tls on
tls_starttls off
tls_trust_file {ca}
user {USER}
auth user
password {password}
keep on
received_header off
pipelining on
delivery maildir {home}/mail
uidls_file {home}/uidls
""")
    os.chmod(rc, 0o600)
    env = {**os.environ, "HOME": home, "LD_LIBRARY_PATH": f"{PEERS}/mpop/usr/lib/x86_64-linux-gnu"}
    seconds = timed(f"{PEERS}/mpop/usr/bin/mpop", "-C", rc, "-Q", "a", env=env)
    return seconds, len(os.listdir(f"{home}/mail/new"))


def getmail_once(work, ca, password):
    """(messages, seconds from the first to the last)"""
    home = folder(work, "getmail")
    for d in ("cur", "new", "tmp"):
        os.makedirs(f"{home}/mail/{d}")
    open(f"{home}/getmailrc", "w").write(f"""[retriever]
type = SimplePOP3SSLRetriever
server = localhost
port = 10995
username = {USER}
password = {password}
ca_certs = {ca}
timeout = 5
[destination]
type = Maildir
path = {home}/mail/
[options]
delete = false
read_all = false
verbose = 0
delivered_to = false
received = false
max_messages_per_session = {GETMAIL}
""")
    os.chmod(home, 0o700)
    env = {**os.environ, "HOME": home, "PYTHONPATH": f"{PEERS}/getmail/usr/lib/python3/dist-packages"}
    # Maildirs are not delivered to by root: the account of the mail.
    run("chown", "-R", "mail:mail", home)
    run("setpriv", "--reuid=mail", "--regid=mail", "--clear-groups", sys.executable,
        f"{PEERS}/getmail/usr/bin/getmail", "--getmaildir", home, "--rcfile", "getmailrc", env=env, status=None)
    times = sorted(os.stat(f"{home}/mail/new/{f}").st_mtime for f in os.listdir(f"{home}/mail/new"))
    return len(times), times[-1] - times[0] if times else 0


def getmail(work, ca, password):
    """Messages a second.  It waits for its child by a signal that it can miss, and then gives up: runs until enough came."""
    messages, seconds, runs = 0, 0.0, 0
    while messages < GETMAIL and runs < 60:
        n, took = getmail_once(work, ca, password)
        messages, seconds, runs = messages + n, seconds + took, runs + 1
    if messages < GETMAIL:
        raise SystemExit(f"bench: getmail fetched {messages} messages in {runs} runs")
    return messages / seconds


def section(work, ca, password):
    secret = os.path.join(work, "password")
    open(secret, "w").write(password)
    os.chmod(secret, 0o600)
    return (f'pull a {{\n\tserver = localhost\n\tport = 10995\n\tuser = {USER}\n\tpassword_file = "{secret}"\n\tca = "{ca}"\n'
            f'\tactive = false\n\tsession_messages = 100000\n}}\n')


def ours(work, ca, password, service):
    s = Service(folder(work, "pull"), top=section(work, ca, password))
    if service:
        s.start()
    seconds = timed(program("sealpost"), "-A", s.dir, "pull", "a")
    entries = s.status()["entries"]
    s.stop()
    return seconds, entries


def part(work, table):
    from dovecot import PASSWORD, Authority, Dovecot
    over = folder(work, "dovecot")
    run("mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", over)
    ca = Authority(over)
    os.mkdir(f"{over}/root")
    os.chmod(over, 0o755)
    dv = Dovecot(f"{over}/root", f"{PEERS}/dovecot", ca.server("good", "localhost")[0])
    atexit.register(dv.child.terminate)
    dv.fill(USER, [data for _, data in Mail().messages(COUNT)])
    got = {"alone": [], "service": [], "mpop": []}
    for _ in range(3):
        for name, one in (("alone", lambda: ours(work, ca.path, PASSWORD, False)), ("service", lambda: ours(work, ca.path, PASSWORD, True)),
                          ("mpop", lambda: mpop(work, ca.path, PASSWORD))):
            seconds, n = one()
            if n < COUNT:
                raise SystemExit(f"bench: {name} has {n} of {COUNT} messages")
            got[name].append(COUNT / seconds)
    slow = getmail(work, ca.path, PASSWORD)
    alone, service, peer = (median(got[k]) for k in ("alone", "service", "mpop"))
    for name, rate in (("by hand", alone), ("by the service", service)):
        table.add(f"POP3 pull, {COUNT:,} messages, {name} / mpop", f"{rate:,.0f}/s", f"{peer:,.0f}/s", f"{rate / peer:.2f}", ">= 1", rate >= peer)
        table.add(f"POP3 pull, {COUNT:,} messages, {name} / getmail", f"{rate:,.0f}/s", f"{slow:,.0f}/s", f"{rate / slow:.1f}", ">= 20", rate >= 20 * slow)
    atexit.unregister(dv.child.terminate)
    dv.stop()
    for path in ("/tmp", "/dev", "/proc", ""):
        subprocess.run(["umount", "-l", dv.m + path], capture_output=True)
    subprocess.run(["umount", "-l", over], capture_output=True)
