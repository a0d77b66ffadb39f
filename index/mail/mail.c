/*
 * One message, from bytes to facts.
 *
 *  sp_mail_parse: unwrap_report -- the original in a trusted report (journal.c)
 *     sp_tree_walk --> on_field  facts.c, trace.c, identity.c
 *                  --> on_leaf   digests, type, text (leaf.c, detect.c, text.c)
 *                  --> on_loose  text outside the parts
 *     sp_facts_fill, finish_text, finish_flags --> struct sp_mail
 *
 * The index calls it for every entry, show and export for single ones.  Any
 * bytes give facts; what was odd becomes a flag.
 */
#include "index/mail/mail.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "index/mail/decode/charset.h"
#include "index/mail/decode/utf8.h"
#include "index/mail/decode/uu.h"
#include "index/mail/detect.h"
#include "index/mail/facts.h"
#include "index/mail/flags.h"
#include "index/mail/identity.h"
#include "index/mail/leaf.h"
#include "index/mail/limits.h"
#include "index/mail/mem.h"
#include "index/mail/text.h"
#include "index/mail/tree.h"
#include "index/mail/decode/words.h"

/* One message while it is parsed; prefix is set where an original is read. */
struct parse {
	struct sp_mail *m;
	struct sp_mail_opts o;
	struct sp_facts_in in;
	struct sp_leaf leaf;
	struct sp_identity id;
	struct sp_buf text; /* of bodies */
	struct sp_buf more; /* of attachments and odd places */
	const char *charset; /* of the first body that names one */
	uint64_t flags;
	unsigned detected;
	unsigned inlined;
	const char *prefix; /* of paths: the part that is read */
};

static const char *const flag_names[SP_MAIL_FLAGS] = {
	[SP_MAIL_AMBIGUOUS] = "ambiguous",
	[SP_MAIL_BAD_ADDRESS] = "bad_address",
	[SP_MAIL_BAD_CTE] = "bad_cte",
	[SP_MAIL_BAD_DATE] = "bad_date",
	[SP_MAIL_BAD_ENCODING] = "bad_encoding",
	[SP_MAIL_BARE_CR] = "bare_cr_in_header",
	[SP_MAIL_BINARY_TEXT] = "binary_text",
	[SP_MAIL_CHARSET_DAMAGED] = "charset_damaged",
	[SP_MAIL_CHARSET_FALLBACK] = "charset_fallback",
	[SP_MAIL_CHARSET_UNKNOWN] = "charset_unknown",
	[SP_MAIL_DEPTH_LIMIT] = "depth_limit",
	[SP_MAIL_DUP_DATE] = "dup_date",
	[SP_MAIL_DUP_FROM] = "dup_from",
	[SP_MAIL_DUP_MSGID] = "dup_message_id",
	[SP_MAIL_DUP_SUBJECT] = "dup_subject",
	[SP_MAIL_ENCRYPTED] = "encrypted",
	[SP_MAIL_HEADER_CUT] = "header_cut",
	[SP_MAIL_HEADER_JUNK] = "header_junk",
	[SP_MAIL_JOURNAL] = "journal",
	[SP_MAIL_JOURNAL_ACCEPTED] = "journal_accepted",
	[SP_MAIL_JOURNAL_DOUBTFUL] = "journal_doubtful",
	[SP_MAIL_JOURNAL_MALFORMED] = "journal_malformed",
	[SP_MAIL_JOURNAL_TNEF] = "journal_tnef",
	[SP_MAIL_JOURNAL_TRUNCATED] = "journal_truncated",
	[SP_MAIL_JOURNAL_UNTRUSTED] = "journal_untrusted",
	[SP_MAIL_MIME_BROKEN] = "mime_broken",
	[SP_MAIL_NDR] = "ndr",
	[SP_MAIL_NO_HEADER_END] = "no_header_end",
	[SP_MAIL_NUL_IN_HEADER] = "nul_in_header",
	[SP_MAIL_PART_LIMIT] = "part_limit",
	[SP_MAIL_PARTIAL] = "partial",
	[SP_MAIL_RMS] = "rms",
	[SP_MAIL_SIGNED] = "signed",
	[SP_MAIL_TEXT_CUT] = "text_cut",
	[SP_MAIL_TNEF] = "tnef",
	[SP_MAIL_UUENCODE] = "uuencode",
};

