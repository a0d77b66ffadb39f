/* What concerns more than one option, and what the whole comes to. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config/config_priv.h"

#define TEXT_MAX (4u << 20) /* bytes of the effective configuration */
#define HOST_MAX 256

/* The address in network order; IPv4 also where it comes mapped into IPv6. */
static int
bytes_of(const struct sockaddr *sa, uint8_t out[16])
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET) {
		memcpy(&in4, sa, sizeof(in4));
		memcpy(out, &in4.sin_addr, 4);
		return (AF_INET);
	}
	if (sa->sa_family != AF_INET6)
		return (AF_UNSPEC);
	memcpy(&in6, sa, sizeof(in6));
	memcpy(out, &in6.sin6_addr, 16);
	if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return (AF_INET6);
	memmove(out, out + 12, 4);
	return (AF_INET);
}

static bool
in_network(const struct sp_cidr *net, const uint8_t *addr)
{
	const size_t whole = net->bits / 8;
	const unsigned rest = net->bits % 8;

	if (memcmp(net->addr, addr, whole) != 0)
		return (false);
	return (rest == 0 || ((net->addr[whole] ^ addr[whole]) &
				 (0xff00u >> rest) & 0xff) == 0);
}

bool
sp_config_is_loopback(const struct sockaddr *sa)
{
	static const uint8_t one[16] = { [15] = 1 };
	uint8_t addr[16] = { 0 };

	switch (bytes_of(sa, addr)) {
	case AF_INET:
		return (addr[0] == 127);
	case AF_INET6:
		return (memcmp(addr, one, sizeof(one)) == 0);
	default:
		return (false);
	}
}

bool
sp_config_in_networks(const struct sp_networks *list, const struct sockaddr *sa)
{
	uint8_t addr[16] = { 0 };
	const int family = bytes_of(sa, addr);

	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].family == family &&
		    in_network(&list->v[i], addr))
			return (true);
	}
	return (false);
}

bool
sp_config_allows(const struct sp_listen *l, const struct sockaddr *sa)
{
	if (l->allow.n == 0)
		return (l->require_auth || sp_config_is_loopback(sa));
	return (sp_config_in_networks(&l->allow, sa));
}

/* 0 where it has none. */
static unsigned
port_of(const struct sockaddr *sa)
{
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return (ntohs(in4->sin_port));
	return (sa->sa_family == AF_INET6 ? ntohs(in6->sin6_port) : 0);
}

/* A milter hears what its MTA has taken already: what to accept, and how to
 * speak SMTP, is not its business.  ${l} gets the longer default timeout. */
static enum sp_code
check_milter(
    struct sp_listen *l, const struct sp_config_scan *s, struct sp_err *err)
{
	static const char *const used[] = { "", "address", "socket_mode",
		"socket_group", "protocol", "allow", "max_message",
		"max_recipients", "max_sessions", "max_per_peer", "timeout",
		"data_timeout", "min_rate" };
	bool timeout = false;

	for (size_t i = 0; i < s->n; i++) {
		const struct sp_config_item *it = &s->items[i];
		bool known = false;

		if (strcmp(it->section, "listen") != 0 ||
		    strcmp(it->title, l->name) != 0)
			continue;
		timeout |= strcmp(it->name, "timeout") == 0;
		for (size_t k = 0; k < SP_COUNTOF(used) && !known; k++)
			known = strcmp(it->name, used[k]) == 0;
		if (!known)
			return (sp_err_set(err, SP_ECONFIG, 0,
			    "%s:%u: option \"%s\" means nothing with protocol milter; expected a listener without it",
			    s->path, it->line, it->name));
	}
	if (!timeout)
		l->timeout = SP_CONFIG_MILTER_TIMEOUT;
	return (SP_OK);
}

