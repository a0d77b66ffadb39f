/*
 * When the archive was verified last, and what came of it: state/verify.json
 * (doc/format-archive.md), written by `sealpost verify` of the whole archive, for
 * `sealpost status` and the alarms.  It is a note for whoever runs the archive
 * and no evidence of anything.
 */
#ifndef SP_APP_HOST_VERIFIED_H
#define SP_APP_HOST_VERIFIED_H

#include <stdint.h>

#include "app/common/app.h"

struct sp_verified {
	int64_t at; /* wall clock, us; 0: never, as far as is known */
	unsigned status; /* exit status of verify: 0, 1 or 2 */
	char verdict[16]; /* of that status: "verified", "finding", "failed" */
	char words[SP_ERR_MAX + 64]; /* what verify said of it, or "" */
};

/* Read the note of the archive ${dir}; none is all 0. */
void sp_verified_read(const char *dir, struct sp_verified *out);
/* Write it, as the archive's account; ${status} is the exit status of verify,
 * ${verdict} says it in words.  Whoever may not write there only looked for
 * himself: then what is there stays. */
void sp_verified_write(
    const struct sp_app *app, int status, const char *verdict);

#endif
