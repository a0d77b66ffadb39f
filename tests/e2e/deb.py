#!/usr/bin/env python3
"""The Debian package: installed, upgraded, removed and purged, in a copy of this
host without a service manager and in a small Debian that systemd boots; the
units under that systemd, with mail.

deb.py ROOTS: ROOTS/debian is made by bootroot.sh.  Everything is laid over the
roots in memory: neither they nor the host are changed.
"""
import glob

from kit import *

UNITS = ("sealpost.service", "sealpost-verify.service", "sealpost-verify.timer", "sealpost-canary.service", "sealpost-canary.timer")
DIR = "/var/lib/sealpost"


BEGIN = time.time()


def step(what):
    print(f"- {what} ({time.time() - BEGIN:.0f} s)", flush=True)


def skip(why):
    print(f"deb: skipped: {why}")
    sys.exit(77)


def package(work):
    """The paths of the package and of a later version of it."""
    build = os.path.join(SOURCE, "build", "release")
    if not os.path.exists(build + "/app/sealpost"):
        build = BUILD
    for tool in ("cpack", "dpkg-deb", "dpkg-shlibdeps"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    with open(build + "/app/sealpost", "rb") as f:
        if b"__asan_init" in f.read():
            skip("a build with sanitizers is not packaged (build the preset release)")
    done = run("cpack", "--config", build + "/CPackConfig.cmake", "-B", work + "/pack", cwd=work)
    debs = glob.glob(work + "/pack/*.deb")
    if not check(len(debs) == 1, f"cpack made {debs}: {done.stdout[-1000:]}"):
        finish("deb")
    later = work + "/later"
    run("dpkg-deb", "-R", debs[0], later)
    with open(later + "/DEBIAN/control") as f:
        control = f.read()
    with open(later + "/DEBIAN/control", "w") as f:
        f.write(re.sub(r"(?m)^(Version: .*)$", r"\1+later", control))
    run("dpkg-deb", "--root-owner-group", "-b", later, work + "/later.deb")
    fields = run("dpkg-deb", "-f", debs[0]).stdout.decode()
    check(re.search(r"(?m)^Depends: .*\badduser\b", fields), f"the package does not need adduser: {fields}")
    for name in ("postinst", "prerm", "postrm"):
        check(os.access(f"{later}/DEBIAN/{name}", os.X_OK), f"{name} cannot be run")
        run("sh", "-n", f"{later}/DEBIAN/{name}")
    return debs[0], work + "/later.deb"


def units(work):
    """What systemd says of the units without booting it."""
    if not shutil.which("systemd-analyze"):
        return print("deb: systemd-analyze is not installed: the units were not looked at by it")
    d = work + "/units"
    os.mkdir(d)
    for name in UNITS:
        text = open(os.path.join(SOURCE, "dist", name)).read()
        open(f"{d}/{name}", "w").write(text.replace("=sealpost ", f"={SEALPOST} "))
    done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *(f"{d}/{n}" for n in UNITS))
    said = [t for t in done.stderr.decode().splitlines() if "sealpost" in t]
    check(not said, f"systemd-analyze verify: {said}")
    for name in UNITS:
        if name.endswith(".service"):
            # 2.0 is what a service that may bind to port 25 can have.
            done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", f"{d}/{name}", status=0)
            check(re.search(rb"exposure level for \S+: [01]\.\d OK", done.stdout), f"{name}: {done.stdout[-200:]}")


def lay_over(work, name, lower):
    """A root of which changes go into memory."""
    top = os.path.join(work, name)
    os.mkdir(top)
    run("mount", "-t", "tmpfs", "tmpfs", top)
    for part in ("upper", "work", "root"):
        os.mkdir(f"{top}/{part}")
    done = run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={top}/upper,workdir={top}/work", f"{top}/root", status=None)
    return None if done.returncode else f"{top}/root"


