#!/usr/bin/env python3
"""The manual pages of the mail systems: what they say to configure is taken
from them and run, with the real server where Debian has it."""
import glob
import shlex
import traceback

from kit import *

ROOTS = sys.argv[1]
import mailhost
from mailsink import MailServer

MAN = os.path.join(SOURCE, "doc/man")


def blocks(page):
    """[(first line without its #, text behind it)] of a manual page."""
    text = open(f"{MAN}/sealpost-{page}.7").read()
    for block in re.findall(r"(?ms)^\.EX\n(.*?)^\.EE", text):
        block = re.sub(r"(?m)^\\&", "", block).replace("\\-", "-").replace("\\e", "\\")
        first, _, rest = block.partition("\n")
        yield first.lstrip("# "), rest


def setups(page):
    """Blocks up to and with each sealpost.conf are one set-up: [{name: text}]."""
    found, now = [], {}
    for name, text in blocks(page):
        now[name.split(",")[0]] = text
        if name.startswith("sealpost.conf"):
            found.append(now)
            now = {}
    check(not now, f"{page}: blocks behind the last sealpost.conf: {list(now)}")
    return found


class Site:
    """An archive with a page's listener.  What it and its mail server started is ended by Site.close_all(), whatever fails."""

    number = 0
    open = []

    def __init__(self, work, text, replace=()):
        Site.number += 1
        Site.open.append(self)
        self.mx = None
        self.work = f"{work}/{Site.number}"
        os.mkdir(self.work)
        self.archive = Archive(self.work, port=free_port())
        path = self.archive.dir + "/sealpost.conf"
        for a, b in replace:
            text = text.replace(a, b)
        conf = re.sub(r"(?ms)^listen \w+ \{.*?^\}\n", lambda m: text, open(path).read(), count=1)
        open(path, "w").write(conf)
        self.archive.cmd("config", "check")
        self.archive.start()

    def wait(self, entries):
        there = lambda: int(self.archive.cmd("search", "--count", "grade:witnessed", status=None).stdout or 0) >= entries
        if not wait_for(f"{entries} messages in the archive", there) and self.mx:
            print(self.mx.log()[-1500:], self.archive.log_text()[-1500:])

    def record(self, query):
        seqs = self.archive.cmd("search", "--format", "seq", query, status=None).stdout.split()
        if not check(len(seqs) == 1, f"{query}: {len(seqs)} entries"):
            return None
        return json.loads(self.archive.cmd("show", seqs[0].decode(), "--format", "record").stdout)

    def server(self, mx):
        self.mx = mx
        return mx

    def end(self):
        """The mail server first, then the archive, which must be whole."""
        if self.mx:
            self.mx.stop()
        self.mx = None
        self.archive.verify()
        self.archive.stop()
        Site.open.remove(self)

    @classmethod
    def close_all(cls):
        for site in cls.open:
            if site.mx:
                site.mx.stop()
            if site.archive.service:
                site.archive.service.kill()
        cls.open.clear()


TO = ["bob@corp.example", "eve+x@partner.example", "list=owner@corp.example"]


def through(server_port=25, to=TO, number=1):
    with smtp(server_port) as client:
        code, text = send(client, message(number), "ann@corp.example", to)
    check(code == 250, f"the mail server answered {code} {text}")


def up(name, port=25):
    return wait_for(f"{name} listens", lambda: listening(port))


def by_postfix(work, way, to=TO):
    """Set up one of the page's ways and send a message through it: (site, Postfix, its record)."""
    ways = setups("postfix")
    found = {**{k: v for k, v in ways[0].items() if k.endswith("journal_bcc")}, **ways[way]}
    folder = certificates(f"{work}/ssl{way}") if "/etc/ssl/sealpost" in found["sealpost.conf"] else None
    site = Site(work, found["sealpost.conf"], [("/etc/ssl/sealpost", folder)] if folder else ())
    mx = site.server(mailhost.Postfix(
        site.work, ROOTS + "/postfix", mailhost.BASE_CF + found["/etc/postfix/main.cf"],
        files={"/etc/postfix/journal_bcc": found["/etc/postfix/journal_bcc"]}, master=found.get("/etc/postfix/master.cf", ""),
        ssl=folder, hosts="192.0.2.1 archive.example\n"))
    up("Postfix")
    through(to=to)
    site.wait(1)
    return site, mx, site.record("msgid:1@e2e.example")


