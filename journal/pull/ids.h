/*
 * Which messages of an account the log has: a table of keys in memory, and
 * its file state/pull/NAME.  The log is the truth; the file only saves reading
 * it again.  Format and rules: doc/pull.md, "What is known, and how it is
 * learnt".
 *
 * The engine (pull.c) loads and saves it; pull_deliver.c and pull_source.c ask
 * and add.  Besides the keys it holds memos, small texts of the source, and the
 * doubts (doubts.h).  One
 * thread.
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

#define SP_IDS_KEY     16 /* bytes of a key */
#define SP_IDS_CONTENT 16 /* first bytes of the SHA-256 of a message */

struct sp_ids;
struct sp_doubts;

/* The key of a message: the first 16 bytes of SHA-256(mailbox NUL uidvalidity
 * NUL uid), the uidvalidity in decimal digits. */
void sp_ids_key(struct sp_view mailbox, uint64_t uidvalidity,
    struct sp_view uid, uint8_t out[SP_IDS_KEY]);

/* An empty table.  Never NULL. */
struct sp_ids *sp_ids_new(void);
void sp_ids_free(struct sp_ids *k); /* NULL is fine */

/* One more message of this key is in the log. */
void sp_ids_add(struct sp_ids *k, const uint8_t key[SP_IDS_KEY]);
/* The same, with what it holds. */
void sp_ids_add_content(struct sp_ids *k, const uint8_t key[SP_IDS_KEY],
    const uint8_t content[SP_IDS_CONTENT]);
/*
 * A message of key ${key} came, which the log does not have, with ${content}:
 * whether the log has that content under a key that the present listing, which
 * is complete, does not have.  Then the server gave the message a new name, and
 * the table has it under the new one from now on.
 */
SP_CHECK bool sp_ids_rename(struct sp_ids *k, const uint8_t key[SP_IDS_KEY],
    const uint8_t content[SP_IDS_CONTENT]);
/*
 * The server gave names away, and a message of key ${key}, which the log has,
 * came with ${content}: whether the log has that content, under this key or any
 * other.  Then the table has it under this one.  A key that the log does not have
 * is new, whatever it holds: the log must name it.  Of other keys, those that
 * were added since the last listing began may be left out.
 */
SP_CHECK bool sp_ids_rebind(struct sp_ids *k, const uint8_t key[SP_IDS_KEY],
    const uint8_t content[SP_IDS_CONTENT]);
/* One message of this key left the mailbox: its name may be forgotten. */
void sp_ids_drop(struct sp_ids *k, const uint8_t key[SP_IDS_KEY]);
/* How many messages of this key, and of all keys, the log has. */
size_t sp_ids_count(const struct sp_ids *k, const uint8_t key[SP_IDS_KEY]);
size_t sp_ids_size(const struct sp_ids *k);

/* A listing of the mailbox begins: nothing is seen in it yet. */
void sp_ids_listing_begin(struct sp_ids *k);
/* A message of this key is listed; whether the log has it.  Where the key is
 * listed n times the log must have n messages of it. */
bool sp_ids_match_listed(struct sp_ids *k, const uint8_t key[SP_IDS_KEY]);
/* The listing was complete: keys that were missing from three such listings in
 * a row are forgotten. */
void sp_ids_listing_complete(struct sp_ids *k);

/* A text by its name; NULL: none.  Borrowed until it is set or loaded. */
const char *sp_ids_memo(const struct sp_ids *k, struct sp_view name);
/* Set it.  Where it is longer than 1,000 bytes, or would be the 1,025th, it is
 * not kept. */
void sp_ids_set_memo(
    struct sp_ids *k, struct sp_view name, struct sp_view text);

/* The announced messages that are not captured (doubts.h), which are loaded and
 * saved with the table.  The table's own. */
struct sp_doubts *sp_ids_doubts(const struct sp_ids *k);

/* Whether there is something that the file does not have. */
bool sp_ids_changed(const struct sp_ids *k);
/* Write the file ${path}, durably.  ${account} is its first line, which says
 * whose it is; ${covered}: the table holds all that is in entries below.
 * SP_ELIMIT: the table is larger than a file may be; else I/O errors. */
SP_CHECK enum sp_code sp_ids_save(struct sp_ids *k, const char *path,
    const char *account, uint64_t covered, struct sp_err *err);
/* Replace the table by the file's.  A file that is missing, damaged or another
 * account's leaves the table empty and ${covered} 0. */
void sp_ids_load(
    struct sp_ids *k, const char *path, const char *account, uint64_t *covered);
/* Add what the bytes of such a file hold to an empty table.  False: they are
 * none of ${account}; the table is empty and ${covered} 0. */
bool sp_ids_parse(struct sp_ids *k, struct sp_view text, const char *account,
    uint64_t *covered);

#endif
