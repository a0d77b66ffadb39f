/*
 * The inside of the server, between the files of the room:
 *
 *	receive.c		life, the timer, drain
 *	receive_listen.c	listening sockets, what their sessions share
 *	receive_disk.c		whether there is room on the disk
 *	receive_event.c		events of the service's own, rotation
 *	receive_log.c		log lines, alarms, the event of refusals
 *
 * Connections are in connection_priv.h.  Everything here belongs to the thread
 * of the loop, but for sp_receive_has_room().
 */
#ifndef SP_RECEIVE_RECEIVE_PRIV_H
#define SP_RECEIVE_RECEIVE_PRIV_H

#include "journal/receive/commit.h"
#include "journal/receive/door.h"
#include "journal/receive/event_rate.h"
#include "journal/receive/logins.h"
#include "journal/receive/peer.h"
#include "journal/receive/peers.h"
#include "journal/receive/receive.h"
#include "journal/smtp/memory.h"
#include "journal/smtp/reply.h"
#include "journal/smtp/session.h"
#include "journal/smtp/users.h"
#include "journal/tls/tls.h"

#define SP_READ_SIZE  65536 /* one read of message data */
#define SP_READ_SMALL 8192 /* of commands, or when memory is tight */
#define SP_LOG_RATE   100 /* refused and deferred lines a second */
#define SP_IDLE_KEPT  128 /* connection structs kept for reuse */
#define SP_TICK_MS    1000 /* of the timer */

struct sp_connection;

/* A socket of libuv, listening or connected, TCP or in the file system. */
union sp_uv_socket {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct sp_listener {
	struct sp_receive *r;
	union sp_uv_socket u;
	unsigned number; /* in the configuration; the door is the last */
	bool open; /* ${u} is listening */
	bool local; /* a socket in the file system: no addresses */
	struct sp_listen door; /* limits of the door, if it is the door */
	struct sp_session_env env;
	struct sp_tls_ctx *tls; /* NULL: no encryption */
	char local_text[SP_PEER_TEXT]; /* "" where bound to any address */
	uint64_t sessions; /* open now */
	uint64_t closing; /* of these: closed, and about to be gone */
	struct sp_users *users; /* NULL: no AUTH, or its file is unusable */
};

/* Connections: those that are open, and structs for the next ones. */
struct sp_receive_pool {
	struct sp_connection *open; /* linked both ways */
	struct sp_connection *idle; /* linked by next */
	size_t nidle;
	uint64_t closing; /* of those open: closed, and about to be gone */
	uint64_t ceiling; /* connections at a time */
	uint64_t id_base, id_next; /* of session ids */
};

/* The stop of the service (sp_receive_drain()). */
struct sp_receive_stop {
	bool draining; /* it has begun */
	bool drained; /* nothing is in work any more */
	void (*done)(void *ctx); /* called once, then */
	void *ctx;
};

/* The last look at the file system of the archive. */
struct sp_receive_disk {
	bool known;
	uint64_t bytes, inodes; /* free */
	uint64_t at; /* milliseconds of the loop's clock */
};

/* Refusals with 5xx that wait for their event "refused". */
struct sp_receive_refusals {
	uint64_t pending; /* not in an event yet */
	uint64_t sent; /* in the event that is being committed */
	bool busy; /* there is such an event */
	struct sp_buf first; /* JSON of the first that is pending */
};

/* What keeps a peer from filling the log. */
struct sp_receive_log {
	unsigned lines; /* in this second */
	uint64_t suppressed; /* left out in this second */
	bool failing; /* the log did not take what came last */
};

struct sp_receive {
	struct sp_receive_opts opts;

	/* the loop */
	uv_loop_t *loop;
	uv_timer_t timer;
	bool timer_open;
	size_t handles; /* of ours that are open */

	/* names */
	char *dir, *state_dir;
	char *hostname;
	char *door_name;
	char actor[256]; /* of the service's own events, JSON */

	/* what all connections share */
	struct sp_memory *memory;
	struct sp_commit *commit;
	struct sp_peers *peers;
	struct sp_logins *logins;
	struct sp_doorkeeper door;
	struct sp_listener *listeners;
	size_t nlisteners;
	char *read_buf; /* SP_READ_SIZE; one read at a time */
	char *plain_buf; /* SP_TLS_PLAIN_MAX */
	char *hold; /* MAIL is answered 451 and this; NULL: accepting */

