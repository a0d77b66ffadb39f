/*
 * One account of the configuration (section `pull NAME`) with all that the
 * engine of journal/pull needs to visit its mailbox: credentials, source, and
 * the sink, where the mail goes.
 */
#ifndef SP_APP_HOST_PULL_RUN_H
#define SP_APP_HOST_PULL_RUN_H

#include "app/common/app.h"
#include "app/host/host.h"
#include "app/host/pull_secrets.h"
#include "journal/pull/pull.h"

struct sp_door_pipe;

/* Where the mail goes, and who says which messages the log has. */
enum sp_pull_way {
	SP_PULL_BY_DOOR, /* the pull worker: to the door of receive; the index
			    worker says */
	SP_PULL_BY_HOST, /* no service: this process has the roles */
	SP_PULL_LOOK /* fetches no mail, reads the log */
};

struct sp_pull_run {
	/* the caller's, set before sp_pull_run_open() */
	struct sp_app *app;
	const struct sp_pull_conf *conf;
	const struct sp_pull_secret *secret; /* of this account */
	enum sp_pull_way way;
	struct sp_host *host; /* SP_PULL_BY_HOST */
	/* for the caller: to visit, and to wake or end a visit */
	struct sp_stream_wakeup wakeup;
	struct sp_pull *pull;
	/* inside */
	struct sp_oauth_source tokens; /* oauth is NULL without a grant */
	/* SP_PULL_BY_DOOR (pull_door.c) */
	struct sp_door_pipe *pipe;
	bool settled; /* the door was asked since the last reset */
	/* SP_PULL_BY_HOST (pull_host.c): the message in hand */
	struct sp_buf message;
	char *provenance;
	void *tag;
};

/*
 * Make the account ready for sp_pull_visit(r->pull).  The caller sets step,
 * note, idling, listed, ignore_state_file and ctx of ${opts}, the rest is
 * filled in here.  SP_EIO: no descriptor is left.
 */
SP_CHECK enum sp_code sp_pull_run_open(
    struct sp_pull_run *r, struct sp_pull_opts *opts, struct sp_err *err);
/* Free what sp_pull_run_open() made. */
void sp_pull_run_close(struct sp_pull_run *r);
/*
 * For a command: read the secrets of all accounts into ${secrets} with the
 * rights of who called, then become the archive's account for good, as which a
 * mail server is spoken to and the archive written.  The process can no longer
 * be traced or dump core.  SP_ECONFIG, SP_EPERM: it cannot be that account.
 */
SP_CHECK enum sp_code sp_pull_run_prepare(
    struct sp_app *app, struct sp_pull_secrets *secrets, struct sp_err *err);
/* Take state/pull.lock of the archive ${dir}: one puller at a time, the worker
 * or a command.  The caller closes ${fd}.  SP_ELOCKED after ten seconds. */
SP_CHECK enum sp_code sp_pull_run_lock(
    const char *dir, int *fd, struct sp_err *err);
/* The account ${name} of the configuration; NULL with SP_EUSAGE in ${err} if
 * it has none. */
const struct sp_pull_conf *sp_pull_run_find(
    const struct sp_config *cfg, const char *name, struct sp_err *err);
/* "network", "auth" ...: the word for the log and JSON; static text. */
const char *sp_pull_run_trouble(enum sp_pull_trouble t);

/* What state/pull says that the account ${c} has not captured, for whoever asks
 * while no service answers: how many, and the first few by name in ${names}. */
uint64_t sp_pull_run_doubts(
    const char *dir, const struct sp_pull_conf *c, char *names, size_t size);

/* ---- the sinks --------------------------------------------------------- */

/* SP_PULL_BY_DOOR (pull_door.c) and SP_PULL_BY_HOST (pull_host.c). */
void sp_pull_door_sink(struct sp_pull_run *r, struct sp_pull_sink *out);
void sp_pull_host_sink(struct sp_pull_run *r, struct sp_pull_sink *out);
/* `pulled` of struct sp_pull_sink for a process that may read the log; ${ctx}
 * is the struct sp_pull_run. */
SP_CHECK enum sp_code sp_pull_run_scan(void *ctx, uint64_t from,
    struct sp_buf *keys, uint64_t *next, bool *end, struct sp_err *err);

#endif
