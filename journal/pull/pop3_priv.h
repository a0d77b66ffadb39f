/*
 * A POP3 session, shared by its files only:
 *
 *	pop3.c		the order of things: RETR, DELE, QUIT
 *	pop3_retr.c	the content of messages
 *	pop3_login.c	commands and replies; greeting, STLS, login
 *	pop3_list.c	STAT, UIDL, LIST, and which messages are wanted
 *
 * pop3_parse.h reads the replies.  A session belongs to one thread.
 */
#ifndef SP_PULL_POP3_PRIV_H
#define SP_PULL_POP3_PRIV_H

#include "base/buf.h"
#include "journal/pull/pop3_parse.h"
#include "journal/pull/pull.h"

/* The conversation with the server. */
struct sp_pop3 {
	struct sp_pull *p;
	struct sp_stream *s;
	struct sp_pop3_caps caps; /* of the state that the session is in */
	struct sp_pop3_reply reply; /* the last; borrowed from the stream */
};

struct sp_pop3_message {
	uint64_t size; /* as LIST says, or SP_PULL_SIZE_UNKNOWN */
	size_t uid, uid_n; /* its UIDL: place and length in ${uids} */
	uint32_t ordinal; /* unnamed: among those of its size, from 1 */
	bool listed; /* STAT, LIST or UIDL has it */
	bool unnamed; /* without a UIDL of its own */
	/* What is to be done. */
	bool fetch; /* RETR, in the usual way */
	bool last; /* RETR, alone, when nothing else is left to do */
	bool asked; /* RETR was answered */
	bool again; /* RETR once more: what came may not be all */
	bool matched; /* unnamed: its content was, and the archive has it */
	bool keep_dots; /* the server does not double the dots of its lines */
	bool dele;
	bool deleted; /* DELE was answered +OK; done only after QUIT */
};

/* The message whose bytes came to their end, and which is ended only when the
 * next reply shows that they were all: a server that does not double dots ends
 * a message early, and the rest of it comes as replies. */
struct sp_pop3_open {
	bool any; /* what follows is valid */
	size_t i;
	uint64_t got; /* bytes */
	uint64_t dots; /* taken off the beginnings of lines, or kept there */
	uint64_t single; /* of them not doubled */
	uint64_t lines; /* line feeds */
	bool fits; /* unnamed: b->whole has all of it */
	bool doubted; /* it has another size than was announced, or none was:
			 the next reply may be a part of it */
};

/* The mailbox of a session; message number n is messages[n - 1]. */
struct sp_pop3_mailbox {
	struct sp_pop3 c;

	/* What the server listed. */
	struct sp_pop3_message *messages;
	size_t n, cap;
	struct sp_buf uids; /* the UIDLs of all, one behind the other */
	bool has_uidl; /* the server knows UIDL */
	size_t nunnamed; /* messages without a UIDL of their own */
	char slot[96]; /* text of sp_pop3_meta() */
	bool room_short; /* there is more than this session may take */

	bool deletes; /* after = delete */
	bool one_by_one; /* a message was doubted: no command ahead of it */
	struct sp_pop3_open open;
	/* The content of a message without a UIDL of its own: read whole, since
	 * its SHA-256 is its name. */
	struct sp_buf whole;
};

/* ---- pop3_login.c ----
 * Errors of every function that reads: the stream's, and SP_EFORMAT where it
 * is no POP3. */

/* Send ${line}; CRLF is added, and our copy wiped. */
SP_CHECK enum sp_code sp_pop3_send_line(
    struct sp_pop3 *c, const char *line, struct sp_err *err);
/* Read the first line of the next reply into c->reply.  SP_OK also for -ERR. */
SP_CHECK enum sp_code sp_pop3_read_reply(struct sp_pop3 *c, struct sp_err *err);
/* Send a command and read the first line of its reply. */
SP_CHECK enum sp_code sp_pop3_command(
    struct sp_pop3 *c, const char *line, struct sp_err *err);
/* Read the rest of a multi-line reply (RFC 1939 section 3) and call ${line}
 * for each line, without its line end and doubled dot; what that returns other
 * than SP_OK ends it. */
SP_CHECK enum sp_code sp_pop3_read_lines(struct sp_pop3 *c,
    enum sp_code (*line)(void *ctx, struct sp_view text, struct sp_err *err),
    void *ctx, struct sp_err *err);
/* End the session because the server did not grant ${what}: its answer is
 * c->reply.  The reason for the engine is that of the response code, or
 * ${otherwise}.  Returns SP_EPERM where a person must act, else SP_EAGAIN. */
enum sp_code sp_pop3_refused(struct sp_pop3 *c, const char *what,
    enum sp_pull_trouble otherwise, struct sp_err *err);
/* Whether the last reply refuses because the server wants to be left alone. */
bool sp_pop3_asks_for_patience(const struct sp_pop3 *c);
/* The AUTHORIZATION state (RFC 1939 section 4): greeting, capabilities, STLS,
 * UTF8, login, capabilities again. */
SP_CHECK enum sp_code sp_pop3_login(struct sp_pop3 *c, struct sp_err *err);

/* ---- pop3_list.c ---- */
/* STAT, UIDL and LIST; ${octets} is the size of the mailbox.  SP_EPERM: the
 * server has no UIDL, and mail is to stay on it. */
SP_CHECK enum sp_code sp_pop3_list_mailbox(
    struct sp_pop3_mailbox *b, uint64_t *octets, struct sp_err *err);
/* Mode FETCH: mark what is to be fetched and deleted, at most session_messages
 * (then the engine is asked for another session); skip what is too large. */
void sp_pop3_choose_messages(struct sp_pop3_mailbox *b);
/* Modes CHECK and LIST: report every message that has a name. */
SP_CHECK enum sp_code sp_pop3_report_mailbox(
    struct sp_pop3_mailbox *b, uint64_t octets, struct sp_err *err);
/* What the engine is told of message ${i}, whose tag is ${i}; borrowed, the
 * slot until the next call. */
struct sp_pull_meta sp_pop3_meta(struct sp_pop3_mailbox *b, size_t i);

/* ---- pop3_retr.c ---- */
/* Fetch what was chosen, and once more what came in doubt; on return no message
 * is open.  A failure says where the session broke (sp_pull_asking()). */
SP_CHECK enum sp_code sp_pop3_fetch(
    struct sp_pop3_mailbox *b, struct sp_err *err);

/* ---- pop3.c ---- */
/* Send "${verb} n" for the messages that ${want} and read the replies with
 * ${on_reply}, in order: up to ${window} commands ahead. */
SP_CHECK enum sp_code sp_pop3_pipeline(struct sp_pop3_mailbox *b,
    const char *verb, size_t window,
    bool (*want)(const struct sp_pop3_message *),
    enum sp_code (*on_reply)(
	struct sp_pop3_mailbox *b, size_t i, struct sp_err *err),
    struct sp_err *err);
/* How many commands may be ahead. */
size_t sp_pop3_window(const struct sp_pop3_mailbox *b);

#endif
