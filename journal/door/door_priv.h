/*
 * One connection to state/door, shared by the files of the room only:
 * door_client.c speaks through it and waits for each reply, the pipe
 * (door_pipe.c, door_pipe_conn.c) reads and writes without waiting.
 */
#ifndef SP_DOOR_DOOR_PRIV_H
#define SP_DOOR_DOOR_PRIV_H

#include <stdbool.h>

#include "base/buf.h"
#include "journal/door/door_client.h"

#define SP_DOOR_REQUEST_MAX (1u << 20) /* bytes of a command line */

struct sp_door {
	char *dir; /* of the archive */
	struct sp_door_opts opts;
	int fd; /* -1: not connected */
	/* The last request did not get into the service's hands whole, or was
	 * answered 421: it may be sent again. */
	bool not_accepted;
	struct sp_buf in; /* bytes read, not yet a line */
	struct sp_buf line; /* the last reply line, without its line end */
};

/* Connect anew and greet.  While the receiving worker is started anew, for a
 * reload or after it died, it turns clients away for a moment, and while it has
 * too many of them: this waits up to half a minute, unless opts.at_once.  Errors
 * as those of sp_door_open. */
SP_CHECK enum sp_code sp_door_reconnect(struct sp_door *d, struct sp_err *err);
/* Append "XSEALPOST WHAT <base64 of ${json}>\r\n".  SP_ELIMIT: too long. */
SP_CHECK enum sp_code sp_door_format_command(struct sp_buf *b, const char *what,
    struct sp_view json, struct sp_err *err);
/* The number in "... seq=N ..." of the last reply line.  SP_EFORMAT: none. */
SP_CHECK enum sp_code sp_door_reply_seq(
    const struct sp_door *d, uint64_t *seq, struct sp_err *err);

#endif
