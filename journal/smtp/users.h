/*
 * The users who may log in at a listener, from their file
 * (doc/format-users.md): names and SCRAM verifiers, and a secret from which the
 * salt of an unknown name is made, so that nobody learns which names there
 * are.
 */
#ifndef SP_SMTP_USERS_H
#define SP_SMTP_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/view.h"
#include "journal/smtp/scram.h"

#define SP_USERS_FILE_MAX (1u << 20) /* bytes */
#define SP_USERS_MAX	  4096

struct sp_user {
	char name[SP_SCRAM_NAME_MAX + 1];
	struct sp_scram_verifier verifier;
	/* HMAC of the password that was right last, under a key of this
	 * process: a client that comes often costs one hash. */
	bool has_cached;
	uint8_t cached[SP_SHA256_LEN];
};

struct sp_users {
	uint8_t secret[SP_SHA256_LEN]; /* of the file */
	uint8_t
	    process[SP_SHA256_LEN]; /* key of the cached passwords; random */
	struct sp_user *v;
	size_t n;
};

/* Parse the text of the file; any bytes give users or SP_ECONFIG with
 * "PATH:LINE: ...".  The caller frees them with sp_users_free(). */
SP_CHECK enum sp_code sp_users_parse(const char *path, struct sp_view text,
    struct sp_users **out, struct sp_err *err);
/* Read and parse the file; also the errors of sp_io_read_file(). */
SP_CHECK enum sp_code sp_users_load(
    const char *path, struct sp_users **out, struct sp_err *err);
void sp_users_free(struct sp_users *u); /* NULL is fine */
/*
 * Look up ${name}; its verifier goes to ${out}.  Returns the user, owned by
 * ${u}, or NULL for an unknown name: then ${out} looks like any other verifier,
 * always with the same salt, and no password fits it.
 */
struct sp_user *sp_users_find(
    struct sp_users *u, const char *name, struct sp_scram_verifier *out);
/* Whether ${password} is the one that was right for ${user} last.  ${user} may
 * be NULL; that takes as long. */
bool sp_users_seen(const struct sp_users *u, const struct sp_user *user,
    struct sp_view password);
/* ${password} was right for ${user}: remember that. */
void sp_users_saw(
    struct sp_users *u, struct sp_user *user, struct sp_view password);

/*
 * Append to ${out} the text ${old} of the file with ${name} set to ${verifier},
 * or left out where that is NULL; other lines stay as they are.  ${old} may be
 * empty: a new file.  ${had}: whether the name was in it.  SP_ELIMIT: the text
 * does not fit into ${out}.
 */
SP_CHECK enum sp_code sp_users_edit(struct sp_view old, const char *name,
    const struct sp_scram_verifier *verifier, struct sp_buf *out, bool *had);

#endif
