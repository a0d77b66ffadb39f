/*
 * The receiving server: SMTP on the configured listeners and LMTP on the local
 * door (doc/smtp.md, doc/door.md), on a libuv loop of the caller.  A message is
 * answered 250 only after sp_append_commit made it durable.
 *
 * Listening descriptors are opened by the supervisor and given here; they are
 * used through duplicates, so that the caller closes its own.  All functions
 * are for the thread of the loop.  The archive's appender is used on one thread
 * of the pool at a time; while a server exists nobody else may call it.
 */
#ifndef SP_RECEIVE_RECEIVE_H
#define SP_RECEIVE_RECEIVE_H

#include <stdint.h>
#include <uv.h>

#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"
#include "base/log.h"
#include "base/view.h"
#include "journal/log/append.h"
#include "journal/receive/listener_certs.h"

struct sp_receive;

/* Fewer inodes free: no transaction is begun. */
#define SP_RECEIVE_INODES_MIN 256

struct sp_receive_opts {
	uv_loop_t *loop;
	const struct sp_config *cfg; /* outlives the server */
	struct sp_append *append; /* open, outlives the server; NULL: the log
				   * cannot be written, mail is answered 451 */
	const char *dir; /* the archive */
	const int *fds; /* one listening socket for each
	                                * cfg->listen[i]; -1: none */
	int door_fd; /* listening state/door; -1: none */
	const struct sp_listener_certs
	    *certs; /* for listeners with encryption; only
				       * used by sp_receive_new */
	/* One log line.  ${text} is key=value, quoted already.  Events:
	 * accepted, event, refused, deferred, login, lost, broken, tls_failed,
	 * proxy_failed, suppressed.  NULL: none are wanted. */
	void (*log)(void *ctx, enum sp_log_level level, const char *event,
	    const char *text);
	/* ${cause} (doc/watch.md) is there, ${text} being one line for a person,
	 * or gone or not there (NULL); told again and again, each time it is
	 * seen.  NULL: nobody listens. */
	void (*alarm)(void *ctx, const char *cause, const char *text);
	/* Entries below ${next_seq} are durable: wake seal and index.  NULL:
	 * nobody is to be woken. */
	void (*committed)(void *ctx, uint64_t next_seq);
	void *ctx;
};

/* Start a server, which listens at once.  Raises the soft limit of open files
 * to the hard one, since a session may need two.  SP_EIO: a socket cannot be
 * used; SP_ECONFIG: the group of the door or a certificate is wrong.  The
 * caller frees it with sp_receive_free(). */
SP_CHECK enum sp_code sp_receive_new(const struct sp_receive_opts *opts,
    struct sp_receive **out, struct sp_err *err);
/*
 * Stop accepting; answer 421 to sessions without a message in hand, finish the
 * messages that are; then ${done} is called, once, from the loop or from here.
 * Stop the loop in it and free the server afterwards, not from inside a
 * callback.
 */
void sp_receive_drain(struct sp_receive *r, void (*done)(void *ctx), void *ctx);
/* Hold: answer "451 4.3.0 REASON" to every MAIL from now on (after a rollback
 * or a leap of the clock).  NULL: accept again.  ${reason} is copied. */
void sp_receive_hold(struct sp_receive *r, const char *reason);
/*
 * Append one event of the service's own ("config", "alarm", ...), in turn with
 * the mail.  ${name} and ${detail}, a JSON object, are copied.  ${done} (NULL
 * is fine) is told the result from the loop.
 */
void sp_receive_event(struct sp_receive *r, const char *name,
    struct sp_view detail,
    void (*done)(void *ctx, enum sp_code code, uint64_t seq), void *ctx);
/* Rotate the intake file when its turn comes ("seal now"); ${done} (NULL is
 * fine) is told the result from the loop. */
void sp_receive_rotate(struct sp_receive *r,
    void (*done)(void *ctx, enum sp_code code), void *ctx);

/* What has happened since the start, for status. */
struct sp_receive_stats {
	uint64_t sessions; /* open now */
	uint64_t connections; /* so far */
	uint64_t accepted; /* messages answered 250 */
	uint64_t accepted_bytes; /* of these messages */
	uint64_t refused; /* 5xx replies */
	uint64_t deferred; /* 4xx replies */
	uint64_t batches; /* commits */
	uint64_t memory; /* bytes of the budget in use now */
	uint64_t tls; /* handshakes done */
	uint64_t spilled; /* messages that went to a temporary file */
};
void sp_receive_stats(const struct sp_receive *r, struct sp_receive_stats *out);

/*
 * Close everything at once: messages in hand are dropped unanswered.  Waits
 * for a commit in flight, runs the loop until the handles are closed.  NULL
 * is fine.
 */
void sp_receive_free(struct sp_receive *r);

#endif
