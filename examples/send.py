#!/usr/bin/env python3
"""examples/send.py HOST:PORT: send a few dozen realistic messages over SMTP.

What a company's mail looks like to a journaling recipient: plain and HTML
mail, attachments, Chinese and Japanese, a Bcc that only the envelope knows, a
ServiceNow notification with its reply, an Exchange journal report.  The names
and texts are invented.  Prints how many were sent and the servers' answers to
the ones that the quickstart shows.
"""
import datetime
import email.generator
import email.message
import email.policy
import io
import smtplib
import sys
import zipfile

JOURNAL = "journal@archive.example"
POLICY = email.policy.SMTP.clone(cte_type="8bit", utf8=False)
START = datetime.datetime(2026, 1, 5, 8, 30, tzinfo=datetime.timezone.utc)

ann = "Ann Archer <ann@corp.example>"
bob = "Bob Baker <bob@corp.example>"
eve = "Eve Ellis <eve@partner.example>"
mei = "陳美玲 <mei@corp.example>"
ken = "佐藤健 <ken@partner.example>"


def base(number, sender, to, subject, **headers):
    """A message with the headers that every mail has."""
    m = email.message.EmailMessage(policy=POLICY)
    when = START + datetime.timedelta(hours=5 * number, minutes=7 * number)
    m["From"], m["To"], m["Subject"] = sender, to, subject
    m["Date"] = when.strftime("%a, %d %b %Y %H:%M:%S +0000")
    m["Message-ID"] = f"<{number:04d}.demo@corp.example>"
    for name, value in headers.items():
        m[name.replace("_", "-")] = value
    return m


def office_document(text):
    """A tiny .docx: a zip with one XML part."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo("word/document.xml"),
                   f"<w:document><w:body><w:t>{text}</w:t></w:body></w:document>")
    return out.getvalue()


def special(number):
    """The messages that the quickstart talks about: (envelope, message)."""
    plain = base(number, ann, bob, "Third quarter numbers")
    plain.set_content("Bob,\n\nthe third quarter closed at 4.2 million. Please keep it to yourself\n"
                      "until Thursday.\n\nAnn\n")
    yield "ann@corp.example", ["bob@corp.example"], plain

    # Bcc: Eve got it, and only the envelope says so.
    bcc = base(number + 1, ann, bob, "Offer to Partner Ltd", Cc=mei)
    bcc.set_content("Attached is the offer as discussed.\n")
    bcc.add_attachment(office_document("Offer 2026-17: 120 units at 38.50"), maintype="application",
                       subtype="vnd.openxmlformats-officedocument.wordprocessingml.document",
                       filename="Offer 2026-17 – Partner Ltd.docx")
    yield "ann@corp.example", ["bob@corp.example", "mei@corp.example", "eve@partner.example"], bcc

    html = base(number + 2, eve, ann, "Re: Offer to Partner Ltd", In_Reply_To="<0001.demo@corp.example>")
    html.set_content("We accept the offer. The order follows by fax.\n")
    html.add_alternative("<html><body><p>We <b>accept</b> the offer.</p><p>The order follows by "
                         "fax&nbsp;&ndash; Eve</p></body></html>", subtype="html")
    yield "eve@partner.example", ["ann@corp.example"], html

    cjk = base(number + 3, mei, ken, "京都での打ち合わせについて")
    cjk.set_content("佐藤様\n\n来週の京都での打ち合わせの資料をお送りします。\n会議室は三階です。\n\n陳\n")
    cjk.add_attachment("項目,金額\n交通費,12000\n".encode("utf-8"), maintype="text", subtype="csv",
                       filename="見積書.csv")
    yield "mei@corp.example", ["ken@partner.example"], cjk

    # A ServiceNow notification, its watermark, and the reply to it.
    note = base(number + 4, "IT Service Desk <instance@service-now.example>", bob,
                "Incident INC3389413 has been assigned to you",
                References="<INC3389413@service-now.example>")
    note.set_content("Short description: Printer on floor 3 prints blank pages\n"
                     "Priority: 3 - Moderate\n\nRef:MSG101380319\n")
    yield "instance@service-now.example", ["bob@corp.example"], note
    answer = base(number + 5, bob, "IT Service Desk <instance@service-now.example>",
                  "RE: Incident INC3389413 has been assigned to you",
                  In_Reply_To=f"<{number + 4:04d}.demo@corp.example>")
    answer.set_content("Toner replaced, please close.\n\nBob\n\n> Ref:MSG101380319\n")
    yield "bob@corp.example", ["instance@service-now.example"], answer

    yield "", [JOURNAL], journal_report(number + 6)


def journal_report(number):
    """What an Exchange server sends to its journaling recipient."""
    inner = base(number, ann, bob, "Confidential: reorganisation")
    inner.set_content("Please do not forward.\n")
    report = base(number + 1, "Journaling <journaling@corp.example>", JOURNAL,
                  "Confidential: reorganisation")
    report["X-MS-Journal-Report"] = ""
    report.set_content("Sender: ann@corp.example\r\nSubject: Confidential: reorganisation\r\n"
                       f"Message-Id: {inner['Message-ID']}\r\nTo: bob@corp.example\r\n"
                       "Bcc: board@corp.example, Expanded: dana@corp.example\r\n")
    report.add_attachment(inner)
    return report


def everyday(number):
    """The bulk: short mails between the same few people."""
    topics = ["Minutes of the weekly meeting", "Travel to Lyon", "Invoice 4711", "Lunch on Friday?",
              "Draft of the contract", "Server maintenance tonight", "New price list"]
    people = [ann, bob, eve, mei, ken]
    sender, to = people[number % 5], people[(number // 5 + number + 1) % 5]
    if sender == to:
        to = ann if sender != ann else bob
    m = base(number, sender, to, f"{topics[number % len(topics)]} ({number})")
    m.set_content(f"Hello,\n\nthis is about {topics[number % len(topics)].lower()}.\n" +
                  "".join(f"Point {i}: we should look at it again in week {number % 50 + i}.\n"
                          for i in range(number % 9 + 2)) + "\nRegards\n")
    if number % 6 == 0:
        m.add_attachment(b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n" * 40, maintype="application",
                         subtype="pdf", filename=f"document-{number}.pdf")
    address = sender[sender.index("<") + 1:-1]
    return address, [to[to.index("<") + 1:-1]], m


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    mails = [everyday(n) for n in range(20, 50)] + list(special(1)) + [everyday(n) for n in range(60, 65)]
    answers = 0
    with smtplib.SMTP(host, int(port), timeout=30) as smtp:
        smtp.ehlo("mail.corp.example")
        for sender, recipients, message in mails:
            out = io.BytesIO()
            email.generator.BytesGenerator(out, policy=POLICY).flatten(message)
            smtp.mail(sender)
            for recipient in recipients + ([JOURNAL] if JOURNAL not in recipients else []):
                smtp.rcpt(recipient)
            code, text = smtp.data(out.getvalue())
            if code != 250:
                sys.exit(f"send.py: {message['Subject']}: {code} {text.decode()}")
            answers += 1
            if answers in (1, len(mails)):
                print(f"250 {text.decode()}")
    print(f"{answers} messages sent, each answered 250 after it was on stable storage")


if __name__ == "__main__":
    main()
