/*
 * Shared by journal.c (what a report consists of), journal_text.c (its lines)
 * and journal_other.c (what is no Exchange report).
 */
#ifndef SP_INDEX_MAIL_JOURNAL_PRIV_H
#define SP_INDEX_MAIL_JOURNAL_PRIV_H

#include "index/mail/journal.h"
#include "index/mail/tree.h"

#define SP_JOURNAL_PARTS 8u /* parts looked at; a report has 2 or 3 */

/* The parts of a message, without what is in them. */
struct sp_journal_shape {
	struct sp_mem *mem;
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
/* A further recipient, or NULL if there are too many. */
struct sp_journal_rcpt *sp_journal_add(
    struct sp_mem *mem, struct sp_journal *j, enum sp_journal_role role);
/* "Name <addr>", "<addr>" or anything else as it is. */
void sp_journal_path(
    struct sp_mem *mem, struct sp_view v, const char **addr, const char **name);

/* Captures of other systems; SP_JOURNAL_NONE if it is none. */
enum sp_journal_found sp_journal_dsn(
    const struct sp_journal_shape *s, struct sp_journal *out, const char **why);
enum sp_journal_found sp_journal_zimbra(
    const struct sp_journal_shape *s, struct sp_journal *out, const char **why);

#endif
