#!/usr/bin/env python3
"""The configuration in the hands of people: `config check` finds what would fail
later, a reload that cannot be followed changes nothing, and a broken file locks
nobody out."""
import grp
import pwd
import stat

from kit import *

OWNER, GROUP, READER = "mail", "games", "nobody"


def as_user(name, extra=()):
    """Arguments for run(): this user with these groups more."""
    p = pwd.getpwnam(name)
    return {"user": p.pw_uid, "group": p.pw_gid, "extra_groups": [grp.getgrnam(g).gr_gid for g in extra]}


def put(path, text, mode=0o644, owner=OWNER):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    shutil.chown(path, owner)
    return path


def findings(a, work):
    """(what, extra configuration, words of the one finding, who checks)"""
    d = os.path.join(work, "files")
    os.mkdir(d)
    os.chmod(d, 0o755)
    fifo = d + "/fifo"
    os.mkfifo(fifo)
    plain = put(d + "/plain", "x\n")
    guard = d + "/guard"
    os.mkdir(guard)
    shutil.chown(guard, OWNER)
    secret = put(d + "/secret", "x\n", 0o600)
    roots = put(d + "/roots", "x\n", 0o600, "root")
    open_ = put(d + "/open", "x\n", 0o644)
    broken = put(d + "/broken", "mx1:nonsense\n", 0o600)
    busy = socket.socket()
    busy.bind(("127.0.0.1", 0))
    busy.listen()
    taken = busy.getsockname()[1]
    p, q = free_port(), free_port()
    submit = 'submit { server = "mx.corp.example:25" from = a@corp.example }\n'
    pull = "pull box { server = pop.corp.example user = u password_file = %s }\n"
    return busy, [
        ("unknown user", "user = nosuchuser\n", ["user", "nosuchuser", "adduser"]),
        ("user who does not own it", "user = games\n", ["games", "does not belong"]),
        ("unknown group", "group = sealpost-audti\n", ["group", "sealpost-audti", "addgroup"]),
        ("unknown socket_group", f"listen s {{ address = unix:{work}/s socket_group = nosuch }}\n", ["socket_group", "nosuch"]),
        ("guard inside", f"guard = {a.dir}/guard\n", ["guard", "inside"]),
        ("guard inside by a link", f"guard = {work}/link/guard\n", ["guard", "inside"]),
        ("guard that cannot be written", "guard = /proc/guard\n", ["guard", OWNER]),
        ("guard that is another directory", f"guard = {guard}\n", ["guard", "log.vkey", "copy the old guard"]),
        ("guard that is a file", "guard = /etc/passwd\n", ["guard", "/etc/passwd is no directory"]),
        ("no alarm command", f"alarm {{ command = {d}/none }}\n", ["command", "No such file"]),
        ("alarm command that is no program", f"alarm {{ command = {plain} }}\n", ["chmod +x"]),
        ("alarm command of root's", f"alarm {{ command = {put(d + '/cmd', '#!/bin/sh', 0o700, 'root')} }}\n", [OWNER]),
        ("canary without submit", "canary { address = c@corp.example }\n", ["canary", "submit"]),
        ("no password file", pull % (d + "/none"), ["password_file", "No such file"]),
        ("password file for everybody", pull % open_, ["password_file"]),
        ("a FIFO for a password", pull % fifo, ["password_file"]),
        ("no password of submit", submit.replace("from", f"security = tls user = u password_file = {d}/none from"), ["password_file"]),
        ("authorities of root's", (pull % secret).replace("user", f"ca = {roots} user"), ["cannot read", "roots"]),
        ("no authorities", submit.replace("from", f"ca = {d}/none from"), ["cannot read", "none"]),
        ("broken users", LOGIN % broken, ["users", "broken"]),
        ("a FIFO for users", LOGIN % fifo, ["fifo"]),
        ("no users", LOGIN % (d + "/none"), ["No such file"]),
        ("a port in use", f"listen x {{ address = 127.0.0.1:{taken} }}\n", [str(taken), "another program"]),
        ("an address of another host", "listen x { address = 192.0.2.1:2600 allow = { 127.0.0.1 } }\n", ["192.0.2.1"]),
        ("listeners that clash", f"listen x {{ address = 127.0.0.1:{p} }}\nlisten y {{ address = 0.0.0.0:{p} allow = {{ 127.0.0.1 }} }}\n",
         ["clashes", "listen x"]),
        ("listeners that clash, the other way", f"listen x {{ address = [::]:{q} allow = {{ 127.0.0.1 }} }}\nlisten y {{ address = [::1]:{q} }}\n",
         ["clashes", "listen x"]),
        ("sockets that clash", f"listen x {{ address = unix:{work}/u }}\nlisten y {{ address = unix:{work}/files/../u }}\n", ["clashes"]),
        ("a socket where a file is", f"listen x {{ address = unix:{plain} }}\n", ["no socket"]),
        ("a socket in no folder", f"listen x {{ address = unix:{d}/no/s }}\n", ["No such file"]),
    ]


