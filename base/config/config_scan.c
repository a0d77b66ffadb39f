/*
 * The structure of a configuration file.  libconfuse accepts a section
 * without its "}" at the end of the file, an option given twice, drops
 * characters that it does not know, miscounts lines after block comments and
 * takes no comment inside a list.  So the file is read here first, strictly:
 * what passes means the same to libconfuse, comments are blanked out, and
 * every option has its line.
 *
 *   file    = *item
 *   item    = NAME "=" ( value / "{" [ value *( "," value ) ] "}" )
 *           / NAME [ value ] "{" *item "}"
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config_priv.h"

enum token { END, WORD, QUOTED, PUNCT, BAD };

struct scan {
	struct sp_config_scan *out;
	struct sp_err *err;
	size_t pos, n;
	unsigned line;
	/* the token just read */
	enum token token;
	struct sp_view text; /* of a value without its quotes */
	unsigned at; /* its line */
	size_t cap;
};

static enum sp_code fail(struct scan *s, unsigned line, const char *fmt, ...)
    SP_PRINTF(3, 4);

static enum sp_code
fail(struct scan *s, unsigned line, const char *fmt, ...)
{
	char what[SP_ERR_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	s->token = BAD;
	return (sp_err_set(
	    s->err, SP_ECONFIG, 0, "%s:%u: %s", s->out->path, line, what));
}

static bool
is_word(char c)
{
	return ((unsigned char)c > 0x20 && c != 0x7f &&
		strchr("#\"'={}()+,*$;", c) == NULL);
}

/* Blank out a comment from ${pos} up to ${end}. */
static void
blank(struct scan *s, size_t end)
{
	for (; s->pos < end; s->pos++) {
		if (s->out->text[s->pos] == '\n')
			s->line++;
		else
			s->out->text[s->pos] = ' ';
	}
}

/* Skip blanks and comments. */
static enum sp_code
skip(struct scan *s)
{
	char *t = s->out->text;

	while (s->pos < s->n) {
		const char c = t[s->pos];
		const char next = s->pos + 1 < s->n ? t[s->pos + 1] : '\0';
		const char *end;

		if (c == '\n') {
			s->line++;
			s->pos++;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			s->pos++;
		} else if (c == '#' || (c == '/' && next == '/')) {
			end = memchr(t + s->pos, '\n', s->n - s->pos);
			blank(s, end == NULL ? s->n : (size_t)(end - t));
		} else if (c == '/' && next == '*') {
			const unsigned from = s->line;

			end =
			    memmem(t + s->pos + 2, s->n - s->pos - 2, "*/", 2);
			if (end == NULL)
				return (fail(s, from,
				    "the comment that begins here is never closed; expected */"));
			blank(s, (size_t)(end + 2 - t));
		} else {
			break;
		}
	}
	return (SP_OK);
}

/* A value in quotes.  Escapes are \" and \\ (in single quotes \' and \\). */
static enum sp_code
quoted(struct scan *s)
{
	const char *t = s->out->text;
	const char q = t[s->pos];
	size_t i = s->pos + 1;

	while (i < s->n && t[i] != q) {
		const unsigned char c = (unsigned char)t[i];

		if (c == '\n')
			break;
		if (c < 0x20 || c == 0x7f)
			return (fail(s, s->line,
			    "a control character stands in a quoted value"));
		if (q == '"' && c == '$' && i + 1 < s->n && t[i + 1] == '{')
			return (fail(s, s->line,
			    "the environment is not read; put ${ in single quotes if it is meant"));
		if (c == '\\' && i + 1 < s->n && t[i + 1] != q &&
		    t[i + 1] != '\\')
			return (fail(s, s->line,
			    "unknown escape in a quoted value; expected \\%c or \\\\",
			    q));
		i += c == '\\' ? 2 : 1;
	}
	if (i >= s->n || t[i] != q)
		return (fail(s, s->line,
		    "the quoted value is not closed on this line; expected %c",
		    q));
	s->token = QUOTED;
	s->text = sp_view_mem(t + s->pos + 1, i - s->pos - 1);
	s->pos = i + 1;
	return (SP_OK);
}

/* Read the next token. */
static enum sp_code
next(struct scan *s)
{
	const char *t = s->out->text;
	size_t from;

	if (skip(s) != SP_OK)
		return (SP_ECONFIG);
	s->at = s->line;
	s->text = sp_view_mem(t + s->pos, 1);
	if (s->pos >= s->n) {
		s->token = END;
		return (SP_OK);
	}
	if (t[s->pos] == '"' || t[s->pos] == '\'')
		return (quoted(s));
	if (strchr("={},", t[s->pos]) != NULL) {
		s->token = PUNCT;
		s->pos++;
		return (SP_OK);
	}
	for (from = s->pos; s->pos < s->n && is_word(t[s->pos]); s->pos++) {
		if (s->pos > from && t[s->pos] == '/' && t[s->pos - 1] == '/')
			return (fail(
			    s, s->line, "a value with // must be in quotes"));
	}
	if (s->pos == from ||
	    (s->pos < s->n && strchr("#\"'()+*$;", t[s->pos]) != NULL &&
		t[s->pos] != '\0')) {
		const unsigned char c = (unsigned char)t[s->pos];

		if (c == ';')
			return (fail(s, s->line,
			    "unexpected \";\"; an option ends at the end of its value"));
		if (c == '+' && s->pos + 1 < s->n && t[s->pos + 1] == '=')
			return (fail(s, s->line,
			    "\"+=\" is not used here; write all values in one list"));
		if (c <= 0x20 || c >= 0x7f)
			return (fail(s, s->line,
			    "unexpected byte 0x%02x; expected plain text", c));
		return (fail(s, s->line,
		    "unexpected \"%c\"; a value with such a character must be in quotes",
		    c));
	}
	s->token = WORD;
	s->text = sp_view_mem(t + from, s->pos - from);
	return (SP_OK);
}

static bool
is_punct(const struct scan *s, char c)
{
	return (s->token == PUNCT && s->text.p[0] == c);
}

static const struct sp_config_item *
find(const struct sp_config_scan *s, const char *section, const char *title,
    const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct sp_config_item *it = &s->items[i];

		if (strcmp(it->section, section) == 0 &&
		    strcmp(it->title, title) == 0 &&
		    strcmp(it->name, name) == 0)
			return (it);
	}
	return (NULL);
}

