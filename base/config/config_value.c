/*
 * The values of options: from text into the struct, as the type in the table
 * says, and back into text; and what a type takes, in words, for messages.
 * Where each value goes follows from the table alone (config_table.c).
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config_priv.h"
#include "base/pattern.h"
#include "base/secret.h"

#define RECIPIENT_MAX 320 /* bytes of an address (RFC 5321: 64, "@", 255) */

char *
sp_config_unquote(struct sp_view token)
{
	const bool quoted =
	    token.n > 0 && (token.p[0] == '"' || token.p[0] == '\'');
	const size_t end = token.n - quoted;
	char *text = sp_xmalloc(token.n + 1);
	size_t n = 0;

	for (size_t i = quoted; i < end; i++) {
		if (quoted && token.p[i] == '\\')
			i++;
		text[n++] = token.p[i];
	}
	text[n] = '\0';
	return (text);
}

/* A number and at most one letter behind it. */
bool
sp_config_size(const char *s, uint64_t *out)
{
	struct sp_view v = sp_view_str(s);
	unsigned shift = 0;
	uint64_t n;

	if (v.n > 1) {
		switch (v.p[v.n - 1]) {
		case 'k':
		case 'K':
			shift = 10;
			break;
		case 'm':
		case 'M':
			shift = 20;
			break;
		case 'g':
		case 'G':
			shift = 30;
			break;
		default:
			break;
		}
		v.n -= shift != 0;
	}
	if (!sp_view_u64(v, &n) || n > UINT64_MAX >> shift)
		return (false);
	*out = n << shift;
	return (true);
}

/* Read a duration into seconds: "300", "300s", "5m", "1h", "2d". */
static bool
duration(const char *s, uint64_t *out)
{
	struct sp_view v = sp_view_str(s);
	uint64_t unit = 0, n;

	if (v.n > 1) {
		switch (v.p[v.n - 1]) {
		case 's':
			unit = 1;
			break;
		case 'm':
			unit = 60;
			break;
		case 'h':
			unit = 3600;
			break;
		case 'd':
			unit = 86400;
			break;
		default:
			break;
		}
		v.n -= unit != 0;
	}
	unit = unit == 0 ? 1 : unit;
	if (!sp_view_u64(v, &n) || n > UINT64_MAX / unit)
		return (false);
	*out = n * unit;
	return (true);
}

/* "user@example.org" or "@example.org" as it stands between the <> of RCPT, or
 * a pattern. */
static bool
recipient(const char *s)
{
	const char *at = strrchr(s, '@');
	struct sp_pattern p;

	if (sp_pattern_is(s))
		return (strlen(s) <= RECIPIENT_MAX && sp_pattern_parse(s, &p));
	if (at == NULL || at[1] == '\0' || strlen(s) > RECIPIENT_MAX)
		return (false);
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s <= 0x20 || *s == 0x7f || *s == '<' ||
		    *s == '>' || *s == ',')
			return (false);
	}
	return (true);
}

static bool
boolean(const char *s, bool *out)
{
	static const char *const yes[] = { "true", "yes", "on" };
	static const char *const no[] = { "false", "no", "off" };

	for (size_t i = 0; i < SP_COUNTOF(yes); i++) {
		if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0) {
			*out = strcmp(s, yes[i]) == 0;
			return (true);
		}
	}
	return (false);
}

/* Index of ${s} in "a|b|c", or -1. */
static int
choice(const char *s, const char *choices)
{
	struct sp_view rest = sp_view_str(choices);

	for (int i = 0; rest.p != NULL; i++) {
		if (sp_view_eq_str(sp_view_cut(&rest, '|'), s))
			return (i);
	}
	return (-1);
}

/* Whether ${s} may be the text, the word or the path that the option takes. */
static bool
text_ok(const struct sp_config_option *o, const char *s)
{
	const size_t n = strlen(s);

	const bool path = o->type == SP_CT_PATH || o->type == SP_CT_PATHS;
	const bool word = o->type == SP_CT_WORD || o->type == SP_CT_WORDS;

	if (n < o->min || n > o->max || (path && *s != '/'))
		return (false);
	for (; *s != '\0'; s++) {
		const unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f || (word && c == ' '))
			return (false);
	}
	return (true);
}

