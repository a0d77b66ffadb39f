"""A root of its own over the host's files, in this mount namespace only, and a
Postfix in it: what is installed, configured and delivered there vanishes with
the test."""
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

    def __init__(self, work, layer):
        self.m = m = os.path.join(work, "merged")
        for d in ("layer", "up", "wd", "merged"):
            os.mkdir(os.path.join(work, d))
        subprocess.run(["cp", "-a", layer + "/.", os.path.join(work, "layer")], check=True)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={work}/layer:/,upperdir={work}/up,workdir={work}/wd", m], check=True)
        for what in (["-t", "proc", "proc", m + "/proc"], ["--bind", "/dev", m + "/dev"], ["-t", "tmpfs", "tmpfs", m + "/tmp"]):
            subprocess.run(["mount", *what], check=True)

    def sh(self, text, cwd="/"):
        return subprocess.run(["chroot", self.m, "bash", "-c", 'cd "$0" && eval "$1"', cwd, text], capture_output=True)


class Postfix(Root):
    def __init__(self, work, layer, main_cf):
        super().__init__(work, layer)
        for name, line in (("passwd", "postfix:x:7011:7011::/var/spool/postfix:/bin/false\n"),
                           ("group", "postfix:x:7011:\npostdrop:x:7012:\n")):
            path = f"{self.m}/etc/{name}"
            text = open(path).read()
            if not re.search(r"^postfix:", text, re.M):
                open(path, "a").write(line)
        open(self.m + "/etc/postfix/main.cf", "w").write(main_cf)
        subprocess.run(["cp", self.m + "/usr/share/postfix/master.cf.dist", self.m + "/etc/postfix/master.cf"], check=True)
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
        return re.findall(r"to=<journal@archive\.example>.*status=sent \((250 .*?)\)", self.log())

    def stop(self):
        self.sh("postfix stop")
