/*
 * xtext (RFC 3461 section 4) and the ORCPT parameter (section 4.2, RFC 6533
 * section 3).  Total; no I/O.
 */
#ifndef SP_BASE_XTEXT_H
#define SP_BASE_XTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"

/* Whether it is xtext: printable ASCII without '+' and '=', or +HH with digits
 * in upper case. */
bool sp_xtext_ok(struct sp_view v);
/* Decode xtext into ${out}, which takes v.n bytes; the length goes to ${n}.
 * False if it is none; ${out} may then be written in part. */
bool sp_xtext_decode(struct sp_view v, char *out, size_t *n);
/*
 * Append the address in ${param}, a raw parameter of RCPT: "ORCPT=rfc822;xtext"
 * or "ORCPT=utf-8;text", where \x{HEX} stands for a character.  False if it is
 * another parameter, of another type, or not as the RFCs say, and beyond the
 * maximum of ${out}; ${out} is then as it was.
 */
bool sp_xtext_orcpt(struct sp_view param, struct sp_buf *out);

#endif
