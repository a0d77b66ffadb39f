#!/usr/bin/env python3
"""An archive that was restored from a backup: noticed at the next start, named
by every command, and continued only as a new log that names the old one."""
from kit import *


def checkpoint(path):
    """(origin, size, root) of a signed tree head."""
    lines = open(path).read().split("\n")
    return lines[0], int(lines[1]), lines[2]


def fill(a, first, last):
    with smtp(a.port) as client:
        for number in range(first, last):
            code, text = send(client, message(number))
            check(code == 250, f"{code} {text}")
    return answer(text)[0]


def make(work, name, sealed):
    """An archive of which an older copy was restored; its guard is newer."""
    a = Archive(work, free_port(), name=name)
    a.start()
    fill(a, 0, 10)
    if sealed:
        a.cmd("seal")
    a.stop()
    subprocess.run(["cp", "-a", a.dir, a.dir + ".backup"], check=True)
    a.start()
    a.last = fill(a, 10, 20)
    if sealed:
        a.cmd("seal")
    a.stop()
    a.newest = checkpoint(a.dir + "/tree/checkpoint")
    os.rename(a.dir, a.dir + ".newer")
    os.rename(a.dir + ".backup", a.dir)
    return a


def commands(a, work):
    for args in (("show", 1), ("import", work + "/one.eml"), ("export", "--output", work + "/bag"), ("seal",)):
        done = a.cmd(*args, status=2)
        one_line(done, f"{args[0]} on a rolled back archive")
        check(b"rolled back" in done.stderr and b"init --continues" in done.stderr, f"{args[0]}: {done.stderr}")
    check(not os.path.exists(work + "/bag") and not os.path.exists(work + "/bag.partial"), "export left something")
    done = a.cmd("verify", status=1)
    text = (done.stdout + done.stderr).decode()
    check("guard" in text and str(a.newest[1]) in text, f"verify does not say what is newer, and where:\n{text}")
    # What is there can still be searched.
    check(a.cmd("search", "--count", "message").stdout.strip() == b"10", "search on a rolled back archive")


def service(a):
    a.start()
    wait_for("an alarm", lambda: "rolled back" in a.log_text())
    for _ in range(2):
        c = Raw(a.port)
        c.hello()
        code, text = c.cmd("MAIL FROM:<a@corp.example>")
        check(code == 451, f"mail to a rolled back archive is answered {code} {text}")
        c.close()
    done = a.cmd("status", status=1)
    check(b"rolled back" in done.stdout, f"status: {done.stdout}")
    for args in (("show", 1), ("seal",), ("export", "--output", a.root + "/bag")):
        done = a.cmd(*args, status=2)
        one_line(done, f"{args[0]} through the service of a rolled back archive")
        check(b"administrator" in done.stderr or b"rolled back" in done.stderr, f"{args[0]}: {done.stderr}")
    before = {n: open(f"{a.dir}/intake/{n}", "rb").read() for n in os.listdir(a.dir + "/intake")}
    # SIGHUP and dying workers change nothing of that.
    a.service.send_signal(signal.SIGHUP)
    wait_for("a reload", lambda: "event=reload " in a.log_text())
    wait_for("receive is back", lambda: a.workers().get("receive"))
    c = Raw(a.port)
    c.hello()
    check(c.cmd("MAIL FROM:<a@corp.example>")[0] == 451, "mail after a reload")
    c.close()
    a.stop(status=None)
    alarms = a.log_text().count("event=alarm")
    check(alarms <= 20, f"{alarms} alarms in a few seconds")
    after = {n: open(f"{a.dir}/intake/{n}", "rb").read() for n in os.listdir(a.dir + "/intake")}
    check(before == after, "the service wrote into the intake log of a rolled back archive")


def went_on(work):
    """Restored together with its guard, and gone on: only who kept something notices."""
    a = Archive(work, free_port(), name="both")
    a.start()
    fill(a, 0, 5)
    a.stop()
    for d in (a.dir, a.dir + ".guard"):
        subprocess.run(["cp", "-a", d, d + ".backup"], check=True)
    a.start()
    fill(a, 5, 10)
    a.stop()
    shutil.copy(a.dir + "/tree/checkpoint", work + "/kept")
    guard = open(a.dir + ".guard/checkpoint").read()
    for d in (a.dir, a.dir + ".guard"):
        shutil.rmtree(d)
        os.rename(d + ".backup", d)
    a.start()
    fill(a, 20, 40)
    a.stop()
    a.verify()
    done = a.verify("--from-checkpoint", work + "/kept", status=1)
    check(b"kept" in done.stdout + done.stderr, f"verify with a kept checkpoint: {done.stdout} {done.stderr}")
    # The guard of the time before comes back: now the archive has more entries, but other ones.
    open(a.dir + ".guard/checkpoint", "w").write(guard)
    done = a.cmd("show", 1, status=2)
    one_line(done, "show where the guard remembers another history")
    check(b"went on" in done.stderr, f"another history: {done.stderr}")


