/* What tests of imports share: see tests/import/import_kit.h. */
#include "base/sha256.h"
#include "import_kit.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static enum sp_code
on_item(void *ctx, const struct sp_import_item *item, struct sp_err *err)
{
	struct kit *k = ctx;
	struct kit_item *to;

	if (k->stop != SP_OK && k->n >= k->stop_at)
		return (sp_err_set(err, k->stop, 0, "stop here"));
	assert_true(k->n < KIT_ITEMS);
	to = &k->item[k->n++];
	to->n = item->msg.n;
	to->msg = sp_xcalloc(item->msg.n + 1, 1);
	if (item->msg.n > 0)
		memcpy(to->msg, item->msg.p, item->msg.n);
	to->path = sp_xstrdup(item->path);
	to->from_line = sp_view_dup(sp_view_trim(item->from_line));
	to->extra = sp_view_dup(item->extra);
	to->date = sp_view_dup(item->origin_date);
	to->member = sp_xstrdup(item->member == NULL ? "" : item->member);
	to->offset = item->offset;
	to->mbox = item->mbox;
	to->quoted = item->quoted;
	for (size_t i = 0; i < item->nflags; i++)
		to->incomplete |= strcmp(item->flags[i], "incomplete") == 0;
	to->boundary = item->boundary;
	memcpy(to->file_sha256, item->file_sha256, SP_SHA256_LEN);
	return (SP_OK);
}

static void
on_failed(void *ctx, const char *path, const char *why)
{
	struct kit *k = ctx;

	k->failed++;
	(void)snprintf(k->last_failed, sizeof(k->last_failed), "%s", path);
	(void)snprintf(k->last_why, sizeof(k->last_why), "%s", why);
}

static void
on_not_mail(void *ctx, const char *path, const char *kind)
{
	struct kit *k = ctx;

	assert_non_null(path);
	assert_string_equal(
	    sp_import_kind_name(sp_import_kind_named(kind)), kind);
	k->not_mail++;
	k->kinds[sp_import_kind_named(kind)]++;
}

static void
on_note(void *ctx, const char *path, const char *what)
{
	struct kit *k = ctx;

	assert_non_null(path);
	k->notes++;
	(void)snprintf(k->last_note, sizeof(k->last_note), "%s", what);
}

struct kit *
kit_new(void)
{
	struct kit *k = sp_xcalloc(1, sizeof(*k));

	(void)snprintf(k->root, sizeof(k->root), "/tmp/sp-import-XXXXXX");
	assert_non_null(mkdtemp(k->root));
	k->im = (struct sp_import){ .max_message = 1u << 20,
		.item = on_item,
		.failed = on_failed,
		.not_mail = on_not_mail,
		.note = on_note,
		.ctx = k };
	return (k);
}

void
kit_clear(struct kit *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->item[i].msg);
		free(k->item[i].path);
		free(k->item[i].from_line);
		free(k->item[i].extra);
		free(k->item[i].date);
		free(k->item[i].member);
	}
	k->n = k->failed = k->not_mail = k->notes = 0;
	k->last_why[0] = k->last_failed[0] = k->last_note[0] = '\0';
	memset(k->kinds, 0, sizeof(k->kinds));
}

static int
on_walk(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(path));
}

void
kit_free(struct kit *k)
{
	kit_clear(k);
	(void)nftw(k->root, on_walk, 16, FTW_DEPTH | FTW_PHYS);
	free(k);
}

char *
kit_path(const struct kit *k, const char *name)
{
	return (sp_xasprintf("%s/%s", k->root, name));
}

void
kit_put(struct kit *k, const char *name, const void *p, size_t n)
{
	char *path = kit_path(k, name);
	int fd;

	for (char *at = strchr(path + strlen(k->root) + 1, '/'); at != NULL;
	     at = strchr(at + 1, '/')) {
		*at = '\0';
		(void)mkdir(path, 0755);
		*at = '/';
	}
	if (p == NULL) {
		assert_int_equal(mkdir(path, 0755), 0);
		free(path);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	assert_int_equal(close(fd), 0);
	free(path);
}

void
kit_puts(struct kit *k, const char *name, const char *text)
{
	kit_put(k, name, text, strlen(text));
}

enum sp_code
kit_import(struct kit *k, const char *name)
{
	char *path = kit_path(k, name);
	struct sp_err err = { .msg = "" };
	enum sp_code rc = sp_import_path(&k->im, path, &err);

	free(path);
	return (rc);
}
