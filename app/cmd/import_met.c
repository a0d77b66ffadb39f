/*
 * Which messages this run met already: see app/cmd/import_met.h. Messages are
 * known by the true path of their file (without links), the name within it and
 * the offset, of whose digest 12 bytes are kept in a hash table with open
 * addressing.  A container may have several members of one name: it is counted
 * how often each came by one path of the command line, and only as many are
 * taken for the same when they come by another.
 */
#include "app/cmd/import_met.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/sha256.h"

#define KEY_LEN 12 /* bytes of a digest */

struct met_message {
	uint8_t key[KEY_LEN]; /* zeros: a free slot */
	uint32_t pass; /* the path of the command line that ${now} is of */
	uint32_t now; /* how often it came by that path */
	uint32_t before; /* the most often by one of the earlier paths */
};

struct sp_import_met {
	struct met_message *table;
	size_t size, used; /* slots, a power of two; at most half are used */
	uint32_t pass; /* which path of the command line is in work */
	/* the true path of the last file, asked once for all its messages */
	char *path, *real;
};

/* Whether ${inner} is ${outer} or lies below it; both are true paths. */
static bool
lies_in(const char *inner, const char *outer)
{
	size_t n = strlen(outer);

	if (strncmp(inner, outer, n) != 0)
		return (false);
	return (inner[n] == '\0' || inner[n] == '/' ||
		(n > 0 && outer[n - 1] == '/'));
}

/* The most paths of a command line that are compared with each other; of more
 * it is taken for granted that they overlap. */
#define COMPARED_MAX 1000

/* Whether one of the true paths ${real} (NULL: it has none) is, or lies below,
 * another one. */
static bool
overlap(int n, char *const *real)
{
	if (n > COMPARED_MAX)
		return (true);
	for (int i = 0; i < n; i++) {
		for (int k = 0; real[i] != NULL && k < n; k++) {
			if (i != k && real[k] != NULL &&
			    lies_in(real[i], real[k]))
				return (true);
		}
	}
	return (false);
}

struct sp_import_met *
sp_import_met_new(int n, char *const *paths)
{
	struct sp_import_met *m = NULL;
	char **real = sp_xcalloc((size_t)n + 1, sizeof(*real));

	for (int i = 0; i < n; i++)
		real[i] = strcmp(paths[i], "-") == 0 ? NULL
						     : realpath(paths[i], NULL);
	if (overlap(n, real)) {
		m = sp_xcalloc(1, sizeof(*m));
		m->size = 1024;
		m->table = sp_xcalloc(m->size, sizeof(*m->table));
	}
	for (int i = 0; i < n; i++)
		free(real[i]);
	free(real);
	return (m);
}

void
sp_import_met_next_path(struct sp_import_met *m)
{
	if (m != NULL)
		m->pass++;
}

/* The true path of ${path}; ${path} itself where it has none. */
static const char *
real_path(struct sp_import_met *m, const char *path)
{
	if (m->path == NULL || strcmp(m->path, path) != 0) {
		free(m->path);
		free(m->real);
		m->path = sp_xstrdup(path);
		m->real = realpath(path, NULL);
	}
	return (m->real == NULL ? path : m->real);
}

/* The slot of the key, or the free one where it belongs. */
static struct met_message *
find_slot(const struct sp_import_met *m, const uint8_t key[KEY_LEN])
{
	static const uint8_t none[KEY_LEN];
	size_t at = (size_t)sp_le64_get(key);

	for (;; at++) {
		struct met_message *p = &m->table[at & (m->size - 1)];

		if (memcmp(p->key, key, KEY_LEN) == 0 ||
		    memcmp(p->key, none, KEY_LEN) == 0)
			return (p);
	}
}

/* Double the table. */
static void
grow(struct sp_import_met *m)
{
	struct met_message *old = m->table;
	static const uint8_t none[KEY_LEN];
	size_t n = m->size;

	m->size *= 2;
	m->table = sp_xcalloc(m->size, sizeof(*m->table));
	for (size_t i = 0; i < n; i++) {
		if (memcmp(old[i].key, none, KEY_LEN) != 0)
			*find_slot(m, old[i].key) = old[i];
	}
	free(old);
}

static void
key_of(struct sp_import_met *m, const struct sp_import_item *item,
    uint8_t out[KEY_LEN])
{
	const char *real = real_path(m, item->path);
	struct sp_view member = sp_view_str(item->member);
	uint8_t digest[SP_SHA256_LEN], head[16];
	struct sp_sha256 *s = sp_sha256_new();

	sp_le64_put(head, item->offset);
	sp_le64_put(head + 8, member.n);
	sp_sha256_add(s, head, sizeof(head));
	if (member.n > 0)
		sp_sha256_add(s, member.p, member.n);
	sp_sha256_add(s, real, strlen(real));
	sp_sha256_end(s, digest);
	sp_sha256_free(s);
	memcpy(out, digest, KEY_LEN);
}

bool
sp_import_met_before(struct sp_import_met *m, const struct sp_import_item *item)
{
	uint8_t key[KEY_LEN];
	struct met_message *p;

	if (m == NULL)
		return (false);
	key_of(m, item, key);
	if (2 * (m->used + 1) > m->size)
		grow(m);
	p = find_slot(m, key);
	if (p->now == 0) {
		memcpy(p->key, key, KEY_LEN);
		m->used++;
	} else if (p->pass != m->pass) {
		p->before = p->now > p->before ? p->now : p->before;
		p->now = 0;
	}
	p->pass = m->pass;
	p->now++;
	return (p->now <= p->before);
}

void
sp_import_met_free(struct sp_import_met *m)
{
	if (m == NULL)
		return;
	free(m->table);
	free(m->path);
	free(m->real);
	free(m);
}
