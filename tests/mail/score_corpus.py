#!/usr/bin/env python3
"""Score the mail parser on the shared corpus.

usage: score_corpus.py MAIL_JSON [CORPUS_DIR] [-v SET_OR_FIELD]

MAIL_JSON is the built tests/mail/mail_json.  CORPUS_DIR holds the unpacked
corpus; without it ../shared/corpus/dev-corpus.tar.xz is unpacked into a
temporary directory.  Without a corpus: one line, exit 77 (ctest: skipped).
The sets of journal reports are read as from a trusted journal source, and
once more as from another one: then none may be unwrapped, all are flagged.

Exits 1 if a field falls below FLOORS: what was reached, less a little.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SHARED = HERE.parent.parent.parent / 'shared' / 'corpus'


FLOORS = {'subject': .97, 'message_id': 1, 'from': .99, 'to': .99, 'cc': 1,
          'date': 1, 'from_name': 1, 'to_name': 1, 'att_name': 1,
          'att_sha256': 1, 'text': 1, 'leaf_body': .98, 'is_journal': 1,
          'j_sender': 1, 'j_recipients': 1, 'j_inner_bytes': 1}


def below(text):
    """The fields of the last line that are under their floor."""
    last = text.rstrip('\n').split('\n')[-1]
    got = {k: int(c) / int(n) for k, c, n in
           re.findall(r'(\w+) (\d+)/(\d+)', last) if int(n)}
    return ['%s %.3f' % (k, got[k]) for k in FLOORS
            if k in got and got[k] < FLOORS[k]]


def pairs(addrs):
    return [[a['name'], a['addr']] for a in addrs or []]


def answer(line):
    m = json.loads(line)
    a = {k: m[k] for k in ('file', 'subject', 'date', 'message_id',
                           'attachments', 'leaves', 'text')}
    for k in ('from', 'to', 'cc', 'bcc', 'reply_to'):
        a[k] = pairs(m[k])
    j = m.get('journal')
    a['journal'] = j is not None
    if j:
        a['journal_sender'] = j['sender']
        a['journal_recipients'] = [
            {'kind': r['role'], 'addr': r['addr'],
             'via': [r['via']['how'], r['via']['addr']] if r['via'] else None}
            for r in j['recipients']]
        a['inner_sha256'] = j['inner_sha256']
    return a, m['us']


def ask(tool, root, files, *options):
    if not files:
        return []
    p = subprocess.run([tool, *options], input='\n'.join(files) + '\n',
                       cwd=root, stdout=subprocess.PIPE, text=True,
                       errors='surrogateescape', check=True)
    return p.stdout.rstrip('\n').split('\n')


def untrusted(tool, root, files):
    """What is wrong with reports that nobody vouches for."""
    bad = []
    for line in ask(tool, root, files):
        m = json.loads(line)
        if 'journal' in m or 'journal_untrusted' not in m['flags']:
            bad.append(m['file'] + ' is not flagged')
    return bad


def run(tool, root, out):
    files = sorted(str(p.relative_to(root)) for p in root.rglob('*.eml'))
    reports = [f for f in files if f.startswith('journal')]
    slow = []
    with open(out, 'w', encoding='utf-8', errors='surrogateescape') as f:
        for line in (ask(tool, root, reports, '--journal')
                     + ask(tool, root, [f for f in files
                                        if f not in set(reports)])):
            a, us = answer(line)
            slow.append((us, a['file']))
            f.write(json.dumps(a) + '\n')
    slow.sort(reverse=True)
    total = sum(s[0] for s in slow)
    print('%d messages, %.0f us each; slowest: %s' % (
        len(slow), total / max(1, len(slow)),
        ', '.join('%s %.0f ms' % (f, us / 1000) for us, f in slow[:3])))
    return untrusted(tool, root, reports)


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
        bad = run(tool, root, answers)
        p = subprocess.run([sys.executable, str(score), answers, str(root)]
                           + extra, stdout=subprocess.PIPE, text=True)
        sys.stdout.write(p.stdout)
        bad += below(p.stdout)
        if bad:
            print('below the floor: ' + ', '.join(bad))
        return p.returncode or bool(bad)


if __name__ == '__main__':
    sys.exit(main())
