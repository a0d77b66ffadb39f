/*
 * What `sealpost verify` and `sealpost-verify` print, and their exit status.
 * Needs nothing but base and journal/verify.
 *
 *	sp_verify_print_init(&p, "sealpost verify", path, json, quiet);
 *	sp_verify_print_hook(&p, &opts);
 *	rc = sp_verify(path, &opts, &verdict, &err);
 *	return (sp_verify_print_verdict(&p, &opts, &verdict, rc, &err));
 */
#ifndef SP_APP_CMD_VERIFY_PRINT_H
#define SP_APP_CMD_VERIFY_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/verify/verify.h"

struct sp_verify_print {
	const char *program; /* for error lines */
	const char *path;
	bool json, quiet;
	bool own; /* our own archive: its key needs no witness */
	int64_t since, last; /* progress */
	bool shown;
};

void sp_verify_print_init(struct sp_verify_print *p, const char *program,
    const char *path, bool json, bool quiet);
/* Sets finding, progress and ctx of ${o}. */
void sp_verify_print_hook(struct sp_verify_print *p, struct sp_verify_opts *o);
/* KEY of --vkey: a vkey ("name+id+key"), or a file that holds one. */
SP_CHECK enum sp_code sp_verify_print_vkey(
    const char *text, struct sp_vkey *out, struct sp_err *err);
/*
 * Print the verdict, or the error.  The exit status: 0 everything fits and
 * the signer is known (or ${p}->own), 1 a finding, 2 it could not look or
 * knows no trusted key.
 */
int sp_verify_print_verdict(struct sp_verify_print *p,
    const struct sp_verify_opts *o, const struct sp_verdict *v, enum sp_code rc,
    const struct sp_err *err);

#endif