/* Append ${n}, a size or time of option ${o}, in the largest unit that divides
 * it. */
static enum sp_code
with_unit(const struct sp_config_option *o, uint64_t n, struct sp_buf *out)
{
	static const uint64_t sizes[] = { 1u << 30, 1u << 20, 1u << 10, 1 };
	static const uint64_t times[] = { 86400, 3600, 60, 1 };
	const bool size = o->type == SP_CT_SIZE;
	const uint64_t *units = size ? sizes : times;
	const char *letters = size ? "GMK " : "dhms";
	size_t i = 0;

	while (i + 1 < SP_COUNTOF(sizes) && (n == 0 || n % units[i] != 0))
		i++;
	return (sp_buf_addf(out, "%" PRIu64 "%.*s", n / units[i],
	    letters[i] == ' ' || n == 0 ? 0 : 1, &letters[i]));
}

/* What a size or time must be: its range as a person writes it, and the units
 * that there are. */
static void
expected_amount(
    const struct sp_config_option *o, char out[SP_CONFIG_EXPECTED_MAX])
{
	const bool size = o->type == SP_CT_SIZE;
	struct sp_buf least, most;

	sp_buf_init(&least, 64);
	sp_buf_init(&most, 64);
	if (with_unit(o, o->min, &least) != SP_OK ||
	    with_unit(o, o->max, &most) != SP_OK)
		abort();
	(void)snprintf(out, SP_CONFIG_EXPECTED_MAX,
	    size
		? "a size from %s to %s, in bytes or with K, M or G directly behind the number"
		: "a time from %s to %s, in seconds or with s, m, h or d directly behind the number",
	    sp_buf_cstr(&least), sp_buf_cstr(&most));
	sp_buf_done(&most);
	sp_buf_done(&least);
}

/* One phrase for each type of the table. */
void
sp_config_expected(
    const struct sp_config_option *o, char out[SP_CONFIG_EXPECTED_MAX])
{
	const size_t size = SP_CONFIG_EXPECTED_MAX;

	switch (o->type) {
	case SP_CT_PATH:
		(void)snprintf(out, size, "an absolute path");
		break;
	case SP_CT_SECRET:
		(void)snprintf(
		    out, size, "an absolute path or credential:NAME");
		break;
	case SP_CT_WORD:
		(void)snprintf(out, size,
		    "a name without blanks of at most %" PRIu64 " bytes",
		    o->max);
		break;
	case SP_CT_TEXT:
	case SP_CT_TEXTS:
		(void)snprintf(out, size,
		    "text on one line of %" PRIu64 " to %" PRIu64 " bytes",
		    o->min, o->max);
		break;
	case SP_CT_NUMBER:
	case SP_CT_LEVEL:
		(void)snprintf(out, size,
		    "a number from %" PRIu64 " to %" PRIu64, o->min, o->max);
		break;
	case SP_CT_SIZE:
	case SP_CT_TIME:
		expected_amount(o, out);
		break;
	case SP_CT_BOOL:
		(void)snprintf(out, size, "true or false");
		break;
	case SP_CT_CHOICE:
	case SP_CT_NAME:
		(void)snprintf(out, size, "one of %s", o->choices);
		break;
	case SP_CT_ADDRESS:
		(void)snprintf(out, size,
		    "ADDRESS:PORT with a numeric address, like 127.0.0.1:2525 or [::1]:2525, or unix:/PATH of at most 107 bytes");
		break;
	case SP_CT_NETWORKS:
		(void)snprintf(out, size,
		    "a network like 192.0.2.0/24 or 2001:db8::/32 without bits beyond the prefix, or an address");
		break;
	case SP_CT_RCPTS:
		(void)snprintf(out, size,
		    "user@domain, @domain, or a pattern like \"journal+{local}={domain}@archive.example\"");
		break;
	case SP_CT_WORDS:
		(void)snprintf(out, size,
		    "names without blanks of at most %" PRIu64 " bytes",
		    o->max);
		break;
	case SP_CT_PATHS:
		(void)snprintf(out, size, "absolute paths");
		break;
	}
}

static void
set_text(char **at, const char *s)
{
	free(*at);
	*at = sp_xstrdup(s);
}

/* Set an option that is no list; ${at} is its place in ${base}.  False, and
 * nothing is changed, if ${s} is no value of it. */