void
sp_mail_global_init(void)
{
	sp_detect_init();
}

static void
set_flag(struct parse *p, enum sp_mail_flag f, bool on)
{
	if (on)
		p->flags |= SP_MAIL_BIT(f);
}

/* Set the flags for what the text extraction noted. */
static void
set_text_flags(struct parse *p, unsigned note)
{
	set_flag(p, SP_MAIL_CHARSET_UNKNOWN, note & SP_CHARSET_UNKNOWN);
	set_flag(p, SP_MAIL_CHARSET_FALLBACK, note & SP_CHARSET_FALLBACK);
	set_flag(p, SP_MAIL_CHARSET_DAMAGED, note & SP_CHARSET_DAMAGED);
	set_flag(p, SP_MAIL_TEXT_CUT, note & SP_TEXT_CUT);
	set_flag(p, SP_MAIL_BINARY_TEXT, note & SP_TEXT_BINARY);
	set_flag(p, SP_MAIL_ENCRYPTED, note & SP_TEXT_PGP);
}

/* ---- the visitor ----------------------------------------------------- */

/* Subject and people of a message inside are text. */
static void
on_inner_field(void *ctx, unsigned depth, const struct sp_field *f)
{
	struct parse *p = ctx;
	struct sp_buf raw;

	(void)depth;
	if (!sp_view_ieq_str(f->name, "Subject") &&
	    !sp_view_ieq_str(f->name, "From") &&
	    !sp_view_ieq_str(f->name, "To") && !sp_view_ieq_str(f->name, "Cc"))
		return;
	sp_buf_init(&raw, SP_MAIL_MAX_VALUE);
	sp_header_unfold(f->value, &raw);
	(void)sp_words_decode(
	    sp_buf_view(&raw), sp_view_str(p->charset), &p->text);
	set_flag(p, SP_MAIL_TEXT_CUT, !sp_utf8_put(&p->text, "\n", 1));
	sp_buf_done(&raw);
}

/* A field of the message itself gives facts. */
static void
on_field(void *ctx, unsigned depth, const struct sp_field *f)
{
	struct parse *p = ctx;

	if (p->o.digests)
		sp_identity_field(&p->id, depth, f);
	if (depth == 0) {
		sp_trace_field(&p->m->traces, p->m->mem, f);
		sp_facts_field(&p->in, p->m->mem, (size_t)p->o.max_header, f);
		return;
	}
	on_inner_field(ctx, depth, f);
}

/*
 * Text outside the parts is searchable; the usual notice that a message is in
 * MIME format is not.
 */
static void
on_loose(void *ctx, struct sp_view text)
{
	struct parse *p = ctx;

	if (p->o.digests)
		sp_identity_loose(&p->id, text);
	/* "This is a multi-part message in MIME format." */
	if (text.n < 1024 && (memmem(text.p, text.n, "MIME", 4) != NULL ||
				 memmem(text.p, text.n, "multi", 5) != NULL))
		return;
	set_text_flags(
	    p, sp_text_part(text, "text/plain", sp_view_str(NULL), &p->more));
}

/*
 * Whether a part belongs to the workings of mail (signatures), not to what was
 * sent along.
 */
static bool
is_working(const struct sp_entity *e)
{
	static const char *const types[] = { "application/pgp-signature",
		"application/pgp-encrypted", "application/pkcs7-signature",
		"application/x-pkcs7-signature" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(e->type, types[i]) == 0)
			return (true);
	return (false);
}

/*
 * Whether a part is what a person would call an attachment (doc/mail-flags.md,
 * "Reading").
 */