def postfix_pattern(work, sink):
    site, mx, r = by_postfix(work, 0)
    if r:
        want = sorted((f"journal+{a.rpartition('@')[0]}={a.rpartition('@')[2]}@archive.example", a) for a in TO)
        got = sorted((t["addr"], t.get("original")) for t in r["envelope"]["to"])
        check(got == want, f"recipients by the pattern: {got}")
        check(r["envelope"]["from"] == "ann@corp.example", f"{r['envelope']}")
        claim = r["source"].get("claimed", {}).get("xforward", {})
        check(claim.get("helo") == "client.example", f"XFORWARD: {r['source']}")
    site.archive.cmd("search", "--count", "rcpt:eve+x@partner.example")
    # More recipients than Postfix sends at once by default: still one entry.
    many = [f"u{i}@corp.example" for i in range(400)]
    through(to=many, number=2)
    site.wait(2)
    r = site.record("msgid:2@e2e.example")
    check(r and len(r["envelope"]["to"]) == 400, "400 recipients are not in one entry")
    site.archive.cmd("reconcile", "--maillog", mx.m + "/var/log/mail.log")
    site.end()


def postfix_milter(work, sink):
    site, mx, r = by_postfix(work, 1)
    if r:
        check(sorted(t["addr"] for t in r["envelope"]["to"]) == sorted(TO), f"recipients by milter: {r['envelope']}")
        check(r["source"]["via"] == "milter" and "reassembled" in r["flags"], f"{r['source']} {r.get('flags')}")
    done = site.archive.cmd("reconcile", "--maillog", mx.m + "/var/log/mail.log")
    check(b"1 there by another way" in done.stderr, f"reconcile after a milter: {done.stderr}")
    site.end()


def postfix_bcc(work, sink):
    site, mx, r = by_postfix(work, 2)
    check(r and [t["addr"] for t in r["envelope"]["to"]] == ["journal@archive.example"], f"{r}")
    site.end()


def postfix_lmtp(work, sink):
    to = ["bob@corp.example", "eve@corp.example"]
    site, mx, r = by_postfix(work, 3, to)
    if r:
        check(sorted(t["addr"] for t in r["envelope"]["to"]) == to, f"recipients by LMTP: {r['envelope']}")
        check(r["source"]["via"] == "lmtp" and r["source"]["proto"] == "LMTP", f"{r['source']}")
        check(r["source"].get("claimed", {}).get("xforward", {}).get("helo") == "client.example", f"XFORWARD: {r['source']}")
    wait_for("both recipients answered", lambda: len(re.findall(r"status=sent \(250 .*seq=", mx.log())) == 2)
    site.end()


def certificates(folder):
    """An authority, the archive's certificate and two clients', each with its key in one file."""
    os.makedirs(folder)
    def openssl(*args):
        run("openssl", *args)
    ca, key = folder + "/ca.pem", folder + "/ca.key"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", ca,
            "-days", "30", "-subj", "/CN=Test authority")
    for name, host in (("archive", "archive.example"), ("postfix", "mx.corp.example"), ("exim", "mx.corp.example")):
        base = f"{folder}/{name}"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key",
                "-out", base + ".csr", "-subj", f"/CN={host}")
        open(base + ".ext", "w").write(f"subjectAltName=DNS:{host}\n")
        openssl("x509", "-req", "-in", base + ".csr", "-CA", ca, "-CAkey", key, "-CAcreateserial", "-days", "30",
                "-extfile", base + ".ext", "-out", base + ".crt")
        open(base + ".pem", "w").write(open(base + ".key").read() + open(base + ".crt").read())
    return folder


def tls_site(work, text):
    folder = certificates(f"{work}/ssl{Site.number}")
    return Site(work, text, [("/etc/ssl/sealpost", folder)]), folder


