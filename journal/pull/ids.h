/*
 * Which messages of an account the log has: a table of keys in memory, and
 * its file state/pull/NAME.  The log is the truth; the file only saves reading
 * it again (doc/pull.md).
 */
#ifndef SP_PULL_IDS_H
#define SP_PULL_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_IDS_KEY 16

struct sp_ids;

/* The first 16 bytes of SHA-256(mailbox NUL uidvalidity NUL uid); the
 * uidvalidity in decimal digits. */
void sp_ids_key(struct sp_view mailbox, uint64_t uidvalidity,
    struct sp_view uid, uint8_t out[SP_IDS_KEY]);

struct sp_ids *sp_ids_new(void);
void sp_ids_free(struct sp_ids *k); /* NULL is fine */
void sp_ids_clear(struct sp_ids *k);

/* One more message of this key is in the log. */
void sp_ids_add(struct sp_ids *k, const uint8_t key[SP_IDS_KEY]);
/* One fewer is in the mailbox. */
void sp_ids_drop(struct sp_ids *k, const uint8_t key[SP_IDS_KEY]);
size_t sp_ids_count(const struct sp_ids *k, const uint8_t key[SP_IDS_KEY]);
size_t sp_ids_size(const struct sp_ids *k);

/* A listing: each message is seen once; true if the log has it. */
void sp_ids_begin(struct sp_ids *k);
bool sp_ids_see(struct sp_ids *k, const uint8_t key[SP_IDS_KEY]);
/* It was complete: what was not seen in three of them is forgotten. */
void sp_ids_complete(struct sp_ids *k);

/* Small texts by name. */
const char *sp_ids_memo(const struct sp_ids *k, struct sp_view name);
void sp_ids_set_memo(
    struct sp_ids *k, struct sp_view name, struct sp_view text);

/* Whether there is something that the file does not have. */
bool sp_ids_changed(const struct sp_ids *k);
/* ${covered}: the table holds all that is in entries below. */
SP_CHECK enum sp_code sp_ids_save(struct sp_ids *k, const char *path,
    const char *account, uint64_t covered, struct sp_err *err);
/* A file that is missing, damaged or another account's leaves the table empty
 * and ${covered} 0. */
void sp_ids_load(
    struct sp_ids *k, const char *path, const char *account, uint64_t *covered);
/* The same from bytes; false: not such a file. */
bool sp_ids_parse(struct sp_ids *k, struct sp_view text, const char *account,
    uint64_t *covered);

#endif
