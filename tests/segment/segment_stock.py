"""segment_stock.py SEGMENT DIR: reads a segment with zstandard and tarfile,
then each entry by the tables as doc/format-segment.md describes them, and
compares with the members that tar extracted into DIR.  Shares no code with
the program."""
import base64
import hashlib
import io
import os
import struct
import sys
import tarfile

import zstandard

path, out = sys.argv[1:]
data = open(path, "rb").read()


def extracted(name):
    with open(os.path.join(out, name), "rb") as f:
        return f.read()


def crc32c(b):
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    crc = 0xFFFFFFFF
    for c in b:
        crc = (crc >> 8) ^ table[(crc ^ c) & 255]
    return crc ^ 0xFFFFFFFF


# The whole as a stream, across frames.
reader = zstandard.ZstdDecompressor().stream_reader(
    io.BytesIO(data), read_across_frames=True)
whole = reader.read()
tar = tarfile.open(fileobj=io.BytesIO(whole))
members = tar.getmembers()
for m in members:
    assert tar.extractfile(m).read() == extracted(m.name), m.name
assert members[0].name.endswith(".lines")

# The seek table.
number, flags, magic = struct.unpack("<IBI", data[-9:])
assert magic == 0x8F92EAB1 and flags == 0
start = len(data) - 9 - 8 * number - 8
assert struct.unpack("<II", data[start:start + 8]) == (
    0x184D2A5E, 8 * number + 9)
frames, at = [], 0
for i in range(number):
    c, u = struct.unpack_from("<II", data, start + 8 + 8 * i)
    frames.append((at, c, u))
    at += c
assert at == start
toc_at, toc_len, zero = frames.pop()
assert zero == 0


def frame(i):
    a, c, u = frames[i]
    head = zstandard.get_frame_parameters(data[a:a + c])
    assert head.content_size == u and head.has_checksum
    got = zstandard.ZstdDecompressor().decompress(data[a:a + c])
    assert len(got) == u
    return got


pieces = [frame(i) for i in range(len(frames))]
assert b"".join(pieces) == whole
assert pieces[-1] == bytes(1024)

# The table of contents.
assert struct.unpack_from("<II", data, toc_at) == (0x184D2A50, toc_len - 8)
toc = data[toc_at + 8:toc_at + toc_len]
assert toc[:8] == b"SPTOC001"
first, last, nframes, zero, lframe, loff, llen, elen = struct.unpack_from(
    "<QQIIIIQQ", toc, 8)
assert nframes == len(frames) and zero == 0
assert len(toc) == 56 + elen + 4
assert crc32c(toc[:-4]) == struct.unpack("<I", toc[-4:])[0]
pos = 56


def varint():
    global pos
    v = shift = 0
    while True:
        b = toc[pos]
        pos += 1
        v |= (b & 127) << shift
        shift += 7
        if b < 128:
            return v


def payload(f, off, n):
    """The bytes, and where they end."""
    got, end = b"", (f, off)
    while len(got) < n:
        part = pieces[f][off:off + n - len(got)]
        got += part
        end = (f, off + len(part))
        f, off = f + 1, 0
    return got, end


lines, end = payload(lframe, loff, llen)
assert lines == extracted("%012d-%012d.lines" % (first, last))
lines = lines.decode().split("\n")
assert lines.pop() == ""
assert len(lines) == last - first + 1
spans = 0
for seq in range(first, last + 1):
    flag = toc[pos]
    pos += 1
    assert flag < 16

    def part(has, given, name):
        global end
        if not flag & has:
            return None
        f, off = end[0], (end[1] + 511) // 512 * 512 + 512
        if flag & given:
            f, off = varint(), varint()
        got, end = payload(f, off, varint())
        assert pieces[f][off - 512:].startswith(name.encode() + b"\0")
        assert got == extracted(name), name
        return got, f, end[0]

    rec = part(1, 4, "%012d.json" % seq)
    msg = part(2, 8, "%012d.eml" % seq)
    word = lines[seq - first].split(" ")
    assert word[0] == "sealpost/entry/v1" and word[1] == str(seq)
    assert base64.b64decode(word[4]) == hashlib.sha256(rec[0]).digest()
    if msg is None:
        assert word[5] == "-"
        continue
    if len(rec[0]) + len(msg[0]) < 60000:
        assert rec[1] == msg[2], "entry %d is split" % seq
    spans += msg[1] != msg[2]
assert pos == 56 + elen
assert spans >= 2, "no message spans frames"
print("%d entries, %d frames, table of contents %d bytes" % (
    last - first + 1, len(frames), len(toc)))