static bool
set_one(char *at, void *base, const struct sp_config_option *o, const char *s)
{
	struct sp_listen *l = base;
	uint64_t n = 0;
	int i;

	switch (o->type) {
	case SP_CT_NUMBER:
	case SP_CT_LEVEL:
	case SP_CT_SIZE:
	case SP_CT_TIME:
		if (o->type == SP_CT_SIZE   ? !sp_config_size(s, &n)
		    : o->type == SP_CT_TIME ? !duration(s, &n)
					    : !sp_view_u64(sp_view_str(s), &n))
			return (false);
		if (n < o->min || n > o->max)
			return (false);
		i = (int)(n & INT32_MAX);
		if (o->type == SP_CT_LEVEL)
			memcpy(at, &i, sizeof(i));
		else
			memcpy(at, &n, sizeof(n));
		return (true);
	case SP_CT_BOOL:
		return (boolean(s, (bool *)(void *)at));
	case SP_CT_CHOICE:
	case SP_CT_NAME:
		i = choice(s, o->choices);
		if (i < 0)
			return (false);
		if (o->type == SP_CT_NAME)
			set_text((char **)(void *)at, s);
		else
			memcpy(at, &i, sizeof(i));
		return (true);
	case SP_CT_ADDRESS:
		if (!text_ok(o, s) || !sp_config_address(s, &l->sa, &l->salen))
			return (false);
		set_text((char **)(void *)at, s);
		return (true);
	case SP_CT_SECRET:
		if (!sp_secret_path_ok(s))
			return (false);
		/* fall through */
	case SP_CT_PATH:
	case SP_CT_TEXT:
	case SP_CT_WORD:
		if (!text_ok(o, s))
			return (false);
		set_text((char **)(void *)at, s);
		return (true);
	case SP_CT_NETWORKS:
	case SP_CT_RCPTS:
	case SP_CT_WORDS:
	case SP_CT_TEXTS:
	case SP_CT_PATHS:
		break;
	}
	return (false);
}

/* Append a value to an option that is a list, otherwise as set_one. */
static bool
add_one(void *at, const struct sp_config_option *o, const char *s)
{
	struct sp_networks *nets = at;
	struct sp_texts *texts = at;
	struct sp_cidr net;

	if (o->type == SP_CT_NETWORKS) {
		if (!sp_config_cidr(s, &net))
			return (false);
		nets->v =
		    sp_xrealloc(nets->v, (nets->n + 1) * sizeof(*nets->v));
		nets->v[nets->n++] = net;
		return (true);
	}
	if (o->type == SP_CT_RCPTS ? !recipient(s) : !text_ok(o, s))
		return (false);
	texts->v = sp_xrealloc(texts->v, (texts->n + 1) * sizeof(*texts->v));
	texts->v[texts->n++] = sp_xstrdup(s);
	return (true);
}

bool
sp_config_set(void *base, const struct sp_config_option *o, const char *text)
{
	char *at = (char *)base + o->at;

	return (sp_config_is_list(o) ? add_one(at, o, text)
				     : set_one(at, base, o, text));
}

void
sp_config_set_defaults(void *base, const struct sp_config_section *sec)
{
	for (size_t i = 0; i < sp_config_noptions; i++) {
		const struct sp_config_option *o = &sp_config_options[i];

		if (o->value == NULL || !sp_config_is_of(o, sec))
			continue;
		/* The table is ours: its defaults are valid (tested). */
		if (!sp_config_set(base, o, o->value))
			abort();
	}
}

static enum sp_code
get_networks(const struct sp_networks *l, struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < l->n; i++) {
		char host[INET6_ADDRSTRLEN];

		if (inet_ntop(l->v[i].family, l->v[i].addr, host,
			sizeof(host)) == NULL)
			host[0] = '\0';
		rc = sp_buf_addf(
		    out, "%s%s/%u", i > 0 ? ", " : "", host, l->v[i].bits);
	}
	return (rc);
}

static enum sp_code
get_texts(const struct sp_texts *l, struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < l->n; i++)
		rc = sp_buf_addf(out, "%s%s", i > 0 ? ", " : "", l->v[i]);
	return (rc);
}

/* Append a text.  What stands before the @ of a URL may be a password: it is
 * left out. */