def config_check(a, work, text):
    conf = a.dir + "/sealpost.conf"
    os.symlink(a.dir, work + "/link")
    busy, table = findings(a, work)
    for what, extra, words in table:
        put(conf, "\n".join(t for t in text.splitlines() if not t.startswith(extra.split(" ")[0] + " =")) + "\n" + extra)
        done = a.cmd("config", "check", status=1)
        one_line(done, f"config check, {what}")
        said = done.stderr.decode(errors="replace")
        for word in words:
            check(word in said, f"config check, {what}: {word!r} is not in {said!r}")
        check(re.match(r"sealpost: \S*sealpost\.conf:\d+: ", said), f"config check, {what}: no file and line: {said!r}")
        check(not done.stdout, f"config check, {what}: printed {done.stdout!r}")
    busy.close()
    # Several at once: each has its line.
    put(conf, text.replace("group = ", "#group = ") + "group = nosuch\ncanary { address = c@corp.example }\n"
        f"alarm {{ command = {work}/none }}\n")
    done = a.cmd("config", "check", status=1)
    check(len(done.stderr.splitlines()) == 3, f"three findings: {done.stderr}")
    # A guard whose disk is away: mail is taken, so a reload must be possible; it is said.
    put(conf, re.sub(r"(?m)^guard = .*", f'guard = "{work}/files/guard/away"', text))
    done = a.cmd("config", "check", status=0)
    check(b"warning: " in done.stderr and b"is not there" in done.stderr and b"copy the old guard" in done.stderr, f"a guard that is away: {done.stderr}")
    # A right that this process does not have.
    put(conf, text + "listen low { address = 127.0.0.1:25 }\n")
    a.cmd("config", "check", status=0)
    done = a.cmd("config", "check", status=1, **as_user(OWNER, [GROUP]))
    check(b"127.0.0.1:25" in done.stderr and b"CAP_NET_BIND_SERVICE" in done.stderr, f"a port below 1024: {done.stderr}")
    # A key that systemd gives to the main process alone: ExecReload= cannot see it.
    put(conf, text + "listen tls { address = 127.0.0.1:%d tls = implicit certificate = /run/credentials/none/tls.pem }\n" % free_port())
    done = a.cmd("config", "check", status=0, **as_user(OWNER, [GROUP]))
    check(b"warning: " in done.stderr and b"/run/credentials/" in done.stderr, f"a credential: {done.stderr}")
    a.cmd("config", "check", status=1)
    # A group that the account could not give a socket to.
    put(conf, text)
    done = a.cmd("config", "check", status=1, **as_user(OWNER))
    check(b"is no member of group" in done.stderr and GROUP.encode() in done.stderr, f"no member: {done.stderr}")
    a.cmd("config", "check", status=0, **as_user(OWNER, [GROUP]))


