/* The inside of a session, shared by the session_*.c files only. */
#ifndef SP_SMTP_SESSION_PRIV_H
#define SP_SMTP_SESSION_PRIV_H

#include "journal/smtp/arena.h"
#include "journal/smtp/claim.h"
#include "journal/smtp/command.h"
#include "journal/smtp/data.h"
#include "journal/smtp/scram.h"
#include "journal/smtp/session.h"
#include "journal/smtp/store.h"

#define SP_HELO_MAX	1024 /* bytes of the EHLO argument kept */
#define SP_FLAGS_MAX	24
#define SP_REFUSED_MAX	100 /* refused recipients recorded */
#define SP_ENVELOPE_MAX (1u << 20) /* bytes of recipients and parameters */
#define SP_AUTH_LINE	12288 /* RFC 4954 section 4 */
#define SP_AUTH_TRIES	3 /* wrong logins, then closed */

enum sp_phase {
	SP_PHASE_GREETED, /* no EHLO yet */
	SP_PHASE_READY,
	SP_PHASE_MAIL,
	SP_PHASE_RCPT, /* at least one was accepted */
	SP_PHASE_BDAT, /* a chunk was taken, not the last */
	SP_PHASE_BROKEN /* a chunk failed: only RSET helps */
};

enum sp_mode {
	SP_MODE_COMMAND,
	SP_MODE_DATA, /* up to CR LF . CR LF */
	SP_MODE_CHUNK, /* chunk_left bytes */
	SP_MODE_COMMIT,
	SP_MODE_AUTH, /* lines of an AUTH exchange */
	SP_MODE_CHECK,
	SP_MODE_TLS, /* 220 was given; the handshake is next */
	SP_MODE_CLOSED
};

/* Provenance given at the door for the next transaction. */
struct sp_provenance {
	bool set;
	bool envelope;
	char via[16];
	char grade[16];
	char *members; /* of "source", without braces; malloc'ed */
	char *origin_date; /* NULL: none */
	char flags[16][32];
	size_t nflags;
};

struct sp_session {
	const struct sp_session_env *env;
	enum sp_phase phase;
	enum sp_mode mode;
	bool extended; /* EHLO or LHLO */
	char proxy_src[72], proxy_dst[72]; /* "": no proxy said */
	bool tls; /* encrypted; sp_session_tls set it */
	bool tls_verified; /* and the client's certificate is good */
	char *tls_facts; /* JSON object for the record; malloc'ed */
	struct sp_auth *auth; /* the exchange; NULL: none */
	char auth_name[SP_SCRAM_NAME_MAX + 1]; /* "": nobody is logged in */
	const char *auth_mechanism;
	unsigned auth_tries;
	char *tls_why; /* why not; malloc'ed */
	bool may_xforward, may_xclient; /* this peer */
	struct sp_claim xforward; /* of the next message */
	struct sp_claim xclient; /* of the rest of the session */
	bool draining;
	bool quit;
	bool more; /* input waits behind the command at hand */
	uint64_t commands, errors, junk;
	char peer[72], local[72], id[24];
	int64_t connected;
	struct sp_door_rights rights;
	char actor[256];
	char helo[SP_HELO_MAX];
	size_t helo_n;

	/* the command line so far, where it came in pieces */
	char *line;
	size_t line_n, line_cap;
	enum sp_reply line_bad; /* dropped up to its end, then this */

	/* the transaction */
	struct sp_arena arena;
	struct sp_view from;
	const struct sp_view *from_params;
	size_t nfrom_params;
	struct sp_rcpt *to;
	size_t nto, to_cap;
	struct sp_rcpt *refused;
	size_t nrefused, refused_cap;
	uint64_t rcpt_tried;
	size_t envelope; /* bytes of all recipients */
	uint64_t declared;
	enum sp_body body;
	bool smtputf8;
	uint64_t transaction;
	int64_t mail_at;
	struct sp_provenance prov;

	/* the message */
	bool started; /* DATA or the first BDAT was seen */
	struct sp_data data;
	struct sp_store store;
	uint64_t wire;
	enum sp_reply verdict; /* given at the end instead of a commit */
	uint64_t chunk_left, chunk_size;
	bool chunk_last;
	enum sp_reply chunk_bad; /* the chunk is dropped, then this */

	/* what is to be committed */
	struct sp_buf source;
	const char *flags[SP_FLAGS_MAX];
	size_t nflags;
	struct sp_facts facts;
	struct sp_event event;
	char event_name[32];
	char *event_detail;
	struct sp_append_item item;
};

/* session.c */
/* LHLO, and one reply for each recipient: LMTP, and the door. */
bool sp_session_lmtp(const struct sp_session *s);
void sp_session_reply(
    struct sp_session *s, enum sp_reply r, struct sp_buf *out);
/* The same reply for each recipient of LMTP (RFC 2033 section 4.2). */
void sp_session_reply_all(
    struct sp_session *s, enum sp_reply r, struct sp_buf *out);
/* A line of its own making, without CR LF. */
void sp_session_say(struct sp_session *s, struct sp_buf *out, const char *fmt,
    ...) SP_PRINTF(3, 4);
void sp_session_close(
    struct sp_session *s, enum sp_reply r, struct sp_buf *out);
/* Tell the owner of a fault of ours. */
void sp_session_fault(struct sp_session *s, const struct sp_err *err);
/* "334 TEXT", of any length. */
void sp_session_challenge(
    struct sp_session *s, const char *text, struct sp_buf *out);
/* Close if there were too many errors. */
void sp_session_count_errors(struct sp_session *s, struct sp_buf *out);
/* Forget the transaction. */
void sp_session_reset(struct sp_session *s);
/* session_mail.c */
void sp_session_helo(struct sp_session *s, enum sp_verb verb,
    struct sp_view arg, struct sp_buf *out);
void sp_session_mail(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
void sp_session_rcpt(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
/* session_data.c */
void sp_session_data(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
void sp_session_bdat(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
size_t sp_session_take_data(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out);
size_t sp_session_take_chunk(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out);
/* session_tls.c */
void sp_session_tls_off(struct sp_session *s);
/* session_auth.c */
void sp_session_auth(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
/* A line of an exchange; ${bad}: what is wrong with it, or NONE. */
void sp_session_auth_line(struct sp_session *s, enum sp_reply bad,
    struct sp_view line, struct sp_buf *out);
bool sp_session_auth_offered(const struct sp_session *s);
void sp_session_auth_off(struct sp_session *s);
/* Whether STARTTLS can be said. */
bool sp_session_tls_offered(const struct sp_session *s);
void sp_session_starttls(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
/* Answers a command that needs more encryption than there is. */
bool sp_session_tls_lacks(
    struct sp_session *s, enum sp_verb verb, struct sp_buf *out);
/* session_claim.c */
void sp_session_xforward(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
void sp_session_xclient(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
void sp_session_claims_off(struct sp_session *s);
/* session_item.c: facts of the finished message into s->item. */
enum sp_code sp_session_build(struct sp_session *s);
/* session_door.c */
void sp_session_xsealpost(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
void sp_provenance_done(struct sp_provenance *p);

#endif
