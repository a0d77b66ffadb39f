/*
 * One connection, between the files of the room:
 *
 *	connection.c		bytes from and to the session, commits, the end
 *	connection_accept.c	from accept() to the greeting: PROXY, limits
 *	connection_tls.c	handshake, ciphertext, close_notify
 *	connection_fair.c	ends sessions of who has much for who has little
 *	connection_login.c	the session waits for a password to be hashed
 *	connection_timeout.c	silence, slow data, slow commits
 *
 * A connection is a struct in the list of its server (receive_priv.h).  Its
 * session (journal/smtp/machine.h) knows of no sockets; what the session waits
 * for decides what the connection does next, and one function,
 * sp_connection_advance(), looks at that after anything happened.
 *
 * All functions are for the thread of the loop.
 */
#ifndef SP_RECEIVE_CONNECTION_PRIV_H
#define SP_RECEIVE_CONNECTION_PRIV_H

#include "journal/receive/receive_priv.h"
#include "journal/smtp/machine.h"
#include "journal/tls/tls.h"

#define SP_LINGER_MS	2000 /* after an error, for the peer to read it */
#define SP_PROGRESS_MS	10000 /* of a commit, between signs of life */
#define SP_RATE_MS	60000 /* window of the minimum rate */
#define SP_PATIENCE_MIN 10 /* seconds, also when places are few */
#define SP_TLS_MEMORY	32768 /* bytes that OpenSSL takes for a connection */
#define SP_OWN_MEMORY	8192 /* bytes of a connection and its session */

/*
 *	PROXY --(header)--> TLS --(handshake)--> SESSION
 *
 * Each but the last only where the listener wants it; with STARTTLS a
 * connection goes back from SESSION to TLS.
 */
enum sp_stage { SP_STAGE_PROXY, SP_STAGE_TLS, SP_STAGE_SESSION };

/* From accept() to the session. */
struct sp_connection_arrival {
	enum sp_stage stage;
	bool reader; /* a user at the door who may only read */
	struct sockaddr_storage address; /* the peer, whatever a proxy says */
	/* Bytes read before the session began: a PROXY header so far, and what
	 * came behind it. */
	struct sp_buf bytes;
};

/* TLS; connection_tls.c. */
struct sp_connection_tls {
	struct sp_tls *session; /* NULL: plain */
	bool closed; /* our close_notify was written */
	bool failed; /* and was reported */
};

/* Bytes from the peer. */
struct sp_connection_input {
	bool reading; /* libuv reads */
	bool eof; /* the peer sends nothing more */
	/* What the session did not accept yet, from ${at} on; NULL: nothing.
	 * From the budget, or malloc'ed where that is used up. */
	char *waiting;
	size_t at, n, cap;
	bool beyond_budget;
};

/* Bytes to the peer. */
struct sp_connection_output {
	struct sp_buf replies; /* of the session, not yet given to libuv */
	struct sp_buf in_flight; /* what libuv is writing */
	bool writing;
	size_t charged; /* bytes of ${in_flight} that count in the budget */
	uv_write_t write;
	uv_shutdown_t shutdown;
};

/*
 * The end.  A struct is given back when the handle is closed and neither a
 * commit nor a login needs it any more.
 */
struct sp_connection_end {
	bool broken; /* the socket failed: nothing can be written */
	bool lingering; /* all is said; the peer gets time to read it */
	bool closing; /* uv_close() was called */
	bool handle_open; /* uv_close() has not finished */
};

/* The message that is being made durable. */
struct sp_connection_commit {
	struct sp_commit_job job;
	bool open; /* ${job} is with the queue */
};

/* The login that is being checked. */
struct sp_connection_login {
	struct sp_login_job job;
	bool open; /* ${job} is with the pool */
	uint64_t answer_at; /* when a wrong one is answered; 0: not known yet */
};

/* For the timeouts: milliseconds of the loop's clock. */
struct sp_connection_clock {
	uint64_t stage_since; /* PROXY header or handshake began */
	uint64_t idle_since; /* the last command was complete */
	uint64_t data_since; /* the last byte came */
	uint64_t write_since; /* libuv has been writing */
	uint64_t commit_since; /* or since progress was last told */
	uint64_t linger_until;
	uint64_t commands; /* of the session, as last looked at */
	uint64_t window_since, window_bytes; /* for min_rate; since 0: none */
};

