/*
 * The inside of an SMTP or LMTP session, between its files only:
 *
 *	session.c	  life, input, the command table
 *	session_reply.c	  replies and refusals, the end of a transaction
 *	session_mail.c	  EHLO, MAIL, RCPT
 *	session_data.c	  DATA and BDAT up to the commit, and its answer
 *	session_item.c	  the facts of a finished message for the record
 *	session_tls.c	  STARTTLS, and what a listener demands of TLS
 *	session_auth.c	  AUTH
 *	session_claim.c	  XFORWARD, XCLIENT
 *	session_door.c	  XSEALPOST, at the local door only
 */
#ifndef SP_SMTP_SESSION_PRIV_H
#define SP_SMTP_SESSION_PRIV_H

#include "journal/smtp/arena.h"
#include "journal/smtp/claim.h"
#include "journal/smtp/command.h"
#include "journal/smtp/data.h"
#include "journal/smtp/envelope.h"
#include "journal/smtp/scram.h"
#include "journal/smtp/session.h"
#include "journal/smtp/store.h"

#define SP_HELO_MAX   1024 /* bytes of the EHLO argument kept */
#define SP_FLAGS_MAX  24 /* flags of one record */
#define SP_AUTH_LINE  12288 /* RFC 4954 section 4 */
#define SP_AUTH_TRIES 3 /* wrong logins, then the session is closed */

/*
 * How far the conversation is: which commands are in order.
 *
 *	          EHLO          MAIL         RCPT         BDAT
 *	GREETED ------> READY ------> MAIL ------> RCPT ------> BDAT <-- BDAT
 *	                  ^                          |            |
 *	                  '--- end of the message ---+--- LAST ---'
 *	BROKEN: a chunk that is not the last was refused (RFC 3030 section 2)
 *	any but GREETED: RSET and EHLO lead to READY
 */
enum sp_phase {
	SP_PHASE_GREETED, /* no EHLO yet */
	SP_PHASE_READY,
	SP_PHASE_MAIL, /* MAIL was accepted, no recipient yet */
	SP_PHASE_RCPT, /* at least one recipient was accepted */
	SP_PHASE_BDAT, /* a chunk was accepted, not the last */
	SP_PHASE_CHUNK_FAILED /* a chunk failed: only RSET and EHLO help */
};

/* What the next byte of input is, or what the session waits for. */
enum sp_mode {
	SP_MODE_COMMAND,
	SP_MODE_DATA, /* of the message, up to CR LF . CR LF */
	SP_MODE_CHUNK, /* one of chunk.left bytes of a BDAT */
	SP_MODE_COMMIT, /* waits for sp_session_committed() */
	SP_MODE_AUTH, /* of a response to a 334 */
	SP_MODE_CHECK, /* waits for sp_session_checked() */
	SP_MODE_TLS, /* STARTTLS was answered 220; waits for sp_session_tls() */
	SP_MODE_CLOSED /* nothing more is read */
};

/* The connection, as its owner described it.  Set by sp_session_reuse(). */
struct sp_session_link {
	char peer[72], local[72]; /* "192.0.2.7:51234"; "" at the door */
	char id[24]; /* of the session */
	int64_t connected; /* microseconds since the epoch */
	char proxy_src[72], proxy_dst[72]; /* "": no PROXY header came */
};

/* What the client said of itself with EHLO, HELO or LHLO. */
struct sp_session_client {
	bool extended; /* EHLO or LHLO, not HELO */
	char name[SP_HELO_MAX];
	size_t name_n;
};

/* TLS.  Set by sp_session_tls(), cleared by sp_session_tls_forget(). */
struct sp_session_security {
	bool on; /* the connection is encrypted */
	bool verified; /* and the client's certificate is good */
	char *facts; /* JSON object for the record; malloc'ed */
	char *why; /* the certificate is not good: why; malloc'ed, or NULL */
};

/* AUTH (session_auth.c). */
struct sp_session_login {
	struct sp_auth *exchange; /* in work; NULL: none */
	char name[SP_SCRAM_NAME_MAX + 1]; /* "": nobody is logged in */
	const char *mechanism; /* that ${name} used */
	unsigned failures; /* wrong logins of this session */
};

/* XFORWARD and XCLIENT (session_claim.c). */
struct sp_session_claims {
	bool may_xforward, may_xclient; /* this peer */
	struct sp_claim xforward; /* of the next message */
	struct sp_claim xclient; /* of the rest of the session */
};

