#!/usr/bin/env python3
"""An archive and exports of the first version (tests/fixtures/first-format):
they verify, search, show and export as on the day when they were made."""
import tarfile
import zipfile

from kit import *

HERE = os.path.join(SOURCE, "tests", "fixtures", "first-format")
EXPECT = json.load(open(HERE + "/expect.json"))
RANGE = ("--since", "2026-11-01", "--until", "2026-12-01")


def unpack():
    """The archive in a directory of the test, with its guard beside it."""
    root = workdir()
    with tarfile.open(HERE + "/archive.tar.xz") as packed:
        packed.extractall(root, numeric_owner=True)
    conf = root + "/archive/sealpost.conf"
    text = open(conf).read()
    text, n = re.subn(r'(?m)^guard = .*$', f'guard = "{root}/archive.guard"', text)
    check(n == 1, "no guard in sealpost.conf")
    open(conf, "w").write(text)
    return root


def cmd(root, *args, **kw):
    return run(SEALPOST, "-A", root + "/archive", *args, **kw)


def lines(done):
    return [json.loads(t) for t in done.stdout.splitlines()]


def same(what, want, got):
    return check(want == got, f"{what}: want {str(want)[:300]}, got {str(got)[:300]}")


def searches(root, when):
    """All messages with their facts, and what each query finds."""
    found = lines(cmd(root, "search", "--format", "json", "--limit", "0", ""))
    same(f"{when}: messages", [m["seq"] for m in EXPECT["messages"]], [m["seq"] for m in found])
    for want, got in zip(EXPECT["messages"], found):
        for field, value in want.items():
            same(f"{when}: {field} of {want['seq']}", value, got.get(field))
    for query, seqs in EXPECT["searches"].items():
        got = lines(cmd(root, "search", "--format", "json", "--limit", "0", query))
        same(f"{when}: search {query}", seqs, [m["seq"] for m in got])


def shown(root):
    """Record, line and text of each message, and its exact bytes."""
    for seq, want in EXPECT["shown"].items():
        got = json.loads(cmd(root, "show", seq, "--format", "json").stdout)
        for field in ("record", "line", "text"):
            same(f"show {seq}: {field}", want[field], got.get(field))
        same(f"show {seq}: bytes", want["record"]["message"]["sha256"],
             sha256(cmd(root, "show", seq, "--format", "raw").stdout))


def exports(root):
    """The exports of then verify; the same range gives the same bytes now."""
    for name, verdict in (("export.zip", "COMPLETE"), ("export.tar.zst", "SELECTION")):
        done = run(VERIFY, "--vkey", EXPECT["vkey"], f"{HERE}/{name}")
        check(verdict in done.stdout.decode(), f"{name}: no {verdict} in {done.stdout.decode()}")
        # The independent reading, of what stock tools unpack.
        folder = f"{root}/{name}.d"
        os.mkdir(folder)
        if name.endswith(".zip"):
            run("unzip", "-q", f"{HERE}/{name}", "-d", folder)
        else:
            run("tar", "--zstd", "-xf", f"{HERE}/{name}", "-C", folder)
        run("python3", f"{SOURCE}/tests/verifier.py", "--vkey", EXPECT["vkey"], f"{folder}/export")
    new = root + "/export.zip"
    cmd(root, "export", "--output", new, *RANGE)
    run(VERIFY, "--vkey", EXPECT["vkey"], "--require-complete", new)
    with zipfile.ZipFile(HERE + "/export.zip") as before, zipfile.ZipFile(new) as now:
        for name in before.namelist():
            if "data/messages/" in name:
                same(name, before.read(name), now.read(name))
            if name.endswith("data/records.jsonl"):
                # Accesses came after them; what was there is the same to the byte.
                check(now.read(name).startswith(before.read(name)), f"{name} differs")


root = unpack()
check("OK" in cmd(root, "verify").stdout.decode(), "the archive does not verify")
check("OK" in run(VERIFY, "--vkey", EXPECT["vkey"], root + "/archive").stdout.decode(), "sealpost-verify")
run("python3", f"{SOURCE}/tests/verifier.py", "--vkey", EXPECT["vkey"], root + "/archive")
searches(root, "with the index of then")
cmd(root, "reindex")
searches(root, "with an index of now")
shown(root)
exports(root)
cmd(root, "seal")
check("OK" in cmd(root, "verify").stdout.decode(), "the archive does not verify after sealing")
finish("first_format")
