/* What `status` knows, collected without locks. */
#ifndef SP_APP_CMD_STATUS_H
#define SP_APP_CMD_STATUS_H

#include <jansson.h>

#include "app/common/app.h"
#include "base/layout.h"

/* What a person should look at; no alarm. */
enum sp_finding {
	SP_FINDING_MSGID, /* one Message-ID, different messages */
	SP_FINDING_MALFORMED, /* journal reports that are not well formed */
	SP_FINDING_UNTRUSTED, /* and those that nobody vouches for */
	SP_FINDING_TRUNCATED,
	SP_FINDINGS
};
extern const char *const sp_finding_flag[SP_FINDINGS];

/* An account of the pull worker. */
struct sp_status_pull {
	char name[40];
	bool active, busy;
	int64_t last_ok; /* 0: never */
	uint64_t taken, deleted, there, failures, visits;
	char error[320]; /* of the last failure, or "" */
};

struct sp_status {
	char origin[SP_ORIGIN_MAX + 1];
	uint64_t entries, sealed, segments, messages, indexed;
	uint64_t finding[SP_FINDINGS]; /* messages with the flag */
	bool have_checkpoint;
	uint64_t checkpoint;
	uint64_t bytes, free_bytes;
	/* from the service, if it runs */
	bool running;
	uint64_t pid;
	int64_t since;
	struct {
		char name[16];
		uint64_t pid, restarts;
	} worker[8];
	size_t nworkers;
	uint64_t accepted, refused, deferred, sessions;
	struct sp_status_pull pull[64];
	size_t npull;
	json_t *pull_json; /* what the worker told of them, or NULL */
	uint64_t alarms;
	char last_alarm[SP_ERR_MAX];
};

SP_CHECK enum sp_code sp_status_get(
    const struct sp_app *app, struct sp_status *out, struct sp_err *err);

void sp_status_done(struct sp_status *s);

/* The accounts, in each of the forms (status_pull.c). */
void sp_status_take_pull(const json_t *list, struct sp_status *out);
void sp_status_pull_text(const struct sp_app *app, const struct sp_status *s);
void sp_status_pull_prometheus(const struct sp_status *s);

#endif
