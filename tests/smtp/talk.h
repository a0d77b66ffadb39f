/* A session without sockets: what a client says, what it hears, what would
 * have been stored. */
#ifndef SP_TESTS_SMTP_TALK_H
#define SP_TESTS_SMTP_TALK_H

#include <stdbool.h>

#include "base/buf.h"
#include "journal/smtp/machine.h"

struct sp_talk {
	struct sp_listen cfg;
	struct sp_session_env env;
	struct sp_session_peer peer;
	struct sp_memory *memory;
	struct sp_machine m;
	struct sp_session *s; /* of the machine */
	struct sp_buf replies; /* all of them since they were last looked at */
	struct sp_buf stored; /* all messages, each ended by "<EOM>" */
	struct sp_buf records; /* the records, a line each */
	struct sp_buf refused; /* replies that were reported */
	enum sp_code commit; /* what commits give */
	enum sp_code begin; /* what may_begin gives */
	bool tls; /* sessions are encrypted from the start */
	bool xforward, xclient; /* whether the peer may */
	bool blocked; /* what may_login refuses */
	struct sp_buf logins; /* "user mechanism ok", a line each */
	uint64_t seq;
	size_t faults, broken;
};

void sp_talk_init(struct sp_talk *t, bool door);
/* A fresh session, greeted; the replies so far are forgotten. */
void sp_talk_start(struct sp_talk *t);
/* Say these bytes in pieces of ${step}, committing when asked. */
void sp_talk_say(struct sp_talk *t, const char *p, size_t n, size_t step);
/* Fail unless the replies since the last call are ${want} (CR left out). */
void sp_talk_expect(struct sp_talk *t, const char *what, const char *want);
/* Cut each " sha256=..." out: the harness has checked the digest. */
void sp_talk_without_digest(struct sp_buf *b);
bool sp_talk_holds(struct sp_buf *b, const char *text);
void sp_talk_done(struct sp_talk *t);

#endif
