#include "index/mail/journal.h"

#include <string.h>

#include "base/sha256.h"
#include "index/mail/charset.h"
#include "index/mail/header.h"
#include "index/mail/journal_priv.h"
#include "index/mail/limits.h"
#include "index/mail/words.h"

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

struct copy {
	char *p;
	size_t n, max;
};

static void
put(void *ctx, const char *p, size_t n)
{
	struct copy *c = ctx;

	/* None of the encodings makes more of what it is given. */
	if (n > c->max - c->n)
		n = c->max - c->n;
	memcpy(c->p + c->n, p, n);
	c->n += n;
}

bool
sp_journal_is_message(struct sp_view v)
{
	struct sp_fields fs;
	struct sp_field f;

	sp_fields_init(&fs, v, true);
	return (sp_fields_next(&fs, &f));
}

/* The part decoded; false where the encoding was damaged. */
static bool
decoded(struct sp_mem *mem, const struct sp_entity *e, struct sp_view *out)
{
	struct copy c = { .max = e->body.n + 4 };
	bool ok;

	c.p = sp_mem_get(mem, c.max);
	ok = sp_transfer_decode(e->enc, e->body, &(struct sp_sink){ put, &c });
	*out = sp_view_mem(c.p, c.n);
	return (ok);
}

/*
 * An encoded message is against RFC 2046, and some that say so are not:
 * decoded, if a header comes out; else as it is, if that has a header.
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

const char *
sp_journal_field(struct sp_mem *mem, struct sp_view msg, const char *name)
{
	struct sp_buf raw, text;
	struct sp_fields fs;
	struct sp_field f;
	char *s, *q;

	sp_fields_init(&fs, msg, true);
	while (sp_fields_next(&fs, &f))
		if (sp_view_ieq_str(f.name, name))
			break;
	if (fs.done)
		return (NULL);
	sp_buf_init(&raw, SP_MAIL_MAX_VALUE);
	sp_buf_init(&text, SP_MAIL_MAX_VALUE);
	sp_field_unfold(f.value, &raw);
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

static void
on_leaf(void *ctx, const struct sp_entity *e, const char *path)
{
	struct sp_journal_shape *s = ctx;

	if (s->n < SP_JOURNAL_PARTS) {
		s->part[s->n] = *e;
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

/* Only the header; what most messages cost. */
static void
look(struct sp_view msg, struct sp_journal_shape *s, bool *report)
{
	struct sp_fields fs;
	struct sp_field f;

	*report = false;
	sp_fields_init(&fs, msg, true);
	while (sp_fields_next(&fs, &f)) {
		on_field(s, 0, &f);
		if ((f.name.p[0] | 0x20) == 'c' &&
		    sp_view_ieq_str(f.name, "Content-Type") &&
		    sp_view_istarts(sp_view_trim(f.value), "multipart/report"))
			*report = true;
	}
}

static void
walk(struct sp_view msg, struct sp_journal_shape *s)
{
	struct sp_visitor v = { on_field, on_leaf, on_loose, s };

	s->tree = sp_tree_walk_flat(msg, s->mem, &v);
}

static bool
is_message(const struct sp_entity *e)
{
	return (strcmp(e->type, "message/rfc822") == 0 ||
		strcmp(e->type, "message/global") == 0);
}

/* ---- the original ------------------------------------------------------ */

/* Encrypted by rights management, or otherwise. */
static bool
is_sealed(struct sp_mem *mem, struct sp_view msg)
{
	struct sp_journal_shape s = { .mem = mem };

	walk(msg, &s);
	for (size_t i = 0; i < s.n && i < SP_JOURNAL_PARTS; i++)
		if (strcmp(s.part[i].type,
			"application/x-microsoft-rpmsg-message") == 0 ||
		    strcmp(s.part[i].name, "message.rpmsg") == 0 ||
		    s.part[i].encrypted ||
		    strcmp(s.part[i].parent, "multipart/encrypted") == 0)
			return (true);
	return (false);
}

/* The original, or the decrypted one of two. */
static const char *
choose_inner(const struct sp_journal_shape *s, struct sp_journal *out)
{
	struct sp_view a, b;
	const char *ida, *idb;
	size_t clear = 1;

	if (!is_message(&s->part[1]) ||
	    !sp_journal_bytes(s->mem, &s->part[1], &a))
		return ("its second part is not a message");
	out->inner = a;
	if (s->n == 3) {
		if (!is_message(&s->part[2]) ||
		    !sp_journal_bytes(s->mem, &s->part[2], &b))
			return ("its third part is not a message");
		ida = sp_journal_field(s->mem, a, "Message-ID");
		idb = sp_journal_field(s->mem, b, "Message-ID");
		if (strcmp(ida == NULL ? "" : ida, idb == NULL ? "" : idb) != 0)
			return (
			    "it has two originals that are not the same message");
		out->rms = true;
		if (is_sealed(s->mem, a) && !is_sealed(s->mem, b)) {
			out->inner = b;
			clear = 2;
		}
		out->sealed_path = s->path[3 - clear];
	}
	out->inner_path = s->path[clear];
	return (NULL);
}

