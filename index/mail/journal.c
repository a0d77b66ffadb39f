/*
 * Journal reports, the message around the lines: whether a message is a
 * report, which of its parts is the original, and what the original's header
 * adds (doc/journal-reports.md).
 *
 *  scan_header --no mark--> SP_JOURNAL_NONE (nearly every message)
 *     mark of Exchange, Google --> read_exchange --> journal_text.c
 *        not well formed --------> doubt --> journal_doubt.c
 *     multipart/report ----------> read_returned --> read_one of what is inside
 *                                  sp_journal_dsn   (journal_other.c)
 *     "Intercept ..." -----------> sp_journal_zimbra (journal_other.c)
 *
 * Called by mail.c before it walks a message.
 */
#include "index/mail/journal.h"

#include <string.h>

#include "base/sha256.h"
#include "index/mail/decode/charset.h"
#include "index/mail/header.h"
#include "index/mail/journal_priv.h"
#include "index/mail/limits.h"
#include "index/mail/decode/words.h"

static const char *const role_names[SP_JOURNAL_ROLES] = { "to", "cc", "bcc",
	"recipient" };
static const char *const how_names[SP_JOURNAL_HOWS] = { "expanded", "forwarded",
	"original" };

const char *
sp_journal_role_name(enum sp_journal_role r)
{
	return (role_names[r]);
}

const char *
sp_journal_how_name(enum sp_journal_how h)
{
	return (how_names[h]);
}

/* ---- bytes ------------------------------------------------------------- */

struct decode_copy {
	char *p;
	size_t n, max;
};

/* A sink: copy, up to the room there is. */
static void
put(void *ctx, const char *p, size_t n)
{
	struct decode_copy *c = ctx;

	/* None of the encodings makes more of what it is given. */
	if (n > c->max - c->n)
		n = c->max - c->n;
	memcpy(c->p + c->n, p, n);
	c->n += n;
}

bool
sp_journal_is_message(struct sp_view v)
{
	struct sp_header fs;
	struct sp_field f;

	sp_header_init(&fs, v, true);
	return (sp_header_next(&fs, &f));
}

/*
 * Decode a part into ${mem}.  False where the encoding was damaged; what could
 * be decoded is in ${out} all the same.
 */
static bool
decoded(struct sp_mem *mem, const struct sp_entity *e, struct sp_view *out)
{
	struct decode_copy c = { .max = e->body.n + 4 };
	bool ok;

	c.p = sp_mem_get(mem, c.max);
	ok = sp_transfer_decode(e->enc, e->body, &(struct sp_sink){ put, &c });
	*out = sp_view_mem(c.p, c.n);
	return (ok);
}

/*
 * A message may not be encoded (RFC 2046 section 5.2.1), and some that say so
 * are not: take it decoded, if a header comes out; else as it is, if that has
 * a header.
 */
bool
sp_journal_bytes(
    struct sp_mem *mem, const struct sp_entity *e, struct sp_view *out)
{
	struct sp_view v = e->body;
	bool ok = true;

	if (e->enc != SP_TRANSFER_PLAIN && e->enc != SP_TRANSFER_UU)
		ok = decoded(mem, e, &v);
	if (ok || !sp_journal_is_message(e->body))
		*out = v;
	else
		*out = e->body;
	return (sp_journal_is_message(*out));
}

struct sp_view
sp_journal_utf8(struct sp_mem *mem, const struct sp_entity *e)
{
	struct sp_view v = e->body, none = { NULL, 0 };
	struct sp_buf b;
	char *s;
	size_t n;

	if (e->enc == SP_TRANSFER_QP ||
	    (e->enc == SP_TRANSFER_BASE64 && !sp_transfer_is_plain(e->body)))
		(void)decoded(mem, e, &v);
	sp_buf_init(&b, SP_JOURNAL_TEXT_MAX);
	(void)sp_charset_decode(v, sp_view_str(e->charset), none, &b);
	n = b.n;
	s = sp_mem_dup(mem, sp_buf_view(&b));
	sp_buf_done(&b);
	return (sp_view_mem(s, n));
}

