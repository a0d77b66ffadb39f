/*
 * What is at a place of an intake file: the batch that should be there, a tail
 * that is being written or was torn by a power cut, or damage.  Readers ask it
 * at the end of the newest file, the recovery where a batch is not whole; it
 * changes nothing.  The rules are those of doc/format-intake.md, "Recovery".
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "journal/log/intake_priv.h"

enum sp_code
sp_intake_probe(int fd, const uint8_t id[16], uint64_t off,
    struct sp_intake_batch *b, bool *valid, struct sp_err *err)
{
	uint8_t p[SP_INTAKE_BATCH_LEN];
	enum sp_code rc;
	size_t got;

	rc = sp_io_pread(fd, p, sizeof(p), off, &got, err);
	if (rc == SP_OK)
		*valid = got == sizeof(p) && sp_intake_batch_parse(p, id, b);
	return (rc);
}

/* Find the first valid header of file ${id} in [off, end of file) with a number
 * above ${number}.  Copies of older parts of the file may lie in mail, and have
 * lower numbers. */
static enum sp_code
find_later(int fd, const uint8_t id[16], uint64_t off, uint64_t number,
    struct sp_intake_batch *b, uint64_t *at, bool *found, struct sp_err *err)
{
	uint8_t key[SP_INTAKE_KEY_LEN];
	uint8_t *buf = sp_xmalloc(SP_INTAKE_PIECE);
	enum sp_code rc;
	size_t got;

	sp_intake_batch_key(id, key);
	*found = false;
	for (;;) {
		const uint8_t *p = buf;

		rc = sp_io_pread(fd, buf, SP_INTAKE_PIECE, off, &got, err);
		if (rc != SP_OK || got < SP_INTAKE_BATCH_LEN)
			break;
		for (;;) {
			p = memmem(
			    p, got - (size_t)(p - buf), key, sizeof(key));
			if (p == NULL ||
			    got - (size_t)(p - buf) < SP_INTAKE_BATCH_LEN)
				break;
			if (sp_intake_batch_parse(p, id, b) &&
			    b->number > number) {
				*at = off + (uint64_t)(p - buf);
				*found = true;
				break;
			}
			p++;
		}
		/* A header may begin in this piece and end in the next one. */
		if (*found || got < SP_INTAKE_PIECE)
			break;
		off += got - (SP_INTAKE_BATCH_LEN - 1);
	}
	free(buf);
	return (rc);
}

/*
 * A valid mark proves all before it.  A valid header of a batch with entries
 * proves all before it but the marks directly in front of it: those were never
 * synced.  Where only such marks are damaged and nothing comes after that
 * batch, it was a power cut while that batch was synced.
 */
enum sp_code
sp_intake_tail(int fd, const uint8_t id[16], uint64_t off, uint64_t number,
    const struct sp_intake_batch *own, enum sp_intake_tail *out,
    uint64_t *where, struct sp_err *err)
{
	const bool marks_only = own == NULL;
	struct sp_intake_batch b;
	enum sp_code rc;
	uint64_t at = 0, from = off + 1;
	bool found;

	/* Inside the batch's own bytes there is no header of ours. */
	if (own != NULL)
		from = off + SP_INTAKE_BATCH_LEN + own->length;
	rc = find_later(fd, id, from, number, &b, &at, &found, err);
	if (rc != SP_OK)
		return (rc);
	*where = at;
	if (found && marks_only && b.count > 0 &&
	    (at - off) / SP_INTAKE_BATCH_LEN == b.number - number &&
	    (at - off) % SP_INTAKE_BATCH_LEN == 0) {
		uint64_t then = at + SP_INTAKE_BATCH_LEN + b.length;
		uint64_t last = b.number;

		rc = find_later(fd, id, then, last, &b, &at, &found, err);
		if (rc != SP_OK)
			return (rc);
	}
	*out = found ? SP_INTAKE_TAIL_DAMAGE : SP_INTAKE_TAIL_OPEN;
	return (SP_OK);
}
