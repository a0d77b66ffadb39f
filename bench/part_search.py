"""How long a search takes, in the process and as a command."""
import os
import time

from mail import Mail
from part_store import write_mbox
from rig import *

COUNT = 1000000 if LONG else 100000


def large(work):
    """The archive that search and verify share; made once in a run."""
    root = os.path.join(work, f"large-{COUNT}")
    made = Mail()
    if os.path.exists(root + "/done"):
        service = Service.__new__(Service)
        service.root, service.dir = root, root + "/archive"
        sample = [m for _, m in made.messages(2000)]
        return service, made, sample
    service = Service(folder(work, f"large-{COUNT}"))
    sample = []
    for at in range(0, COUNT, 100000):
        mails = list(made.messages(min(100000, COUNT - at)))
        sample = sample or [m for _, m in mails[:2000]]
        write_mbox(root + "/part.mbox", mails)
        run(program("sealpost"), "-A", service.dir, "import", "--as", "mbox", root + "/part.mbox")
        os.unlink(root + "/part.mbox")
    service.cmd("seal")
    service.cmd("reindex")
    open(root + "/done", "w").close()
    return service, made, sample


def command(service, query):
    start = time.monotonic()
    service.cmd("-q", "search", "--limit", 50, query, status=(0, 1))
    return (time.monotonic() - start) * 1000


def part(work, table):
    service, made, sample = large(work)
    queries = made.queries(300, sample)
    text = "".join(f"{c}\t{q}\n" for c, qs in queries.items() for q in qs)
    done = run(program("bench_search"), service.dir, input=text.encode())
    for line in done.stdout.decode().splitlines():
        name, kind, _, hits, p50, p99 = line.split("\t")
        what = f"search, {COUNT:,}: {name}, {hits} hits" + (", with the total" if kind == "total" else "")
        table.add(what, f"p50 {p50} ms", f"p99 {p99} ms", "", "p99 < 50 ms" if kind == "page" else "",
                  float(p99) < 50 if kind == "page" else None)
    for name, qs in queries.items():
        took = sorted(command(service, q) for q in qs[:40])
        table.add(f"command search --limit 50: {name}", f"p50 {took[20]:.0f} ms", f"max {took[-1]:.0f} ms", "", "")
