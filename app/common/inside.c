/*
 * Paths and the directories that they lie in (inside.h).  A name that is not
 * there yet is looked for by the folder that it would be made in.
 */
#include "app/common/inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"

char *
sp_inside_nearest(const char *path, bool *whole)
{
	char *at = sp_xstrdup(path), *real = realpath(at, NULL);

	if (whole != NULL)
		*whole = real != NULL;
	while (real == NULL && strcmp(at, "/") != 0 && strcmp(at, ".") != 0) {
		char *up = sp_io_parent(at, NULL);

		free(at);
		at = up;
		real = realpath(at, NULL);
	}
	if (real == NULL)
		real = sp_xstrdup(at);
	free(at);
	return (real);
}

bool
sp_inside(const char *path, const char *dir)
{
	char *real = realpath(dir, NULL), *at;
	size_t n = real == NULL ? 0 : strlen(real);
	bool is;

	if (real == NULL)
		return (false);
	at = sp_inside_nearest(path, NULL);
	n = strcmp(real, "/") == 0 ? 0 : n;
	is = strncmp(at, real, n) == 0 && (at[n] == '\0' || at[n] == '/');
	free(at);
	free(real);
	return (is);
}
