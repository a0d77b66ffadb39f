#!/usr/bin/env python3
"""Score the mail parser on the shared corpus.

usage: score_corpus.py MAIL_JSON [CORPUS_DIR] [-v SET_OR_FIELD]

MAIL_JSON is the built tests/mail/mail_json.  CORPUS_DIR holds the unpacked
corpus; without it ../shared/corpus/dev-corpus.tar.xz is unpacked into a
temporary directory.  Without a corpus: one line, exit 77 (ctest: skipped).
Journal reports are a later issue, so their fields are left out.
"""
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SHARED = HERE.parent.parent.parent / 'shared' / 'corpus'


def pairs(addrs):
    return [[a['name'], a['addr']] for a in addrs or []]


def answer(line):
    m = json.loads(line)
    a = {k: m[k] for k in ('file', 'subject', 'date', 'message_id',
                           'attachments', 'leaves', 'text')}
    for k in ('from', 'to', 'cc', 'bcc', 'reply_to'):
        a[k] = pairs(m[k])
    return a, m['us']


def run(tool, root, out):
    files = sorted(str(p.relative_to(root)) for p in root.rglob('*.eml'))
    p = subprocess.run([tool], input='\n'.join(files) + '\n', cwd=root,
                       stdout=subprocess.PIPE, text=True,
                       errors='surrogateescape', check=True)
    slow = []
    with open(out, 'w', encoding='utf-8', errors='surrogateescape') as f:
        for line in p.stdout.rstrip('\n').split('\n'):
            a, us = answer(line)
            slow.append((us, a['file']))
            f.write(json.dumps(a) + '\n')
    slow.sort(reverse=True)
    total = sum(s[0] for s in slow)
    print('%d messages, %.0f us each; slowest: %s' % (
        len(slow), total / max(1, len(slow)),
        ', '.join('%s %.0f ms' % (f, us / 1000) for us, f in slow[:3])))
    return slow


def main():
    args = sys.argv[1:]
    extra = []
    if '-v' in args:
        i = args.index('-v')
        extra = args[i:i + 2]
        del args[i:i + 2]
    if not args:
        print(__doc__.strip().splitlines()[2], file=sys.stderr)
        return 2
    tool = os.path.abspath(args[0])
    score = SHARED / 'score.py'
    if not score.exists():
        print('score_corpus: %s is not there; nothing scored' % SHARED)
        return 77
    with tempfile.TemporaryDirectory() as tmp:
        root = pathlib.Path(args[1]) if len(args) > 1 else pathlib.Path(tmp)
        if len(args) < 2:
            with tarfile.open(SHARED / 'dev-corpus.tar.xz') as t:
                t.extractall(root)
        answers = os.path.join(tmp, 'answers.jsonl')
        run(tool, root, answers)
        return subprocess.run([sys.executable, str(score), answers, str(root)]
                              + extra).returncode


if __name__ == '__main__':
    sys.exit(main())
