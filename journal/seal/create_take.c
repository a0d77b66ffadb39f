/*
 * What a new archive takes along of the one that it continues: users,
 * certificates, secrets (create.h, ${take}).  The old archive belongs to its
 * account, and init is often root's.  So no symbolic link is followed: behind one
 * that the account made could be a file that only root may read, and the copy is
 * the account's.  A link is copied as a link, which also keeps a certificate that
 * is renewed elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/layout.h"
#include "base/secret.h"
#include "journal/seal/create_priv.h"

#define DIR_MODE   0700
#define FILE_BYTES (1u << 20) /* of a file that is taken */
#define LINK_BYTES 4096 /* of a link's target */
#define DEPTH_MAX  16 /* folders in folders, and links to links */

/* Parts that every archive makes itself: another's in their place would be a
 * stolen key, or another log. */
static const char *const own[] = { "FORMAT", "sealpost.conf", "intake",
	"archive", "tree", "index", "state", "keys/log.key", "keys/log.vkey",
	"keys/log.pub.pem", "keys/seal.key", "keys/seal.crt",
	"keys/seal-all.crt" };

/* From where to where. */
struct taking {
	const char *old, *stage;
};

static enum sp_code take(const struct taking *t, const char *name,
    unsigned depth, struct sp_err *err);

/* Whether ${name} is such a part, or lies in one. */
static bool
is_own(const char *name)
{
	for (size_t i = 0; i < SP_COUNTOF(own); i++) {
		const size_t n = strlen(own[i]);

		if (strncmp(name, own[i], n) == 0 &&
		    (name[n] == '\0' || name[n] == '/'))
			return (true);
	}
	return (false);
}

/* Whether one of the names of the path ${path} is "..". */
static bool
leads_up(const char *path)
{
	struct sp_view rest = sp_view_str(path);

	while (rest.p != NULL) {
		if (sp_view_eq_str(sp_view_cut(&rest, '/'), ".."))
			return (true);
	}
	return (false);
}

/* ${path} without "." and empty names, malloc'ed, as is_own() compares. */
static char *
plain_name(const char *path)
{
	struct sp_view rest = sp_view_str(path), w;
	char *plain = sp_xstrdup(path), *at = plain;

	while (rest.p != NULL) {
		w = sp_view_cut(&rest, '/');
		if (w.n == 0 || sp_view_eq_str(w, "."))
			continue;
		if (at != plain)
			*at++ = '/';
		memcpy(at, w.p, w.n);
		at += w.n;
	}
	*at = '\0';
	return (plain);
}

/* Copy the file ${from} to ${to}. */
static enum sp_code
take_file(const char *from, const char *to, struct sp_err *err)
{
	struct sp_buf data;
	struct stat st;
	enum sp_code rc;
	char self[64];
	int fd = -1;

	sp_buf_init(&data, FILE_BYTES);
	rc = sp_io_open(
	    from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, &fd, err);
	if (rc == SP_OK && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)))
		rc = sp_err_set(err, SP_EUSAGE, 0,
		    "%s is no regular file and cannot be taken along", from);
	if (rc == SP_OK) {
		/* the file that was looked at, whatever has its name now */
		(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		rc = sp_io_read_file(self, FILE_BYTES, &data, err);
		if (rc != SP_OK)
			(void)sp_err_prefix(err, "%s", from);
	}
	if (rc == SP_OK)
		rc = sp_io_replace(
		    to, data.p, data.n, (unsigned)st.st_mode & 0777, err);
	(void)sp_io_close(fd, NULL);
	sp_secret_wipe(data.p, data.n);
	sp_buf_done(&data);
	return (rc);
}

/* Copy all that is in the folder ${name}. */
static enum sp_code
take_folder(const struct taking *t, const char *name, const char *from,
    const char *to, unsigned depth, struct sp_err *err)
{
	char **names = NULL;
	size_t n = 0;
	enum sp_code rc = sp_io_mkdirs(to, DIR_MODE, err);

	if (rc == SP_OK)
		rc = sp_io_list(from, &names, &n, err);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		char *below = sp_xasprintf("%s/%s", name, names[i]);

		rc = take(t, below, depth + 1, err);
		free(below);
	}
	sp_io_names_free(names, n);
	return (rc);
}

