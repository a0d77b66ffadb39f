/*
 * The supervisor: starts the four workers, restarts them with back-off, owns
 * the listening sockets, passes requests of state/control on, and ends all.
 *
 * A worker:  DOWN -(fork)-> UP -(exit)-> DOWN, started again after a delay
 * that doubles from 0.1 s to 30 s and is forgotten after a minute of life.
 */
#ifndef SP_APP_SERVICE_SUPERVISOR_PRIV_H
#define SP_APP_SERVICE_SUPERVISOR_PRIV_H

#include <sys/types.h>

#include "app/service/worker.h"
#include "journal/receive/listener_certs.h"

#define SP_CLIENTS_MAX 32

struct sp_child {
	pid_t pid; /* 0: down */
	int channel; /* -1: down */
	int wake; /* eventfd, lives as long as the supervisor */
	int64_t started, next_start; /* boot clock */
	int64_t delay;
	uint64_t restarts;
	bool reload; /* ended on purpose: start again at once */
	int64_t deadline; /* of that, boot clock */
};

struct sp_client { /* of state/control */
	int fd; /* -1: free */
	int64_t since; /* boot clock */
	bool operator_; /* may change things; else only read */
	uint64_t id; /* of the request in work, 0: none */
	enum sp_role role; /* who works on it */
	bool then_pack; /* after the rotation: pack */
	bool is_status;
	struct sp_buf in;
};

struct sp_super {
	struct sp_app *app;
	bool accept_clock;
	struct sp_child child[SP_ROLES];
	int *listen_fds; /* one for each cfg->listen[i] */
	int door_fd, control_fd, signals, lock_fd;
	struct sp_listener_certs *certs; /* of the listeners, as checked */
	struct sp_client client[SP_CLIENTS_MAX];
	uint64_t last_id, alarms;
	char last_alarm[SP_ERR_MAX];
	char *pull_status; /* JSON that the pull worker sent last, or NULL */
	int64_t since; /* wall clock of the start */
	bool ready, ending;
	bool ending_late; /* the second stage: seal and index */
	int64_t deadline; /* of the present stage of ending */
};

/* Run until SIGTERM or SIGINT; the exit status. */
int sp_supervise(struct sp_super *s);

/* ---- between the files of the supervisor ---------------------------- */
void sp_child_start(struct sp_super *s, enum sp_role role);
/* A message for a worker; false if it is down. */
bool sp_child_send(
    struct sp_super *s, enum sp_role role, uint64_t id, const char *text);
/* Count an alarm and have receive enter it in the log. */
void sp_child_alarm(struct sp_super *s, struct sp_view text);
/* Everything waiting on the channels. */
void sp_child_receive(struct sp_super *s, enum sp_role role);
/* state/control: a new client, bytes from one, an answer for one. */
void sp_clients_accept(struct sp_super *s);
void sp_clients_input(struct sp_super *s, struct sp_client *c);
void sp_clients_answer(struct sp_super *s, uint64_t id, struct sp_view text);
void sp_clients_drop(struct sp_client *c);
/* A worker went down: whoever waited for it gets an error. */
void sp_clients_fail(struct sp_super *s, enum sp_role role);

#endif