def postfix_tls(work, sink):
    site, mx, r = by_postfix(work, 4)
    if r:
        tls = r["source"].get("tls", {})
        check(tls.get("verified") is True and tls.get("peer_sha256"), f"client certificate: {r['source']}")
        check(len(r["envelope"]["to"]) == 3 and r["source"]["proto"] == "ESMTPS", f"{r['source']} {r['envelope']}")
    # Without a certificate nothing is taken.
    with smtplib.SMTP("192.0.2.1", 2525, timeout=PATIENCE, source_address=("192.0.2.1", 0)) as client:
        client.ehlo()
        check(client.mail("a@corp.example")[0] == 530, "mail without TLS is taken")
    site.end()


def exim(work, sink, which=0):
    found = setups("exim")
    site, folder = tls_site(work, found[which]["sealpost.conf"]) if which else (Site(work, found[0]["sealpost.conf"]), None)
    # No name server here: names are those of /etc/hosts.
    text = found[which]["exim transports"].replace("  port", "  gethostbyname\n  port")
    mx = site.server(mailhost.Exim(site.work, ROOTS + "/exim", found[0]["exim routers"], text, ssl=folder, hosts="192.0.2.1 archive.example\n"))
    if not up("Exim"):
        print(mx.said, open(site.work + "/exim.err").read())
    through()
    site.wait(1)
    r = site.record("msgid:1@e2e.example")
    if r:
        check(sorted(t["addr"] for t in r["envelope"]["to"]) == sorted(TO) and r["envelope"]["from"] == "ann@corp.example",
              f"envelope by Exim: {r['envelope']}")
        if which:
            check(r["source"]["tls"]["verified"] is True, f"client certificate of Exim: {r['source']}")
    wait_for("Exim's log of it", lambda: len(mx.delivered()) >= 1)
    seq, digest = answer(mx.delivered()[0])
    check(sha256(site.archive.raw(seq)) == digest, "what Exim's log names is not what is there")
    done = site.archive.cmd("reconcile", "--maillog", mx.log_path())
    check(b"1 acknowledged, 1 of them" in done.stderr, f"reconcile of Exim's log: {done.stderr}")
    if not which:
        # Down: Exim keeps it; the log says that it waits.
        site.archive.stop()
        through(number=2)
        wait_for("Exim gives up for the moment", lambda: re.search(r"== .*journal", mx.log()))
        done = site.archive.cmd("reconcile", "--maillog", mx.log_path(), status=1)
        check(done.stdout.startswith(b"waiting") and b"2@e2e.example" in done.stdout, f"reconcile while down: {done.stdout}")
        site.archive.start()
        site.wait(2)
        site.archive.cmd("reconcile", "--maillog", mx.log_path())
    site.end()


def exim_tls(work, sink):
    exim(work, sink, which=1)


def sendmail(work, sink):
    found = setups("sendmail")[0]
    site = Site(work, found["sealpost.conf"])
    mx = site.server(mailhost.Sendmail(site.work, ROOTS + "/sendmail", found["/etc/mail/sendmail.mc"]))
    if not up("Sendmail"):
        print(mx.said, open(site.work + "/sendmail.err").read())
    through()
    site.wait(1)
    r = site.record("msgid:1@e2e.example")
    if r:
        check(sorted(t["addr"] for t in r["envelope"]["to"]) == sorted(TO) and r["envelope"]["from"] == "ann@corp.example",
              f"envelope by Sendmail's milter: {r['envelope']}")
        check(r["source"]["claimed"]["milter"], f"{r['source']}")
    # Down: F=T puts the sender off.
    site.archive.stop()
    with smtp(25) as client:
        code, text = send(client, message(2), "ann@corp.example", TO)
    check(400 <= code < 500, f"Sendmail answers {code} {text} while the archive is down")
    site.archive.start()
    site.end()