def continued(a, work):
    """init --continues: a new log whose entry 0 names the old log's last word."""
    done = run(SEALPOST, "init", work + "/wrong", "--origin", a.origin, "--continues", a.dir, status=2)
    one_line(done, "--continues with the same origin")
    check(not os.path.exists(work + "/wrong"), "a refused init left a directory")
    done = run(SEALPOST, "init", work + "/wrong", "--continues", work + "/nothing", status=2)
    one_line(done, "--continues of nothing")
    run(SEALPOST, "-A", a.dir, "passwd", "--file", a.dir + "/users", "mx1", data=b"correct horse battery\n")
    users = open(a.dir + "/users").read()
    os.makedirs(a.dir + "/secrets", exist_ok=True)
    open(a.dir + "/secrets/box.token", "w").write("refresh\n")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", a.dir + "/tls.key",
        "-out", a.dir + "/tls.pem", "-days", "30", "-subj", "/CN=archive.example")
    a.configure({"listen": f"\tauth_users = {a.dir}/users\n\ttls = starttls # as it was\n\tcertificate = {a.dir}/tls.pem\n\tkey = {a.dir}/tls.key"})
    b = Archive(work, free_port(), name="next-" + os.path.basename(a.dir), init=("--continues", a.dir))
    conf = open(b.dir + "/sealpost.conf").read()
    check("tls = starttls # as it was" in conf and f'auth_users = "{b.dir}/users"' in conf and f'guard = "{b.dir}.guard"' in conf
          and f":{b.port}" in conf, f"the configuration was not taken along:\n{conf}")
    check(open(b.dir + "/users").read() == users and os.stat(b.dir + "/users").st_mode & 0o777 == 0o600, "the users were not taken along")
    check(open(b.dir + "/secrets/box.token").read() == "refresh\n", "the secrets were not taken along")
    # In the place of the old one, whose guard stays as evidence.
    guard = open(a.dir + ".guard/checkpoint").read()
    os.rename(a.dir, a.dir + ".old")
    run(SEALPOST, "init", a.dir, "--origin", a.origin + "-2", "--continues", a.dir + ".old")
    check(open(a.dir + ".guard/checkpoint").read() == guard and os.path.exists(a.dir + ".guard-2/checkpoint"), "the old guard was touched")
    check(open(a.dir + "/users").read() == users, "the users of an archive that was moved away")
    run(SEALPOST, "-A", a.dir, "verify")
    shutil.rmtree(a.dir)
    shutil.rmtree(a.dir + ".guard-2")
    os.rename(a.dir + ".old", a.dir)
    record = json.loads(b.cmd("show", 0, "--format", "record").stdout)
    names = json.dumps(record["detail"])
    origin, size, root = a.newest
    old = record["detail"].get("continues", {})
    check(record["event"] == "init" and origin in names and root in names and str(size) in names,
          f"entry 0 does not name the last checkpoint {a.newest}: {record['detail']}")
    check(old, f"entry 0 has no member continues: {record['detail']}")
    b.start()
    fill(b, 0, 3)
    b.stop()
    b.verify()
    b.cmd("export", "--output", work + "/bag-" + os.path.basename(a.dir))
    run(VERIFY, "--vkey", b.vkey, "--require-complete", work + "/bag-" + os.path.basename(a.dir))


def main():
    work = workdir()
    open(work + "/one.eml", "wb").write(message(99))
    for name, sealed in (("unsealed", False), ("sealed", True)):
        print("-", name, flush=True)
        a = make(work, name, sealed)
        commands(a, work)
        service(a)
        continued(a, work)
        # The newer copy put back, all is well again.
        shutil.rmtree(a.dir)
        os.rename(a.dir + ".newer", a.dir)
        a.start()
        check(fill(a, 50, 51) > a.last, "the right copy does not go on")
        a.stop()
        a.verify()
    print("- went_on", flush=True)
    went_on(work)
    finish("rollback")


main()
