"""Bytes in segments against zlib for each message, and import."""
import glob
import os
import shutil
import zlib

from mail import Mail
from rig import *

CORPUS = os.environ.get("SP_CORPUS", "")


def write_mbox(path, mails):
    with open(path, "wb") as f:
        for sender, data in mails:
            f.write(b"From %s Mon Jan  5 10:00:00 2026\n" % sender.encode())
            f.write(data.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ") + b"\n")


def write_maildir(path, mails):
    for d in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, d))
    for i, (_, data) in enumerate(mails):
        open(os.path.join(path, "cur", f"{1767600000 + i}.M{i}.bench:2,S"), "wb").write(data.replace(b"\r\n", b"\n"))


def one(work, table, name, kind, path, datas, goal):
    service = Service(folder(work, "store"))
    took = import_mail(service, path, kind)
    raw = sum(map(len, datas))
    per_message = sum(len(zlib.compress(d, 6)) for d in datas)
    stored = size_of(service.dir + "/archive")
    table.add(f"stored, {name} ({raw / 1e6:.0f} MB)", f"{stored / 1e6:.1f} MB", f"{per_message / 1e6:.1f} MB zlib-6",
              f"{stored / per_message:.2f}", f"<= {goal}", stored / per_message <= goal)
    table.add(f"import, {name}", f"{len(datas) / took:,.0f}/s", "", "", "")
    shutil.rmtree(work + "/store", ignore_errors=True)


def part(work, table):
    mails = list(Mail().messages(20000))
    path = folder(work, "maildir-store")
    write_maildir(path + "/text", mails)
    one(work, table, "generated text", "maildir", path + "/text", [m.replace(b"\r\n", b"\n") for _, m in mails], 0.40)
    shutil.rmtree(path)
    for name, kind, goal in (("sa-public", "everyday mail of 2002, text and HTML", 0.75), ("attach-dev", "office attachments", 0.95)):
        files = glob.glob(f"{CORPUS}/{name}/**/*.eml", recursive=True) if CORPUS else []
        if files:
            one(work, table, f"{name}: {kind}", "eml", f"{CORPUS}/{name}", [open(f, "rb").read() for f in files], goal)