def show(a, work, text):
    conf = a.dir + "/sealpost.conf"
    secret = put(work + "/password", "hunter2\n", 0o600)
    put(conf, text + f'pull box {{ server = pop.corp.example user = u password_file = {secret}\n'
        'proxy = "http://who:hunter2@192.0.2.1:3128" poll = 90 timeout = 1h }\nseal { age = 7d size = 1000000 frame = 65536 }\nmemory = 1048576\n')
    done = a.cmd("config", "check", "--show", status=0)
    lines = done.stdout.decode().splitlines()
    for want in ("listen.mta.max_message = 150M", "seal.age = 7d", "seal.size = 1000000", "seal.frame = 64K", "seal.heartbeat = 1h",
                 "pull.box.poll = 90s", "pull.box.timeout = 1h", "memory = 1M", "disk_reserve = 512M", "listen.mta.timeout = 5m",
                 f"pull.box.password_file = {secret}", "listen.mta.max_recipients = 1000", "listen.mta.min_rate = 100"):
        check(want in lines, f"config check --show: no {want!r} in\n{done.stdout.decode()}")
    check(b"hunter2" not in done.stdout + done.stderr, "config check --show prints a password")
    # Bytes for a terminal.
    with open(conf, "ab") as f:
        f.write(b'submit { server = "mx:25" from = a@b.example ca = "/tmp/\xff\x9b[2J" }\n')
    done = a.cmd("config", "check", "--show", status=1)
    both = done.stdout + done.stderr
    check(b"\xff" not in both and b"\x9b" not in both, f"raw bytes: {both!r}")
    put(conf, text)
    check(a.cmd("config", "check", status=0).stdout == f"{conf}: no errors\n".encode(), "the verdict of a good configuration")


