/* Between the files of the door's client. */
#ifndef SP_DOOR_DOOR_PRIV_H
#define SP_DOOR_DOOR_PRIV_H

#include <stdbool.h>

#include "base/buf.h"
#include "journal/door/door_client.h"

#define SP_DOOR_WAIT_SECONDS 120 /* the service answers within a minute */
#define SP_DOOR_REQUEST_MAX  (1u << 20)

struct sp_door {
	char *dir;
	int fd; /* -1: not connected */
	bool shut; /* the request was not taken; another session may */
	struct sp_buf in; /* bytes read, not yet a line */
	struct sp_buf line; /* the last reply line */
};

/* Connect anew.  While the receiving worker is started anew, for a reload or
 * after it died, the door is shut for a moment: this waits. */
SP_CHECK enum sp_code sp_door_knock(struct sp_door *d, struct sp_err *err);
/* "XSEALPOST WHAT <base64>\r\n" */
SP_CHECK enum sp_code sp_door_private(struct sp_buf *b, const char *what,
    struct sp_view json, struct sp_err *err);
/* "... seq=N ..." of the last reply line. */
SP_CHECK enum sp_code sp_door_seq(
    const struct sp_door *d, uint64_t *seq, struct sp_err *err);

#endif
