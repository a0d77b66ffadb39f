"""A next hop for a mail server under test: takes everything by SMTP and keeps
the exact bytes, which smtp-sink does not."""
import collections
import re
import socketserver
import threading

Delivery = collections.namedtuple("Delivery", "sender to data")


class _Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def data(self):
        lines = []
        while True:
            line = self.rfile.readline()
            if line in (b"", b".\r\n"):
                return b"".join(lines) if line else None
            lines.append(line[1:] if line.startswith(b".") else line)

    def handle(self):
        sender, to = None, []
        self.say("220 sink.example ESMTP")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-sink.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 0")
            elif verb == b"MAIL":
                sender, to = re.search(rb"<(.*?)>", line).group(1), []
                self.say("250 2.1.0 Ok")
            elif verb == b"RCPT":
                to.append(re.search(rb"<(.*)>", line).group(1))
                self.say("250 2.1.5 Ok")
            elif verb == b"DATA":
                self.say("354 Go")
                data = self.data()
                if data is None:
                    return
                self.server.got.append(Delivery(sender, to, data))
                self.say("250 2.0.0 Ok")
            elif verb == b"QUIT":
                self.say("221 2.0.0 Bye")
                return
            else:
                self.say("250 2.0.0 Ok")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128


class Sink:
    """${got} grows; appending to a list is atomic."""

    def __init__(self, port):
        self.server = _Server(("127.0.0.1", port), _Session)
        self.got = self.server.got = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
