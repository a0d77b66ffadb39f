/*
 * Weighs whether a line begins a message of an mbox: see
 * journal/import/mbox_mark.h.  The steps: what kind of line it is, what header
 * stands behind it, and a table of both.
 */
#include "journal/import/mbox_mark.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "journal/import/import_priv.h"

#define HEADER_LINES 60 /* lines looked at behind the line */

/* ---- the line itself ----------------------------------------------------- */

enum kind {
	KIND_DATED, /* has a date */
	KIND_BARE, /* "From " or "From -": Thunderbird */
	KIND_WORD, /* one word, the sender, or several with a number: "5.1.26" */
	KIND_SENTENCE /* several words */
};

static bool
has_digit(struct sp_view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] >= '0' && v.p[i] <= '9')
			return (true);
	}
	return (false);
}

/* What kind ${line}, which begins with "From ", is of. */
static enum kind
kind_of(struct sp_view line)
{
	struct sp_view rest = sp_view_trim(sp_view_mem(line.p + 5, line.n - 5));
	struct sp_view first;

	if (sp_import_is_from_line(line))
		return (KIND_DATED);
	if (rest.n == 0 || sp_view_eq_str(rest, "-"))
		return (KIND_BARE);
	first = sp_view_cut(&rest, ' ');
	if (rest.p == NULL)
		return (KIND_WORD);
	/* ann@corp.example 05.01.26 10:00: a date of some kind */
	if (memchr(first.p, '@', first.n) != NULL && has_digit(rest))
		return (KIND_WORD);
	return (KIND_SENTENCE);
}

struct sp_mbox_style
sp_mbox_mark_style(const struct sp_mbox_line *line)
{
	struct sp_view v = line->text;
	enum kind kind = v.n < 5 ? KIND_BARE : kind_of(v);

	return ((struct sp_mbox_style){ .dated = kind == KIND_DATED,
	    .sentence = kind == KIND_SENTENCE,
	    .bare_cr = line->bare_cr });
}

/* ---- the header behind it ------------------------------------------------ */

/* What stands behind a From line. */
struct header {
	bool field; /* it begins with a header field */
	unsigned known; /* fields with a name that mail has */
	unsigned machine; /* of these, fields that only programs write */
	bool whole; /* fields and nothing else, up to an empty line */
};

/* The length of the field name that ${line} begins with; 0: it is no header
 * field. */
static size_t
name_length(struct sp_view line)
{
	size_t n = 0;

	while (n < line.n && line.p[n] >= '!' && line.p[n] <= '~' &&
	       line.p[n] != ':')
		n++;
	return (n < line.n && line.p[n] == ':' ? n : 0);
}

static bool
is_one_of(struct sp_view v, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (sp_view_ieq_str(v, names[i]))
			return (true);
	}
	return (false);
}

/* Count the field of the name ${v} in ${h}. */
static void
count_name(struct sp_view v, struct header *h)
{
	static const char *const by_people[] = { "From", "Date", "Subject",
		"To", "Cc", "Bcc", "Sender", "Reply-To", "Status", "Lines",
		"Organization", "Path", "Priority", "Importance" };
	static const char *const by_programs[] = { "Received", "Return-Path",
		"Delivered-To", "Envelope-To", "Message-ID", "In-Reply-To",
		"References", "MIME-Version", "Content-Type", "Content-Length",
		"Content-Transfer-Encoding", "Content-Disposition", "Errors-To",
		"Precedence", "User-Agent", "Newsgroups", "Mailing-List",
		"DKIM-Signature", "Received-SPF", "Authentication-Results",
		"Thread-Topic", "Thread-Index", "Apparently-To",
		"Delivery-Date", "Auto-Submitted", "DomainKey-Signature" };
	bool program =
	    is_one_of(v, by_programs, SP_COUNTOF(by_programs)) ||
	    sp_view_istarts(v, "X-") || sp_view_istarts(v, "Resent-") ||
	    sp_view_istarts(v, "List-") || sp_view_istarts(v, "ARC-");

	h->machine += program;
	h->known += program || is_one_of(v, by_people, SP_COUNTOF(by_people));
}

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

/* Read the header at ${pos}, as far as HEADER_LINES lines; where it is longer,
 * the rest is taken for granted.  ">From " lines may stand before it. */
static enum sp_code
read_header(struct sp_mbox_file *m, uint64_t pos, struct header *out,
    struct sp_err *err)
{
	struct sp_mbox_line line;
	enum sp_code rc = SP_OK;

