#!/usr/bin/env python3
"""A clock that leapt: the service answers 451 until an operator accepts it;
commands without a service take the clock of the person at the terminal."""
from kit import *

DAY = 86400


def at(days):
    """The environment that sets the program's clock."""
    return {"SP_TEST_CLOCK": f"{int((time.time() + days * DAY) * 1e6)}:1000"}


def serve(a, env, *args):
    os.environ.update(env)
    a.start(*args)
    del os.environ["SP_TEST_CLOCK"]


def refused(a, what):
    c = Raw(a.port)
    c.hello()
    c.cmd("MAIL FROM:<a@corp.example>")
    c.cmd("RCPT TO:<j@archive.example>")
    code, text = c.cmd("DATA")
    if code == 354:
        c.put(message(1) + b".\r\n")
        code, text = c.reply()
    check(code == 451, f"{what}: mail is answered {code} {text}, want 451")
    c.close()


def taken(a, what, number):
    with smtp(a.port) as client:
        code, text = send(client, message(number))
    check(code == 250, f"{what}: {code} {text}")
    return answer(text)[0]


def service(work):
    a = Archive(work, name="service")
    serve(a, at(0))
    taken(a, "before", 1)
    a.stop()

    # Three days later by a clock that nobody vouches for.
    serve(a, at(3))
    refused(a, "after a leap")
    wait_for("an alarm", lambda: "leapt forward" in a.log_text())
    status = a.cmd("status", status=1).stdout.decode()
    check("leapt forward" in status, f"status after a leap:\n{status}")
    done = a.cmd("show", 1, status=2)
    one_line(done, "show while the clock is refused")
    check(b"clock" in done.stderr, f"show while the clock is refused: {done.stderr}")
    check(not a.events("clock"), "a refused leap made a clock event")
    a.stop(status=None)

    # The operator says that it is right: once, for this leap.
    serve(a, at(3), "--accept-clock")
    seq = taken(a, "after --accept-clock", 2)
    events = a.events("clock")
    check(len(events) == 1 and events[0]["detail"]["accepted"] == "operator" and events[0]["detail"]["what"] == "leap"
          and events[0]["seq"] < seq, f"clock events: {events}")
    pid = a.workers()["receive"]
    os.kill(pid, signal.SIGKILL)
    wait_for("receive is back", lambda: a.workers()["receive"] not in (0, pid))
    a.stop(status=None)

    # The clock falls back by two days: logged, and no entry goes back in time.
    serve(a, at(1))
    later = taken(a, "after a step back", 3)
    events = a.events("clock")
    check(len(events) == 2 and events[1]["detail"]["what"] == "step", f"clock events after a step back: {events[1:]}")
    before, after = (json.loads(a.cmd("show", s, "--format", "record").stdout) for s in (seq, later))
    check(after["received"] >= before["received"], "an entry went back in time")
    check(after["clock"] < after["received"], f"the raw clock is not in the record: {after}")
    a.stop(status=None)
    a.verify()


def config_is_entered_late(work):
    """The event of a changed configuration waits for a log that takes it."""
    a = Archive(work, name="late", port=free_port())
    serve(a, at(0))
    a.stop()
    a.configure({"seal": "  level = 5"})
    serve(a, at(3))
    time.sleep(1)
    check(len(a.events("config")) == 1, "a config event although nothing may be entered")
    a.stop(status=None)
    serve(a, at(3), "--accept-clock")
    wait_for("the config event", lambda: len(a.events("config")) == 2)
    a.stop(status=None)


def unset(work):
    """A machine that comes up in 1970: the archive made then, or filled before, takes mail once the clock is set."""
    unset_clock = {"SP_TEST_CLOCK": "40000000:1000"}
    os.environ.update(unset_clock)
    a = Archive(work, name="unset")
    del os.environ["SP_TEST_CLOCK"]
    serve(a, unset_clock)
    early = taken(a, "in 1970", 1)
    a.stop(status=None)
    serve(a, at(0))
    seq = taken(a, "set right after 1970", 2)
    events = a.events("clock")
    check(len(events) == 1 and events[0]["detail"]["accepted"] == "unset" and early < events[0]["seq"] < seq, f"clock events: {events}")
    check("it had not been set before" in a.log_text(), "the log does not say that the clock was unset")
    a.stop(status=None)
    serve(a, unset_clock)
    later = taken(a, "in 1970 again", 3)
    a.stop(status=None)
    serve(a, at(0))
    last = taken(a, "set right again", 4)
    times = [json.loads(a.cmd("show", s, "--format", "record").stdout) for s in (early, seq, later, last)]
    received = [t["received"] for t in times]
    check(received == sorted(received) and received[0] < "1971" and received[1] > "2026", f"times {received}")
    check(times[2]["clock"] < "1971", f"the raw clock is not in the record: {times[2]}")
    a.stop(status=None)
    serve(a, at(3000))
    refused(a, "years ahead, after 1970")
    a.stop(status=None)
    a.verify()


def commands(work):
    a = Archive(work, name="commands")
    os.mkdir(work + "/mail")
    for i in (1, 2):
        open(f"{work}/mail/{i}.eml", "wb").write(message(i))
    a.cmd("import", work + "/mail/1.eml", env=at(0))
    done = a.cmd("import", work + "/mail", env=at(5))
    check(b"1 messages taken" in done.stdout and b"clock" in done.stderr, f"import after five days: {done.stdout} {done.stderr}")
    events = a.events("clock")
    check(len(events) == 1 and events[0]["detail"]["accepted"] == "operator" and "uid" in events[0]["actor"], f"clock events: {events}")
    a.cmd("show", 1, env=at(10))
    a.cmd("export", "--output", work + "/bag", env=at(15))
    run(VERIFY, "--vkey", a.vkey, work + "/bag")
    a.cmd("seal", env=at(20))
    check(len(a.events("clock")) == 3, f"clock events: {a.events('clock')}")
    # Years ahead is no silence but a broken clock.
    done = a.cmd("show", 1, env=at(3000), status=2)
    one_line(done, "show with a clock years ahead")
    check(b"leapt forward" in done.stderr and b"accept-clock" in done.stderr, f"years ahead: {done.stderr}")
    a.verify()


def main():
    with open(SEALPOST, "rb") as f:
        if b"SP_TEST_CLOCK" not in f.read():
            print("clock: this build has no test clock")
            sys.exit(77)
    work = workdir()
    for test in (service, config_is_entered_late, unset, commands):
        print("-", test.__name__, flush=True)
        test(work)
    finish("clock")


main()