def tree(root):
    """What lies in the archive, without what is made anew."""
    return {p: os.stat(p).st_size if os.path.isfile(p) else None for p in glob.glob(root + DIR + "/**", recursive=True)
            if "/state" not in p and "/index" not in p}


def without_boot(work, first, later):
    """dpkg alone, in a copy of this host: no service manager to ask."""
    root = lay_over(work, "host", "/")
    if root is None:
        return print("deb: no overlay over this host can be mounted: dpkg alone was not tried")
    run("mount", "--bind", "/proc", root + "/proc")
    run("mount", "--bind", "/dev", root + "/dev")
    # What clears up behind this test must not be able to clear away the host's devices.
    run("mount", "-o", "remount,bind,ro", root + "/dev")
    for deb in (first, later):
        shutil.copy(deb, f"{root}/tmp/")

    def here(*args, status=0):
        return run("chroot", root, "env", "DEBIAN_FRONTEND=noninteractive", *args, status=status)

    def dpkg(*args):
        # Triggers of others (man-db) would look at the whole host.
        return here("dpkg", "--no-triggers", *args)

    d1, d2 = ("/tmp/" + os.path.basename(p) for p in (first, later))
    here("sh", "-c", "getent passwd sealpost && exit 1; getent group sealpost-audit && exit 1; exit 0")
    said = dpkg("--force-depends", "-i", d1).stdout.decode()
    check("sealpost init" in said, f"the first installation does not say what comes next: {said}")
    user = here("getent", "passwd", "sealpost").stdout.decode().split(":")
    check(int(user[2]) < 1000 and user[5] == DIR and user[6].strip().endswith(("nologin", "false")), f"the account: {user}")
    check("sealpost-audit" in here("id", "-nG", "sealpost").stdout.decode().split(), "sealpost is not in sealpost-audit")
    for name in UNITS:
        check(os.path.exists(f"{root}/usr/lib/systemd/system/{name}"), f"{name} is not installed")
    said = here("sealpost", "init", DIR, "--user", "sealpost", "--group", "sealpost-audit", "--guard", "/srv/guard").stdout.decode()
    check("[Service]\n" in said and "ReadWritePaths=-/srv/guard" in said and "systemctl edit sealpost" in said, f"init --guard prints no drop-in: {said}")
    before = tree(root)
    for what, args in (("again", ("-i", d1)), ("upgrade", ("-i", d2)), ("downgrade", ("--force-downgrade", "-i", d1)), ("remove", ("-r", "sealpost")),
                       ("installed once more", ("-i", d2)), ("purge", ("-P", "sealpost"))):
        said = dpkg("--force-depends", *args).stdout.decode()
        check(tree(root) == before, f"{what}: the archive is not what it was")
        if what == "purge":
            check(DIR + " was not removed" in said, f"a purge does not say where the archive is: {said}")
    here("getent", "passwd", "sealpost")
    check(here("dpkg", "-s", "sealpost", status=None).returncode == 1, "after the purge it is still installed")


