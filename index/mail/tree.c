/*
 * The MIME structure of a message, walked in order without copying:
 *
 *     walk_entity: read_head, describe
 *        multipart --> walk_parts --> walk_child --> walk_entity ...
 *        message ----> leaf (whole), then walk_entity of what is inside
 *        else -------> leaf
 *
 * The recursion ends at SP_MAIL_MAX_DEPTH levels.  What is ambiguous or broken
 * is flagged and still shown to the visitor, so that no byte is hidden.
 * Called by mail.c (facts), bytes.c (one part) and journal.c (the parts of a
 * report).
 */
#include "index/mail/tree.h"

#include <stdio.h>
#include <string.h>

#include "index/mail/decode/utf8.h"
#include "index/mail/limits.h"
#include "index/mail/param.h"

/* Each level adds at most a dot and five digits. */
#define PATH_MAX_LEN (SP_MAIL_MAX_DEPTH * 6 + 8)

struct mime_walk {
	struct sp_mem *mem;
	const struct sp_visitor *v;
	unsigned flags;
	unsigned parts;
	unsigned level; /* of nesting, multiparts and messages */
	unsigned deepest; /* what is at that level is a leaf */
	unsigned messages; /* of nesting, messages alone */
	bool closed; /* a message inside is a leaf */
	const char *charset; /* the first that a part named */
	size_t path_len;
	char path[PATH_MAX_LEN];
};

/* The fields of a part's header that matter to the structure. */
struct part_header {
	struct sp_view type, disposition, encoding, cid;
	bool has_type;
	struct sp_params tp, dp;
	struct sp_view body;
};

static void walk_entity(struct mime_walk *w, struct sp_view v, bool message,
    const char *parent, bool digest);

/* ---- the header of a part ------------------------------------------- */

/*
 * Store the field's value if it is the first of its name.  A second one with
 * another value makes the structure ambiguous.
 */
static void
store_field(struct mime_walk *w, struct sp_view *slot, const struct sp_field *f)
{
	struct sp_view v = sp_view_trim(f->value);

	if (slot->n == 0)
		*slot = v;
	else if (!sp_view_eq(*slot, v))
		w->flags |= SP_TREE_AMBIGUOUS;
}

/*
 * Read the header of ${v} into ${h}.  Of a message each field is shown to the
 * visitor; of a part only Content-* fields count.
 */
static void
read_head(
    struct mime_walk *w, struct sp_view v, bool message, struct part_header *h)
{
	struct sp_header fs;
	struct sp_field f;

	*h = (struct part_header){ .has_type = false };
	sp_header_init(&fs, v, message);
	while (sp_header_next(&fs, &f)) {
		if (message)
			w->v->field(w->v->ctx, w->messages, &f);
		if (!sp_view_istarts(f.name, "Content-"))
			continue;
		if (sp_view_ieq_str(f.name, "Content-Type"))
			store_field(w, &h->type, &f);
		else if (sp_view_ieq_str(f.name, "Content-Disposition"))
			store_field(w, &h->disposition, &f);
		else if (sp_view_ieq_str(f.name, "Content-Transfer-Encoding"))
			store_field(w, &h->encoding, &f);
		else if (sp_view_ieq_str(f.name, "Content-ID") ||
			 sp_view_ieq_str(f.name, "Content-Location"))
			h->cid = f.value;
	}
	if (fs.junk)
		w->flags |= SP_TREE_HEADER_JUNK;
	if (fs.bare_cr)
		w->flags |= SP_TREE_BARE_CR;
	if (message && fs.unended)
		w->flags |= SP_TREE_NO_HEADER_END;
	h->body = v.n == 0 ? v : sp_view_mem(v.p + fs.pos, v.n - fs.pos);
	h->has_type = h->type.n > 0;
	sp_param_parse(h->type, w->mem, &h->tp);
	sp_param_parse(h->disposition, w->mem, &h->dp);
}

/*
 * A parameter meant for people as a string in the walk's memory; "" if absent.
 */
static const char *
dup_text(struct mime_walk *w, const struct sp_params *p, const char *name,
    struct sp_view charset)
{
	struct sp_buf b;
	const char *s = "";

	if (p->n == 0)
		return (s);
	sp_buf_init(&b, SP_MAIL_MAX_VALUE);
	if (sp_param_text(p, name, charset, &b))
		s = sp_mem_dup(w->mem, sp_buf_view(&b));
	sp_buf_done(&b);
	return (s);
}

static bool
is_multipart(const char *type)
{
	return (strncmp(type, "multipart/", 10) == 0 ||
		strcmp(type, "multipart") == 0);
}

