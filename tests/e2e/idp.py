"""A token endpoint for the tests: HTTPS with a CA of its own, every grant that
Sealpost speaks, and faults on request.  Tokens are JWTs that Dovecot checks by
itself.  It checks client assertions for real, with another implementation of
everything."""
import base64
import hashlib
import http.server
import json
import os
import secrets
import ssl
import threading
import time
import urllib.parse
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

ISSUER = "https://idp.test.invalid"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def pem_of(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


class CA:
    """An authority, and certificates by it, good ones and bad ones."""

    def __init__(self, folder, name="Test CA"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = self._sign(self.name, self.key.public_key(), ca=True)
        self.path = self.write(f"{name.replace(' ', '-')}.pem", self.cert.public_bytes(serialization.Encoding.PEM))

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
            f.write(data)
        return path

    def _sign(self, subject, public, names=(), ca=False, days=(-2, 30)):
        b = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public)
             .serial_number(x509.random_serial_number())
             .not_valid_before(datetime.utcnow() + timedelta(days=days[0]))
             .not_valid_after(datetime.utcnow() + timedelta(days=days[1]))
             .add_extension(x509.BasicConstraints(ca, None), True))
        if names:
            b = b.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        return b.sign(self.key, hashes.SHA256())

    def issue(self, name, host, days=(-2, 30), rsa_key=False):
        """(certificate, key) paths."""
        key = rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
        cert = self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key.public_key(), [host], days=days)
        return (self.write(f"{name}.crt", cert.public_bytes(serialization.Encoding.PEM)),
                self.write(f"{name}.key", pem_of(key)))