/* What the original's own header says of a recipient whose role the report
 * leaves open. */
static bool
names(struct sp_view list, const char *addr)
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
lower(struct sp_buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->p[i] >= 'A' && b->p[i] <= 'Z')
			b->p[i] = (char)(b->p[i] | 0x20);
}

static void
presume(struct sp_journal *j)
{
	struct sp_buf list[2];
	struct sp_fields fs;
	struct sp_field f;
	size_t work = 0;

	for (int i = 0; i < 2; i++)
		sp_buf_init(&list[i], SP_MAIL_MAX_HEADER);
	sp_fields_init(&fs, j->inner, true);
	while (sp_fields_next(&fs, &f)) {
		int at = sp_view_ieq_str(f.name, "To")	 ? 0
			 : sp_view_ieq_str(f.name, "Cc") ? 1
							 : -1;

		if (at >= 0) {
			sp_field_unfold(f.value, &list[at]);
			(void)!sp_buf_addc(&list[at], ',');
		}
	}
	lower(&list[0]);
	lower(&list[1]);
	for (size_t i = 0; i < j->nrcpts; i++) {
		struct sp_journal_rcpt *r = &j->rcpts[i];
		bool found = false;

		if (r->role != SP_JOURNAL_RCPT)
			continue;
		/* Lists of thousands against thousands are left open. */
		work += list[0].n + list[1].n;
		if (work > ((size_t)64 << 20))
			break;
		for (int k = 0; k < 2 && !found; k++) {
			struct sp_view v = sp_buf_view(&list[k]);

			found = names(v, r->addr) ||
				(r->nvia > 0 && names(v, r->via[0].addr));
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

static enum sp_journal_found
exchange(
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

/* "2" of a message that is part "3": "3.2". */
static const char *
below(struct sp_mem *mem, const char *outer, const char *path)
{
	size_t n = strlen(outer), m = path == NULL ? 0 : strlen(path);
	char *s;

	if (path == NULL)
		return (NULL);
	s = sp_mem_get(mem, n + m + 2);
	memcpy(s, outer, n);
	s[n] = '.';
	memcpy(s + n + 1, path, m);
	return (s);
}

static enum sp_journal_found read_one(struct sp_view msg, bool trusted,
    unsigned ndrs, struct sp_mem *mem, struct sp_journal *out,
    const char **why);

/* A report that could not be delivered comes back in one of these. */
static enum sp_journal_found
returned(const struct sp_journal_shape *s, unsigned ndrs,
    struct sp_journal *out, const char **why)
{
	enum sp_journal_found got = SP_JOURNAL_NONE;
	struct sp_view v;

	for (size_t i = 0; i < s->n && i < SP_JOURNAL_PARTS; i++) {
		if (!is_message(&s->part[i]) ||
		    !sp_journal_bytes(s->mem, &s->part[i], &v))
			continue;
		got = read_one(v, true, ndrs + 1, s->mem, out, why);
		if (got != SP_JOURNAL_GOOD)
			return (got);
		out->inner_path = below(s->mem, s->path[i], out->inner_path);
		out->sealed_path = below(s->mem, s->path[i], out->sealed_path);
		return (got);
	}
	return (SP_JOURNAL_NONE);
}

static enum sp_journal_found
other(const struct sp_journal_shape *s, unsigned ndrs, bool report,
    struct sp_journal *out, const char **why)
{
	enum sp_journal_found got;

	if (!report)
		return (sp_journal_zimbra(s, out, why));
	got = ndrs < SP_JOURNAL_NDRS_MAX ? returned(s, ndrs, out, why)
					 : SP_JOURNAL_NONE;
	if (got == SP_JOURNAL_NONE)
		got = sp_journal_dsn(s, out, why);
	return (got);
}

static enum sp_journal_found
read_one(struct sp_view msg, bool trusted, unsigned ndrs, struct sp_mem *mem,
    struct sp_journal *out, const char **why)
{
	struct sp_journal_shape s = { .mem = mem };
	enum sp_journal_found got;
	bool report, mine;

	look(msg, &s, &report);
	mine = s.marker || s.google;
	if (!mine &&
	    (!trusted || (!report && !sp_view_istarts(sp_view_trim(s.subject),
					 "Intercept"))))
		return (SP_JOURNAL_NONE);
	*out = (struct sp_journal){ .ndrs = ndrs };
	walk(msg, &s);
	if (mine)
		got = exchange(&s, out, why);
	else
		got = other(&s, ndrs, report, out, why);
	/* Google marks plain copies too. */
	if (got != SP_JOURNAL_GOOD && !s.marker && s.google)
		return (SP_JOURNAL_NONE);
	if (got != SP_JOURNAL_GOOD)
		return (got);
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
	if (got != SP_JOURNAL_GOOD)
		return (got);
	sp_sha256_once(out->inner.p, out->inner.n, out->inner_sha256);
	presume(out);
	return (got);
}
