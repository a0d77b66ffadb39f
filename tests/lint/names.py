#!/usr/bin/env python3
"""names.py DIR: a struct, enum or union tag means one thing in the whole tree,
and an exported function begins with the name of its header (x_y.h and
x_y_priv.h: sp_x_y_ or, for the family of x, sp_x_)."""
import collections
import os
import re
import sys

os.chdir(sys.argv[1])
# Headers of several small families, each named by what it works on.
FAMILIES = {
    "base/buf.h": ("sp_x",),  # sp_xmalloc() and its sisters abort on exhaustion
    "base/enc.h": ("sp_b64_", "sp_hex_", "sp_le", "sp_be"),
}
bad = []
tags = collections.defaultdict(set)


def files():
    for top in ("base", "journal", "index", "export", "app", "bench", "tests"):
        for folder, _, names in sorted(os.walk(top)):
            yield from (f"{folder}/{n}" for n in sorted(names) if n.endswith((".c", ".h")))


def code(name):
    """The text without comments, strings and the insides of functions."""
    text = open(name, errors="replace").read()
    text = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"", "", text, flags=re.S)
    return re.sub(r"^\{$.*?^\}$", "", text, flags=re.S | re.M)


def exported(name, text):
    stem = re.sub(r"_priv$", "", os.path.basename(name)[:-2])
    allowed = (f"sp_{stem}_", f"sp_{stem.split('_')[0]}_") + FAMILIES.get(name, ())
    for called in re.findall(r"(?<![\w.>])(?<!enum )(?<!struct )(sp_\w+)\s*\(", text):
        if called != f"sp_{stem}" and not called.startswith(allowed):
            bad.append(f"{name}: {called} does not begin with sp_{stem}_, the name of its header")


for name in files():
    text = code(name)
    ours = not name.startswith("tests/")
    for tag in re.findall(r"^(?:static )?(?:const )?(?:struct|enum|union) (\w+) \{", text, re.M):
        if ours or tag.startswith("sp_"):
            tags[tag].add(name)
    if ours and name.endswith(".h"):
        exported(name, text)
for tag, where in sorted(tags.items()):
    if len(where) > 1:
        bad.append(f"{' and '.join(sorted(where))}: the tag {tag} means {len(where)} things")
for line in sorted(set(bad)):
    print(line)
sys.exit(1 if bad else 0)
