#!/usr/bin/env python3
"""Every command of README.md is run, in README's order, on a root of its own:
adduser, the installation into /usr/local, /var/lib/sealpost and Postfix are
real, and vanish.  A line that the table does not know fails, so README cannot
say what was never tried."""
import email.message
import mailbox
import socket

from kit import *
import mailhost

ROOT = sys.argv[1]
# Lines that another test runs.
QUICKSTART = "e2e_quickstart and tests/run itself"
PULL = "e2e_pull, against a Dovecot"
WATCH = "e2e_watch, with a mail server that journals or does not"
BUILD_LINE = "cmake --preset release && cmake --build --preset release"
VKEY_SHOWN = "'archive1.corp.example/journal+c9046802+AQOh…'"


def mail(sender, to, subject, name=None):
    m = email.message.EmailMessage()
    m["From"], m["To"], m["Subject"] = sender, to, subject
    m["Message-ID"] = f"<{abs(hash(subject))}@readme.example>"
    m.set_content(f"About the {subject}.\n")
    if name:
        m.add_attachment(b"%PDF-1.4 offer", maintype="application", subtype="pdf", filename=name)
    return m.as_bytes().replace(b"\n", b"\r\n")


class Reader:
    """Who follows README on a machine of his own."""

    def __init__(self, work):
        self.work = work
        self.host = mailhost.Postfix(work, ROOT, mailhost.BASE_CF)
        m = self.host.m
        # The clone: its build is used, and what is written to it is not kept.
        for d in ("src-up", "src-wd"):
            os.mkdir(os.path.join(work, d))
        os.makedirs(m + SOURCE, exist_ok=True)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={SOURCE},upperdir={work}/src-up,workdir={work}/src-wd", m + SOURCE], check=True)
        self.desk = "/desk"
        os.makedirs(m + self.desk)
        self.service = None
        self.unit = {}
        self.vkey = self.seq = self.sent = None

    # ---- how a line is run -------------------------------------------

    def shell(self, line, status=0, cwd=None):
        done = self.host.sh(line, cwd or self.desk)
        check(done.returncode == status, f"README: {line}\n  exit status {done.returncode}, want {status}\n"
              f"  out: {done.stdout[-1500:].decode(errors='replace')}\n  err: {done.stderr[-1500:].decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    def asis(self, line):
        self.shell(line)

    def in_clone(self, line):
        self.shell(line.removeprefix("sudo "), cwd=SOURCE)

    def developer(self, line):
        """The whole of it is what tests/run does: here one program is built, and its test run."""
        for whole, part in (("--build --preset dev", "--build --preset dev --target test_text"),
                            ("-L 'unit|lint' -j2", "-R test_text")):
            line = line.replace(whole, part)
        out = self.shell(line, cwd=SOURCE)
        check("ctest" not in line or "100% tests passed, 0 tests failed out of 1" in out, f"README: {line}: {out[-500:]}")

    def as_root(self, line):
        return self.shell(line.removeprefix("sudo "))

    def init(self, line):
        out = self.as_root(line)
        found = re.search(r"archive1\.corp\.example/journal\+[0-9a-f]{8}\+\S+", out)
        check(found, f"init prints no verification key:\n{out}")
        self.vkey = found and found.group(0)

    # ---- the service as its unit says, without systemd -----------------

    def enable(self, _):
        path = "/usr/local/lib/systemd/system/sealpost.service"
        out = self.host.sh(f"systemd-analyze verify {path}")
        check(out.returncode == 0 and not out.stderr.strip(), f"systemd-analyze verify: {out.stderr.decode()}")
        for key, value in re.findall(r"(?m)^(\w+)=(.*)$", open(self.host.m + path).read()):
            self.unit[key] = value
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.bind(self.host.m + "/run/sealpost-test-notify")
        os.chmod(self.host.m + "/run/sealpost-test-notify", 0o777)
        ready.settimeout(60)
        u = self.unit
        self.log = open(self.work + "/serve.log", "wb")
        self.service = subprocess.Popen(
            ["chroot", self.host.m, "env", "-i", "NOTIFY_SOCKET=/run/sealpost-test-notify",
             "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             "bash", "-c", f"umask {u['UMask']} && exec setpriv --reuid {u['User']} --regid {u['Group']}"
             f" --groups {u['Group']},{u['SupplementaryGroups']} --no-new-privs {u['ExecStart']}"],
            stdout=subprocess.DEVNULL, stderr=self.log)
        try:
            said = ready.recv(4096)
            while b"READY=1" not in said:
                said = ready.recv(4096)
        except TimeoutError:
            check(False, f"no READY=1:\n{open(self.work + '/serve.log').read()[-2000:]}")
        ready.close()

    def check_and_reload(self, line):
        command, _, reload = line.partition(" && ")
        check(reload == "systemctl reload sealpost", f"README: {line}: not a reload")
        self.shell(command)
        u = self.unit
        steps = re.findall(r"(?m)^ExecReload=(.*)$", open(self.host.m + "/usr/local/lib/systemd/system/sealpost.service").read())
        check(len(steps) == 2 and steps[-1].endswith("config reload"), f"ExecReload: {steps}")
        for step in steps:
            out = self.host.sh(f"setpriv --reuid {u['User']} --regid {u['Group']} --groups {u['Group']},{u['SupplementaryGroups']} {step}")
            check(out.returncode == 0, f"{step}: {out.stderr.decode()}")
        wait_for("the reload", lambda: "event=reload " in open(self.work + "/serve.log").read())
        wait_for("the listener of README's listen section", lambda: listening(2525))

    def timer(self, _):
        for unit in ("service", "timer"):
            out = self.host.sh(f"systemd-analyze verify /usr/local/lib/systemd/system/sealpost-canary.{unit}")
            check(out.returncode == 0 and not out.stderr.strip(), f"systemd-analyze verify: {out.stderr.decode()}")

    # ---- Postfix -------------------------------------------------------

    def postfix(self, line):
        self.shell(line)
        mails = [mail("ann@corp.example", "bob@corp.example", "third quarter"),
                 mail("bob@corp.example", "ann@corp.example", "an offer", "offer.pdf")]
        with smtp(25) as client:
            for m in mails:
                code, text = send(client, m, "ann@corp.example", ["bob@corp.example"])
                check(code == 250, f"Postfix: {code} {text}")
        wait_for("both copies are journaled", lambda: len(self.host.delivered()) == 2)
        answers = [answer(t) for t in self.host.delivered()]
        check(all(seq for seq, _ in answers), f"what Postfix logged: {self.host.delivered()}\n{self.host.log()[-1500:]}")
        self.seq, self.sent = answers[0] if answers else (0, None)
        record = json.loads(self.shell(f"sealpost show {self.seq} --format record"))
        check([r.get("original") for r in record["envelope"]["to"]] == ["bob@corp.example"], f"{record['envelope']}")
        with smtp(2525) as client:
            code, text = send(client, mail("ann@corp.example", "bob@corp.example", "with a Bcc"), to=["journal+eve=partner.example@archive.example"])
            check(code == 250, f"straight to the archive: {code} {text}")
        self.mails = mails

    # ---- searching -------------------------------------------------------

    def search_dates(self, line):
        """Nothing was received then, which is exit status 1; the words themselves do find."""
        words = re.sub(r"--(since|until) \S+ ", "", line)
        wait_for("the index", lambda: self.host.sh(words).returncode == 0)
        self.shell(words)
        now = time.gmtime()
        self.shell(line, status=0 if now.tm_year == 2026 and now.tm_mon <= 3 else 1)

    def search(self, line):
        wait_for("the index", lambda: self.host.sh(line, self.desk).returncode == 0)
        out = self.shell(line)
        check("corp.example" in out, f"{line}:\n{out}")

    def show(self, line):
        self.shell(line.replace("18431", str(self.seq)))

    def show_raw(self, line):
        self.show(line)
        data = open(self.host.m + self.desk + "/message.eml", "rb").read()
        check(sha256(data) == self.sent, "message.eml is not what was acknowledged")

    def imports(self, line):
        desk = self.host.m + self.desk
        box = mailbox.Maildir(desk + "/Maildir")
        box.add(mail("old@corp.example", "b@corp.example", "from a Maildir"))
        box.close()
        box = mailbox.mbox(desk + "/old.mbox")
        box.add(mail("old@corp.example", "b@corp.example", "from an mbox"))
        box.close()
        out = self.shell(line)
        check(out.startswith("3 messages taken") and " 0 failed" in out, f"{line}:\n{out}")

    def auditor(self, line):
        check(VKEY_SHOWN in line, f"README: {line}: another key")
        out = self.shell(line.replace(VKEY_SHOWN, f"'{self.vkey}'"))
        check("COMPLETE" in out, f"{line}:\n{out}")

    # ---- configuration texts ------------------------------------------

    def main_cf(self, text):
        open(self.host.m + "/etc/postfix/main.cf", "a").write(text)

    def journal_bcc(self, text):
        open(self.host.m + "/etc/postfix/journal_bcc", "w").write(text)

    def pull(self, text):
        """It loads; what it does is tried by e2e_pull."""
        conf = self.host.m + "/var/lib/sealpost/sealpost.conf"
        os.makedirs(self.host.m + "/etc/sealpost")
        open(self.host.m + "/etc/sealpost/journal.password", "w").write("secret\n")
        os.chmod(self.host.m + "/etc/sealpost/journal.password", 0o600)
        open(self.host.m + self.desk + "/with-pull.conf", "w").write(open(conf).read() + text)
        self.shell("sealpost -c with-pull.conf config check")

    def listen(self, text):
        path = self.host.m + "/var/lib/sealpost/sealpost.conf"
        conf = open(path).read()
        changed, n = re.subn(r"(?ms)^listen mta \{.*?^\}\n", lambda _: text, conf)
        check(n == 1, f"no listen section in what init wrote:\n{conf}")
        with open(path, "r+") as f:
            f.truncate()
            f.write(changed)

    def stop(self):
        self.host.stop()
        if self.service:
            self.service.send_signal(signal.SIGTERM)
            check(self.service.wait(timeout=PATIENCE) == 0, "the service ended with a failure")


# README's line -> how it is run.
LINES = {
    "./quickstart      # installs what is missing, builds, and shows everything once, in about a minute": QUICKSTART,
    "sudo ./tests/run  # installs what the tests need, builds, runs all of them": QUICKSTART,
    BUILD_LINE: Reader.in_clone,
    "sudo cmake --install build/release": Reader.in_clone,
    "sudo adduser --system --group --home /var/lib/sealpost --no-create-home sealpost": Reader.as_root,
    "sudo addgroup --system sealpost-audit": Reader.as_root,
    "sudo sealpost init /var/lib/sealpost --origin archive1.corp.example/journal --user sealpost --group sealpost-audit": Reader.init,
    "sudo systemctl enable --now sealpost": Reader.enable,
    "sealpost config check && systemctl reload sealpost": Reader.check_and_reload,
    "postfix reload": Reader.postfix,
    "sealpost pull --check journal    # step by step, what works and what does not": PULL,
    "sealpost reconcile journal       # what the mailbox has and the archive has not": PULL,
    'sealpost search from:ann@corp.example subject:"third quarter"': Reader.search,
    "sealpost search --since 2026-01 --until 2026-03 has:attachment filename:offer": Reader.search_dates,
    "sealpost search envelope-to:eve@partner.example": Reader.search,
    "sealpost show 18431": Reader.show,
    "sealpost show 18431 --format raw > message.eml": Reader.show_raw,
    "sealpost import --source old-server Maildir/ old.mbox message.eml": Reader.imports,
    "sealpost export --output q1-2026.zip --since 2026-01 --until 2026-03": Reader.asis,
    f"sealpost-verify --vkey {VKEY_SHOWN} q1-2026.zip": Reader.auditor,
    "sealpost status                        # exit status 1 on an alarm, or where no service runs": Reader.asis,
    "sealpost alarms                        # what is wrong, since when, and how often it was seen": Reader.asis,
    "sealpost status --format prometheus": Reader.asis,
    "sealpost verify                        # the whole archive, against the guard copy outside it": Reader.asis,
    "sealpost audit --since yesterday       # who looked at what": Reader.asis,
    "sealpost reconcile --maillog /var/log/mail.log       # what Postfix or Exim delivered, or should have": Reader.asis,
    "sealpost canary                                      # a mail through the mail server, expected back": WATCH,
    "sudo systemctl enable --now sealpost-canary.timer    # the same every quarter of an hour": Reader.timer,
    "scripts/packages build test                   # the Debian packages it needs": Reader.in_clone,
    "cmake --preset dev && cmake --build --preset dev": Reader.developer,
    "ctest --preset dev -L 'unit|lint' -j2         # a minute": Reader.developer,
}
# First words of a configuration text -> where it goes.
TEXTS = {"recipient_bcc_maps": Reader.main_cf, "if": Reader.journal_bcc, "listen": Reader.listen, "pull": Reader.pull}


def main():
    readme = open(SOURCE + "/README.md").read()
    blocks = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", readme)
    lines = [line for kind, text in blocks if kind == "sh" for line in text.splitlines()]
    texts = [text for kind, text in blocks if kind != "sh"]
    for line in lines:
        check(line in LINES, f"README has a line that this test does not know: {line}")
    for line in LINES:
        check(line in lines, f"README no longer has the line: {line}")
    check(sorted(t.split()[0] for t in texts) == sorted(TEXTS), f"other configuration texts in README: {texts}")
    if failures:
        finish("readme")
    reader = Reader(workdir(tmpfs="1g"))
    try:
        for kind, text in blocks:
            if kind != "sh":
                TEXTS[text.split()[0]](reader, text)
                continue
            for line in text.splitlines():
                if isinstance(LINES[line], str):
                    continue
                print("$", line, flush=True)
                LINES[line](reader, line)
                if failures:
                    break
            if failures:
                break
    finally:
        reader.stop()
    finish("readme")


main()
