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
    ways = {"verify": [], "peer": [], "export": [], "zst": [], "check": []}
    out = os.path.join(work, "bag")
    for _ in range(3):
        ways["verify"].append(timed(program("sealpost"), "-A", service.dir, "verify"))
        ways["peer"].append(timed("bash", "-c", f"zstd -dc {' '.join(segments)} | sha256sum"))
        for name, path in (("export", out), ("zst", out + ".tar.zst")):
            ways[name].append(timed(program("sealpost"), "-A", service.dir, "export", "--output", path))
            if name == "export":
                key = service.cmd("key", "show").stdout.decode().splitlines()[0]
                ways["check"].append(timed(program("sealpost-verify"), "--vkey", key, path))
                shutil.rmtree(path)
            else:
                os.unlink(path)
    peer = median(ways["peer"])
    for name, what in (("verify", "verify the archive"), ("export", "export to a folder"), ("zst", "export to .tar.zst"),
                       ("check", "verify the export (folder)")):
        t = median(ways[name])
        table.add(f"{what} / zstd -d | sha256sum", f"{raw / t / 1e6:,.0f} MB/s", f"{raw / peer / 1e6:,.0f} MB/s",
                  f"{peer / t:.2f}", ">= 0.7", peer / t >= 0.7)