/* Remember an option or a section; each may stand once.  ${title} and ${name}
 * are taken. */
static enum sp_code
remember(
    struct scan *s, const char *section, char *title, char *name, unsigned line)
{
	struct sp_config_scan *out = s->out;
	const struct sp_config_item *old = find(out, section, title, name);
	const unsigned first = old == NULL ? 0 : old->line;
	enum sp_code rc = SP_OK;

	if (old != NULL && *name != '\0')
		rc = fail(s, line,
		    "option \"%s\" is given twice; it was set in line %u", name,
		    first);
	else if (old != NULL && *title != '\0')
		rc = fail(s, line,
		    "section \"%s %s\" is given twice; it begins in line %u",
		    section, title, first);
	else if (old != NULL)
		rc = fail(s, line,
		    "section \"%s\" is given twice; it begins in line %u",
		    section, first);
	else if (out->n == SP_CONFIG_ITEMS_MAX)
		rc = fail(s, line, "more than %u options and sections",
		    SP_CONFIG_ITEMS_MAX);
	if (rc != SP_OK) {
		free(title);
		free(name);
		return (rc);
	}
	if (out->n == s->cap) {
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		out->items =
		    sp_xrealloc(out->items, s->cap * sizeof(*out->items));
	}
	out->items[out->n++] = (struct sp_config_item){
		.section = section, .title = title, .name = name, .line = line
	};
	return (SP_OK);
}

