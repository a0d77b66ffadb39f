/*
 * What the tests of journal reports share: the pieces that reports are made
 * of, and what a report says as one line of text.
 */
#ifndef SP_TESTS_MAIL_JOURNAL_FORMS_H
#define SP_TESTS_MAIL_JOURNAL_FORMS_H

#include "base/buf.h"
#include "index/mail/mail.h"

#define HEAD                                                                  \
	"From: \"Microsoft Outlook\" <MicrosoftExchange329@corp.example>\r\n" \
	"To: journal@archive.example\r\nSubject: wrapper\r\n"                 \
	"Message-ID: <report-1@corp.example>\r\n"
#define MARK "X-MS-Journal-Report:\r\n"
#define MIXED                   \
	"MIME-Version: 1.0\r\n" \
	"Content-Type: multipart/mixed; boundary=\"_b_\"\r\n\r\n--_b_\r\n"
#define PLAIN  "Content-Type: text/plain; charset=\"utf-8\"\r\n\r\n"
#define ATTACH "\r\n--_b_\r\nContent-Type: message/rfc822\r\n\r\n"
#define ORIGINAL                                                          \
	"From: Alice <alice@corp.example>\r\nTo: Bob <bob@corp.example>," \
	" finance@corp.example\r\nCc: erin@corp.example\r\n"              \
	"Subject: Q3 numbers\r\nMessage-ID: <orig-1@corp.example>\r\n"    \
	"Date: Tue, 06 Jan 2026 09:15:02 +0000\r\n\r\nSee there.\r\n"
#define END "\r\n--_b_--\r\n"
#define START                                                   \
	"Sender: alice@corp.example\r\nSubject: Q3 numbers\r\n" \
	"Message-Id: <orig-1@corp.example>\r\n"

#define REPORT(text) HEAD MARK MIXED PLAIN text ATTACH ORIGINAL END

#define S "exchange-2007 alice@corp.example"

struct journal_row {
	const char *name;
	const char *msg;
	const char *want;
	const char *flag; /* set, or NULL */
};

/* "kind sender|role addr [name] how via|..." behind what ${b} has. */
void journal_describe(const struct sp_journal *j, struct sp_buf *b);
/* Whether the message has the flag ${name}. */
bool journal_has_flag(const struct sp_mail *m, const char *name);
/* Parse with digests; ${trusted}: from a trusted journal source. */
struct sp_mail *journal_parse(const char *p, size_t n, bool trusted);

#endif