static enum sp_code
check_listen(const struct sp_config *c, const struct sp_listen *l,
    const struct sp_config_scan *s, struct sp_err *err)
{
	const struct sockaddr *sa = (const void *)&l->sa;

	if (l->address == NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s:%u: section \"listen %s\" has no address; expected address = ADDRESS:PORT",
		    s->path, sp_config_line(s, "listen", l->name, "address"),
		    l->name));
	if (sa->sa_family != AF_UNIX && !sp_config_is_loopback(sa) &&
	    l->allow.n == 0 && !l->require_auth)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s:%u: address %s can be reached from other hosts; expected allow = { NETWORK, ... } in section \"listen %s\" saying which may send, or require_auth",
		    s->path, sp_config_line(s, "listen", l->name, "address"),
		    l->address, l->name));
	if (l->protocol == SP_PROTO_LMTP && port_of(sa) == 25)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s:%u: protocol lmtp must not be spoken on port 25 (RFC 2033); expected another port in address, like 2424",
		    s->path, sp_config_line(s, "listen", l->name, "protocol")));
	for (const struct sp_listen *o = c->listen; o < l; o++) {
		if (o->salen == l->salen &&
		    memcmp(&o->sa, &l->sa, l->salen) == 0)
			return (sp_err_set(err, SP_ECONFIG, 0,
			    "%s:%u: address %s is already used by section \"listen %s\"",
			    s->path,
			    sp_config_line(s, "listen", l->name, "address"),
			    l->address, o->name));
	}
	return (SP_OK);
}

/* Sections that send mail. */
static enum sp_code
check_submit(const struct sp_config *c, const struct sp_config_scan *s,
    struct sp_err *err)
{
	if (c->submit_server != NULL &&
	    (c->submit_from == NULL || strrchr(c->submit_server, ':') == NULL))
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s:%u: section \"submit\" needs server = \"HOST:PORT\" and from = ADDRESS",
		    s->path, sp_config_line(s, "submit", "", "server")));
	if (c->submit_server == NULL && c->alarm_mail.n > 0)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s:%u: mail needs a server to send by; expected submit { server = \"HOST:PORT\" from = ADDRESS }",
		    s->path, sp_config_line(s, "alarm", "", "mail")));
	if (c->submit_user != NULL && c->submit_security == SP_SUBMIT_NONE)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s:%u: a password would go out in clear text; expected security = starttls or tls with a user",
		    s->path, sp_config_line(s, "submit", "", "user")));
	return (SP_OK);
}

enum sp_code
sp_config_check(
    struct sp_config *c, const struct sp_config_scan *s, struct sp_err *err)
{
	char host[HOST_MAX] = "";
	enum sp_code rc = SP_OK;

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		memcpy(host, "localhost", sizeof("localhost"));
	for (size_t i = 0; rc == SP_OK && i < c->nlisten; i++) {
		struct sp_listen *l = &c->listen[i];

		if (l->protocol == SP_PROTO_MILTER)
			rc = check_milter(l, s, err);
		if (l->hostname == NULL)
			l->hostname = sp_xstrdup(host);
		if (rc == SP_OK)
			rc = check_listen(c, l, s, err);
		if (rc == SP_OK)
			rc = sp_config_listen_socket(l, s, err);
		if (rc == SP_OK)
			rc = sp_config_listen_tls(l, s, err);
		if (rc == SP_OK)
			rc = sp_config_listen_auth(l, s, err);
	}
	for (size_t i = 0; rc == SP_OK && i < c->npull; i++)
		rc = sp_config_check_pull(&c->pull[i], s, err);
	if (rc == SP_OK)
		rc = check_submit(c, s, err);
	return (rc);
}

/* "section.option = value" of one struct; ${sec} NULL: of sp_config. */
static enum sp_code
lines(const void *base, const struct sp_config_section *sec, const char *title,
    struct sp_buf *out)
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
			rc = sp_config_get(base, o, out);
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

/* The lines of ${in}, sorted bytewise. */
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

enum sp_code
sp_config_effective(struct sp_config *c, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, TEXT_MAX);
	rc = lines(c, NULL, "", &b);
	for (size_t i = 0; rc == SP_OK && i < sp_config_nsections; i++) {
		const struct sp_config_section *sec = &sp_config_sections[i];

		for (size_t k = 0; rc == SP_OK && k < sp_config_count(c, sec);
		     k++) {
			const void *base = sp_config_at(c, sec, k);

			rc = lines(base, sec, *(char *const *)base, &b);
		}
	}
	if (rc == SP_OK) {
		free(c->text);
		c->text = sorted(sp_buf_view(&b));
	} else {
		rc = sp_err_set(err, SP_ECONFIG, 0,
		    "%s: the configuration is larger than %u bytes",
		    c->path == NULL ? "defaults" : c->path, TEXT_MAX);
	}
	sp_buf_done(&b);
	return (rc);
}
