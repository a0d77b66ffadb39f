/*
 * The note of the last verify (verified.h): written by app/cmd/cmd_verify.c after
 * each run over the whole archive at hand, read by app/cmd/status.c and by the
 * supervisor, whose alarm `verify` it is.  What cannot be read is no news:
 * `status` then says that it knows of none.
 */
#include "app/host/verified.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/common/account.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/layout.h"
#include "base/time_text.h"

#define NOTE	 "state/verify.json"
#define FILE_MAX 4096 /* bytes of it */

/* By exit status of verify. */
static const char *const verdicts[] = { "verified", "finding", "failed" };

/* What is not such an object counts as none. */
void
sp_verified_read(const char *dir, struct sp_verified *out)
{
	char *path = sp_layout_path(dir, NOTE);
	struct sp_view time, words;
	struct sp_buf b, tmp;
	json_t *note = NULL;
	uint64_t status;
	int64_t at;

	*out = (struct sp_verified){ 0 };
	sp_buf_init(&b, FILE_MAX);
	sp_buf_init(&tmp, FILE_MAX);
	if (sp_io_read_file(path, FILE_MAX, &b, NULL) == SP_OK &&
	    sp_json_load(sp_buf_view(&b), &note, NULL) == SP_OK &&
	    sp_json_get_u64(note, "status", &status) &&
	    status < SP_COUNTOF(verdicts) &&
	    sp_json_get_str(note, "time", &tmp, &time) &&
	    sp_time_parse(time, &at)) {
		out->at = at;
		out->status = (unsigned)status;
		(void)snprintf(
		    out->verdict, sizeof(out->verdict), "%s", verdicts[status]);
		sp_buf_clear(&tmp);
		if (sp_json_get_str(note, "verdict", &tmp, &words))
			(void)snprintf(out->words, sizeof(out->words), "%.*s",
			    (int)words.n, words.p);
	}
	json_decref(note);
	sp_buf_done(&tmp);
	sp_buf_done(&b);
	free(path);
}

/* Write the note's bytes, as the account that the archive belongs to. */
static void
write_note(const struct sp_app *app, const struct sp_buf *b)
{
	char *path = sp_layout_path(app->dir, NOTE);
	struct sp_account account;
	struct sp_err err;

	if (sp_account_find(app->dir, app->cfg, &account, NULL) == SP_OK &&
	    (geteuid() == 0 || geteuid() == account.uid)) {
		sp_account_enter(&account);
		if (sp_io_replace(path, b->p, b->n, 0640, &err) != SP_OK)
			(void)fprintf(stderr,
			    "sealpost: warning: the result could not be kept for status: %s\n",
			    err.msg);
		sp_account_leave(&account);
	}
	free(path);
}

void
sp_verified_write(const struct sp_app *app, int status, const char *verdict)
{
	char time[SP_TIME_LEN + 1];
	struct sp_buf b;
	struct sp_json j;

	sp_time_format(sp_clock_wall(), time);
	sp_buf_init(&b, FILE_MAX);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "time", time);
	sp_json_u64(
	    &j, "status", status >= 0 && status < 2 ? (uint64_t)status : 2);
	sp_json_cstr(&j, "verdict", verdict);
	sp_json_obj_end(&j);
	if (sp_json_end(&j) == SP_OK && sp_buf_addc(&b, '\n') == SP_OK)
		write_note(app, &b);
	sp_buf_done(&b);
}
