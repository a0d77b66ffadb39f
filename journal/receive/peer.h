/*
 * Addresses of peers: as text for records and log lines, and in the one form
 * that networks and counters compare (peers.h).  No I/O.
 */
#ifndef SP_RECEIVE_PEER_H
#define SP_RECEIVE_PEER_H

#include <stdint.h>
#include <sys/socket.h>

#define SP_PEER_TEXT 72 /* bytes of an address as text, with its NUL */

/* Write ${sa} as "192.0.2.7:51234" or "[2001:db8::1]:25", an IPv4 address
 * mapped into IPv6 as IPv4, and "local" for any other family. */
void sp_peer_format(const struct sockaddr *sa, char out[SP_PEER_TEXT]);
/* Turn ::ffff:192.0.2.7 into 192.0.2.7, so that it lies in the networks of
 * IPv4; leave any other address as it is. */
void sp_peer_unmap(struct sockaddr_storage *sa);
/* The address by which user ${uid} of this host is counted: AF_UNIX, with the
 * uid in place of a name. */
void sp_peer_local(uid_t uid, struct sockaddr_storage *out);
/* The user of such an address. */
uid_t sp_peer_uid(const struct sockaddr_storage *sa);

#endif
