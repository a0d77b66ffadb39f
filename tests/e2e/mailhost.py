"""Roots of their own over the host's files, in this mount namespace only, and
mail servers in them: what is installed, configured and delivered there
vanishes with the test."""
import os
import re
import subprocess

BASE_CF = """compatibility_level = 3.6
myhostname = mx.corp.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = /var/log/mail.log
smtpd_client_connection_count_limit = 0
relayhost = [127.0.0.1]:2600
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtp_host_lookup = native
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 4s
"""


class Root:
    """The host's files with LAYER's over them; ${work} is on a tmpfs."""

    def __init__(self, work, layer, ssl=None, hosts=""):
        self.m = m = os.path.join(work, "merged")
        for d in ("layer", "up", "wd", "merged"):
            os.mkdir(os.path.join(work, d))
        subprocess.run(["cp", "-a", layer + "/.", os.path.join(work, "layer")], check=True)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={work}/layer:/,upperdir={work}/up,workdir={work}/wd", m], check=True)
        for what in (["-t", "proc", "proc", m + "/proc"], ["--bind", "/dev", m + "/dev"], ["-o", "remount,bind,ro", m + "/dev"],
                     ["-t", "tmpfs", "tmpfs", m + "/dev/shm"], ["-t", "tmpfs", "tmpfs", m + "/tmp"]):
            subprocess.run(["mount", *what], check=True)
        if ssl:
            os.makedirs(m + "/etc/ssl/sealpost")
            subprocess.run(["cp", "-a", ssl + "/.", m + "/etc/ssl/sealpost"], check=True)
        if hosts:
            open(m + "/etc/hosts", "a").write(hosts)

    def sh(self, text, cwd="/"):
        return subprocess.run(["chroot", self.m, "bash", "-c", 'cd "$0" && eval "$1"', cwd, text], capture_output=True)


class Postfix(Root):
    """FILES go to their paths; MASTER behind Postfix's own services."""

    def __init__(self, work, layer, main_cf, files=(), master="", ssl=None, hosts=""):
        super().__init__(work, layer, ssl, hosts)
        for name, line in (("passwd", "postfix:x:7011:7011::/var/spool/postfix:/bin/false\n"),
                           ("group", "postfix:x:7011:\npostdrop:x:7012:\n")):
            path = f"{self.m}/etc/{name}"
            text = open(path).read()
            if not re.search(r"^postfix:", text, re.M):
                open(path, "a").write(line)
        open(self.m + "/etc/postfix/main.cf", "w").write(main_cf)
        for path, text in dict(files).items():
            open(self.m + path, "w").write(text)
        open(self.m + "/etc/postfix/master.cf", "w").write(open(self.m + "/usr/share/postfix/master.cf.dist").read() + master)
        self.sh("mkdir -p /var/spool/postfix /var/lib/postfix && chown postfix /var/lib/postfix"
                " && chgrp postdrop /usr/sbin/postdrop /usr/sbin/postqueue && chmod g+s /usr/sbin/postdrop /usr/sbin/postqueue"
                " && cp /etc/services /etc/hosts /etc/resolv.conf /tmp 2>/dev/null; postfix check; postfix start")

    def log(self):
        try:
            return open(self.m + "/var/log/mail.log", errors="replace").read()
        except FileNotFoundError:
            return ""

    def delivered(self):
        """Answers of the archive, as Postfix logged them."""
        return re.findall(r"to=<journal(?:\+[^>]*)?@archive\.example>.*status=sent \((250 .*?)\)", self.log())

    def stop(self):
        self.sh("postfix stop")


EXIM_CF = """primary_hostname = mx.corp.example
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = 25
domainlist local_domains =
acl_smtp_rcpt = accept
acl_smtp_data = accept
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max_per_connection = 0
queue_run_in_order = false
disable_ipv6
never_users =
begin acl
begin routers
%s
sink:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = sink
begin transports
%s
sink:
  driver = smtp
  port = 2600
  allow_localhost
begin retry
* * F,1h,2s
"""


