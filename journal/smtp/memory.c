/*
 * The memory budget of all sessions (doc/smtp.md, "Memory").  Buffers come in
 * classes of SP_MEMORY_MIN << class bytes.  Those up to SMALL that were given
 * back wait in a list for each class and are given away again, so that a busy
 * server does not ask the system for each message; when the budget is short
 * the largest of them are freed first.
 */
#include "journal/smtp/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define CLASSES 11 /* SP_MEMORY_MIN << 10 == SP_MEMORY_MAX */
#define SMALL	((size_t)256 << 10) /* bytes; larger ones are not kept */

/* A buffer that waits for reuse; the rest of its bytes are whatever was in
 * it. */
struct idle_buffer {
	struct idle_buffer *next;
};

struct sp_memory {
	uint64_t budget;
	uint64_t used; /* bytes given away or charged */
	uint64_t kept; /* bytes waiting for reuse */
	struct idle_buffer *idle[CLASSES]; /* those that wait */
	const char *dir; /* for temporary files; borrowed */
	uint64_t spilled; /* messages that went to a file */
};

struct sp_memory *
sp_memory_new(uint64_t budget, const char *dir)
{
	struct sp_memory *m = sp_xcalloc(1, sizeof(*m));

	m->budget = budget;
	m->dir = dir;
	return (m);
}

/* Free all buffers of a class that wait. */
static void
drop_idle(struct sp_memory *m, size_t class)
{
	while (m->idle[class] != NULL) {
		struct idle_buffer *s = m->idle[class];

		m->idle[class] = s->next;
		m->kept -= SP_MEMORY_MIN << class;
		free(s);
	}
}

void
sp_memory_free(struct sp_memory *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < CLASSES; i++)
		drop_idle(m, i);
	assert(m->used == 0);
	free(m);
}

/* The smallest class whose buffers hold ${n} bytes. */
static size_t
class_of(size_t n)
{
	size_t class = 0;

	while ((SP_MEMORY_MIN << class) < n)
		class ++;
	return (class);
}

/* Whether a buffer of ${size} may be given away.  Large ones may take half of
 * the budget together and a sixteenth each, so that a few large messages do not
 * push the small ones into files. */
static bool
fits_budget(const struct sp_memory *m, size_t size)
{
	if (size > m->budget || m->used > m->budget - size)
		return (false);
	if (size <= SMALL)
		return (true);
	return (size <= m->budget / 16 && m->used + size <= m->budget / 2);
}

/* Free waiting buffers until ${size} more bytes fit into the budget. */
static void
make_room(struct sp_memory *m, size_t size)
{
	for (size_t i = CLASSES; i-- > 0;) {
		if (m->used + m->kept + size <= m->budget)
			return;
		drop_idle(m, i);
	}
}

/* First a buffer that waits, else a new one from the system. */
void *
sp_memory_get(struct sp_memory *m, size_t n, size_t *cap)
{
	struct idle_buffer *s;
	size_t class, size;

	if (n > SP_MEMORY_MAX)
		return (NULL);
	class = class_of(n);
	size = SP_MEMORY_MIN << class;
	if (!fits_budget(m, size))
		return (NULL);
	s = m->idle[class];
	if (s != NULL) {
		m->idle[class] = s->next;
		m->kept -= size;
	} else {
		make_room(m, size);
		s = malloc(size);
		if (s == NULL)
			return (NULL);
	}
	m->used += size;
	*cap = size;
	return (s);
}

void
sp_memory_put(struct sp_memory *m, void *p, size_t cap)
{
	struct idle_buffer *s = p;
	size_t class = class_of(cap);

	if (p == NULL)
		return;
	assert(m->used >= cap);
	m->used -= cap;
	/* Large ones are few, and malloc() gives their pages back. */
	if (cap > SMALL) {
		free(p);
		return;
	}
	s->next = m->idle[class];
	m->idle[class] = s;
	m->kept += cap;
}

bool
sp_memory_charge(struct sp_memory *m, size_t n)
{
	if (n > m->budget || m->used > m->budget - n)
		return (false);
	make_room(m, n);
	m->used += n;
	return (true);
}

void
sp_memory_discharge(struct sp_memory *m, size_t n)
{
	assert(m->used >= n);
	m->used -= n;
}

bool
sp_memory_tight(const struct sp_memory *m)
{
	return (m->used > m->budget / 2);
}

uint64_t
sp_memory_used(const struct sp_memory *m)
{
	return (m->used);
}

const char *
sp_memory_dir(const struct sp_memory *m)
{
	return (m->dir);
}

uint64_t
sp_memory_spilled(const struct sp_memory *m)
{
	return (m->spilled);
}

void
sp_memory_note_spill(struct sp_memory *m)
{
	m->spilled++;
}
