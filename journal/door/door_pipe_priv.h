/*
 * The inside of the pipe (door_pipe.h), shared by its files only:
 *
 *	door_pipe.c		messages in hand, which connection takes which,
 *				their answers in order
 *	door_pipe_conn.c	one connection: commands out, replies in
 */
#ifndef SP_DOOR_DOOR_PIPE_PRIV_H
#define SP_DOOR_DOOR_PIPE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "journal/door/door_pipe.h"
#include "journal/door/door_priv.h"

#define SP_DOOR_PIPE_WINDOW 256 /* messages in hand, at most */
#define SP_DOOR_PIPE_CHUNK  (64u << 10) /* bytes sent, or spooled, at a time */

/*
 * A message in hand:
 *
 *	FILLING -> WAITING -> SENT -> ANSWERED
 *		      ^--------'  the service did not accept it
 */
enum sp_door_pipe_state {
	SP_DOOR_PIPE_FILLING, /* begun, not ended */
	SP_DOOR_PIPE_WAITING, /* for a connection */
	SP_DOOR_PIPE_SENT, /* to one, at least in part */
	SP_DOOR_PIPE_ANSWERED /* what follows is to be reported */
};

struct sp_door_pipe_message {
	enum sp_door_pipe_state state;
	void *tag; /* the caller's */

	/* What is sent: ${head}, then the body. */
	struct sp_buf head; /* the commands, BDAT last */
	struct sp_buf body; /* while it is small */
	int fd; /* the body in a file, or -1 */
	uint64_t size; /* of the body */

	/* How far it is. */
	uint64_t sent; /* bytes of head and body */
	unsigned replies; /* of the four that it gets */
	unsigned tries; /* how often it was given to a connection */

	/* The answer. */
	enum sp_code rc;
	bool unknown; /* nobody knows whether it is in */
	uint64_t seq;
	struct sp_err err;
};

/* A connection, and the messages that it carries in order of sending. */
struct sp_door_pipe_conn {
	struct sp_door *door;
	bool broken; /* takes no more bytes; may still answer */
	size_t queue[SP_DOOR_PIPE_WINDOW]; /* places in the ring */
	size_t first, n;
};

struct sp_door_pipe {
	struct sp_door_pipe_opts opts;
	char *dir; /* of the archive */

	struct sp_door_pipe_conn *conns;
	unsigned nconns, max_conns; /* open or opened before; allowed */

	struct sp_door_pipe_message *ring; /* opts.window of them */
	size_t first, n; /* in hand, the one being filled included */
	uint64_t memory; /* bytes of bodies in memory */
	bool filling; /* the last of them is begun and not ended */
};

/* Open one more connection, the last of p->conns; errors as sp_door_open. */
SP_CHECK enum sp_code sp_door_pipe_conn_open(
    struct sp_door_pipe *p, struct sp_err *err);
/* The ${i}-th message that the connection carries. */
struct sp_door_pipe_message *sp_door_pipe_conn_message(
    struct sp_door_pipe *p, const struct sp_door_pipe_conn *c, size_t i);
/* Send what the socket takes without waiting, of all messages that it carries.
 * Errors are those of reading a spooled body; a broken connection is none. */
SP_CHECK enum sp_code sp_door_pipe_conn_send(
    struct sp_door_pipe *p, struct sp_door_pipe_conn *c, struct sp_err *err);
/* Read what is there without waiting and match the replies with the messages.
 * Where the connection ended it is closed, and its messages wait again or are
 * answered (door_pipe.h). */
void sp_door_pipe_conn_read(
    struct sp_door_pipe *p, struct sp_door_pipe_conn *c);

#endif