def refused_reloads(a, work, text):
    """Nothing of a configuration that is refused is in force, and mail goes on."""
    conf, sock = a.dir + "/sealpost.conf", work + "/kept.sock"
    put(conf, text + f"listen kept {{ address = unix:{sock} socket_group = {GROUP} }}\n")
    old = a.workers()
    check(a.cmd("config", "reload", status=0).stderr == b"", "config reload says something")
    good = open(conf).read()
    had = os.stat(sock)
    check(stat.S_IMODE(had.st_mode) == 0o660 and had.st_gid == grp.getgrnam(GROUP).gr_gid, "the socket's rights")
    wait_for("new workers", lambda: all(p not in (0, old[n]) for n, p in a.workers().items()))
    pids = a.workers()
    door = os.stat(a.dir + "/state/door").st_gid
    other = good.replace("socket_group = " + GROUP, "socket_mode = 0666 socket_group = mail")
    locked, strange = work + "/locked", work + "/strange"
    os.mkdir(locked, 0o700)
    run(SEALPOST, "init", strange, "--origin", "strange.example/log", "--user", OWNER, status=0)
    for what, change, words in (
            ("a mistyped group", other.replace(f"group = {GROUP}\n", "group = gamse\n"), ["gamse"]),
            ("a mistyped user", other.replace('user = "mail"', 'user = "mial"'), ["mial"]),
            ("another user", other.replace('user = "mail"', 'user = "games"'), ["games"]),
            ("a socket for nobody", other + f"listen n {{ address = unix:{work}/n socket_group = nosuch }}\n", ["nosuch"]),
            ("no users", other + LOGIN % (work + "/none"), ["none"]),
            ("a certificate that is not there", other + f"listen t {{ address = 127.0.0.1:2599 tls = implicit certificate = {work}/none }}\n", ["none"]),
            ("a guard inside", other.replace(f'guard = "{a.dir}.guard"', f'guard = "{a.dir}/guard"'), ["inside"]),
            ("a guard that is a file", other.replace(f'guard = "{a.dir}.guard"', 'guard = "/etc/passwd"'), ["is no directory"]),
            ("a guard that cannot be entered", other.replace(f'guard = "{a.dir}.guard"', f'guard = "{locked}"'), ["cannot read the guard"]),
            ("the guard of another log", other.replace(f'guard = "{a.dir}.guard"', f'guard = "{strange}.guard"'), ["another log"]),
            ("a syntax error", other + "memory 64M\n", ["="]),
            ("an address of another host", other + "listen x { address = 192.0.2.1:2600 allow = { 127.0.0.1 } }\n", ["192.0.2.1"]),
            ("an empty file", "", ["empty"]),
            ("a FIFO", None, ["FIFO"])):
        if change is None:
            os.unlink(conf)
            os.mkfifo(conf)
        else:
            put(conf, change)
        n = a.log_text().count("event=reload_failed ")
        a.service.send_signal(signal.SIGHUP)
        wait_for(f"reload_failed, {what}", lambda: a.log_text().count("event=reload_failed ") > n)
        line = [t for t in a.log_text().splitlines() if "event=reload_failed" in t][-1]
        for word in words:
            check(word in line, f"reload, {what}: {word!r} is not in {line}")
        done = a.cmd("config", "reload", status=2)
        one_line(done, f"config reload, {what}")
        for word in words:
            check(word in done.stderr.decode(), f"config reload, {what}: {word!r} is not in {done.stderr}")
        check(a.log_text().count("event=reload_failed ") == n + 2, f"reload, {what}: not one line for each")
        now = os.stat(sock)
        check((now.st_mode, now.st_uid, now.st_gid) == (had.st_mode, had.st_uid, had.st_gid), f"reload, {what}: the socket has other rights")
        check(not os.path.exists(work + "/n"), f"reload, {what}: a socket was left")
        check(a.workers() == pids, f"reload, {what}: workers ended")
        check(os.stat(a.dir + "/state/door").st_gid == door, f"reload, {what}: the door has another group")
        with smtp(a.port) as client:
            check(send(client, message(100))[0] == 250, f"reload, {what}: no mail")
        if change is None:
            os.unlink(conf)
    put(conf, text)
    root_copy = work + "/root-copy"
    shutil.copytree(a.dir, root_copy, ignore=lambda d, names: [n for n in names if n in ("door", "control")])
    done = run(SEALPOST, "-A", root_copy, "seal", status=2)
    check(b"chown -R" in done.stderr, f"a copy that is root's: {done.stderr}")
    # And one that can be followed is, with the new rights.
    put(conf, other.replace(f"group = {GROUP}\n", "group = mail\n"))
    a.cmd("config", "reload", status=0)
    now = os.stat(sock)
    check(stat.S_IMODE(now.st_mode) == 0o666 and now.st_gid == grp.getgrnam("mail").gr_gid, "a good reload does not change the socket")
    check(os.stat(a.dir + "/state/door").st_gid == grp.getgrnam("mail").gr_gid, "a good reload does not change the door")
    wait_for("new workers", lambda: all(p not in (0, pids[n]) for n, p in a.workers().items()))
    done = a.cmd("config", "reload", status=2, **as_user(READER, [GROUP]))
    one_line(done, "config reload by a reader")
    put(conf, text)
    a.cmd("config", "reload", status=0)


def nobody_is_locked_out(a, work, text):
    conf, good = a.dir + "/sealpost.conf", a.dir + "/state/config.good"
    check(open(good).read() == text, "the last good configuration is not what is in force")
    for what, broken in (("broken", "memory 64M\n"), ("gone", None), ("a FIFO", "fifo")):
        os.unlink(conf)
        if broken == "fifo":
            os.mkfifo(conf)
        elif broken:
            put(conf, broken, 0o640)
        for args, status in ((("search", "message"), 0), (("show", "1"), 0), (("verify",), 0), (("audit",), 0), (("alarms",), 0), (("proof", "1"), 0),
                             (("export", "--output", f"{work}/bag-{what.replace(' ', '-')}"), 0)):
            done = a.cmd(*args, status=status)
            if args[0] != "proof":
                said = done.stderr.decode().splitlines()
                check(len([t for t in said if "last good configuration" in t and conf in t]) == 1, f"{args[0]}, {what}: {said}")
        a.cmd("status", status=None)
        for args in (("serve",), ("import", work), ("seal",), ("config", "check")):
            done = a.cmd(*args, status=2)
            one_line(done, f"{args[0]} with a configuration that is {what}")
        done = a.cmd("-c", work + "/none.conf", "search", "message", status=2)
        one_line(done, "a configuration that was named and is not there")
        if broken:
            os.unlink(conf)
        put(conf, text)