/* The values of an option, after its "=". */
static enum sp_code
values(struct scan *s, const struct sp_config_option *o, unsigned line)
{
	size_t count = 0;

	if (next(s) != SP_OK)
		return (SP_ECONFIG);
	if (s->token == WORD || s->token == QUOTED) {
		if (!sp_config_is_list(o))
			return (SP_OK);
		return (fail(s, line,
		    "option \"%s\" is a list; expected { value, value }",
		    o->name));
	}
	if (!is_punct(s, '{') || !sp_config_is_list(o))
		return (fail(s, line,
		    "option \"%s\" has no value; expected %s = VALUE", o->name,
		    o->name));
	do {
		if (next(s) != SP_OK)
			return (SP_ECONFIG);
		if (is_punct(s, '}') && count == 0)
			return (SP_OK);
		if (s->token != WORD && s->token != QUOTED)
			return (fail(s, s->at,
			    "the list of option \"%s\" is broken; expected a value",
			    o->name));
		if (++count > SP_CONFIG_LIST_MAX)
			return (fail(s, s->at,
			    "option \"%s\" has more than %u values", o->name,
			    SP_CONFIG_LIST_MAX));
		if (next(s) != SP_OK)
			return (SP_ECONFIG);
	} while (is_punct(s, ','));
	if (!is_punct(s, '}'))
		return (fail(s, s->at,
		    "the list of option \"%s\" is broken; expected \",\" or \"}\"",
		    o->name));
	return (SP_OK);
}

static enum sp_code
option(struct scan *s, const char *section, const char *title, char *name,
    unsigned line)
{
	const struct sp_config_option *o = sp_config_option(section, name);
	enum sp_code rc;

	if (o == NULL) {
		const struct sp_config_section *sec = sp_config_section(name);

		if (*section != '\0')
			rc = fail(s, line,
			    "unknown option \"%s\" in section \"%s\"", name,
			    section);
		else if (sec != NULL)
			rc = fail(s, line,
			    "\"%s\" is a section; expected %s%s { ... }", name,
			    name, sec->size > 0 ? " NAME" : "");
		else
			rc = fail(s, line, "unknown option \"%s\"", name);
		free(name);
		return (rc);
	}
	rc = remember(s, o->section, sp_xstrdup(title), name, line);
	if (rc == SP_OK)
		rc = values(s, o, line);
	return (rc);
}

static bool
title_ok(struct sp_view v)
{
	for (size_t i = 0; i < v.n; i++) {
		const char c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_'))
			return (false);
	}
	return (v.n > 0 && v.n <= SP_CONFIG_NAME_MAX);
}

/* The options of a section, after its "{". */
static enum sp_code
body(struct scan *s, const char *section, const char *title, unsigned line)
{
	const unsigned from = line;

	for (;;) {
		char *name;

		if (next(s) != SP_OK)
			return (SP_ECONFIG);
		if (is_punct(s, '}'))
			return (SP_OK);
		if (s->token == END)
			return (fail(s, from,
			    "section \"%s%s%s\" is not closed; expected \"}\" before the end of the file",
			    section, *title == '\0' ? "" : " ", title));
		if (s->token != WORD)
			return (fail(s, s->at,
			    "expected the name of an option or \"}\""));
		name = sp_view_dup(s->text);
		line = s->at;
		if (next(s) != SP_OK) {
			free(name);
			return (SP_ECONFIG);
		}
		if (!is_punct(s, '=')) {
			bool open = sp_config_section(name) != NULL &&
				    (is_punct(s, '{') || s->token == WORD ||
					s->token == QUOTED);

			if (open)
				(void)fail(s, line,
				    "section \"%s\" begins inside section \"%s\"; expected \"}\" to close what begins in line %u",
				    name, section, from);
			else
				(void)fail(s, line,
				    "option \"%s\" has no value; expected %s = VALUE",
				    name, name);
			free(name);
			return (SP_ECONFIG);
		}
		if (option(s, section, title, name, line) != SP_OK)
			return (SP_ECONFIG);
	}
}