/* Find the field, then unfold, decode and squeeze its value. */
const char *
sp_journal_field(struct sp_mem *mem, struct sp_view msg, const char *name)
{
	struct sp_buf raw, text;
	struct sp_header fs;
	struct sp_field f;
	char *s, *q;

	sp_header_init(&fs, msg, true);
	while (sp_header_next(&fs, &f))
		if (sp_view_ieq_str(f.name, name))
			break;
	if (fs.done)
		return (NULL);
	sp_buf_init(&raw, SP_MAIL_MAX_VALUE);
	sp_buf_init(&text, SP_MAIL_MAX_VALUE);
	sp_header_unfold(f.value, &raw);
	(void)sp_words_decode(sp_buf_view(&raw), sp_view_str(NULL), &text);
	s = q = sp_mem_dup(mem, sp_view_trim(sp_buf_view(&text)));
	for (const char *p = s; *p != '\0'; p++) {
		if ((unsigned char)*p > ' ')
			*q++ = *p;
		else if (q > s && q[-1] != ' ')
			*q++ = ' ';
	}
	*q = '\0';
	sp_buf_done(&raw);
	sp_buf_done(&text);
	return (s);
}

/* ---- shape ------------------------------------------------------------- */

/* Note in the shape what marks a report, and subject and Message-ID. */
static void
on_field(void *ctx, unsigned depth, const struct sp_field *f)
{
	struct sp_journal_shape *s = ctx;
	struct sp_view v = sp_view_trim(f->value);

	(void)depth;
	switch (f->name.p[0] | 0x20) {
	case 'x':
		if (sp_view_ieq_str(f->name, "X-MS-Journal-Report") ||
		    sp_view_ieq_str(
			f->name, "X-MS-Exchange-Organization-Journal-Report") ||
		    (sp_view_ieq_str(f->name, "X-WM-Journal-Report") &&
			sp_view_ieq_str(v, "journal")))
			s->marker = true;
		else if (sp_view_ieq_str(f->name, "X-GM-Journal-ID"))
			s->google = true;
		break;
	case 'c':
		/* The first is how Exchange spells it. */
		if ((sp_view_ieq_str(f->name, "Content-Identifer") ||
			sp_view_ieq_str(f->name, "Content-Identifier")) &&
		    sp_view_ieq_str(v, "ExJournalReport"))
			s->marker = true;
		break;
	case 's':
		if (sp_view_ieq_str(f->name, "Subject") && s->subject.p == NULL)
			s->subject = f->value;
		break;
	case 'm':
		if (sp_view_ieq_str(f->name, "Message-ID") && s->id.p == NULL)
			s->id = v;
		break;
	default:
		break;
	}
}

/* The body of a part where it stays: in the message itself, else (it was in an
 * encoded multipart, whose decoded bytes go with the walk) a copy. */
static struct sp_view
kept(const struct sp_journal_shape *s, struct sp_view v)
{
	char *copy;

	if (v.n == 0 || ((uintptr_t)v.p >= (uintptr_t)s->msg.p &&
			    (uintptr_t)v.p <= (uintptr_t)s->msg.p + s->msg.n))
		return (v);
	copy = sp_mem_get(s->mem, v.n);
	memcpy(copy, v.p, v.n);
	return (sp_view_mem(copy, v.n));
}

/* Note a part; beyond SP_JOURNAL_PARTS only that there are more. */
static void
on_leaf(void *ctx, const struct sp_entity *e, const char *path)
{
	struct sp_journal_shape *s = ctx;

	if (s->n < SP_JOURNAL_PARTS) {
		struct sp_entity *mine = &s->part[s->n];

		*mine = *e;
		mine->body = kept(s, e->body);
		s->path[s->n] = sp_mem_dup(s->mem, sp_view_str(path));
	}
	s->n++;
}

static void
on_loose(void *ctx, struct sp_view text)
{
	(void)ctx;
	(void)text;
}

/*
 * Read only the header, which is all that most messages cost; *report: it is a
 * multipart/report.
 */
static void
scan_header(struct sp_view msg, struct sp_journal_shape *s, bool *report)
{
	struct sp_header fs;
	struct sp_field f;

	*report = false;
	sp_header_init(&fs, msg, true);
	while (sp_header_next(&fs, &f)) {
		on_field(s, 0, &f);
		if ((f.name.p[0] | 0x20) == 'c' &&
		    sp_view_ieq_str(f.name, "Content-Type") &&
		    sp_view_istarts(sp_view_trim(f.value), "multipart/report"))
			*report = true;
	}
}

