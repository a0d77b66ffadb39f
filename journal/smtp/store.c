/*
 * The content of a message between the network and the appender.  It begins in
 * a buffer of the memory budget, moves into larger ones as it grows, and goes
 * to an unnamed temporary file in state/ once the budget has no larger one.
 * The digest runs along.
 */
#include "journal/smtp/store.h"

#include <string.h>

#include "base/io.h"
#include "base/sha256.h"

#define FIRST	 ((size_t)8192) /* bytes, where no size is declared */
#define HINT_MAX ((uint64_t)64 << 10) /* bytes, whatever is declared */

void
sp_store_init(struct sp_store *s, struct sp_memory *m)
{
	*s = (struct sp_store){ .memory = m, .fd = -1 };
	s->sha = sp_sha256_new();
}

void
sp_store_reset(struct sp_store *s)
{
	sp_memory_put(s->memory, s->p, s->cap);
	s->p = NULL;
	s->cap = 0;
	s->size = 0;
	if (s->fd >= 0)
		(void)sp_io_close(s->fd, NULL);
	s->fd = -1;
}

void
sp_store_done(struct sp_store *s)
{
	sp_store_reset(s);
	sp_sha256_free(s->sha);
	s->sha = NULL;
}

void
sp_store_begin(struct sp_store *s, uint64_t hint)
{
	size_t want =
	    hint == 0 ? FIRST : (size_t)(hint < HINT_MAX ? hint : HINT_MAX);

	sp_store_reset(s);
	sp_sha256_reset(s->sha);
	s->p = sp_memory_get(s->memory, want, &s->cap);
	if (s->p == NULL)
		s->cap = 0;
}

/* Move the content from memory to a temporary file. */
static enum sp_code
spill(struct sp_store *s, struct sp_err *err)
{
	enum sp_code rc;

	rc = sp_io_tmpfile(sp_memory_dir(s->memory), &s->fd, err);
	if (rc != SP_OK) {
		s->fd = -1;
		return (rc);
	}
	sp_memory_note_spill(s->memory);
	rc = sp_io_pwrite(s->fd, s->p, (size_t)s->size, 0, err);
	sp_memory_put(s->memory, s->p, s->cap);
	s->p = NULL;
	s->cap = 0;
	return (rc);
}

/* Make room for ${n} more bytes: in a larger buffer, or else in the file. */
static enum sp_code
make_room(struct sp_store *s, size_t n, struct sp_err *err)
{
	size_t cap;
	char *p;

	if (n <= s->cap - (size_t)s->size)
		return (SP_OK);
	p = n > SP_MEMORY_MAX
		? NULL
		: sp_memory_get(s->memory, (size_t)s->size + n, &cap);
	if (p == NULL)
		return (spill(s, err));
	if (s->size > 0)
		memcpy(p, s->p, (size_t)s->size);
	sp_memory_put(s->memory, s->p, s->cap);
	s->p = p;
	s->cap = cap;
	return (SP_OK);
}

enum sp_code
sp_store_add(struct sp_store *s, const void *p, size_t n, struct sp_err *err)
{
	enum sp_code rc;

	if (n == 0)
		return (SP_OK);
	sp_sha256_add(s->sha, p, n);
	if (s->fd < 0) {
		rc = make_room(s, n, err);
		if (rc != SP_OK)
			return (rc);
	}
	if (s->fd < 0)
		memcpy(s->p + s->size, p, n);
	else {
		rc = sp_io_pwrite(s->fd, p, n, s->size, err);
		if (rc != SP_OK)
			return (rc);
	}
	s->size += n;
	return (SP_OK);
}

void
sp_store_end(struct sp_store *s, uint8_t sha256[SP_SHA256_LEN])
{
	sp_sha256_end(s->sha, sha256);
}
