/*
 * Whether the service runs, stopped by order, or ended otherwise: the file
 * state/serving, one line of text,
 *
 *	running SINCE ALIVE	written at the start and each minute
 *	stopped SINCE REASON	after an ordered stop
 *	failed SINCE REASON	the start failed
 *
 * with times in microseconds since 1970.  Who finds "running" and holds
 * state/serve.lock knows that the service ended at about ALIVE other than by
 * order: a crash, a kill, a power cut.
 */
#ifndef SP_APP_SERVICE_SERVING_H
#define SP_APP_SERVICE_SERVING_H

#include <stdint.h>

#include "base/err.h"

enum sp_serving_state {
	SP_SERVING_NEVER, /* no such file, or none that can be read */
	SP_SERVING_RUNNING,
	SP_SERVING_STOPPED,
	SP_SERVING_FAILED
};

struct sp_serving {
	enum sp_serving_state state;
	int64_t since; /* wall clock, us: of the start, the stop, the failure */
	int64_t alive; /* RUNNING: when it was seen last */
	char reason[SP_ERR_MAX]; /* STOPPED, FAILED */
};

/* Read the file of the archive ${dir}; one that cannot be read is NEVER. */
void sp_serving_read(const char *dir, struct sp_serving *out);
/* Replace it; SP_EIO, SP_ENOSPC ... */
SP_CHECK enum sp_code sp_serving_write(
    const char *dir, const struct sp_serving *s, struct sp_err *err);

#endif
