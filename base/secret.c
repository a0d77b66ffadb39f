/*
 * Secrets in memory, and the one reader of secret files.  Used for every option
 * of the configuration that names such a file: passwords and OAuth files of
 * pull sections, the password of submit, the users of a listener.  A file is
 * opened once, and what was opened is what is checked and read, so that it
 * cannot be exchanged in between.  The bytes go from the kernel into the buffer
 * of the caller and nowhere else.
 */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"

static const char credential[] = "credential:";

void
sp_secret_wipe(void *p, size_t n)
{
	if (p != NULL && n > 0)
		OPENSSL_cleanse(p, n);
}

void
sp_secret_init(struct sp_buf *b, size_t max)
{
	/* One byte more, so that sp_buf_cstr does not move it either. */
	sp_buf_init(b, max + 1);
	/* A buffer that could not be had now must not grow bit by bit later. */
	b->max = sp_buf_reserve(b, max + 1) == NULL ? 0 : max;
}

void
sp_secret_done(struct sp_buf *b)
{
	sp_secret_wipe(b->p, b->cap);
	sp_buf_done(b);
}

/* The NAME in "credential:NAME"; NULL: it is a path. */
static const char *
credential_name(const char *path)
{
	const size_t n = sizeof(credential) - 1;

	return (strncmp(path, credential, n) == 0 ? path + n : NULL);
}

bool
sp_secret_path_ok(const char *path)
{
	const char *name = credential_name(path);

	if (name == NULL)
		return (*path == '/');
	return (*name != '\0' && *name != '.' && strchr(name, '/') == NULL);
}

/* The file that ${path} stands for goes to ${out}, malloc'ed. */
static enum sp_code
resolve(const char *what, const char *path, char **out, struct sp_err *err)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	const char *name = credential_name(path);

	if (name != NULL && !sp_secret_path_ok(path))
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s %s: the name of a credential has no \"/\" and does not begin with a dot",
		    what, path));
	if (name != NULL && (dir == NULL || *dir != '/'))
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s %s: there is no credentials directory; the service must be started by systemd with LoadCredential=%s:FILE in the unit",
		    what, path, name));
	*out =
	    name == NULL ? sp_xstrdup(path) : sp_xasprintf("%s/%s", dir, name);
	return (SP_OK);
}

/* Check what was opened and read it, at most ${max} bytes. */
static enum sp_code
read_fd(int fd, const char *what, const char *path, bool secret, size_t max,
    struct sp_buf *out, struct sp_err *err)
{
	struct stat st;
	struct sp_err why;
	size_t n = 0;
	char *at;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return (sp_err_set(
		    err, SP_EKEY, 0, "%s %s is no regular file", what, path));
	if (secret && (st.st_mode & (S_IROTH | S_IWOTH)) != 0)
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s %s: everybody on this host can read or change it; chmod 600 it, and give it to the account that reads it",
		    what, path));
	at = sp_buf_reserve(out, max + 1);
	if (at == NULL)
		return (sp_err_set(
		    err, SP_EKEY, ENOMEM, "%s %s cannot be read", what, path));
	if (sp_io_pread(fd, at, max + 1, 0, &n, &why) != SP_OK)
		return (sp_err_set(err, SP_EKEY, why.errnum,
		    "%s %s cannot be read", what, path));
	if (n > max)
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s %s is larger than %zu bytes", what, path, max));
	out->n = n;
	return (SP_OK);
}

/* What was read of a file that is refused is overwritten at once. */
enum sp_code
sp_secret_file(const char *what, const char *path, bool secret, size_t max,
    struct sp_buf *out, struct sp_err *err)
{
	struct sp_err why;
	char *file = NULL;
	enum sp_code rc;
	int fd = -1;

	sp_secret_init(out, max + 1);
	rc = resolve(what, path, &file, err);
	if (rc != SP_OK)
		return (rc);
	/* Without O_NONBLOCK opening a FIFO would wait for its writer. */
	if (sp_io_open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, &why) !=
	    SP_OK)
		rc = sp_err_set(err, SP_EKEY, why.errnum,
		    "%s %s cannot be read", what, file);
	else
		rc = read_fd(fd, what, file, secret, max, out, err);
	if (rc != SP_OK)
		sp_secret_wipe(out->p, out->cap);
	(void)sp_io_close(fd, NULL);
	free(file);
	return (rc);
}

enum sp_code
sp_secret_line(
    const char *what, const char *path, struct sp_buf *out, struct sp_err *err)
{
	enum sp_code rc =
	    sp_secret_file(what, path, true, SP_SECRET_FILE_MAX, out, err);
	char *name;

	if (rc != SP_OK)
		return (rc);
	name = sp_xasprintf("%s %s", what, path);
	rc = sp_secret_trim(name, out, err);
	free(name);
	return (rc);
}

enum sp_code
sp_secret_trim(const char *what, struct sp_buf *b, struct sp_err *err)
{
	bool more, nul;

	while (b->n > 0 && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r'))
		b->n--;
	more = b->n > 0 && memchr(b->p, '\n', b->n) != NULL;
	nul = b->n > 0 && memchr(b->p, '\0', b->n) != NULL;
	if (b->n > 0 && !more && !nul)
		return (SP_OK);
	sp_secret_wipe(b->p, b->cap);
	b->n = 0;
	if (nul)
		return (sp_err_set(err, SP_EKEY, 0,
		    "%s has a NUL byte in it; expected the secret alone, as plain text (not UTF-16, no binary key)",
		    what));
	return (sp_err_set(err, SP_EKEY, 0,
	    more ? "%s has more than one line; expected the secret alone"
		 : "%s is empty; expected the secret alone",
	    what));
}
