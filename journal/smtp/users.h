/*
 * The file of those who may log in (doc/format-users.md): names and SCRAM
 * verifiers, and a secret from which the salt of an unknown name is made, so
 * that nobody learns which names are known.
 */
#ifndef SP_SMTP_USERS_H
#define SP_SMTP_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"
#include "journal/smtp/scram.h"

#define SP_USERS_FILE_MAX (1u << 20) /* bytes */
#define SP_USERS_MAX	  4096

struct sp_user {
	char name[SP_SCRAM_NAME_MAX + 1];
	struct sp_scram_verifier verifier;
	/* Of the password that was right last: SHA-256 under a key of this
	 * process.  So who comes often costs one hash. */
	bool has_cached;
	uint8_t cached[SP_SHA256_LEN];
};

struct sp_users {
	uint8_t secret[SP_SHA256_LEN];
	uint8_t process[SP_SHA256_LEN]; /* random */
	struct sp_user *v;
	size_t n;
};

/* Total: any bytes give users or SP_ECONFIG with "PATH:LINE: ...". */
SP_CHECK enum sp_code sp_users_parse(const char *path, struct sp_view text,
    struct sp_users **out, struct sp_err *err);
SP_CHECK enum sp_code sp_users_load(
    const char *path, struct sp_users **out, struct sp_err *err);
void sp_users_free(struct sp_users *u); /* NULL is fine */
/*
 * The verifier of ${name}.  NULL is returned for an unknown name; then ${out}
 * is one that looks like any other and that no password fits.
 */
struct sp_user *sp_users_find(
    struct sp_users *u, const char *name, struct sp_scram_verifier *out);
/* Whether ${password} is the one that was right for ${user} last; and that it
 * was. */
bool sp_users_seen(const struct sp_users *u, const struct sp_user *user,
    struct sp_view password);
void sp_users_saw(
    struct sp_users *u, struct sp_user *user, struct sp_view password);

/*
 * The file's text with ${name} set to ${verifier}, or left out where that is
 * NULL; other lines stay as they are.  ${old} may be empty: a new file.
 * ${had}: whether the name was in it.  SP_ELIMIT: too many.
 */
SP_CHECK enum sp_code sp_users_edit(struct sp_view old, const char *name,
    const struct sp_scram_verifier *verifier, struct sp_buf *out, bool *had);

#endif