	struct sp_receive_pool pool;
	struct sp_receive_stop stop;
	struct sp_receive_disk disk;
	struct sp_event_rate *event_rate; /* of readers at the door */
	struct sp_receive_refusals refusals;
	struct sp_receive_log log;
	struct sp_receive_stats stats;
};

/* ---- receive.c ------------------------------------------------------- */

/* A connection, a listener or a job is gone: see whether drain is done. */
void sp_receive_check_drained(struct sp_receive *r);

/* ---- receive_listen.c ------------------------------------------------ */

/* Listen on all sockets of the configuration and on the door.  SP_EIO for a
 * socket, SP_ECONFIG for a certificate; what is open then is closed by
 * sp_receive_free(). */
SP_CHECK enum sp_code sp_receive_listen(
    struct sp_receive *r, struct sp_err *err);
/* Stop listening; the handles are closed by the loop, later. */
void sp_receive_listen_close(struct sp_receive *r);
/* Free what the listeners hold; all connections are gone. */
void sp_receive_listen_done(struct sp_receive *r);

/* ---- receive_disk.c -------------------------------------------------- */

/* Hook may_begin of a session (session.h): whether a message of ${declared}
 * bytes may begin, ${ctx} being the server.  SP_ENOSPC: the disk is nearly
 * full.  SP_EAGAIN with ${why}: on hold. */
enum sp_code sp_receive_may_begin(
    void *ctx, uint64_t declared, const char **why);
/* Hook room of the commit queue (commit.h), on a thread of the pool: whether
 * ${bytes} may be written.  SP_ENOSPC: the disk is full. */
SP_CHECK enum sp_code sp_receive_has_room(
    void *ctx, uint64_t bytes, struct sp_err *err);

/* Why no transaction is begun, as far as the disk is the reason: the cause of
 * the alarm, "disk_reserve" or "inodes"; NULL: another reason, or none. */
const char *sp_receive_shortage(struct sp_receive *r);
/* Once a second: report whether the disk has room. */
void sp_receive_watch_disk(struct sp_receive *r);

/* ---- receive_event.c ------------------------------------------------- */

/* Hook may_event of a session at the door (session.h): events of readers wait
 * for space and for their turn, those of operators and of the service do not. */
enum sp_code sp_receive_may_event(
    void *ctx, const struct sp_door_rights *may, uint64_t uid, uint64_t bytes);

/* ---- receive_log.c --------------------------------------------------- */

/* ${item} is durable: "accepted" for a message, "event" for an event. */
void sp_receive_log_accepted(struct sp_receive *r,
    const struct sp_session_info *i, const struct sp_append_item *item);
/* Hook refused of a session: "refused" for 5xx, which is also entered into the
 * log of the archive, "deferred" for 4xx. */
void sp_receive_log_refused(
    void *ctx, const struct sp_session_info *i, struct sp_view reply);
/* Hook login of a session: "login"; a wrong one counts against its address. */
void sp_receive_log_login(void *ctx, const struct sp_session_info *i,
    const char *user, const char *mechanism, bool ok);
/* The file of a listener's users cannot be used (${err}), or can (NULL): the
 * alarm `users:LISTENER`. */
void sp_receive_log_users(
    struct sp_receive *r, const char *listener, const struct sp_err *err);
/* Hook fault of a session: an alarm. */
void sp_receive_log_fault(
    void *ctx, const struct sp_session_info *i, const struct sp_err *err);
/* Hook protocol_error of a session: "broken". */
void sp_receive_log_protocol_error(
    void *ctx, const struct sp_session_info *i, const char *why);
/* A handshake failed, or a connection inside TLS: "tls_failed". */
void sp_receive_log_tls_failed(const struct sp_connection *c, const char *why);
/* A PROXY header was wrong or late: "proxy_failed". */
void sp_receive_log_proxy_failed(
    const struct sp_connection *c, const char *why);
/* Report that ${cause} is there, or gone (${text} is NULL). */
void sp_receive_alarm(
    struct sp_receive *r, const char *cause, const char *text);
/* A message or an event could not be stored: an alarm whose cause is that of
 * ${err}.  ${session} may be "". */
void sp_receive_log_alarm(
    struct sp_receive *r, const char *session, const struct sp_err *err);
/* Something was stored: what kept others from it is over. */
void sp_receive_log_well(struct sp_receive *r);
/* A peer was turned away before its greeting: "refused" or "deferred". */
void sp_receive_log_turned_away(struct sp_receive *r,
    const struct sp_listener *l, const char *peer, enum sp_reply reply);
/* The connection went away with a message half sent: "lost". */
void sp_receive_log_lost(struct sp_receive *r, const struct sp_session_info *i);
/* Once a second: append the event of the refusals, write how many lines were
 * left out. */
void sp_receive_log_tick(struct sp_receive *r);

#endif
