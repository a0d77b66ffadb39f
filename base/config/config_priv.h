/*
 * Private to base/config: the table of options, from which reading, defaults,
 * checks of single values and the effective text all follow; the file being
 * read; and the checks over several options.  To add an option: a field in
 * config.h, a row in config_table.c, and its text in config_template.c and
 * doc/man/sealpost.conf.5 (a test compares them).
 */
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
/* The POP3 and IMAP time-out: default of `timeout` of a pull section,
 * seconds. */
#define SP_CONFIG_PULL_TIMEOUT "60"

/* ---- the options ---------------------------------------------------- */

enum sp_config_type {
	SP_CT_PATH, /* char *: absolute path */
	SP_CT_SECRET, /* char *: absolute path or credential:NAME */
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

/* The option ${name} of ${section} ("" at top level); NULL if there is none. */
const struct sp_config_option *sp_config_option(
    const char *section, struct sp_view name);
/* Whether the option takes { value, value }. */
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

/* The kind of section that is called ${name}; NULL if there is none. */
const struct sp_config_section *sp_config_section(struct sp_view name);
/* Whether the option belongs to structs of this section; NULL: to sp_config
 * itself (top level and sections without a name of their own). */
bool sp_config_is_of(
    const struct sp_config_option *o, const struct sp_config_section *sec);
/* How many sections of this kind the configuration has. */
size_t sp_config_count(
    const struct sp_config *c, const struct sp_config_section *sec);
/* The struct of section ${i} of this kind; it may move when one is added. */
void *sp_config_at(
    const struct sp_config *c, const struct sp_config_section *sec, size_t i);
/* Add a section of this kind called ${title}, with the defaults of its options.
 * Returns its struct. */
void *sp_config_add(struct sp_config *c, const struct sp_config_section *sec,
    struct sp_view title);

/* ---- a file (config_read.c) ------------------------------------------ */

/* Where something stands in the file: both count from 1, columns in bytes. */
struct sp_config_place {
	unsigned line, column;
};

/* An option that is given, or the beginning of a section. */
struct sp_config_item {
	const char *section; /* of the option table; "" at top level */
	struct sp_view title; /* in the file's text; "" where there is none */
	const char *name; /* of the option; "" for the section itself */
	struct sp_config_place at;
};

/* A value that is given: a token of the text, its quotes too. */
struct sp_config_given {
	const struct sp_config_option *option;
	size_t at, n; /* offset and bytes */
};

struct sp_config_file { /* begins with the path alone */
	const char *path; /* for messages */
	struct sp_config_item *items; /* malloc'ed */
	size_t n, cap;
	struct sp_config_given *values; /* malloc'ed, in the text's order */
	size_t nvalues, vcap;
};

/* What a token of the text means: without its quotes and escapes, malloc'ed. */
char *sp_config_unquote(struct sp_view token);
/* Free what reading a file has put into ${file}. */
void sp_config_file_done(struct sp_config_file *file);

/*
 * Read ${text} into ${c}, which has the defaults already.  ${file} gets what is
 * given and where, with views into ${text}; call sp_config_file_done
 * afterwards, also after a failure.  SP_ECONFIG with "FILE:LINE:COLUMN: what, expected" for the
 * first mistake; ${c} is then filled in part.
 */
SP_CHECK enum sp_code sp_config_read(struct sp_config *c, struct sp_view text,
    struct sp_config_file *file, struct sp_err *err);
/* What is wrong with the bytes of the file ${text} (encoding, bytes that could
 * hide something), and where; NULL: nothing.  A byte order mark is taken off
 * ${text}. */
const char *sp_config_bytes(struct sp_view *text, struct sp_config_place *at);
/* The option ${name} (a section itself: "") as the file gives it, or NULL. */
const struct sp_config_item *sp_config_find(const struct sp_config_file *f,
    const char *section, struct sp_view title, const char *name);
/* Copy what is given and where into ${c}, for sp_config_line(). */
void sp_config_keep_places(struct sp_config *c, const struct sp_config_file *f);
/* The place of an option, or of the section where it is not given. */
struct sp_config_place sp_config_place(const struct sp_config_file *f,
    const char *section, const char *title, const char *name);
/* Whether the file gives the option. */
bool sp_config_given(const struct sp_config_file *f, const char *section,
    const char *title, const char *name);
/* Refuse an option (or what the section lacks without it): SP_ECONFIG with
 * "FILE:LINE:COLUMN: " and the text. */
enum sp_code sp_config_wrong(const struct sp_config_file *f, struct sp_err *err,
    const char *section, const char *title, const char *name, const char *fmt,
    ...) SP_PRINTF(6, 7);

/* ---- values (config_value.c) ----------------------------------------- */

/* Set the option in ${base} (struct sp_config or a section's struct) from
 * ${text}; one more value where it is a list.  False if it is no value of the
 * option; ${base} is then as it was. */
bool sp_config_set(
    void *base, const struct sp_config_option *o, const char *text);
#define SP_CONFIG_EXPECTED_MAX 160
/* Write what values the option takes, for messages. */
void sp_config_expected(
    const struct sp_config_option *o, char out[SP_CONFIG_EXPECTED_MAX]);
/* Set every option of ${base} that has a default: of a section's struct, or
 * with ${sec} NULL of sp_config. */
void sp_config_set_defaults(void *base, const struct sp_config_section *sec);
/* Free what the option's value owns. */
void sp_config_drop(void *base, const struct sp_config_option *o);
/* Append the value as text; SP_ELIMIT beyond the maximum of ${out}. */
SP_CHECK enum sp_code sp_config_get(
    const void *base, const struct sp_config_option *o, struct sp_buf *out);
/* The same as a person writes it: sizes with K, M, G, times with s, m, h, d.  Of
 * what is no UTF-8 only the ASCII is shown. */
SP_CHECK enum sp_code sp_config_get_human(
    const void *base, const struct sp_config_option *o, struct sp_buf *out);

/* ---- networks (config_net.c) ------------------------------------------ */

/* "192.0.2.0/24", "2001:db8::/32", or a single address; false for any other
 * text, and where bits beyond the prefix are set. */
bool sp_config_cidr(const char *text, struct sp_cidr *out);
/* "127.0.0.1:2525", "[::1]:2525", or "unix:/PATH"; false for any other text. */
bool sp_config_address(
    const char *text, struct sockaddr_storage *sa, socklen_t *len);
/* Whether ${sa} is 127.0.0.0/8 or ::1, also mapped into IPv6. */
bool sp_config_is_loopback(const struct sockaddr *sa);

/* ---- what options must be together ------------------------------------ */

/* Check all of ${c} and fill in what one option takes from others (presets,
 * ports, the host's name).  SP_ECONFIG with the place of the option
 * (config_check.c). */
SP_CHECK enum sp_code sp_config_check(
    struct sp_config *c, const struct sp_config_file *f, struct sp_err *err);
/* The same for one pull section (config_pull.c). */
SP_CHECK enum sp_code sp_config_check_pull(
    struct sp_pull_conf *p, const struct sp_config_file *f, struct sp_err *err);
/* The same for the socket, the encryption and the login of one listener
 * (config_listen.c). */
SP_CHECK enum sp_code sp_config_listen_socket(const struct sp_listen *l,
    const struct sp_config_file *f, struct sp_err *err);
SP_CHECK enum sp_code sp_config_listen_tls(
    struct sp_listen *l, const struct sp_config_file *f, struct sp_err *err);
SP_CHECK enum sp_code sp_config_listen_auth(const struct sp_listen *l,
    const struct sp_config_file *f, struct sp_err *err);
/* Fill in what the preset of a pull section says about OAuth where the section
 * itself does not (config_oauth.c). */
void sp_config_oauth_preset(
    struct sp_pull_conf *p, const struct sp_config_file *f);
/* What is wrong with the OAuth options of a pull section: false for nothing,
 * else the option's name goes to ${opt} and the text is appended to ${why}. */
bool sp_config_oauth_fault(const struct sp_pull_conf *p,
    const struct sp_config_file *f, const char **opt, struct sp_buf *why);
/* Make c->text (config_effective.c).  SP_ECONFIG if it would be too large. */
SP_CHECK enum sp_code sp_config_effective(
    struct sp_config *c, struct sp_err *err);

#endif
