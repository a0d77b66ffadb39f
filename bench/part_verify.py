"""Verify and export against `zstd -d | sha256sum` on the same bytes."""
import glob
import os
import shutil

from part_search import large
from rig import *


def part(work, table):
    service, _, _ = large(work)
    segments = sorted(glob.glob(service.dir + "/archive/**/*.tar.zst", recursive=True))
    raw = int(run("bash", "-c", f"zstd -dc {' '.join(segments)} | wc -c").stdout)
    ways = {"verify": [], "peer": [], "export": [], "zst": [], "check": [], "untar": []}
    key = service.cmd("key", "show").stdout.decode().splitlines()[0]
    # Nothing is removed between the rounds: ext4 takes long to use an inode
    # that was given back a moment ago, and the next round would pay for it.
    out = folder(work, "bags")
    for i in range(3):
        ways["verify"].append(timed(program("sealpost"), "-A", service.dir, "verify"))
        ways["peer"].append(timed("bash", "-c", f"zstd -dc {' '.join(segments)} | sha256sum"))
        ways["zst"].append(timed(program("sealpost"), "-A", service.dir, "export", "--output", f"{out}/{i}.tar.zst"))
        ways["export"].append(timed(program("sealpost"), "-A", service.dir, "export", "--output", f"{out}/{i}"))
        os.mkdir(f"{out}/tar-{i}")
        ways["untar"].append(timed("bash", "-c", f"for s in {' '.join(segments)}; do tar --zstd -xf $s -C {out}/tar-{i}; done"))
        ways["check"].append(timed(program("sealpost-verify"), "--vkey", key, f"{out}/{i}"))
    shutil.rmtree(out)
    peer = median(ways["peer"])
    for name, what in (("verify", "verify the archive"), ("zst", "export to .tar.zst"), ("export", "export to a folder"),
                       ("check", "verify the export (folder)")):
        t = median(ways[name])
        table.add(f"{what} / zstd -d | sha256sum", f"{raw / t / 1e6:,.0f} MB/s", f"{raw / peer / 1e6:,.0f} MB/s",
                  f"{peer / t:.2f}", ">= 0.7", peer / t >= 0.7)
    t, u = median(ways["export"]), median(ways["untar"])
    table.add("export to a folder / tar --zstd -x of the segments", f"{raw / t / 1e6:,.0f} MB/s", f"{raw / u / 1e6:,.0f} MB/s", f"{u / t:.2f}", "")
