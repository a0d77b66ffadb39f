/* What `status` knows, collected without locks. */
#ifndef SP_APP_STATUS_H
#define SP_APP_STATUS_H

#include "app/app.h"
#include "journal/archive/layout.h"

struct sp_status {
	char origin[SP_ORIGIN_MAX + 1];
	uint64_t entries, sealed, segments, messages, indexed;
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
	uint64_t alarms;
	char last_alarm[SP_ERR_MAX];
};

SP_CHECK enum sp_code sp_status_get(
    const struct sp_app *app, struct sp_status *out, struct sp_err *err);

#endif
