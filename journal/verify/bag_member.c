/*
 * The members of a bag as they are read: each is hashed, and what the checks
 * need of it is kept.  bag_read.c calls begin, data (any number of times) and
 * end for each member.  A message becomes a row of the table of messages, any
 * other file an entry in the list of files; of a container, the bytes of those
 * text files that the checks read go to a temporary file.
 *
 * Limits: SP_BAG_FILES_MAX files, and of their text as much as SP_BAG_SPOOL_MIN
 * and SP_BAG_SPOOL_RATIO allow, so that a small container cannot fill the disk.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/sha256.h"
#include "journal/verify/bag_source_priv.h"

/*
 * Whether the checks need the bytes and not only the digest: tag files, proofs,
 * records.
 */
static bool
is_needed(struct sp_view name)
{
	return (!sp_view_starts(name, "data/") ||
		sp_view_starts(name, "data/proof/") ||
		sp_view_eq_str(name, "data/records.jsonl"));
}

bool
sp_bag_member_begin(struct sp_bag_source *s, struct sp_view name)
{
	if (!sp_bag_name_ok(name)) {
		char *shown = sp_view_dup(name);

		sp_verify_found_add(s->found, "container", shown,
		    "a bag has no such name; not read");
		free(shown);
		return (false);
	}
	memcpy(s->name, name.p, name.n);
	s->name[name.n] = '\0';
	s->size = 0;
	s->too_large = false;
	s->spool = !s->directory && is_needed(name);
	sp_sha256_reset(s->sha);
	return (true);
}

/* How many bytes of text a container of this size may hold. */
static uint64_t
spool_max(const struct sp_bag_source *s)
{
	uint64_t x = s->container * SP_BAG_SPOOL_RATIO;

	return (x > SP_BAG_SPOOL_MIN ? x : SP_BAG_SPOOL_MIN);
}

enum sp_code
sp_bag_member_data(
    struct sp_bag_source *s, const void *p, size_t n, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	sp_sha256_add(s->sha, p, n);
	if (s->spool && !s->too_large) {
		s->too_large = n > spool_max(s) - s->spooled - s->size;
		if (!s->too_large)
			rc = sp_io_pwrite(
			    s->spool_fd, p, n, s->spooled + s->size, err);
	}
	s->size += n;
	return (rc);
}

enum sp_code
sp_bag_member_flush(struct sp_bag_source *s, struct sp_err *err)
{
	enum sp_code rc;

	if (s->pending.n == 0)
		return (SP_OK);
	rc = sp_io_write(s->table_fd, s->pending.p, s->pending.n, err);
	sp_buf_clear(&s->pending);
	return (rc);
}

/* A row for the message that was read, written when enough of them wait. */
static enum sp_code
add_message(struct sp_bag_source *s, uint64_t seq, struct sp_err *err)
{
	struct sp_bag_message m = { .seq = seq, .size = s->size };

	sp_sha256_end(s->sha, m.sha256);
	s->nmessages++;
	if (s->pending.n + sizeof(m) > SP_BAG_PENDING_MAX) {
		enum sp_code rc = sp_bag_member_flush(s, err);

		if (rc != SP_OK)
			return (rc);
	}
	return (sp_buf_add(&s->pending, &m, sizeof(m)));
}

/*
 * An entry in the list of files for the member that was read.  One whose bytes
 * would have been too many is in the list, too, but not readable: a finding.
 */
static enum sp_code
add_file(struct sp_bag_source *s, struct sp_err *err)
{
	struct sp_bag_file *x;

	if (s->nfiles == SP_BAG_FILES_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%s holds more than %u files besides its messages", s->path,
		    SP_BAG_FILES_MAX));
	if (s->nfiles == s->cfiles) {
		s->cfiles = s->cfiles == 0 ? 64 : s->cfiles * 2;
		s->files = sp_xrealloc(s->files, s->cfiles * sizeof(*s->files));
	}
	x = &s->files[s->nfiles++];
	memset(x, 0, sizeof(*x));
	x->path = sp_xstrdup(s->name);
	x->size = s->size;
	sp_sha256_end(s->sha, x->sha256);
	x->readable = s->directory || (s->spool && !s->too_large);
	x->spool_offset = s->spooled;
	if (s->spool && !s->too_large)
		s->spooled += s->size;
	if (s->too_large)
		sp_verify_found_add(s->found, "container", s->name,
		    "expands to more than %u times the container; not read",
		    SP_BAG_SPOOL_RATIO);
	return (SP_OK);
}

enum sp_code
sp_bag_member_end(struct sp_bag_source *s, struct sp_err *err)
{
	uint64_t seq;

	if (sp_bag_message_name(sp_view_str(s->name), &seq))
		return (add_message(s, seq, err));
	return (add_file(s, err));
}