def report(number, to):
    """A journal report as Exchange writes them."""
    inner = (b"From: Ann <ann@corp.example>\r\nTo: Bob <bob@corp.example>\r\nSubject: Offer %d\r\n"
             b"Message-ID: <inner-%d@corp.example>\r\nDate: Tue, 06 Jan 2026 09:15:02 +0000\r\n\r\nAs agreed.\r\n" % (number, number))
    return inner, (b"From: \"Microsoft Outlook\" <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@corp.example>\r\nTo: <%s>\r\n"
                   b"Subject: Offer %d\r\nMessage-ID: <report-%d@corp.example>\r\nX-MS-Journal-Report:\r\nMIME-Version: 1.0\r\n"
                   b"Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\nContent-Type: text/plain; charset=\"utf-8\"\r\n\r\n"
                   b"Sender: ann@corp.example\r\nSubject: Offer %d\r\nMessage-Id: <inner-%d@corp.example>\r\nTo: bob@corp.example\r\n"
                   b"To: dan@corp.example, Expanded: sales@corp.example\r\nBcc: carol@partner.example\r\n\r\n--b1\r\n"
                   b"Content-Type: message/rfc822\r\n\r\n" % (to.encode(), number, number, number, number)
                   + inner + b"\r\n--b1--\r\n")


def reports(work, sink):
    """The listeners of Exchange, Microsoft 365, Google and ServiceNow's fifth set-up take a report over TLS."""
    import ssl
    for page, setup in (("exchange", setups("exchange")[0]), ("microsoft365", setups("microsoft365")[0]),
                        ("google", setups("google")[0]), ("servicenow", setups("servicenow")[4])):
        text = re.search(r"(?ms)^listen .*?^\}\n", setup["sealpost.conf"])[0]
        to = re.search(r"recipients = \{ ([^ ]+) \}", text)[1]
        site, folder = tls_site(work, text)
        inner, data = report(1, to)
        with smtplib.SMTP("192.0.2.1", 25, timeout=PATIENCE, source_address=("192.0.2.1", 0)) as client:
            client.ehlo("mx.corp.example")
            client._host = "archive.example"
            client.starttls(context=ssl.create_default_context(cafile=folder + "/ca.pem"))
            client.ehlo("mx.corp.example")
            code, answer_ = send(client, data, "", [to])
            check(code == 250, f"{page}: {code} {answer_}")
            check(client.mail("")[0] == 250 and client.rcpt("somebody@archive.example")[0] == 550, f"{page}: any recipient is taken")
        site.wait(1)
        found = json.loads(site.archive.cmd("search", "--format", "json", "rcpt:carol@partner.example").stdout)
        check(found["subject"] == "Offer 1" and found["from"][0]["addr"] == "ann@corp.example", f"{page}: {found}")
        shown = json.loads(site.archive.cmd("show", str(found["seq"]), "--format", "json").stdout)
        check(shown["journal"]["inner_sha256"] == sha256(inner), f"{page}: {shown['journal']}")
        check(("to", "dan@corp.example", "sales@corp.example") in
              [(r["role"], r["addr"], (r.get("via") or {}).get("addr")) for r in shown["journal"]["recipients"]], f"{page}: {shown['journal']}")
        site.end()


def accounts(work, sink):
    """Every pull section of the pages loads, each in a file of its own and all set-ups of a page together."""
    a = Archive(work, name="accounts")
    secrets = work + "/secrets"
    os.makedirs(secrets + "/sealpost")
    for name in ("microsoft365.secret", "pop3.password", "ndr.password"):
        open(f"{secrets}/sealpost/{name}", "w").write("secret\n")
        os.chmod(f"{secrets}/sealpost/{name}", 0o600)
    run("openssl", "genrsa", "-out", work + "/google.key", "2048")
    json.dump({"type": "service_account", "client_email": "j@p.iam.gserviceaccount.com", "private_key_id": "k1",
               "private_key": open(work + "/google.key").read(), "token_uri": "https://oauth2.googleapis.com/token"},
              open(f"{secrets}/sealpost/google.json", "w"))
    os.chmod(f"{secrets}/sealpost/google.json", 0o600)
    folder = certificates(work + "/ssl-accounts")
    count = 0
    for page in ("microsoft365", "google", "servicenow"):
        for setup in setups(page):
            text = setup["sealpost.conf"].replace("/etc/sealpost", secrets + "/sealpost").replace("/etc/ssl/sealpost", folder)
            open(work + "/page.conf", "w").write(text)
            done = a.cmd("-c", work + "/page.conf", "config", "check")
            for name in re.findall(r"(?m)^pull (\w+)", text):
                count += 1
                done = a.cmd("-c", work + "/page.conf", "pull", "--check", name, status=None)
                check(done.returncode in (1, 2) and b"resolve" in (done.stdout + done.stderr), f"{page}: pull --check {name}: {done}")
    check(count == 6, f"{count} pull sections in the pages")