class Exim(Root):
    """ROUTERS and TRANSPORTS are put before our own."""

    def __init__(self, work, layer, routers, transports, ssl=None, hosts=""):
        super().__init__(work, layer, ssl, hosts)
        open(self.m + "/etc/passwd", "a").write("Debian-exim:x:7013:7013::/var/spool/exim4:/bin/false\n")
        open(self.m + "/etc/group", "a").write("Debian-exim:x:7013:\n")
        os.makedirs(self.m + "/etc/exim4", exist_ok=True)
        open(self.m + "/etc/exim4/exim4.conf", "w").write(EXIM_CF % (routers, transports))
        done = self.sh("mkdir -p /var/spool/exim4 /var/log/exim4 && chown Debian-exim:Debian-exim /var/spool/exim4 /var/log/exim4"
                       " && chmod u+s /usr/sbin/exim4 && /usr/sbin/exim4 -C /etc/exim4/exim4.conf -bV")
        self.said = done
        self.daemon = subprocess.Popen(["chroot", self.m, "/usr/sbin/exim4", "-C", "/etc/exim4/exim4.conf", "-bdf", "-q2s"],
                                       stderr=open(work + "/exim.err", "wb"))

    def log_path(self):
        return self.m + "/var/log/exim4/mainlog"

    def log(self):
        try:
            return open(self.log_path(), errors="replace").read()
        except FileNotFoundError:
            return ""

    def delivered(self):
        return re.findall(r' C="(250 [^"]*seq=[^"]*)"', self.log())

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait()


SENDMAIL_MC = """divert(0)dnl
OSTYPE(`debian')dnl
define(`confDOMAIN_NAME', `mx.corp.example')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe,GroupWritableIncludeFileSafe,GroupReadableKeyFile')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`nocanonify')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA-v4, Port=25, Addr=127.0.0.1')dnl
define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl
define(`ESMTP_MAILER_ARGS', `TCP $h 2600')dnl
define(`confTO_IDENT', `0')dnl
define(`confMIN_QUEUE_AGE', `1s')dnl
%s
MAILER(`local')dnl
MAILER(`smtp')dnl
"""


class Sendmail(Root):
    def __init__(self, work, layer, mc):
        # Without a full name of the host it waits a minute for one.
        super().__init__(work, layer, hosts="127.0.0.1 mx.corp.example %s\n" % os.uname().nodename)
        open(self.m + "/etc/passwd", "a").write("smmta:x:7014:7014::/var/lib/sendmail:/bin/false\nsmmsp:x:7015:7015::/var/lib/sendmail:/bin/false\n")
        open(self.m + "/etc/group", "a").write("smmta:x:7014:\nsmmsp:x:7015:\n")
        open(self.m + "/etc/mail/sendmail.mc", "w").write(SENDMAIL_MC % mc)
        done = self.sh("mkdir -p /var/spool/mqueue /var/run/sendmail/mta /var/log && touch /etc/mail/local-host-names /etc/mail/relay-domains /etc/mail/trusted-users"
                       " && echo 'postmaster: root' > /etc/mail/aliases && chmod 700 /var/spool/mqueue"
                       " && m4 -I /usr/share/sendmail/cf /usr/share/sendmail/cf/m4/cf.m4 sendmail.mc > sendmail.cf"
                       " && /usr/libexec/sendmail/sendmail -C /etc/mail/sendmail.cf -bi", cwd="/etc/mail")
        self.said = done
        self.daemon = subprocess.Popen(["chroot", self.m, "/usr/libexec/sendmail/sendmail", "-C", "/etc/mail/sendmail.cf", "-bD", "-q2s", "-D", "/var/log/sendmail.log"],
                                       stderr=open(work + "/sendmail.err", "wb"), stdout=subprocess.DEVNULL)

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait()
