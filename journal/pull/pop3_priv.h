/* Between pop3.c (the session) and pop3_login.c. */
#ifndef SP_PULL_POP3_PRIV_H
#define SP_PULL_POP3_PRIV_H

#include "base/buf.h"
#include "journal/pull/pop3_parse.h"
#include "journal/pull/pull.h"

struct sp_pop3 {
	struct sp_pull *p;
	struct sp_stream *s;
	struct sp_pop3_caps caps;
	struct sp_pop3_reply reply; /* the last; borrowed from the stream */
};

/* A line of ours, CRLF is added. */
SP_CHECK enum sp_code sp_pop3_send(
    struct sp_pop3 *c, const char *line, struct sp_err *err);
/* The next reply into c->reply.  SP_EFORMAT: it is none. */
SP_CHECK enum sp_code sp_pop3_get(struct sp_pop3 *c, struct sp_err *err);
/* Both. */
SP_CHECK enum sp_code sp_pop3_ask(
    struct sp_pop3 *c, const char *line, struct sp_err *err);
/* The lines of a multi-line reply; ${line} NULL: read and drop. */
SP_CHECK enum sp_code sp_pop3_lines(struct sp_pop3 *c,
    enum sp_code (*line)(void *ctx, struct sp_view text, struct sp_err *err),
    void *ctx, struct sp_err *err);
/* The failure that c->reply tells of; ${what} was asked. */
enum sp_code sp_pop3_no(struct sp_pop3 *c, const char *what,
    enum sp_pull_trouble otherwise, struct sp_err *err);

/* Greeting, capabilities, STLS, UTF8, login, capabilities. */
SP_CHECK enum sp_code sp_pop3_login(struct sp_pop3 *c, struct sp_err *err);

#endif