static bool
is_message(const char *type)
{
	return (strcmp(type, "message/rfc822") == 0 ||
		strcmp(type, "message/global") == 0 ||
		strcmp(type, "message/news") == 0);
}

/*
 * Say what a header makes of its part.  ${digest}: it is in a
 * multipart/digest, where message/rfc822 is the default (RFC 2046 section
 * 5.1.5).  Names are looked for where they belong and then in the other field.
 */
static void
describe(struct mime_walk *w, const struct part_header *h, bool digest,
    struct sp_entity *e)
{
	struct sp_view cs = sp_param_word(&h->tp, "charset");
	const char *name, *file;
	struct sp_view st = sp_param_word(&h->tp, "smime-type");
	bool known = true;

	e->body = h->body;
	e->type = h->tp.token;
	e->has_type = e->type[0] != '\0';
	if (!e->has_type)
		e->type = digest ? "message/rfc822" : "text/plain";
	else if (strcmp(e->type, "text") == 0)
		e->type = "text/plain";
	e->disposition = h->dp.token;
	e->charset = cs.n == 0 ? "" : sp_mem_dup(w->mem, cs);
	if (w->charset == NULL && cs.n > 0)
		w->charset = e->charset;
	cs = sp_view_str(cs.n > 0 ? e->charset : w->charset);
	e->has_cid = h->cid.n > 0;
	e->encrypted = sp_view_istarts(st, "enveloped") ||
		       sp_view_istarts(st, "authenveloped") ||
		       strcmp(e->type, "multipart/encrypted") == 0;
	file = dup_text(w, &h->dp, "filename", cs);
	name = dup_text(w, &h->tp, "name", cs);
	if (file[0] == '\0')
		file = dup_text(w, &h->dp, "name", cs);
	if (name[0] == '\0')
		name = dup_text(w, &h->tp, "filename", cs);
	e->name = file[0] != '\0' ? file : name;
	e->alt_name = file[0] != '\0' && strcmp(file, name) != 0 ? name : "";
	e->enc = SP_TRANSFER_PLAIN;
	if (h->encoding.n > 0)
		e->enc = sp_transfer_by_name(h->encoding, &known);
	if (!known)
		w->flags |= SP_TREE_BAD_CTE;
}

/* ---- multiparts ------------------------------------------------------ */

struct delimiter {
	size_t line; /* where the delimiter's line begins */
	size_t cut; /* where the part before it ends */
	size_t next; /* where the part behind it begins */
	bool close;
};

/*
 * Where the part before the delimiter at ${at} ends: the line break before a
 * delimiter belongs to it (RFC 2046 section 5.1.1).
 */
static size_t
before_break(struct sp_view v, size_t at, size_t from)
{
	if (at > from && v.p[at - 1] == '\n') {
		at--;
		while (at > from && v.p[at - 1] == '\r')
			at--;
	} else if (at > from && v.p[at - 1] == '\r') {
		at--;
	}
	return (at);
}

/*
 * Find the next line "--boundary" or "--boundary--" (${mark} has the dashes)
 * at or after ${from}.
 */
static bool
find_delim(
    struct sp_view v, struct sp_view mark, size_t from, struct delimiter *d)
{
	size_t pos = from;

	while (v.n - pos >= mark.n) {
		const char *p = memmem(v.p + pos, v.n - pos, mark.p, mark.n);
		size_t at, i;

		if (p == NULL)
			return (false);
		at = (size_t)(p - v.p);
		pos = at + 1;
		if (at > from && v.p[at - 1] != '\n' && v.p[at - 1] != '\r') {
			while (
			    pos < v.n && v.p[pos] != '\n' && v.p[pos] != '\r')
				pos++;
			continue;
		}
		i = at + mark.n;
		d->close = v.n - i >= 2 && v.p[i] == '-' && v.p[i + 1] == '-';
		if (d->close)
			i += 2;
		while (i < v.n && (v.p[i] == ' ' || v.p[i] == '\t'))
			i++;
		if (i < v.n && v.p[i] != '\r' && v.p[i] != '\n')
			continue;
		while (i < v.n && v.p[i] == '\r')
			i++;
		if (i < v.n && v.p[i] == '\n')
			i++;
		d->line = at;
		d->cut = before_break(v, at, from);
		d->next = i;
		return (true);
	}
	return (false);
}

/*
 * A boundary for a multipart that names none, or one that never occurs: a line
 * "--x" with "Content-" on the next.  Empty if there is none.
 */
