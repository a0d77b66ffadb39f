#include "journal/smtp/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define CLASSES 11 /* SP_MEMORY_MIN << 10 == SP_MEMORY_MAX */
#define SMALL	((size_t)256 << 10)

struct idle_buffer {
	struct idle_buffer *next;
};

struct sp_memory {
	uint64_t budget;
	uint64_t used; /* handed out */
	uint64_t kept; /* waiting for reuse */
	struct idle_buffer *idle[CLASSES];
	const char *dir;
	uint64_t spilled;
};

struct sp_memory *
sp_memory_new(uint64_t budget, const char *dir)
{
	struct sp_memory *m = sp_xcalloc(1, sizeof(*m));

	m->budget = budget;
	m->dir = dir;
	return (m);
}

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

static size_t
class_of(size_t n)
{
	size_t class = 0;

	while ((SP_MEMORY_MIN << class) < n)
		class ++;
	return (class);
}

/* Large buffers may take half of the budget together and a sixteenth each, so
 * that a few large messages do not push the small ones into files. */
static bool
fits_budget(const struct sp_memory *m, size_t size)
{
	if (size > m->budget || m->used > m->budget - size)
		return (false);
	if (size <= SMALL)
		return (true);
	return (size <= m->budget / 16 && m->used + size <= m->budget / 2);
}

static void
make_room(struct sp_memory *m, size_t size)
{
	for (size_t i = CLASSES; i-- > 0;) {
		if (m->used + m->kept + size <= m->budget)
			return;
		drop_idle(m, i);
	}
}

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
	/* Large ones go back to the system: few, and it takes them well. */
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
