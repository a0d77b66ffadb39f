/*
 * Recipient patterns, PREFIX{local}SEPARATOR{domain}@HOST: addresses that
 * carry the recipient for whom a copy was made, like
 * journal+{local}={domain}@archive.example (Postfix recipient_bcc_maps).
 * Total; no I/O.  doc/smtp.md, "Recipients".
 */
#ifndef SP_BASE_PATTERN_H
#define SP_BASE_PATTERN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

struct sp_pattern {
	struct sp_view prefix; /* may be empty */
	struct sp_view separator;
	struct sp_view host;
};

/* Whether ${text} is meant as a pattern at all: has a brace. */
bool sp_pattern_is(const char *text);
/* False unless it is exactly of the form above.  Views into ${text}. */
bool sp_pattern_parse(const char *text, struct sp_pattern *out);
/*
 * The original recipient of ${addr}, appended to ${out}: PREFIX is stripped
 * (ASCII case aside), the rest split at the last SEPARATOR; case is kept and
 * nothing else undone, but that quotes around the local part of ${addr} are
 * taken off, and put around the original's where it needs them and has none.
 * False: no address of this pattern; ${out} is
 * as it was.
 */
bool sp_pattern_decode(
    const struct sp_pattern *p, struct sp_view addr, struct sp_buf *out);

#endif
