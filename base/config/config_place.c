/*
 * Where options and sections stand in a file: for the messages of the checks
 * over several options, while the file is read, and of what is found out about
 * files and accounts when the service looks at them later.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config_priv.h"

const struct sp_config_item *
sp_config_find(const struct sp_config_file *f, const char *section,
    struct sp_view title, const char *name)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct sp_config_item *it = &f->items[i];

		if (strcmp(it->section, section) == 0 &&
		    sp_view_eq(it->title, title) && strcmp(it->name, name) == 0)
			return (it);
	}
	return (NULL);
}

struct sp_config_place
sp_config_place(const struct sp_config_file *f, const char *section,
    const char *title, const char *name)
{
	const struct sp_view t = sp_view_str(title);
	const struct sp_config_item *it = sp_config_find(f, section, t, name);

	if (it == NULL)
		it = sp_config_find(f, section, t, "");
	return (it == NULL ? (struct sp_config_place){ 1, 1 } : it->at);
}

bool
sp_config_given(const struct sp_config_file *f, const char *section,
    const char *title, const char *name)
{
	return (sp_config_find(f, section, sp_view_str(title), name) != NULL);
}

enum sp_code
sp_config_wrong(const struct sp_config_file *f, struct sp_err *err,
    const char *section, const char *title, const char *name, const char *fmt,
    ...)
{
	const struct sp_config_place at =
	    sp_config_place(f, section, title, name);
	char what[SP_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return (sp_err_set(err, SP_ECONFIG, 0, "%s:%u:%u: %s", f->path, at.line,
	    at.column, what));
}

/* The text of the file goes, so titles are copied. */
void
sp_config_keep_places(struct sp_config *c, const struct sp_config_file *f)
{
	c->places = sp_xcalloc(f->n == 0 ? 1 : f->n, sizeof(*c->places));
	c->nplaces = f->n;
	for (size_t i = 0; i < f->n; i++) {
		c->places[i] = (struct sp_config_line){
			.section = f->items[i].section,
			.title = sp_view_dup(f->items[i].title),
			.option = f->items[i].name,
			.line = f->items[i].at.line,
		};
	}
}

unsigned
sp_config_line(const struct sp_config *c, const char *section,
    const char *title, const char *option)
{
	unsigned begin = 0;

	for (size_t i = 0; i < c->nplaces; i++) {
		const struct sp_config_line *l = &c->places[i];

		if (strcmp(l->section, section) != 0 ||
		    strcmp(l->title, title) != 0)
			continue;
		if (strcmp(l->option, option) == 0)
			return (l->line);
		if (*l->option == '\0')
			begin = l->line;
	}
	return (begin);
}
