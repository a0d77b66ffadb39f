/*
 * Tokens of one whole IMAP response that is in memory: text, with its literals
 * on a list beside it.  Between the files of the room.
 */
#ifndef SP_PULL_IMAP_IMAP_SCAN_H
#define SP_PULL_IMAP_IMAP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "journal/pull/imap/imap_parse.h"

enum sp_imap_literal_kind {
	SP_IMAP_L_KEPT, /* its bytes stand in the text */
	SP_IMAP_L_SKIPPED,
	SP_IMAP_L_BODY /* went to the caller */
};

struct sp_imap_literal {
	enum sp_imap_literal_kind kind;
	size_t at; /* in the text */
	size_t n; /* bytes in the text: 0 unless kept */
};

enum sp_imap_token {
	SP_IMAP_T_END,
	SP_IMAP_T_BAD,
	SP_IMAP_T_ATOM,
	SP_IMAP_T_STRING, /* quoted, or a kept literal */
	SP_IMAP_T_NIL,
	SP_IMAP_T_SKIPPED,
	SP_IMAP_T_BODY,
	SP_IMAP_T_OPEN,
	SP_IMAP_T_CLOSE
};

struct sp_imap_scan {
	char *text; /* changed: quoted strings are unescaped in place */
	size_t n, at;
	const struct sp_imap_literal *lit;
	size_t nlit, next;
};

/* The next token; blanks before it are passed over. */
enum sp_imap_token sp_imap_scan_next(
    struct sp_imap_scan *s, struct sp_view *value);
/* The name of a FETCH item: "BODY[HEADER.FIELDS (X)]<0>" is one. */
enum sp_imap_token sp_imap_scan_item(
    struct sp_imap_scan *s, struct sp_view *value);
/* Whether a [ behind ${name} begins a section, with blanks in it. */
bool sp_imap_has_section(struct sp_view name);
/* Pass over one value, lists with all in them; false: there is none. */
bool sp_imap_scan_skip(struct sp_imap_scan *s);
/* A parenthesised list: the text between its parentheses; false: none. */
bool sp_imap_scan_list(struct sp_imap_scan *s, struct sp_view *raw);
/* A decimal number of 63 bits. */
bool sp_imap_number(struct sp_view v, uint64_t *out);

/* A whole response ${s} to ${r}; SP_EFORMAT with a message. */
SP_CHECK enum sp_code sp_imap_response_parse(struct sp_imap_scan *s,
    struct sp_imap_response *r, struct sp_view *body, bool *partial,
    uint64_t *offset, struct sp_err *err);
/* The same for the beginning of a FETCH: what can be read of it. */
void sp_imap_fetch_head(struct sp_imap_scan *s, struct sp_imap_response *r);
/* Whether ${v} is BODY[] or BODY[]<n>. */
bool sp_imap_is_body(struct sp_view v, bool *partial, uint64_t *offset);
/* OK, NO, BAD, BYE, PREAUTH. */
bool sp_imap_cond(struct sp_view v, enum sp_imap_cond *out);

#endif
