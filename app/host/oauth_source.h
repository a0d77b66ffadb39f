/*
 * The token source of a pull section (OAuth 2.0, doc/oauth.md), with the files
 * that it needs read beforehand: where the program is root these may be root's
 * files, and what works later is the archive's account.
 *
 *	sp_oauth_files_load() -> become the account -> sp_oauth_source_open()
 */
#ifndef SP_APP_HOST_OAUTH_SOURCE_H
#define SP_APP_HOST_OAUTH_SOURCE_H

#include "base/config/config.h"
#include "journal/oauth/oauth.h"

#define SP_OAUTH_FILES 4 /* that a section can name */

/* The files of one section; its strings are the configuration's. */
struct sp_oauth_files {
	struct {
		const char *where; /* NULL: not used */
		struct sp_buf bytes; /* secret */
		struct sp_err why; /* code SP_OK, or why there are none */
	} of[SP_OAUTH_FILES];
};
/* Read the files that ${conf} names.  One that cannot be read is remembered
 * with its error, which is returned when the file is needed. */
void sp_oauth_files_load(
    struct sp_oauth_files *f, const struct sp_pull_conf *conf);
/* Wipe and free their bytes. */
void sp_oauth_files_done(struct sp_oauth_files *f);

struct sp_oauth_source { /* embed; must not move while open */
	/* set before sp_oauth_source_open(); all outlive it */
	const struct sp_oauth_files *files;
	bool (*stop)(void *ctx); /* as in struct sp_oauth_opts; NULL: never */
	void *ctx;
	/* what tokens are asked of; NULL: not open */
	struct sp_oauth *oauth;
};
/* Open the token source of ${conf} in the archive ${dir}; asks nobody yet. */
void sp_oauth_source_open(struct sp_oauth_source *s, const char *dir,
    const struct sp_pull_conf *conf);
/* Free it; nothing for one that is not open. */
void sp_oauth_source_close(struct sp_oauth_source *s);

#endif
