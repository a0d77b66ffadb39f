#!/usr/bin/env python3
"""The service as an administrator meets it: starts and stops, reloads, dying
workers, large and odd messages, who may do what at the two local sockets."""
import base64
import grp
import pwd

from kit import *

BIG = (50 if LONG else 20) << 20


def second_serve(a):
    done = a.cmd("serve", status=2)
    one_line(done, "second serve")
    check(b"another `sealpost serve` runs" in done.stderr, f"second serve: {done.stderr}")
    with smtp() as client:
        check(client.noop()[0] == 250, "the first serve does not answer after a second one was tried")


def port_in_use(work):
    port = free_port()
    b = Archive(work, port, name="taken")
    with socket.socket() as s:
        s.bind(("127.0.0.1", port))
        s.listen()
        done = b.cmd("serve", status=2, timeout=PATIENCE)
    one_line(done, "port in use")
    check(b"mta" in done.stderr and b"127.0.0.1:%d" % port in done.stderr, f"port in use: {done.stderr}")
    b.start()
    b.stop()


def found_unasked(a):
    """Searchable soon after the 250, without anybody asking for it (bench/ measures how soon)."""
    worst = 0
    for number in range(9000, 9005):
        with smtp() as client:
            code, text = send(client, message(number))
        begin = time.time()
        check(code == 250, f"{code} {text}")
        wait_for(f"message {number} in a search",
                 lambda: a.cmd("search", "--count", f"msgid:{number}@e2e.example", status=None).returncode == 0)
        worst = max(worst, time.time() - begin)
    print(f"searchable after at most {worst:.2f} s (commands included)")


def odd_bytes(a):
    """What SMTP can carry comes back exactly; oddities are flagged."""
    utf8 = "From: ü@corp.example\r\nSubject: Grüße ünd 京都\r\n\r\nBücher\r\n".encode()
    nul = b"Subject: nul\r\n\r\na\0b\r\n\0"
    table = [
        # name, MAIL parameters, way, bytes, flag
        ("8BITMIME", "BODY=8BITMIME", "DATA", b"Subject: 8\r\n\r\n" + bytes(range(128, 256)) + b"\r\n", None),
        ("SMTPUTF8", "BODY=8BITMIME SMTPUTF8", "DATA", utf8, None),
        ("BINARYMIME with NUL and no final newline", "BODY=BINARYMIME", "BDAT", nul, "nul"),
        ("no bytes at all", "BODY=BINARYMIME", "BDAT", b"", None),
        ("one byte", "BODY=BINARYMIME", "BDAT", b"\n", "bare_lf"),
        ("every byte", "BODY=BINARYMIME", "BDAT", bytes(range(256)) * 3, "bare_cr"),
        ("bare LF by DATA", "", "DATA", b"Subject: lf\r\n\r\none\n.\ntwo\n\r\n", "bare_lf"),
        ("bare CR by DATA", "", "DATA", b"Subject: cr\r\n\r\none\rtwo\r\n", "bare_cr"),
        ("dots", "", "DATA", b"Subject: dots\r\n\r\n.\r\n..\r\n...x\r\n.\r\n", None),
        ("a long line", "", "DATA", b"Subject: long\r\n\r\n" + b"x" * 70000 + b"\r\n", "long_line"),
    ]
    for name, params, way, data, flag in table:
        c = Raw()
        c.hello()
        sender = "ü@corp.example" if "SMTPUTF8" in params else "a@corp.example"
        check(c.cmd(f"MAIL FROM:<{sender}> {params}".strip())[0] == 250, f"{name}: MAIL")
        check(c.cmd("RCPT TO:<journal@archive.example>")[0] == 250, f"{name}: RCPT")
        if way == "DATA":
            check(c.cmd("DATA")[0] == 354, f"{name}: DATA")
            c.put(re.sub(rb"(?:(?<=\r\n)|\A)\.", b"..", data) + b".\r\n")
        else:
            # in three chunks, the last one empty
            half = len(data) // 2
            for part in (data[:half], data[half:]):
                c.put(b"BDAT %d\r\n" % len(part) + part)
                check(c.reply()[0] == 250, f"{name}: BDAT")
            c.put(b"BDAT 0 LAST\r\n")
        code, text = c.reply()
        seq, digest = answer(text)
        if check(code == 250, f"{name}: {code} {text}"):
            check(digest == sha256(data), f"{name}: acknowledged other bytes")
            check(a.raw(seq) == data, f"{name}: other bytes come out")
            record = json.loads(a.cmd("show", seq, "--format", "record").stdout)
            flags = record.get("flags", [])
            check(flag is None or flag in flags, f"{name}: flags {flags}, want {flag}")
            check(flag is not None or not flags, f"{name}: flags {flags}, want none")
            check(record["envelope"]["from"] == sender, f"{name}: envelope {record['envelope']}")
            hit = json.loads(a.cmd("show", seq, "--format", "json").stdout)
            check(hit["size"] == len(data) and hit["sha256"] == digest, f"{name}: show --format json")
        c.close()


