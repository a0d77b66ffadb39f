/*
 * Loads the secrets of the pull sections.  Called by the child that becomes the
 * pull worker (app/service/child.c) and by the commands that log in to a mail
 * server themselves (pull_run.c), each before it drops its rights.
 */
#include "app/host/pull_secrets.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/secret.h"

static const char option[] = "password_file";

enum sp_code
sp_pull_secrets_read(const char *path, struct sp_buf *out, struct sp_err *err)
{
	struct sp_buf line;
	enum sp_code rc = sp_secret_line(option, path, &line, err);

	if (rc == SP_OK && sp_buf_addv(out, sp_buf_view(&line)) != SP_OK)
		rc = sp_err_set(err, SP_EKEY, 0,
		    "%s %s holds more than a secret can have", option, path);
	sp_secret_done(&line);
	return (rc);
}

void
sp_pull_secrets_load(struct sp_pull_secrets *s, const struct sp_config *cfg)
{
	s->n = cfg->npull;
	s->of = sp_xcalloc(s->n + 1, sizeof(*s->of));
	for (size_t i = 0; i < s->n; i++) {
		const struct sp_pull_conf *conf = &cfg->pull[i];
		struct sp_pull_secret *one = &s->of[i];

		sp_oauth_files_load(&one->oauth, conf);
		if (conf->password_file != NULL &&
		    sp_secret_line(option, conf->password_file, &one->password,
			&one->why) == SP_OK)
			one->why.code = SP_OK;
	}
}

void
sp_pull_secrets_done(struct sp_pull_secrets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		sp_secret_done(&s->of[i].password);
		sp_oauth_files_done(&s->of[i].oauth);
	}
	free(s->of);
	*s = (struct sp_pull_secrets){ .n = 0 };
}

void
sp_pull_secrets_guard_process(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
