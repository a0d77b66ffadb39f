/*
 * The file of an account's last request: see journal/oauth/oauth_state.h.
 * Written by the token source (oauth.c), read by `sealpost oauth status`; it is
 * replaced whole, so a reader never sees half of it.
 */
#include "journal/oauth/oauth_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/time_text.h"

#define FOLDER_MODE 0750
#define FILE_MODE   0640
#define STATE_MAX   4096u /* bytes of the file */

static char *
state_path(const char *dir, const char *account)
{
	return (sp_xasprintf("%s/state/oauth/%s", dir, account));
}

/* Errors are ignored: nothing rests on the file. */
void
sp_oauth_state_save(
    const char *dir, const char *account, const struct sp_oauth_state *s)
{
	char *path = state_path(dir, account), *folder;
	char asked[SP_TIME_LEN + 1], expires[SP_TIME_LEN + 1];
	struct sp_err ignored;
	struct sp_buf b;

	folder = sp_io_parent(path, NULL);
	sp_time_format(s->asked, asked);
	sp_time_format(s->expires, expires);
	sp_buf_init(&b, STATE_MAX);
	if (sp_buf_addf(&b, "%s\n%s\n%s\n", asked, expires, s->why) == SP_OK &&
	    sp_io_mkdirs(folder, FOLDER_MODE, &ignored) == SP_OK)
		(void)!sp_io_replace(path, b.p, b.n, FILE_MODE, &ignored);
	sp_buf_done(&b);
	free(folder);
	free(path);
}

/* Both times must be there; the reason may be empty. */
void
sp_oauth_state_load(
    const char *dir, const char *account, struct sp_oauth_state *out)
{
	char *path = state_path(dir, account);
	struct sp_oauth_state s = { 0 };
	struct sp_err ignored;
	struct sp_view rest;
	struct sp_buf b;

	*out = s;
	sp_buf_init(&b, STATE_MAX);
	if (sp_io_read_file(path, STATE_MAX, &b, &ignored) == SP_OK) {
		rest = sp_buf_view(&b);
		if (sp_time_parse(sp_view_cut(&rest, '\n'), &s.asked) &&
		    sp_time_parse(sp_view_cut(&rest, '\n'), &s.expires)) {
			const struct sp_view why = sp_view_cut(&rest, '\n');

			(void)snprintf(s.why, sizeof(s.why), "%.*s",
			    why.n > STATE_MAX ? 0 : (int)why.n,
			    why.n == 0 ? "" : why.p);
			*out = s;
		}
	}
	sp_buf_done(&b);
	free(path);
}
