#include "base/config/config.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config_priv.h"
#include "base/io.h"

/* libconfuse gives its error callback no place for a context. */
static _Thread_local struct {
	unsigned line;
	char msg[256];
} complaint;

static void complain(cfg_t *cfg, const char *fmt, va_list ap) SP_PRINTF(2, 0);

static void
complain(cfg_t *cfg, const char *fmt, va_list ap)
{
	complaint.line = cfg->line > 0 ? (unsigned)cfg->line : 1;
	(void)vsnprintf(complaint.msg, sizeof(complaint.msg), fmt, ap);
}

static cfg_opt_t
text_option(const struct sp_config_option *o)
{
	const cfg_opt_t one = CFG_STR(o->name, NULL, CFGF_NODEFAULT);
	const cfg_opt_t list = CFG_STR_LIST(o->name, NULL, CFGF_NODEFAULT);

	return (sp_config_is_list(o) ? list : one);
}

/* The options of a section; ${out} has room for all of them and the end. */
static size_t
options_of(const char *section, cfg_opt_t *out)
{
	const cfg_opt_t end = CFG_END();
	size_t n = 0;

	for (size_t i = 0; i < sp_config_noptions; i++) {
		if (strcmp(sp_config_options[i].section, section) == 0)
			out[n++] = text_option(&sp_config_options[i]);
	}
	out[n] = end;
	return (n);
}

/* A parser that takes every value as text; NULL without memory. */
static cfg_t *
parser(void)
{
	const cfg_opt_t end = CFG_END();
	const size_t room = sp_config_noptions + 1;
	cfg_opt_t *top, *sub;
	size_t n;
	cfg_t *cfg;

	sub = sp_xcalloc(sp_config_nsections * room, sizeof(*sub));
	top = sp_xcalloc(room + sp_config_nsections, sizeof(*top));
	n = options_of("", top);
	for (size_t i = 0; i < sp_config_nsections; i++) {
		const struct sp_config_section *sec = &sp_config_sections[i];

		(void)options_of(sec->name, sub + i * room);
		top[n++] = (cfg_opt_t)CFG_SEC(sec->name, sub + i * room,
		    sec->size > 0 ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE);
	}
	top[n] = end;
	/* libconfuse copies the options. */
	cfg = cfg_init(top, CFGF_NONE);
	free(sub);
	free(top);
	if (cfg != NULL)
		(void)cfg_set_error_function(cfg, complain);
	return (cfg);
}

/* Set what ${cfg} has of the options of ${section}. */
static enum sp_code
set_all(void *base, cfg_t *cfg, const char *section, const char *title,
    const struct sp_config_scan *s, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < sp_config_noptions; i++) {
		const struct sp_config_option *o = &sp_config_options[i];
		const char **texts;
		char *what;
		size_t n;

		if (strcmp(o->section, section) != 0)
			continue;
		n = cfg_size(cfg, o->name);
		if (n == 0)
			continue;
		texts = sp_xcalloc(n, sizeof(*texts));
		for (unsigned k = 0; k < n; k++)
			texts[k] = cfg_getnstr(cfg, o->name, k);
		what = sp_xasprintf("%s:%u", s->path,
		    sp_config_line(s, section, title, o->name));
		rc = sp_config_set(base, o, texts, n, what, err);
		free(what);
		free(texts);
	}
	return (rc);
}

/* The default of every option of ${base}: a section's struct, or sp_config. */
static void
set_defaults(void *base, const struct sp_config_section *sec)
{
	for (size_t i = 0; i < sp_config_noptions; i++) {
		const struct sp_config_option *o = &sp_config_options[i];

		if (o->value == NULL || !sp_config_is_of(o, sec))
			continue;
		/* The table is ours: its defaults are valid (tested). */
		if (sp_config_set(base, o, &o->value, 1, "default", NULL) !=
		    SP_OK)
			abort();
	}
}

