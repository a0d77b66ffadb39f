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

/* A pattern, in views of its text. */
struct sp_pattern {
	struct sp_view prefix; /* may be empty */
	struct sp_view separator;
	struct sp_view host;
};

/* Whether ${text} is meant as a pattern at all: it has a brace. */
bool sp_pattern_is(const char *text);
/* Read a pattern; ${out} gets views into ${text}.  False unless it has the form
 * above and a separator that cannot stand in a domain. */
bool sp_pattern_parse(const char *text, struct sp_pattern *out);
/*
 * Append the original recipient that ${addr} carries.  Prefix and host of the
 * pattern are compared without regard to ASCII case; what lies between is split
 * at the last separator.  Quotes around the local part of ${addr} are taken
 * off, and put around that of the original where it needs them and has none
 * (RFC 5321 section 4.1.2); case is kept.  False if ${addr} is no address of
 * this pattern; ${out} is then as it was.
 */
bool sp_pattern_decode(
    const struct sp_pattern *p, struct sp_view addr, struct sp_buf *out);

#endif
