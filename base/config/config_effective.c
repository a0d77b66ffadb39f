/*
 * The effective configuration as text: every option with the value in force,
 * "section.name.option = value" a line, sorted.  It is what `sealpost config
 * check` prints and what a config entry of the archive records, so that one
 * can see what was in force when.  Secrets are in files, so none is in it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/config/config_priv.h"

#define TEXT_MAX (4u << 20) /* bytes of the effective configuration */

/* How a value becomes text: sp_config_get() or sp_config_get_human(). */
typedef enum sp_code getter(
    const void *base, const struct sp_config_option *o, struct sp_buf *out);

/* Append "section.title.option = value" for each option of one struct; ${sec}
 * NULL: of sp_config, without titles. */
static enum sp_code
lines(const void *base, const struct sp_config_section *sec, const char *title,
    getter *get, struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < sp_config_noptions; i++) {
		const struct sp_config_option *o = &sp_config_options[i];

		if (!sp_config_is_of(o, sec))
			continue;
		rc = sp_buf_addf(out, "%s%s%s%s%s = ", o->section,
		    *o->section == '\0' ? "" : ".", title,
		    sec == NULL ? "" : ".", o->name);
		if (rc == SP_OK)
			rc = get(base, o, out);
		if (rc == SP_OK)
			rc = sp_buf_addc(out, '\n');
	}
	return (rc);
}

static int
by_view(const void *a, const void *b)
{
	const struct sp_view *x = a, *y = b;
	const int d = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return (d != 0 ? d : (x->n > y->n) - (x->n < y->n));
}

/* The lines of ${in}, sorted bytewise; malloc'ed. */
static char *
sorted(struct sp_view in)
{
	struct sp_view *v, rest = in;
	struct sp_buf out;
	size_t n = 0, cap = 64;

	v = sp_xmalloc(cap * sizeof(*v));
	while (rest.n > 0) {
		if (n == cap) {
			cap *= 2;
			v = sp_xrealloc(v, cap * sizeof(*v));
		}
		v[n++] = sp_view_cut(&rest, '\n');
	}
	qsort(v, n, sizeof(*v), by_view);
	sp_buf_init(&out, in.n + 1);
	for (size_t i = 0; i < n; i++) {
		if (sp_buf_addv(&out, v[i]) != SP_OK ||
		    sp_buf_addc(&out, '\n') != SP_OK)
			abort();
	}
	free(v);
	return (sp_buf_take(&out, NULL));
}

/* One struct after the other, then all lines sorted: the text depends on the
 * values alone, not on the order in the file.  NULL: it would be too large. */
static char *
whole_text(const struct sp_config *c, getter *get)
{
	char *text = NULL;
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, TEXT_MAX);
	rc = lines(c, NULL, "", get, &b);
	for (size_t i = 0; rc == SP_OK && i < sp_config_nsections; i++) {
		const struct sp_config_section *sec = &sp_config_sections[i];

		for (size_t k = 0; rc == SP_OK && k < sp_config_count(c, sec);
		     k++) {
			const void *base = sp_config_at(c, sec, k);

			/* the first member of a section's struct is its name */
			rc = lines(base, sec, *(char *const *)base, get, &b);
		}
	}
	if (rc == SP_OK)
		text = sorted(sp_buf_view(&b));
	sp_buf_done(&b);
	return (text);
}

enum sp_code
sp_config_effective(struct sp_config *c, struct sp_err *err)
{
	char *text = whole_text(c, sp_config_get);

	if (text == NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s: the configuration is larger than %u bytes",
		    c->path == NULL ? "defaults" : c->path, TEXT_MAX));
	free(c->text);
	c->text = text;
	return (SP_OK);
}

char *
sp_config_show(const struct sp_config *c)
{
	return (whole_text(c, sp_config_get_human));
}
