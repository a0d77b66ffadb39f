/*
 * What a trusted relay says of its client: the attributes of XFORWARD and
 * XCLIENT (Postfix XFORWARD_README, XCLIENT_README).  Total; no I/O.  A claim
 * is recorded beside what was observed, and decides nothing.
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
	bool set; /* something was said, be it that nothing is known */
	char *value[SP_CLAIM_ATTRS]; /* decoded; NULL: not known */
	size_t n[SP_CLAIM_ATTRS];
};

/* The keyword and its attributes as EHLO lists them. */
#define SP_CLAIM_XFORWARD "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"
#define SP_CLAIM_XCLIENT \
	"XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"

/* Take "NAME=value ADDR=value ...", adding to what is there.  False, with
 * nothing changed: not understood. */
bool sp_claim_parse(struct sp_claim *c, struct sp_view arg, bool xclient);
void sp_claim_clear(struct sp_claim *c);
/* {NULL, 0}: not known. */
struct sp_view sp_claim_get(const struct sp_claim *c, enum sp_claim_attr a);
/* The object ${key}, if anything was said. */
void sp_claim_json(
    const struct sp_claim *c, const char *key, struct sp_json *j);

#endif
