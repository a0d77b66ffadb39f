/*
 * How much an import will read, for the percentage that it shows: the sizes of
 * all regular files at and below the paths of the command line.  An estimate:
 * what cannot be looked at counts as nothing.
 */
#include "app/cmd/import_size.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/io.h"

#define DEPTH_MAX 64 /* folders below each other */

/* Bytes of the file, or of the tree, at ${path}. */
static uint64_t
size_of(const char *path, unsigned depth)
{
	char **names = NULL;
	uint64_t sum = 0;
	struct stat st;
	size_t n = 0;

	if (lstat(path, &st) != 0 || depth > DEPTH_MAX)
		return (0);
	if (S_ISREG(st.st_mode))
		return ((uint64_t)st.st_size);
	if (!S_ISDIR(st.st_mode) || sp_io_list(path, &names, &n, NULL) != SP_OK)
		return (0);
	for (size_t i = 0; i < n; i++) {
		char *sub = sp_xasprintf("%s/%s", path, names[i]);

		sum += size_of(sub, depth + 1);
		free(sub);
	}
	sp_io_names_free(names, n);
	return (sum);
}

uint64_t
sp_import_size(int n, char *const *paths)
{
	uint64_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += size_of(paths[i], 0);
	return (sum);
}
