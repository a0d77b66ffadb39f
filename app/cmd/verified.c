/*
 * The note of the last verify (verified.h): written by cmd_verify.c after each
 * run over the whole archive at hand, read by status.c.  Failures are no news:
 * `status` then says that it knows of none.
 */
#include "app/cmd/verified.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/layout.h"

#define FILE_MAX 128 /* bytes of state/verified */

/* By exit status of verify. */
static const char *const verdicts[] = { "verified", "finding", "failed" };

/* What is not exactly such a line counts as none. */
void
sp_verified_read(const char *dir, struct sp_verified *out)
{
	char *path = sp_layout_path(dir, "state/verified");
	struct sp_view rest;
	struct sp_buf b;
	uint64_t at;

	*out = (struct sp_verified){ 0 };
	sp_buf_init(&b, FILE_MAX);
	if (sp_io_read_file(path, FILE_MAX, &b, NULL) == SP_OK) {
		rest = sp_view_trim(sp_buf_view(&b));
		if (sp_view_u64(sp_view_cut(&rest, ' '), &at)) {
			for (size_t i = 0; i < SP_COUNTOF(verdicts); i++) {
				if (!sp_view_eq_str(rest, verdicts[i]))
					continue;
				out->at = (int64_t)at;
				(void)snprintf(out->verdict,
				    sizeof(out->verdict), "%s", verdicts[i]);
			}
		}
	}
	sp_buf_done(&b);
	free(path);
}

void
sp_verified_write(const char *dir, int status)
{
	char *path = sp_layout_path(dir, "state/verified");
	char *text = sp_xasprintf("%" PRId64 " %s\n", sp_clock_wall(),
	    verdicts[status >= 0 && status < 2 ? status : 2]);

	(void)!sp_io_replace(path, text, strlen(text), 0640, NULL);
	free(text);
	free(path);
}
