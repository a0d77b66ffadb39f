/*
 * What the last request of an account came to, for `sealpost oauth status`:
 * ARCHIVE/state/oauth/NAME.  It holds no secrets, nothing rests on it, and it
 * may be lost.  oauth.c writes it after each request; app/cmd/cmd_oauth.c shows
 * it.
 *
 *	time of the request LF  end of the access token LF  reason LF
 */
#ifndef SP_OAUTH_OAUTH_STATE_H
#define SP_OAUTH_OAUTH_STATE_H

#include <stdint.h>

struct sp_oauth_state {
	int64_t asked; /* us since 1970; 0: never */
	int64_t expires; /* of the access token; 0: there is none */
	char why[600]; /* of a failure; "" */
};

/* Write ${s} for ${account} of the archive ${dir}; what cannot be written is
 * not there. */
void sp_oauth_state_save(
    const char *dir, const char *account, const struct sp_oauth_state *s);
/* Read it into ${out}; whatever cannot be read is as if it were not there. */
void sp_oauth_state_load(
    const char *dir, const char *account, struct sp_oauth_state *out);

#endif
