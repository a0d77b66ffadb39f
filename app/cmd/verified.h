/*
 * When the archive was verified last, and what came of it: state/verified,
 * written by `sealpost verify` of the archive, for `sealpost status`.  It is a
 * note for whoever runs the archive and no evidence of anything.
 *
 *	TIME VERDICT	microseconds since 1970; verified, finding or failed
 */
#ifndef SP_APP_CMD_VERIFIED_H
#define SP_APP_CMD_VERIFIED_H

#include <stdint.h>

struct sp_verified {
	int64_t at; /* wall clock, us; 0: never, as far as is known */
	char verdict[16]; /* "verified", "finding" or "failed" */
};

/* Read the note of the archive ${dir}; none is {0, ""}. */
void sp_verified_read(const char *dir, struct sp_verified *out);
/* Write it; ${status} is the exit status of verify.  Where this user may not
 * write, there is no note. */
void sp_verified_write(const char *dir, int status);

#endif
