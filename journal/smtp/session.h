/*
 * One SMTP or LMTP session, the local door's too, as a pure machine: bytes in,
 * replies out, no sockets, no waiting.  The owner (journal/receive, by way of
 * machine.h) moves the bytes, makes the message durable, and does what takes
 * time.
 *
 *	         commands              end of data
 *	COMMAND ----------> DATA ---------------------> COMMIT
 *	   ^  ^-------------- (refused) --'                |
 *	   '----------------- committed() ----------------'
 *	COMMAND -- STARTTLS --> TLS -- sp_session_tls() --> COMMAND
 *	COMMAND -- AUTH --> CHECK -- sp_session_checked() --> COMMAND
 *	any -> CLOSING (after 221, 421 or an error that ends the session)
 *
 * In COMMIT the owner makes sp_session_item() durable and reports with
 * sp_session_committed(): only then is 250 said.  In CHECK the owner runs
 * sp_session_check() on some thread, since hashing a password takes a while,
 * and reports with sp_session_checked().  In COMMIT, CHECK, TLS and CLOSING no
 * input is taken.
 *
 * RFC 5321 (SMTP), 2920 (PIPELINING), 1870 (SIZE), 6152 (8BITMIME), 3030
 * (CHUNKING, BINARYMIME), 3461 (DSN), 2034 (enhanced status codes), 6531
 * (SMTPUTF8), 2033 (LMTP), 3207 (STARTTLS), 4954 (AUTH).  What is answered
 * when: doc/smtp.md.
 */
#ifndef SP_SMTP_SESSION_H
#define SP_SMTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"
#include "journal/log/append.h"
#include "journal/smtp/memory.h"
#include "journal/smtp/reply.h"

#define SP_SESSION_OUT_HIGH 4096 /* bytes of replies: no input above it */
#define SP_SESSION_OUT_MAX  (256u << 10) /* bytes of replies, at most */

struct sp_session;
struct sp_session_info;
struct sp_users;

/* What a peer at the door may (doc/door.md). */
struct sp_door_rights {
	bool operates; /* imported mail, events */
	bool service; /* pulled mail */
	bool reader; /* events of its own reads */
};

/* What all sessions of a listener share.  A hook that is NULL is not called. */
struct sp_session_env {
	const struct sp_listen *cfg;
	bool door; /* the local door, not a listener of the network */
	struct sp_memory *memory; /* the budget of all sessions */
	struct sp_users *users; /* who may log in; NULL: AUTH is not offered */
	bool users_unusable; /* AUTH is answered 454: no usable file */
	/* Whether a transaction of ${declared} bytes may begin.  SP_OK, or a
	 * status whose reply is in reply.h; or SP_EAGAIN with ${why} for
	 * "451 4.3.0 WHY".  NULL: always. */
	enum sp_code (*may_begin)(
	    void *ctx, uint64_t declared, const char **why);
	/* At the door: whether user ${uid} with these rights may append an
	 * event of ${bytes} now.  SP_OK, or SP_ENOSPC: the disk is short of
	 * space; SP_EAGAIN: the user has appended too much of late; SP_ELIMIT:
	 * it is too large.  NULL: always. */
	enum sp_code (*may_event)(void *ctx, const struct sp_door_rights *may,
	    uint64_t uid, uint64_t bytes);
	/* At the door: whether nothing is in work any more that a client
	 * handed over who has gone since (XSEALPOST SETTLED).  NULL: yes. */
	bool (*settled)(void *ctx);
	/* A 4xx or 5xx was given; ${reply} is without CR LF. */
	void (*refused)(
	    void *ctx, const struct sp_session_info *i, struct sp_view reply);
	/* A fault of ours kept a message from being stored. */
	void (*fault)(void *ctx, const struct sp_session_info *i,
	    const struct sp_err *err);
	/* What came is not the protocol (milter); the connection is closed. */
	void (*protocol_error)(
	    void *ctx, const struct sp_session_info *i, const char *why);
	/* Whether this peer may try to log in.  NULL: always. */
	bool (*may_login)(void *ctx, const struct sp_session_info *i);
	/* A login was tried; ${ok}: it was right. */
	void (*login)(void *ctx, const struct sp_session_info *i,
	    const char *user, const char *mechanism, bool ok);
	void *ctx;
};

/* What is known of a connection.  Text is copied. */
struct sp_session_peer {
	const char *peer; /* "192.0.2.7:51234"; NULL at the door */
	const char *local;
	const char *id; /* of the session */
	int64_t connected; /* microseconds since the epoch */
	struct sp_door_rights rights; /* at the door */
	uint64_t uid; /* at the door: the user */
	const char *actor; /* JSON object, from the kernel; at the door */
};

/* What a TLS handshake came to.  NULL: there is none.  Text is copied. */
struct sp_session_tls_info {
	const char *version; /* "TLSv1.3"; never NULL */
	const char *cipher; /* never NULL */
	const char *sni; /* the name that the client asked for */
	const char *peer_sha256; /* of the client's certificate */
	bool verified; /* that certificate is good */
	const char *why; /* it is not: why */
};

enum sp_session_state {
	SP_SESSION_COMMAND, /* give input: commands */
	SP_SESSION_DATA, /* give input: a message */
	SP_SESSION_COMMIT, /* append sp_session_item() */
	SP_SESSION_CHECK, /* check a login */
	SP_SESSION_TLS, /* flush, shake hands, then sp_session_tls() */
	SP_SESSION_CLOSING /* flush, then close */
};

