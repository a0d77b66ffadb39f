/*
 * The content of one message while it arrives, and its SHA-256: in memory while
 * its share of the budget lasts, then in an unnamed temporary file.  The
 * session adds to it; the appender reads it from p or fd (session_item.c).
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
	char *p; /* the content; NULL: nothing yet, or in the file */
	size_t cap; /* bytes of ${p} */
	int fd; /* -1: in memory */
	uint64_t size; /* bytes so far */
};

/* An empty store over the budget ${m}, which outlives it. */
void sp_store_init(struct sp_store *s, struct sp_memory *m);
/* Free all that it holds. */
void sp_store_done(struct sp_store *s);
/* Forget the message: memory and file are given back. */
void sp_store_reset(struct sp_store *s);
/* Begin a message of about ${hint} bytes (0: not known). */
void sp_store_begin(struct sp_store *s, uint64_t hint);
/* Add bytes.  SP_ENOSPC, SP_EIO: the temporary file failed; then only reset
 * and done are allowed. */
SP_CHECK enum sp_code sp_store_add(
    struct sp_store *s, const void *p, size_t n, struct sp_err *err);
/* The message is whole: its digest. */
void sp_store_end(struct sp_store *s, uint8_t sha256[SP_SHA256_LEN]);

#endif
