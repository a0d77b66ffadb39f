"""A small mail server for the tests: takes what comes, and can journal it."""
import socketserver
import threading

from kit import send, smtp


class MailServer:
    """Takes mail, keeps it, and sends a copy to the archive while told to."""

    def __init__(self, port):
        self.got, self.journals, self.refuses = [], False, False
        outer = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                say = lambda text: self.wfile.write(text.encode() + b"\r\n")
                say("220 mx")
                to = []
                for line in self.rfile:
                    verb = line[:4].upper()
                    if verb == b"RCPT":
                        to.append(line.strip().decode())
                        say("250 ok")
                    elif verb == b"DATA":
                        say("354 go")
                        data = b""
                        while (line := self.rfile.readline()) != b".\r\n":
                            data += line[1:] if line.startswith(b".") else line
                        if outer.refuses:
                            say("550 5.7.1 no")
                            continue
                        outer.got.append((to, data))
                        if outer.journals:
                            with smtp() as client:
                                send(client, data)
                        say("250 ok")
                    elif verb == b"QUIT":
                        say("221 bye")
                        return
                    else:
                        say("250 mx" if verb in (b"EHLO", b"HELO", b"MAIL", b"RSET") else "500 what")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self.server = Server(("127.0.0.1", port), Session)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
