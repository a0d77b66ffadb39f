/*
 * Journal reports that a gateway changed on the way: a disclaimer behind the
 * text, a part more, the text once more as HTML, the original under another
 * type (doc/journal-reports.md, "A report that was changed").  Called by
 * journal.c for what says in its own header that it is a report, comes from a
 * trusted source and is not well formed.
 *
 * What is read here is doubtful, since a forger adds lines and parts too: it is
 * kept apart from what a well-formed report says, with the names of the doubts.
 *
 *   sp_journal_doubted: every multipart walked, messages inside as they are
 *      list_originals   parts that are messages, whatever they call themselves
 *      read_texts       the part that has the lines, plain text before HTML
 *      choose_original  the one that the lines name by its Message-ID
 *      note_shape       what a report has not
 *      read_inside      none has the lines: a message inside that is a report
 */
#include <string.h>

#include "index/mail/header.h"
#include "index/mail/journal_priv.h"
#include "index/mail/text.h"

#define ORIGINALS SP_JOURNAL_ORIGINALS

static const struct {
	const char *name, *words;
} doubt_names[] = {
	{ "alternative", "its text is there in several forms" },
	{ "extra_original", "another message is attached" },
	{ "extra_part", "it has a part that no report has" },
	{ "extra_text", "its text has lines that no report has" },
	{ "html_text", "its text is there as HTML only" },
	{ "no_original", "the original is missing" },
	{ "original_type", "the original is not attached as message/rfc822" },
	{ "other_original",
	    "the message attached has another Message-ID than it says" },
	{ "part_order", "its parts are in another order" },
	{ "structure",
	    "it is no multipart/mixed that can be read in one way only" },
	{ "wrapped", "it lies within something else" },
};

/* A report while its parts are looked at. */
struct changed_report {
	struct sp_journal_shape s;
	struct sp_journal *out;
	size_t parts; /* of s.part that are filled */
	size_t text; /* the part with the lines */
	/* parts that are messages, with their bytes */
	size_t original[ORIGINALS];
	struct sp_view bytes[ORIGINALS];
	size_t originals;
	size_t chosen; /* of these; originals: none */
};

/* The row of doubt_names for one bit. */
static size_t
row_of(unsigned bit)
{
	size_t i = 0;

	while (i + 1 < SP_COUNTOF(doubt_names) && (1u << i) != bit)
		i++;
	return (i);
}

const char *
sp_journal_doubt_name(unsigned bit)
{
	return (doubt_names[row_of(bit)].name);
}

const char *
sp_journal_doubt_words(unsigned bit)
{
	return (doubt_names[row_of(bit)].words);
}

/* ---- paths ------------------------------------------------------------- */

const char *
sp_journal_path_below(struct sp_mem *mem, const char *outer, const char *path)
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

/* ---- the original ------------------------------------------------------ */

/*
 * Whether bytes of another type are a message: they begin with a header that
 * names an author, and what only a message has.  A report's own lines have no
 * From.
 */
static bool
has_header_of_message(struct sp_view v)
{
	struct sp_header fs;
	struct sp_field f;
	bool from = false, more = false;

	sp_header_init(&fs, v, true);
	while (sp_header_next(&fs, &f)) {
		from = from || sp_view_ieq_str(f.name, "From");
		more = more || sp_view_ieq_str(f.name, "Date") ||
		       sp_view_ieq_str(f.name, "Message-ID") ||
		       sp_view_ieq_str(f.name, "Received");
	}
	return (from && more && !fs.junk);
}

/* Note the parts that are messages. */
static void
list_originals(struct changed_report *r)
{
	for (size_t i = 0; i < r->parts && r->originals < ORIGINALS; i++) {
		const struct sp_entity *e = &r->s.part[i];
		struct sp_view v;

		/* A note may quote a header: "From: ... Date: ...". */
		if ((strcmp(e->type, "text/plain") == 0 ||
			strcmp(e->type, "text/html") == 0) &&
		    e->name[0] == '\0')
			continue;
		if (!sp_journal_bytes(r->s.mem, e, &v))
			continue;
		if (!sp_journal_is_rfc822(e) && !has_header_of_message(v))
			continue;
		r->original[r->originals] = i;
		r->bytes[r->originals++] = v;
	}
}

/* Whether original ${i} has the Message-ID that the report names. */
static bool
is_named(const struct changed_report *r, size_t i)
{
	const char *want = r->out->message_id, *id;
	size_t n;

	if (want == NULL)
		return (true);
	id = sp_journal_field(r->s.mem, r->bytes[i], "Message-ID");
	n = id == NULL ? 0 : strlen(id);
	if (n >= 2 && id[0] == '<' && id[n - 1] == '>')
		return (
		    strlen(want) == n - 2 && memcmp(id + 1, want, n - 2) == 0);
	return (id != NULL && strcmp(id, want) == 0);
}

/*
 * Choose the original that the lines name, of two of them the one that is not
 * encrypted; else the first message there is.
 */