/* The target of a copy of the link ${from} to ${target}, malloc'ed: where that
 * leads out of its folder it would lead elsewhere from the copy. */
static char *
target_of_copy(const char *from, const char *target)
{
	char *parent, *real, *full;

	if (target[0] == '/' || !leads_up(target))
		return (sp_xstrdup(target));
	parent = sp_io_parent(from, NULL);
	real = realpath(parent, NULL);
	full = sp_xasprintf("%s/%s", real == NULL ? parent : real, target);
	free(real);
	free(parent);
	return (full);
}

/* Copy the link ${name}, and what it leads to where that is beside it. */
static enum sp_code
take_link(const struct taking *t, const char *name, const char *from,
    const char *to, unsigned depth, struct sp_err *err)
{
	char target[LINK_BYTES], *copy, *parent, *beside;
	ssize_t n = readlink(from, target, sizeof(target) - 1);
	enum sp_code rc;

	if (n < 0)
		return (sp_err_set(
		    err, SP_EIO, errno, "cannot read the link %s", from));
	target[n] = '\0';
	copy = target_of_copy(from, target);
	rc = sp_io_unlink(to, err); /* of an interrupted run */
	if (rc == SP_OK)
		rc = sp_io_symlink(copy, to, err);
	free(copy);
	if (rc == SP_OK && target[0] != '/' && !leads_up(target)) {
		parent = sp_io_parent(name, NULL);
		beside = strcmp(parent, ".") == 0
			     ? sp_xstrdup(target)
			     : sp_xasprintf("%s/%s", parent, target);
		rc = take(t, beside, depth + 1, err);
		free(beside);
		free(parent);
	}
	return (rc);
}

/* The length of the first names of ${name} that have to be copied as one: up to
 * a link, which stands for all behind it, or all of it. */
static size_t
up_to_link(const struct taking *t, const char *name)
{
	for (size_t n = strcspn(name, "/"); name[n] != '\0';
	     n += 1 + strcspn(name + n + 1, "/")) {
		char *path = sp_xasprintf("%s/%.*s", t->old, (int)n, name);
		struct stat st;
		const bool link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);

		free(path);
		if (link)
			return (n);
	}
	return (strlen(name));
}

/* Copy ${name} and what belongs to it. */
static enum sp_code
take(const struct taking *t, const char *name, unsigned depth,
    struct sp_err *err)
{
	char *part = strndup(name, up_to_link(t, name));
	char *from = sp_layout_path(t->old, part);
	char *to = sp_layout_path(t->stage, part);
	char *parent = sp_io_parent(to, NULL);
	enum sp_code rc = SP_OK;
	struct stat st;

	if (depth > DEPTH_MAX)
		rc = sp_err_set(err, SP_ELIMIT, 0,
		    "%s: folders or links are nested too deep to be taken along",
		    from);
	else if (is_own(part))
		goto out;
	else if (lstat(from, &st) != 0) {
		/* It was missing for the old archive, too. */
		if (errno != ENOENT)
			rc = sp_err_set(
			    err, SP_EIO, errno, "cannot look at %s", from);
		goto out;
	}
	if (rc == SP_OK)
		rc = sp_io_mkdirs(parent, DIR_MODE, err);
	if (rc == SP_OK && S_ISLNK(st.st_mode))
		rc = take_link(t, part, from, to, depth, err);
	else if (rc == SP_OK && S_ISDIR(st.st_mode))
		rc = take_folder(t, part, from, to, depth, err);
	else if (rc == SP_OK)
		rc = take_file(from, to, err);
out:
	free(parent);
	free(to);
	free(from);
	free(part);
	return (rc);
}

enum sp_code
sp_create_take(
    const char *old, const char *stage, const char *name, struct sp_err *err)
{
	const struct taking t = { old, stage };
	enum sp_code rc = SP_OK;
	char *plain;

	if (leads_up(name))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "%s/%s: a path with .. cannot be taken along; write it without in the configuration",
		    old, name));
	plain = plain_name(name);
	if (*plain != '\0')
		rc = take(&t, plain, 0, err);
	free(plain);
	return (rc);
}
