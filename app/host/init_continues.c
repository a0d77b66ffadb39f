/*
 * What a new archive takes from the one that it continues (init_continues.h).
 * The service of the new one must come up as the old one's would: the same
 * account, listeners and mailboxes, the same people who may log in.  The old
 * archive, its guard directory too, is left as it is: it is evidence.
 */
#include "app/host/init_continues.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/layout.h"
#include "journal/seal/create.h"

#define CONF_MAX   (1u << 20) /* bytes of the configuration */
#define GUARDS_MAX 1000u /* names that are tried for a guard directory */

/*
 * The guard directory of an archive that continues another, malloc'ed: DIR.guard
 * as for every new one, but beside the old one's where that had a place of its
 * own (another disk, say), with a number behind it where the name is taken.
 */
static char *
choose_guard(const struct sp_config_move *move, const char *old_guard)
{
	char *usual = sp_xasprintf("%s.guard", move->old);
	char *base = old_guard == NULL || strcmp(old_guard, usual) == 0
			 ? sp_xasprintf("%s.guard", move->dir)
			 : sp_xstrdup(old_guard);
	char *guard = sp_xstrdup(base);

	for (unsigned i = 2;
	     i < GUARDS_MAX && !sp_create_guard_is_free(move->dir, guard);
	     i++) {
		free(guard);
		guard = sp_xasprintf("%s-%u", base, i);
	}
	free(base);
	free(usual);
	return (guard);
}

/* Add the files of the folder ${name} of the old archive, if it has one. */
static enum sp_code
add_folder(const struct sp_config_move *move, const char *name,
    struct sp_texts *files, struct sp_err *err)
{
	char *dir = sp_layout_path(move->old, name), **names = NULL;
	enum sp_code rc = SP_OK;
	size_t n = 0;

	if (sp_io_exists(dir))
		rc = sp_io_list(dir, &names, &n, err);
	if (rc == SP_OK && n > 0)
		files->v =
		    sp_xrealloc(files->v, (files->n + n) * sizeof(*files->v));
	for (size_t i = 0; rc == SP_OK && i < n; i++)
		files->v[files->n++] = sp_xasprintf("%s/%s", name, names[i]);
	sp_io_names_free(names, n);
	free(dir);
	return (rc);
}

/* A copy of the first of the two that is given. */
static char *
either(const char *a, const char *b)
{
	const char *s = a != NULL ? a : b;

	return (s == NULL ? NULL : sp_xstrdup(s));
}

/* The guard is chosen before the text is made, which names it. */
enum sp_code
sp_init_continues_read(const struct sp_config_move *move,
    struct sp_init_continues *out, struct sp_err *err)
{
	char *path = sp_layout_path(move->old, "sealpost.conf");
	struct sp_config_move m = *move;
	struct sp_config *cfg = NULL;
	struct sp_buf text;
	enum sp_code rc;

	*out = (struct sp_init_continues){ 0 };
	sp_buf_init(&out->text, CONF_MAX);
	sp_buf_init(&text, CONF_MAX);
	rc = sp_io_read_file(path, CONF_MAX, &text, err);
	if (rc == SP_OK)
		rc = sp_config_parse(path, sp_buf_view(&text), &cfg, err);
	if (rc == SP_OK) {
		out->user = either(move->user, cfg->user);
		out->group = either(move->group, cfg->group);
		out->guard = move->guard != NULL
				 ? sp_xstrdup(move->guard)
				 : choose_guard(move, cfg->guard);
		m.guard = out->guard;
		rc = sp_config_moved(
		    &out->text, path, sp_buf_view(&text), &m, &out->files, err);
	}
	if (rc == SP_OK)
		rc = add_folder(move, "secrets", &out->files, err);
	sp_config_free(cfg);
	sp_buf_done(&text);
	free(path);
	return (rc);
}

void
sp_init_continues_done(struct sp_init_continues *c)
{
	free(c->guard);
	free(c->user);
	free(c->group);
	sp_buf_done(&c->text);
	sp_config_texts_free(&c->files);
}