static struct sp_view
guess_boundary(struct sp_view v)
{
	size_t pos = 0;

	while (pos + 3 < v.n) {
		const char *lf = memchr(v.p + pos, '\n', v.n - pos);
		struct sp_view l;
		size_t next;

		if (lf == NULL)
			break;
		next = (size_t)(lf - v.p) + 1;
		l = sp_view_mem(v.p + pos, next - pos);
		if (l.n > 3 && l.n <= 1000 && l.p[0] == '-' && l.p[1] == '-' &&
		    sp_view_istarts(
			sp_view_mem(v.p + next, v.n - next), "Content-")) {
			l = sp_view_trim(l);
			return (sp_view_mem(l.p + 2, l.n - 2));
		}
		pos = next;
	}
	return (sp_view_str(NULL));
}

/* Show a leaf, or a message inside, to the visitor. */
static void
emit_leaf(struct mime_walk *w, struct sp_entity *e)
{
	w->parts++;
	w->path[w->path_len] = '\0';
	w->v->leaf(w->v->ctx, e, w->path);
}

/* Show text outside the parts to the visitor, unless it is blank. */
static void
emit_loose(struct mime_walk *w, struct sp_view text)
{
	if (sp_view_trim(text).n > 0)
		w->v->loose(w->v->ctx, text);
}

/* Walk part ${number} of a multipart of the type ${type}. */
static void
walk_child(
    struct mime_walk *w, unsigned number, struct sp_view v, const char *type)
{
	size_t len = w->path_len;
	int n;

	n = snprintf(w->path + len, sizeof(w->path) - len, "%s%u",
	    len == 0 ? "" : ".", number);
	if (n > 0 && (size_t)n < sizeof(w->path) - len)
		w->path_len += (size_t)n;
	walk_entity(w, v, false, type, strcmp(type, "multipart/digest") == 0);
	w->path_len = len;
	w->path[len] = '\0';
}

/* Show all that is left when there are too many parts as one text leaf. */
static void
emit_rest(struct mime_walk *w, struct sp_view v, const char *type)
{
	struct sp_entity e = { .body = v,
		.type = "text/plain",
		.disposition = "",
		.charset = "",
		.name = "",
		.alt_name = "",
		.parent = type };

	if (!(w->flags & SP_TREE_PARTS))
		emit_leaf(w, &e);
	w->flags |= SP_TREE_PARTS;
}

/*
 * Walk the parts between the delimiters, and what stands before, between and
 * behind them.  False, and nothing was shown, if the boundary never occurs.
 */
static bool
walk_parts(struct mime_walk *w, struct sp_view v, struct sp_view boundary,
    const char *type)
{
	struct sp_view mark;
	struct delimiter d, e;
	unsigned number = 0;
	char *m = sp_mem_get(w->mem, boundary.n + 3);

	m[0] = m[1] = '-';
	memcpy(m + 2, boundary.p, boundary.n);
	mark = sp_view_mem(m, boundary.n + 2);
	if (!find_delim(v, mark, 0, &d))
		return (false);
	if (d.close) {
		/* The first delimiter is missing. */
		w->flags |= SP_TREE_NO_BOUNDARY;
		walk_child(w, ++number, sp_view_mem(v.p, d.cut), type);
	} else {
		emit_loose(w, sp_view_mem(v.p, d.cut));
	}
	for (;;) {
		bool more = find_delim(v, mark, d.next, &e);
		size_t end = more ? e.cut : v.n;

		if (d.close) {
			/* Parts behind the end: some readers show them. */
			emit_loose(w, sp_view_mem(v.p + d.next, end - d.next));
			if (!more)
				return (true);
			w->flags |= SP_TREE_AMBIGUOUS;
		} else if (w->parts >= SP_MAIL_MAX_PARTS) {
			emit_rest(
			    w, sp_view_mem(v.p + d.next, v.n - d.next), type);
			return (true);
		} else if (more ||
			   sp_view_trim(sp_view_mem(v.p + d.next, end - d.next))
				   .n > 0) {
			walk_child(w, ++number,
			    sp_view_mem(v.p + d.next, end - d.next), type);
		}
		if (!more) {
			w->flags |= SP_TREE_UNCLOSED;
			return (true);
		}
		d = e;
	}
}

/* ---- encoded messages and multiparts --------------------------------- */

/* A sink: append to a buffer, up to its limit. */
static void
put_bytes(void *ctx, const char *p, size_t n)
{
	(void)sp_utf8_put(ctx, p, n);
}

/*
 * Decode a body into ${b}, which the caller ends; at most SP_MAIL_MAX_DECODED
 * bytes.
 */
