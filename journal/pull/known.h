/*
 * Which messages of an account the log has: a table of keys in memory, and
 * its file state/pull/NAME.  The log is the truth; the file only saves reading
 * it again (doc/pull.md).
 */
#ifndef SP_PULL_KNOWN_H
#define SP_PULL_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_KNOWN_KEY 16

struct sp_known;

/* The first 16 bytes of SHA-256(mailbox NUL uidvalidity NUL uid); the
 * uidvalidity in decimal digits. */
void sp_known_key(struct sp_view mailbox, uint64_t uidvalidity,
    struct sp_view uid, uint8_t out[SP_KNOWN_KEY]);

struct sp_known *sp_known_new(void);
void sp_known_free(struct sp_known *k); /* NULL is fine */
void sp_known_clear(struct sp_known *k);

/* One more message of this key is in the log. */
void sp_known_add(struct sp_known *k, const uint8_t key[SP_KNOWN_KEY]);
/* One fewer is in the mailbox. */
void sp_known_drop(struct sp_known *k, const uint8_t key[SP_KNOWN_KEY]);
size_t sp_known_count(
    const struct sp_known *k, const uint8_t key[SP_KNOWN_KEY]);
size_t sp_known_size(const struct sp_known *k);

/* A listing: each message is seen once; true if the log has it. */
void sp_known_begin(struct sp_known *k);
bool sp_known_see(struct sp_known *k, const uint8_t key[SP_KNOWN_KEY]);
/* It was complete: what was not seen in three of them is forgotten. */
void sp_known_complete(struct sp_known *k);

/* Small texts by name. */
const char *sp_known_memo(const struct sp_known *k, struct sp_view name);
void sp_known_set_memo(
    struct sp_known *k, struct sp_view name, struct sp_view text);

/* Whether there is something that the file does not have. */
bool sp_known_changed(const struct sp_known *k);
/* ${covered}: the table holds all that is in entries below. */
SP_CHECK enum sp_code sp_known_save(struct sp_known *k, const char *path,
    const char *account, uint64_t covered, struct sp_err *err);
/* A file that is missing, damaged or another account's leaves the table empty
 * and ${covered} 0. */
void sp_known_load(struct sp_known *k, const char *path, const char *account,
    uint64_t *covered);
/* The same from bytes; false: not such a file. */
bool sp_known_parse(struct sp_known *k, struct sp_view text,
    const char *account, uint64_t *covered);

#endif