static bool
is_attachment(const struct sp_entity *e)
{
	if (strncmp(e->type, "multipart", 9) == 0)
		return (false);
	if (strcmp(e->disposition, "attachment") == 0 || e->name[0] != '\0')
		return (true);
	if (e->whole || sp_text_is(e->type) || is_working(e))
		return (false);
	/* An image shown in the text. */
	return (!(e->has_cid && (strcmp(e->parent, "multipart/related") == 0 ||
				    strcmp(e->disposition, "inline") == 0)));
}

/*
 * A part's path within the whole message, also where the original of a report
 * is read.
 */
static char *
path_of(struct parse *p, const char *path)
{
	struct sp_buf b;
	char *s;

	sp_buf_init(&b, SP_MAIL_MAX_VALUE);
	if (p->prefix != NULL)
		(void)!sp_buf_addf(&b, "%s.", p->prefix);
	(void)!sp_buf_adds(&b, path);
	s = sp_mem_dup(p->m->mem, sp_buf_view(&b));
	sp_buf_done(&b);
	return (s);
}

/* Add a part; the pointer is valid until the next one is added. */
static struct sp_mail_part *
part_add(struct parse *p, const char *path)
{
	struct sp_mail *m = p->m;
	struct sp_mail_part *part;

	m->parts = sp_mem_more(m->mem, m->parts, m->nparts, sizeof(*m->parts));
	part = &m->parts[m->nparts++];
	memset(part, 0, sizeof(*part));
	part->path = path_of(p, path);
	return (part);
}

/*
 * Set the type that libmagic sees, up to SP_MAIL_MAX_DETECT times in a
 * message.
 */
static void
detect_type(struct parse *p, struct sp_mail_part *part, struct sp_view head)
{
	const char *type;

	if (!p->o.detect || p->detected >= SP_MAIL_MAX_DETECT)
		return;
	p->detected++;
	type = sp_detect(head);
	if (type != NULL)
		part->detected = sp_mem_dup(p->m->mem, sp_view_str(type));
}

/*
 * Decode ${raw}, fill size and digests of ${part}, and return at least the
 * first ${keep} bytes of it (or all, if it is shorter), valid until the next
 * part is read.
 */
static struct sp_view
read_part(struct parse *p, struct sp_mail_part *part, enum sp_transfer enc,
    struct sp_view raw, size_t keep)
{
	bool plain = enc == SP_TRANSFER_PLAIN;

	set_flag(p, SP_MAIL_BAD_ENCODING,
	    !sp_leaf_read(&p->leaf, enc, raw, plain ? 0 : keep, part->sha256,
		part->tsha256));
	part->size = p->leaf.size;
	return (plain ? raw : sp_buf_view(&p->leaf.kept));
}

/*
 * Add each uuencoded file in ${text} as a part below ${path}, and the text
 * between them to ${out}.
 */
static void
read_uuencoded(struct parse *p, const char *path, struct sp_view text,
    struct sp_view charset, struct sp_buf *out)
{
	struct sp_uu uu;
	size_t from = 0;
	unsigned n = 0;

	while (p->inlined < SP_MAIL_MAX_INLINE && sp_uu_find(text, from, &uu)) {
		struct sp_mail_part *part;
		struct sp_buf name, where;

		set_text_flags(
		    p, sp_text_part(sp_view_mem(text.p + from, uu.begin - from),
			   "text/plain", charset, out));
		sp_buf_init(&where, SP_MAIL_MAX_VALUE);
		sp_buf_init(&name, SP_MAIL_MAX_VALUE);
		(void)!sp_buf_addf(&where, "%s.u%u", path, ++n);
		(void)sp_words_decode(uu.name, charset, &name);
		part = part_add(p, sp_buf_cstr(&where));
		part->name = sp_mem_dup(p->m->mem, sp_buf_view(&name));
		part->type = sp_mem_dup(
		    p->m->mem, SP_VIEW_LIT("application/octet-stream"));
		part->attachment = true;
		detect_type(p, part,
		    read_part(
			p, part, SP_TRANSFER_UU, uu.data, SP_MAIL_HEAD_BINARY));
		sp_buf_done(&where);
		sp_buf_done(&name);
		from = uu.end;
		p->inlined++;
	}
	set_flag(p, SP_MAIL_UUENCODE, n > 0);
	set_text_flags(
	    p, sp_text_part(sp_view_mem(text.p + from, text.n - from),
		   "text/plain", charset, out));
}

