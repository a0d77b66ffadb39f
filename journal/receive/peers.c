/*
 * Peers in a hash table of addresses.  connection_accept.c counts a connection
 * when it is known whom it serves, and connection.c uncounts it when it is
 * closed, and releases it when nothing of it is in work any more.
 */
#include "journal/receive/peers.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define BUCKETS 512

struct sp_peer {
	struct sp_peer *next;
	sa_family_t family;
	uint8_t addr[16];
	uint64_t refs; /* sessions, closed ones that are in work too */
	uint64_t sessions;
	struct sp_memory *memory; /* its share */
	uint64_t on[]; /* sessions of each listener */
};

struct sp_peers {
	size_t listeners;
	struct sp_memory *budget;
	struct sp_peer *bucket[BUCKETS];
};

struct sp_peers *
sp_peers_new(size_t listeners, struct sp_memory *budget)
{
	struct sp_peers *p = sp_xcalloc(1, sizeof(*p));

	p->listeners = listeners;
	p->budget = budget;
	return (p);
}

static void
free_peer(struct sp_peer *e)
{
	sp_memory_free(e->memory);
	free(e);
}

void
sp_peers_free(struct sp_peers *p)
{
	for (size_t i = 0; p != NULL && i < BUCKETS; i++) {
		while (p->bucket[i] != NULL) {
			struct sp_peer *e = p->bucket[i];

			p->bucket[i] = e->next;
			free_peer(e);
		}
	}
	free(p);
}

/* An address without its port, as it is looked for. */
struct key {
	sa_family_t family;
	uint8_t addr[16];
};

/* Of IPv6 the first 64 bits: whoever has one address of such a network has all
 * of them (RFC 4291 section 2.5.1).  A uid for a user of this host. */
static void
key_of(const struct sockaddr *sa, struct key *key)
{
	key->family = sa->sa_family;
	memset(key->addr, 0, sizeof(key->addr));
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		memcpy(key->addr, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)sa;

		memcpy(key->addr, &in->sin6_addr, 8);
	} else if (sa->sa_family == AF_UNIX)
		memcpy(key->addr, sa->sa_data, sizeof(uid_t));
}

/* The bucket of an address (FNV-1a). */
static struct sp_peer **
bucket_of(struct sp_peers *p, const uint8_t addr[16])
{
	uint32_t h = UINT32_C(2166136261);

	for (size_t i = 0; i < 16; i++)
		h = (h ^ addr[i]) * UINT32_C(16777619);
	return (&p->bucket[h % BUCKETS]);
}

/* A new one gets a share of the budget, which is empty. */
struct sp_peer *
sp_peers_enter(struct sp_peers *p, const struct sockaddr *sa, unsigned listener)
{
	struct sp_peer *e, **b;
	struct key key;

	key_of(sa, &key);
	b = bucket_of(p, key.addr);
	for (e = *b; e != NULL; e = e->next) {
		if (e->family == key.family &&
		    memcmp(e->addr, key.addr, sizeof(key.addr)) == 0)
			break;
	}
	if (e == NULL) {
		e = sp_xcalloc(1, sizeof(*e) + p->listeners * sizeof(e->on[0]));
		e->family = key.family;
		memcpy(e->addr, key.addr, sizeof(key.addr));
		e->memory = sp_memory_share(p->budget);
		e->next = *b;
		*b = e;
	}
	e->refs++;
	e->sessions++;
	e->on[listener]++;
	return (e);
}

void
sp_peers_leave(struct sp_peer *peer, unsigned listener)
{
	if (peer == NULL)
		return;
	peer->sessions--;
	peer->on[listener]--;
}

void
sp_peers_release(struct sp_peers *p, struct sp_peer *peer)
{
	struct sp_peer **at;

	if (peer == NULL || --peer->refs > 0)
		return;
	for (at = bucket_of(p, peer->addr); *at != peer; at = &(*at)->next)
		;
	*at = peer->next;
	free_peer(peer);
}

uint64_t
sp_peers_sessions_on(const struct sp_peer *peer, unsigned listener)
{
	return (peer->on[listener]);
}

uint64_t
sp_peers_sessions(const struct sp_peer *peer)
{
	return (peer->sessions);
}

struct sp_memory *
sp_peers_memory(const struct sp_peer *peer)
{
	return (peer->memory);
}
