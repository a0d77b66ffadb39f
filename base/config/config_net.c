/*
 * Addresses and networks: what may stand in the file for them, and whether the
 * address of a peer lies in a list.  Numbers only: what the service listens on
 * and whom it trusts never depends on a name server.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/config/config_priv.h"

#define ADDRESS_MAX 64 /* bytes of a numeric address */
#define SOCKET	    "unix:" /* and the path */

/* Bits beyond the prefix must be zero: "10.1.2.3/8" is rather a slip than a
 * wish. */
bool
sp_config_cidr(const char *text, struct sp_cidr *out)
{
	struct sp_view bits = sp_view_str(text), addr = sp_view_cut(&bits, '/');
	struct sp_cidr net = { 0 };
	char host[ADDRESS_MAX];
	uint64_t n, most;

	if (addr.n >= sizeof(host))
		return (false);
	memcpy(host, addr.p, addr.n);
	host[addr.n] = '\0';
	if (inet_pton(AF_INET, host, net.addr) == 1)
		net.family = AF_INET;
	else if (inet_pton(AF_INET6, host, net.addr) == 1)
		net.family = AF_INET6;
	else
		return (false);
	most = net.family == AF_INET ? 32 : 128;
	n = most;
	if (bits.p != NULL && (!sp_view_u64(bits, &n) || n > most))
		return (false);
	net.bits = (unsigned)n;
	for (unsigned i = net.bits; i < most; i++) {
		if ((net.addr[i / 8] & (0x80u >> (i % 8))) != 0)
			return (false);
	}
	*out = net;
	return (true);
}

/* The path of a socket in the file system into ${sa}; returns the length of the
 * address, 0 if the path is not absolute or too long. */
static socklen_t
local_address(const char *path, struct sockaddr_storage *sa)
{
	struct sockaddr_un *un = (struct sockaddr_un *)(void *)sa;

	if (*path != '/' || strlen(path) >= sizeof(un->sun_path))
		return (0);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	return (sizeof(*un));
}

/* "127.0.0.1:2525" or "[::1]:2525" into ${sa}; returns the length of the
 * address, 0 if it is none. */
static socklen_t
ip_address(const char *text, struct sockaddr_storage *sa)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)sa;
	char host[ADDRESS_MAX];
	uint64_t port;
	size_t n;

	if (colon == NULL || !sp_view_u64(sp_view_str(colon + 1), &port) ||
	    port == 0 || port > UINT16_MAX)
		return (0);
	n = (size_t)(colon - text);
	if (n >= sizeof(host))
		return (0);
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons((uint16_t)port);
		return (sizeof(*in4));
	}
	if (n < 2 || host[0] != '[' || host[n - 1] != ']')
		return (0);
	host[n - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &in6->sin6_addr) != 1)
		return (0);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	return (sizeof(*in6));
}

bool
sp_config_address(const char *text, struct sockaddr_storage *sa, socklen_t *len)
{
	const size_t prefix = sizeof(SOCKET) - 1;
	struct sockaddr_storage one = { 0 };
	socklen_t n;

	if (strncmp(text, SOCKET, prefix) == 0)
		n = local_address(text + prefix, &one);
	else
		n = ip_address(text, &one);
	if (n == 0)
		return (false);
	*sa = one;
	*len = n;
	return (true);
}

/* The address of ${sa} in network order, IPv4 also where it is mapped into
 * IPv6. Returns its family, AF_UNSPEC where it is neither. */
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
