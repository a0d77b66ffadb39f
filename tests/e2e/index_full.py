#!/usr/bin/env python3
"""A disk without room for the index, on a file system whose blocks are smaller
than a page (ext4 makes them of 1 KiB on a small volume): the memory that SQLite
shares between processes has no room either.  Errors in one line, no signal, and
the index catches up by itself."""
from kit import *


def volume():
    """A small ext4 file system with blocks of 1 KiB."""
    image = f"{workdir()}/image"
    with open(image, "wb") as f:
        f.truncate(40 << 20)
    path = tempfile.mkdtemp(prefix="sp-e2e-")
    made = subprocess.run(["mke2fs", "-q", "-F", "-b", "1024", image], capture_output=True)
    mounted = subprocess.run(["mount", "-o", "loop", image, path], capture_output=True)
    if made.returncode != 0 or mounted.returncode != 0:
        print(f"skipped: no file system with small blocks can be mounted here: {(made.stderr + mounted.stderr).decode()}")
        sys.exit(77)
    return path


def ballast(work, leave):
    """Fill the file system to the last byte, then give ${leave} bytes back."""
    path, n = f"{work}/ballast", 1 << 16
    with open(path, "wb", buffering=0) as f:
        while n:
            try:
                f.write(b"x" * n)
            except OSError:
                n //= 2
        os.fsync(f.fileno())
        f.truncate(max(0, f.tell() - leave))
    os.sync()
    return path


def commands(work, source):
    """`reindex` and `search` with so little room that the index gets no further
    than some place or other."""
    a = Archive(work, free_port(), name="commands", config={"top": "disk_reserve = 0\n"})
    a.cmd("import", source)
    codes = {}
    for leave in (*range(0, 48, 4), *range(48, 200, 16), 400, 800, 1600, 3200):
        shutil.rmtree(f"{a.dir}/index")
        path = ballast(work, leave << 10)
        done = a.cmd("reindex", status=None)
        codes[done.returncode] = codes.get(done.returncode, 0) + 1
        if check(done.returncode in (0, 2), f"reindex with {leave} KiB: ended by {done.returncode}") and done.returncode == 2:
            one_line(done, f"reindex with {leave} KiB")
        # What is there is searched, or the command says why it is not.
        done = a.cmd("search", "--count", "body:message", status=None)
        check(done.returncode in (0, 1, 2), f"search with {leave} KiB: ended by {done.returncode}")
        os.unlink(path)
        a.cmd("reindex")
    print(f"commands: {codes}")
    check(codes.get(2, 0) >= 3, "the disk was hardly full")
    check(a.cmd("search", "--count", "subject:message", status=None).stdout.strip() == b"300", "after space was freed")


def told(a):
    """Whether the open alarms have that the index has no room."""
    listed = a.cmd("alarms", "list", "--format", "json", status=None).stdout.decode().splitlines()
    return any(x["cause"].startswith("index_") and "no space left" in x["text"].lower() for x in map(json.loads, listed))


def service(work, source):
    """The worker meets the full disk, says so, and goes on by itself."""
    a = Archive(work, free_port(), name="service", config={"top": "disk_reserve = 0\n"}).start()
    with smtp(a.port) as client:
        send(client, message(1))
    a.wait_index()
    a.cmd("import", source, timeout=600)
    a.wait_index()
    for leave in (12, 20, 28, 40):
        a.stop()
        shutil.rmtree(f"{a.dir}/index")
        path = ballast(work, leave << 10)
        a.start(wait=False)
        wait_for(f"the index worker says that there is no space ({leave} KiB)", lambda: told(a))
        # Either there is an answer that says how far it reaches, or the reason.
        done = a.cmd("search", "--count", "body:message", status=None)
        check(done.returncode in (0, 1, 2), f"search while the disk is full: {done.returncode}")
        check(re.search(rb"index covers (none|entries 0\.\.\d+) of|no space left", done.stderr), f"search while the index is behind: {done.stderr}")
        os.unlink(path)
        a.wait_index()
        check(a.cmd("search", "--count", "subject:message").stdout.strip() == b"301", "after space was freed")
        check("signal=" not in a.log_text(), f"a worker was ended by a signal: {a.log_text()[-2000:]}")
    a.stop()
    a.verify()


def main():
    work = volume()
    source = workdir() + "/mail"
    os.mkdir(source)
    for i in range(300):
        open(f"{source}/{i:04d}.eml", "wb").write(message(1000 + i, 900))
    commands(work, source)
    shutil.rmtree(f"{work}/commands")
    service(work, source)
    run("umount", work)


main()
finish("index_full")
