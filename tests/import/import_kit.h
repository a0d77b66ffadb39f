/*
 * What tests of imports share: a temporary folder in which a test puts files,
 * and a walk that notes every message, failure and thing that is not mail.
 */
#ifndef SP_TESTS_IMPORT_IMPORT_KIT_H
#define SP_TESTS_IMPORT_IMPORT_KIT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "journal/import/import_priv.h"

#define KIT_ITEMS 4096

struct kit_item {
	char *msg; /* NUL added */
	size_t n;
	char *path, *from_line, *extra, *date, *member;
	uint64_t offset;
	bool mbox, quoted, boundary;
	bool incomplete; /* has this flag */
	uint8_t file_sha256[SP_SHA256_LEN];
};

struct kit {
	char root[64];
	struct sp_import im;
	struct kit_item item[KIT_ITEMS];
	size_t n;
	size_t failed, not_mail, notes;
	size_t kinds[SP_IMPORT_KINDS]; /* of what is not mail */
	char last_failed[512], last_why[512], last_note[512];
	enum sp_code stop; /* what the callback returns from ${stop_at} on */
	size_t stop_at;
};

/* A temporary folder; limit of 1 MiB for a message. */
struct kit *kit_new(void);
void kit_free(struct kit *k);
/* Forget what came. */
void kit_clear(struct kit *k);
/* ROOT/name, folders made; ${p} may be NULL for a folder. */
void kit_put(struct kit *k, const char *name, const void *p, size_t n);
void kit_puts(struct kit *k, const char *name, const char *text);
/* ROOT/name, malloc'ed. */
char *kit_path(const struct kit *k, const char *name);
/* Import ROOT/name. */
enum sp_code kit_import(struct kit *k, const char *name);

#endif
