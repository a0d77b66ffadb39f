/*
 * SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side: verifiers, which is
 * all that is kept of a password, and the exchange.  PLAIN and LOGIN are
 * checked against the same verifiers.  No I/O; any bytes give an answer.
 *
 * Names and passwords are a strict subset of SASLprep (RFC 4013) which that
 * leaves as it is: printable ASCII.
 */
#ifndef SP_SMTP_SCRAM_H
#define SP_SMTP_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "base/view.h"

#define SP_SCRAM_ITERATIONS	100000 /* of a new verifier */
#define SP_SCRAM_ITERATIONS_MIN 4096 /* RFC 7677 section 4 */
#define SP_SCRAM_ITERATIONS_MAX 10000000
#define SP_SCRAM_SALT		16 /* bytes of a new salt */
#define SP_SCRAM_SALT_MAX	64
#define SP_SCRAM_TEXT		300 /* bytes of a verifier as text */
#define SP_SCRAM_NAME_MAX	64
#define SP_SCRAM_PASSWORD_MAX	255
#define SP_SCRAM_NONCE_MAX	256 /* of the client */
#define SP_SCRAM_GS2_MAX	208 /* "n,a=", a name of escapes, a comma */

/* ---- verifiers (scram.c) --------------------------------------------- */

struct sp_scram_verifier {
	uint32_t iterations;
	size_t salt_n;
	uint8_t salt[SP_SCRAM_SALT_MAX];
	uint8_t stored_key[SP_SHA256_LEN];
	uint8_t server_key[SP_SHA256_LEN];
};

/* Whether ${v} can be the name of a user: 1 to SP_SCRAM_NAME_MAX of A-Z a-z
 * 0-9 . _ @ + - */
bool sp_scram_name_ok(struct sp_view v);
/* Whether ${v} can be a password: 1 to SP_SCRAM_PASSWORD_MAX bytes of printable
 * ASCII, blanks too. */
bool sp_scram_password_ok(struct sp_view v);
/* Make a verifier of ${password} with a random salt. */
void sp_scram_make(struct sp_view password, uint32_t iterations,
    struct sp_scram_verifier *out);
/* Whether ${password} is that of ${v}.  Takes v->iterations hashes, right or
 * wrong: not for the thread of the loop. */
bool sp_scram_check(const struct sp_scram_verifier *v, struct sp_view password);
/* Write "SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER" (RFC 5803), in base64,
 * with a NUL behind it.  Returns its length. */
size_t sp_scram_format(
    const struct sp_scram_verifier *v, char out[SP_SCRAM_TEXT]);
/* Parse such text.  False: it is none, or beyond the limits above. */
bool sp_scram_parse(struct sp_view text, struct sp_scram_verifier *out);
/* HMAC-SHA-256 of ${text}. */
void sp_scram_hmac(const uint8_t key[SP_SHA256_LEN], struct sp_view text,
    uint8_t out[SP_SHA256_LEN]);

/* ---- the exchange (scram_server.c) ------------------------------------ */

struct sp_scram {
	struct sp_buf auth; /* AuthMessage so far (RFC 5802 section 3) */
	char gs2[SP_SCRAM_GS2_MAX]; /* the header in front, as it came */
	size_t gs2_n;
	char name[SP_SCRAM_NAME_MAX + 1];
	char nonce[SP_SCRAM_NONCE_MAX + 48]; /* the client's and ours */
	struct sp_scram_verifier verifier;
};

/* An exchange that has not begun. */
void sp_scram_server_init(struct sp_scram *x);
/* Free and wipe it. */
void sp_scram_server_done(struct sp_scram *x);
/*
 * Take client-first-message: x->name is who the client says it is.  False: not
 * understood, channel binding (not offered), another authorization identity, or
 * an extension that must be understood.  The caller then sets x->verifier.
 */
bool sp_scram_server_first(struct sp_scram *x, struct sp_view msg);
/* Append server-first-message for x->verifier to ${out}.  SP_ELIMIT: it does
 * not fit. */
SP_CHECK enum sp_code sp_scram_server_challenge(
    struct sp_scram *x, struct sp_buf *out);
/* Take client-final-message.  True: the client knows the password of
 * x->verifier, and server-final-message is appended to ${out}. */
bool sp_scram_server_final(
    struct sp_scram *x, struct sp_view msg, struct sp_buf *out);

#endif