/* All sections of a kind, each with its struct. */
static enum sp_code
set_named(struct sp_config *c, cfg_t *cfg, const struct sp_config_section *sec,
    const struct sp_config_scan *s, struct sp_err *err)
{
	const size_t n = cfg_size(cfg, sec->name);
	char *list;
	enum sp_code rc = SP_OK;

	if (n > SP_CONFIG_SECTION_MAX)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s: more than %u %s sections", s->path,
		    SP_CONFIG_SECTION_MAX, sec->name));
	list = sp_xcalloc(n, sec->size);
	memcpy((char *)c + sec->list, &list, sizeof(list));
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		cfg_t *from = cfg_getnsec(cfg, sec->name, (unsigned)i);
		const size_t count = i + 1;
		char **name = sp_config_at(c, sec, i);

		*name = sp_xstrdup(cfg_title(from));
		memcpy((char *)c + sec->count, &count, sizeof(count));
		set_defaults(name, sec);
		rc = set_all(name, from, sec->name, *name, s, err);
	}
	return (rc);
}

static enum sp_code
set_config(struct sp_config *c, cfg_t *cfg, const struct sp_config_scan *s,
    struct sp_err *err)
{
	enum sp_code rc;

	rc = set_all(c, cfg, "", "", s, err);
	for (size_t i = 0; rc == SP_OK && i < sp_config_nsections; i++) {
		const struct sp_config_section *sec = &sp_config_sections[i];

		rc = sec->size > 0 ? set_named(c, cfg, sec, s, err)
				   : set_all(c, cfg_getsec(cfg, sec->name),
					 sec->name, "", s, err);
	}
	return (rc);
}

static enum sp_code
parse(struct sp_config *c, const struct sp_config_scan *s, struct sp_err *err)
{
	cfg_t *cfg = parser();
	enum sp_code rc;

	if (cfg == NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s: not enough memory to read it", s->path));
	complaint.line = 1;
	complaint.msg[0] = '\0';
	if (cfg_parse_buf(cfg, s->text) == CFG_SUCCESS)
		rc = set_config(c, cfg, s, err);
	else
		rc = sp_err_set(err, SP_ECONFIG, 0, "%s:%u: %s", s->path,
		    complaint.line,
		    complaint.msg[0] == '\0' ? "it cannot be read"
					     : complaint.msg);
	(void)cfg_free(cfg);
	return (rc);
}

enum sp_code
sp_config_parse(const char *path, struct sp_view text, struct sp_config **out,
    struct sp_err *err)
{
	struct sp_config_scan s = { 0 };
	struct sp_config *c;
	enum sp_code rc;

	c = sp_xcalloc(1, sizeof(*c));
	c->path = sp_xstrdup(path);
	set_defaults(c, NULL);
	rc = sp_config_scan(path, sp_view_dup(text), text.n, &s, err);
	if (rc == SP_OK)
		rc = parse(c, &s, err);
	if (rc == SP_OK)
		rc = sp_config_check(c, &s, err);
	if (rc == SP_OK)
		rc = sp_config_effective(c, err);
	sp_config_scan_done(&s);
	if (rc == SP_OK)
		*out = c;
	else
		sp_config_free(c);
	return (rc);
}

enum sp_code
sp_config_load(const char *path, struct sp_config **out, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, SP_CONFIG_FILE_MAX);
	rc = sp_io_read_file(path, SP_CONFIG_FILE_MAX, &text, err);
	if (rc == SP_OK)
		rc = sp_config_parse(path, sp_buf_view(&text), out, err);
	sp_buf_done(&text);
	return (rc);
}

struct sp_config *
sp_config_default(void)
{
	struct sp_config *c = sp_xcalloc(1, sizeof(*c));

	set_defaults(c, NULL);
	if (sp_config_effective(c, NULL) != SP_OK)
		abort();
	return (c);
}

/* What ${base}, a section's struct or sp_config, owns through its options. */
static void
drop_all(void *base, const struct sp_config_section *sec)
{
	for (size_t i = 0; i < sp_config_noptions; i++) {
		if (sp_config_is_of(&sp_config_options[i], sec))
			sp_config_drop(base, &sp_config_options[i]);
	}
}

void
sp_config_free(struct sp_config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < sp_config_nsections; i++) {
		const struct sp_config_section *sec = &sp_config_sections[i];
		const size_t n = sp_config_count(c, sec);

		for (size_t k = 0; k < n; k++) {
			char **name = sp_config_at(c, sec, k);

			drop_all(name, sec);
			free(*name);
		}
		if (sec->size > 0)
			free(sp_config_at(c, sec, 0));
	}
	drop_all(c, NULL);
	free(c->path);
	free(c->text);
	free(c);
}
