#!/usr/bin/env python3
"""docs.py DIR: the names of log lines are the same in code and in
doc/log-events.md, every setting is used by something, and every file that the
documents name is there."""
import glob
import re
import sys

top = sys.argv[1]
bad = []


def text(pattern):
    names = sorted(glob.glob(f"{top}/{pattern}", recursive=True))
    return "\n".join(open(n, errors="replace").read() for n in names)


def events():
    code = text("app/**/*.c") + text("journal/**/*.c")
    said = set(re.findall(r'\b(?:sp_log|sp_worker_log_err|write_always)\([^,;"]*(?:"checkpoint"[^,;]*)?,(?:\s*SP_LOG_\w+,)?\s*"(\w+)"', code))
    for call in re.findall(r"\bwrite_limited\(\s*r,([^,]*),", code):
        said |= set(re.findall(r'"(\w+)"', call))
    # The libraries report by a callback; their headers list what.
    for listed in re.findall(r"\$\{what\}: ([^;]*?)\*/", text("journal/seal/seal.h") + text("index/index.h"), re.S):
        said |= set(re.findall(r'"(\w+)"', listed))
    # What a worker turns into an alarm is logged as that.
    said -= set(re.findall(r'strcmp\(what, "(\w+)"\) == 0\)\s*sp_worker_alarm', code)) - {"alarm"}
    told = set()
    for row in re.findall(r"(?m)^\| (`[^|]*)\|", text("doc/log-events.md")):
        told |= set(re.findall(r"`(\w+)`", row))
    bad.extend(f"doc/log-events.md: no line for the event \"{n}\"" for n in said - told)
    bad.extend(f"doc/log-events.md: nothing logs \"{n}\"" for n in told - said)
    return said


def settings():
    header = re.sub(r"/\*.*?\*/", "", text("base/config/config.h"), flags=re.S)
    code = "".join(text(f"{room}/**/*.c") for room in ("app", "journal", "index", "export"))
    code += text("base/config/config_pull.c")
    # The places are asked for by sp_config_line().
    code += text("base/config/config_place.c")
    for struct in ("sp_listen", "sp_pull_conf", "sp_config"):
        for body in re.findall(r"struct %s \{(.*?)\n\};" % struct, header, re.S):
            for name in re.findall(r"(\w+);", body):
                # The networks are asked for by sp_config_allows().
                use = "sp_config_allows" if name in ("allow", "nallow") else \
                    r"(?:c|p|cfg|conf|config|l|listen|listen\[\w+\])(?:->|\.)" + name
                if not re.search(r"\b%s\b" % use, code):
                    bad.append(f"base/config/config.h: nothing uses {name} of struct {struct}")


def files():
    for doc in sorted(glob.glob(top + "/README.md") + glob.glob(top + "/doc/*.md")):
        page = open(doc).read()
        names = re.findall(r"`([\w./*-]+)`", page) + re.findall(r"\]\(([\w./-]+)\)", page)
        for name in names:
            if "NAME" in name:
                continue
            ours = re.match(r"(doc|tests|bench|base|journal|app|scripts|dist|examples|demo|cmake)/|[\w-]+\.md$|packages\.txt$", name)
            ours = ours or re.match(r"(index|export)/.*\.[ch]$", name)
            if ours and not re.search(r"/[A-Z]+\b(?!\.)", name) and not (glob.glob(f"{top}/{name}") or glob.glob(f"{top}/doc/{name}")):
                bad.append(f"{doc[len(top) + 1:]}: there is no {name}")


found = events()
settings()
files()
for line in sorted(bad):
    print(line)
if len(found) < 15:
    print("only these events found in the code:", sorted(found))
sys.exit(1 if bad or len(found) < 15 else 0)