/* A section, after its name: the current token is its title or "{". */
static enum sp_code
section(struct scan *s, const char *name, unsigned line)
{
	const struct sp_config_section *sec = sp_config_section(name);
	const bool titled = sec != NULL && sec->size > 0;
	char *title;
	enum sp_code rc;

	if (sec == NULL)
		return (fail(s, line, "unknown section \"%s\"", name));
	if (titled != (s->token == WORD || s->token == QUOTED))
		return (fail(s, line,
		    titled
			? "section \"%s\" needs a name; expected %s NAME { ... }"
			: "section \"%s\" takes no name; expected %s { ... }",
		    name, name));
	if (titled && !title_ok(s->text))
		return (fail(s, line,
		    "the name of a section has letters, digits, \"-\" and \"_\", at most %u",
		    SP_CONFIG_NAME_MAX));
	title = titled ? sp_view_dup(s->text) : sp_xstrdup("");
	rc = titled ? next(s) : SP_OK;
	if (rc == SP_OK && !is_punct(s, '{'))
		rc = fail(s, line, "expected \"{\" after section \"%s\"", name);
	if (rc == SP_OK)
		rc = remember(
		    s, sec->name, sp_xstrdup(title), sp_xstrdup(""), line);
	if (rc == SP_OK)
		rc = body(s, sec->name, title, line);
	free(title);
	return (rc);
}

/* One option or section at top level; SP_EEND at the end. */
static enum sp_code
item(struct scan *s)
{
	enum sp_code rc;
	unsigned line;
	char *name;

	if (next(s) != SP_OK)
		return (SP_ECONFIG);
	if (s->token == END)
		return (SP_EEND);
	if (is_punct(s, '}'))
		return (fail(s, s->at, "unexpected \"}\"; no section is open"));
	if (s->token != WORD)
		return (fail(s, s->at,
		    "expected the name of an option or of a section"));
	name = sp_view_dup(s->text);
	line = s->at;
	rc = next(s);
	if (rc == SP_OK && is_punct(s, '='))
		return (option(s, "", "", name, line));
	if (rc == SP_OK &&
	    (s->token == END || is_punct(s, '}') || is_punct(s, ',')))
		rc = fail(s, line,
		    "expected \"%s = VALUE\" or a section \"%s { ... }\"", name,
		    name);
	else if (rc == SP_OK)
		rc = section(s, name, line);
	free(name);
	return (rc);
}

enum sp_code
sp_config_scan(const char *path, char *text, size_t n,
    struct sp_config_scan *out, struct sp_err *err)
{
	struct scan s = { .out = out, .err = err, .n = n, .line = 1 };
	enum sp_code rc;

	*out = (struct sp_config_scan){ .path = path, .text = text };
	if (memchr(text, '\0', n) != NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s: a NUL byte is in it; it is no text file", path));
	do {
		rc = item(&s);
	} while (rc == SP_OK);
	return (rc == SP_EEND ? SP_OK : rc);
}

void
sp_config_scan_done(struct sp_config_scan *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->items[i].title);
		free(s->items[i].name);
	}
	free(s->items);
	free(s->text);
	*s = (struct sp_config_scan){ 0 };
}

unsigned
sp_config_line(const struct sp_config_scan *s, const char *section,
    const char *title, const char *name)
{
	const struct sp_config_item *it = find(s, section, title, name);

	if (it == NULL)
		it = find(s, section, title, "");
	return (it == NULL ? 1 : it->line);
}

bool
sp_config_given(const struct sp_config_scan *s, const char *section,
    const char *title, const char *name)
{
	return (find(s, section, title, name) != NULL);
}
