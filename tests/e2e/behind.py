#!/usr/bin/env python3
"""Exports while the index is behind, or is made again: nothing is left out."""
import zipfile

from kit import *


def given(path):
    with zipfile.ZipFile(path) as z:
        return sum(n.endswith(".eml") for n in z.namelist())


def export_while_behind(a, work, name, *args):
    """The index worker stands still; the export must wait for it."""
    index = a.workers()["index"]
    os.kill(index, signal.SIGSTOP)
    try:
        with smtp() as client:
            for number in range(3):
                check(send(client, message(export_while_behind.next + number))[0] == 250, "message")
        export_while_behind.next += 3
        path = os.path.join(work, name + ".zip")
        job = subprocess.Popen([SEALPOST, "-A", a.dir, "export", "--output", path, *args],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(3)
        check(job.poll() is None, f"{name}: the export did not wait for the index")
    finally:
        os.kill(index, signal.SIGCONT)
    out, err = job.communicate(timeout=PATIENCE)
    if check(job.returncode == 0, f"{name}: {job.returncode} {err.decode()[-500:]}"):
        want = export_while_behind.next
        check(given(path) == want, f"{name}: {given(path)} messages given, want {want}\n{out.decode()}")


export_while_behind.next = 0


def export_beside_reindex(a, work):
    """Either all of it, or a clear no: never a part without a word."""
    want, done, refused = export_while_behind.next, 0, 0
    for number in range(12):
        job = subprocess.Popen([SEALPOST, "-A", a.dir, "reindex"], stdout=subprocess.DEVNULL)
        path = os.path.join(work, f"beside{number}.zip")
        got = a.cmd("export", "--output", path, "line", status=None)
        check(job.wait(timeout=PATIENCE) == 0, "reindex")
        if got.returncode == 0:
            done += 1
            check(given(path) == want, f"beside reindex: {given(path)} given, want {want}")
        else:
            refused += 1
            one_line(got, "export beside reindex")
        found = a.cmd("search", "--count", "line", status=None)
        check(found.returncode in (0, 1), f"search beside reindex: {found.stderr}")
    print(f"beside reindex: {done} exports, {refused} refused")
    check(done > 0, "no export went through beside a reindex")


def main():
    work = workdir()
    a = Archive(work)
    a.start()
    export_while_behind(a, work, "query", "line")
    export_while_behind(a, work, "date", "--by", "date", "--since", "2026-01", "--until", "2026-02")
    a.wait_index()
    export_beside_reindex(a, work)
    a.stop()
    finish("behind")


main()
