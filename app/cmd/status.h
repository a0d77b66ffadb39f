/*
 * What `sealpost status` knows of an archive and its service.  sp_status_get()
 * collects it, sp_status_done() frees it; cmd_status.c prints it in three
 * forms, with the accounts of the pull worker by status_pull.c.
 */
#ifndef SP_APP_CMD_STATUS_H
#define SP_APP_CMD_STATUS_H

#include <jansson.h>

#include "app/host/verified.h"
#include "app/common/app.h"
#include "app/service/serving.h"
#include "base/layout.h"

/* Kinds of messages that a person should look at; none is an alarm. */
enum sp_finding {
	SP_FINDING_MSGID, /* one Message-ID, different messages */
	SP_FINDING_MALFORMED, /* journal reports that are not well formed */
	SP_FINDING_UNTRUSTED, /* of a source that is not trusted to journal */
	SP_FINDING_TRUNCATED, /* whose end is missing */
	SP_FINDINGS
};
/* The flag by which a search finds each kind. */
extern const char *const sp_finding_flag[SP_FINDINGS];

/* An account of the pull worker. */
struct sp_status_pull {
	char name[40];
	bool active, busy;
	int64_t last_ok; /* wall clock, us; 0: never */
	uint64_t taken, deleted, visits; /* since the start of the worker */
	uint64_t in_mailbox; /* messages in the mailbox */
	uint64_t doubtful; /* of them not captured, whatever was done */
	char doubts[320]; /* the first few by name */
	uint64_t lost; /* uncaptured, announced no more, since the start */
	char losses[320];
	bool no_service; /* only what state/pull says: name and doubts */
	bool unreadable; /* ... which this user may not read */
	uint64_t failures; /* in a row */
	char error[320]; /* of the last failure, or "" */
};

struct sp_status {
	/* of the archive */
	char origin[SP_ORIGIN_MAX + 1];
	uint64_t entries; /* in the log */
	uint64_t sealed; /* of them in segments */
	uint64_t segments;
	bool have_checkpoint;
	uint64_t checkpoint; /* entries that the last one covers */
	uint64_t bytes, free_bytes; /* on disk */
	int64_t checkpoint_at; /* wall clock, us: when it was signed; 0: none */
	uint64_t messages; /* entries that are messages */
	int64_t last_message; /* when the last came; 0: none */
	struct sp_verified verified; /* the last `verify` */
	/* of the index */
	uint64_t indexed; /* entries that it covers */
	uint64_t finding[SP_FINDINGS]; /* messages of each kind */
	/* of the service; all 0 if it does not run */
	bool running;
	uint64_t pid;
	int64_t since; /* wall clock, us */
	struct {
		char name[16];
		uint64_t pid, restarts;
	} worker[8];
	size_t nworkers;
	uint64_t accepted, refused, deferred, sessions; /* of receive */
	/* alarms, of the service or of its file */
	uint64_t alarms; /* open */
	uint64_t unacknowledged; /* of them */
	uint64_t alarms_begun; /* since the start of the service */
	char *last_alarm; /* the text of the newest that is open; or NULL */
	json_t *open_alarms; /* array; or NULL */
	struct sp_serving
	    serving; /* how the service ended, if it does not run */
	/* of its accounts */
	struct sp_status_pull pull[64];
	size_t npull;
	json_t *pull_json; /* as the pull worker sent them, or NULL */
};

/*
 * Collect the status of the archive ${app}, which is open; takes no lock.
 * That no service runs is no error.  ${out} has to be freed by
 * sp_status_done(), also after a failure: SP_EIO, or the errors of the log's
 * and the index's readers.
 */
SP_CHECK enum sp_code sp_status_get(
    const struct sp_app *app, struct sp_status *out, struct sp_err *err);
void sp_status_done(struct sp_status *s);

/* ---- the accounts (status_pull.c) --------------------------------------- */

/* The accounts where no service can be asked: what state/pull says is not
 * captured. */
void sp_status_pull_offline(const struct sp_app *app, struct sp_status *out);
/* Read the accounts from the service's reply; keeps a copy of ${list}. */
void sp_status_pull_read(const json_t *list, struct sp_status *out);
/* Print a line for each account. */
void sp_status_pull_text(const struct sp_app *app, const struct sp_status *s);
/* Print their numbers as metrics. */
void sp_status_pull_prometheus(const struct sp_status *s);

#endif