	*out = (struct header){ .whole = true };
	for (int i = 0; i < HEADER_LINES && pos < m->size; i++) {
		size_t n;

		rc = sp_mbox_file_line(m, pos, &line, err);
		if (rc != SP_OK)
			return (rc);
		pos = line.next;
		if (!out->field && sp_view_starts(line.text, ">From "))
			continue;
		if (line.text.n == 0 && out->field)
			break;
		n = name_length(line.text);
		if (n == 0 && out->field && is_blank(line.text.p[0]))
			continue; /* a field goes on */
		if (n == 0) {
			out->whole = false;
			break;
		}
		out->field = true;
		count_name(sp_view_mem(line.text.p, n), out);
	}
	out->whole = out->whole && out->field;
	return (rc);
}

/* ---- both ---------------------------------------------------------------- */

/* The table for a line behind an empty one. */
static enum sp_mbox_mark
weigh_after_blank(
    enum kind kind, const struct header *h, const struct sp_mbox_style *style)
{
	bool mark = false;

	switch (kind) {
	case KIND_DATED:
		if (h->known > 0)
			return (SP_MBOX_MARK_SURE);
		return (h->whole ? SP_MBOX_MARK_STRONG : SP_MBOX_MARK_UNLIKELY);
	case KIND_BARE:
		if (h->known > 0)
			return (SP_MBOX_MARK_SURE);
		return (h->whole ? SP_MBOX_MARK_WEAK : SP_MBOX_MARK_UNLIKELY);
	case KIND_WORD:
		if (!style->dated && h->known > 0 && h->whole)
			return (SP_MBOX_MARK_SURE);
		mark = style->dated ? h->known >= 2 && h->whole
				    : h->known > 0 || h->whole;
		break;
	case KIND_SENTENCE:
		mark = h->whole &&
		       (style->sentence ? h->known > 0 : h->machine > 0);
		break;
	}
	return (mark ? SP_MBOX_MARK_WEAK : SP_MBOX_MARK_UNLIKELY);
}

/* The table for a line behind text. */
static enum sp_mbox_mark
weigh_after_text(
    enum kind kind, const struct header *h, const struct sp_mbox_style *style)
{
	bool mark = false;

	switch (kind) {
	case KIND_DATED:
		mark = h->known >= 2 || (h->known == 1 && h->whole);
		break;
	case KIND_BARE:
		mark = h->known >= 2 && h->whole;
		break;
	case KIND_WORD:
		mark = h->known >= 2 && h->whole && !style->dated;
		break;
	case KIND_SENTENCE:
		mark = h->known >= 2 && h->whole && style->sentence;
		break;
	}
	return (mark ? SP_MBOX_MARK_WEAK : SP_MBOX_MARK_UNLIKELY);
}

/* The two tables, and what does not come so far. */
enum sp_code
sp_mbox_mark_weigh(struct sp_mbox_file *m, const struct sp_mbox_style *style,
    uint64_t pos, bool blank, bool after_cr, enum sp_mbox_mark *out,
    struct sp_err *err)
{
	struct sp_mbox_line line;
	struct header h;
	enum kind kind;
	enum sp_code rc = sp_mbox_file_line(m, pos, &line, err);

	if (rc != SP_OK)
		return (rc);
	kind = kind_of(line.text);
	if (line.end - pos >= SP_MBOX_LINE_MAX) {
		*out = SP_MBOX_MARK_NONE; /* no program writes that */
		return (SP_OK);
	}
	rc = read_header(m, line.next, &h, err);
	if (rc != SP_OK)
		return (rc);
	if (!h.field)
		*out = blank && kind == KIND_DATED ? SP_MBOX_MARK_UNLIKELY
						   : SP_MBOX_MARK_NONE;
	else if (blank)
		*out = weigh_after_blank(kind, &h, style);
	else
		*out = weigh_after_text(kind, &h, style);
	/* Another kind of line end than the file has: text from elsewhere, or
	 * a file put together from two. */
	if (after_cr && !style->bare_cr && *out > SP_MBOX_MARK_UNLIKELY)
		*out = *out == SP_MBOX_MARK_SURE ? SP_MBOX_MARK_WEAK
						 : SP_MBOX_MARK_UNLIKELY;
	return (SP_OK);
}

enum sp_code
sp_mbox_mark_fits(
    struct sp_mbox_file *m, uint64_t pos, bool *fits, struct sp_err *err)
{
	struct sp_mbox_line line, behind;
	struct header h;
	bool dated;
	enum sp_code rc = sp_mbox_file_line(m, pos, &line, err);

	*fits = false;
	if (rc != SP_OK || !sp_view_starts(line.text, "From ") ||
	    line.next == m->size)
		return (rc);
	dated = kind_of(line.text) == KIND_DATED;
	rc = sp_mbox_file_line(m, line.next, &behind, err);
	if (rc == SP_OK)
		rc = read_header(m, line.next, &h, err);
	if (rc == SP_OK)
		*fits = h.field || (dated && behind.end > line.next);
	return (rc);
}
