/* Who is at the local door, as the kernel says (doc/door.md). */
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

/* Whom the door knows. */
struct sp_doorkeeper {
	uid_t owner; /* of the archive's directory */
	bool has_group;
	gid_t group; /* readers */
};

/* Look up the owner of ${dir} and the group; an unknown group is SP_ECONFIG. */
SP_CHECK enum sp_code sp_door_init(struct sp_doorkeeper *d, const char *dir,
    const char *group, struct sp_err *err);
/* The limits of the door, in the shape of a listener; text is borrowed. */
void sp_door_listen(struct sp_listen *l, char *name, char *hostname);
/*
 * The peer of the connected socket ${fd}: what it may, and the actor of its
 * events as a JSON object.  False: nothing at all.
 */
bool sp_door_identify(const struct sp_doorkeeper *d, int fd,
    struct sp_door_rights *may, char *actor, size_t size);
/* The actor of the service's own events. */
void sp_door_self(char *actor, size_t size);

#endif
