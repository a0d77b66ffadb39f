/*
 * One SMTP or LMTP session, the door's too, as a pure machine: bytes in, replies
 * out, no sockets, no waiting.
 *
 *	         commands              end of data
 *	COMMAND ----------> DATA ---------------------> COMMIT
 *	   ^  ^-------------- (refused) --'                |
 *	   '----------------- committed() ----------------'
 *	COMMAND -- STARTTLS --> TLS -- sp_session_tls() --> COMMAND
 *	any -> CLOSING (after 221, 421 or an error that ends the session)
 *
 * AUTH leads from COMMAND to CHECK where a password is to be hashed: the owner
 * runs sp_session_check() somewhere and reports with sp_session_checked().
 *
 * In COMMIT the owner makes sp_session_item() durable and reports with
 * sp_session_committed(); no input is taken meanwhile, nor in TLS.  RFC 5321, 2920, 1870,
 * 6152, 3030, 3461, 2034, 6531, 2033; what is answered when: doc/smtp.md.
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

#define SP_SESSION_OUT_HIGH 4096 /* no input is taken above it */
#define SP_SESSION_OUT_MAX  (256u << 10) /* replies waiting, at most */

struct sp_session;
struct sp_session_info;
struct sp_users;

/* What a peer at the door may (doc/door.md). */
struct sp_door_rights {
	bool operates; /* imported mail, events */
	bool service; /* pulled mail */
	bool reader; /* events of its own reads */
};

/* What all sessions of a listener share. */
struct sp_session_env {
	const struct sp_listen *cfg;
	bool door;
	struct sp_memory *memory;
	struct sp_users *users; /* who may log in; NULL: AUTH is not offered */
	bool users_bad; /* nobody knows who: AUTH is answered 454 */
	/* Whether a transaction of ${declared} bytes may begin.  SP_OK, or a
	 * code for the reply; or SP_EAGAIN with ${why} for "451 4.3.0 why". */
	enum sp_code (*may_begin)(
	    void *ctx, uint64_t declared, const char **why);
	/* The door: nothing is in work that a client handed over who has
	 * since gone. */
	bool (*settled)(void *ctx);
	/* A 4xx or 5xx was given; ${reply} is without CR LF. */
	void (*refused)(
	    void *ctx, const struct sp_session_info *i, struct sp_view reply);
	/* A fault of ours kept a message from being taken in. */
	void (*fault)(void *ctx, const struct sp_session_info *i,
	    const struct sp_err *err);
	/* What came is not the protocol; the connection is closed. */
	void (*broken)(
	    void *ctx, const struct sp_session_info *i, const char *why);
	/* Whether this peer may try to log in; a login was tried. */
	bool (*may_login)(void *ctx, const struct sp_session_info *i);
	void (*login)(void *ctx, const struct sp_session_info *i,
	    const char *user, const char *mechanism, bool ok);
	void *ctx;
};

/* What is known of this connection.  Text is copied. */
struct sp_session_peer {
	const char *peer; /* "192.0.2.7:51234"; NULL at the door */
	const char *local;
	const char *id; /* of the session */
	int64_t connected;
	struct sp_door_rights rights;
	const char *actor; /* JSON object, from the kernel; door */
};

/* What a TLS handshake came to; NULL: not there.  Text is copied. */
struct sp_session_tls_info {
	const char *version; /* "TLSv1.3" */
	const char *cipher;
	const char *sni; /* the name asked for */
	const char *peer_sha256; /* of the client's certificate */
	bool verified;
	const char *why; /* not verified: why; may be NULL */
};

enum sp_session_state {
	SP_SESSION_COMMAND,
	SP_SESSION_DATA,
	SP_SESSION_COMMIT,
	SP_SESSION_CHECK, /* a login is being checked */
	SP_SESSION_TLS, /* flush, shake hands, then sp_session_tls */
	SP_SESSION_CLOSING /* flush, then close */
};

struct sp_session *sp_session_new(
    const struct sp_session_env *env, const struct sp_session_peer *peer);
/* Use a session again for a new connection of any listener. */
void sp_session_reuse(struct sp_session *s, const struct sp_session_env *env,
    const struct sp_session_peer *peer);
/* Give back what it holds until it is used again. */
void sp_session_rest(struct sp_session *s);
void sp_session_free(struct sp_session *s); /* NULL is fine */

/* The greeting. */
void sp_session_greet(struct sp_session *s, struct sp_buf *out);
/*
 * Take bytes (which may be changed); returns how many were taken.  Fewer than
 * ${n} when a commit is due, the session closes, or ${out} is above
 * SP_SESSION_OUT_HIGH: give the rest again later.
 */
size_t sp_session_input(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out);
enum sp_session_state sp_session_state(const struct sp_session *s);
/* A trusted proxy said: "ADDR:PORT" of its client, and where that connected
 * to.  For the record; the peer stays the proxy. */
void sp_session_proxied(struct sp_session *s, const char *src, const char *dst);
/* Whether this peer may say whom it speaks for (XFORWARD, XCLIENT). */
void sp_session_relay(struct sp_session *s, bool xforward, bool xclient);
/* The connection is encrypted from here on.  All that was said before is
 * forgotten (RFC 3207 section 4.2). */
void sp_session_tls(
    struct sp_session *s, const struct sp_session_tls_info *info);
/* In COMMIT: what to append; stays valid until committed or freed. */
struct sp_append_item *sp_session_item(struct sp_session *s);
/* In COMMIT: how it went; answers and goes on. */
void sp_session_committed(
    struct sp_session *s, enum sp_code code, struct sp_buf *out);
/* In CHECK: whether there is work for sp_session_check(). */
bool sp_session_check_due(const struct sp_session *s);
/* That work, on any thread while nobody else uses the session. */
void sp_session_check(struct sp_session *s);
/* In CHECK: whether the login is right; a wrong one is answered late. */
bool sp_session_check_ok(const struct sp_session *s);
/* In CHECK with no work due: a wrong login is told to the owner now, for its
 * client may not wait for the answer. */
void sp_session_check_tell(struct sp_session *s);
/* In CHECK with no work due: answers and goes on. */
void sp_session_checked(struct sp_session *s, struct sp_buf *out);
/* Give ${r} and close, whatever the state but COMMIT and CHECK (timeouts,
 * refusals). */
void sp_session_end(struct sp_session *s, enum sp_reply r, struct sp_buf *out);
/* Close without a word: the peer could not understand it. */
void sp_session_abandon(struct sp_session *s);
/* The service stops: 421 now, or after the message in hand. */
void sp_session_drain(struct sp_session *s, struct sp_buf *out);
/* After CLOSING: whether the peer asked for it (QUIT). */
bool sp_session_quit(const struct sp_session *s);
/* Commands completed, for the idle timeout: changes whenever one is. */
uint64_t sp_session_commands(const struct sp_session *s);

/* For the log; views borrowed until the next call. */
struct sp_session_info {
	const char *listener, *peer, *id;
	const char *client; /* whom a proxy serves; else the peer */
	struct sp_view helo, from;
	size_t recipients;
	uint64_t size; /* of the message */
	int64_t mail_at;
	const char *event; /* an event at the door, else NULL */
	uint64_t transaction;
	const char *auth; /* "": nobody */
	struct sp_view xclient_addr; /* claimed; {NULL, 0}: not */
	struct sp_view xforward_addr, xforward_ident;
};
void sp_session_info(const struct sp_session *s, struct sp_session_info *out);

#endif
