/*
 * The token source of a pull section, with the files that it needs read
 * beforehand: where the program is root they may be root's, and what works
 * later is the archive's account.
 */
#ifndef SP_APP_OAUTH_SOURCE_H
#define SP_APP_OAUTH_SOURCE_H

#include "base/config.h"
#include "journal/pull/oauth.h"

#define SP_OAUTH_FILES 4

/* The files of one section. */
struct sp_oauth_files {
	struct {
		const char *where; /* of the configuration; NULL: not used */
		struct sp_buf bytes; /* secret */
		struct sp_err why; /* code SP_OK, or why there are none */
	} of[SP_OAUTH_FILES];
	bool (*stop)(void *ctx); /* see struct sp_oauth_opts */
	void *ctx;
};
/* ${conf} outlives it. */
void sp_oauth_files_load(
    struct sp_oauth_files *f, const struct sp_pull_conf *conf);
void sp_oauth_files_done(struct sp_oauth_files *f); /* wiped */

/* ${dir}, ${conf} and ${f} outlive the source. */
struct sp_oauth *sp_oauth_source(
    const char *dir, const struct sp_pull_conf *conf, struct sp_oauth_files *f);

#endif
