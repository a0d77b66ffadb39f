#include "base/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"

void
sp_secret_wipe(void *p, size_t n)
{
	if (p != NULL && n > 0)
		OPENSSL_cleanse(p, n);
}

void
sp_secret_init(struct sp_buf *b, size_t max)
{
	sp_buf_init(b, max);
	/* Never NULL: within the maximum. */
	(void)sp_buf_reserve(b, max);
}

void
sp_secret_done(struct sp_buf *b)
{
	sp_secret_wipe(b->p, b->cap);
	sp_buf_done(b);
}

/* The path that is meant; malloc'ed. */
static enum sp_code
resolve(const char *what, const char *path, char **out, struct sp_err *err)
{
	static const char prefix[] = "credential:";
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (strncmp(path, prefix, sizeof(prefix) - 1) != 0) {
		*out = sp_xstrdup(path);
		return (SP_OK);
	}
	if (dir == NULL || *dir != '/')
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s is %s, and systemd gave no credentials to this process: use LoadCredential= in the unit, or an absolute path",
		    what, path));
	*out = sp_xasprintf("%s/%s", dir, path + sizeof(prefix) - 1);
	return (SP_OK);
}

bool
sp_secret_path_ok(const char *s)
{
	static const char cred[] = "credential:";

	if (strncmp(s, cred, sizeof(cred) - 1) != 0)
		return (*s == '/');
	s += sizeof(cred) - 1;
	return (*s != '\0' && *s != '.' && strchr(s, '/') == NULL);
}

enum sp_code
sp_secret_file(const char *what, const char *path, bool secret,
    struct sp_buf *out, struct sp_err *err)
{
	enum sp_code rc;
	struct stat st;
	char *at = NULL;

	sp_secret_init(out, SP_SECRET_FILE_MAX + 1);
	rc = resolve(what, path, &at, err);
	if (rc != SP_OK)
		return (rc);
	if (stat(at, &st) != 0)
		rc = sp_err_set(
		    err, SP_EKEY, errno, "cannot read %s %s", what, at);
	else if (secret && (st.st_mode & (S_IROTH | S_IWOTH)) != 0)
		rc = sp_err_set(err, SP_EKEY, 0,
		    "%s %s may be read by everybody: chmod 600 it, and give it to the account of the archive",
		    what, at);
	else
		rc = sp_io_read_file(at, SP_SECRET_FILE_MAX, out, err);
	if (rc != SP_OK && rc != SP_EKEY) {
		err->code = SP_EKEY;
		rc = sp_err_prefix(err, "%s", what);
	}
	free(at);
	return (rc);
}

enum sp_code
sp_secret_trim(const char *what, struct sp_buf *b, struct sp_err *err)
{
	while (b->n > 0 && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r'))
		b->n--;
	if (b->n == 0)
		return (sp_err_set(err, SP_EKEY, 0, "%s is empty", what));
	if (memchr(b->p, '\n', b->n) != NULL ||
	    memchr(b->p, '\0', b->n) != NULL)
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s has more than one line; expected the secret alone",
		    what));
	return (SP_OK);
}
