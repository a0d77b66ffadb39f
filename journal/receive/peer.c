/*
 * Addresses of peers as text and in one form for comparison.  Used where a
 * connection is accepted (connection_accept.c), and for what a proxy says.
 */
#include "journal/receive/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* The address is copied first: ${sa} may be shorter than a sockaddr_storage. */
void
sp_peer_format(const struct sockaddr *sa, char out[SP_PEER_TEXT])
{
	struct sockaddr_storage ss = { .ss_family = sa->sa_family };
	char text[INET6_ADDRSTRLEN] = "?";

	if (sa->sa_family == AF_INET6) {
		memcpy(&ss, sa, sizeof(struct sockaddr_in6));
		sp_peer_unmap(&ss);
	} else if (sa->sa_family == AF_INET)
		memcpy(&ss, sa, sizeof(struct sockaddr_in));
	if (ss.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&ss;

		(void)inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		(void)snprintf(out, SP_PEER_TEXT, "%s:%u", text,
		    (unsigned)ntohs(in->sin_port));
	} else if (ss.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)&ss;

		(void)inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof(text));
		(void)snprintf(out, SP_PEER_TEXT, "[%s]:%u", text,
		    (unsigned)ntohs(in->sin6_port));
	} else
		(void)snprintf(out, SP_PEER_TEXT, "local");
}

void
sp_peer_unmap(struct sockaddr_storage *sa)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (sa->ss_family != AF_INET6)
		return;
	memcpy(&in6, sa, sizeof(in6));
	if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return;
	in.sin_port = in6.sin6_port;
	memcpy(&in.sin_addr, &in6.sin6_addr.s6_addr[12], 4);
	memcpy(sa, &in, sizeof(in));
}

void
sp_peer_local(uid_t uid, struct sockaddr_storage *out)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };

	memcpy(sa.sa_data, &uid, sizeof(uid));
	memset(out, 0, sizeof(*out));
	memcpy(out, &sa, sizeof(sa));
}

uid_t
sp_peer_uid(const struct sockaddr_storage *sa)
{
	struct sockaddr local;
	uid_t uid;

	memcpy(&local, sa, sizeof(local));
	memcpy(&uid, local.sa_data, sizeof(uid));
	return (uid);
}
