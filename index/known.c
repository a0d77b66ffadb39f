/*
 * What known.h promises, in fixed memory: a hash table of addresses in which a
 * newer one takes the place of an older one, and a short list of evidence.
 */
#include "index/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/sha256.h"

#define ADDRESSES 4096u /* a power of two */
#define EVIDENCE  32u
#define TEXT_MAX  48u /* longer evidence is looked up each time */

struct sp_known {
	struct {
		uint8_t digest[SP_SHA256_LEN];
		int64_t id; /* 0: empty */
	} address[ADDRESSES];
	struct {
		char text[TEXT_MAX];
		int64_t id;
	} evidence[EVIDENCE];
	size_t nevidence;
};

struct sp_known *
sp_known_new(void)
{
	return (sp_xcalloc(1, sizeof(struct sp_known)));
}

void
sp_known_clear(struct sp_known *k)
{
	if (k != NULL)
		memset(k, 0, sizeof(*k));
}

void
sp_known_free(struct sp_known *k)
{
	free(k);
}

/* A digest is evenly spread: its first bits are the place in the table. */
static size_t
slot_of(const uint8_t digest[SP_SHA256_LEN])
{
	return ((size_t)sp_le64_get(digest) & (ADDRESSES - 1));
}

int64_t
sp_known_address(const struct sp_known *k, const uint8_t digest[SP_SHA256_LEN])
{
	size_t i = slot_of(digest);

	return (memcmp(k->address[i].digest, digest, SP_SHA256_LEN) == 0
		    ? k->address[i].id
		    : 0);
}

void
sp_known_add_address(
    struct sp_known *k, const uint8_t digest[SP_SHA256_LEN], int64_t id)
{
	size_t i = slot_of(digest);

	memcpy(k->address[i].digest, digest, SP_SHA256_LEN);
	k->address[i].id = id;
}

int64_t
sp_known_evidence(const struct sp_known *k, const char *text)
{
	for (size_t i = 0; i < k->nevidence; i++)
		if (strcmp(k->evidence[i].text, text) == 0)
			return (k->evidence[i].id);
	return (0);
}

void
sp_known_add_evidence(struct sp_known *k, const char *text, int64_t id)
{
	size_t n = strlen(text);

	if (k->nevidence == EVIDENCE || n >= TEXT_MAX)
		return;
	memcpy(k->evidence[k->nevidence].text, text, n + 1);
	k->evidence[k->nevidence++].id = id;
}
