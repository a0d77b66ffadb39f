"""A Dovecot in a root of its own, and certificates of every kind."""
import datetime
import ipaddress
import os
import socket
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailhost import Root

PASSWORD = "Pass-word_1!"
CONF = """base_dir = /srv/run
state_dir = /srv/run
log_path = /srv/dovecot.log
listen = 127.0.0.1
protocols = imap pop3
ssl = yes
ssl_cert = </srv/tls.crt
ssl_key = </srv/tls.key
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:/srv/mail/%u/Maildir
mail_fsync = never
mail_max_userip_connections = 100
passdb {
  driver = static
  args = password={PLAIN}PASSWORD
}
userdb {
  driver = static
  args = uid=mail gid=mail home=/srv/mail/%u allow_all_users=yes
}
service imap-login {
  inet_listener imap {
    port = 10143
  }
  inet_listener imaps {
    port = 10993
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 10110
  }
  inet_listener pop3s {
    port = 10995
    ssl = yes
  }
}
"""


def now():
    return datetime.datetime.utcnow()


class Authority:
    """A certificate authority, and what it gives out."""

    def __init__(self, root, name="Test CA"):
        self.root = root
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = self._make(self.name, self.name, self.key.public_key(), ca=True)
        self.path = os.path.join(root, name.replace(" ", "-") + ".pem")
        open(self.path, "wb").write(self.cert.public_bytes(serialization.Encoding.PEM))

    def _make(self, subject, issuer, public, ca=False, names=(), days=(-1, 30)):
        b = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
             .serial_number(x509.random_serial_number())
             .not_valid_before(now() + datetime.timedelta(days=days[0]))
             .not_valid_after(now() + datetime.timedelta(days=days[1]))
             .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
        if names:
            b = b.add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
        return b.sign(self.key, hashes.SHA256())

    def server(self, name, dns="mail.example", days=(-1, 30), self_signed=False):
        """(path of certificate and key, SHA-256 in hex)"""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, dns)])
        names = [x509.DNSName(dns), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] if dns == "localhost" else [x509.DNSName(dns)]
        if self_signed:
            signer = self.key
            self.key = key
            cert = self._make(subject, subject, key.public_key(), names=names, days=days)
            self.key = signer
        else:
            cert = self._make(subject, self.name, key.public_key(), names=names, days=days)
        base = os.path.join(self.root, name)
        open(base + ".crt", "wb").write(cert.public_bytes(serialization.Encoding.PEM))
        open(base + ".key", "wb").write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                          serialization.NoEncryption()))
        return base, cert.fingerprint(hashes.SHA256()).hex(), cert.serial_number

    def crl(self, *serials):
        b = (x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(now() - datetime.timedelta(days=1))
             .next_update(now() + datetime.timedelta(days=30)))
        for serial in serials:
            b = b.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial)
                                          .revocation_date(now() - datetime.timedelta(hours=1)).build())
        path = os.path.join(self.root, "crl.pem")
        open(path, "wb").write(b.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path


class Dovecot(Root):
    def __init__(self, work, layer, certificate, conf=CONF):
        super().__init__(work, layer)
        self.certificate(certificate)
        for name, lines in (("passwd", "dovecot:x:7021:7021::/nonexistent:/bin/false\ndovenull:x:7022:7022::/nonexistent:/bin/false\n"),
                            ("group", "dovecot:x:7021:\ndovenull:x:7022:\n")):
            open(f"{self.m}/etc/{name}", "a").write(lines)
        open(self.m + "/srv/dovecot.conf", "w").write(conf.replace("PASSWORD", PASSWORD))
        os.makedirs(self.m + "/srv/mail", exist_ok=True)
        os.makedirs(self.m + "/srv/run", exist_ok=True)
        self.sh("chown mail:mail /srv/mail")
        self.child = None
        self.start()

    def certificate(self, base):
        for kind in ("crt", "key"):
            open(f"{self.m}/srv/tls.{kind}", "wb").write(open(f"{base}.{kind}", "rb").read())

    def start(self):
        self.child = subprocess.Popen(["chroot", self.m, "/usr/sbin/dovecot", "-F", "-c", "/srv/dovecot.conf"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", 10110), 1).close()
                return
            except OSError:
                if self.child.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError("dovecot does not start: " + self.log())

    def log(self):
        try:
            return open(self.m + "/srv/dovecot.log", errors="replace").read()
        except FileNotFoundError:
            return ""

    def stop(self):
        self.child.terminate()
        self.child.wait(timeout=300)

    def fill(self, user, messages, box=""):
        """Put messages (bytes) into the mailbox as a delivery would."""
        base = f"{self.m}/srv/mail/{user}/Maildir{'/.' + box if box else ''}"
        for d in ("tmp", "new", "cur"):
            os.makedirs(f"{base}/{d}", exist_ok=True)
        for i, data in enumerate(messages):
            self.n = getattr(self, "n", 0) + 1
            open(f"{base}/new/{1700000000 + self.n}.M{self.n}.host", "wb").write(data)
        self.sh(f"chown -R mail:mail /srv/mail/{user}")

    def messages(self, user):
        """[contents] of what is left in the INBOX."""
        found = []
        for d in ("new", "cur"):
            path = f"{self.m}/srv/mail/{user}/Maildir/{d}"
            for f in sorted(os.listdir(path)) if os.path.isdir(path) else []:
                try:
                    found.append(open(os.path.join(path, f), "rb").read())
                except FileNotFoundError:
                    pass  # deleted, or moved to cur, just now
        return found
