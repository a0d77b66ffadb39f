/*
 * Sessions of each address on each listener, in a hash table of addresses that
 * have at least one.  connection_accept.c counts a connection when it is known
 * whom it serves, and connection.c uncounts it when it is closed.
 */
#include "journal/receive/peers.h"

#include <netinet/in.h>
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

/* The address without its port, as a key; a uid for a user of this host. */
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

/* The bucket of a key (FNV-1a). */
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
