/*
 * Whether another message may come: the disk must have room, and the log must
 * not be on hold.  There are two marks of free space (doc/smtp.md, "Replies"):
 * below `disk_reserve` no transaction is begun, so that those in hand can be
 * finished; below `disk_minimum` nothing is stored at all, so that seal and
 * index have room to go on.  The peer gets the reply for SP_ENOSPC, 452 4.3.1,
 * from the table in journal/smtp/reply.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "journal/receive/receive_priv.h"

#define INODES_HARD 16 /* fewer free: nothing is stored */

/* Ask the file system, at most once a second. */
static void
update_space(struct sp_receive *r)
{
	uint64_t now = uv_now(r->loop);

	if (r->disk.known && now - r->disk.at < SP_TICK_MS)
		return;
	r->disk.at = now;
	r->disk.known =
	    sp_io_space(r->dir, &r->disk.bytes, &r->disk.inodes, NULL) == SP_OK;
}

/* If the free space is unknown, begin: a full disk then shows when writing. */
enum sp_code
sp_receive_may_begin(void *ctx, uint64_t declared, const char **why)
{
	struct sp_receive *r = ctx;
	uint64_t reserve = r->opts.cfg->disk_reserve;

	if (r->hold != NULL) {
		*why = r->hold;
		return (SP_EAGAIN);
	}
	update_space(r);
	if (!r->disk.known)
		return (SP_OK);
	if (r->disk.inodes < SP_RECEIVE_INODES_MIN || r->disk.bytes < reserve ||
	    r->disk.bytes - reserve < declared)
		return (SP_ENOSPC);
	return (SP_OK);
}

/* The cause for which no transaction is begun just now, "disk_reserve" or
 * "inodes"; NULL: there is none. */
static const char *
shortage(const struct sp_receive *r)
{
	if (!r->disk.known)
		return (NULL);
	if (r->disk.bytes < r->opts.cfg->disk_reserve)
		return ("disk_reserve");
	return (r->disk.inodes < SP_RECEIVE_INODES_MIN ? "inodes" : NULL);
}

const char *
sp_receive_shortage(struct sp_receive *r)
{
	update_space(r);
	return (shortage(r));
}

/* Also when no mail comes: whoever is to be answered 452 next should not be the
 * first to know. */
void
sp_receive_watch_disk(struct sp_receive *r)
{
	const char *cause;
	char text[512];

	update_space(r);
	if (!r->disk.known)
		return;
	cause = shortage(r);
	if (cause != NULL && strcmp(cause, "inodes") == 0)
		(void)snprintf(text, sizeof(text),
		    "the file system of %.256s has only %" PRIu64
		    " inodes left: mail is answered 452 and not taken in until there are more",
		    r->dir, r->disk.inodes);
	else if (cause != NULL)
		(void)snprintf(text, sizeof(text),
		    "the file system of %.256s has only %" PRIu64
		    " bytes left, less than disk_reserve (%" PRIu64
		    "): mail is answered 452 and not taken in until there is more",
		    r->dir, r->disk.bytes, r->opts.cfg->disk_reserve);
	if (cause != NULL)
		sp_receive_alarm(r, cause, text);
	if (cause == NULL || strcmp(cause, "disk_reserve") != 0)
		sp_receive_alarm(r, "disk_reserve", NULL);
	if (r->disk.inodes >= SP_RECEIVE_INODES_MIN)
		sp_receive_alarm(r, "inodes", NULL);
}

/* disk_minimum counts at most as half of disk_reserve, so that there is room
 * between the marks.  Asks the file system anew: it runs on another thread than
 * update_space(), once a batch, and a second of writing could pass the mark. */
enum sp_code
sp_receive_has_room(void *ctx, uint64_t bytes, struct sp_err *err)
{
	const struct sp_receive *r = ctx;
	const struct sp_config *cfg = r->opts.cfg;
	uint64_t least = cfg->disk_minimum, space, inodes;

	if (least > cfg->disk_reserve / 2)
		least = cfg->disk_reserve / 2;
	if (least == 0 || sp_io_space(r->dir, &space, &inodes, NULL) != SP_OK)
		return (SP_OK);
	if (space >= least && space - least >= bytes && inodes >= INODES_HARD)
		return (SP_OK);
	return (sp_err_set(err, SP_ENOSPC, 0,
	    "the file system of %s is at its last %" PRIu64
	    " bytes (disk_minimum): nothing is taken in until there is more",
	    r->dir, least));
}
