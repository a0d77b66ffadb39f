/*
 * The file of users of a listener (doc/format-users.md): parsed at start by
 * journal/receive, searched by session_auth.c, changed by `sealpost passwd`.
 */
#include "journal/smtp/users.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/secret.h"
#include "base/random.h"
#include "base/sha256.h"

#define HEAD "sealpost-users/1 "

/* Whether the line says nothing: a comment, or blank. */
static bool
is_comment(struct sp_view line)
{
	return (sp_view_trim(line).n == 0 || line.p[0] == '#');
}

/* The first line: the magic and the secret of this file. */
static bool
parse_head(struct sp_view line, uint8_t secret[SP_SHA256_LEN])
{
	struct sp_view v = line;

	if (!sp_view_starts(line, HEAD))
		return (false);
	v.p += strlen(HEAD);
	v.n -= strlen(HEAD);
	return (sp_b64_decode_exact(v, secret, SP_SHA256_LEN));
}

/* A line "NAME:VERIFIER". */
static bool
parse_user(struct sp_view line, struct sp_user *out)
{
	struct sp_view rest = line, name = sp_view_cut(&rest, ':');

	if (!sp_scram_name_ok(name) || !sp_scram_parse(rest, &out->verifier))
		return (false);
	memcpy(out->name, name.p, name.n);
	out->name[name.n] = '\0';
	return (true);
}

/* Whether the name stands in the file already. */
static bool
is_known(const struct sp_users *u, const char *name)
{
	for (size_t i = 0; i < u->n; i++) {
		if (strcmp(u->v[i].name, name) == 0)
			return (true);
	}
	return (false);
}

/* Add the user of line ${line}.  SP_ECONFIG: not a user, one that is there
 * already, or one too many. */
static enum sp_code
add_line(struct sp_users *u, const char *path, size_t line, struct sp_view text,
    struct sp_err *err)
{
	struct sp_user one = { .has_cached = false };

	if (!parse_user(text, &one))
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s:%zu: not NAME:SCRAM-SHA-256$...; users are written by `sealpost passwd`",
		    path, line));
	if (is_known(u, one.name))
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s:%zu: user %s is there twice", path, line, one.name));
	if (u->n == SP_USERS_MAX)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "%s:%zu: more than %u users", path, line, SP_USERS_MAX));
	u->v = sp_xrealloc(u->v, (u->n + 1) * sizeof(*u->v));
	u->v[u->n++] = one;
	return (SP_OK);
}

/* The head first, then a user in every line that is no comment; the first error
 * ends it. */
enum sp_code
sp_users_parse(const char *path, struct sp_view text, struct sp_users **out,
    struct sp_err *err)
{
	struct sp_users *u = sp_xcalloc(1, sizeof(*u));
	struct sp_view rest = text;
	enum sp_code rc = SP_OK;

	sp_random(u->process, sizeof(u->process));
	if (!parse_head(sp_view_cut(&rest, '\n'), u->secret))
		rc = sp_err_set(err, SP_ECONFIG, 0,
		    "%s:1: not a file of users; make one with `sealpost passwd --file %s NAME`",
		    path, path);
	for (size_t line = 2; rc == SP_OK && rest.n > 0; line++) {
		struct sp_view v = sp_view_cut(&rest, '\n');

		if (!is_comment(v))
			rc = add_line(u, path, line, v, err);
	}
	if (rc != SP_OK) {
		sp_users_free(u);
		return (rc);
	}
	*out = u;
	return (SP_OK);
}

enum sp_code
sp_users_load(const char *path, struct sp_users **out, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;

	rc = sp_secret_file(
	    "auth_users", path, true, SP_USERS_FILE_MAX, &text, err);
	if (rc == SP_OK)
		rc = sp_users_parse(path, sp_buf_view(&text), out, err);
	sp_secret_done(&text);
	return (rc);
}