def big_messages(a):
    """Beyond the memory budget: temporary files, several at a time."""
    spilled = control(a, "status")["receive"]["spilled"]
    chunk = bytes(range(256)) * 256
    bodies = [b"Subject: big %d\r\n\r\n" % i + chunk * ((BIG + i * 1000) // len(chunk)) for i in range(3)]
    sessions = []
    for data in bodies:
        c = Raw()
        c.hello()
        for line in (f"MAIL FROM:<a@corp.example> SIZE={len(data)} BODY=BINARYMIME", "RCPT TO:<j@archive.example>"):
            check(c.cmd(line)[0] == 250, line)
        c.put(b"BDAT %d LAST\r\n" % len(data))
        sessions.append(c)
    step = 1 << 20
    for at in range(0, max(map(len, bodies)), step):
        for c, data in zip(sessions, bodies):
            c.put(data[at:at + step])
    for c, data in zip(sessions, bodies):
        code, text = c.reply()
        seq, digest = answer(text)
        check(code == 250 and digest == sha256(data), f"big message: {code} {text}")
        check(a.raw(seq) == data, f"big message {seq}: other bytes come out")
        c.close()
    check(control(a, "status")["receive"]["spilled"] >= spilled + 3, "big messages did not go to temporary files")
    names = os.listdir(a.dir + "/state")
    check(not [n for n in names if "tmp" in n], f"temporary files are left in state: {names}")
    a.cmd("seal")


def control(a, request):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(a.dir + "/state/control")
        s.sendall(request.encode() + b"\n")
        text = s.makefile().readline()
    return json.loads(text[3:]) if text.startswith("ok {") else text.strip()


def dying_workers(a):
    before = {w["name"]: w for w in a.status()["workers"]}
    check(set(before) == {"receive", "pull", "seal", "index"}, f"workers: {before}")
    for name, worker in before.items():
        os.kill(worker["pid"], signal.SIGKILL)
    wait_for("every worker is back", lambda: all(
        w["pid"] not in (0, before[w["name"]]["pid"]) and w["restarts"] == before[w["name"]]["restarts"] + 1
        for w in a.status()["workers"]))
    check("worker_exit name=seal" in a.log_text().replace('"', "") and "signal=9" in a.log_text(), "no worker_exit in the log")
    text = a.cmd("status", status=None).stdout.decode()
    check(re.search(r"(?m)^receive +up, 1 restarts", text), f"status does not show the restart:\n{text}")
    check("was ended by signal 9" in text, f"status does not show the alarm:\n{text}")
    wait_for("mail is taken again", lambda: listening(PORT))
    with smtp() as client:
        check(send(client, message(9100))[0] == 250, "no mail after the workers died")


def reload_config(a):
    conf = a.dir + "/sealpost.conf"
    old = open(conf).read()
    configs = len(a.events("config"))
    check(configs == 1, f"{configs} config events after the first start")

    def hup(event):
        n = a.log_text().count(f"event={event} ")
        a.service.send_signal(signal.SIGHUP)
        return wait_for(f"{event} in the log", lambda: a.log_text().count(f"event={event} ") > n)

    # Nothing changed: no event, though the workers start anew.
    pids = a.workers()
    hup("reload")
    wait_for("the workers are back", lambda: all(p not in (0, pids[n]) for n, p in a.workers().items()))
    check(len(a.events("config")) == configs, "a config event although nothing changed")

    # An error: the old configuration stays, workers and sockets too.
    pids = a.workers()
    for wrong, where in (("listen second {\n", "sealpost.conf:"), ("nonsense = 3\n", "sealpost.conf:")):
        open(conf, "w").write(old + wrong)
        hup("reload_failed")
        line = [t for t in a.log_text().splitlines() if "reload_failed" in t][-1]
        check(where in line, f"reload_failed without file and line: {line}")
    open(conf, "w").write(old + 'listen second {\n  address = "127.0.0.1:25250"\n}\n')
    with socket.socket() as s:
        s.bind(("127.0.0.1", 25250))
        s.listen()
        hup("reload_failed")
    check(a.workers() == pids, "workers were restarted by a configuration that was refused")
    with smtp() as client:
        check(send(client, message(9200))[0] == 250, "no mail after a failed reload")

    # A second listener, and the first one moved, while a session is open on it.
    held = Raw()
    held.hello()
    changed = old.replace(f"127.0.0.1:{PORT}", "127.0.0.1:25252")
    open(conf, "w").write(changed + 'listen second {\n  address = "127.0.0.1:25251"\n  max_message = 1K\n}\n')
    hup("reload")
    wait_for("the new listeners", lambda: listening(25251) and listening(25252))
    wait_for("the old address is closed", lambda: not listening(PORT))
    check(held.reply()[0] in (0, 421), "an idle session of the old listener was not closed with 421")
    held.close()
    with smtp(25251) as client:
        check(send(client, message(9201, 4000))[0] == 552, "the new listener's limit does not hold")
    with smtp(25252) as client:
        code, text = send(client, message(9202))
        check(code == 250, f"the moved listener: {code} {text}")
    record = json.loads(a.cmd("show", answer(text)[0], "--format", "record").stdout)
    check(record["source"]["listener"] == "mta" and record["source"]["local"] == "127.0.0.1:25252", f"{record['source']}")
    wait_for("a config event", lambda: len(a.events("config")) == configs + 1)
    detail = a.events("config")[-1]["detail"]
    check("listen.second.address = 127.0.0.1:25251" in detail["text"], f"config event: {detail}")
    open(conf, "w").write(old)
    hup("reload")
    wait_for("the old listener", lambda: listening(PORT))
    wait_for("a third config event", lambda: len(a.events("config")) == configs + 2)


def reload_under_load(a):
    """Nobody is turned away while the workers change: 421 and a new try at most."""
    taken = 0
    for round_ in range(3):
        a.service.send_signal(signal.SIGHUP)
        for n in range(20):
            for attempt in range(50):
                try:
                    client = smtp()
                    code, text = send(client, message(100000 + round_ * 100 + n))
                    client.close()
                    if code == 250:
                        taken += 1
                        break
                    check(400 <= code < 500, f"during a reload: {code} {text}")
                except smtplib.SMTPConnectError as e:
                    check(e.smtp_code == 421, f"during a reload: {e}")
                except smtplib.SMTPServerDisconnected:
                    pass
                except OSError as e:
                    check(False, f"during a reload: {e}")
                time.sleep(0.02)
    check(taken == 60, f"{taken} of 60 messages taken during reloads")
    # The one of a test before, which asked for a port that is taken, may be open still.
    raised = {x["cause"] for x in a.status()["open_alarms"]} - {"reload_failed"}
    check(not raised, f"reloads raised alarms: {raised}")


def drain(a):
    """SIGTERM: what is in hand is finished, the rest told 421, then the end."""
    busy, idle = Raw(), Raw()
    for c in (busy, idle):
        c.hello()
    busy.cmd("MAIL FROM:<a@corp.example>")
    busy.cmd("RCPT TO:<j@archive.example>")
    busy.cmd("DATA")
    data = message(9300, 100000)
    busy.put(data[:50000])
    a.service.send_signal(signal.SIGTERM)
    check(idle.reply()[0] == 421, "an idle session is not told 421 at the end")
    wait_for("the listener is closed", lambda: not listening(PORT))
    time.sleep(0.3)
    check(a.service.poll() is None, "the service ended with a message in hand")
    busy.put(data[50000:] + b".\r\n")
    code, text = busy.reply()
    check(code == 250, f"the message in hand: {code} {text}")
    status = a.service.wait(timeout=PATIENCE)
    check(status == 0, f"exit status {status} after SIGTERM")
    seq, digest = answer(text)
    check(sha256(a.raw(seq)) == digest, "the last message is not in the archive")
    check("event=stopped" in a.log_text(), "no stopped in the log")
    a.verify()
    # What was received last is under a checkpoint.
    a.cmd("proof", seq)
    busy.close()
    idle.close()


def rotation_and_heartbeat(work):
    b = Archive(work, free_port(), config={"seal": "  age = 2s\n  heartbeat = 3s"}, name="short")
    b.start()
    with smtp(b.port) as client:
        seq, _ = answer(send(client, message(1))[1])
    # The entry is sealed by age alone: nobody asked.
    wait_for("a segment by age", lambda: b.status()["sealed"] > seq)
    wait_for("heartbeats", lambda: len(b.events("heartbeat")) >= 2)
    beats = b.events("heartbeat")
    check(beats[0]["actor"].get("uid") == os.getuid(), f"actor of a heartbeat: {beats[0]['actor']}")
    b.stop()
    b.verify()


def as_user(user, group=None, extra=()):
    return {"user": pwd.getpwnam(user).pw_uid, "group": grp.getgrnam(group).gr_gid if group else pwd.getpwnam(user).pw_gid,
            "extra_groups": [grp.getgrnam(g).gr_gid for g in extra]}


def being(who, function):
    """Call it in a process that is this user; what it returns, as JSON."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(who["extra_groups"])
            os.setgid(who["group"])
            os.setuid(who["user"])
            os.write(w, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(w)
    with open(r, "rb") as f:
        text = f.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def talk(path, lines, who):
    """The answers at a local socket: the greeting, then one for each line."""
    def conversation():
        try:
            c = Raw(path=path)
            return [c.reply()[1]] + [c.cmd(line)[1] for line in lines]
        except OSError as e:
            return [str(e)]
    return being(who, conversation)


def talk_control(path, request, who):
    def question():
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                s.sendall(request.encode() + b"\n")
                return s.makefile().readline()
        except OSError as e:
            return str(e)
    return being(who, question)


def event(name, /, **detail):
    return "XSEALPOST EVENT " + base64.b64encode(json.dumps({"event": name, "detail": detail}).encode()).decode()


def source(grade, via="import"):
    return "XSEALPOST SOURCE " + base64.b64encode(json.dumps({"via": via, "grade": grade}).encode()).decode()


def rights(work):
    """mail owns the archive, games may read, the rest may nothing."""
    os.chmod(work, 0o755)
    programs = [shutil.copy(p, work) for p in (SEALPOST, VERIFY)]  # where everybody may run them
    subprocess.run(["install", "-d", "-o", "mail", "-g", "games", "-m", "2750", work + "/owned"], check=True)
    b = Archive(work, free_port(), name="owned", init=("--user", "mail"))
    conf = b.dir + "/sealpost.conf"
    text = open(conf).read()
    check('user = "mail"' in text, "init --user is not in the configuration")
    open(conf, "w").write('group = "games"\n' + text)
    owners = {os.stat(os.path.join(d, n)).st_uid for top in (b.dir, b.dir + ".guard")
              for d, dirs, files in os.walk(top) for n in dirs + files}
    check(owners == {pwd.getpwnam("mail").pw_uid}, f"after init --user mail the archive has files of {owners}")
    b.program = programs[0]
    b.start()
    for name, pid in b.workers().items():
        uid = re.search(r"(?m)^Uid:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)
        check(int(uid) == pwd.getpwnam("mail").pw_uid, f"the {name} worker runs as {uid}")
    with smtp(b.port) as client:
        seq, _ = answer(send(client, message(1))[1])
    b.wait_index()

    owner, reader, root = as_user("mail"), as_user("nobody", extra=["games"]), as_user("root")
    stranger = as_user("nobody")
    door = b.dir + "/state/door"
    table = [
        # who, name, line, begin of the answer
        (root, "root", event("show", seqs=[1]), "250"),
        (root, "root", event("hold", case="7"), "250"),
        (root, "root", event("heartbeat"), "550"),
        (root, "root", event("init"), "550"),
        (root, "root", source("imported"), "250"),
        (root, "root", source("witnessed"), "550"),
        (owner, "owner", event("show", seqs=[1]), "250"),
        (owner, "owner", source("imported"), "250"),
        (owner, "owner", source("witnessed"), "550"),
        (owner, "owner", event("clock"), "550"),
        (owner, "owner", event("refused"), "550"),
        (reader, "reader", event("show", seqs=[1]), "250"),
        (reader, "reader", event("search", query="x"), "250"),
        (reader, "reader", event("export"), "250"),
        (reader, "reader", event("hold", case="x"), "550"),
        (reader, "reader", event("purge"), "550"),
        (reader, "reader", source("imported"), "550"),
        (reader, "reader", source("pulled"), "550"),
    ]
    for who, name, line, want in table:
        got = talk(door, ["LHLO test", line], who)
        label = base64.b64decode(line.split(" ")[2]).decode()
        check(got[-1].startswith(want), f"{name}: {label} is answered {got[-1]}, want {want}")
    got = talk(door, ["LHLO test"], stranger)
    check("Permission denied" in got[0] or got[0].startswith("554"), f"a stranger at the door: {got}")
    b.wait_index()
    shown = [e for e in b.events("show") if e["actor"].get("uid") == reader["user"]]
    check(shown and shown[0]["actor"].get("user") == "nobody", f"actor of a reader's event: {b.events('show')}")

    # The commands as these people.
    control_path = b.dir + "/state/control"
    check(talk_control(control_path, "seal", reader).startswith("err "), "a reader may seal")
    check(talk_control(control_path, "reindex 0", reader).startswith("err "), "a reader may reindex")
    check(talk_control(control_path, "status", reader).startswith("ok "), "a reader may not ask for the status")
    check("denied" in talk_control(control_path, "status", stranger), "a stranger may ask for the status")
    check(talk_control(control_path, "seal", owner).startswith("ok "), "the owner may not seal")
    b.cmd("search", "--count", "message", **reader)
    check(b.cmd("show", seq, "--format", "raw", **reader).stdout == message(1), "a reader's show")
    b.cmd("verify", **reader)
    b.cmd("status", **reader)
    b.cmd("audit", **reader)
    os.mkdir(work + "/out")
    os.chmod(work + "/out", 0o777)
    b.cmd("export", "--output", work + "/out/bag", **reader)
    run(programs[1], "--vkey", b.vkey, work + "/out/bag", **reader)
    for args in (("seal",), ("reindex",), ("import", work + "/out")):
        done = b.cmd(*args, status=2, **reader)
        one_line(done, f"{args[0]} as a reader")
    for args in (("search", "x"), ("show", seq), ("verify",), ("seal",), ("audit",), ("status",), ("export", "-o", work + "/out/no")):
        done = b.cmd(*args, status=2, **stranger)
        one_line(done, f"{args[0]} as a stranger")
    b.cmd("seal", **root)
    b.stop()

    # Without the service: readers read (the access cannot be logged, and that
    # is said), the owner does everything, root leaves nothing of its own.
    done = b.cmd("show", seq, "--format", "raw", **reader)
    check(done.stdout == message(1) and b"log" in done.stderr, f"a reader without a service: {done.stderr}")
    b.cmd("search", "--count", "message", **reader)
    b.cmd("verify", **reader)
    b.cmd("show", seq, **owner)
    b.cmd("seal", **owner)
    b.cmd("show", seq, **root)
    b.cmd("seal", **root)
    b.cmd("reindex", **root)
    strays = [os.path.join(d, n) for d, dirs, files in os.walk(b.dir) for n in dirs + files
              if os.stat(os.path.join(d, n)).st_uid != owner["user"]]
    check(not strays, f"root left files that the account cannot change: {strays}")
    b.start()
    with smtp(b.port) as client:
        check(send(client, message(2))[0] == 250, "no mail after root worked on the archive")
    b.wait_index()
    b.cmd("seal", **owner)
    b.stop()
    b.verify()


def control_socket(a):
    """Junk, halves and idle connections at state/control harm nobody."""
    path = a.dir + "/state/control"
    idle = []
    for i in range(50):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        if i % 2:
            s.sendall(b"sta")
        idle.append(s)
    a.cmd("status")
    a.cmd("seal")
    for junk in (b"\n", b"\0\n", b"frobnicate\n", b"seal now\n", b"reindex\n", b"reindex x\n", b"reindex -5\n", b"sign\n",
                 b"sign 1\n", b"sign 99999999 AAAA\n", b"sign 1 AAAA\n", b"sign x AAAA\n", b"\xff" * 1000 + b"\n", b"x" * 200000):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        s.connect(path)
        try:
            s.sendall(junk)
            got = s.recv(1000)
            check(got.startswith(b"err "), f"{junk[:20]!r} is answered {got[:100]!r}")
        except OSError as e:
            check(len(junk) > 100000, f"{junk[:20]!r}: {e}")
        s.close()
    # Gone before the answer.
    for _ in range(20):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.sendall(b"seal\n")
        s.close()
    a.cmd("status")
    for s in idle:
        s.close()
    check(not any(w["restarts"] for w in a.status()["workers"]), f"a worker died: {a.status()['workers']}")


def alarm_command(a):
    """Each alarm is given to the command, and tried again until it was taken."""
    script = a.root + "/alarm"
    with open(script, "w") as f:
        f.write(f"#!/bin/sh\ncat >>{a.root}/alarms\n[ -e {a.root}/alarm-works ]\n")
    os.chmod(script, 0o755)
    a.configure({"alarm": f"  command = {script}"})
    old = a.workers()
    a.service.send_signal(signal.SIGHUP)
    wait_for("the workers are back", lambda: all(p not in (0, old[n]) for n, p in a.workers().items()))
    wait_for("receive is back", lambda: listening(PORT))
    os.kill(a.workers()["index"], signal.SIGKILL)
    alarms = lambda: [json.loads(t) for t in open(a.root + "/alarms")] if os.path.exists(a.root + "/alarms") else []
    if wait_for("an alarm for a worker that crashed", alarms):
        first = alarms()[0]
        check(set(first) >= {"time", "worker", "archive", "alarm"} and first["archive"] == a.dir, f"alarm: {first}")
    waiting = lambda: [n for n in json.load(open(a.dir + "/state/alarms"))["notices"] if "mail" in n]
    check(wait_for("it waits still", waiting), "no notice waits")
    wait_for("the failure is logged", lambda: "event=outbox_failed " in a.log_text())
    open(a.root + "/alarm-works", "w").close()
    wait_for("the alarm was taken", lambda: not waiting())
    check(a.events("alarm"), "the alarm is no event of the log")
    a.cmd("status", status=1)


def seal_while_running(a):
    before = a.status()
    with smtp() as client:
        for number in range(9400, 9420):
            check(send(client, message(number))[0] == 250, "mail before seal")
    done = a.cmd("seal")
    check(re.match(rb"\d[\d,]* entries sealed now", done.stdout), f"seal says {done.stdout}")
    after = a.status()
    check(after["sealed"] >= before["entries"] + 20, f"{after['sealed']} sealed of {after['entries']}")
    check(after["segments"] > before["segments"], "seal made no segment")
    done = a.cmd("seal")
    check(done.stdout.startswith(b"0 entries sealed now"), f"a second seal: {done.stdout}")
    a.verify()


def main():
    work = workdir()
    a = Archive(work)
    a.start()
    for test in (second_serve, found_unasked, odd_bytes, seal_while_running, control_socket, reload_config,
                 reload_under_load, alarm_command, dying_workers, big_messages, drain):
        print("-", test.__name__, flush=True)
        test(a)
    for test in (port_in_use, rotation_and_heartbeat, rights):
        print("-", test.__name__, flush=True)
        test(work)
    finish("service")


main()