class Booted:
    """A Debian that systemd runs as its process 1."""

    def __init__(self, root):
        self.root = root
        self.log = open(root + "/../boot.log", "wb")
        self.nspawn = subprocess.Popen(["systemd-nspawn", "--quiet", "--directory", root, "--boot", "--machine", "sealpost-test", "--register=no",
                                        "--keep-unit", "--private-network", "--console=pipe"], stdin=subprocess.DEVNULL,
                                       stdout=self.log, stderr=subprocess.STDOUT)
        self.leader = None

    def said(self):
        return open(self.root + "/../boot.log", errors="replace").read()[-600:]

    def up(self):
        """False, and why, where it does not boot."""
        end = time.time() + PATIENCE
        while time.time() < end and self.nspawn.poll() is None:
            children = open(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read().split()
            if children:
                self.leader = children[-1]
                done = self.run("systemctl", "is-system-running", status=None)
                if done.stdout.decode().strip() in ("running", "degraded"):
                    return True
            time.sleep(0.2)
        return False

    def run(self, *args, status=0, data=None):
        return run("nsenter", "--target", self.leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd=/", "--", "env", "-i",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", *args, status=status, data=data)

    def mail(self, number):
        """The reply to a message on port 25."""
        script = ("import smtplib,sys; c=smtplib.SMTP('127.0.0.1',25,timeout=%d); c.ehlo('x'); c.mail('a@corp.example');"
                  "c.rcpt('j@archive.example'); print(c.data(sys.stdin.buffer.read())[0])" % PATIENCE)
        done = run("nsenter", "--target", self.leader, "--net", "--", sys.executable, "-c", script, status=None, data=message(number))
        return done.stdout.strip().decode() or done.stderr.decode()[-200:]

    def show(self, unit, name):
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.decode().strip()

    def off(self):
        self.nspawn.send_signal(signal.SIGTERM)
        try:
            self.nspawn.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()


def start_service(b):
    said = b.run("sealpost", "init", DIR, "--user", "sealpost", "--group", "sealpost-audit", "--listen", "127.0.0.1:25", "--guard",
                 "/srv/guard/here").stdout.decode()
    drop_in = "\n".join(t.strip() for t in said[said.index("  [Service]"):].splitlines())
    os.makedirs(b.root + "/etc/systemd/system/sealpost.service.d")
    open(b.root + "/etc/systemd/system/sealpost.service.d/override.conf", "w").write(drop_in + "\n")
    b.run("systemctl", "daemon-reload")
    b.run("systemctl", "enable", "--now", "sealpost.service")
    check(b.show("sealpost.service", "ActiveState") == "active", "the service is not active: "
          + b.run("journalctl", "--no-pager", "-u", "sealpost", status=None).stdout.decode()[-2000:])
    check(b.mail(1) == "250", f"mail on port 25: {b.mail(1)}")
    wait_for("the guard outside", lambda: os.path.exists(b.root + "/srv/guard/here/checkpoint"))
    check(b.run("systemctl", "is-active", "sealpost-verify.timer").stdout.strip() == b"active", "the timer of verify does not run")
    # The right to the port is the supervisor's alone.
    main = b.show("sealpost.service", "MainPID")
    pids = [main] + b.run("cat", f"/proc/{main}/task/{main}/children").stdout.decode().split()
    check(len(pids) == 5, f"the service has the processes {pids}")
    for pid in pids:
        status = b.run("cat", f"/proc/{pid}/status").stdout.decode()
        for kind in ("CapEff", "CapPrm", "CapAmb"):
            caps = int(re.search(kind + r":\s*(\w+)", status).group(1), 16)
            check(caps == (0x400 if pid == main else 0), f"process {pid} ({status.splitlines()[0]}): {kind} is {caps:x}")


def reloads(b):
    conf = b.root + DIR + "/sealpost.conf"
    good = open(conf).read()
    pid = b.show("sealpost.service", "MainPID")
    b.run("systemctl", "reload", "sealpost.service")
    check(b.show("sealpost.service", "ActiveState") == "active" and b.mail(2) == "250", "no mail after a reload")
    b.run("useradd", "officer")
    b.run("adduser", "--quiet", "officer", "sealpost-audit")
    for what, text, word in (("a group that is not there", re.sub(r"(?m)^group = .*", "group = sealpost-audti", good), "sealpost-audti"),
                             ("a syntax error", good + "memory 64M\n", "memory = 64M"),
                             ("an alarm command that is not there", good.replace("alarm {\n", "alarm {\n command = /no/such\n"), "/no/such")):
        open(conf, "w").write(text)
        done = b.run("systemctl", "reload", "sealpost.service", status=None)
        check(done.returncode != 0, f"{what}: systemctl reload ends with 0")
        said = b.run("journalctl", "--no-pager", "-u", "sealpost", status=None).stdout.decode()
        check(word in said, f"{what}: the journal does not say {word}: {said[-500:]}")
        check(b.show("sealpost.service", "ActiveState") == "active" and b.show("sealpost.service", "MainPID") == pid, f"{what}: the service went")
        check(b.mail(3) == "250", f"{what}: no mail")
        done = b.run("runuser", "-u", "officer", "--", "sealpost", "search", "message", status=0)
        check(b"message 1" in done.stdout, f"{what}: the officer finds nothing: {done.stdout} {done.stderr}")
    open(conf, "w").write(good)
    b.run("systemctl", "reload", "sealpost.service")


def booted(work, first, later, roots):
    if not shutil.which("systemd-nspawn"):
        return "systemd-nspawn is not installed"
    if not os.path.isdir(roots + "/debian"):
        return open(roots + "/debian.why").read().strip() if os.path.exists(roots + "/debian.why") else f"there is no {roots}/debian (bootroot.sh)"
    root = lay_over(work, "boot", roots + "/debian")
    if root is None:
        return "no overlay can be mounted"
    for deb in (first, later):
        shutil.copy(deb, f"{root}/root/")
    d1, d2 = ("/root/" + os.path.basename(p) for p in (first, later))
    b = Booted(root)
    try:
        if not b.up():
            return f"systemd-nspawn does not boot here: {b.said()!r}"
        step("booted")
        b.run("dpkg", "-i", d1)
        check(b.show("sealpost.service", "UnitFileState") == "disabled", "the first installation enables the service")
        said = b.run("systemd-analyze", "verify", "--man=no", *("/usr/lib/systemd/system/" + n for n in UNITS), status=0).stderr.decode()
        check("sealpost" not in said, f"systemd-analyze verify: {said}")
        start_service(b)
        step("the service runs")
        reloads(b)
        step("reloads")
        b.run("systemctl", "start", "sealpost-verify.service")
        result = json.load(open(root + DIR + "/state/verify.json"))
        check(result["status"] == 0 and result["verdict"], f"verify.json: {result}")
        pid = b.show("sealpost.service", "MainPID")
        b.run("dpkg", "-i", d2)
        check(b.show("sealpost.service", "ActiveState") == "active" and b.show("sealpost.service", "MainPID") not in ("0", pid),
              "an upgrade does not restart the service")
        check(b.mail(9) == "250", "no mail after the upgrade")
        step("upgraded")
        b.run("dpkg", "-r", "sealpost")
        check(b.show("sealpost.service", "ActiveState") in ("inactive", ""), "a removal leaves the service running")
        check(b.run("pgrep", "-x", "sealpost", status=None).returncode != 0, "processes are left")
        b.run("dpkg", "-i", d2)
        b.run("systemctl", "start", "sealpost")
        check(b.mail(10) == "250", "no mail after removal and installation")
        b.run("systemctl", "stop", "sealpost")
        before = tree(root)
        said = b.run("dpkg", "-P", "sealpost").stdout.decode()
        check(tree(root) == before and DIR in said, f"purge: {said}")
        check(not os.path.lexists(root + "/etc/systemd/system/multi-user.target.wants/sealpost.service"), "a purge leaves the unit enabled")
        run(SEALPOST, "-A", root + DIR, "verify", "--vkey", root + DIR + "/keys/log.vkey", root + DIR, status=None)
        step("purged")
    finally:
        b.off()
        step("off")
    return None


def main():
    # Other things are mounted below it, so nothing may ever remove it file by
    # file: it goes with the mount namespace.
    work = workdir(tmpfs="4g")
    os.chmod(work, 0o755)
    units(work)
    step("units")
    first, later = package(work)
    step("package")
    without_boot(work, first, later)
    step("dpkg alone")
    why = booted(work, first, later, sys.argv[1])
    if why and not failures:
        skip(f"the units and dpkg alone are right, the boot was not tried: {why}")
    finish("deb")


main()
