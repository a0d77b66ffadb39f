#!/usr/bin/env python3
"""words.py DIR: what STYLE asks of words and a script can see.  Each source
file opens with a paragraph, each function of more than 20 lines has a line
above it, each public prototype has its contract: a comment above it, or above
the group (three at most, no blank line between) that it stands in."""
import os
import re
import sys

os.chdir(sys.argv[1])
PARAGRAPH, LONG, GROUP = {"c": 100, "h": 60}, 20, 3
bad = []


def opening(name, lines):
    text = "\n".join(lines)
    first = re.match(r"/\*(.*?)\*/", text, re.S)
    said = " ".join(re.findall(r"[^\s*/]+", first.group(1))) if first else ""
    if len(said) < PARAGRAPH[name[-1]]:
        bad.append(f"{name}: opens with no paragraph: what it is for, what it promises, where it stands")


def functions(name, lines):
    start, head = None, None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line.startswith("}") and start is not None:
            head = start - 1
            while head > 0 and lines[head - 1].strip() and not lines[head - 1].startswith(("}", "#")) \
                    and not lines[head - 1].endswith((";", "*/")):
                head -= 1
            if i - start - 1 > LONG and not lines[head - 1].endswith("*/"):
                called = re.search(r"^(\w+)\(", "\n".join(lines[head:start]), re.M)
                bad.append(f"{name}:{head + 1}: no line above {called.group(1) if called else 'it'} says what it does")
            start = None


def prototypes(name, lines):
    covered, inside, depth = 0, False, 0
    for i, line in enumerate(lines):
        if inside:
            inside = "*/" not in line
            covered = GROUP
            continue
        if line.startswith("/*"):
            inside = "*/" not in line
            covered = GROUP
        elif not line.strip() or line.startswith("#"):
            covered = 0
        elif re.match(r"(struct|enum|union) \w+ \{|typedef|enum \{", line):
            depth = 1
        elif line.startswith("}"):
            depth = 0
        elif not depth and not line.startswith(("\t", " ", "static")) and "(" in line:
            called = re.search(r"(\w+)\(", re.sub(r"SP_\w+(\([^)]*\))?", "", line))
            ends = re.search(r"_(free|done|close)\b", line)
            if not covered and not ends and "/*" not in line:
                bad.append(f"{name}:{i + 1}: {called.group(1) if called else line} has no contract above it")
            covered = max(covered - (not ends), 0)


for room in ("base", "journal", "index", "export", "app"):
    for folder, _, names in sorted(os.walk(room)):
        for n in sorted(names):
            if not n.endswith((".c", ".h")):
                continue
            name = f"{folder}/{n}"
            lines = open(name, errors="replace").read().split("\n")
            opening(name, lines)
            functions(name, lines) if n.endswith(".c") else prototypes(name, lines)
for line in bad:
    print(line)
sys.exit(1 if bad else 0)
