/* The inside of the server, shared by receive.c, connection.c and report.c. */
#ifndef SP_RECEIVE_RECEIVE_PRIV_H
#define SP_RECEIVE_RECEIVE_PRIV_H

#include "journal/receive/commit.h"
#include "journal/receive/door.h"
#include "journal/receive/login.h"
#include "journal/smtp/machine.h"
#include "journal/smtp/memory.h"
#include "journal/receive/peer.h"
#include "journal/receive/receive.h"
#include "journal/smtp/users.h"
#include "journal/tls/tls.h"

#define SP_READ_SIZE	65536 /* one read of message data */
#define SP_READ_SMALL	8192 /* of commands, or when memory is tight */
#define SP_LOG_RATE	100 /* refused and deferred lines a second */
#define SP_IDLE_KEPT	128 /* connection structs kept for reuse */
#define SP_ALARM_MS	60000 /* between alarms of one kind */
#define SP_LINGER_MS	2000 /* after an error, for the peer to read it */
#define SP_PROGRESS_MS	10000 /* of a commit, between signs of life */
#define SP_RATE_MS	60000 /* window of the minimum rate */
#define SP_PATIENCE_MIN 10 /* seconds, also when places are few */
#define SP_TLS_MEMORY	32768 /* what OpenSSL takes for a connection */

union sp_stream {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct sp_listener {
	struct sp_receive *r;
	union sp_stream u;
	unsigned number;
	bool open;
	bool local; /* a socket in the file system: no addresses */
	struct sp_listen door; /* limits of the door */
	struct sp_session_env env;
	struct sp_tls_ctx *tls; /* NULL: no encryption */
	char local_text[SP_PEER_TEXT]; /* "" where bound to any address */
	uint64_t sessions;
	struct sp_users *users;
};

/*
 *	PROXY --(header)--> TLS --(handshake)--> SESSION
 * Each but the last only where the listener wants it; with STARTTLS a session
 * goes back to TLS.
 */
enum sp_stage { SP_STAGE_PROXY, SP_STAGE_TLS, SP_STAGE_SESSION };

struct sp_connection {
	union sp_stream u;
	struct sp_receive *r;
	struct sp_listener *l;
	struct sp_connection *prev, *next;
	struct sp_machine machine;
	struct sp_peer *peer;

	struct sp_buf out; /* replies not yet given to libuv */
	struct sp_buf writing; /* what libuv is writing */
	bool is_writing;
	uv_write_t write;
	uv_shutdown_t shutdown;

	enum sp_stage stage;
	struct sockaddr_storage real; /* the peer, whatever a proxy says */
	struct sp_buf pre; /* a PROXY header so far */
	struct sp_tls *tls; /* NULL: plain */
	bool charged; /* its memory is counted */
	bool tls_closed, tls_failed;

	char *held; /* input that must wait */
	size_t held_at, held_n, held_cap;
	bool held_mine; /* malloc'ed beyond the budget */

	bool reading, eof, broken, lingering, closing;
	bool handle_open, job_open; /* what still needs this struct */
	struct sp_commit_job job;
	bool check_open; /* a login is being checked */
	uint64_t check_until; /* its answer waits; 0: none is known yet */
	struct sp_login_job check;

	/* milliseconds of the loop's clock */
	uint64_t stage_since, idle_since, data_since, write_since, linger_until;
	uint64_t commit_since; /* or since progress was last told */
	uint64_t commands; /* as last seen by the sweep */
	uint64_t window_since, window_bytes;
};

/* An event of the service's own on its way. */
struct sp_own_event;

struct sp_receive {
	struct sp_receive_opts opts;
	uv_loop_t *loop;
	uv_timer_t timer;
	bool timer_open;
	char *dir, *state_dir;
	char *hostname;
	char *door_name;
	struct sp_memory *memory;
	struct sp_commit *commit;
	struct sp_peers *peers;
	struct sp_logins *logins;
	struct sp_doorkeeper door;
	struct sp_listener *listeners;
	size_t nlisteners;
	struct sp_connection *connections;
	struct sp_connection *idle; /* for reuse, by next */
	size_t nidle;
	char *read_buf; /* SP_READ_SIZE; one read at a time */
	char *plain_buf; /* SP_TLS_PLAIN_MAX */
	char *hold; /* NULL: accepting */
	char actor[256]; /* of the service's own events */
	uint64_t id_base, id_next;
	size_t handles; /* open ones, ours */
	uint64_t ceiling; /* connections at a time */

