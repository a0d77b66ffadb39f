/*
 * Private to the preflight: one look at a configuration, shared by its files.
 *
 *	preflight.c		accounts and groups; the child process
 *	preflight_address.c	addresses to listen on
 *	preflight_files.c	files, programs, directories
 */
#ifndef SP_APP_SERVICE_PREFLIGHT_PRIV_H
#define SP_APP_SERVICE_PREFLIGHT_PRIV_H

#include "app/common/account.h"
#include "app/service/preflight.h"

struct sp_preflight_look {
	const char *dir; /* NULL: no archive */
	const struct sp_config *cfg;
	const struct sp_config *running; /* NULL: no service */
	struct sp_account account; /* that the service runs as */
	bool stranger; /* we are neither that account nor root */
	sp_preflight_report *report;
	void *ctx;
};

/* Report "CONFIGURATION:LINE: TEXT", the line of the option. */
void sp_preflight_say(const struct sp_preflight_look *p,
    enum sp_preflight_grade grade, const char *section, const char *title,
    const char *option, const char *fmt, ...) SP_PRINTF(6, 7);

/* Addresses that clash with one another; no socket is made. */
void sp_preflight_clash(const struct sp_preflight_look *p);
/* Whether each address can be bound, by trying. */
void sp_preflight_bind(const struct sp_preflight_look *p);
/* Files that are read before the rights of root are dropped: passwords of
 * mailboxes. */
void sp_preflight_secrets(const struct sp_preflight_look *p);
/* Files that are used with the rights of the account, which the caller has: the
 * guard, users who log in, the alarm command, authorities, the archive's
 * keys. */
void sp_preflight_files(const struct sp_preflight_look *p);

#endif