/* ---- life ------------------------------------------------------------ */

/* A session for a connection; ${env} outlives it.  sp_session_free() frees
 * it. */
struct sp_session *sp_session_new(
    const struct sp_session_env *env, const struct sp_session_peer *peer);
/* Use a session again for a new connection of any listener with the same
 * memory budget. */
void sp_session_reuse(struct sp_session *s, const struct sp_session_env *env,
    const struct sp_session_peer *peer);
/* Before anything was said: what the session keeps counts in ${memory}, a share
 * of the budget that outlives the connection's session up to its release. */
void sp_session_charge_to(struct sp_session *s, struct sp_memory *memory);
/* The connection is over: give back all memory of the budget, and wipe what
 * was secret.  Then only reuse and free are allowed. */
void sp_session_release(struct sp_session *s);
void sp_session_free(struct sp_session *s); /* NULL is fine */

/* ---- the connection -------------------------------------------------- */

/* A trusted proxy said who its client is, ${src}, and where that connected to,
 * ${dst}, both "ADDR:PORT".  It is recorded as claimed; the peer of the record
 * stays the proxy. */
void sp_session_proxied(struct sp_session *s, const char *src, const char *dst);
/* Set whether this peer may say for whom it speaks, by XFORWARD and XCLIENT. */
void sp_session_allow_claims(struct sp_session *s, bool xforward, bool xclient);
/* Give the greeting (RFC 5321 section 3.1). */
void sp_session_greet(struct sp_session *s, struct sp_buf *out);
/*
 * Take bytes of the peer, which may be changed; append the replies to ${out}.
 * Returns how many were taken.  Fewer than ${n} where the state is now one
 * that takes no input, or ${out} is above SP_SESSION_OUT_HIGH: give the rest
 * again later.
 */
size_t sp_session_input(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out);
enum sp_session_state sp_session_state(const struct sp_session *s);
/* In TLS, or before the greeting: the connection is encrypted from here on.
 * All that was said before is forgotten (RFC 3207 section 4.2). */
void sp_session_tls(
    struct sp_session *s, const struct sp_session_tls_info *info);

/* ---- COMMIT ---------------------------------------------------------- */

/* In COMMIT: what to append.  Borrowed; it stays valid until
 * sp_session_committed(), sp_session_release() or sp_session_free(). */
struct sp_append_item *sp_session_item(struct sp_session *s);
/* In COMMIT: the item is durable (SP_OK; then it has its seq), or it could not
 * be stored.  Gives the reply, and goes to COMMAND or CLOSING. */
void sp_session_committed(
    struct sp_session *s, enum sp_code code, struct sp_buf *out);

/* ---- CHECK ----------------------------------------------------------- */

/* Whether there is work for sp_session_check(). */
bool sp_session_check_due(const struct sp_session *s);
/* Hash the password, which takes a while: on any thread, while nobody else
 * uses the session. */
void sp_session_check(struct sp_session *s);
/* With no work due: whether the login is right.  A wrong one is to be answered
 * late, so that guessing is slow. */
bool sp_session_check_ok(const struct sp_session *s);
/* With no work due: report a wrong login by the hook login now, once, since
 * its client may be gone before it is answered. */
void sp_session_check_report(struct sp_session *s);
/* With no work due: answer the login, and go to COMMAND or CLOSING. */
void sp_session_checked(struct sp_session *s, struct sp_buf *out);

/* ---- the end --------------------------------------------------------- */

/* Give ${r} and close, in any state but COMMIT and CHECK: a timeout, a
 * refusal.  Harmless in CLOSING. */
void sp_session_end(struct sp_session *s, enum sp_reply r, struct sp_buf *out);
/* Close without a reply, in any state but COMMIT: the peer could not read
 * it. */
void sp_session_abandon(struct sp_session *s);
/* The service stops: give 421 and close now, or after the message in hand. */
void sp_session_drain(struct sp_session *s, struct sp_buf *out);
/* In CLOSING: whether the peer asked for it (QUIT). */
bool sp_session_quit(const struct sp_session *s);

/* ---- what the owner looks at ----------------------------------------- */

/* A count that changes whenever a command, a message or a chunk was complete:
 * for the idle timeout. */
uint64_t sp_session_commands(const struct sp_session *s);

/* For log lines; views and text are borrowed until the next call of any
 * function of the session. */
struct sp_session_info {
	const char *listener, *peer, *id;
	const char *client; /* whom a proxy serves; else the peer */
	struct sp_view helo, from;
	struct sp_view rcpt; /* of the command in hand, else the last one that
			      * was accepted; {NULL, 0}: none */
	size_t recipients; /* accepted so far */
	uint64_t size; /* bytes of the message so far */
	int64_t mail_at; /* microseconds since the epoch */
	const char *event; /* name of the event at the door; NULL: none */
	uint64_t transaction; /* its number in the session, from 1 */
	const char *auth; /* who is logged in; "": nobody; NULL: a milter */
	struct sp_view xclient_addr; /* claimed; {NULL, 0}: not */
	struct sp_view xforward_addr, xforward_ident;
};
void sp_session_info(const struct sp_session *s, struct sp_session_info *out);

#endif
