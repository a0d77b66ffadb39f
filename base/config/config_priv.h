/* Private to base/config*.c: the option table and the structure of a file. */
#ifndef SP_BASE_CONFIG_CONFIG_PRIV_H
#define SP_BASE_CONFIG_CONFIG_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/config/config.h"

#define SP_CONFIG_FILE_MAX    (1u << 20) /* bytes of the file */
#define SP_CONFIG_ITEMS_MAX   4096u /* options and sections in it */
#define SP_CONFIG_SECTION_MAX 64u /* sections of a kind, with names */
#define SP_CONFIG_LIST_MAX    1024u /* values of a list */
#define SP_CONFIG_NAME_MAX    32u /* bytes of a section's name */
/* Seconds: an MTA keeps its filter open as long as its client stays. */
#define SP_CONFIG_MILTER_TIMEOUT 7200u
/* The POP3 and IMAP time-out: default of `timeout` of a pull section, seconds. */
#define SP_CONFIG_PULL_TIMEOUT "60"

/* ---- the options ---------------------------------------------------- */

enum sp_config_type {
	SP_CT_PATH, /* char *: absolute path */
	SP_CT_TEXT, /* char *: any text on one line */
	SP_CT_WORD, /* char *: no blanks (host, user and group names) */
	SP_CT_NUMBER, /* uint64_t */
	SP_CT_LEVEL, /* int */
	SP_CT_SIZE, /* uint64_t, with K, M, G */
	SP_CT_TIME, /* uint64_t seconds, with s, m, h, d */
	SP_CT_BOOL, /* bool */
	SP_CT_CHOICE, /* an enum; the names are in ${choices} */
	SP_CT_NAME, /* char *: one of ${choices} */
	SP_CT_ADDRESS, /* char *: address:port; fills sa, salen */
	SP_CT_NETWORKS, /* struct sp_networks */
	SP_CT_RCPTS, /* struct sp_texts: user@domain, @domain */
	SP_CT_WORDS, /* struct sp_texts: no blanks */
	SP_CT_TEXTS, /* struct sp_texts: any text on one line */
	SP_CT_PATHS /* struct sp_texts: absolute paths */
};

struct sp_config_option {
	const char *section; /* "" at top level */
	const char *name;
	enum sp_config_type type;
	size_t at; /* offset in sp_config or the section's struct */
	uint64_t min, max; /* of the number; of the bytes of a text */
	const char *value; /* default; NULL: none */
	const char *choices; /* "a|b|c": 0, 1, 2 */
};

extern const struct sp_config_option sp_config_options[];
extern const size_t sp_config_noptions;

/* NULL if there is none. */
const struct sp_config_option *sp_config_option(
    const char *section, const char *name);
bool sp_config_is_list(const struct sp_config_option *o);

/*
 * A kind of section.  Those with a name of their own ("listen mta { }") are
 * structs of ${size} bytes that begin with char *name; sp_config has an array
 * of them at ${list} and their number (size_t) at ${count}.
 */
struct sp_config_section {
	const char *name;
	size_t size; /* 0: one section without a name, in sp_config */
	size_t list, count;
};

extern const struct sp_config_section sp_config_sections[];
extern const size_t sp_config_nsections;

/* Whether the option belongs to structs of this section; NULL: to sp_config
 * itself (top level and sections without a name of their own). */
bool sp_config_is_of(
    const struct sp_config_option *o, const struct sp_config_section *sec);
/* How many sections of this kind the configuration has; the struct of one. */
size_t sp_config_count(
    const struct sp_config *c, const struct sp_config_section *sec);
void *sp_config_at(
    const struct sp_config *c, const struct sp_config_section *sec, size_t i);
/* NULL: no section has this name. */
const struct sp_config_section *sp_config_section(const char *name);

/* ---- the structure of a file (config_scan.c) ------------------------- */

struct sp_config_item {
	const char *section; /* of the option table; "" at top level */
	char *title; /* "" where there is none */
	char *name; /* of the option; "" for the section itself */
	unsigned line;
};

struct sp_config_scan {
	const char *path;
	char *text; /* the file without its comments, same lines */
	struct sp_config_item *items;
	size_t n;
};

/*
 * Check what libconfuse lets pass: sections that are not closed, options and
 * sections given twice, unknown names, values that it would read otherwise
 * than they look.  ${text} is taken.
 */
SP_CHECK enum sp_code sp_config_scan(const char *path, char *text, size_t n,
    struct sp_config_scan *out, struct sp_err *err);
void sp_config_scan_done(struct sp_config_scan *s);
/* Line of an option (or of the section where it is not given). */
unsigned sp_config_line(const struct sp_config_scan *s, const char *section,
    const char *title, const char *name);

bool sp_config_given(const struct sp_config_scan *s, const char *section,
    const char *title, const char *name);

/* ---- values (config_value.c) ----------------------------------------- */

/*
 * Set the option in ${base} (struct sp_config or sp_listen) from ${n} texts
 * (1 unless it is a list).  ${what} is put before the message: "FILE:LINE".
 */
SP_CHECK enum sp_code sp_config_set(void *base,
    const struct sp_config_option *o, const char *const *texts, size_t n,
    const char *what, struct sp_err *err);
/* Free what the value owns. */
void sp_config_drop(void *base, const struct sp_config_option *o);
/* Append the value as text. */
SP_CHECK enum sp_code sp_config_get(
    const void *base, const struct sp_config_option *o, struct sp_buf *out);
bool sp_config_is_loopback(const struct sockaddr *sa);

/* ---- whole configuration (config_check.c) ---------------------------- */

/* What concerns more than one option; the host's name is filled in. */
SP_CHECK enum sp_code sp_config_check(
    struct sp_config *c, const struct sp_config_scan *s, struct sp_err *err);
/* One pull section: its preset is filled in, the whole checked. */
SP_CHECK enum sp_code sp_config_check_pull(
    struct sp_pull_conf *p, const struct sp_config_scan *s, struct sp_err *err);
/* Of one listener, what concerns its socket, and its encryption
 * (config_listen.c). */
SP_CHECK enum sp_code sp_config_listen_socket(const struct sp_listen *l,
    const struct sp_config_scan *s, struct sp_err *err);
SP_CHECK enum sp_code sp_config_listen_tls(
    struct sp_listen *l, const struct sp_config_scan *s, struct sp_err *err);
/* Who may log in, and whether anybody could. */
SP_CHECK enum sp_code sp_config_listen_auth(const struct sp_listen *l,
    const struct sp_config_scan *s, struct sp_err *err);
/* Its OAuth part: what the preset says where the section does not. */
void sp_config_oauth_preset(
    struct sp_pull_conf *p, const struct sp_config_scan *s);
/* What is wrong with it, about option ${opt}; false: nothing. */
bool sp_config_oauth_fault(const struct sp_pull_conf *p,
    const struct sp_config_scan *s, const char **opt, struct sp_buf *why);
/* An absolute path or credential:NAME. */
bool sp_config_secret_ok(const char *s);
/* c->text. */
SP_CHECK enum sp_code sp_config_effective(
    struct sp_config *c, struct sp_err *err);

#endif
