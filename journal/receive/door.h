/*
 * Who is at the local door, by the word of the kernel, and what it may
 * (doc/door.md).  Also the limits of the door, which is a listener that no
 * configuration names.
 */
#ifndef SP_RECEIVE_DOOR_H
#define SP_RECEIVE_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/config/config.h"
#include "base/err.h"
#include "journal/smtp/session.h"

#define SP_DOOR_MAX_MESSAGE ((uint64_t)512 << 20)
#define SP_DOOR_MAX_LINE    ((uint64_t)1 << 20)
#define SP_DOOR_TIMEOUT	    60 /* seconds */
#define SP_DOOR_PER_USER    150 /* sessions of the owner, root, the service */
#define SP_DOOR_PER_READER  20 /* sessions of any other user */

/* Whom the door lets in. */
struct sp_doorkeeper {
	uid_t owner; /* of the archive's directory */
	bool has_group;
	gid_t group; /* its members may read, and append events of that */
};

/* Look up the owner of the archive ${dir}, and ${group} (NULL: none).  SP_EIO:
 * no such archive; SP_ECONFIG: no such group on this host. */
SP_CHECK enum sp_code sp_door_init(struct sp_doorkeeper *d, const char *dir,
    const char *group, struct sp_err *err);
/* The limits of the door, as those of a listener; ${name} and ${hostname} are
 * borrowed. */
void sp_door_listen(struct sp_listen *l, char *name, char *hostname);
/*
 * Who the peer of the connected socket ${fd} is: what it may goes to ${may},
 * the "actor" of its events to ${actor}, a JSON object of at most ${size} bytes
 * with its NUL.  False: it may nothing, and the actor is not set.
 */
bool sp_door_identify(const struct sp_doorkeeper *d, int fd,
    struct sp_door_rights *may, char *actor, size_t size);
/* The actor of the service's own events, in the same way. */
void sp_door_self(char *actor, size_t size);

#endif
