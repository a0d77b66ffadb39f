/*
 * How many sessions each address has on each listener, for max_per_peer
 * (connection_accept.c).  An address is remembered while it has a session.
 * For the thread of the loop only.
 */
#ifndef SP_RECEIVE_PEERS_H
#define SP_RECEIVE_PEERS_H

#include <stdint.h>
#include <sys/socket.h>

struct sp_peers;
struct sp_peer; /* one address on one listener */

/* The caller frees it with sp_peers_free(). */
struct sp_peers *sp_peers_new(void);
void sp_peers_free(struct sp_peers *p); /* NULL is fine */
/* Count one session more of ${sa}, without its port, on listener ${listener};
 * how many it has now goes to ${count}.  The result is for sp_peers_leave(). */
struct sp_peer *sp_peers_enter(struct sp_peers *p, const struct sockaddr *sa,
    unsigned listener, uint64_t *count);
/* Count one session less; the last one frees ${peer}.  NULL is fine. */
void sp_peers_leave(struct sp_peers *p, struct sp_peer *peer);

#endif