def searches(work, sink):
    """Every search that a page names is understood: a field that does not exist is an error."""
    a = Archive(work, name="searches")
    count = 0
    for path in sorted(glob.glob(MAN + "/sealpost-*.7")):
        text = open(path).read().replace("\\-", "-").replace("\\(dq", '"').replace("\\(aq", "'")
        for words in re.findall(r"\\fBsealpost search (.*?)\\fP", text) + re.findall(r"(?m)^sealpost search (.*)$", text):
            count += 1
            done = a.cmd("search", *shlex.split(words), status=None)
            check(done.returncode in (0, 1), f"{os.path.basename(path)}: search {words}: {done.stderr.decode()}")
    check(count >= 5, f"{count} searches in the pages")


def exim_debian(work, sink):
    """The page's files in Debian's split configuration: the router comes before Debian's, and Exim takes the whole."""
    found = setups("exim")[0]
    os.mkdir(work + "/debian")
    root = mailhost.Root(work + "/debian", ROOTS + "/exim")
    folder = root.m + "/etc/exim4"
    page = open(MAN + "/sealpost-exim.7").read().replace("\\-", "-")
    for kind in ("router", "transport"):
        name = re.search(r"(?m)^# exim %ss, /etc/exim4/(conf.d/%s/\S+)$" % (kind, kind), page)[1]
        check(os.path.isdir(os.path.dirname(f"{folder}/{name}")), f"{name}: no such folder in Debian's configuration")
        open(f"{folder}/{name}", "w").write(found[f"exim {kind}s"])
    open(folder + "/update-exim4.conf.conf", "w").write(
        "dc_eximconfig_configtype='internet'\ndc_other_hostnames='corp.example'\ndc_local_interfaces='127.0.0.1'\n"
        "dc_use_split_config='true'\ndc_localdelivery='mail_spool'\nCFILEMODE='644'\n")
    open(root.m + "/etc/passwd", "a").write("Debian-exim:x:7013:7013::/var/spool/exim4:/bin/false\n")
    open(root.m + "/etc/group", "a").write("Debian-exim:x:7013:\n")
    done = root.sh("echo mx.corp.example > /etc/mailname &&"
                   " mkdir -p /var/lib/exim4 && update-exim4.conf -o /tmp/exim4.conf && exim4 -C /tmp/exim4.conf -bP router_list &&"
                   " exim4 -C /tmp/exim4.conf -bP transport journal")
    routers = re.findall(rb"(?m)^\w+$", done.stdout.split(b"no_allow")[0])
    check(done.returncode == 0 and routers and routers[0] == b"journal", f"Debian's configuration: {done}")
    check(b"hosts = 127.0.0.1" in done.stdout, f"the transport of the page: {done.stdout}")


PARTS = [searches, exim_debian, postfix_pattern, postfix_milter, postfix_bcc, postfix_lmtp, postfix_tls, exim, exim_tls, sendmail, reports, accounts]


def main():
    subprocess.run(["ip", "addr", "add", "192.0.2.1/32", "dev", "lo"], check=True)
    work = workdir(tmpfs="3g")
    sink = MailServer(2600)
    only = sys.argv[2:]
    for part in PARTS:
        if not only or part.__name__ in only:
            print(part.__name__, flush=True)
            try:
                part(work, sink)
            except Exception as e:
                traceback.print_exc()
                check(False, f"{part.__name__}: {e!r}")
            Site.close_all()
    finish("systems")


main()
