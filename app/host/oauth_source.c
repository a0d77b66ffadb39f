/*
 * Token sources for pulled accounts (journal/oauth/oauth.h) whose files were
 * read before the process gave up root's rights.  Used by the pull worker and
 * by `sealpost pull` and `sealpost oauth`.
 */
#include "app/host/oauth_source.h"

#include <string.h>

#include "base/secret.h"

void
sp_oauth_files_load(struct sp_oauth_files *f, const struct sp_pull_conf *conf)
{
	const struct sp_oauth_conf *o = &conf->oauth;
	const char *const all[SP_OAUTH_FILES][2] = {
		{ "client_secret_file", o->client_secret_file },
		{ "client_key", o->client_key },
		{ "client_certificate", o->client_certificate },
		{ "service_account_file", o->service_account_file }
	};

	*f = (struct sp_oauth_files){ .of[0].where = NULL };
	for (size_t i = 0; i < SP_OAUTH_FILES; i++) {
		f->of[i].where = all[i][1];
		if (all[i][1] != NULL &&
		    sp_oauth_file(all[i][0], all[i][1], &f->of[i].bytes,
			&f->of[i].why) == SP_OK)
			f->of[i].why.code = SP_OK;
	}
}

void
sp_oauth_files_done(struct sp_oauth_files *f)
{
	for (size_t i = 0; i < SP_OAUTH_FILES; i++)
		sp_secret_done(&f->of[i].bytes);
	*f = (struct sp_oauth_files){ .of[0].where = NULL };
}

/* journal/oauth asks for the file ${where}: a copy of what was read of it, or
 * why it could not be read. */
static enum sp_code
copy_file(void *ctx, const char *what, const char *where, struct sp_buf *out,
    struct sp_err *err)
{
	const struct sp_oauth_files *f =
	    ((const struct sp_oauth_source *)ctx)->files;

	sp_secret_init(out, SP_SECRET_FILE_MAX + 1);
	for (size_t i = 0; i < SP_OAUTH_FILES; i++) {
		if (f->of[i].where == NULL ||
		    strcmp(f->of[i].where, where) != 0)
			continue;
		if (f->of[i].why.code != SP_OK) {
			*err = f->of[i].why;
			return (err->code);
		}
		return (sp_buf_addv(out, sp_buf_view(&f->of[i].bytes)));
	}
	return (sp_err_set(err, SP_EKEY, 0, "%s %s was not read", what, where));
}

static bool
stopped(void *ctx)
{
	const struct sp_oauth_source *s = ctx;

	return (s->stop != NULL && s->stop(s->ctx));
}

void
sp_oauth_source_open(
    struct sp_oauth_source *s, const char *dir, const struct sp_pull_conf *conf)
{
	s->oauth = sp_oauth_new(&(struct sp_oauth_opts){ .dir = dir,
	    .account = conf->name,
	    .user = conf->user,
	    .conf = &conf->oauth,
	    .read = copy_file,
	    .stop = stopped,
	    .ctx = s });
}

void
sp_oauth_source_close(struct sp_oauth_source *s)
{
	sp_oauth_free(s->oauth);
	s->oauth = NULL;
}