	bool draining, drained, freeing;
	void (*drain_done)(void *ctx);
	void *drain_ctx;

	uint64_t space, inodes, space_at; /* last look at the disk */
	bool space_known;

	/* refusals waiting for their event, log lines in this second */
	uint64_t refused_pending, refused_sent;
	bool refused_busy;
	struct sp_buf refused_first;
	unsigned log_lines;
	uint64_t log_suppressed;
	uint64_t alarm_at[SP_EAGAIN + 1]; /* when each kind was given; 0: not */

	struct sp_receive_stats stats;
};

/* connection_accept.c */
void sp_connection_accept(uv_stream_t *server, int status);
void sp_connection_proxy(struct sp_connection *c, const char *p, size_t n);

/* connection_tls.c */
/* Count the memory that TLS takes; false: there is none left. */
bool sp_connection_charge(struct sp_connection *c);
void sp_connection_tls_start(struct sp_connection *c);
/* Handshake, and what was decrypted to the session. */
void sp_connection_tls_pump(struct sp_connection *c);
struct sp_buf *sp_connection_wire(struct sp_connection *c);
/* Say close_notify, once; true: it is being written. */
bool sp_connection_tls_goodbye(struct sp_connection *c);
void sp_connection_tls_done(struct sp_connection *c);

/* connection.c */
void sp_connection_go_on(struct sp_connection *c);
void sp_connection_flush(struct sp_connection *c);
/* Keep what the session did not take. */
void sp_connection_hold(struct sp_connection *c, const char *p, size_t n);
void sp_connection_report_lost(struct sp_connection *c);
/* Timeouts, minimum rate; once a second. */
void sp_connection_sweep(struct sp_connection *c, uint64_t now);
void sp_connection_drain(struct sp_connection *c);
/* Close at once. */
void sp_connection_drop(struct sp_connection *c);
void sp_connection_destroy(struct sp_connection *c);
/* After anything happened: flush, feed, commit, close, read on. */
void sp_connection_go_on(struct sp_connection *c);
/* Give it back once nothing needs it any more. */
void sp_connection_maybe_free(struct sp_connection *c);

/* connection_login.c; the session is in CHECK */
void sp_connection_check_login(struct sp_connection *c);
void sp_connection_sweep_login(struct sp_connection *c, uint64_t now);

/* receive.c */
/* A connection or listener is gone: see whether drain or free is done. */
void sp_receive_gone(struct sp_receive *r);

/* report.c */
void sp_report(struct sp_receive *r, enum sp_log_level level, const char *event,
    const char *fmt, ...) SP_PRINTF(4, 5);
void sp_report_accepted(struct sp_receive *r, const struct sp_session_info *i,
    const struct sp_append_item *item);
void sp_report_refused(
    void *ctx, const struct sp_session_info *i, struct sp_view reply);
/* Somebody tried to log in. */
void sp_report_login(void *ctx, const struct sp_session_info *i,
    const char *user, const char *mechanism, bool ok);
/* The file of a listener's users cannot be used. */
void sp_report_users(
    struct sp_receive *r, const char *listener, const struct sp_err *err);
void sp_report_fault(
    void *ctx, const struct sp_session_info *i, const struct sp_err *err);
/* What came was not the protocol, and the connection was closed. */
void sp_report_broken(
    void *ctx, const struct sp_session_info *i, const char *why);
/* A handshake failed, or a connection inside TLS. */
void sp_report_tls(const struct sp_connection *c, const char *why);
/* A PROXY header was wrong. */
void sp_report_proxy(const struct sp_connection *c, const char *why);
/* The log cannot be written; each kind at most once a minute. */
void sp_report_alarm(
    struct sp_receive *r, const char *session, const struct sp_err *err);
/* A peer that may not even connect. */
void sp_report_unwanted(struct sp_receive *r, const struct sp_listener *l,
    const char *peer, enum sp_reply reply);
/* The connection went away with a message half sent. */
void sp_report_lost(struct sp_receive *r, const struct sp_session_info *i);
/* Once a second: the event of the refusals, the count of lines left out. */
void sp_report_tick(struct sp_receive *r);

#endif