struct sp_connection {
	/* its place */
	struct sp_receive *r;
	struct sp_listener *l;
	struct sp_connection *prev, *next;
	struct sp_peer *peer; /* its address; NULL: not known yet */
	size_t charged; /* bytes of itself that count in the budget */

	union sp_uv_socket u;
	struct sp_machine machine; /* the session, or the milter */
	struct sp_connection_arrival arrival;
	struct sp_connection_tls tls;
	struct sp_connection_input in;
	struct sp_connection_output out;
	struct sp_connection_commit commit;
	struct sp_connection_login login;
	struct sp_connection_clock clock;
	struct sp_connection_end end;
};

/* ---- connection.c ---------------------------------------------------- */

/* After anything happened: write, feed the session, commit, check a login,
 * start TLS, close, or read on.  Gives the connection back where it is over:
 * ${c} is not to be used behind it. */
void sp_connection_advance(struct sp_connection *c);
/* Write what is to be said, as far as the socket takes it; libuv does the
 * rest.  Sets ${c} broken where the socket fails. */
void sp_connection_flush(struct sp_connection *c);
/* Store ${n} bytes of ${p} that the session did not accept; nothing may be
 * stored already. */
void sp_connection_defer_input(
    struct sp_connection *c, const char *p, size_t n);
/* Report that a message was half sent and is lost. */
void sp_connection_report_lost(struct sp_connection *c);
/* The service stops: 421, now or after the message in hand. */
void sp_connection_drain(struct sp_connection *c);
/* Close at once, without a word.  Harmless if it is closing. */
void sp_connection_drop(struct sp_connection *c);
/* Give the struct back to the server if nothing needs it any more. */
void sp_connection_release(struct sp_connection *c);
/* Free the struct; it is in no list. */
void sp_connection_destroy(struct sp_connection *c);

/* What the connection keeps counts here: the share of its address, or before
 * that is known the whole budget. */
struct sp_memory *sp_connection_memory(const struct sp_connection *c);
/* Count the memory that the connection takes itself, with TLS if its listener
 * has that; false: the budget is used up. */
bool sp_connection_charge(struct sp_connection *c);
/* It is closed: give that back.  Harmless if it was. */
void sp_connection_discharge(struct sp_connection *c);

/* ---- connection_fair.c ----------------------------------------------- */

/* The listener, or the server, has no place left for ${c}, which is counted
 * already: end a session of an address that has more of them.  False: there is
 * none. */
bool sp_connection_make_place(struct sp_connection *c);
/* Hook of the memory budget (memory.h), ${ctx} being the server: end a session
 * of an address that has more memory than a fair part. */
bool sp_connection_relieve(void *ctx, struct sp_memory *share);

/* ---- connection_accept.c --------------------------------------------- */

/* uv_listen()'s callback: a connection waits. */
void sp_connection_accept(uv_stream_t *server, int status);
/* In stage PROXY: ${n} bytes of a header, and what is behind it. */
void sp_connection_proxy(struct sp_connection *c, const char *p, size_t n);

/* ---- connection_tls.c ------------------------------------------------ */

/* Begin the handshake; nothing may wait to be written. */
void sp_connection_tls_start(struct sp_connection *c);
/* Carry on the handshake, and give what was decrypted to the session. */
void sp_connection_tls_pump(struct sp_connection *c);
/* What is to be written to the socket: the replies, or their ciphertext. */
struct sp_buf *sp_connection_output_buffer(struct sp_connection *c);
/* Say close_notify, once.  True: libuv is writing it; come again. */
bool sp_connection_tls_notify_close(struct sp_connection *c);
/* Free the TLS session, if there is one. */
void sp_connection_tls_done(struct sp_connection *c);

/* ---- connection_login.c ---------------------------------------------- */

/* The session is in CHECK: have the login checked, or answer it. */
void sp_connection_check_login(struct sp_connection *c);
/* Answer a wrong login whose time has come; ${now} in milliseconds. */
void sp_connection_answer_late_login(struct sp_connection *c, uint64_t now);

/* ---- connection_timeout.c -------------------------------------------- */

/* Once a second: end what took too long, tell progress of a slow commit. */
void sp_connection_check_timeouts(struct sp_connection *c, uint64_t now);

#endif