/* Set the flags that follow from a part's type. */
static void
set_type_flags(struct parse *p, const struct sp_entity *e)
{
	set_flag(p, SP_MAIL_ENCRYPTED,
	    e->encrypted || strcmp(e->parent, "multipart/encrypted") == 0);
	set_flag(p, SP_MAIL_SIGNED,
	    strcmp(e->parent, "multipart/signed") == 0 ||
		strcmp(e->type, "application/pkcs7-mime") == 0 ||
		strcmp(e->type, "application/x-pkcs7-mime") == 0);
	set_flag(p, SP_MAIL_PARTIAL, strcmp(e->type, "message/partial") == 0);
	set_flag(p, SP_MAIL_RMS,
	    strcmp(e->type, "application/x-microsoft-rpmsg-message") == 0);
	set_flag(p, SP_MAIL_TNEF,
	    strcmp(e->type, "application/ms-tnef") == 0 ||
		strcmp(e->type, "application/vnd.ms-tnef") == 0);
}

/*
 * Append the text of a body part.  ${bytes} are the decoded body, or as much
 * of it as was kept.
 */
static void
read_text(struct parse *p, const struct sp_entity *e, const char *path,
    struct sp_view bytes, struct sp_buf *out)
{
	struct sp_view cs = sp_view_str(e->charset);
	struct sp_buf kept = p->leaf.kept;

	/* Reading a file inside the text must not take it away. */
	sp_buf_init(&p->leaf.kept, 0);
	set_flag(p, SP_MAIL_TEXT_CUT,
	    bytes.n < p->leaf.size && e->enc != SP_TRANSFER_PLAIN);
	if (e->enc == SP_TRANSFER_BASE64 && sp_transfer_is_plain(e->body))
		set_text_flags(p, sp_text_part(e->body, e->type, cs, out));
	else if (bytes.n > 0 && strcmp(e->type, "text/plain") == 0)
		read_uuencoded(p, path, bytes, cs, out);
	else
		set_text_flags(p, sp_text_part(bytes, e->type, cs, out));
	sp_buf_done(&kept);
}

/*
 * Add the part, with its digests and detected type, and its text: of
 * attachments and odd places behind that of the bodies.
 */
static void
on_leaf(void *ctx, const struct sp_entity *e, const char *path)
{
	struct parse *p = ctx;
	struct sp_mem *mem = p->m->mem;
	bool attached = is_attachment(e);
	bool text = sp_text_is(e->type) && !e->whole;
	struct sp_view cs = sp_view_str(e->charset), bytes;
	struct sp_mail_part *part;

	set_type_flags(p, e);
	if (e->whole && p->o.digests)
		sp_identity_part(&p->id, e, path, NULL);
	if (e->whole && !attached)
		return;
	part = part_add(p, path);
	part->type = sp_mem_dup(mem, sp_view_str(e->type));
	if (cs.n > 0)
		part->charset = sp_mem_dup(mem, cs);
	if (e->name[0] != '\0')
		part->name = sp_mem_dup(mem, sp_view_str(e->name));
	part->attachment = attached;
	part->message = e->whole;
	bytes = read_part(p, part, e->enc, e->body,
	    text ? (size_t)p->o.max_text + SP_MAIL_HEAD_BINARY
		 : SP_MAIL_HEAD_BINARY);
	if (p->o.digests && !e->whole)
		sp_identity_part(&p->id, e, path, part->tsha256);
	if (attached && !e->whole)
		detect_type(p, part, bytes);
	if (e->alt_name[0] != '\0') {
		set_flag(p, SP_MAIL_AMBIGUOUS, true);
		(void)sp_utf8_put(&p->more, e->alt_name, strlen(e->alt_name));
		(void)sp_utf8_put(&p->more, "\n", 1);
	}
	if (!text)
		return;
	if (p->charset == NULL && cs.n > 0)
		p->charset = e->charset;
	read_text(p, e, path, bytes, attached ? &p->more : &p->text);
}