void
sp_journal_walk(struct sp_view msg, bool deep, struct sp_journal_shape *s)
{
	struct sp_visitor v = { on_field, on_leaf, on_loose, s };

	s->msg = msg;
	s->tree = deep ? sp_tree_walk_parts(msg, s->mem, &v)
		       : sp_tree_walk_flat(msg, s->mem, &v);
}

bool
sp_journal_has_marker(struct sp_view msg)
{
	struct sp_journal_shape s = { .mem = NULL };
	bool report;

	scan_header(msg, &s, &report);
	return (s.marker);
}

bool
sp_journal_is_rfc822(const struct sp_entity *e)
{
	return (strcmp(e->type, "message/rfc822") == 0 ||
		strcmp(e->type, "message/global") == 0);
}

/* ---- the original ------------------------------------------------------ */

bool
sp_journal_is_sealed(struct sp_mem *mem, struct sp_view msg)
{
	struct sp_journal_shape s = { .mem = mem };

	sp_journal_walk(msg, false, &s);
	for (size_t i = 0; i < s.n && i < SP_JOURNAL_PARTS; i++)
		if (strcmp(s.part[i].type,
			"application/x-microsoft-rpmsg-message") == 0 ||
		    strcmp(s.part[i].name, "message.rpmsg") == 0 ||
		    s.part[i].encrypted ||
		    strcmp(s.part[i].parent, "multipart/encrypted") == 0)
			return (true);
	return (false);
}

/* Choose the original, or the decrypted one of two.  NULL, or what is wrong. */
static const char *
choose_inner(const struct sp_journal_shape *s, struct sp_journal *out)
{
	struct sp_view a, b;
	const char *ida, *idb;
	size_t clear = 1;

	if (!sp_journal_is_rfc822(&s->part[1]) ||
	    !sp_journal_bytes(s->mem, &s->part[1], &a))
		return ("its second part is not a message");
	out->inner = a;
	if (s->n == 3) {
		if (!sp_journal_is_rfc822(&s->part[2]) ||
		    !sp_journal_bytes(s->mem, &s->part[2], &b))
			return ("its third part is not a message");
		ida = sp_journal_field(s->mem, a, "Message-ID");
		idb = sp_journal_field(s->mem, b, "Message-ID");
		if (strcmp(ida == NULL ? "" : ida, idb == NULL ? "" : idb) != 0)
			return (
			    "it has two originals that are not the same message");
		out->rms = true;
		if (sp_journal_is_sealed(s->mem, a) &&
		    !sp_journal_is_sealed(s->mem, b)) {
			out->inner = b;
			clear = 2;
		}
		out->sealed_path = s->path[3 - clear];
	}
	out->inner_path = s->path[clear];
	return (NULL);
}

/*
 * Whether the lower-case address list ${list} has the address ${addr}, not as
 * a part of a longer one.
 */
static bool
list_names(struct sp_view list, const char *addr)
{
	size_t n = strlen(addr);
	int c = addr[0] >= 'A' && addr[0] <= 'Z' ? addr[0] | 0x20 : addr[0];

	for (size_t i = 0; n > 0 && i + n <= list.n; i++) {
		const char *p = memchr(list.p + i, c, list.n - i);

		if (p == NULL || (size_t)(list.p + list.n - p) < n)
			return (false);
		i = (size_t)(p - list.p);
		if (!sp_view_ieq_str(sp_view_mem(p, n), addr))
			continue;
		/* Not as a part of a longer address. */
		if (i > 0 && strchr(" <,;:\"'(", p[-1]) == NULL)
			continue;
		if (i + n == list.n || strchr(" >,;\"')", p[n]) != NULL)
			return (true);
	}
	return (false);
}

static void
lower_ascii(struct sp_buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->p[i] >= 'A' && b->p[i] <= 'Z')
			b->p[i] = (char)(b->p[i] | 0x20);
}

