/*
 * The MIME structure of a message (RFC 2045, 2046), walked without copying:
 * a visitor sees header fields, leaves and loose text in order.  Total;
 * depth and number of parts are bounded, and what lies beyond a bound is a
 * leaf, so that no byte is hidden.  Paths are IMAP's section numbers.
 */
#ifndef SP_INDEX_MAIL_TREE_H
#define SP_INDEX_MAIL_TREE_H

#include <stdbool.h>

#include "base/view.h"
#include "index/mail/header.h"
#include "index/mail/mem.h"
#include "index/mail/decode/transfer.h"

enum sp_tree_flag {
	SP_TREE_HEADER_JUNK = 1 << 0, /* a line that is no field */
	SP_TREE_BARE_CR = 1 << 1,
	SP_TREE_NO_BOUNDARY = 1 << 2, /* a multipart without a usable one */
	SP_TREE_UNCLOSED = 1 << 3, /* no closing delimiter */
	SP_TREE_DEPTH = 1 << 4, /* SP_MAIL_MAX_DEPTH reached */
	SP_TREE_PARTS = 1 << 5, /* SP_MAIL_MAX_PARTS reached */
	SP_TREE_BAD_CTE = 1 << 6, /* unknown transfer encoding */
	SP_TREE_AMBIGUOUS = 1 << 7, /* readers may see other parts */
	SP_TREE_NO_HEADER_END = 1 << 8 /* no empty line after the header */
};

/* What the header of a part says. */
struct sp_entity {
	struct sp_view body; /* raw */
	enum sp_transfer enc;
	const char *type; /* lower case; "text/plain" by default */
	const char *disposition; /* lower case; "" if none */
	const char *charset; /* "" if none */
	const char *name; /* "" if none */
	const char *alt_name; /* another one claimed; "" if none */
	const char *parent; /* type of the multipart it is in; "" if none */
	bool has_type; /* the message said so */
	bool has_cid; /* Content-ID or Content-Location */
	bool whole; /* a message whose parts follow on their own */
	bool encrypted; /* S/MIME enveloped data */
};

struct sp_visitor {
	/* A header field of the message (depth 0) or of one inside it. */
	void (*field)(void *ctx, unsigned depth, const struct sp_field *f);
	/* A leaf, or (whole) a message inside, before its own parts. */
	void (*leaf)(void *ctx, const struct sp_entity *e, const char *path);
	/* Text before the first or behind the last part of a multipart. */
	void (*loose)(void *ctx, struct sp_view text);
	void *ctx;
};

/* Walk ${msg}; strings given to the visitor live in ${mem}.  Returns
 * sp_tree_flag bits. */
unsigned sp_tree_walk(
    struct sp_view msg, struct sp_mem *mem, const struct sp_visitor *v);
/* The same, but a part of ${msg} is a leaf whatever is in it. */
unsigned sp_tree_walk_flat(
    struct sp_view msg, struct sp_mem *mem, const struct sp_visitor *v);
/* The same, but multiparts inside are walked too: a message inside is a leaf
 * whatever is in it. */
unsigned sp_tree_walk_parts(
    struct sp_view msg, struct sp_mem *mem, const struct sp_visitor *v);

#endif
