/*
 * What `sealpost verify` and `sealpost-verify` print, and their exit status:
 * the wording of findings, progress and verdict, as text or as JSON Lines.
 * Needs nothing but base and journal/verify, so that sealpost-verify links no
 * other room.
 *
 *	sp_verify_print_init(&p, "sealpost verify", json, quiet);
 *	sp_verify_print_hook(&p, &opts);
 *	rc = sp_verify(path, &opts, &verdict, &err);
 *	return (sp_verify_print_verdict(&p, &opts, &verdict, rc, &err));
 */
#ifndef SP_APP_CMD_VERDICT_PRINT_H
#define SP_APP_CMD_VERDICT_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/verify/verify.h"

struct sp_verify_print {
	const char *program; /* for error lines; borrowed */
	bool json, quiet;
	bool own; /* our own archive: an unauthenticated key is status 0 */

	/* The progress line on standard error; boot clock, microseconds. */
	int64_t started, shown_at;
	bool shown; /* it is on the screen */
};

/*
 * Begin: ${program} stands before error messages.  ${json}: a line for each
 * finding, then one for the verdict.  ${quiet}: findings only.
 */
void sp_verify_print_init(
    struct sp_verify_print *p, const char *program, bool json, bool quiet);

/* Set finding, progress and ctx of ${o}; ${p} must outlive the verification. */
void sp_verify_print_hook(struct sp_verify_print *p, struct sp_verify_opts *o);

/*
 * KEY of --vkey: a vkey ("name+id+key"), or the name of a file that holds one.
 * SP_EUSAGE: neither; other errors are those of reading the file.
 */
SP_CHECK enum sp_code sp_verify_print_vkey(
    const char *text, struct sp_vkey *out, struct sp_err *err);

/*
 * Print what sp_verify() returned: the verdict on standard output, or, where
 * ${rc} is not SP_OK, the error on standard error.  Returns the exit status: 0
 * everything fits and the signer is known (or ${p}->own), 1 a finding, 2 it
 * could not look or knows no trusted key.
 */
int sp_verify_print_verdict(struct sp_verify_print *p,
    const struct sp_verify_opts *o, const struct sp_verdict *v, enum sp_code rc,
    const struct sp_err *err);

#endif