/* What is counted over the whole session. */
struct sp_session_count {
	uint64_t commands; /* also responses of AUTH, messages and chunks */
	uint64_t errors; /* 5xx since the last stored message */
	uint64_t junk; /* NOOP, RSET, ... since then */
	uint64_t transactions; /* MAIL commands that were accepted */
};

/* A command line so far, where it came in pieces.  From the budget. */
struct sp_session_line {
	char *p;
	size_t n, cap;
	enum sp_reply refusal; /* drop it up to its end, then answer this */
	char head[4]; /* its first bytes, kept up to its end */
	size_t head_n;
};

/* The mail transaction (RFC 5321 section 3.3).  Forgotten by
 * sp_session_reset(). */
struct sp_session_transaction {
	struct sp_arena arena; /* of the envelope */
	struct sp_envelope envelope;
	uint64_t rcpt_tried; /* RCPT commands, refused ones too */
	uint64_t declared; /* bytes, by SIZE of MAIL; 0: not said */
	enum sp_body body;
	bool smtputf8;
	int64_t mail_at; /* when MAIL was accepted, microseconds */
};

/* The content of the message. */
struct sp_session_message {
	bool started; /* DATA or the first BDAT was accepted */
	struct sp_data data;
	struct sp_store store;
	uint64_t wire_bytes; /* as sent, before dots were taken off */
	enum sp_reply refusal; /* given at the end instead of a commit */
};

/* The chunk of BDAT that is coming in. */
struct sp_session_chunk {
	uint64_t left, size;
	bool last;
	enum sp_reply refusal; /* drop its bytes, then answer this */
};

/* What a client at the door said of where the next message comes from:
 * XSEALPOST SOURCE (doc/door.md). */
struct sp_provenance {
	bool set;
	bool envelope; /* the envelope is real and is recorded */
	char via[16];
	char grade[16];
	char *members; /* of "source", without braces; malloc'ed */
	char *origin_date; /* RFC 3339; NULL: none; malloc'ed */
	char flags[16][32];
	size_t nflags;
};

/* The local door (session_door.c). */
struct sp_session_door {
	struct sp_door_rights rights;
	uint64_t uid; /* of the client */
	char actor[256]; /* JSON object, from the kernel */
	struct sp_provenance provenance;
	struct sp_event event; /* that is being committed */
	char event_name[32];
	char *event_detail; /* malloc'ed; NULL: no event is in work */
};

/* What is to be committed; everything in it is borrowed from the groups
 * above.  Built by sp_session_build_item(), or by XSEALPOST EVENT. */
struct sp_session_entry {
	struct sp_buf source; /* members of "source" as JSON */
	size_t charged; /* bytes of ${source} that count in the budget */
	const char *flags[SP_FLAGS_MAX];
	size_t nflags;
	struct sp_facts facts;
	struct sp_append_item item;
};

struct sp_session {
	const struct sp_session_env *env;
	struct sp_memory *memory; /* the client's share, or the budget */
	enum sp_phase phase;
	enum sp_mode mode;
	bool draining; /* 421 after the message in hand */
	bool quit; /* the client said QUIT */
	bool pipelined; /* input waits behind the command or data at hand */
	bool odd_behind; /* and behind the data not what PIPELINING is for */
	/* whom the command in hand is about, for what is told of a refusal;
	 * {NULL, 0}: nobody */
	struct sp_view about_from, about_rcpt;
	struct sp_session_count count;

	/* the connection */
	struct sp_session_link link;
	struct sp_session_client client;
	struct sp_session_security tls;
	struct sp_session_login login;
	struct sp_session_claims claims;
	struct sp_session_door door;
	struct sp_session_line line;

	/* one message */
	struct sp_session_transaction mail;
	struct sp_session_message message;
	struct sp_session_chunk chunk;
	struct sp_session_entry entry;
};

/* ---- session_reply.c ------------------------------------------------- */

/* Whether LHLO is spoken and each recipient gets a reply of its own: on a
 * listener with protocol lmtp, and at the door. */
bool sp_session_lmtp(const struct sp_session *s);
/* Give the reply ${r}.  A 4xx or 5xx is counted and reported to the owner. */
void sp_session_reply(
    struct sp_session *s, enum sp_reply r, struct sp_buf *out);
/* Give ${r} once for each accepted recipient over LMTP (RFC 2033 section 4.2),
 * else once.  It is counted and reported once. */
