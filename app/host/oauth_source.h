/*
 * The token source of a pull section, with the files that it needs read
 * beforehand: where the program is root they may be root's, and what works
 * later is the archive's account.
 */
#ifndef SP_APP_HOST_OAUTH_SOURCE_H
#define SP_APP_HOST_OAUTH_SOURCE_H

#include "base/config/config.h"
#include "journal/oauth/oauth.h"

#define SP_OAUTH_FILES 4

/* The files of one section; its strings are the configuration's. */
struct sp_oauth_files {
	struct {
		const char *where; /* NULL: not used */
		struct sp_buf bytes; /* secret */
		struct sp_err why; /* code SP_OK, or why there are none */
	} of[SP_OAUTH_FILES];
};
void sp_oauth_files_load(
    struct sp_oauth_files *f, const struct sp_pull_conf *conf);
void sp_oauth_files_done(struct sp_oauth_files *f); /* wiped */

struct sp_oauth_source { /* embed; must not move while open */
	const struct sp_oauth_files *files;
	bool (*stop)(void *ctx); /* as in struct sp_oauth_opts */
	void *ctx;
	struct sp_oauth *oauth;
};
/* files, stop and ctx are filled in before; all outlive it. */
void sp_oauth_source_open(struct sp_oauth_source *s, const char *dir,
    const struct sp_pull_conf *conf);
void sp_oauth_source_close(struct sp_oauth_source *s);

#endif