void
sp_users_free(struct sp_users *u)
{
	if (u == NULL)
		return;
	if (u->v != NULL)
		OPENSSL_cleanse(u->v, u->n * sizeof(*u->v));
	free(u->v);
	OPENSSL_cleanse(u, sizeof(*u));
	free(u);
}

/* A verifier for a name that is not known: its salt never changes, since it is
 * made from the secret of the file, and no password fits its random keys. */
static void
make_decoy(
    const struct sp_users *u, const char *name, struct sp_scram_verifier *out)
{
	struct sp_buf text;
	uint8_t h[SP_SHA256_LEN];

	sp_buf_init(&text, SP_SCRAM_NAME_MAX + 32);
	if (sp_buf_addf(&text, "salt %.*s", SP_SCRAM_NAME_MAX, name) != SP_OK)
		abort();
	sp_scram_hmac(u->secret, sp_buf_view(&text), h);
	/* The rounds of the first user (doc/format-users.md). */
	out->iterations =
	    u->n > 0 ? u->v[0].verifier.iterations : SP_SCRAM_ITERATIONS;
	out->salt_n = SP_SCRAM_SALT;
	memcpy(out->salt, h, out->salt_n);
	sp_random(out->stored_key, sizeof(out->stored_key));
	sp_random(out->server_key, sizeof(out->server_key));
	sp_buf_done(&text);
}

struct sp_user *
sp_users_find(
    struct sp_users *u, const char *name, struct sp_scram_verifier *out)
{
	struct sp_user *found = NULL;

	make_decoy(u, name, out);
	for (size_t i = 0; i < u->n; i++) {
		if (strcmp(u->v[i].name, name) == 0)
			found = &u->v[i];
	}
	if (found != NULL)
		*out = found->verifier;
	return (found);
}

bool
sp_users_seen(const struct sp_users *u, const struct sp_user *user,
    struct sp_view password)
{
	uint8_t h[SP_SHA256_LEN];

	sp_scram_hmac(u->process, password, h);
	return (user != NULL && user->has_cached &&
		CRYPTO_memcmp(h, user->cached, sizeof(h)) == 0);
}

void
sp_users_saw(struct sp_users *u, struct sp_user *user, struct sp_view password)
{
	sp_scram_hmac(u->process, password, user->cached);
	user->has_cached = true;
}

/* ---- changing -------------------------------------------------------- */

/* The first line of a new file, with a fresh secret. */
static enum sp_code
new_head(struct sp_buf *out)
{
	uint8_t secret[SP_SHA256_LEN];
	enum sp_code rc;

	sp_random(secret, sizeof(secret));
	rc = sp_buf_adds(out, HEAD);
	if (rc == SP_OK)
		rc = sp_b64_append(out, secret, sizeof(secret));
	return (rc == SP_OK ? sp_buf_addc(out, '\n') : rc);
}

/* The line of a user; nothing where ${v} is NULL. */
static enum sp_code
put_user(
    struct sp_buf *out, const char *name, const struct sp_scram_verifier *v)
{
	char text[SP_SCRAM_TEXT];

	if (v == NULL)
		return (SP_OK);
	(void)sp_scram_format(v, text);
	return (sp_buf_addf(out, "%s:%s\n", name, text));
}

enum sp_code
sp_users_edit(struct sp_view old, const char *name,
    const struct sp_scram_verifier *verifier, struct sp_buf *out, bool *had)
{
	struct sp_view rest = old;
	enum sp_code rc = SP_OK;

	*had = false;
	if (old.n == 0)
		rc = new_head(out);
	while (rc == SP_OK && rest.n > 0) {
		struct sp_view line = sp_view_cut(&rest, '\n'), tail = line;

		if (!is_comment(line) &&
		    sp_view_eq_str(sp_view_cut(&tail, ':'), name)) {
			rc = put_user(out, name, verifier);
			*had = true;
			continue;
		}
		rc = sp_buf_addv(out, line);
		if (rc == SP_OK)
			rc = sp_buf_addc(out, '\n');
	}
	return (rc == SP_OK && !*had ? put_user(out, name, verifier) : rc);
}
