#include "journal/receive/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define BUCKETS 512

struct sp_peer {
	struct sp_peer *next;
	unsigned listener;
	sa_family_t family;
	uint8_t addr[16];
	uint64_t count;
};

struct sp_peers {
	struct sp_peer *bucket[BUCKETS];
};

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

struct sp_peers *
sp_peers_new(void)
{
	return (sp_xcalloc(1, sizeof(struct sp_peers)));
}

void
sp_peers_free(struct sp_peers *p)
{
	for (size_t i = 0; p != NULL && i < BUCKETS; i++) {
		while (p->bucket[i] != NULL) {
			struct sp_peer *e = p->bucket[i];

			p->bucket[i] = e->next;
			free(e);
		}
	}
	free(p);
}

static void
key_of(const struct sockaddr *sa, struct sp_peer *key)
{
	key->family = sa->sa_family;
	memset(key->addr, 0, sizeof(key->addr));
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		memcpy(key->addr, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)sa;

		memcpy(key->addr, &in->sin6_addr, 16);
	} else if (sa->sa_family == AF_UNIX)
		memcpy(key->addr, sa->sa_data, sizeof(uid_t));
}

static struct sp_peer **
bucket_of(struct sp_peers *p, const struct sp_peer *key)
{
	uint32_t h = key->listener;

	for (size_t i = 0; i < sizeof(key->addr); i++)
		h = (h ^ key->addr[i]) * UINT32_C(16777619);
	return (&p->bucket[h % BUCKETS]);
}

struct sp_peer *
sp_peers_enter(
    struct sp_peers *p, const struct sockaddr *sa, unsigned n, uint64_t *count)
{
	struct sp_peer key = { .listener = n }, *e, **b;

	key_of(sa, &key);
	b = bucket_of(p, &key);
	for (e = *b; e != NULL; e = e->next) {
		if (e->listener == n && e->family == key.family &&
		    memcmp(e->addr, key.addr, sizeof(key.addr)) == 0)
			break;
	}
	if (e == NULL) {
		e = sp_xmalloc(sizeof(*e));
		*e = key;
		e->next = *b;
		*b = e;
	}
	*count = ++e->count;
	return (e);
}

void
sp_peers_leave(struct sp_peers *p, struct sp_peer *peer)
{
	struct sp_peer **at;

	if (peer == NULL || --peer->count > 0)
		return;
	for (at = bucket_of(p, peer); *at != peer; at = &(*at)->next)
		;
	*at = peer->next;
	free(peer);
}