void sp_session_reply_all(
    struct sp_session *s, enum sp_reply r, struct sp_buf *out);
/* Give a reply that the table of reply.c does not have: the line without CR
 * LF, cut at 509 bytes.  Counted and reported as any. */
void sp_session_reply_format(struct sp_session *s, struct sp_buf *out,
    const char *fmt, ...) SP_PRINTF(3, 4);
/* Give ${r}, forget the transaction, and close. */
void sp_session_close(
    struct sp_session *s, enum sp_reply r, struct sp_buf *out);
/* Report to the owner that a fault of ours, ${err}, keeps a message out. */
void sp_session_fault(struct sp_session *s, const struct sp_err *err);
/* Give "334 TEXT" (RFC 4954 section 4), of any length. */
void sp_session_challenge(
    struct sp_session *s, const char *text, struct sp_buf *out);
/* Close with 421 if the peer made more errors or sent more commands without
 * effect than the listener allows. */
void sp_session_count_errors(struct sp_session *s, struct sp_buf *out);
/* Forget the transaction, its message and what was said at the door for it. */
void sp_session_reset(struct sp_session *s);
/* Free what ${p} holds; it is not set afterwards. */
void sp_session_provenance_done(struct sp_provenance *p);

/* ---- session_mail.c -------------------------------------------------- */

/* EHLO, HELO, LHLO (RFC 5321 section 4.1.1.1, RFC 2033 section 4.1). */
void sp_session_helo(struct sp_session *s, enum sp_verb verb,
    struct sp_view arg, struct sp_buf *out);
/* MAIL (RFC 5321 section 4.1.1.2): begin a transaction. */
void sp_session_mail(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
/* RCPT (RFC 5321 section 4.1.1.3): accept or refuse one recipient. */
void sp_session_rcpt(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);

/* ---- session_data.c -------------------------------------------------- */

/* DATA (RFC 5321 section 4.1.1.4): 354, then the message comes. */
void sp_session_data(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
/* BDAT (RFC 3030 section 2): a chunk of the message comes. */
void sp_session_bdat(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
/* Store bytes of the message in mode DATA or CHUNK; ${p} may be changed.
 * Both return how many were used, at least 1 of ${n} > 0; fewer than ${n} only
 * where the message or the chunk ended. */
size_t sp_session_input_data(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out);
size_t sp_session_input_chunk(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out);

/* ---- session_item.c -------------------------------------------------- */

/* Put the facts of the finished message into s->entry.  SP_ELIMIT: they do not
 * fit into a record; SP_EAGAIN: the memory budget is used up. */
enum sp_code sp_session_build_item(struct sp_session *s);

/* ---- session_tls.c --------------------------------------------------- */

/* Forget that the connection was encrypted, and what was agreed. */
void sp_session_tls_forget(struct sp_session *s);
/* Whether EHLO offers STARTTLS. */
bool sp_session_tls_offered(const struct sp_session *s);
/* STARTTLS (RFC 3207 section 4). */
void sp_session_starttls(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
/* Whether the listener demands more encryption, or a better certificate, than
 * there is for ${verb}; then the command is answered already. */
bool sp_session_tls_refuse(
    struct sp_session *s, enum sp_verb verb, struct sp_buf *out);

/* ---- session_auth.c -------------------------------------------------- */

/* Whether EHLO offers AUTH: inside TLS, where the listener has users. */
bool sp_session_auth_offered(const struct sp_session *s);
/* AUTH (RFC 4954 section 4). */
void sp_session_auth(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
/* A line of the client in an exchange; ${bad} is what is wrong with it as a
 * line, or SP_REPLY_NONE. */
void sp_session_auth_line(struct sp_session *s, enum sp_reply bad,
    struct sp_view line, struct sp_buf *out);
/* Forget who is logged in, and an exchange in work. */
void sp_session_auth_forget(struct sp_session *s);

/* ---- session_claim.c ------------------------------------------------- */

/* XFORWARD and XCLIENT (Postfix XFORWARD_README, XCLIENT_README). */
void sp_session_xforward(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
void sp_session_xclient(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);
/* Forget what both said. */
void sp_session_claims_forget(struct sp_session *s);

/* ---- session_door.c -------------------------------------------------- */

/* XSEALPOST SOURCE, EVENT, SETTLED (doc/door.md). */
void sp_session_xsealpost(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out);

#endif
