/*
 * `sealpost seal`: rotate the intake log, sign a checkpoint, and pack all that
 * is not yet in a segment, now instead of at the size or age of the
 * configuration.  By the workers where the service runs, else by this process.
 */
#include <inttypes.h>

#include "app/cmd/cmd.h"
#include "app/common/human.h"
#include "app/common/options.h"
#include "app/host/host.h"

/* "PACKED END SIZE": entries packed now, packed in all, and in the
 * checkpoint. */
static void
print_done(const char *text)
{
	struct sp_view rest = sp_view_str(text);
	uint64_t packed = 0, end = 0, size = 0;
	char a[32], b[32], c[32];

	(void)sp_view_u64(sp_view_cut(&rest, ' '), &packed);
	(void)sp_view_u64(sp_view_cut(&rest, ' '), &end);
	(void)sp_view_u64(sp_view_cut(&rest, ' '), &size);
	printf("%s entries sealed now, %s in all; the checkpoint covers %s\n",
	    sp_text_count(packed, a), sp_text_count(end, b),
	    sp_text_count(size, c));
}

/* Returns when everything is packed. */
int
sp_cmd_seal(struct sp_app *app, int argc, char **argv)
{
	const struct sp_usage usage = { "seal", "",
		"Rotate the intake log, sign a checkpoint and pack all that is not yet in a segment.",
		NULL, 0, false };
	struct sp_host *host = NULL;
	struct sp_buf text;
	struct sp_err err;
	int first, status;
	enum sp_code rc;

	status = sp_common_parse_max(&usage, argc, argv, 0, &first);
	if (status >= 0)
		return (status);
	sp_buf_init(&text, 4096);
	rc = sp_app_open(app, &err);
	if (rc == SP_OK)
		rc = sp_host_open(app, &host, &err);
	if (rc == SP_OK)
		rc = sp_host_seal(host, &text, &err);
	if (rc == SP_OK && !app->quiet)
		print_done(sp_buf_cstr(&text));
	sp_host_close(host);
	sp_buf_done(&text);
	return (rc == SP_OK ? 0 : sp_app_fail(&err));
}
