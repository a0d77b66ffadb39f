/*
 * Small things that every reader of the room needs: to compare the end of a
 * name, to report what could not be read, and a temporary file for what must
 * be read twice.  They lie below the readers, so that no reader needs the walk
 * (import.c) that calls it.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/io.h"
#include "journal/import/import_priv.h"

bool
sp_import_ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return (n > s && strcasecmp(name + n - s, suffix) == 0);
}

/* "PATH:MEMBER" with control bytes replaced; malloc'ed. */
static char *
printable(const char *path, const char *member)
{
	char *text = member == NULL || member[0] == '\0'
			 ? sp_xstrdup(path)
			 : sp_xasprintf("%s:%s", path, member);

	for (char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	return (text);
}

void
sp_import_failed(const struct sp_import *im, const char *path,
    const char *member, const char *why)
{
	char *text = printable(path, member);

	im->failed(im->ctx, text, why);
	free(text);
}

void
sp_import_note(const struct sp_import *im, const char *path, const char *member,
    const char *what)
{
	char *text;

	if (im->note == NULL)
		return;
	text = printable(path, member);
	im->note(im->ctx, text, what);
	free(text);
}

enum sp_code
sp_import_add_facts(struct sp_buf *extra, struct sp_view more)
{
	enum sp_code rc = SP_OK;

	if (more.n == 0)
		return (SP_OK);
	if (extra->n > 0)
		rc = sp_buf_addc(extra, ',');
	return (rc == SP_OK ? sp_buf_addv(extra, more) : rc);
}

enum sp_code
sp_import_tmpfile(int *fd, struct sp_err *err)
{
	const char *tmp = getenv("TMPDIR");

	return (sp_io_tmpfile(tmp == NULL ? "/tmp" : tmp, fd, err));
}
