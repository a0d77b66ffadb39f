/* Texts to values and back. */
#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/config/config_priv.h"
#include "base/pattern.h"

#define ADDRESS_MAX 64
#define SOCKET	    "unix:" /* and the path */

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

/* Seconds: "300", "300s", "5m", "1h", "2d". */
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

/* "192.0.2.0/24", "2001:db8::/32", a single address.  Bits beyond the prefix
 * must be zero: "10.1.2.3/8" is rather a slip than a wish. */
static bool
cidr(const char *s, struct sp_cidr *out)
{
	struct sp_view bits, addr = { 0 };
	char host[ADDRESS_MAX];
	uint64_t n, most;

	bits = sp_view_str(s);
	addr = sp_view_cut(&bits, '/');
	if (addr.n >= sizeof(host))
		return (false);
	memcpy(host, addr.p, addr.n);
	host[addr.n] = '\0';
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, out->addr) == 1)
		out->family = AF_INET;
	else if (inet_pton(AF_INET6, host, out->addr) == 1)
		out->family = AF_INET6;
	else
		return (false);
	most = out->family == AF_INET ? 32 : 128;
	n = most;
	if (bits.p != NULL && (!sp_view_u64(bits, &n) || n > most))
		return (false);
	out->bits = (unsigned)n;
	for (unsigned i = out->bits; i < most; i++) {
		if ((out->addr[i / 8] & (0x80u >> (i % 8))) != 0)
			return (false);
	}
	return (true);
}

/* "unix:/run/sealpost/lmtp": a socket in the file system. */
static bool
local(const char *path, struct sockaddr_storage *sa, socklen_t *len)
{
	struct sockaddr_un *un = (struct sockaddr_un *)(void *)sa;

	if (*path != '/' || strlen(path) >= sizeof(un->sun_path))
		return (false);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	*len = sizeof(*un);
	return (true);
}

/* "127.0.0.1:2525", "[::1]:2525": numbers only, so that what is listened on
 * does not depend on a name server. */
static bool
address(const char *s, struct sockaddr_storage *sa, socklen_t *len)
{
	const char *colon = strrchr(s, ':');
	struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)sa;
	char host[ADDRESS_MAX];
	uint64_t port;
	size_t n;

	memset(sa, 0, sizeof(*sa));
	if (strncmp(s, SOCKET, sizeof(SOCKET) - 1) == 0)
		return (local(s + sizeof(SOCKET) - 1, sa, len));
	if (colon == NULL || !sp_view_u64(sp_view_str(colon + 1), &port) ||
	    port == 0 || port > 65535)
		return (false);
	n = (size_t)(colon - s);
	if (n >= sizeof(host))
		return (false);
	memcpy(host, s, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons((uint16_t)port);
		*len = sizeof(*in4);
		return (true);
	}
	if (n < 2 || host[0] != '[' || host[n - 1] != ']')
		return (false);
	host[n - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &in6->sin6_addr) != 1)
		return (false);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	*len = sizeof(*in6);
	return (true);
}

/* "user@example.org" or "@example.org", as the client will write it, or a
 * pattern. */
static bool
recipient(const char *s)
{
	const char *at = strrchr(s, '@');
	struct sp_pattern p;

	if (sp_pattern_is(s))
		return (strlen(s) <= 320 && sp_pattern_parse(s, &p));
	if (at == NULL || at[1] == '\0' || strlen(s) > 320)
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

/* What the option takes, for the message. */
static void
expected(const struct sp_config_option *o, char *out, size_t size)
{
	switch (o->type) {
	case SP_CT_PATH:
		(void)snprintf(out, size, "an absolute path");
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
		(void)snprintf(out, size,
		    "bytes from %" PRIu64 " to %" PRIu64
		    ", also with K, M or G",
		    o->min, o->max);
		break;
	case SP_CT_TIME:
		(void)snprintf(out, size,
		    "seconds from %" PRIu64 " to %" PRIu64
		    ", also with s, m, h or d",
		    o->min, o->max);
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
		if (!text_ok(o, s) || !address(s, &l->sa, &l->salen))
			return (false);
		set_text((char **)(void *)at, s);
		return (true);
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

/* One more value of a list. */
static bool
add_one(void *at, const struct sp_config_option *o, const char *s)
{
	struct sp_networks *nets = at;
	struct sp_texts *texts = at;
	struct sp_cidr net;

	if (o->type == SP_CT_NETWORKS) {
		if (!cidr(s, &net))
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

enum sp_code
sp_config_set(void *base, const struct sp_config_option *o,
    const char *const *texts, size_t n, const char *what, struct sp_err *err)
{
	char want[160];

	assert(sp_config_is_list(o) || n == 1);
	for (size_t i = 0; i < n; i++) {
		char *at = (char *)base + o->at;

		if (sp_config_is_list(o) ? add_one(at, o, texts[i])
					 : set_one(at, base, o, texts[i]))
			continue;
		expected(o, want, sizeof(want));
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s: \"%.100s\" is no value of option \"%s\"; expected %s",
		    what, texts[i], o->name, want));
	}
	return (SP_OK);
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
	case SP_CT_TEXT:
	case SP_CT_WORD:
	case SP_CT_ADDRESS:
		break;
	}
	memcpy(&text, at, sizeof(text));
	return (sp_buf_adds(out, text == NULL ? "" : text));
}

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
