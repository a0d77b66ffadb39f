/*
 * The keys by which entries belong together (doc/format-index.md, "Families"):
 * digests over Message-ID, senders and body of a message, cut to SP_LINK_ID
 * bytes.  doc_claims.c computes them of every message; links.c stores them.
 */
#include "base/sha256.h"
#include "index/links.h"

#include <string.h>

void
sp_links_family_of(const char *msgid, const char *const *from, size_t nfrom,
    const uint8_t body[SP_SHA256_LEN], uint8_t out[SP_LINK_ID])
{
	struct sp_sha256 *s = sp_sha256_new();
	uint8_t digest[SP_SHA256_LEN];

	sp_sha256_add(s, "sealpost/family/v1", 19);
	sp_sha256_add(s, msgid, strlen(msgid) + 1);
	for (size_t i = 0; i < nfrom; i++)
		sp_sha256_add(s, from[i], strlen(from[i]) + 1);
	sp_sha256_add(s, "", 1);
	sp_sha256_add(s, body, SP_SHA256_LEN);
	sp_sha256_end(s, digest);
	sp_sha256_free(s);
	memcpy(out, digest, SP_LINK_ID);
}

void
sp_links_family_bytes(
    const uint8_t inner[SP_SHA256_LEN], uint8_t out[SP_LINK_ID])
{
	static const char tag[] = "sealpost/bytes/v1";
	uint8_t digest[SP_SHA256_LEN], both[sizeof(tag) + SP_SHA256_LEN];

	memcpy(both, tag, sizeof(tag));
	memcpy(both + sizeof(tag), inner, SP_SHA256_LEN);
	sp_sha256_once(both, sizeof(both), digest);
	memcpy(out, digest, SP_LINK_ID);
}

void
sp_links_msgid(struct sp_view msgid, uint8_t out[SP_LINK_ID])
{
	uint8_t digest[SP_SHA256_LEN];

	sp_sha256_once(msgid.n == 0 ? "" : msgid.p, msgid.n, digest);
	memcpy(out, digest, SP_LINK_ID);
}
