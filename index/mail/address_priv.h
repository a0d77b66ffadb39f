/*
 * The list of addresses while it is read, shared by address.c (the pieces of a
 * list) and address_entry.c (what an entry's pieces mean).
 */
#ifndef SP_INDEX_MAIL_ADDRESS_PRIV_H
#define SP_INDEX_MAIL_ADDRESS_PRIV_H

#include <string.h>

#include "base/buf.h"
#include "index/mail/address.h"
#include "index/mail/decode/utf8.h"

/*
 * The list while it is read.  An entry is collected in phrase and bare until
 * a comma, a semicolon or the end finishes it.
 */
struct sp_address_list {
	struct sp_view v;
	size_t i;
	struct sp_view charset;
	struct sp_mem *mem;
	struct sp_mail_addrs *out;
	struct sp_buf phrase; /* words and quoted strings without quotes */
	struct sp_buf bare; /* the same with them: maybe an address */
	struct sp_buf comment;
	struct sp_buf name; /* the phrase before <> */
	struct sp_buf angle; /* what was between < and > */
	struct sp_buf group; /* name of the group */
	struct sp_buf full; /* name and comment */
	struct sp_buf tmp;
	bool has_angle;
	bool in_group;
	bool group_used; /* the group has a member */
	bool no_quote; /* no quote closes from here on */
	bool no_paren; /* no comment closes from here on */
	bool nested; /* reads what a quote or encoded word held */
	bool ok;
};

/* Whether ${c} separates words: a blank, a line end, or a NUL. */
static inline bool
sp_address_is_blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0');
}

/* Append; what does not fit into the limit of ${b} is cut. */
static inline void
sp_address_add(struct sp_buf *b, const char *p, size_t n)
{
	(void)sp_utf8_put(b, p, n);
}

/* What was collected, without the blanks around it; borrowed from ${b}. */
static inline struct sp_view
sp_address_trimmed(const struct sp_buf *b)
{
	return (sp_view_trim(sp_buf_view(b)));
}

/* Whether ${c} occurs in ${v}. */
static inline bool
sp_address_has(struct sp_view v, char c)
{
	return (v.n > 0 && memchr(v.p, c, v.n) != NULL);
}

/* ${v} from its byte ${n} on, which it must have. */
static inline struct sp_view
sp_address_skip(struct sp_view v, size_t n)
{
	return (sp_view_mem(v.p + n, v.n - n));
}

/* Read the list in l->v and append its entries to l->out.  l->ok is false if
 * something in it did not follow the grammar. */
void sp_address_list_parse(struct sp_address_list *l);
/* Turn what was collected since the last entry into entries of l->out, and
 * clear it: called at a comma, a semicolon and the end. */
void sp_address_list_finish(struct sp_address_list *l);
/* End the group, if one is open; one without members becomes an entry with its
 * name (RFC 5322 section 3.4). */
void sp_address_list_end_group(struct sp_address_list *l);

#endif
