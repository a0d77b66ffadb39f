/*
 * What a trusted relay says of its client: the attributes of XFORWARD and
 * XCLIENT (Postfix XFORWARD_README, XCLIENT_README).  Any bytes are understood
 * or refused; no I/O.  A claim is recorded beside what was observed, and
 * decides nothing.
 */
#ifndef SP_SMTP_CLAIM_H
#define SP_SMTP_CLAIM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/view.h"

#define SP_CLAIM_VALUE_MAX 255 /* bytes of a value */

enum sp_claim_attr {
	SP_CLAIM_NAME,
	SP_CLAIM_ADDR,
	SP_CLAIM_PORT,
	SP_CLAIM_PROTO,
	SP_CLAIM_HELO,
	SP_CLAIM_IDENT, /* XFORWARD: the relay's name for the message */
	SP_CLAIM_SOURCE, /* XFORWARD: LOCAL or REMOTE */
	SP_CLAIM_LOGIN, /* from here XCLIENT */
	SP_CLAIM_DESTADDR,
	SP_CLAIM_DESTPORT,
	SP_CLAIM_ATTRS
};

struct sp_claim {
	bool
	    set; /* a command was given, if only to say that nothing is known */
	char *value[SP_CLAIM_ATTRS]; /* decoded, malloc'ed; NULL: not known */
	size_t n[SP_CLAIM_ATTRS]; /* bytes of each */
};

/* The keyword and its attributes as EHLO lists them. */
#define SP_CLAIM_XFORWARD "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"
#define SP_CLAIM_XCLIENT \
	"XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"

/* Parse the argument of XFORWARD, or of XCLIENT if ${xclient}: "NAME=value
 * ADDR=value ...".  Values are added to those of earlier commands, or replace
 * them.  False, with nothing changed: not understood (doc/smtp.md, "What a
 * relay says of its client").  sp_claim_clear() frees the values. */
bool sp_claim_parse(struct sp_claim *c, struct sp_view arg, bool xclient);
/* Forget everything; a zeroed struct is clear already. */
void sp_claim_clear(struct sp_claim *c);
/* The value of an attribute, borrowed; {NULL, 0}: not known. */
struct sp_view sp_claim_get(const struct sp_claim *c, enum sp_claim_attr a);
/* Write the object ${key} with all values that are known, if a command was
 * given. */
void sp_claim_json(
    const struct sp_claim *c, const char *key, struct sp_json *j);

#endif
