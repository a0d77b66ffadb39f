/*
 * Who is here: one peer is an address (of IPv6 its network of 64 bits, of a
 * socket in the file system the user), whatever listener it came to.  Counts its
 * sessions, on each listener and on all, and holds its share of the memory
 * budget: for max_per_peer (connection_accept.c), and so that no peer takes what
 * others need (connection_fair.c).  A peer is remembered while it has a session,
 * or until the last of its sessions has given everything back.
 *
 * For the thread of the loop only.
 */
#ifndef SP_RECEIVE_PEERS_H
#define SP_RECEIVE_PEERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "journal/smtp/memory.h"

struct sp_peers;
struct sp_peer; /* one address */

/* For ${listeners} listeners, numbered from 0; shares are of ${budget}, which
 * outlives it.  The caller frees it with sp_peers_free(). */
struct sp_peers *sp_peers_new(size_t listeners, struct sp_memory *budget);
void sp_peers_free(struct sp_peers *p); /* NULL is fine */
/* Count one session more of ${sa}, without its port, on listener ${listener}.
 * The result is for sp_peers_leave(), and then for sp_peers_release(). */
struct sp_peer *sp_peers_enter(
    struct sp_peers *p, const struct sockaddr *sa, unsigned listener);
/* Count one session less.  NULL is fine. */
void sp_peers_leave(struct sp_peer *peer, unsigned listener);
/* The session needs its share of the budget no more; the last one frees
 * ${peer}.  NULL is fine. */
void sp_peers_release(struct sp_peers *p, struct sp_peer *peer);
/* Sessions on one listener, and on all. */
uint64_t sp_peers_sessions_on(const struct sp_peer *peer, unsigned listener);
uint64_t sp_peers_sessions(const struct sp_peer *peer);
/* Its share of the budget. */
struct sp_memory *sp_peers_memory(const struct sp_peer *peer);

#endif
