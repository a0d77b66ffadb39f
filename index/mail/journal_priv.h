/*
 * Shared by journal.c (what a report consists of), journal_text.c (its lines),
 * journal_address.c (addresses in them), journal_doubt.c (what was changed) and
 * journal_other.c (what is no Exchange report).
 */
#ifndef SP_INDEX_MAIL_JOURNAL_PRIV_H
#define SP_INDEX_MAIL_JOURNAL_PRIV_H

#include "index/mail/journal.h"
#include "index/mail/tree.h"

#define SP_JOURNAL_NBSP	 "\xc2\xa0" /* U+00A0, a blank that does not break */
#define SP_JOURNAL_PARTS 24u /* parts looked at; a report has 2 or 3 */

/* The parts of a message, without what is in them. */
struct sp_journal_shape {
	struct sp_mem *mem;
	struct sp_view msg;
	struct sp_entity part[SP_JOURNAL_PARTS];
	const char *path[SP_JOURNAL_PARTS];
	size_t n; /* may be more than SP_JOURNAL_PARTS */
	unsigned tree; /* sp_tree_flag */
	/* From the header: */
	bool marker; /* says that it is an Exchange report */
	bool google; /* X-GM-Journal-ID: maybe one */
	struct sp_view subject;
	struct sp_view id; /* Message-ID, as it stands */
};

/* Fill the shape from ${msg}; ${deep}: multiparts inside are walked too. */
void sp_journal_walk(struct sp_view msg, bool deep, struct sp_journal_shape *s);
/* Whether a part says that it is a message. */
bool sp_journal_is_rfc822(const struct sp_entity *e);
/* Whether a message is encrypted, by rights management or otherwise. */
bool sp_journal_is_sealed(struct sp_mem *mem, struct sp_view msg);
/* Whether the header of ${msg} says that it is an Exchange report. */
bool sp_journal_has_marker(struct sp_view msg);
/* The path ${path} (NULL stays NULL) of a part within the part ${outer}: "2"
 * in "3" is "3.2". */
const char *sp_journal_path_below(
    struct sp_mem *mem, const char *outer, const char *path);
/* A part's bytes as they were sent; false where they cannot be had. */
bool sp_journal_bytes(
    struct sp_mem *mem, const struct sp_entity *e, struct sp_view *out);
/* A text part as UTF-8. */
struct sp_view sp_journal_utf8(struct sp_mem *mem, const struct sp_entity *e);
/* Whether ${v} begins with a header field. */
bool sp_journal_is_message(struct sp_view v);
/* The decoded value of the first field ${name} in the header of ${msg}, blanks
 * as single spaces; NULL if it is not there. */
const char *sp_journal_field(
    struct sp_mem *mem, struct sp_view msg, const char *name);

/* The lines of an Exchange report.  False, with *why, if one is not known.
 * ${out}->inner is set. */
bool sp_journal_text(struct sp_mem *mem, struct sp_view text,
    struct sp_journal *out, const char **why);
/* The same where lines that are not known may stand between, before and behind
 * (SP_JOURNAL_DOUBT_EXTRA_TEXT).  False if the rest is no report. */
bool sp_journal_text_lenient(
    struct sp_mem *mem, struct sp_view text, struct sp_journal *out);
/* A further recipient, or NULL if there are too many. */
struct sp_journal_rcpt *sp_journal_add(
    struct sp_mem *mem, struct sp_journal *j, enum sp_journal_role role);
/* A name without the quotes around it and the backslashes in it. */
const char *sp_journal_unquoted(struct sp_mem *mem, struct sp_view v);
/* "Name <addr>", "<addr>" or anything else as it is. */
void sp_journal_path(
    struct sp_mem *mem, struct sp_view v, const char **addr, const char **name);
/*
 * Whether an address of the Internet is one with something else: a blank behind
 * the '@', a blank that does not break, or the name of a link, all of which
 * programs write that turn text into HTML and back.
 */
bool sp_journal_has_more_behind(const char *addr);
/*
 * Whether a recipient's address looks like one: text that somebody added must
 * not become people ("To: whom it may concern").
 */
bool sp_journal_is_plausible(const struct sp_journal_rcpt *r);

/* Read a report that is not well formed as what it was before a gateway changed
 * it (journal_doubt.c).  ${read}: reads a message inside as a report.  True:
 * ${out} is filled, and its doubts say what was changed. */
bool sp_journal_doubted(struct sp_view msg, struct sp_mem *mem,
    enum sp_journal_found (*read)(struct sp_view msg, struct sp_mem *mem,
	struct sp_journal *out, void *ctx),
    void *ctx, struct sp_journal *out);

/* Captures of other systems; SP_JOURNAL_NONE if it is none. */
enum sp_journal_found sp_journal_dsn(
    const struct sp_journal_shape *s, struct sp_journal *out, const char **why);
enum sp_journal_found sp_journal_zimbra(
    const struct sp_journal_shape *s, struct sp_journal *out, const char **why);

#endif