class Idp:
    """Set the attributes to make it behave; read what it was asked."""

    def __init__(self, cert, key, port):
        self.secret = b"hs256-" + secrets.token_hex(24).encode()  # Dovecot's
        self.clients = {}  # id -> {"secret":..., "certificate": PEM path}
        self.services = {}  # mail -> public key; may act for anybody
        self.life = 3600  # what expires_in says
        self.true_life = None  # what the token says, where that is less
        self.scope = "mail"
        self.rotate = True
        self.sub = None  # a login name other than the right one
        self.fail = []  # [(status, headers, body)], taken one by one
        self.script = []  # for device polling: error codes, then a token
        self.echo = False  # repeat the request in an error
        self.users = {}  # refresh token -> user
        self.spent = set()
        self.codes = {}  # code -> (challenge, redirect, user)
        self.device_user = "user"
        self.asked = []  # (time, path, form)
        self.issued = set()  # every secret that we gave
        self.revoked = set()
        self.port = port
        self.lock = threading.Lock()
        self.serve(cert, key)

    def serve(self, cert, key):
        idp = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
                with idp.lock:
                    idp.asked.append((time.time(), self.path, form))
                    status, headers, answer = idp.answer(self.path, form, self.headers, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for k, v in headers.items():
                    self.send_header(k, v)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args):
                pass

        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(cert, key)
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.socket = ctx.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- tokens

    def jwt(self, user, life=None):
        now = int(time.time())
        head = b64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        body = b64(json.dumps({"sub": self.sub or user, "iss": ISSUER, "scope": self.scope, "iat": now - 5,
                               "nbf": now - 5, "exp": now + (self.life if life is None else life),
                               "jti": secrets.token_hex(8)}).encode())
        import hmac
        mac = hmac.new(self.secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        return f"{head}.{body}.{b64(mac)}"

    def grant(self, user, refresh=False):
        out = {"access_token": self.jwt(user, self.true_life), "token_type": "Bearer", "expires_in": self.life, "scope": self.scope}
        self.issued.add(out["access_token"])
        if refresh:
            out["refresh_token"] = self.new_refresh(user)
        return 200, {}, out

    def new_refresh(self, user):
        token = "rt-" + secrets.token_urlsafe(40)
        self.users[token] = user
        self.issued.add(token)
        return token

    def no(self, error, status=400, text=""):
        return status, {}, {"error": error, "error_description": text or f"the test says {error}"}

    # ---- who asks

    def client(self, form, headers):
        """None if it is who it says, else an answer."""
        auth = headers.get("Authorization", "")
        cid, given = form.get("client_id"), form.get("client_secret")
        if auth.startswith("Basic "):
            cid, given = map(urllib.parse.unquote, base64.b64decode(auth[6:]).decode().split(":", 1))
        known = self.clients.get(cid)
        if known is None:
            return self.no("unauthorized_client", 401)
        if "certificate" in known:
            why = self.assertion_fault(form, cid, known["certificate"])
            return self.no("invalid_client", 401, why) if why else None
        if known.get("secret") and given != known["secret"]:
            text = f"secret {given} is wrong" if self.echo else ""
            return self.no("invalid_client", 401, text)
        if known.get("basic") and not auth:
            return self.no("invalid_client", 401, "basic only")
        return None

    def check_jwt(self, token, public, want_alg):
        head, body, sig = token.split(".")
        h = json.loads(unb64(head))
        if h["alg"] not in want_alg:
            raise InvalidSignature
        pad = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if h["alg"] == "PS256" else padding.PKCS1v15()
        public.verify(unb64(sig), f"{head}.{body}".encode(), pad, hashes.SHA256())
        return h, json.loads(unb64(body))

    def assertion_fault(self, form, cid, path):
        cert = x509.load_pem_x509_certificate(open(path, "rb").read())
        if form.get("client_assertion_type") != ASSERTION:
            return "no assertion"
        try:
            h, c = self.check_jwt(form["client_assertion"], cert.public_key(), ("PS256", "RS256"))
        except (InvalidSignature, ValueError, KeyError):
            return "bad signature"
        now = time.time()
        if h.get("x5t#S256") != b64(cert.fingerprint(hashes.SHA256())) or h.get("typ") != "JWT":
            return "bad header"
        if c["iss"] != cid or c["sub"] != cid or c["aud"] != f"https://localhost:{self.port}/token":
            return f"bad claims {c}"
        if not (c["nbf"] <= now < c["exp"] <= now + 900) or c["jti"] in self.spent:
            return f"bad times {c}"
        self.spent.add(c["jti"])
        return None

    # ---- answers

    def answer(self, path, form, headers, body):
        if self.fail:
            return self.fail.pop(0)
        if path == "/revoke":
            no = self.client(form, headers)
            if no is None:
                self.revoked.add(form.get("token"))
                self.users.pop(form.get("token"), None)
            return no or (200, {}, b"")
        if path == "/device":
            return self.client(form, headers) or (200, {}, {
                "device_code": "dc-0123456789abcdef0123456789", "user_code": "WDJB-MJHT", "interval": 1,
                "verification_uri": "https://idp.test.invalid/device", "expires_in": 60})
        if path != "/token":
            return 404, {}, b"<html>no such page</html>"
        return self.token(form, headers)

    def token(self, form, headers):
        kind = form.get("grant_type")
        if kind == BEARER:
            return self.service(form)
        no = self.client(form, headers)
        if no is not None:
            return no
        if kind == "client_credentials":
            return self.grant(form.get("user", "user"))
        if kind == "refresh_token":
            return self.refresh(form["refresh_token"])
        if kind == DEVICE:
            if form.get("device_code") != "dc-0123456789abcdef0123456789":
                return self.no("invalid_grant")
            if self.script:
                return self.no(self.script.pop(0))
            return self.grant(self.device_user, True)
        if kind == "authorization_code":
            challenge, redirect, user = self.codes.pop(form.get("code"), ("", "", ""))
            made = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
            if not challenge or made != challenge or form.get("redirect_uri") != redirect:
                return self.no("invalid_grant")
            return self.grant(user, True)
        return self.no("unsupported_grant_type")

    def refresh(self, token):
        if token in self.spent:  # reuse: everything of that login ends
            self.users.clear()
            return self.no("invalid_grant", text="reuse of a rotated token")
        user = self.users.get(token)
        if user is None:
            return self.no("invalid_grant")
        if self.rotate:
            self.spent.add(token)
            del self.users[token]
        return self.grant(user, self.rotate)

    def service(self, form):
        body = json.loads(unb64(form["assertion"].split(".")[1]))
        public = self.services.get(body.get("iss"))
        try:
            _, c = self.check_jwt(form["assertion"], public, ("RS256",))
        except (InvalidSignature, ValueError, AttributeError):
            return self.no("invalid_grant", text="Invalid JWT Signature.")
        now = time.time()
        if c["aud"] != f"https://localhost:{self.port}/token" or not c["iat"] <= now < c["exp"] <= c["iat"] + 3600:
            return self.no("invalid_grant", text="Invalid JWT")
        if c["scope"] != "mail" or not c["sub"]:
            return self.no("unauthorized_client", 401)
        return self.grant(c["sub"])
