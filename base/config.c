#include "base/config.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_int.h"
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
	static const char *const names[] = { "log", "listen", "seal", "index",
		"alarm" };
	const cfg_opt_t end = CFG_END();
	const size_t room = sp_config_noptions + 1;
	cfg_opt_t *top, *sub[SP_COUNTOF(names)];
	size_t n;
	cfg_t *cfg;

	top = sp_xcalloc(room + SP_COUNTOF(names), sizeof(*top));
	n = options_of("", top);
	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		bool titled;
		cfg_opt_t sec;

		sub[i] = sp_xcalloc(room, sizeof(*sub[i]));
		(void)options_of(names[i], sub[i]);
		(void)sp_config_section(names[i], &titled);
		sec = (cfg_opt_t)CFG_SEC(names[i], sub[i],
		    titled ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE);
		top[n++] = sec;
	}
	top[n] = end;
	/* libconfuse copies the options. */
	cfg = cfg_init(top, CFGF_NONE);
	for (size_t i = 0; i < SP_COUNTOF(names); i++)
		free(sub[i]);
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

/* The default of every option of ${base}: a listener, or all the rest. */
static void
set_defaults(void *base, bool listen)
{
	for (size_t i = 0; i < sp_config_noptions; i++) {
		const struct sp_config_option *o = &sp_config_options[i];

		if (o->value == NULL ||
		    (strcmp(o->section, "listen") == 0) != listen)
			continue;
		/* The table is ours: its defaults are valid (tested). */
		if (sp_config_set(base, o, &o->value, 1, "default", NULL) !=
		    SP_OK)
			abort();
	}
}

static enum sp_code
set_listen(struct sp_config *c, cfg_t *cfg, const struct sp_config_scan *s,
    struct sp_err *err)
{
	const unsigned n = cfg_size(cfg, "listen");
	enum sp_code rc = SP_OK;

	if (n > SP_CONFIG_LISTEN_MAX)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s: more than %u listen sections", s->path,
		    SP_CONFIG_LISTEN_MAX));
	c->listen = sp_xcalloc(n, sizeof(*c->listen));
	for (unsigned i = 0; rc == SP_OK && i < n; i++) {
		cfg_t *sec = cfg_getnsec(cfg, "listen", i);
		struct sp_listen *l = &c->listen[c->nlisten++];

		l->name = sp_xstrdup(cfg_title(sec));
		set_defaults(l, true);
		rc = set_all(l, sec, "listen", l->name, s, err);
	}
	return (rc);
}

static enum sp_code
set_config(struct sp_config *c, cfg_t *cfg, const struct sp_config_scan *s,
    struct sp_err *err)
{
	static const char *const names[] = { "log", "seal", "index", "alarm" };
	enum sp_code rc;

	rc = set_all(c, cfg, "", "", s, err);
	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(names); i++)
		rc =
		    set_all(c, cfg_getsec(cfg, names[i]), names[i], "", s, err);
	if (rc == SP_OK)
		rc = set_listen(c, cfg, s, err);
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
	set_defaults(c, false);
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

	set_defaults(c, false);
	if (sp_config_effective(c, NULL) != SP_OK)
		abort();
	return (c);
}

static void
listen_done(struct sp_listen *l)
{
	for (size_t i = 0; i < l->nrecipients; i++)
		free(l->recipients[i]);
	free(l->recipients);
	free(l->allow);
	free(l->name);
	free(l->address);
	free(l->hostname);
}

void
sp_config_free(struct sp_config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->nlisten; i++)
		listen_done(&c->listen[i]);
	free(c->listen);
	free(c->path);
	free(c->text);
	free(c->log_to);
	free(c->guard);
	free(c->user);
	free(c->group);
	free(c->alarm_command);
	free(c);
}
