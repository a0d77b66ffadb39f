/*
 * The state of the supervisor, shared by its files:
 *
 *	supervisor.c	the loop, signals, the end of the service
 *	child.c		starts workers, reads what they send
 *	clients.c	requests of commands (state/control)
 *	supervisor_alarms.c	alarms: the register, its file, who is told
 *	reload.c	sockets and certificates, the configuration read again
 *
 * A worker is DOWN -(fork)-> UP -(exit)-> DOWN.  It is started again 0.1 s
 * after its last start at the earliest; that delay doubles with each start up
 * to 30 s, and is forgotten once a worker lived for a minute.  One that ends
 * because of a reload starts at once.
 *
 * The service ends in two stages of at most a minute each: first receive and
 * pull, which bring mail in, then seal and index, which so see all of it:
 *
 *	RUNNING -(signal)-> STOPPING receive, pull
 *		-(both down)-> STOPPING seal, index -(both down)-> end
 */
#ifndef SP_APP_SERVICE_SUPERVISOR_PRIV_H
#define SP_APP_SERVICE_SUPERVISOR_PRIV_H

#include <sys/types.h>

#include "app/service/alarms.h"
#include "app/service/worker.h"
#include "journal/receive/listener_certs.h"

#define SP_CLIENTS_MAX 32 /* connections to state/control at a time */

/* A worker as the supervisor sees it. */
struct sp_child {
	pid_t pid; /* 0: down */
	int channel; /* our end of its channel (worker.h); -1: down */
	int wake; /* eventfd, lives as long as the supervisor */
	/* when it is started again; boot clock, us */
	int64_t started, next_start;
	int64_t delay; /* at least between the next start and the one after */
	uint64_t restarts; /* exits that nobody asked for */
	/* a reload: it was told to end and starts again at once */
	bool reload;
	int64_t
	    alarmed; /* boot clock of its last alarm; 0: none since its start */
	int64_t alive; /* when it said that it goes on; boot clock, us */
	bool stuck; /* it has not for too long, which is an alarm */
	int64_t deadline; /* then it is killed; boot clock, us */
};

/* A connection to state/control. */
struct sp_control_client {
	int fd; /* -1: the slot is free */
	int64_t since; /* boot clock, us: of the connection */
	bool operator_; /* may change things; others may only ask */
	uid_t uid; /* who it is, as the kernel says */
	struct sp_buf in; /* the request line as far as it came */
	/* the request in work */
	uint64_t id; /* 0: none */
	enum sp_worker_role role; /* who works on it */
	bool then_pack; /* `seal`: receive rotates, then seal packs */
	bool is_status; /* the reply becomes a part of a larger one */
};

struct sp_supervisor {
	struct sp_app *app;
	int64_t since; /* wall clock of the start, us */
	bool accept_clock; /* until receive is ready for the first time */
	/* opened here, inherited by the receive worker */
	int *listen_fds; /* one for each cfg->listen[i] */
	int door_fd;
	struct sp_listener_certs *certs; /* of the listeners, as checked */
	/* the supervisor's own; -1: not open */
	int control_fd; /* state/control */
	int signals; /* signalfd */
	int lock_fd; /* state/serve.lock */
	/* workers */
	struct sp_child child[SP_WORKERS];
	bool ready; /* receive served once, and systemd was told */
	/* requests of commands */
	struct sp_control_client client[SP_CLIENTS_MAX];
	uint64_t last_id;
	/* alarms (supervisor_alarms.c); times are of the boot clock, us */
	struct sp_alarms *alarms; /* NULL until the lock is held */
	int64_t save_at; /* state/alarms: not before, or for counts alone */
	bool save_failed; /* the last attempt, which was logged */
	int64_t alive_at; /* when state/serving is written again */
	int64_t step_at; /* the last turn of the loop */
	int64_t verify_at; /* when the note of the last verify is read again */
	int64_t verified; /* the time in the note that was judged; wall, us */
	/* what workers sent, for `status` */
	char *pull_status; /* JSON array of the accounts, or NULL */
	/* the end of the service */
	bool stopping;
	bool second_stage; /* receive and pull are down */
	int64_t deadline; /* of the present stage; boot clock, us */
};

/* Read the configuration again and let every worker end and start anew with it
 * (supervisor.c).  One that cannot be used is logged (reload_failed), nothing
 * changes, and ${err} says why; the errors of sp_reload(), SP_EAGAIN while the
 * service ends. */
SP_CHECK enum sp_code sp_supervisor_reload(
    struct sp_supervisor *s, struct sp_err *err);

#endif