static void
choose_original(struct changed_report *r)
{
	struct sp_journal *out = r->out;
	size_t named = 0, sealed = r->originals;

	r->chosen = r->originals;
	for (size_t i = 0; i < r->originals; i++) {
		if (!sp_journal_is_rfc822(&r->s.part[r->original[i]]))
			out->hidden[out->nhidden++] = r->bytes[i];
		if (!is_named(r, i))
			continue;
		named++;
		if (sp_journal_is_sealed(r->s.mem, r->bytes[i]))
			sealed = i;
		else if (r->chosen == r->originals)
			r->chosen = i;
	}
	if (r->chosen == r->originals && sealed < r->originals)
		r->chosen = sealed;
	else if (sealed < r->originals)
		out->sealed_path = r->s.path[r->original[sealed]];
	out->rms = out->sealed_path != NULL;
	if (r->originals == 0) {
		out->doubts |= SP_JOURNAL_DOUBT_NO_ORIGINAL;
		out->inner = sp_view_str(NULL);
		return;
	}
	if (r->chosen == r->originals) {
		out->doubts |= SP_JOURNAL_DOUBT_OTHER_ORIGINAL;
		r->chosen = 0;
	}
	if (r->originals > 1 && (r->originals > 2 || named != 2 || !out->rms))
		out->doubts |= SP_JOURNAL_DOUBT_EXTRA_ORIGINAL;
	out->inner = r->bytes[r->chosen];
	out->inner_path = r->s.path[r->original[r->chosen]];
	if (!sp_journal_is_rfc822(&r->s.part[r->original[r->chosen]]))
		out->doubts |= SP_JOURNAL_DOUBT_ORIGINAL_TYPE;
}

/* ---- the text ----------------------------------------------------------- */

/* Whether part ${i} is one of the messages. */
static bool
is_original(const struct changed_report *r, size_t i)
{
	for (size_t k = 0; k < r->originals; k++)
		if (r->original[k] == i)
			return (true);
	return (false);
}

/*
 * Copy HTML to ${to} so that the ends of lines within <pre> are <br>, as a
 * reader sees them; NULL only counts.  How long it is.
 */
static size_t
copy_with_breaks(struct sp_view v, char *to)
{
	static const char br[] = "<br>";
	bool pre = false;
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		struct sp_view rest = sp_view_mem(v.p + i, v.n - i);
		bool end;

		if (v.p[i] == '<' && sp_view_istarts(rest, "<pre"))
			pre = true;
		else if (v.p[i] == '<' && sp_view_istarts(rest, "</pre"))
			pre = false;
		end = pre && v.p[i] == '\n';
		if (to != NULL)
			memcpy(to + n, end ? br : v.p + i,
			    end ? sizeof(br) - 1 : 1);
		n += end ? sizeof(br) - 1 : 1;
	}
	return (n);
}

/* HTML with its lines within <pre>, if that is not too long. */
static struct sp_view
with_breaks(struct sp_mem *mem, struct sp_view v)
{
	size_t n = copy_with_breaks(v, NULL);
	char *s;

	if (n == v.n || n > SP_JOURNAL_TEXT_MAX)
		return (v);
	s = sp_mem_get(mem, n);
	(void)copy_with_breaks(v, s);
	return (sp_view_mem(s, n));
}

/* The text of a part; HTML as what a reader sees. */
static struct sp_view
text_of(const struct changed_report *r, const struct sp_entity *e, bool html)
{
	struct sp_mem *mem = r->s.mem;
	struct sp_view v = e->body;
	struct sp_buf b;
	size_t n;
	char *s;

	if (!html)
		return (sp_journal_utf8(mem, e));
	if (e->enc != SP_TRANSFER_PLAIN && e->enc != SP_TRANSFER_UU)
		(void)!sp_journal_bytes(mem, e, &v);
	v = with_breaks(mem, v);
	sp_buf_init(&b, SP_JOURNAL_TEXT_MAX);
	(void)sp_text_part(v, e->type, sp_view_str(e->charset), &b);
	n = b.n;
	s = sp_mem_dup(mem, sp_buf_view(&b));
	sp_buf_done(&b);
	return (sp_view_mem(s, n));
}

/* Read part ${i}, strictly first: where only parts were changed, its lines are
 * not doubted. */
static bool
read_text(struct changed_report *r, size_t i, bool html)
{
	struct sp_journal *out = r->out;
	const struct sp_journal empty = { .ndrs = out->ndrs,
		.inner = r->originals > 0 ? r->bytes[0] : sp_view_str(NULL) };
	struct sp_view text = text_of(r, &r->s.part[i], html);
	const char *why;

	*out = empty;
	if (sp_journal_text(r->s.mem, text, out, &why))
		return (true);
	*out = empty;
	return (sp_journal_text_lenient(r->s.mem, text, out));
}

