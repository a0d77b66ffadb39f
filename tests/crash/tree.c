/* See tree.h. */
#include "tests/crash/tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/sha256.h"

#define FILE_MAX (256u << 20)

static void
must(bool good, const char *path)
{
	if (good)
		return;
	(void)fprintf(stderr, "crash: ");
	perror(path);
	abort();
}

static void
copy_file(const char *from, const char *to, mode_t mode)
{
	static char buf[1 << 16];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	ssize_t n;

	must(in >= 0, from);
	must(out >= 0, to);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		must(write(out, buf, (size_t)n) == n, to);
	must(n == 0, from);
	must(fchmod(out, mode) == 0, to);
	(void)close(in);
	(void)close(out);
}

void
tree_copy(const char *from, const char *to)
{
	struct stat st;
	char **names = NULL;
	size_t n = 0;

	must(stat(from, &st) == 0, from);
	if (S_ISREG(st.st_mode)) {
		copy_file(from, to, st.st_mode & 07777);
		return;
	}
	must(S_ISDIR(st.st_mode), from);
	must(mkdir(to, 0700) == 0, to);
	must(sp_io_list(from, &names, &n, NULL) == SP_OK, from);
	for (size_t i = 0; i < n; i++) {
		char *a = sp_xasprintf("%s/%s", from, names[i]);
		char *b = sp_xasprintf("%s/%s", to, names[i]);

		tree_copy(a, b);
		free(a);
		free(b);
	}
	sp_io_names_free(names, n);
	must(chmod(to, st.st_mode & 07777) == 0, to);
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(path));
}

void
tree_remove(const char *path)
{
	if (access(path, F_OK) == 0)
		must(nftw(path, drop, 32, FTW_DEPTH | FTW_PHYS) == 0, path);
}

static void
describe(const char *root, const char *rel, bool (*skip)(const char *),
    struct sp_buf *out)
{
	char *path = sp_xasprintf("%s/%s", root, rel);
	char hex[2 * SP_SHA256_LEN + 1] = "directory";
	uint8_t sum[SP_SHA256_LEN];
	char **names = NULL;
	struct sp_buf data;
	struct stat st;
	size_t n = 0;

	sp_buf_init(&data, FILE_MAX);
	must(lstat(path, &st) == 0, path);
	if (S_ISREG(st.st_mode)) {
		must(sp_io_read_file(path, FILE_MAX, &data, NULL) == SP_OK,
		    path);
		sp_sha256_once(data.p, data.n, sum);
		sp_hex_encode(sum, sizeof(sum), hex);
	} else {
		must(sp_io_list(path, &names, &n, NULL) == SP_OK, path);
	}
	must(sp_buf_addf(out, "%s %zu %s\n", rel, data.n, hex) == SP_OK, path);
	for (size_t i = 0; i < n; i++) {
		char *sub = *rel == '\0' ? sp_xstrdup(names[i])
					 : sp_xasprintf("%s/%s", rel, names[i]);

		if (skip == NULL || !skip(sub))
			describe(root, sub, skip, out);
		free(sub);
	}
	sp_io_names_free(names, n);
	sp_buf_done(&data);
	free(path);
}

void
tree_describe(
    const char *path, bool (*skip)(const char *name), struct sp_buf *out)
{
	describe(path, "", skip, out);
}
