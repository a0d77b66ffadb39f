/*
 * The wording of every fixed reply, and which one a failure gets: a full disk,
 * a clock that leapt.  The session and the milter take a reply by its name; the
 * few that carry a number or a reason are written where they are given, with
 * sp_session_reply_format().  A change here is a change of the wire:
 * doc/smtp.md lists what clients rely on.
 */
#include "journal/smtp/reply.h"

#include <assert.h>

/* The text of each reply: a whole line. */
static const char *const reply_texts[SP_REPLY_COUNT] = {
	[SP_REPLY_NONE] = "",
	[SP_REPLY_OK] = "250 2.0.0 Ok\r\n",
	[SP_REPLY_MAIL_OK] = "250 2.1.0 Ok\r\n",
	[SP_REPLY_RCPT_OK] = "250 2.1.5 Ok\r\n",
	[SP_REPLY_SEND_DATA] = "354 End data with <CR><LF>.<CR><LF>\r\n",
	[SP_REPLY_BYE] = "221 2.0.0 Bye\r\n",
	[SP_REPLY_AUTH_OK] = "235 2.7.0 Authentication successful\r\n",
	[SP_REPLY_START_TLS] = "220 2.0.0 Ready to start TLS\r\n",
	[SP_REPLY_HELP] = "214 2.0.0 A journal archive; see RFC 5321\r\n",
	[SP_REPLY_VRFY] = "252 2.0.0 Send mail and it will be tried\r\n",

	[SP_REPLY_CLOSING] = "421 4.3.2 Service is stopping, try again\r\n",
	[SP_REPLY_BUSY] = "421 4.3.2 Too many sessions, try again\r\n",
	[SP_REPLY_NO_MEMORY] =
	    "421 4.3.2 No memory for another session, try again\r\n",
	[SP_REPLY_CROWDED] =
	    "421 4.7.0 Ended for others, your address has more than its share, try again\r\n",
	[SP_REPLY_PER_PEER] =
	    "421 4.7.0 Too many sessions from your address, try again\r\n",
	[SP_REPLY_PER_USER] =
	    "421 4.7.0 Too many sessions of your user, try again\r\n",
	[SP_REPLY_EVENT_RATE] =
	    "450 4.7.1 Too many events of your user for now, try again\r\n",
	[SP_REPLY_EVENT_DISK] =
	    "452 4.3.1 The disk is below disk_reserve: reads cannot be entered into the log and are refused until there is space\r\n",
	[SP_REPLY_ERRORS] = "421 4.7.0 Too many errors\r\n",
	[SP_REPLY_IDLE] = "421 4.4.2 Timeout waiting for you\r\n",
	[SP_REPLY_SLOW] = "421 4.4.2 Data comes too slowly\r\n",
	[SP_REPLY_DISK_FULL] = "452 4.3.1 Insufficient system storage\r\n",
	[SP_REPLY_TOO_MANY_RCPTS] = "452 4.5.3 Too many recipients\r\n",
	[SP_REPLY_MEMORY] = "452 4.3.1 Out of memory for now, try again\r\n",
	[SP_REPLY_FAULT] = "451 4.3.0 Not stored, try again\r\n",
	[SP_REPLY_CLOCK] =
	    "451 4.3.0 Not stored, the archive's clock is off, try again\r\n",
	[SP_REPLY_ROLLBACK] =
	    "451 4.3.0 Not stored, the archive was rolled back, try again\r\n",

	[SP_REPLY_AUTH_LATER] =
	    "454 4.7.0 Authentication not possible for now, try again\r\n",
	[SP_REPLY_AUTH_BLOCKED] =
	    "454 4.7.0 Too many wrong logins from your address, try later\r\n",

	[SP_REPLY_LINE_LONG] = "500 5.5.2 Line too long\r\n",
	[SP_REPLY_BARE_LF_LINE] = "500 5.5.2 Lines must end with CR LF\r\n",
	[SP_REPLY_CR_LINE] = "500 5.5.2 CR inside a command\r\n",
	[SP_REPLY_NUL_LINE] = "501 5.5.2 NUL inside a command\r\n",
	[SP_REPLY_UNKNOWN] = "500 5.5.2 Command not recognized\r\n",
	[SP_REPLY_NOT_OFFERED] = "502 5.5.1 Command not offered here\r\n",
	[SP_REPLY_USE_LHLO] = "502 5.5.1 This is LMTP: use LHLO\r\n",
	[SP_REPLY_NOT_LMTP] = "502 5.5.1 This is SMTP: use EHLO\r\n",
	[SP_REPLY_USE_BDAT] = "502 5.5.1 Use BDAT here\r\n",
	[SP_REPLY_ARGUMENT] = "501 5.5.4 No argument allowed\r\n",
	[SP_REPLY_HELO_ARG] = "501 5.5.4 Say who you are\r\n",
	[SP_REPLY_PATH] = "501 5.5.4 Address not understood\r\n",
	[SP_REPLY_PATH_LONG] = "501 5.5.4 Address too long\r\n",
	[SP_REPLY_PARAM] = "555 5.5.4 Parameter not recognized\r\n",
	[SP_REPLY_VALUE] =
	    "501 5.5.4 Parameter value not understood, or given twice\r\n",
	[SP_REPLY_NEED_UTF8] = "553 5.6.7 Must declare SMTPUTF8\r\n",
	[SP_REPLY_NOT_UTF8] = "553 5.6.7 Address is not UTF-8\r\n",
	[SP_REPLY_CHUNK_SIZE] = "501 5.5.4 Chunk size not understood\r\n",
	[SP_REPLY_HTTP] = "554 5.5.0 This is not a web server\r\n",
	[SP_REPLY_TOO_EARLY] =
	    "554 5.5.0 Synchronization error: wait for the reply\r\n",

	[SP_REPLY_NEED_HELO] = "503 5.5.1 Introduce yourself first\r\n",
	[SP_REPLY_NEED_TLS] =
	    "530 5.7.0 Must issue a STARTTLS command first\r\n",
	[SP_REPLY_TLS_ACTIVE] = "503 5.5.1 TLS is active already\r\n",
	[SP_REPLY_NEED_MAIL] = "503 5.5.1 Need MAIL first\r\n",
	[SP_REPLY_NESTED] = "503 5.5.1 Nested MAIL\r\n",
	[SP_REPLY_NEED_RCPT] = "503 5.5.1 Need RCPT first\r\n",
	[SP_REPLY_NO_RCPT] = "554 5.5.1 No valid recipients\r\n",
	[SP_REPLY_IN_BDAT] = "503 5.5.1 Not between chunks\r\n",
	[SP_REPLY_CHUNK_FAILED] = "503 5.5.1 A chunk failed: RSET first\r\n",
	[SP_REPLY_BINARY_DATA] = "503 5.5.1 BINARYMIME needs BDAT\r\n",
	[SP_REPLY_NEED_SOURCE] = "503 5.5.1 Need XSEALPOST SOURCE first\r\n",
	[SP_REPLY_IN_MAIL] = "503 5.5.1 Not inside a transaction\r\n",

	[SP_REPLY_AUTH_SYNTAX] = "501 5.5.2 Response not understood\r\n",
	[SP_REPLY_AUTH_CANCEL] = "501 5.7.0 Authentication cancelled\r\n",
	[SP_REPLY_AUTH_LONG] = "500 5.5.6 Response too long\r\n",
	[SP_REPLY_AUTH_TWICE] = "503 5.5.1 Already authenticated\r\n",
	[SP_REPLY_AUTH_UNKNOWN] = "504 5.5.4 Mechanism not offered\r\n",
	[SP_REPLY_AUTH_FAILED] = "535 5.7.8 Authentication failed\r\n",
	[SP_REPLY_AUTH_CLEAR] =
	    "538 5.7.11 Encryption required for authentication\r\n",
	[SP_REPLY_NEED_AUTH] = "530 5.7.0 Authentication required\r\n",

	[SP_REPLY_TOO_BIG] = "552 5.3.4 Message too large\r\n",
	[SP_REPLY_BARE_NEWLINE] = "550 5.5.2 Message has a CR or LF alone\r\n",
	[SP_REPLY_NO_SUCH_RCPT] = "550 5.1.1 Not a journal address here\r\n",
	[SP_REPLY_CLAIM] = "501 5.5.4 Attributes not understood\r\n",
	[SP_REPLY_DENIED] = "550 5.7.1 Not allowed\r\n",
	[SP_REPLY_EVENT_SIZE] =
	    "552 5.3.4 The event is larger than yours may be\r\n",
	[SP_REPLY_DOOR_ARG] = "501 5.5.4 Argument not as doc/door.md says\r\n",
};

/*
 * What a peer is told when a message cannot be stored, by the status with
 * which that failed.  All others are SP_REPLY_FAULT.
 */
static const struct {
	enum sp_code code;
	enum sp_reply reply;
} failure_replies[] = {
	{ SP_ENOSPC, SP_REPLY_DISK_FULL }, /* disk or quota full */
	{ SP_ECLOCK, SP_REPLY_CLOCK }, /* the clock leapt */
	{ SP_EROLLBACK, SP_REPLY_ROLLBACK }, /* an old copy of the archive */
};

struct sp_view
sp_reply_text(enum sp_reply r)
{
	assert(r < SP_REPLY_COUNT && reply_texts[r] != NULL);
	return (sp_view_str(reply_texts[r]));
}

enum sp_reply
sp_reply_of_failure(enum sp_code code)
{
	for (size_t i = 0; i < SP_COUNTOF(failure_replies); i++) {
		if (failure_replies[i].code == code)
			return (failure_replies[i].reply);
	}
	return (SP_REPLY_FAULT);
}

int
sp_reply_class(enum sp_reply r)
{
	return (reply_texts[r][0] == '\0' ? 0 : reply_texts[r][0] - '0');
}