/* Find the part with the lines: plain text, else HTML. */
static bool
read_texts(struct changed_report *r)
{
	for (int html = 0; html < 2; html++) {
		for (size_t i = 0; i < r->parts; i++) {
			const char *type = r->s.part[i].type;

			if (strcmp(type,
				html == 0 ? "text/plain" : "text/html") != 0 ||
			    is_original(r, i) || !read_text(r, i, html == 1))
				continue;
			r->text = i;
			if (html == 1)
				r->out->doubts |= SP_JOURNAL_DOUBT_HTML_TEXT;
			return (true);
		}
	}
	return (false);
}

/* ---- what was changed --------------------------------------------------- */

/* Note in the doubts what this message has beside text and original. */
static void
note_shape(struct changed_report *r)
{
	const struct sp_entity *text = &r->s.part[r->text];
	bool twin = strcmp(text->parent, "multipart/alternative") == 0;
	struct sp_journal *out = r->out;

	if (twin)
		out->doubts |= SP_JOURNAL_DOUBT_ALTERNATIVE;
	for (size_t i = 0; i < r->parts; i++) {
		const struct sp_entity *e = &r->s.part[i];

		if (i == r->text || is_original(r, i) ||
		    (twin && strcmp(e->parent, text->parent) == 0))
			continue;
		out->doubts |= SP_JOURNAL_DOUBT_EXTRA_PART;
	}
	if (r->s.n > SP_JOURNAL_PARTS)
		out->doubts |= SP_JOURNAL_DOUBT_EXTRA_PART;
	if (out->inner_path != NULL) {
		if (r->original[r->chosen] < r->text)
			out->doubts |= SP_JOURNAL_DOUBT_PART_ORDER;
		if (strchr(out->inner_path, '.') != NULL)
			out->doubts |= SP_JOURNAL_DOUBT_WRAPPED;
	}
	if (!twin && strchr(r->s.path[r->text], '.') != NULL)
		out->doubts |= SP_JOURNAL_DOUBT_WRAPPED;
	if ((r->s.tree & (SP_TREE_NO_BOUNDARY | SP_TREE_AMBIGUOUS |
			     SP_TREE_PARTS | SP_TREE_DEPTH)) != 0 ||
	    (!twin && strcmp(text->parent, "multipart/mixed") != 0))
		out->doubts |= SP_JOURNAL_DOUBT_STRUCTURE;
	/* journal.c found something wrong with it. */
	if (out->doubts == 0)
		out->doubts = SP_JOURNAL_DOUBT_STRUCTURE;
}

/*
 * Read a message inside that says itself that it is a report: a gateway or a
 * list took the whole report as an attachment and kept the mark.
 */
static bool
read_inside(struct changed_report *r,
    enum sp_journal_found (*read)(struct sp_view msg, struct sp_mem *mem,
	struct sp_journal *out, void *ctx),
    void *ctx)
{
	struct sp_journal *out = r->out;

	for (size_t i = 0; i < r->originals; i++) {
		const char *path = r->s.path[r->original[i]];
		enum sp_journal_found got;
		unsigned ndrs = out->ndrs;

		if (!sp_journal_has_marker(r->bytes[i]))
			continue;
		got = read(r->bytes[i], r->s.mem, out, ctx);
		out->ndrs = ndrs;
		if (got != SP_JOURNAL_GOOD && out->doubts == 0)
			continue;
		out->doubts |= SP_JOURNAL_DOUBT_WRAPPED;
		if (!sp_journal_is_rfc822(&r->s.part[r->original[i]])) {
			out->doubts |= SP_JOURNAL_DOUBT_ORIGINAL_TYPE;
			out->hidden[0] = r->bytes[i];
			out->nhidden = 1;
		}
		out->inner_path =
		    sp_journal_path_below(r->s.mem, path, out->inner_path);
		out->sealed_path =
		    sp_journal_path_below(r->s.mem, path, out->sealed_path);
		return (true);
	}
	return (false);
}

bool
sp_journal_doubted(struct sp_view msg, struct sp_mem *mem,
    enum sp_journal_found (*read)(struct sp_view msg, struct sp_mem *mem,
	struct sp_journal *out, void *ctx),
    void *ctx, struct sp_journal *out)
{
	struct changed_report r = { .s = { .mem = mem }, .out = out };
	struct sp_view id;

	sp_journal_walk(msg, true, &r.s);
	r.parts = r.s.n < SP_JOURNAL_PARTS ? r.s.n : SP_JOURNAL_PARTS;
	list_originals(&r);
	if (!read_texts(&r))
		return (read_inside(&r, read, ctx));
	choose_original(&r);
	note_shape(&r);
	out->truncated = (r.s.tree & SP_TREE_UNCLOSED) != 0;
	id = r.s.id;
	if (id.n > 2 && id.p[0] == '<')
		out->wrapper_id =
		    sp_mem_dup(mem, sp_view_mem(id.p + 1, id.n - 2));
	return (true);
}
