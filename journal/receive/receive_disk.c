/*
 * Disk.
 */
#include <inttypes.h>

#include "base/io.h"
#include "journal/receive/receive_priv.h"

#define INODES_SOFT 256 /* fewer: nothing new is begun */
#define INODES_HARD 16 /* fewer: as good as none */

/* Ask the file system at most once a second. */
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

enum sp_code
sp_receive_disk_may_begin(void *ctx, uint64_t declared, const char **why)
{
	struct sp_receive *r = ctx;
	uint64_t reserve = r->opts.cfg->disk_reserve;

	if (r->hold != NULL) {
		*why = r->hold;
		return (SP_EAGAIN);
	}
	update_space(r);
	/* Where nobody can say, the write itself will. */
	if (!r->disk.known)
		return (SP_OK);
	if (r->disk.inodes < INODES_SOFT || r->disk.bytes < reserve ||
	    r->disk.bytes - reserve < declared)
		return (SP_ENOSPC);
	return (SP_OK);
}

/* On the pool: what is in hand is finished below the soft mark, and not below
 * the hard one, where seal and index need the rest to go on. */
enum sp_code
sp_receive_disk_room(void *ctx, uint64_t bytes, struct sp_err *err)
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