/*
 * Presume the role of each recipient for whom the report leaves it open, by
 * what To and Cc of the original name.  Bounded: lists of thousands against
 * thousands are left open.
 */
static void
presume_roles(struct sp_journal *j)
{
	struct sp_buf list[2];
	struct sp_header fs;
	struct sp_field f;
	size_t work = 0;

	for (int i = 0; i < 2; i++)
		sp_buf_init(&list[i], SP_MAIL_MAX_HEADER);
	sp_header_init(&fs, j->inner, true);
	while (sp_header_next(&fs, &f)) {
		int at = sp_view_ieq_str(f.name, "To")	 ? 0
			 : sp_view_ieq_str(f.name, "Cc") ? 1
							 : -1;

		if (at >= 0) {
			sp_header_unfold(f.value, &list[at]);
			(void)!sp_buf_addc(&list[at], ',');
		}
	}
	lower_ascii(&list[0]);
	lower_ascii(&list[1]);
	for (size_t i = 0; i < j->nrcpts; i++) {
		struct sp_journal_rcpt *r = &j->rcpts[i];
		bool found = false;

		if (r->role != SP_JOURNAL_RCPT)
			continue;
		work += list[0].n + list[1].n;
		if (work > ((size_t)64 << 20))
			break;
		for (int k = 0; k < 2 && !found; k++) {
			struct sp_view v = sp_buf_view(&list[k]);

			found = list_names(v, r->addr) ||
				(r->nvia > 0 && list_names(v, r->via[0].addr));
			if (found)
				r->presumed =
				    k == 0 ? SP_JOURNAL_TO : SP_JOURNAL_CC;
		}
		if (!found)
			r->presumed = SP_JOURNAL_BCC;
	}
	sp_buf_done(&list[0]);
	sp_buf_done(&list[1]);
}

/* ---- reports ------------------------------------------------------------ */

/*
 * Read a report of Exchange or Google: its shape, its original, then the lines
 * of its text.
 */
static enum sp_journal_found
read_exchange(
    const struct sp_journal_shape *s, struct sp_journal *out, const char **why)
{
	const struct sp_entity *first = &s->part[0];

	if (s->n == 0 || (s->tree & SP_TREE_PARTS)) {
		*why = "it has no parts";
		return (SP_JOURNAL_BAD);
	}
	for (size_t i = 0; i < s->n && i < SP_JOURNAL_PARTS; i++) {
		if (strcmp(s->part[i].type, "application/ms-tnef") == 0 ||
		    strcmp(s->part[i].type, "application/vnd.ms-tnef") == 0) {
			*why = "it is in Outlook's own format (TNEF)";
			return (SP_JOURNAL_TNEF);
		}
	}
	if (strcmp(first->parent, "multipart/mixed") != 0 ||
	    (s->tree & (SP_TREE_NO_BOUNDARY | SP_TREE_AMBIGUOUS)) != 0)
		*why = "it is no multipart/mixed that can be read in one way "
		       "only";
	else if (s->n < 2 || s->n > 3)
		*why = "it has not two or three parts";
	else if (strcmp(first->type, "text/plain") != 0)
		*why = "its first part is not text/plain";
	else
		*why = choose_inner(s, out);
	if (*why != NULL ||
	    !sp_journal_text(s->mem, sp_journal_utf8(s->mem, first), out, why))
		return (SP_JOURNAL_BAD);
	return (SP_JOURNAL_GOOD);
}

static enum sp_journal_found read_one(struct sp_view msg, bool trusted,
    unsigned ndrs, struct sp_mem *mem, struct sp_journal *out,
    const char **why);

/*
 * Read the report in a non-delivery report: one that could not be delivered
 * comes back in it.
 */
static enum sp_journal_found
read_returned(const struct sp_journal_shape *s, unsigned ndrs,
    struct sp_journal *out, const char **why)
{
	enum sp_journal_found got = SP_JOURNAL_NONE;
	struct sp_view v;