def rights(a):
    """Who may not is told which user needs what."""
    for args in (("search", "message"), ("show", "1"), ("verify",), ("status",), ("export", "--output", "/tmp/never")):
        done = a.cmd(*args, status=2, **as_user(READER))
        one_line(done, f"{args[0]} by a stranger")
        check(f"group {GROUP}" in done.stderr.decode() and f"adduser {READER} {GROUP}" in done.stderr.decode(),
              f"{args[0]} by a stranger: {done.stderr}")
    index = [os.path.join(a.dir, "index", n) for n in os.listdir(a.dir + "/index")]
    for path in index:
        os.chmod(path, 0o600)
    for who, extra, word in ((READER, [GROUP], f"user {OWNER}"), (READER, [], f"group {GROUP}")):
        done = a.cmd("search", "message", status=2, **as_user(who, extra))
        check(word in done.stderr.decode() and "Permission denied" in done.stderr.decode(), f"an index that may not be read: {done.stderr}")
    for path in index:
        os.chmod(path, 0o640)
    # What root made in it is in its owner's way.
    for part, args in (("index", ("search", "message")), ("keys", ("seal",)), ("keys", ("verify",)), ("intake", ("search", "message")),
                       ("tree", ("seal",))):
        for path in [os.path.join(a.dir, part)] + [os.path.join(d, n) for d, _, names in os.walk(os.path.join(a.dir, part)) for n in names]:
            os.chown(path, 0, 0)
            os.chmod(path, 0o700 if os.path.isdir(path) else 0o600)
        done = a.cmd(*args, status=2, **as_user(OWNER))
        check(f"chown -R {OWNER} {a.dir}" in done.stderr.decode(), f"{args[0]} with {part}/ of root's: {done.stderr}")
        for path in [os.path.join(a.dir, part)] + [os.path.join(d, n) for d, _, names in os.walk(os.path.join(a.dir, part)) for n in names]:
            shutil.chown(path, OWNER, GROUP)
            os.chmod(path, 0o750 if os.path.isdir(path) else 0o640)
    for args in (("seal",), ("serve",), ("reindex",)):
        done = a.cmd(*args, status=2, **as_user(READER, [GROUP]))
        one_line(done, f"{args[0]} by a reader")
        check(f"user {OWNER}" in done.stderr.decode(), f"{args[0]} by a reader: {done.stderr}")


def lost_state(a):
    shutil.rmtree(a.dir + "/state")
    done = a.cmd("search", "message", status=0, **as_user(OWNER, [GROUP]))
    check(b"made again" in done.stderr, f"search without state/: {done.stderr}")
    shutil.rmtree(a.dir + "/state")
    a.start()
    st = os.stat(a.dir + "/state")
    check((st.st_uid, stat.S_IMODE(st.st_mode) & 0o777) == (pwd.getpwnam(OWNER).pw_uid, 0o750), f"state/ is made with {st}")
    for d, dirs, files in os.walk(a.dir + "/state"):
        for n in dirs + files:
            check(os.lstat(os.path.join(d, n)).st_uid == st.st_uid, f"state/{n} is not the account's")
    with smtp(a.port) as client:
        check(send(client, message(200))[0] == 250, "no mail after state/ was lost")
    a.stop()


def export_inside(a, work):
    before = sorted(os.listdir(a.dir))
    events = len(a.events("export"))
    os.makedirs(work + "/out", exist_ok=True)
    os.symlink(a.dir + "/index", work + "/out/in")
    for path in (a.dir + "/bag", a.dir + "/archive/bag.zip", work + "/out/in/bag", work + "/out/../archive/bag.tar.zst", work + "/out/in/../bag",
                 a.dir + ".guard/bag"):
        done = a.cmd("export", "--output", path, status=2)
        one_line(done, "export inside")
        check("inside" in done.stderr.decode(), f"export to {path}: {done.stderr}")
    done = a.cmd("export", "--output", "bag", status=2, cwd=a.dir)
    check(b"inside" in done.stderr, f"export to bag in the archive: {done.stderr}")
    check(sorted(os.listdir(a.dir)) == before and len(a.events("export")) == events, "a refused export left something")
    a.cmd("export", "--output", work + "/out/bag", status=0)


