"""Indexing against `notmuch new` on the same mail, index against text."""
import glob
import os
import shutil

from mail import Mail
from part_store import CORPUS, write_maildir
from rig import *

COUNT = 20000


def notmuch(work, maildir):
    """Seconds of `notmuch new`, and bytes of its database."""
    config = os.path.join(work, "notmuch-config")
    open(config, "w").write(f"[database]\npath={maildir}\n[user]\nname=bench\nprimary_email=bench@corp.example\n"
                            "[new]\ntags=\n[search]\nexclude_tags=\n[maildir]\nsynchronize_flags=false\n")
    shutil.rmtree(maildir + "/.notmuch", ignore_errors=True)
    env = {**peer_env("notmuch"), "NOTMUCH_CONFIG": config, "HOME": work}
    took = timed(f"{PEERS}/notmuch/usr/bin/notmuch", "new", "--quiet", env=env)
    size = size_of(maildir + "/.notmuch")
    shutil.rmtree(maildir + "/.notmuch", ignore_errors=True)
    return took, size


def one(work, table, name, maildir, count, text, rounds, goals):
    service = Service(folder(work, "index"))
    import_mail(service, maildir, "maildir")
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(timed(program("sealpost"), "-A", service.dir, "reindex"))
        took, peer_size = notmuch(work, maildir)
        peer.append(took)
    index = size_of(service.dir + "/index")
    a, b = count / median(ours), count / median(peer)
    table.add(f"index, {name} / notmuch new", f"{a:,.0f}/s", f"{b:,.0f}/s", f"{a / b:.1f}",
              f">= {goals[0]}" if goals[0] else "", a / b >= goals[0] if goals[0] else None)
    table.add(f"index / mail, {name}", f"{index / text:.2f}", f"{peer_size / text:.2f}", f"{index / peer_size:.2f}",
              f"<= {goals[1]} of the mail" if goals[1] else "", index / text <= goals[1] if goals[1] else None)
    shutil.rmtree(work + "/index", ignore_errors=True)


def part(work, table):
    maildir = folder(work, "maildir") + "/text"
    mails = list(Mail().messages(COUNT))
    write_maildir(maildir, mails)
    one(work, table, "generated text", maildir, COUNT, sum(len(m) for _, m in mails), 3 if LONG else 1, (10, 0.6))
    shutil.rmtree(maildir)
    files = sorted(glob.glob(f"{CORPUS}/sa-public/**/*.eml", recursive=True)) if CORPUS else []
    if files:
        mails = [("", open(f, "rb").read()) for f in files]
        write_maildir(maildir, mails)
        one(work, table, f"sa-public, {len(mails)} real messages", maildir, len(mails), sum(len(m) for _, m in mails), 3, (None, None))
    shutil.rmtree(work + "/maildir", ignore_errors=True)
