#!/usr/bin/env python3
"""The test messages of the neighbouring folder, if they are there: all go in
by import, those that SMTP may carry by SMTP too, and come out byte for byte.
Every tenth unless SP_LONG=1."""
import tarfile

from kit import *

STEP = 1 if LONG else 10


def unpack(source, work):
    """{file name below the corpus: its bytes}"""
    with tarfile.open(source + "/dev-corpus.tar.xz") as t:
        t.extractall(work, filter="data")
    found = sorted(os.path.join(d, n) for d, _, names in os.walk(work) for n in names if n.endswith(".eml"))
    return found


def given(bag):
    """{seq: bytes} and {seq: record} of an export."""
    messages = {int(n[:-4]): open(f"{bag}/data/messages/{n}", "rb").read() for n in os.listdir(bag + "/data/messages")}
    records = {r["seq"]: r for r in map(json.loads, open(bag + "/data/records.jsonl"))}
    return messages, records


def imported(a, work, picked):
    tree = work + "/picked"
    for path in picked:
        to = os.path.join(tree, os.path.relpath(path, work + "/corpus"))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        os.link(path, to)
    begin = time.time()
    done = a.cmd("import", tree, timeout=1800)
    print(f"{len(picked)} imported in {time.time() - begin:.1f} s: {done.stdout.decode().strip()}", flush=True)
    check(done.stdout.startswith(f"{len(picked):,} messages taken".encode()), f"import: {done.stdout} {done.stderr[-1000:]}")
    begin = time.time()
    a.cmd("export", "--output", work + "/bag", timeout=1800)
    messages, records = given(work + "/bag")
    check(len(messages) == len(picked), f"{len(messages)} exported of {len(picked)}")
    seen = set()
    for seq, record in records.items():
        path = record["source"]["file"]
        data = open(path, "rb").read()
        seen.add(path)
        check(messages.get(seq) == data, f"{path}: entry {seq} has other bytes")
        check(record["message"]["sha256"] == record["source"]["file_sha256"] == sha256(data), f"{path}: digests")
    check(len(seen) == len(picked), f"{len(seen)} files of {len(picked)} are named by records")
    print(f"indexed, exported and compared in {time.time() - begin:.1f} s", flush=True)
    run(VERIFY, "--vkey", a.vkey, "--require-complete", work + "/bag", timeout=1800)




def by_smtp(a, picked):
    """DATA where every line ends in CRLF, else BDAT of the same bytes."""
    sent = {}
    limit = 150 << 20
    client, left = None, 0
    for number, path in enumerate(picked):
        data = open(path, "rb").read()
        plain = data.endswith(b"\r\n") and not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", data)
        if left == 0:
            if client:
                client.close()
            client, left = Raw(a.port), 50
            client.hello()
        left -= 1
        body = "8BITMIME" if plain else "BINARYMIME"
        check(client.cmd(f"MAIL FROM:<corpus{number}@e2e.example> BODY={body}")[0] == 250, f"{path}: MAIL")
        check(client.cmd("RCPT TO:<journal@archive.example>")[0] == 250, f"{path}: RCPT")
        if plain and number % 2:
            check(client.cmd("DATA")[0] == 354, f"{path}: DATA")
            client.put(re.sub(rb"(?:(?<=\r\n)|\A)\.", b"..", data) + b".\r\n")
        elif plain or number % 2:
            client.put(b"BDAT %d LAST\r\n" % len(data) + data)
        else:
            half = len(data) // 2
            client.put(b"BDAT %d\r\n" % half + data[:half])
            check(client.reply()[0] == 250, f"{path}: BDAT")
            client.put(b"BDAT %d LAST\r\n" % (len(data) - half) + data[half:])
        code, text = client.reply()
        seq, digest = answer(text)
        if check(code == 250 and len(data) <= limit, f"{path}: {code} {text}"):
            check(digest == sha256(data), f"{path}: acknowledged other bytes")
            sent[seq] = path
    client.close()
    return sent


def main():
    source = sys.argv[1]
    if not os.path.exists(source + "/dev-corpus.tar.xz"):
        print(f"corpus: no {source}/dev-corpus.tar.xz")
        sys.exit(77)
    work = workdir()
    os.mkdir(work + "/corpus")
    found = unpack(source, work + "/corpus")
    check(len(found) == 7140, f"{len(found)} messages in the corpus, want 7140")
    picked = found[::STEP]
    a = Archive(work, free_port(), name="archive")
    imported(a, work, picked)

    begin = time.time()
    a.start()
    sent = by_smtp(a, picked)
    print(f"{len(sent)} sent by SMTP in {time.time() - begin:.1f} s", flush=True)
    a.wait_index()
    print(f"indexed {time.time() - begin:.1f} s after the first", flush=True)
    check(a.status()["alarms"] == 0 and not any(w["restarts"] for w in a.status()["workers"]), f"{a.status()}")
    a.cmd("seal", timeout=900)
    first = min(sent)
    a.cmd("export", "--output", work + "/bag2", f"grade:witnessed seq:{first}..{max(sent)}", timeout=1800)
    messages, records = given(work + "/bag2")
    check(set(messages) == set(sent), f"{len(messages)} of {len(sent)} come out")
    for seq, path in sent.items():
        check(messages.get(seq) == open(path, "rb").read(), f"{path}: entry {seq} has other bytes")
    # Every message is found by its digest, and its facts are JSON.
    done = a.cmd("search", "--format", "json", "--limit", "0", timeout=900)
    hits = [json.loads(t) for t in done.stdout.splitlines()]
    check(len(hits) == len(sent) + len(picked), f"{len(hits)} messages are indexed, want {len(sent) + len(picked)}")
    for path in picked[::20 if LONG else 40]:
        digest = sha256(open(path, "rb").read())
        check(int(a.cmd("search", "--count", f"sha256:{digest}").stdout) >= 2, f"{path} is not found by its digest")
        seq = next(h["seq"] for h in hits if h["sha256"] == digest)
        json.loads(a.cmd("show", seq, "--format", "json").stdout)
        a.cmd("show", seq)
    a.stop()
    a.verify(timeout=1800)
    finish("corpus")


main()