static enum sp_code
get_text(const char *text, struct sp_buf *out)
{
	const char *host = text == NULL ? NULL : strstr(text, "://"), *at;
	enum sp_code rc;

	if (text == NULL)
		return (SP_OK);
	at =
	    host == NULL ? NULL : memchr(host + 3, '@', strcspn(host + 3, "/"));
	if (at == NULL)
		return (sp_buf_adds(out, text));
	rc = sp_buf_add(out, text, (size_t)(host + 3 - text));
	return (rc == SP_OK ? sp_buf_addf(out, "...%s", at) : rc);
}

/* Numbers come out in their unit (bytes, seconds), whatever was written. */
enum sp_code
sp_config_get(
    const void *base, const struct sp_config_option *o, struct sp_buf *out)
{
	const char *at = (const char *)base + o->at;
	struct sp_view rest, one = { 0 };
	char *text = NULL;
	uint64_t n;
	bool yes;
	int i;

	switch (o->type) {
	case SP_CT_NETWORKS:
		return (get_networks((const void *)at, out));
	case SP_CT_RCPTS:
	case SP_CT_WORDS:
	case SP_CT_TEXTS:
	case SP_CT_PATHS:
		return (get_texts((const void *)at, out));
	case SP_CT_BOOL:
		memcpy(&yes, at, sizeof(yes));
		return (sp_buf_adds(out, yes ? "true" : "false"));
	case SP_CT_NUMBER:
	case SP_CT_SIZE:
	case SP_CT_TIME:
		memcpy(&n, at, sizeof(n));
		return (sp_buf_addf(out, "%" PRIu64, n));
	case SP_CT_LEVEL:
		memcpy(&i, at, sizeof(i));
		return (sp_buf_addf(out, "%d", i));
	case SP_CT_CHOICE:
		memcpy(&i, at, sizeof(i));
		rest = sp_view_str(o->choices);
		for (; i >= 0; i--)
			one = sp_view_cut(&rest, '|');
		return (sp_buf_addv(out, one));
	case SP_CT_NAME:
	case SP_CT_PATH:
	case SP_CT_SECRET:
	case SP_CT_TEXT:
	case SP_CT_WORD:
	case SP_CT_ADDRESS:
		break;
	}
	memcpy(&text, at, sizeof(text));
	return (get_text(text, out));
}

/* As sp_config_get(), but for a person at a terminal. */
enum sp_code
sp_config_get_human(
    const void *base, const struct sp_config_option *o, struct sp_buf *out)
{
	const size_t from = out->n;
	struct sp_view value;
	enum sp_code rc;
	uint64_t n;

	if (o->type == SP_CT_SIZE || o->type == SP_CT_TIME) {
		memcpy(&n, (const char *)base + o->at, sizeof(n));
		return (with_unit(o, n, out));
	}
	rc = sp_config_get(base, o, out);
	value = sp_view_mem(out->p + from, out->n - from);
	/* for a terminal: a path may have any bytes */
	if (rc == SP_OK && !sp_view_is_utf8(value)) {
		for (size_t i = from; i < out->n; i++) {
			if ((unsigned char)out->p[i] >= 0x7f)
				out->p[i] = '?';
		}
	}
	return (rc);
}

/* Only texts and lists own memory. */
void
sp_config_drop(void *base, const struct sp_config_option *o)
{
	void *at = (char *)base + o->at;
	struct sp_networks *nets = at;
	struct sp_texts *texts = at;
	char **text = at;

	switch (o->type) {
	case SP_CT_NETWORKS:
		free(nets->v);
		break;
	case SP_CT_RCPTS:
	case SP_CT_WORDS:
	case SP_CT_TEXTS:
	case SP_CT_PATHS:
		for (size_t i = 0; i < texts->n; i++)
			free(texts->v[i]);
		free(texts->v);
		break;
	case SP_CT_NAME:
	case SP_CT_PATH:
	case SP_CT_SECRET:
	case SP_CT_TEXT:
	case SP_CT_WORD:
	case SP_CT_ADDRESS:
		free(*text);
		break;
	case SP_CT_BOOL:
	case SP_CT_NUMBER:
	case SP_CT_SIZE:
	case SP_CT_TIME:
	case SP_CT_LEVEL:
	case SP_CT_CHOICE:
		break;
	}
}
