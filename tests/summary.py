#!/usr/bin/env python3
"""summary.py DIR CTEST...: run ctest and pass its output on, with two things
added to its summary: how long the builds took (SP_BUILD_TIMES), and why each
skipped test was skipped.  A test that skips prints one line that says why and
ends with status 77."""
import os
import re
import subprocess
import sys

folder, command = sys.argv[1], sys.argv[2:]


def reasons():
    """{test: the last line that it printed}, from ctest's log of this run."""
    try:
        log = open(os.path.join(folder, "Testing", "Temporary", "LastTest.log"), errors="replace").read()
    except OSError:
        return {}
    found = re.findall(r"^\d+/\d+ Test: (\S+)\n.*?^Output:\n-+\n(.*?)<end of output>", log, re.S | re.M)
    return {name: (said.strip().splitlines() or ["it does not say why"])[-1] for name, said in found}


ctest = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace")
for line in ctest.stdout:
    if line.startswith("Label Time Summary") and os.environ.get("SP_BUILD_TIMES"):
        print(f"Builds: {os.environ['SP_BUILD_TIMES']}\n")
    skipped = re.match(r"\s+\d+ - (\S+) \(Skipped\)", line)
    if skipped:
        line = f"{line.rstrip()}: {reasons().get(skipped.group(1), 'it does not say why')}\n"
    print(line, end="", flush=True)
sys.exit(1 if ctest.wait() else 0)
