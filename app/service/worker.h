/*
 * A worker process: what it inherits from the supervisor, and the channel
 * between the two (a SOCK_SEQPACKET pair, one message a request or reply).
 *
 *   supervisor -> worker   "ID VERB ARGS"
 *   worker -> supervisor   "ID ok TEXT", "ID err CODE TEXT", "0 alarm TEXT",
 *				"0 ready", "0 pull JSON" (how the accounts are)
 *
 * SIGTERM asks a worker to finish what is in hand and end.
 */
#ifndef SP_APP_SERVICE_WORKER_H
#define SP_APP_SERVICE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "app/common/app.h"
#include "app/common/control.h"
#include "app/host/pull_secrets.h"
#include "journal/receive/listener_certs.h"

enum sp_role {
	SP_ROLE_RECEIVE,
	SP_ROLE_PULL,
	SP_ROLE_SEAL,
	SP_ROLE_INDEX,
	SP_ROLES
};

struct sp_worker {
	enum sp_role role;
	struct sp_app *app;
	int channel; /* to the supervisor */
	int wake; /* eventfd: there is something new */
	int wake_seal, wake_index, wake_pull; /* whom receive wakes */
	const int *listen_fds; /* one for each cfg->listen[i] */
	int door_fd;
	/* For the worker receive alone: they hold keys. */
	const struct sp_listener_certs *certs;
	bool accept_clock;
	int signals; /* signalfd of SIGTERM */
	struct sp_secrets secrets; /* pull's */
	bool stop; /* the supervisor or a signal asked to end */
};

extern const char *const sp_role_names[SP_ROLES];

/* The workers; each returns the exit status of its process. */
int sp_worker_receive(struct sp_worker *w);
int sp_worker_pull(struct sp_worker *w);
int sp_worker_seal(struct sp_worker *w);
int sp_worker_index(struct sp_worker *w);

/* A request from the supervisor, NUL-terminated. */
struct sp_request {
	uint64_t id;
	char *verb, *args;
	char text[SP_CONTROL_MAX];
};

/* Wait up to ${ms} for a wake-up, a request or the end.  True: a request is in
 * ${rq}.  False: look at w->stop, else there may be work. */
bool sp_worker_wait(struct sp_worker *w, int ms, struct sp_request *rq);
/* Read one request without waiting (for a worker with its own loop). */
bool sp_worker_request(struct sp_worker *w, struct sp_request *rq);
void sp_worker_reply(
    struct sp_worker *w, uint64_t id, enum sp_code code, const char *text);
/* Tell the supervisor that this worker serves. */
void sp_worker_ready(struct sp_worker *w);
/* Log an alarm, tell the supervisor (which has it entered in the log), and
 * leave a request to carry it out in state/outbox for the pull worker. */
void sp_worker_alarm(struct sp_worker *w, const char *text);
void sp_worker_wake(int eventfd);

#endif