/* A part of an original that is no part of the message as a reader of MIME sees
 * it: its name and its text can be found. */
static void
on_inner_leaf(void *ctx, const struct sp_entity *e, const char *path)
{
	struct parse *p = ctx;
	struct sp_mail_part none;
	struct sp_view bytes;

	(void)path;
	if (e->name[0] != '\0') {
		(void)sp_utf8_put(&p->more, e->name, strlen(e->name));
		(void)sp_utf8_put(&p->more, "\n", 1);
	}
	if (e->whole || !sp_text_is(e->type))
		return;
	bytes = read_part(p, &none, e->enc, e->body,
	    (size_t)p->o.max_text + SP_MAIL_HEAD_BINARY);
	set_flag(p, SP_MAIL_TEXT_CUT,
	    bytes.n < p->leaf.size && e->enc != SP_TRANSFER_PLAIN);
	set_text_flags(
	    p, sp_text_part(bytes, e->type, sp_view_str(e->charset), &p->text));
}

/* The text of originals that a gateway attached under another type. */
static void
read_hidden_originals(struct parse *p)
{
	const struct sp_visitor v = { on_inner_field, on_inner_leaf, on_loose,
		p };
	const struct sp_journal *j = p->m->doubted;
	bool digests = p->o.digests;

	p->o.digests = false;
	for (size_t i = 0; j != NULL && i < j->nhidden; i++)
		(void)sp_tree_walk(j->hidden[i], p->m->mem, &v);
	p->o.digests = digests;
}

/* ---- all of it ------------------------------------------------------- */

/* Set the flags for what the walk noticed. */
static void
set_tree_flags(struct parse *p, unsigned t)
{
	set_flag(p, SP_MAIL_HEADER_JUNK, t & SP_TREE_HEADER_JUNK);
	set_flag(p, SP_MAIL_BARE_CR, t & SP_TREE_BARE_CR);
	set_flag(p, SP_MAIL_MIME_BROKEN,
	    t & (SP_TREE_NO_BOUNDARY | SP_TREE_UNCLOSED));
	set_flag(p, SP_MAIL_DEPTH_LIMIT, t & SP_TREE_DEPTH);
	set_flag(p, SP_MAIL_PART_LIMIT, t & SP_TREE_PARTS);
	set_flag(p, SP_MAIL_BAD_CTE, t & SP_TREE_BAD_CTE);
	set_flag(p, SP_MAIL_AMBIGUOUS, t & SP_TREE_AMBIGUOUS);
	set_flag(p, SP_MAIL_NO_HEADER_END, t & SP_TREE_NO_HEADER_END);
}

/* Join both texts, up to the limit. */
static void
finish_text(struct parse *p)
{
	set_flag(
	    p, SP_MAIL_TEXT_CUT, !sp_utf8_put(&p->text, p->more.p, p->more.n));
	p->m->text_len = p->text.n;
	p->m->text = sp_mem_dup(p->m->mem, sp_buf_view(&p->text));
}

/* Name the flags, in the order of their names. */
static void
finish_flags(struct parse *p)
{
	struct sp_mail *m = p->m;

	m->flags = sp_mem_get(m->mem, SP_MAIL_FLAGS * sizeof(*m->flags));
	for (unsigned f = 0; f < SP_MAIL_FLAGS; f++)
		if (p->flags & SP_MAIL_BIT(f))
			m->flags[m->nflags++] =
			    sp_mem_dup(m->mem, sp_view_str(flag_names[f]));
}

