/*
 * A worker process: what it inherits from the supervisor, and the channel
 * between the two, a SOCK_SEQPACKET pair with one message for each request or
 * reply:
 *
 *	supervisor -> worker	"ID VERB ARGS"
 *	worker -> supervisor	"ID ok TEXT", "ID err CODE TEXT",
 *				"0 alarm CAUSE N TEXT" (N reports of it),
 *				"0 clear CAUSE TEXT" (it is gone),
 *				"0 ready" (receive serves),
 *				"0 pull JSON" (how the accounts are)
 *
 * A reply has the ID of its request; 0 is what nobody asked for.  SIGTERM asks
 * a worker to finish what is in hand and end; it dies with the supervisor.
 */
#ifndef SP_APP_SERVICE_WORKER_H
#define SP_APP_SERVICE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "app/common/app.h"
#include "app/common/control.h"
#include "app/host/pull_secrets.h"
#include "base/log.h"
#include "journal/receive/listener_certs.h"

enum sp_worker_role {
	SP_WORKER_RECEIVE,
	SP_WORKER_PULL,
	SP_WORKER_SEAL,
	SP_WORKER_INDEX,
	SP_WORKERS /* how many there are */
};

struct sp_worker {
	enum sp_worker_role role;
	struct sp_app *app;
	/* how it is reached */
	int channel; /* to the supervisor */
	int wake; /* eventfd: there is something new */
	int signals; /* signalfd of SIGTERM */
	bool stop; /* the supervisor or a signal asked to end */
	/* receive's */
	int wake_index; /* eventfd of the index worker */
	const int *listen_fds; /* one for each cfg->listen[i] */
	int door_fd;
	const struct sp_listener_certs
	    *certs; /* NULL in others: they hold keys */
	bool accept_clock; /* the operator says that the clock is right */
	/* pull's */
	struct sp_pull_secrets secrets;
};

/* The names of the workers, by role: in the log, in `status`, as processes. */
extern const char *const sp_worker_names[SP_WORKERS];

/* The workers.  Each runs until it is asked to end, and returns the exit
 * status of its process: 0 after all in hand was done, 1 after a failure that
 * was logged; the supervisor then starts it again. */
int sp_worker_receive(struct sp_worker *w);
int sp_worker_pull(struct sp_worker *w);
int sp_worker_seal(struct sp_worker *w);
/* As above. */
int sp_worker_index(struct sp_worker *w);

/* A request from the supervisor; ${verb} and ${args} point into ${text}. */
struct sp_request {
	uint64_t id;
	char *verb, *args; /* NUL-terminated; "" without arguments */
	char text[SP_CONTROL_MAX];
};

/* Wait up to ${ms} for a wake-up, a request or the end.  True: a request is in
 * ${rq}.  False: look at w->stop, else there may be work. */
bool sp_worker_wait(struct sp_worker *w, int ms, struct sp_request *rq);
/* Read one request without waiting (for a worker with its own loop); false if
 * there is none.  Sets w->stop where the supervisor has gone. */
bool sp_worker_request(struct sp_worker *w, struct sp_request *rq);
/* Answer request ${id}: "ok ${text}", or an error where ${code} is not SP_OK.
 * Lost where the supervisor has gone. */
void sp_worker_reply(
    struct sp_worker *w, uint64_t id, enum sp_code code, const char *text);
/* Tell the supervisor that the receive worker serves. */
void sp_worker_ready(struct sp_worker *w);
/*
 * Report that ${cause} (doc/watch.md has the list) is there, with what a person
 * should know; reports of one cause are one alarm.  The supervisor logs it, has
 * it entered into the log, and people told.  Any thread may call both.
 */
void sp_worker_alarm(struct sp_worker *w, const char *cause, const char *text);
/* Report that ${cause} is gone, or not there: cheap, to be called whenever it
 * is seen that all is well. */
void sp_worker_clear(struct sp_worker *w, const char *cause);
/* The same, with how it ended; "": nothing is known. */
void sp_worker_clear_with(
    struct sp_worker *w, const char *cause, const char *text);
/* The cause of a failure: `disk_reserve` where the disk of the archive is full
 * and its reserve used up, else ${own}. */
const char *sp_worker_cause(
    const struct sp_worker *w, const struct sp_err *err, const char *own);
/* Log ${event} with error=MESSAGE, for what no caller is told. */
void sp_worker_log_err(
    enum sp_log_level level, const char *event, const struct sp_err *err);
/* Wake the worker that waits on ${eventfd} (sp_worker_wait()). */
void sp_worker_wake(int eventfd);

#endif
