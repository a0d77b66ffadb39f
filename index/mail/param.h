/*
 * Content-Type and Content-Disposition: a token and parameters (RFC 2045,
 * RFC 2231), read leniently.
 */
#ifndef SP_INDEX_MAIL_PARAM_H
#define SP_INDEX_MAIL_PARAM_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"
#include "index/mail/mem.h"

/* One parameter. */
struct sp_param {
	struct sp_view name; /* without section number and star */
	struct sp_view value; /* without quotes; NUL-terminated copy */
	unsigned section; /* 0 where there is none */
	bool numbered; /* name*N */
	bool extended; /* name*, name*N* : charset'language'%XX */
	unsigned order; /* as they stand */
};

/* A field's token and its parameters, as they stand. */
struct sp_params {
	char *token; /* lower case, "text/plain", "attachment"; "" if none */
	struct sp_param *v;
	size_t n;
};

/* Read a field's raw value; what ${out} points to lives in ${mem}. */
void sp_param_parse(
    struct sp_view value, struct sp_mem *mem, struct sp_params *out);
/* A plain value up to its first blank (charset, boundary ...); {NULL,0} if
 * absent.  The first of several wins. */
struct sp_view sp_param_word(const struct sp_params *p, const char *name);
/*
 * A value meant for people, as UTF-8 on ${out}: NAME* before NAME, sections
 * joined in their order, encoded words decoded.  False if absent or empty.
 */
bool sp_param_text(const struct sp_params *p, const char *name,
    struct sp_view charset, struct sp_buf *out);

#endif
