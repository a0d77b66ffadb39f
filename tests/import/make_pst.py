"""A small writer of Outlook files (MS-PST, Unicode), for tests only.

NDB layer: header, node and block B-trees, data, XBLOCK and subnode blocks.
LTP layer: heap on a node, property contexts, table contexts.  No encryption.
Checked against pffexport (tests/e2e/import_sources.py).
"""
import struct
import zlib

BLOCK_MAX = 8176
HEAP_MAX = 3580
AMAP_FIRST, AMAP_EVERY = 0x4400, 253952

INT, BOOL, LONG, OBJECT, TIME, TEXT, BINARY = 3, 0x0B, 0x14, 0x0D, 0x40, 0x1F, 0x102
FIXED = {INT: 4, BOOL: 1, LONG: 8, TIME: 8}


def crc(data):
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


def signature(ib, bid):
    x = (ib ^ bid) & 0xFFFFFFFF
    return (x >> 16 ^ x) & 0xFFFF


def filetime(seconds):
    return (int(seconds) + 11644473600) * 10000000


class File:
    """The NDB layer: blocks and nodes."""

    def __init__(self):
        self.data = bytearray(0x4600)  # header, and the first allocation map
        self.bbt, self.nbt = [], []
        self.bid = 0x100
        self.page_bid = 0x1000

    def alloc(self, size, align=64):
        """Room of ${size} bytes that no allocation map lies in."""
        at = -(-len(self.data) // align) * align
        since = (at - AMAP_FIRST) % AMAP_EVERY
        if since < 512 or since + size > AMAP_EVERY:
            at = AMAP_FIRST + -(-(at - AMAP_FIRST) // AMAP_EVERY) * AMAP_EVERY + 1024
            at = -(-at // align) * align
        self.data.extend(bytes(at + size - len(self.data)))
        return at

    def raw_block(self, data, internal=False):
        assert len(data) <= BLOCK_MAX
        bid = self.bid | (2 if internal else 0)
        self.bid += 4
        size = -(-(len(data) + 16) // 64) * 64
        at = self.alloc(size)
        self.data[at:at + len(data)] = data
        self.data[at + size - 16:at + size] = struct.pack("<HHIQ", len(data), signature(at, bid), crc(data), bid)
        self.bbt.append((bid, at, len(data)))
        return bid

    def block(self, data):
        """Data of any length; the bid."""
        if len(data) <= BLOCK_MAX:
            return self.raw_block(data)
        parts = [self.raw_block(data[i:i + BLOCK_MAX]) for i in range(0, len(data), BLOCK_MAX)]
        assert len(parts) <= 1000
        return self.raw_block(struct.pack("<BBHI", 1, 1, len(parts), len(data))
                              + b"".join(struct.pack("<Q", b) for b in parts), True)

    def subnodes(self, entries):
        """[(nid, bid, bidsub)]: the bid of the subnode block, 0 for none."""
        if not entries:
            return 0
        return self.raw_block(struct.pack("<BBHI", 2, 0, len(entries), 0)
                              + b"".join(struct.pack("<QQQ", *e) for e in sorted(entries)), True)

    def node(self, nid, data, sub=0, parent=0):
        self.nbt.append((nid, self.block(data), sub, parent))

    def page(self, kind, body):
        at = self.alloc(512, 512)
        bid = self.page_bid
        self.page_bid += 4
        body = body.ljust(496, b"\0")
        self.data[at:at + 512] = body + struct.pack("<BBHIQ", kind, kind, signature(at, bid), crc(body), bid)
        return bid, at

    def tree(self, kind, entries, size):
        """A B-tree of [(key, bytes)]; the BREF of its root."""
        level = 0
        while True:
            room = 488 // size
            pages = []
            for i in range(0, max(len(entries), 1), room):
                part = entries[i:i + room]
                body = b"".join(e for _, e in part).ljust(488, b"\0")
                body += struct.pack("<BBBBI", len(part), room, size, level, 0)
                pages.append((part[0][0] if part else 0, self.page(kind, body)))
            if len(pages) == 1:
                return pages[0][1]
            entries = [(key, struct.pack("<QQQ", key, *ref)) for key, ref in pages]
            size, level = 24, level + 1

    def finish(self):
        nbt = self.tree(0x81, [(n, struct.pack("<QQQII", n, b, s, p, 0)) for n, b, s, p in sorted(self.nbt)], 32)
        bbt = self.tree(0x80, [(b, struct.pack("<QQHHI", b, at, n, 2, 0)) for b, at, n in sorted(self.bbt)], 24)
        last = AMAP_FIRST + (len(self.data) - AMAP_FIRST) // AMAP_EVERY * AMAP_EVERY
        end = last + AMAP_EVERY
        self.data.extend(bytes(end - len(self.data)))
        for at in range(AMAP_FIRST, end, AMAP_EVERY):  # all of it is in use
            body = b"\xff" * 496
            self.data[at:at + 512] = body + struct.pack("<BBHIQ", 0x84, 0x84, 0, crc(body), at)
        root = struct.pack("<IQQQQQQQQBBH", 0, end, last, 0, 0, *nbt, *bbt, 2, 0, 0)
        head = struct.pack("<HHHBBII", 0x4D53, 23, 19, 1, 1, 0, 0)
        head += struct.pack("<QQI", 0, self.page_bid, 1)
        head += struct.pack("<32I", *([0x400] * 32)) + bytes(8) + root + bytes(4)
        head += b"\xff" * 256 + struct.pack("<BBH", 0x80, 0, 0) + struct.pack("<Q", self.bid)
        assert len(head) == 516
        full = struct.pack("<I", crc(head))
        self.data[0:564] = b"!BDN" + struct.pack("<I", crc(head[:471])) + head + full + bytes(36)
        return bytes(self.data)


class Heap:
    """The LTP layer: a heap of one block, and what lies in subnodes."""

    def __init__(self, file, client):
        self.file, self.client = file, client
        self.items, self.subs, self.next_sub = [], [], 0x8000

    def add(self, data):
        self.items.append(data)
        return len(self.items) << 5

    def value(self, data):
        """HID or NID of a value of any length."""
        if not data:
            return 0
        if len(data) <= HEAP_MAX and sum(map(len, self.items)) + len(data) < 7000:
            return self.add(data)
        nid = self.next_sub | 0x1F
        self.next_sub += 0x20
        self.subs.append((nid, self.file.block(data), 0))
        return nid

    def bth(self, key, size, records):
        root = self.add(b"".join(k + v for k, v in records)) if records else 0
        return self.add(struct.pack("<BBBBI", 0xB5, key, size, 0, root))

    def finish(self, root):
        head = struct.pack("<HBBII", 0, 0xEC, self.client, root, 0)
        offsets, body = [], bytearray(head)
        for item in self.items:
            offsets.append(len(body))
            body += item
        offsets.append(len(body))
        if len(body) % 2:
            body += b"\0"
        struct.pack_into("<H", body, 0, len(body))
        body += struct.pack("<HH", len(self.items), 0) + b"".join(struct.pack("<H", o) for o in offsets)
        assert len(body) <= BLOCK_MAX, len(body)
        return bytes(body)


def encode(kind, value):
    if kind == TEXT:
        return value.encode("utf-16-le")
    if kind == BINARY:
        return bytes(value)
    return {INT: "<I", BOOL: "<B", LONG: "<Q", TIME: "<Q"}[kind] and struct.pack(
        {INT: "<I", BOOL: "<B", LONG: "<Q", TIME: "<Q"}[kind], value)


def properties(file, props, subs=()):
    """{id: (type, value)}: the bytes of a property context and its subnodes."""
    h = Heap(file, 0xBC)
    records = []
    for pid, (kind, value) in sorted(props.items()):
        if kind == OBJECT:  # (nid, size)
            ref = h.add(struct.pack("<II", *value))
        elif kind in FIXED and FIXED[kind] <= 4:
            ref = value
        else:
            ref = h.value(encode(kind, value))
        records.append((struct.pack("<H", pid), struct.pack("<HI", kind, ref)))
    root = h.bth(2, 6, records)
    return h.finish(root), h.subs + list(subs)


def table(file, columns, rows):
    """columns: [(id, type)]; rows: [(rowid, {id: value})].  The bytes of a
    table context and its subnodes."""
    h = Heap(file, 0x7C)
    columns = [(0x67F2, INT), (0x67F3, INT)] + sorted(columns)
    width = {c: FIXED.get(c[1], 4) for c in columns}
    order = sorted(range(len(columns)), key=lambda i: (-(min(width[columns[i]], 4)), i))
    at, place = 0, {}
    for i in order:
        place[columns[i]] = at
        at += width[columns[i]]
    fours = sum(width[c] for c in columns if width[c] >= 4)
    twos = fours + sum(width[c] for c in columns if width[c] == 2)
    end = at + (len(columns) + 7) // 8
    matrix = bytearray()
    for number, (rowid, values) in enumerate(rows):
        row = bytearray(end)
        values = {0x67F2: rowid, 0x67F3: 1, **values}
        for bit, c in enumerate(columns):
            if c[0] not in values:
                continue
            v = values[c[0]]
            raw = encode(c[1], v)
            if c[1] not in FIXED:
                raw = struct.pack("<I", h.value(raw))
            row[place[c]:place[c] + width[c]] = raw
            row[at + bit // 8] |= 0x80 >> bit % 8
        matrix += row
    index = h.bth(4, 4, [(struct.pack("<I", r), struct.pack("<I", n)) for n, (r, _) in sorted(enumerate(rows), key=lambda x: x[1][0])])
    hnid = h.value(bytes(matrix)) if len(matrix) <= 2000 else 0
    if len(matrix) > 2000:
        per = BLOCK_MAX // end
        assert len(rows) <= per, "more rows than one block holds"
        nid = h.next_sub | 0x1F
        h.next_sub += 0x20
        h.subs.append((nid, file.block(bytes(matrix)), 0))
        hnid = nid
    cols = b"".join(struct.pack("<HHHBB", c[1], c[0], place[c], width[c], bit)
                    for bit, c in sorted(enumerate(columns), key=lambda x: x[1][0] << 16 | x[1][1]))
    info = struct.pack("<BBHHHHIII", 0x7C, len(columns), fours, twos, at, end, index, hnid, 0) + cols
    return h.finish(h.add(info)), h.subs


RCPT_COLUMNS = [(0x0C15, INT), (0x0E0F, BOOL), (0x0FF9, BINARY), (0x0FFE, INT), (0x3001, TEXT), (0x3002, TEXT), (0x3003, TEXT), (0x39FE, TEXT), (0x3900, INT)]
ATTACH_COLUMNS = [(0x0E20, INT), (0x3704, TEXT), (0x3705, INT), (0x370B, INT)]
FOLDER_COLUMNS = [(0x3001, TEXT), (0x3602, INT), (0x3603, INT), (0x360A, BOOL)]
CONTENT_COLUMNS = [(0x001A, TEXT), (0x0037, TEXT), (0x0E07, INT), (0x0E08, INT), (0x0E17, INT)]


def lzfu(text):
    """MS-OXRTFCP with literals only."""
    body, position = bytearray(), 207
    tokens = [bytes([c]) for c in text]
    end = (position + len(text)) % 4096
    tokens.append(struct.pack(">H", end << 4))
    for i in range(0, len(tokens), 8):
        part = tokens[i:i + 8]
        body.append(sum(1 << n for n, t in enumerate(part) if len(t) == 2))
        body += b"".join(part)
    return struct.pack("<IIII", len(body) + 12, len(text), 0x75465A4C, crc(bytes(body))) + body


def message(file, m):
    """A message of {"subject", "text", ...}: bytes of its node and its subnodes' bid."""
    props = {0x001A: (TEXT, m.get("class", "IPM.Note")), 0x0E07: (INT, 1), 0x0E08: (INT, 100), 0x0E17: (INT, 0)}
    names = {"subject": 0x0037, "headers": 0x007D, "text": 0x1000, "message_id": 0x1035, "in_reply_to": 0x1042,
             "from_name": 0x0C1A, "from_addr": 0x0C1F, "from_smtp": 0x5D01}
    for key, pid in names.items():
        if key in m:
            props[pid] = (TEXT, m[key])
    if "from_addr" in m:
        props[0x0C1E] = (TEXT, "SMTP" if "@" in m["from_addr"] else "EX")
    if "html" in m:
        props[0x1013] = (BINARY, m["html"])
        props[0x3FDE] = (INT, m.get("codepage", 65001))
    if "lzfu" in m:
        props[0x1009] = (BINARY, lzfu(m["lzfu"]))
    if "rtf" in m:  # kept uncompressed
        props[0x1009] = (BINARY, struct.pack("<IIII", len(m["rtf"]) + 12, len(m["rtf"]), 0x414C454D, 0) + m["rtf"])
    for key, pid in {"submitted": 0x0039, "delivered": 0x0E06}.items():
        if key in m:
            props[pid] = (TIME, filetime(m[key]))
    subs = []
    rows = [(i, {0x0C15: kind, 0x0FFE: 6, 0x3001: name, 0x3002: "SMTP" if "@" in addr else "EX", 0x3003: addr,
                 **({0x39FE: smtp[0]} if smtp else {})})
            for i, (kind, name, addr, *smtp) in enumerate(m.get("rcpts", []))]
    data, s = table(file, RCPT_COLUMNS, rows)
    subs.append((0x692, file.block(data), file.subnodes(s)))
    rows = []
    for i, a in enumerate(m.get("attachments", [])):
        nid = (0x8000 + i * 0x20) | 5
        data, s = attachment(file, a)
        subs.append((nid, file.block(data), file.subnodes(s)))
        rows.append((nid, {0x0E20: 100, 0x3704: "A", 0x3705: 5 if "message" in a else 1, 0x370B: 0xFFFFFFFF}))
    if rows:
        data, s = table(file, ATTACH_COLUMNS, rows)
        subs.append((0x671, file.block(data), file.subnodes(s)))
        props[0x0E1B] = (BOOL, 1)
    data, s = properties(file, props, subs)
    return data, file.subnodes(s)


def attachment(file, a):
    props = {0x3705: (INT, 5 if "message" in a else 1), 0x0E20: (INT, 100), 0x370B: (INT, 0xFFFFFFFF)}
    for key, pid in {"name": 0x3707, "short": 0x3704, "type": 0x370E, "cid": 0x3712}.items():
        if key in a:
            props[pid] = (TEXT, a[key])
    subs = []
    if "message" in a:
        data, sub = message(file, a["message"])
        subs.append((0x3F24, file.block(data), sub))
        props[0x3701] = (OBJECT, (0x3F24, len(data)))
    else:
        props[0x3701] = (BINARY, a["data"])
    return properties(file, props, subs)


class Pst:
    def __init__(self):
        self.file = File()
        self.next = 0x400

    def number(self, kind):
        self.next += 1
        return self.next << 5 | kind

    def folder(self, nid, parent, f):
        """A folder of {"name", "folders", "messages"} and all that is in it."""
        children = [(self.number(2), c) for c in f.get("folders", [])]
        messages = [(self.number(4), m) for m in f.get("messages", [])]
        props = {0x3001: (TEXT, f["name"]), 0x3602: (INT, len(messages)), 0x3603: (INT, 0), 0x360A: (BOOL, 1 if children else 0),
                 0x3613: (TEXT, f.get("class", "IPF.Note"))}
        data, subs = properties(self.file, props)
        self.file.node(nid, data, self.file.subnodes(subs), parent)
        data, subs = table(self.file, FOLDER_COLUMNS, [(c, {0x3001: d["name"], 0x3602: len(d.get("messages", [])), 0x3603: 0,
                                                            0x360A: 1 if d.get("folders") else 0}) for c, d in children])
        self.file.node(nid & ~0x1F | 0x0D, data, self.file.subnodes(subs))
        data, subs = table(self.file, CONTENT_COLUMNS, [(n, {0x001A: m.get("class", "IPM.Note"), 0x0037: m.get("subject", "")[:40],
                                                             0x0E07: 1, 0x0E08: 100, 0x0E17: 0}) for n, m in messages])
        self.file.node(nid & ~0x1F | 0x0E, data, self.file.subnodes(subs))
        data, subs = table(self.file, CONTENT_COLUMNS, [])
        self.file.node(nid & ~0x1F | 0x0F, data, self.file.subnodes(subs))
        for n, m in messages:
            data, sub = message(self.file, m)
            self.file.node(n, data, sub, nid)
        for n, c in children:
            self.folder(n, nid, c)

    def finish(self, root):
        guid = bytes(range(16))
        entry = bytes(4) + guid + struct.pack("<I", 0x8022)
        data, subs = properties(self.file, {0x0FF9: (BINARY, guid), 0x3001: (TEXT, "Personal Folders"), 0x35E0: (BINARY, entry),
                                            0x35E3: (BINARY, entry), 0x35E7: (BINARY, entry), 0x35DF: (INT, 0x89), 0x67FF: (INT, 0)})
        self.file.node(0x21, data, self.file.subnodes(subs))
        data, subs = properties(self.file, {0x0001: (INT, 251), 0x0002: (BINARY, bytes(16)), 0x0003: (BINARY, bytes(8)), 0x0004: (BINARY, bytes(4))})
        self.file.node(0x61, data, self.file.subnodes(subs))
        # The root, and in it what a person sees.
        self.folder_root(root)
        return self.file.finish()

    def folder_root(self, root):
        ipm = 0x8022
        data, subs = properties(self.file, {0x3001: (TEXT, ""), 0x3602: (INT, 0), 0x3603: (INT, 0), 0x360A: (BOOL, 1)})
        self.file.node(0x122, data, self.file.subnodes(subs), 0x122)
        data, subs = table(self.file, FOLDER_COLUMNS, [(ipm, {0x3001: root["name"], 0x3602: 0, 0x3603: 0, 0x360A: 1})])
        self.file.node(0x12D, data, self.file.subnodes(subs))
        for nid in (0x12E, 0x12F):
            data, subs = table(self.file, CONTENT_COLUMNS, [])
            self.file.node(nid, data, self.file.subnodes(subs))
        self.next = 0x480
        self.folder(ipm, 0x122, root)


def make(root):
    """The bytes of a file with the folder ${root}."""
    return Pst().finish(root)
