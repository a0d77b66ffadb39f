#!/usr/bin/env python3
"""Every block of doc/operations.md is run, in its order, on a root of its own:
what it promises of backup, restore, move, upgrade and lost parts is compared
with what was acknowledged.  systemctl is a script here that starts and ends the
service as the unit would."""
import threading

from kit import *
import mailhost

PORT_ = 2525
SYSTEMCTL = r"""#!/bin/bash
# systemctl start|stop|restart sealpost, for one service
run() {
  setpriv --reuid sealpost --regid sealpost --groups sealpost,sealpost-audit \
    sealpost -A /var/lib/sealpost serve >>/var/log/sealpost.log 2>&1 </dev/null &
  echo $! >/run/sealpost.pid
  for _ in $(seq 3000); do
    (exec 3<>/dev/tcp/127.0.0.1/2525) 2>/dev/null && exit 0
    kill -0 $(cat /run/sealpost.pid) 2>/dev/null || break
    sleep 0.1
  done
  echo "the service did not come up" >&2
  exit 1
}
end() {
  kill $(cat /run/sealpost.pid 2>/dev/null) 2>/dev/null
  while kill -0 $(cat /run/sealpost.pid 2>/dev/null) 2>/dev/null; do sleep 0.1; done
  rm -f /run/sealpost.pid
}
case $1 in
start) run ;;
stop) end ;;
restart) end; run ;;
*) echo "systemctl $*: not here" >&2; exit 1 ;;
esac
"""


