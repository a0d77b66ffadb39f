/*
 * state/serving (serving.h): written by the supervisor, read by its next start
 * and by `sealpost status`.
 */
#include "app/service/serving.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/layout.h"

#define FILE_MAX 2048 /* bytes of state/serving */

static const char *const words[] = {
	[SP_SERVING_NEVER] = "",
	[SP_SERVING_RUNNING] = "running",
	[SP_SERVING_STOPPED] = "stopped",
	[SP_SERVING_FAILED] = "failed",
};

/* Take the line ${line} apart; false if it is none. */
static bool
parse(struct sp_view line, struct sp_serving *out)
{
	struct sp_view word = sp_view_cut(&line, ' ');
	uint64_t since, alive = 0;

	if (!sp_view_u64(sp_view_cut(&line, ' '), &since))
		return (false);
	for (size_t i = 1; i < SP_COUNTOF(words); i++) {
		if (sp_view_eq_str(word, words[i]))
			out->state = (enum sp_serving_state)i;
	}
	if (out->state == SP_SERVING_RUNNING && !sp_view_u64(line, &alive))
		return (false);
	out->since = (int64_t)since;
	out->alive = (int64_t)alive;
	if (out->state != SP_SERVING_RUNNING)
		(void)snprintf(out->reason, sizeof(out->reason), "%.*s",
		    (int)line.n, line.n > 0 ? line.p : "");
	return (out->state != SP_SERVING_NEVER);
}

void
sp_serving_read(const char *dir, struct sp_serving *out)
{
	char *path = sp_layout_path(dir, "state/serving");
	struct sp_view rest;
	struct sp_buf b;

	*out = (struct sp_serving){ .state = SP_SERVING_NEVER };
	sp_buf_init(&b, FILE_MAX);
	if (sp_io_read_file(path, FILE_MAX, &b, NULL) == SP_OK) {
		rest = sp_buf_view(&b);
		if (!parse(sp_view_cut(&rest, '\n'), out))
			*out = (struct sp_serving){ .state = SP_SERVING_NEVER };
	}
	sp_buf_done(&b);
	free(path);
}

enum sp_code
sp_serving_write(
    const char *dir, const struct sp_serving *s, struct sp_err *err)
{
	char *path = sp_layout_path(dir, "state/serving");
	char *line = s->state == SP_SERVING_RUNNING
			 ? sp_xasprintf("%s %" PRId64 " %" PRId64 "\n",
			       words[s->state], s->since, s->alive)
			 : sp_xasprintf("%s %" PRId64 " %s\n", words[s->state],
			       s->since, s->reason);
	enum sp_code rc = sp_io_replace(path, line, strlen(line), 0640, err);

	free(line);
	free(path);
	return (rc);
}