def lost_tree(a, work):
    copy = work + "/copy"
    run("cp", "-a", a.dir, copy)
    shutil.rmtree(copy + "/tree")
    done = run(SEALPOST, "-A", copy, "verify", status=1)
    said = (done.stdout + done.stderr).decode()
    check("verify --rebuild-tree" in said and "rolled back" not in said, f"verify without tree/: {said}")
    for args in (("seal",), ("export", "-o", work + "/copy-bag")):
        done = run(SEALPOST, "-A", copy, *args, status=2)
        check(b"verify --rebuild-tree" in done.stderr and b"rolled back" not in done.stderr, f"{args[0]} without tree/: {done.stderr}")
    run(SEALPOST, "-A", copy, "verify", "--rebuild-tree", status=0)


def verify_result(a):
    path = a.dir + "/state/verify.json"
    a.cmd("verify", status=0)
    good = json.load(open(path))
    check(good["status"] == 0 and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", good["time"]) and good["verdict"], f"verify.json: {good}")
    check(os.stat(path).st_uid == pwd.getpwnam(OWNER).pw_uid, "verify.json is not the account's")
    a.cmd("verify", "--quick", status=0)
    check(json.load(open(path)) == good, "a quick look counts as a verification")
    a.cmd("verify", status=0, **as_user(READER, [GROUP]))
    victim = sorted(os.path.join(d, n) for d, _, names in os.walk(a.dir + "/intake") for n in names)[0]
    data = open(victim, "rb").read()
    at = data.index(b"Subject: message 1")
    open(victim, "r+b").write(data[:at] + b"x" + data[at + 1:])
    a.cmd("verify", status=1)
    bad = json.load(open(path))
    check(bad["status"] == 1 and bad["verdict"] != good["verdict"], f"verify.json of a damaged archive: {bad}")
    open(victim, "r+b").write(data)
    a.cmd("verify", status=0)


LOGIN = ""


def without_a_service(work):
    """An archive that commands alone work in: the same."""
    b = Archive(work, free_port(), name="alone")
    conf = b.dir + "/sealpost.conf"
    for broken in (False, True):
        text = open(conf).read()
        open(conf, "w").write("memory 64M\n")
        done = b.cmd("show", 0, status=0)
        check(b"last good configuration" in done.stderr, f"an archive without a service: {done.stderr}")
        open(conf, "w").write(text + "" if broken else text + "memory = 3M\n")
        open(work + "/one.eml", "w").write("Subject: one\n\none\n")
        b.cmd("import", work + "/one.eml", status=0)
    check("memory = 3M" in open(b.dir + "/state/config.good").read(), "what a command used is not kept")


def main():
    global LOGIN
    import certs
    work = workdir()
    os.chmod(work, 0o755)
    ca = certs.CA(os.path.join(work, "ca"))
    ca.issue("good")
    pem = ca.path("good.pem")
    LOGIN = "listen login { address = 127.0.0.1:%d tls = implicit certificate = %s key = %s auth_users = %%s }\n" % (free_port(), pem, ca.path("good.key"))
    a = Archive(work, free_port(), init=("--user", OWNER, "--group", GROUP))
    text = open(a.dir + "/sealpost.conf").read()
    text = re.sub(r"(?m)^(log|seal|index|alarm|submit|canary|watch) \{\n(\t#.*\n)*\}\n", "", text)
    put(a.dir + "/sealpost.conf", text)
    a.start()
    with smtp(a.port) as client:
        for n in range(1, 4):
            check(send(client, message(n))[0] == 250, "mail")
    a.wait_index()
    config_check(a, work, text)
    show(a, work, text)
    refused_reloads(a, work, text)
    nobody_is_locked_out(a, work, text)
    export_inside(a, work)
    a.stop()
    rights(a)
    without_a_service(work)
    lost_tree(a, work)
    verify_result(a)
    lost_state(a)
    a.verify()
    finish("config")


main()
