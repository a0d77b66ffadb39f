"""Certificates for tests, made on the spot with the openssl command."""
import os
import subprocess


def openssl(*args, data=None):
    return subprocess.run(["openssl", *map(str, args)], input=data, check=True, capture_output=True).stdout


class CA:
    """An authority in a folder; each certificate is NAME.pem with its key."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        os.makedirs(folder, exist_ok=True)
        self.cert, self.key = self.path(name + ".crt"), self.path(name + ".key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", f"/CN=Test authority {name}", "-keyout", self.key, "-out", self.cert,
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        for f, text in (("index", ""), ("serial", "1000\n"), ("crlnumber", "01\n")):
            open(self.path(f"{name}.{f}"), "w").write(text)
        open(self.path(name + ".cnf"), "w").write(
            f"[ca]\ndefault_ca=own\n[own]\ndatabase={self.path(name + '.index')}\nserial={self.path(name + '.serial')}\n"
            f"crlnumber={self.path(name + '.crlnumber')}\nnew_certs_dir={folder}\ncertificate={self.cert}\n"
            f"private_key={self.key}\ndefault_md=sha256\ndefault_days=30\ndefault_crl_days=30\npolicy=any\n"
            "unique_subject=no\ncopy_extensions=copy\n[any]\ncommonName=supplied\n")

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, san=None, days=None):
        """(certificate and key in one file); ${days} (from, until) in YYYYMMDDHHMMSSZ."""
        key, csr, crt, pem = (self.path(name + e) for e in (".key", ".csr", ".crt", ".pem"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", key, "-out", csr, *(["-addext", f"subjectAltName={san}"] if san else []))
        openssl("ca", "-batch", "-notext", "-config", self.path(self.name + ".cnf"), "-in", csr, "-out", crt,
                *(["-startdate", days[0], "-enddate", days[1]] if days else []))
        open(pem, "w").write(open(crt).read() + open(key).read())
        return pem

    def revoke(self, name):
        openssl("ca", "-config", self.path(self.name + ".cnf"), "-revoke", self.path(name + ".crt"))

    def crl(self):
        out = self.path(self.name + ".crl")
        openssl("ca", "-config", self.path(self.name + ".cnf"), "-gencrl", "-out", out)
        return out


def self_signed(folder, name, san=None):
    key, crt, pem = (os.path.join(folder, name + e) for e in (".key", ".crt", ".pem"))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", f"/CN={name}", "-keyout", key, "-out", crt, *(["-addext", f"subjectAltName={san}"] if san else []))
    open(pem, "w").write(open(crt).read() + open(key).read())
    return pem


def fingerprint(pem, colons=False):
    text = openssl("x509", "-in", pem, "-noout", "-fingerprint", "-sha256").decode().strip().split("=")[1]
    return text if colons else text.replace(":", "").lower()