class Admin:
    """Who keeps the archive, and the mail that is known to be in it."""

    def __init__(self, work):
        os.mkdir(work + "/layer-empty")
        self.root = mailhost.Root(work, work + "/layer-empty")
        self.m = self.root.m
        for name, line in (("passwd", "sealpost:x:7021:7021::/var/lib/sealpost:/bin/false\n"),
                           ("group", "sealpost:x:7021:\nsealpost-audit:x:7022:\n")):
            open(f"{self.m}/etc/{name}", "a").write(line)
        os.makedirs(self.m + "/usr/local/sbin", exist_ok=True)
        shutil.copy(SEALPOST, self.m + "/usr/local/sbin/sealpost")
        open(self.m + "/usr/local/sbin/systemctl", "w").write(SYSTEMCTL)
        os.chmod(self.m + "/usr/local/sbin/systemctl", 0o755)
        self.sh("rm -rf /var/lib/sealpost* /srv/* && mkdir -p /srv /var/log /run")
        self.number = 0
        self.known = 0

    def sh(self, text, status=0):
        done = self.root.sh(text)
        check(done.returncode == status, f"exit status {done.returncode}, want {status}:\n{text}\n"
              f"{done.stdout[-1500:].decode(errors='replace')}{done.stderr[-1500:].decode(errors='replace')}")
        for bad in (b"AddressSanitizer", b"runtime error:", b"LeakSanitizer"):
            check(bad not in done.stderr, f"{text}: {done.stderr[-3000:].decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    def mail(self, count):
        """Send messages; all must be acknowledged."""
        with smtp(PORT_) as client:
            for _ in range(count):
                self.number += 1
                code, text = send(client, message(self.number))
                check(code == 250, f"{code} {text}")
                self.known += code == 250

    def covered(self):
        """Wait until the guard has a checkpoint over everything."""
        entries = lambda: json.loads(self.root.sh("sealpost status --format json").stdout or "{}").get("entries", -1)
        guard = lambda: int(open(self.m + "/var/lib/sealpost.guard/checkpoint").read().split("\n")[1])
        wait_for("the guard covers all", lambda: guard() >= entries() > 0)

    def all_there(self, when):
        """Every acknowledged message is found once the index has come up to it, and no other."""
        wait_for(f"the index after {when}", lambda: self.count() >= self.known)
        check(self.count() == self.known, f"{when}: {self.count()} messages, {self.known} acknowledged")

    def count(self, archive="/var/lib/sealpost"):
        return int(self.root.sh(f"sealpost -A {archive} search --count after:1990-01-01").stdout or 0)


def document():
    """[(heading, [block, ...])] of doc/operations.md."""
    text = open(SOURCE + "/doc/operations.md").read()
    parts = re.split(r"(?m)^#+ (.*)$", text)[1:]
    return [(parts[i], re.findall(r"(?ms)^```sh\n(.*?)^```$", parts[i + 1])) for i in range(0, len(parts), 2)]


def backup_under_load(admin, blocks):
    """What was acknowledged before the backup began is in it, and nothing that was acknowledged is lost by the stop."""
    admin.mail(20)
    admin.sh("sealpost seal")
    admin.mail(20)
    before = admin.known
    going = threading.Event()

    def load():
        """Mail all the time; a client that is put off or not let in keeps its message and comes again."""
        for _ in range(300):
            try:
                with smtplib.SMTP("127.0.0.1", PORT_, timeout=PATIENCE) as client:
                    client.ehlo("client.example")
                    admin.number += 1
                    admin.known += send(client, message(admin.number))[0] == 250
            except (OSError, smtplib.SMTPException):
                time.sleep(0.02)
            if going.is_set():
                break

    sender = threading.Thread(target=load)
    sender.start()
    try:
        run_blocks(admin, blocks)
    finally:
        going.set()
        sender.join()
    got = admin.count("/srv/backup/sealpost -c /srv/backup/check.conf")
    check(before <= got <= admin.known, f"the backup has {got} messages, {before} were acknowledged before it, {admin.known} in all")


def run_blocks(admin, blocks):
    out = ""
    for block in blocks:
        print("  " + block.replace("\n", "\n  ").rstrip(), flush=True)
        out += admin.sh("set -e\n" + block)
    return out


def main():
    work = workdir(tmpfs="1g")
    admin = Admin(work)
    parts = document()
    made = {name: blocks for name, blocks in parts}
    backup = made["Backup"][0]
    try:
        for name, blocks in parts:
            if failures:
                break
            print("-", name, flush=True)
            if name == "Backup":
                backup_under_load(admin, blocks)
            elif name == "Restore":
                admin.covered()
                admin.sh("set -e\n" + backup + "systemctl stop sealpost\nrm -rf /var/lib/sealpost")
                run_blocks(admin, blocks)
                admin.all_there("the restore")
                admin.mail(3)
            elif name == "Restored, but older than what was signed":
                admin.sh("set -e\n" + backup)
                admin.mail(3)
                admin.covered()
                admin.sh("systemctl stop sealpost; rm -rf /var/lib/sealpost; rsync -a /srv/backup/sealpost /var/lib/ &&"
                         " true &&"
                         " systemctl start sealpost")
                with smtp(PORT_) as client:
                    check(send(client, message(9999))[0] == 451, "mail to a rolled back archive is not put off")
                run_blocks(admin, blocks)
                old = admin.count("/var/lib/sealpost.restored")
                check(old >= admin.known - 6, f"the restored archive has {old} messages")
                admin.known = 0
                admin.mail(5)
                first = json.loads(admin.sh("sealpost show 0 --format record"))
                check(first["detail"]["continues"]["size"] > old, f"entry 0 names not what was signed: {first['detail']}")
            else:
                run_blocks(admin, blocks)
                if name.startswith("Operations"):
                    admin.sh("sealpost config check")
                elif name == "A lost or a stolen key":
                    admin.known = 0
                    admin.mail(5)
                elif name != "A second machine":
                    admin.all_there(name)
                    admin.mail(2)
        if not failures:
            admin.sh("sealpost verify")
            admin.all_there("the end")
    finally:
        if failures:
            print(open(admin.m + "/var/log/sealpost.log", errors="replace").read()[-3000:])
        admin.root.sh("systemctl stop sealpost")
    finish("operations")


main()
