/*
 * Reading one whole IMAP response that is in memory: its text, with the
 * literals on a list beside it.  imap_parse.c cuts responses out of the bytes
 * and calls sp_imap_response_parse() for each; this header is what its parts
 * share:
 *
 *	imap_response.c		which response it is, and its data
 *	imap_response_fetch.c	FETCH
 *	imap_status.c		OK, NO, BAD, BYE, PREAUTH and response codes
 *	imap_scan.c		tokens, numbers, sets
 *
 * No I/O, no memory of its own.  Any bytes give a response or SP_EFORMAT.
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
	SP_IMAP_L_SKIPPED, /* too long, and nobody asked for it: dropped */
	SP_IMAP_L_BODY /* content of a message: went to the caller */
};

struct sp_imap_literal {
	enum sp_imap_literal_kind kind;
	size_t at; /* in the text */
	size_t n; /* bytes in the text: 0 unless kept */
};

enum sp_imap_token {
	SP_IMAP_T_END, /* of the response */
	SP_IMAP_T_BAD, /* no token of IMAP */
	SP_IMAP_T_ATOM,
	SP_IMAP_T_STRING, /* quoted, or a kept literal */
	SP_IMAP_T_NIL,
	SP_IMAP_T_SKIPPED, /* a literal that was dropped */
	SP_IMAP_T_BODY, /* the literal of BODY[] */
	SP_IMAP_T_OPEN, /* ( */
	SP_IMAP_T_CLOSE /* ) */
};

struct sp_imap_scan {
	char *text; /* changed: quoted strings are unescaped in place */
	size_t n, at; /* length; where the next token is looked for */
	const struct sp_imap_literal *lit; /* by ascending ${at} */
	size_t nlit, next; /* how many; the first that was not passed yet */
};

/* BODY[] of a FETCH as a quoted string, which is handed on when the response
 * is complete (a literal goes on while it comes). */
struct sp_imap_quoted_body {
	struct sp_view bytes; /* in the text; p NULL: there is none */
	bool partial; /* BODY[]<offset> */
	uint64_t offset;
};

/* ---- imap_scan.c ---- */
/* The next token, blanks before it passed over; ${value} is its text in
 * s->text, without quotes. */
enum sp_imap_token sp_imap_scan_next(
    struct sp_imap_scan *s, struct sp_view *value);
/* The next token where the name of a FETCH item may stand: also
 * "BODY[HEADER.FIELDS (X)]<0>" is one atom. */
enum sp_imap_token sp_imap_scan_item(
    struct sp_imap_scan *s, struct sp_view *value);
/* Whether a [ behind ${name} begins a section, with blanks in it. */
bool sp_imap_has_section(struct sp_view name);
/* Pass over one value, a list with all in it; false: there is none. */
bool sp_imap_scan_skip(struct sp_imap_scan *s);
/* A parenthesised list: ${raw} is the text between its parentheses; false: the
 * next token does not open one, or it does not end. */
bool sp_imap_scan_list(struct sp_imap_scan *s, struct sp_view *raw);
/* An atom of digits as ${text} and ${n}.  False: the value is another, ${text}
 * is empty and the value was not passed. */
bool sp_imap_scan_number(
    struct sp_imap_scan *s, struct sp_view *text, uint64_t *n);
/* The whole of ${v} as a decimal number of at most 63 bits (RFC 9051 section
 * 9, number64); false, ${out} unchanged: it is none. */
bool sp_imap_number(struct sp_view v, uint64_t *out);

/* ---- imap_response.c ---- */
/* Read the whole response ${s} into ${r}, whose views point into s->text.
 * SP_EFORMAT: it is not IMAP; ${r} then has what was read before. */
SP_CHECK enum sp_code sp_imap_response_parse(struct sp_imap_scan *s,
    struct sp_imap_response *r, struct sp_imap_quoted_body *body,
    struct sp_err *err);
/* Read the beginning of a FETCH, up to the literal of its BODY[]: as much of
 * ${r} as can be known then. */
void sp_imap_fetch_head(struct sp_imap_scan *s, struct sp_imap_response *r);

/* ---- imap_response_fetch.c ---- */
/* The list behind "* n FETCH" into r->fetch.  SP_EFORMAT. */
SP_CHECK enum sp_code sp_imap_fetch_parse(struct sp_imap_scan *s,
    struct sp_imap_response *r, struct sp_imap_quoted_body *body,
    struct sp_err *err);
/* Whether ${v} is the item whose value is the message: BODY[], or BODY[]<n>
 * (${partial}, ${offset} n).  Some servers repeat the name that was asked for,
 * BODY.PEEK[] and BODY[]<n.length>, or say RFC822. */
bool sp_imap_is_body(struct sp_view v, bool *partial, uint64_t *offset);
/* Whether it is one of them by the name RFC822, which may stand beside BODY[]
 * and then is the same message once more. */
bool sp_imap_is_rfc822(struct sp_view v);

/* ---- imap_status.c ---- */
/* Whether ${v} is OK, NO, BAD, BYE or PREAUTH, in any case. */
bool sp_imap_cond(struct sp_view v, enum sp_imap_cond *out);
/* "[CODE args] text" behind one of these into ${st}.  A code that is not
 * known, or has not the number that belongs to it, is C_UNKNOWN. */
void sp_imap_status_parse(struct sp_view v, struct sp_imap_status *st);

#endif