/*
 * What is to be read: ${msg}, or the original in a report from a trusted
 * source.  Sets the flags for what the report is.
 */
static struct sp_view
unwrap_report(struct parse *p, struct sp_view msg)
{
	struct sp_journal *j = sp_mem_get(p->m->mem, sizeof(*j));
	enum sp_journal_found got = sp_journal_read(
	    msg, p->o.journal, p->m->mem, j, &p->m->journal_why);

	if (got == SP_JOURNAL_NONE) {
		p->m->journal_why = NULL;
		return (msg);
	}
	if (p->o.journal && p->o.accepted) {
		set_flag(p, SP_MAIL_JOURNAL_ACCEPTED, true);
		p->m->accepted_by = p->o.accepted_by;
	}
	if (got != SP_JOURNAL_GOOD && j->doubts != 0) {
		set_flag(p, SP_MAIL_JOURNAL_DOUBTFUL, true);
		p->m->doubted = j;
	}
	set_flag(p, SP_MAIL_JOURNAL_UNTRUSTED, !p->o.journal);
	set_flag(p, SP_MAIL_JOURNAL_MALFORMED, got == SP_JOURNAL_BAD);
	set_flag(p, SP_MAIL_JOURNAL_TNEF, got == SP_JOURNAL_TNEF);
	if (!p->o.journal)
		p->m->journal_why =
		    "it did not come from a trusted journal source";
	if (got != SP_JOURNAL_GOOD || !p->o.journal)
		return (msg);
	set_flag(p, SP_MAIL_JOURNAL, true);
	set_flag(p, SP_MAIL_JOURNAL_TRUNCATED, j->truncated);
	set_flag(p, SP_MAIL_NDR, j->ndrs > 0);
	set_flag(p, SP_MAIL_RMS, j->rms);
	p->m->journal = j;
	p->prefix = j->inner_path;
	return (j->inner);
}

/* Set up one parse, walk, then read what had to wait for the walk's end. */
struct sp_mail *
sp_mail_parse(struct sp_view msg, const struct sp_mail_opts *o)
{
	struct sp_mem *mem = sp_mem_new();
	struct parse p = { .m = sp_mem_get(mem, sizeof(struct sp_mail)) };
	struct sp_visitor v = { on_field, on_leaf, on_loose, &p };

	p.o = o != NULL
		  ? *o
		  : (struct sp_mail_opts){ .detect = true, .digests = true };
	if (p.o.max_text == 0)
		p.o.max_text = SP_MAIL_MAX_TEXT;
	if (p.o.max_header == 0)
		p.o.max_header = SP_MAIL_MAX_HEADER;
	p.m->mem = mem;
	p.m->date_us = INT64_MIN;
	p.m->accepted_by = UINT64_MAX;
	if (p.o.digests) {
		p.leaf.sha = sp_sha256_new();
		p.leaf.tsha = sp_sha256_new();
		sp_identity_init(&p.id);
	}
	sp_buf_init(&p.text, (size_t)p.o.max_text);
	sp_buf_init(&p.more, (size_t)p.o.max_text);
	msg = unwrap_report(&p, msg);
	set_tree_flags(&p, sp_tree_walk(msg, mem, &v));
	read_hidden_originals(&p);
	p.flags |= sp_facts_fill(p.m, &p.in, sp_view_str(p.charset), &p.more);
	finish_text(&p);
	finish_flags(&p);
	if (p.o.digests)
		sp_identity_done(&p.id, p.m->body_id, p.m->stable_id);
	sp_buf_done(&p.text);
	sp_buf_done(&p.more);
	sp_buf_done(&p.leaf.kept);
	sp_sha256_free(p.leaf.sha);
	sp_sha256_free(p.leaf.tsha);
	return (p.m);
}

void
sp_mail_free(struct sp_mail *m)
{
	if (m != NULL)
		sp_mem_free(m->mem);
}
