/*
 * Checks the whole configuration after it was read: what options must be
 * together in a listener and between listeners, and in the sections that send
 * mail.  Socket, encryption and login of a listener are in config_listen.c,
 * pull sections in config_pull.c and config_oauth.c.  Fills in what an option
 * takes from elsewhere when it is not given (the host's name, the timeout of a
 * milter).
 */
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/config/config_priv.h"

#define HOST_MAX 256

/* The port of an address; 0 where it has none. */
static unsigned
port_of(const struct sockaddr *sa)
{
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return (ntohs(in4->sin_port));
	return (sa->sa_family == AF_INET6 ? ntohs(in6->sin6_port) : 0);
}

/* Check a listener that is a milter: what its MTA has accepted is there
 * already, so options about accepting mail and about SMTP must not be given.
 * Without a timeout it gets the longer default of milters. */
static enum sp_code
check_milter(
    struct sp_listen *l, const struct sp_config_file *f, struct sp_err *err)
{
	static const char *const used[] = { "", "address", "socket_mode",
		"socket_group", "protocol", "allow", "max_message",
		"max_recipients", "max_sessions", "max_per_peer", "timeout",
		"data_timeout", "min_rate" };
	bool timeout = false;

	for (size_t i = 0; i < f->n; i++) {
		const struct sp_config_item *it = &f->items[i];
		bool known = false;

		if (strcmp(it->section, "listen") != 0 ||
		    !sp_view_eq_str(it->title, l->name))
			continue;
		timeout |= strcmp(it->name, "timeout") == 0;
		for (size_t k = 0; k < SP_COUNTOF(used) && !known; k++)
			known = strcmp(it->name, used[k]) == 0;
		if (!known)
			return (sp_config_wrong(f, err, "listen", l->name,
			    it->name,
			    "option \"%s\" means nothing with protocol milter; expected a listener without it",
			    it->name));
	}
	if (!timeout)
		l->timeout = SP_CONFIG_MILTER_TIMEOUT;
	return (SP_OK);
}

/* Check the address of a listener: that there is one, that strangers who reach
 * it are not let in unasked, and that no listener before has the same. */
static enum sp_code
check_listen(const struct sp_config *c, const struct sp_listen *l,
    const struct sp_config_file *f, struct sp_err *err)
{
	const struct sockaddr *sa = (const void *)&l->sa;

	if (l->address == NULL)
		return (sp_config_wrong(f, err, "listen", l->name, "address",
		    "section \"listen %s\" has no address; expected address = ADDRESS:PORT",
		    l->name));
	if (sa->sa_family != AF_UNIX && !sp_config_is_loopback(sa) &&
	    l->allow.n == 0 && !l->require_auth)
		return (sp_config_wrong(f, err, "listen", l->name, "address",
		    "address %s can be reached from other hosts; expected allow = { NETWORK, ... } in section \"listen %s\" saying which may send, or require_auth",
		    l->address, l->name));
	if (l->protocol == SP_PROTO_LMTP && port_of(sa) == 25)
		return (sp_config_wrong(f, err, "listen", l->name, "protocol",
		    "protocol lmtp must not be spoken on port 25 (RFC 2033); expected another port in address, like 2424"));
	for (const struct sp_listen *o = c->listen; o < l; o++) {
		if (o->salen == l->salen &&
		    memcmp(&o->sa, &l->sa, l->salen) == 0)
			return (sp_config_wrong(f, err, "listen", l->name,
			    "address",
			    "address %s is already used by section \"listen %s\"",
			    l->address, o->name));
	}
	return (SP_OK);
}

/* Check the sections that send mail: alarm and submit. */
static enum sp_code
check_submit(const struct sp_config *c, const struct sp_config_file *f,
    struct sp_err *err)
{
	if (c->submit_server != NULL &&
	    (c->submit_from == NULL || strrchr(c->submit_server, ':') == NULL))
		return (sp_config_wrong(f, err, "submit", "", "server",
		    "section \"submit\" needs server = \"HOST:PORT\" and from = ADDRESS"));
	if (c->submit_server == NULL && c->alarm_mail.n > 0)
		return (sp_config_wrong(f, err, "alarm", "", "mail",
		    "mail needs a server to send by; expected submit { server = \"HOST:PORT\" from = ADDRESS }"));
	if (c->submit_user != NULL && c->submit_security == SP_SUBMIT_NONE)
		return (sp_config_wrong(f, err, "submit", "", "user",
		    "a password would go out in clear text; expected security = starttls or tls with a user"));
	return (SP_OK);
}

/* Listeners first, each with those before it, then pull sections, then what
 * sends mail: the order of the manual page. */
enum sp_code
sp_config_check(
    struct sp_config *c, const struct sp_config_file *f, struct sp_err *err)
{
	char host[HOST_MAX] = "";
	enum sp_code rc = SP_OK;

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		memcpy(host, "localhost", sizeof("localhost"));
	for (size_t i = 0; rc == SP_OK && i < c->nlisten; i++) {
		struct sp_listen *l = &c->listen[i];

		if (l->protocol == SP_PROTO_MILTER)
			rc = check_milter(l, f, err);
		if (l->hostname == NULL)
			l->hostname = sp_xstrdup(host);
		if (rc == SP_OK)
			rc = check_listen(c, l, f, err);
		if (rc == SP_OK)
			rc = sp_config_listen_socket(l, f, err);
		if (rc == SP_OK)
			rc = sp_config_listen_tls(l, f, err);
		if (rc == SP_OK)
			rc = sp_config_listen_auth(l, f, err);
	}
	for (size_t i = 0; rc == SP_OK && i < c->npull; i++)
		rc = sp_config_check_pull(&c->pull[i], f, err);
	if (rc == SP_OK)
		rc = check_submit(c, f, err);
	return (rc);
}
