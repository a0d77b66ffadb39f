/*
 * Makes the configuration of an archive into that of the one that continues it
 * (`sealpost init --continues`): its own guard directory, account and listener
 * are set, files inside the old archive become files inside the new one, and
 * every other byte stays, comments too.  The reader says where each value
 * stands (config_read.c); the result is loaded before it is given out.
 */
#include <stdlib.h>
#include <string.h>

#include "base/config/config_priv.h"

/* One configuration being moved. */
struct config_move {
	const struct sp_config_move *to;
	const struct sp_config_file *file; /* what ${text} gives */
	struct sp_view text;
	struct sp_buf *out;
	struct sp_texts *files;
};

void
sp_config_texts_free(struct sp_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i]);
	free(t->v);
	*t = (struct sp_texts){ 0 };
}

/* Add ${name} to the list unless it is there. */
static void
add_file(struct sp_texts *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->v[i], name) == 0)
			return;
	}
	t->v = sp_xrealloc(t->v, (t->n + 1) * sizeof(*t->v));
	t->v[t->n++] = sp_xstrdup(name);
}

/* What ${path} is below the directory; NULL where it is not below it. */
static const char *
below(const char *path, const char *dir)
{
	const size_t n = strlen(dir);

	if (strncmp(path, dir, n) != 0 || path[n] != '/' || path[n + 1] == '\0')
		return (NULL);
	return (path + n + 1);
}

/* Append a value in quotes; double ones unless it has what they do not take. */
static enum sp_code
add_quoted(struct sp_buf *out, const char *value)
{
	const char q = strstr(value, "${") != NULL ? '\'' : '"';
	enum sp_code rc = sp_buf_addc(out, q);

	for (; rc == SP_OK && *value != '\0'; value++) {
		if (*value == q || *value == '\\')
			rc = sp_buf_addc(out, '\\');
		if (rc == SP_OK)
			rc = sp_buf_addc(out, *value);
	}
	return (rc == SP_OK ? sp_buf_addc(out, q) : rc);
}

/* The value that an option is set to; NULL: as it is. */
static const char *
value_of(const struct sp_config_move *m, const struct sp_config_option *o)
{
	const bool top = *o->section == '\0';

	if (top && strcmp(o->name, "guard") == 0)
		return (m->guard);
	if (top && strcmp(o->name, "user") == 0)
		return (m->user);
	if (top && strcmp(o->name, "group") == 0)
		return (m->group);
	if (strcmp(o->section, "listen") == 0 &&
	    strcmp(o->name, "address") == 0)
		return (m->listen);
	return (NULL);
}

/* The path ${value} below one of the archives, as a path below the new one,
 * malloc'ed; NULL where it lies elsewhere.  Files are noted, sockets are not:
 * they are made. */
static char *
moved_path(
    struct config_move *v, const struct sp_config_option *o, const char *value)
{
	static const char unix_socket[] = "unix:";
	const bool socket =
	    o->type == SP_CT_ADDRESS && strncmp(value, unix_socket, 5) == 0;
	const char *path = socket ? value + 5 : value, *name;

	if (!socket && o->type != SP_CT_PATH && o->type != SP_CT_SECRET &&
	    o->type != SP_CT_PATHS)
		return (NULL);
	name = below(path, v->to->old);
	if (name == NULL)
		name = below(path, v->to->dir);
	if (name == NULL)
		return (NULL);
	if (!socket)
		add_file(v->files, name);
	return (sp_xasprintf(
	    "%s%s/%s", socket ? unix_socket : "", v->to->dir, name));
}

/* Append ${name} = ${value} at the top level, unless the text has given it. */
static enum sp_code
add_missing(struct config_move *v, const char *name, const char *value)
{
	enum sp_code rc;

	if (value == NULL || sp_config_given(v->file, "", "", name))
		return (SP_OK);
	rc = sp_buf_addf(v->out, "%s = ", name);
	if (rc == SP_OK)
		rc = add_quoted(v->out, value);
	return (rc == SP_OK ? sp_buf_addc(v->out, '\n') : rc);
}

/* Append the text with its values replaced where they must be. */
static enum sp_code
copy(struct config_move *v)
{
	enum sp_code rc = add_missing(v, "user", v->to->user);
	size_t from = 0;

	if (rc == SP_OK)
		rc = add_missing(v, "group", v->to->group);
	if (rc == SP_OK)
		rc = add_missing(v, "guard", v->to->guard);
	for (size_t i = 0; rc == SP_OK && i < v->file->nvalues; i++) {
		const struct sp_config_given *g = &v->file->values[i];
		const char *set = value_of(v->to, g->option);
		char *text =
		    sp_config_unquote(sp_view_mem(v->text.p + g->at, g->n));
		char *path =
		    set != NULL ? NULL : moved_path(v, g->option, text);

		rc = sp_buf_add(v->out, v->text.p + from, g->at - from);
		if (rc == SP_OK && set == NULL && path == NULL)
			rc = sp_buf_add(v->out, v->text.p + g->at, g->n);
		else if (rc == SP_OK)
			rc = add_quoted(v->out, set != NULL ? set : path);
		from = g->at + g->n;
		free(path);
		free(text);
	}
	if (rc == SP_OK)
		rc = sp_buf_add(v->out, v->text.p + from, v->text.n - from);
	return (rc);
}

/* Load what was made, under the name it will have. */
static enum sp_code
check(const struct config_move *v, size_t before, struct sp_err *err)
{
	char *path = sp_xasprintf("%s/sealpost.conf", v->to->dir);
	struct sp_config *c = NULL;
	enum sp_code rc;

	rc = sp_config_parse(
	    path, sp_view_mem(v->out->p + before, v->out->n - before), &c, err);
	if (rc == SP_ECONFIG) {
		rc = SP_EUSAGE;
		(void)sp_err_prefix(
		    err, "the configuration taken from %s", v->to->old);
	}
	sp_config_free(c);
	free(path);
	return (rc);
}

/* A listener's address is only set where it is clear which one is meant. */
enum sp_code
sp_config_moved(struct sp_buf *out, const char *path, struct sp_view text,
    const struct sp_config_move *m, struct sp_texts *files, struct sp_err *err)
{
	const size_t before = out->n;
	struct sp_config *c = sp_config_default();
	struct sp_config_file file = { .path = path };
	struct config_move v = {
		.to = m, .file = &file, .text = text, .out = out, .files = files
	};
	enum sp_code rc;

	*files = (struct sp_texts){ 0 };
	rc = sp_config_read(c, text, &file, err);
	if (rc == SP_OK && m->listen != NULL && c->nlisten != 1)
		rc = sp_err_set(err, SP_EUSAGE, 0,
		    "--listen: %s has %zu listeners; change their addresses in the new sealpost.conf instead",
		    path, c->nlisten);
	if (rc == SP_OK && copy(&v) != SP_OK)
		rc = sp_err_set(err, SP_ELIMIT, 0, "%s is too long", path);
	if (rc == SP_OK)
		rc = check(&v, before, err);
	if (rc != SP_OK) {
		out->n = before;
		sp_config_texts_free(files);
	}
	sp_config_file_done(&file);
	sp_config_free(c);
	return (rc);
}
