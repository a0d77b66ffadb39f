/*
 * Preflight: the addresses that listeners listen on.  Two that clash with each
 * other are found in the configuration; whether one can be had at all, by
 * trying to bind a socket that is closed again at once.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/service/preflight_priv.h"
#include "base/buf.h"
#include "base/io.h"

/* ---- with each other ------------------------------------------------------- */

/* Whether the address is that of all interfaces; ${port} gets its port. */
static bool
is_any(const struct sp_listen *l, in_port_t *port)
{
	const struct sockaddr_in *in4 = (const void *)&l->sa;
	const struct sockaddr_in6 *in6 = (const void *)&l->sa;

	if (l->sa.ss_family == AF_INET) {
		*port = in4->sin_port;
		return (in4->sin_addr.s_addr == htonl(INADDR_ANY));
	}
	*port = in6->sin6_port;
	return (IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr));
}

/* The one path of a socket in the file system, malloc'ed: its folder without
 * links and dots.  NULL: the folder is not there. */
static char *
one_path(const struct sp_listen *l)
{
	const struct sockaddr_un *un = (const void *)&l->sa;
	const char *base;
	char *parent = sp_io_parent(un->sun_path, &base);
	char *real = realpath(parent, NULL), *path = NULL;

	if (real != NULL)
		path = sp_xasprintf("%s/%s", real, base);
	free(real);
	free(parent);
	return (path);
}

/* Whether the two cannot be listened on at the same time.  An IPv6 socket is
 * for IPv6 alone. */
static bool
clash(const struct sp_listen *a, const struct sp_listen *b)
{
	in_port_t pa = 0, pb = 0;
	bool any, same;
	char *x, *y;

	if (a->sa.ss_family != b->sa.ss_family)
		return (false);
	if (a->sa.ss_family != AF_UNIX) {
		any = is_any(a, &pa);
		any = is_any(b, &pb) || any;
		return (any && pa == pb);
	}
	x = one_path(a);
	y = one_path(b);
	same = x != NULL && y != NULL && strcmp(x, y) == 0;
	free(x);
	free(y);
	return (same);
}

void
sp_preflight_clash(const struct sp_preflight_look *p)
{
	const struct sp_config *c = p->cfg;

	for (size_t i = 0; i < c->nlisten; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct sp_listen *l = &c->listen[i];

			if (!clash(l, &c->listen[k]))
				continue;
			sp_preflight_say(p, SP_PREFLIGHT_STOPS, "listen",
			    l->name, "address",
			    "address %s clashes with %s of section \"listen %s\": only one of them can be listened on",
			    l->address, c->listen[k].address,
			    c->listen[k].name);
			break;
		}
	}
}

/* ---- with this host -------------------------------------------------------- */

/* Whether the running service has this address open. */
static bool
is_ours(const struct sp_preflight_look *p, const struct sp_listen *l)
{
	for (size_t i = 0; p->running != NULL && i < p->running->nlisten; i++) {
		const struct sp_listen *o = &p->running->listen[i];

		if (o->salen == l->salen &&
		    memcmp(&o->sa, &l->sa, l->salen) == 0)
			return (true);
	}
	return (false);
}

/* Bind to the address of ${l} and let it go; returns 0 or an errno. */
static int
try_tcp(const struct sp_listen *l)
{
	int one = 1, e = 0;
	int s = socket(l->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return (errno);
	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (l->sa.ss_family == AF_INET6)
		(void)setsockopt(
		    s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(s, (const struct sockaddr *)&l->sa, l->salen) != 0)
		e = errno;
	(void)close(s);
	return (e);
}

/* What can be said of a socket in the file system without making it: returns 0
 * or an errno.  Of its folder only we ourselves can be asked. */
static int
try_named(const struct sp_preflight_look *p, const struct sp_listen *l)
{
	const struct sockaddr_un *un = (const void *)&l->sa;
	char *parent = sp_io_parent(un->sun_path, NULL);
	struct stat st;
	int e = 0;

	if (stat(parent, &st) != 0)
		e = errno;
	else if (!S_ISDIR(st.st_mode))
		e = ENOTDIR;
	else if (lstat(un->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode))
		e = EEXIST;
	else if (!p->stranger && access(parent, W_OK | X_OK) != 0)
		e = errno;
	free(parent);
	return (e);
}

/* Say why the address of ${l} cannot be listened on. */
static void
say_why(const struct sp_preflight_look *p, const struct sp_listen *l, int e)
{
	const bool tcp = l->sa.ss_family != AF_UNIX;
	char text[128];

	if (tcp && e == EACCES)
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "listen", l->name,
		    "address",
		    "a port below 1024 (%s) needs a right that this process does not have: start the service by its systemd unit (AmbientCapabilities=CAP_NET_BIND_SERVICE) or as root, or choose another port",
		    l->address);
	else if (tcp && e == EADDRINUSE)
		/* a stranger may not ask the service whether it is its own */
		sp_preflight_say(p,
		    p->stranger ? SP_PREFLIGHT_NOTE : SP_PREFLIGHT_STOPS,
		    "listen", l->name, "address",
		    "another program listens on %s; stop it or choose another port",
		    l->address);
	else if (e == EADDRNOTAVAIL)
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "listen", l->name,
		    "address",
		    "this host does not have the address of %s; expected one of its own, or 0.0.0.0 or [::] for all",
		    l->address);
	else if (e == EEXIST)
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "listen", l->name,
		    "address",
		    "%s is there already and is no socket; choose another name",
		    l->address);
	else
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "listen", l->name,
		    "address", "cannot listen on %s: %s", l->address,
		    strerror_r(e, text, sizeof(text)));
}

void
sp_preflight_bind(const struct sp_preflight_look *p)
{
	for (size_t i = 0; i < p->cfg->nlisten; i++) {
		const struct sp_listen *l = &p->cfg->listen[i];
		int e;

		if (is_ours(p, l))
			continue;
		e = l->sa.ss_family == AF_UNIX ? try_named(p, l) : try_tcp(l);
		if (e != 0)
			say_why(p, l, e);
	}
}
