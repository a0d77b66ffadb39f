"""Text mail for the benches: made from a seed, so that every run has the same.

Words are drawn with the frequencies that natural text has (Zipf, 60,000
words), in sentences, with quotes of earlier mail, as on a mailing list.
"""
import itertools
import random

WORDS = 60000
SYLLABLES = [a + b for a in "b c d f g h k l m n p r s t v w st tr pl br".split() for b in "a e i o u ai ea ou".split()]
ENDS = ["", "", "n", "r", "s", "t", "l", "ng", "rd", "st"]


class Mail:
    def __init__(self, seed=7):
        r = self.r = random.Random(seed)
        words, seen = [], set()
        while len(words) < WORDS:
            rank = len(words)
            n = 1 if rank < 300 else 2 if rank < 8000 else r.choice((2, 3, 3, 4))
            w = "".join(r.choice(SYLLABLES) for _ in range(n)) + r.choice(ENDS)
            if w not in seen:
                seen.add(w)
                words.append(w)
        self.words = words
        self.weights = list(itertools.accumulate(1.0 / (i + 2.7) ** 1.03 for i in range(WORDS)))
        self.people = [(f"{r.choice(words[2000:9000]).title()} {r.choice(words[2000:20000]).title()}",
                        f"{words[3000 + i]}@{words[200 + i % 40]}.example") for i in range(1500)]
        self.threads = []
        self.number = 0

    def pick(self, k):
        return self.r.choices(self.words, cum_weights=self.weights, k=k)

    def paragraph(self):
        r, out = self.r, []
        words = self.pick(r.randint(20, 90))
        at = 0
        while at < len(words):
            n = r.randint(5, 18)
            s = words[at:at + n]
            s[0] = s[0].title()
            out.append(" ".join(s) + r.choice(".....?,"))
            at += n
        return fold(" ".join(out))

    def message(self):
        """(sender, bytes with CRLF): about 2.2 KB."""
        r, n = self.r, self.number
        self.number += 1
        name, addr = self.people[min(int(r.paretovariate(0.6)) - 1, 1499)]
        to = r.sample(self.people, r.choice((1, 1, 1, 2, 3)))
        refs = ""
        body = [self.paragraph() for _ in range(min(int(r.paretovariate(1.1)), 9) + 1)]
        if self.threads and r.random() < 0.6:
            subject, parent, old = r.choice(self.threads)
            refs = f"In-Reply-To: <{parent}@list.example>\r\nReferences: <{parent}@list.example>\r\n"
            body.insert(0, "\r\n".join("> " + line for line in old.split("\r\n")))
            subject = subject if subject.startswith("Re: ") else "Re: " + subject
        else:
            subject = " ".join(self.pick(r.randint(3, 8))).title()
        self.threads.append((subject, n, body[-1]))
        if len(self.threads) > 200:
            self.threads.pop(r.randrange(100))
        ip = r.randint(1, 254)
        head = (f"Received: from mx{ip % 7}.{addr.split('@')[1]} (mx{ip % 7}.{addr.split('@')[1]} [192.0.2.{ip}])\r\n"
                f"\tby mail.corp.example (Postfix) with ESMTP id {r.getrandbits(40):010X}\r\n"
                f"\tfor <list@corp.example>; {date(n)}\r\n"
                f"From: {name} <{addr}>\r\n"
                f"To: {', '.join(f'{a} <{b}>' for a, b in to)}\r\n"
                f"Subject: {subject}\r\nDate: {date(n)}\r\nMessage-ID: <{n}@list.example>\r\n{refs}"
                "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n"
                "User-Agent: Mutt/1.5.20\r\n\r\n")
        return addr, (head + "\r\n\r\n".join(body) + f"\r\n\r\n-- \r\n{name}\r\n").encode()

    def messages(self, n):
        for _ in range(n):
            yield self.message()

    def queries(self, each, sample):
        """{class: queries}: the words and phrases are those of real messages."""
        r = self.r
        middle = self.words[20:6000]
        bodies = [s.decode().split("\r\n\r\n", 1)[1].split() for s in sample]
        out = {"two words": [], "phrase": [], "address": [], "newest 50": []}
        while len(out["two words"]) < each:
            out["two words"].append(" ".join(r.sample(middle[:600] + r.sample(middle, 300), 2)))
        while len(out["phrase"]) < each:
            b = r.choice(bodies)
            at = r.randrange(len(b) - 2)
            pair = [w.strip(".,?") for w in b[at:at + 2]]
            if all(w.isalpha() for w in pair):
                out["phrase"].append(f'"{pair[0]} {pair[1]}"')
        while len(out["address"]) < each:
            addr = r.choice(self.people)[1]
            out["address"].append(r.choice(("from:", "to:", "rcpt:")) + r.choice((addr, addr, "@" + addr.split("@")[1])))
        out["newest 50"] = [""] * each
        return out


def fold(text):
    out, line = [], ""
    for w in text.split(" "):
        if len(line) + len(w) > 70:
            out.append(line)
            line = w
        else:
            line = f"{line} {w}" if line else w
    return "\r\n".join(out + [line])


def date(n):
    t = n * 37
    return f"{1 + t // 86400 % 28:02d} {('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun')[t // 2419200 % 6]} 2026 " \
           f"{t // 3600 % 24:02d}:{t // 60 % 60:02d}:{t % 60:02d} +0000"
