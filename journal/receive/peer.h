/* Who is connected: addresses as text, and how many sessions each has. */
#ifndef SP_RECEIVE_PEER_H
#define SP_RECEIVE_PEER_H

#include <stdint.h>
#include <sys/socket.h>

#define SP_PEER_TEXT 72

/* "192.0.2.7:51234", "[2001:db8::1]:25"; IPv4 in IPv6 as IPv4. */
void sp_peer_format(const struct sockaddr *sa, char out[SP_PEER_TEXT]);
/* Turn ::ffff:192.0.2.7 into 192.0.2.7, so that networks match. */
void sp_peer_unmap(struct sockaddr_storage *sa);

/* The key of a user on this host, as peers are counted. */
void sp_peer_local(uid_t uid, struct sockaddr_storage *out);

struct sp_peers;
struct sp_peer; /* one address */

struct sp_peers *sp_peers_new(void);
void sp_peers_free(struct sp_peers *p); /* NULL is fine */
/* One session more of ${sa} on listener ${n}; the count goes to ${count}. */
struct sp_peer *sp_peers_enter(
    struct sp_peers *p, const struct sockaddr *sa, unsigned n, uint64_t *count);
void sp_peers_leave(
    struct sp_peers *p, struct sp_peer *peer); /* NULL is fine */

#endif
