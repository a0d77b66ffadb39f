/*
 * The bytes of one message while it arrives, and their SHA-256: in memory
 * while its share of the budget lasts, then in an unnamed temporary file.
 */
#ifndef SP_SMTP_STORE_H
#define SP_SMTP_STORE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/sha256.h"
#include "journal/smtp/memory.h"

struct sp_store {
	struct sp_memory *memory;
	struct sp_sha256 *sha;
	char *p; /* NULL: nothing yet, or in the file */
	size_t cap;
	int fd; /* -1: in memory */
	uint64_t size; /* bytes so far */
};

void sp_store_init(struct sp_store *s, struct sp_memory *m);
void sp_store_done(struct sp_store *s);
/* Forget the message; memory and file go back. */
void sp_store_reset(struct sp_store *s);
/* About ${hint} bytes will come (0: not known); only a hint. */
void sp_store_begin(struct sp_store *s, uint64_t hint);
/* Add bytes.  After a failure only reset is of use. */
SP_CHECK enum sp_code sp_store_add(
    struct sp_store *s, const void *p, size_t n, struct sp_err *err);
/* The digest of all added. */
void sp_store_end(struct sp_store *s, uint8_t sha256[SP_SHA256_LEN]);

#endif