static struct sp_view
decode_body(struct sp_entity *e, struct sp_buf *b)
{
	sp_buf_init(b, e->body.n < SP_MAIL_MAX_DECODED ? e->body.n + 4
						       : SP_MAIL_MAX_DECODED);
	(void)sp_transfer_decode(
	    e->enc, e->body, &(struct sp_sink){ put_bytes, b });
	return (sp_buf_view(b));
}

/*
 * Walk a multipart with its boundary, else decoded (against RFC 2045 section
 * 6.4, but it occurs), else with a guessed one.  False if it has no parts to
 * be found.
 */
static bool
walk_multipart(
    struct mime_walk *w, struct sp_entity *e, struct sp_view boundary)
{
	struct sp_view guess;
	struct sp_buf b;
	bool ok;

	if (boundary.n > 0 && walk_parts(w, e->body, boundary, e->type))
		return (true);
	w->flags |= SP_TREE_NO_BOUNDARY;
	if (boundary.n > 0 && e->enc != SP_TRANSFER_PLAIN) {
		ok = walk_parts(w, decode_body(e, &b), boundary, e->type);
		sp_buf_done(&b);
		if (ok)
			return (true);
	}
	guess = guess_boundary(e->body);
	return (guess.n > 0 && walk_parts(w, e->body, guess, e->type));
}

/* Show a message inside and walk it, decoded if need be. */
static void
walk_message(struct mime_walk *w, struct sp_entity *e)
{
	struct sp_buf b;
	struct sp_view v = e->body;

	sp_buf_init(&b, 0);
	if (e->enc != SP_TRANSFER_PLAIN) {
		w->flags |= SP_TREE_AMBIGUOUS;
		v = decode_body(e, &b);
	}
	e->whole = true;
	emit_leaf(w, e);
	w->messages++;
	walk_entity(w, v, true, "", false);
	w->messages--;
	sp_buf_done(&b);
}

/* Whether a message inside has a header; without one it is text. */
static bool
looks_like_message(const struct sp_entity *e)
{
	struct sp_header fs;
	struct sp_field f;

	if (e->enc != SP_TRANSFER_PLAIN)
		return (true);
	sp_header_init(&fs, e->body, true);
	return (sp_header_next(&fs, &f));
}

/*
 * Walk what is no multipart.  Where it is all that a message consists of, it
 * is the message's part 1.
 */
static void
walk_single(
    struct mime_walk *w, struct sp_entity *e, bool in_message, bool deep)
{
	size_t len = w->path_len;

	if (in_message && len + 3 < sizeof(w->path)) {
		memcpy(w->path + len, len == 0 ? "1\0" : ".1", 3);
		w->path_len += len == 0 ? 1 : 2;
	}
	if (is_message(e->type) && !deep && !w->closed && looks_like_message(e))
		walk_message(w, e);
	else
		emit_leaf(w, e);
	w->path_len = len;
	w->path[len] = '\0';
}

/* Walk a message or part: what its header makes of it decides how. */
static void
walk_entity(struct mime_walk *w, struct sp_view v, bool in_message,
    const char *parent, bool digest)
{
	struct part_header h;
	struct sp_entity e = { .parent = parent };
	bool deep = w->level >= w->deepest;

	read_head(w, v, in_message, &h);
	describe(w, &h, digest, &e);
	if (deep && (is_multipart(e.type) || is_message(e.type)))
		w->flags |= SP_TREE_DEPTH;
	w->level++;
	if (deep || !is_multipart(e.type) ||
	    !walk_multipart(w, &e, sp_param_word(&h.tp, "boundary")))
		walk_single(w, &e, in_message, deep);
	w->level--;
}

unsigned
sp_tree_walk(struct sp_view msg, struct sp_mem *mem, const struct sp_visitor *v)
{
	struct mime_walk w = {
		.mem = mem, .v = v, .deepest = SP_MAIL_MAX_DEPTH
	};

	walk_entity(&w, msg, true, "", false);
	return (w.flags);
}

unsigned
sp_tree_walk_flat(
    struct sp_view msg, struct sp_mem *mem, const struct sp_visitor *v)
{
	struct mime_walk w = { .mem = mem, .v = v, .deepest = 1 };

	walk_entity(&w, msg, true, "", false);
	return (w.flags & ~(unsigned)SP_TREE_DEPTH);
}

unsigned
sp_tree_walk_parts(
    struct sp_view msg, struct sp_mem *mem, const struct sp_visitor *v)
{
	struct mime_walk w = {
		.mem = mem, .v = v, .deepest = SP_MAIL_MAX_DEPTH, .closed = true
	};

	walk_entity(&w, msg, true, "", false);
	return (w.flags);
}
