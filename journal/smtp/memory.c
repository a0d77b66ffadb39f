/*
 * The memory budget of all sessions (doc/smtp.md, "Memory").  Buffers come in
 * classes of SP_MEMORY_MIN << class bytes.  Those up to SMALL that were given
 * back wait in a list for each class and are given away again, so that a busy
 * server does not ask the system for each message; when the budget is short
 * the largest of them are freed first.
 *
 * A share counts what one client has of the budget, and holds it to twice of
 * what is left for everybody else: one client alone comes to two thirds, two to
 * two fifths each, and so on.  So there is always room for who has little,
 * without a limit that would have to be guessed.
 */
#include "journal/smtp/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define CLASSES 11 /* SP_MEMORY_MIN << 10 == SP_MEMORY_MAX */
#define SMALL	((size_t)256 << 10) /* bytes; larger ones are not kept */
#define GREED	2 /* a share may have so many times of what is left */

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
	uint64_t shares; /* that exist */
	bool (*relieve)(void *ctx, struct sp_memory *share);
	void *ctx; /* for relieve */
	/* A share has these two alone. */
	struct sp_memory *budget_of; /* the budget; NULL: this is one */
	uint64_t share; /* bytes of it */
};

struct sp_memory *
sp_memory_new(uint64_t budget, const char *dir)
{
	struct sp_memory *m = sp_xcalloc(1, sizeof(*m));

	m->budget = budget;
	m->dir = dir;
	return (m);
}

struct sp_memory *
sp_memory_share(struct sp_memory *m)
{
	struct sp_memory *s = sp_xcalloc(1, sizeof(*s));

	assert(m->budget_of == NULL);
	s->budget_of = m;
	m->shares++;
	return (s);
}

void
sp_memory_on_short(struct sp_memory *m,
    bool (*relieve)(void *ctx, struct sp_memory *share), void *ctx)
{
	m->relieve = relieve;
	m->ctx = ctx;
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
	assert(m->used == 0 && m->share == 0 && m->shares == 0);
	if (m->budget_of != NULL)
		m->budget_of->shares--;
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

/* Whether the share ${s} may have ${size} more bytes of its budget. */
static bool
fits_share(const struct sp_memory *s, size_t size)
{
	const struct sp_memory *m = s->budget_of;

	return (size <= m->budget && m->used <= m->budget - size &&
		s->share + size <= GREED * (m->budget - m->used - size));
}

bool
sp_memory_is_modest(const struct sp_memory *s, size_t more)
{
	const struct sp_memory *m = s->budget_of;

	return (
	    s->share + more <= m->budget / (m->shares == 0 ? 1 : m->shares));
}

/* Whether ${s} gets ${size} more bytes.  Where it has no more than a fair part,
 * others are made to give back first. */
static bool
claim_share(struct sp_memory *s, size_t size)
{
	struct sp_memory *m = s->budget_of;

	while (!fits_share(s, size)) {
		if (m->relieve == NULL || !sp_memory_is_modest(s, size) ||
		    !m->relieve(m->ctx, s))
			return (false);
	}
	return (true);
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

/* A buffer of ${class}: first one that waits, else a new one from the
 * system. */
static void *
get_buffer(struct sp_memory *m, size_t class)
{
	const size_t size = SP_MEMORY_MIN << class;
	struct idle_buffer *s;

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
	return (s);
}

/* Of a share both are asked: the share for its part, and the budget for the
 * buffer. */
void *
sp_memory_get(struct sp_memory *m, size_t n, size_t *cap)
{
	struct sp_memory *budget = m->budget_of == NULL ? m : m->budget_of;
	size_t class, size;
	void *p;

	if (n > SP_MEMORY_MAX)
		return (NULL);
	class = class_of(n);
	size = SP_MEMORY_MIN << class;
	/* A large one that its class does not get is asked of nobody: the
	 * message goes to a file. */
	if (size > SMALL && !fits_budget(budget, size))
		return (NULL);
	if (m->budget_of != NULL && !claim_share(m, size))
		return (NULL);
	p = get_buffer(budget, class);
	if (p == NULL)
		return (NULL);
	if (m->budget_of != NULL)
		m->share += size;
	*cap = size;
	return (p);
}

/* Uncount ${n} bytes of a share; returns its budget, which ${m} may be itself. */
static struct sp_memory *
give_back(struct sp_memory *m, size_t n)
{
	if (m->budget_of == NULL)
		return (m);
	assert(m->share >= n);
	m->share -= n;
	return (m->budget_of);
}

void
sp_memory_put(struct sp_memory *m, void *p, size_t cap)
{
	struct idle_buffer *s = p;
	size_t class = class_of(cap);

	if (p == NULL)
		return;
	m = give_back(m, cap);
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
	struct sp_memory *share = m->budget_of == NULL ? NULL : m;

	if (share != NULL) {
		if (!claim_share(share, n))
			return (false);
		m = share->budget_of;
	}
	if (n > m->budget || m->used > m->budget - n)
		return (false);
	make_room(m, n);
	m->used += n;
	if (share != NULL)
		share->share += n;
	return (true);
}

void
sp_memory_discharge(struct sp_memory *m, size_t n)
{
	m = give_back(m, n);
	assert(m->used >= n);
	m->used -= n;
}

bool
sp_memory_tight(const struct sp_memory *m)
{
	if (m->budget_of != NULL)
		m = m->budget_of;
	return (m->used > m->budget / 2);
}

uint64_t
sp_memory_used(const struct sp_memory *m)
{
	return (m->budget_of == NULL ? m->used : m->share);
}

const char *
sp_memory_dir(const struct sp_memory *m)
{
	return (m->budget_of == NULL ? m->dir : m->budget_of->dir);
}

uint64_t
sp_memory_spilled(const struct sp_memory *m)
{
	return (m->spilled);
}

void
sp_memory_note_spill(struct sp_memory *m)
{
	if (m->budget_of != NULL)
		m = m->budget_of;
	m->spilled++;
}
