/* What the server of sp_talk says, as the tests name it. */
#ifndef SP_TESTS_SMTP_REPLIES_H
#define SP_TESTS_SMTP_REPLIES_H

#define GREETING "220 archive.example ESMTP Sealpost\n"
#define KEYWORDS                    \
	"250-archive.example\n"     \
	"250-PIPELINING\n"          \
	"250-SIZE 100000\n"         \
	"250-8BITMIME\n"            \
	"250-SMTPUTF8\n"            \
	"250-ENHANCEDSTATUSCODES\n" \
	"250-DSN\n"                 \
	"250-CHUNKING\n"            \
	"250-BINARYMIME\n"          \
	"250-LIMITS RCPTMAX=3\n"    \
	"250 HELP\n"
#define HELLO	 GREETING KEYWORDS
#define GO	 "354 End data with <CR><LF>.<CR><LF>\n"
#define OK	 "250 2.0.0 Ok\n"
#define MOK	 "250 2.1.0 Ok\n"
#define ROK	 "250 2.1.5 Ok\n"
#define BYE	 "221 2.0.0 Bye\n"
#define ENVELOPE "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"

#endif
