#!/usr/bin/env python3
"""Members of the readers' group can do their work, and strangers nothing.

Accounts of its own, in a mount namespace: an owner, a reader, a stranger."""
from kit import *

OWNER, READER, STRANGER, READERS = 61001, 61002, 61003, 61010


def accounts(work):
    """Put them in front of /etc/passwd and /etc/group, for us alone."""
    lines = {"passwd": [f"rv-{name}:x:{uid}:{uid}::/nonexistent:/bin/sh"
                        for name, uid in (("owner", OWNER), ("reader", READER), ("stranger", STRANGER))],
             "group": [f"rv-{name}:x:{gid}:" for name, gid in (("owner", OWNER), ("reader", READER), ("stranger", STRANGER))]
             + [f"rv-readers:x:{READERS}:rv-reader"]}
    for name, more in lines.items():
        path = os.path.join(work, name)
        with open(path, "w") as f:
            f.write(open("/etc/" + name).read() + "\n".join(more) + "\n")
        os.chmod(path, 0o644)
        subprocess.run(["mount", "--bind", path, "/etc/" + name], check=True)


def as_user(a, uid, *args):
    done = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--init-groups",
                           SEALPOST, "-A", a.dir, *args], capture_output=True, timeout=PATIENCE, cwd="/")
    check(b"Sanitizer" not in done.stderr, done.stderr.decode(errors="replace")[-2000:])
    return done


def works(a, want, *args):
    done = as_user(a, READER, *args)
    check(done.returncode == want, f"reader: {args}: {done.returncode}, want {want}: {done.stderr.decode()[-400:]}")


def nothing_open(a):
    """By mode and owner, without asking as the user: nothing for others,
    nothing secret for the readers, all else for them."""
    for folder, dirs, files in os.walk(a.dir):
        for name in dirs + files:
            st = os.lstat(os.path.join(folder, name))
            path = os.path.relpath(os.path.join(folder, name), a.dir)
            check(st.st_uid == OWNER, f"{path} belongs to {st.st_uid}")
            check(st.st_mode & 0o007 == 0, f"{path} is open to others: {st.st_mode:o}")
            if path in ("keys/log.key", "keys/seal.key"):
                check(st.st_mode & 0o077 == 0, f"{path}: {st.st_mode:o}")
            else:
                check(st.st_gid == READERS and st.st_mode & 0o040, f"{path}: group {st.st_gid}, mode {st.st_mode:o}")


def main():
    work = workdir()
    os.chmod(work, 0o755)
    accounts(work)
    os.umask(0o077)  # a careful root's shell
    a = Archive(work, init=("--user", "rv-owner", "--group", "rv-readers"))
    out = os.path.join(work, "out")
    os.mkdir(out)
    os.chown(out, READER, READER)
    mail = os.path.join(work, "old.eml")
    open(mail, "wb").write(message(7))
    a.cmd("import", mail)
    nothing_open(a)
    a.start()
    with smtp() as client:
        check(send(client, message(1))[0] == 250, "message")
    a.cmd("seal")
    a.wait_index()
    nothing_open(a)
    for want, *args in ((0, "search", "line"), (0, "show", "1"), (0, "status"), (0, "verify"), (0, "audit"),
                        (0, "key", "show"), (0, "proof", "1"), (0, "export", "--output", out + "/a.zip"),
                        (2, "seal"), (2, "reindex"), (2, "import", "/etc/hostname")):
        works(a, want, *args)
    for command in ("search", "status", "verify", "audit"):
        done = as_user(a, STRANGER, command)
        check(done.returncode == 2 and not done.stdout, f"stranger: {command}: {done.returncode} {done.stdout[:200]}")
    a.stop()
    for want, *args in ((0, "search", "line"), (0, "show", "1"), (0, "verify"), (2, "export", "--output", out + "/b.zip")):
        works(a, want, *args)
    # Root works on it while nothing runs, and the service goes on.
    a.cmd("import", mail)
    a.cmd("seal")
    a.cmd("reindex")
    nothing_open(a)
    a.start()
    a.stop()
    a.verify()
    finish("readers")


main()