	for (size_t i = 0; i < s->n && i < SP_JOURNAL_PARTS; i++) {
		if (!sp_journal_is_rfc822(&s->part[i]) ||
		    !sp_journal_bytes(s->mem, &s->part[i], &v))
			continue;
		got = read_one(v, true, ndrs + 1, s->mem, out, why);
		if (got != SP_JOURNAL_GOOD && out->doubts == 0)
			return (got);
		out->inner_path =
		    sp_journal_path_below(s->mem, s->path[i], out->inner_path);
		out->sealed_path =
		    sp_journal_path_below(s->mem, s->path[i], out->sealed_path);
		return (got);
	}
	return (SP_JOURNAL_NONE);
}

/*
 * Read what has no mark of its own, so is looked for only from trusted
 * sources: returned reports, captures, intercepts.
 */
static enum sp_journal_found
read_other(const struct sp_journal_shape *s, unsigned ndrs, bool report,
    struct sp_journal *out, const char **why)
{
	enum sp_journal_found got;

	if (!report)
		return (sp_journal_zimbra(s, out, why));
	got = ndrs < SP_JOURNAL_NDRS_MAX ? read_returned(s, ndrs, out, why)
					 : SP_JOURNAL_NONE;
	if (got == SP_JOURNAL_NONE)
		got = sp_journal_dsn(s, out, why);
	return (got);
}

/* Callback of sp_journal_doubted(): a report in what a gateway wrapped it in. */
static enum sp_journal_found
read_wrapped(
    struct sp_view msg, struct sp_mem *mem, struct sp_journal *out, void *ctx)
{
	const unsigned *ndrs = ctx;
	const char *why = NULL;

	return (read_one(msg, true, *ndrs + 1, mem, out, &why));
}

/*
 * A report that is not well formed, ${got}: where it has the mark and comes
 * from a trusted source (${may}), see what it was before it was changed.
 */
static enum sp_journal_found
doubt(struct sp_view msg, bool may, unsigned ndrs, struct sp_mem *mem,
    struct sp_journal *out, enum sp_journal_found got)
{
	*out = (struct sp_journal){ .ndrs = ndrs };
	if (!may || ndrs > SP_JOURNAL_NDRS_MAX ||
	    !sp_journal_doubted(msg, mem, read_wrapped, &ndrs, out))
		*out = (struct sp_journal){ .doubts = 0 };
	return (got);
}

/* Read one message as a report; ${ndrs} non-delivery reports are around it. */
static enum sp_journal_found
read_one(struct sp_view msg, bool trusted, unsigned ndrs, struct sp_mem *mem,
    struct sp_journal *out, const char **why)
{
	struct sp_journal_shape s = { .mem = mem };
	enum sp_journal_found got;
	bool report, exchange;

	out->doubts = 0;
	scan_header(msg, &s, &report);
	exchange = s.marker || s.google;
	if (!exchange &&
	    (!trusted || (!report && !sp_view_istarts(sp_view_trim(s.subject),
					 "Intercept"))))
		return (SP_JOURNAL_NONE);
	*out = (struct sp_journal){ .ndrs = ndrs };
	sp_journal_walk(msg, false, &s);
	if (exchange)
		got = read_exchange(&s, out, why);
	else
		got = read_other(&s, ndrs, report, out, why);
	/* Google marks plain copies too. */
	if (got != SP_JOURNAL_GOOD && !s.marker && s.google)
		return (SP_JOURNAL_NONE);
	if (got != SP_JOURNAL_GOOD)
		return (doubt(msg, trusted && s.marker, ndrs, mem, out, got));
	out->truncated |= (s.tree & SP_TREE_UNCLOSED) != 0;
	if (out->wrapper_id == NULL && s.id.n > 2 && s.id.p[0] == '<')
		out->wrapper_id =
		    sp_mem_dup(mem, sp_view_mem(s.id.p + 1, s.id.n - 2));
	return (got);
}

enum sp_journal_found
sp_journal_read(struct sp_view msg, bool trusted, struct sp_mem *mem,
    struct sp_journal *out, const char **why)
{
	enum sp_journal_found got;

	*why = NULL;
	got = read_one(msg, trusted, 0, mem, out, why);
	if (got != SP_JOURNAL_GOOD && out->doubts == 0)
		return (got);
	if (out->inner_path != NULL) {
		sp_sha256_once(out->inner.p, out->inner.n, out->inner_sha256);
		presume_roles(out);
	}
	return (got);
}
