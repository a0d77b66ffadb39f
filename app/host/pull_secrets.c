#include "app/host/pull_secrets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/io.h"
#include "journal/pull/sasl.h"

static const char cred[] = "credential:";

/* The path of ${where}; NULL: systemd gave no credentials. */
static char *
path_of(const char *where)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (strncmp(where, cred, sizeof(cred) - 1) != 0)
		return (sp_xstrdup(where));
	if (dir == NULL || *dir == '\0')
		return (NULL);
	return (sp_xasprintf("%s/%s", dir, where + sizeof(cred) - 1));
}

static enum sp_code
read_fd(int fd, const char *path, struct sp_buf *out, struct sp_err *err)
{
	struct stat st;
	size_t got = 0;
	enum sp_code rc;
	char *at;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return (sp_err_set(
		    err, SP_ECONFIG, 0, "%s: is no regular file", path));
	if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s: everybody on this host can read or change it; chmod 600 it",
		    path));
	at = sp_buf_reserve(out, SP_SECRET_MAX);
	if (at == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0, "%s: no room", path));
	rc = sp_io_pread(fd, at, SP_SECRET_MAX, 0, &got, err);
	if (rc != SP_OK)
		return (rc);
	if (got == SP_SECRET_MAX)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s: is larger than a secret can be", path));
	if (got > 0 && at[got - 1] == '\n')
		got--;
	if (got > 0 && at[got - 1] == '\r')
		got--;
	if (got == 0)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s: is empty; expected the secret alone", path));
	out->n += got;
	return (SP_OK);
}

enum sp_code
sp_secret_read(const char *where, struct sp_buf *out, struct sp_err *err)
{
	char *path = path_of(where);
	enum sp_code rc;
	int fd = -1;

	if (path == NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s: there is no credentials directory; the service must be started by systemd with LoadCredential=%s:FILE",
		    where, where + sizeof(cred) - 1));
	rc = sp_io_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, err);
	if (rc == SP_OK)
		rc = read_fd(fd, path, out, err);
	(void)sp_io_close(fd, NULL);
	free(path);
	if (rc != SP_OK && err != NULL)
		err->code = SP_ECONFIG;
	return (rc == SP_OK ? SP_OK : SP_ECONFIG);
}

void
sp_secrets_load(struct sp_secrets *s, const struct sp_config *cfg)
{
	s->n = cfg->npull;
	s->of = sp_xcalloc(s->n + 1, sizeof(*s->of));
	for (size_t i = 0; i < s->n; i++) {
		const struct sp_pull_conf *conf = &cfg->pull[i];
		struct sp_secret *one = &s->of[i];

		sp_buf_init(&one->password, 2 * SP_SECRET_MAX);
		sp_oauth_files_load(&one->oauth, conf);
		if (conf->password_file == NULL)
			continue;
		if (sp_secret_read(conf->password_file, &one->password,
			&one->why) == SP_OK)
			one->why.code = SP_OK;
	}
}

void
sp_secrets_done(struct sp_secrets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		sp_sasl_wipe(&s->of[i].password);
		sp_oauth_files_done(&s->of[i].oauth);
	}
	free(s->of);
	*s = (struct sp_secrets){ .n = 0 };
}

void
sp_secret_guard_process(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
