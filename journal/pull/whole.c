/*
 * Whether a message that came is the one that the server announced (whole.h).
 * The scan reads the message line by line: it keeps the beginning of each line
 * (LINE_KEPT bytes), from the header the boundary of a multipart and the
 * Subject, and from the body the first line of text and whether the closing
 * delimiter was seen.  It is no MIME parser: only the outermost multipart
 * counts, which is what a cut takes the end of.
 */
#include "journal/pull/whole.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"

#define LINE_KEPT    1000 /* bytes of a line that are looked at */
#define FIELD_KEPT   4096 /* bytes of an unfolded field */
#define BOUNDARY_MAX 250 /* RFC 2046 allows 70 */

struct sp_whole_scan {
	struct sp_sha256 *sha;
	struct sp_whole_facts f;

	/* The line that comes. */
	char line[LINE_KEPT];
	size_t n; /* bytes kept of it */
	bool after_cr; /* the last byte was CR */

	/* The header. */
	bool in_body; /* the empty line was seen */
	bool any_field; /* a line of the header was seen */
	char field[FIELD_KEPT]; /* the field that comes, unfolded */
	size_t field_n;
	char boundary[BOUNDARY_MAX];
	size_t boundary_n; /* 0: none */

	/* The first line of text: behind the header, or behind the header of
	 * the first part. */
	enum {
		TEXT_NEXT, /* the next line that is not empty */
		TEXT_PART_HEADER, /* behind the empty line that comes */
		TEXT_SEEN
	} text;
};

struct sp_whole_scan *
sp_whole_scan_new(void)
{
	struct sp_whole_scan *s = sp_xcalloc(1, sizeof(*s));

	s->sha = sp_sha256_new();
	return (s);
}

void
sp_whole_scan_free(struct sp_whole_scan *s)
{
	if (s == NULL)
		return;
	sp_sha256_free(s->sha);
	free(s);
}

void
sp_whole_scan_reset(struct sp_whole_scan *s)
{
	struct sp_sha256 *sha = s->sha;

	sp_sha256_reset(sha);
	memset(s, 0, sizeof(*s));
	s->sha = sha;
}

/* ---- texts that stand for a message ------------------------------------- */

/*
 * What Exchange sends instead of a message that it cannot convert, as Subject
 * and as first line of the text.  ${text} must begin with it: a mail that
 * quotes or forwards such a text is mail.
 */
static bool
is_substitute(struct sp_view text)
{
	static const char *const starts[] = {
		"The server couldn't retrieve the following message",
		"The server could not retrieve the following message",
		"The server can't retrieve the following message",
		"The server was unable to retrieve the following message",
	};
	struct sp_view rest;

	text = sp_view_trim(text);
	for (size_t i = 0; i < SP_COUNTOF(starts); i++) {
		if (sp_view_istarts(text, starts[i]))
			return (true);
	}
	if (!sp_view_istarts(text, "Retrieval using the "))
		return (false);
	/* ... POP3, IMAP4, "IMAP4rev1" ... protocol failed */
	rest = sp_view_mem(text.p + 20, text.n - 20);
	(void)sp_view_cut(&rest, ' ');
	return (sp_view_istarts(rest, "protocol failed"));
}

/* ---- the header --------------------------------------------------------- */

/* The value of the parameter boundary in ${value}, the body of a Content-Type
 * field; empty: none. */
static struct sp_view
boundary_of(struct sp_view value)
{
	static const char name[] = "boundary";

	while (value.n > 0) {
		struct sp_view one = sp_view_trim(sp_view_cut(&value, ';'));

		if (!sp_view_istarts(one, name))
			continue;
		one = sp_view_trim(sp_view_mem(
		    one.p + sizeof(name) - 1, one.n - (sizeof(name) - 1)));
		if (one.n == 0 || one.p[0] != '=')
			continue;
		one = sp_view_trim(sp_view_mem(one.p + 1, one.n - 1));
		if (one.n > 0 && one.p[0] == '"') {
			/* A quoted one may hold a semicolon. */
			one = sp_view_mem(one.p + 1,
			    (size_t)(value.p == NULL ? one.p + one.n
						     : value.p + value.n) -
				(size_t)(one.p + 1));
			one = sp_view_cut(&one, '"');
		} else {
			one = sp_view_cut(&one, ' ');
		}
		return (one);
	}
	return ((struct sp_view){ 0 });
}

/* A field of the header is complete: take from it what matters. */
static void
end_field(struct sp_whole_scan *s)
{
	struct sp_view value = sp_view_mem(s->field, s->field_n);
	struct sp_view name = sp_view_trim(sp_view_cut(&value, ':'));
	struct sp_view boundary;

	s->field_n = 0;
	if (value.p == NULL)
		return;
	if (sp_view_ieq_str(name, "Subject") && is_substitute(value))
		s->f.substitute = true;
	if (!sp_view_ieq_str(name, "Content-Type") || s->boundary_n > 0 ||
	    !sp_view_istarts(sp_view_trim(value), "multipart/"))
		return;
	boundary = boundary_of(value);
	if (boundary.n == 0 || boundary.n > sizeof(s->boundary))
		return;
	memcpy(s->boundary, boundary.p, boundary.n);
	s->boundary_n = boundary.n;
	s->f.multipart = true;
}

/* A line of the header, without its line end. */
static void
header_line(struct sp_whole_scan *s, struct sp_view line)
{
	bool folded = line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
	size_t room;

	if (!folded)
		end_field(s);
	if (line.n == 0) {
		/* Empty lines before the first field are passed over. */
		s->in_body = s->any_field;
		return;
	}
	s->any_field = true;
	room = sizeof(s->field) - s->field_n;
	if (line.n > room)
		line.n = room;
	memcpy(s->field + s->field_n, line.p, line.n);
	s->field_n += line.n;
}

/* ---- the body ----------------------------------------------------------- */

/* Whether ${line} is the delimiter of the outermost multipart; ${closing}: the
 * last one. */
static bool
is_delimiter(const struct sp_whole_scan *s, struct sp_view line, bool *closing)
{
	if (s->boundary_n == 0 || line.n < s->boundary_n + 2 ||
	    memcmp(line.p, "--", 2) != 0 ||
	    memcmp(line.p + 2, s->boundary, s->boundary_n) != 0)
		return (false);
	line =
	    sp_view_mem(line.p + 2 + s->boundary_n, line.n - 2 - s->boundary_n);
	*closing = sp_view_starts(line, "--");
	return (*closing || sp_view_trim(line).n == 0);
}

/* A line of the body, without its line end. */
static void
body_line(struct sp_whole_scan *s, struct sp_view line)
{
	bool closing = false;

	if (is_delimiter(s, line, &closing)) {
		s->f.closed |= closing;
		if (s->text == TEXT_NEXT)
			s->text = TEXT_PART_HEADER;
		return;
	}
	if (s->text == TEXT_PART_HEADER && line.n == 0) {
		s->text = TEXT_NEXT;
	} else if (s->text == TEXT_NEXT && sp_view_trim(line).n > 0) {
		s->f.substitute |= is_substitute(line);
		/* What stands before the first part is no text of it. */
		if (!s->f.multipart)
			s->text = TEXT_SEEN;
	}
}

/* A line is complete: s->line has its first bytes. */
static void
end_line(struct sp_whole_scan *s)
{
	struct sp_view line = sp_view_mem(s->line, s->n);

	while (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (s->in_body)
		body_line(s, line);
	else
		header_line(s, line);
	s->n = 0;
}

/* Keep of ${bytes}, all of one line, what there is room for. */
static void
keep(struct sp_whole_scan *s, const char *p, size_t n)
{
	size_t room = sizeof(s->line) - s->n;

	if (n > room)
		n = room;
	memcpy(s->line + s->n, p, n);
	s->n += n;
}

void
sp_whole_scan_add(struct sp_whole_scan *s, struct sp_view bytes)
{
	s->f.bytes += bytes.n;
	sp_sha256_add(s->sha, bytes.p, bytes.n);
	while (bytes.n > 0) {
		const char *lf = memchr(bytes.p, '\n', bytes.n);
		size_t n = lf == NULL ? bytes.n : (size_t)(lf - bytes.p);
		bool cr = n > 0 ? bytes.p[n - 1] == '\r' : s->after_cr;

		keep(s, bytes.p, n);
		s->after_cr = cr;
		if (lf == NULL)
			return;
		s->f.crlf += cr;
		s->f.bare_lf += !cr;
		s->after_cr = false;
		end_line(s);
		bytes = sp_view_mem(bytes.p + n + 1, bytes.n - n - 1);
	}
}

void
sp_whole_scan_end(struct sp_whole_scan *s, struct sp_whole_facts *out)
{
	/* The last line may lack its end, the last field its empty line. */
	if (s->n > 0)
		end_line(s);
	if (!s->in_body)
		end_field(s);
	out->bytes = s->f.bytes;
	out->crlf = s->f.crlf;
	out->bare_lf = s->f.bare_lf;
	out->multipart = s->f.multipart;
	out->closed = s->f.closed;
	out->substitute = s->f.substitute;
	sp_sha256_end(s->sha, out->sha256);
}

/* ---- the verdict -------------------------------------------------------- */

static bool
within(uint64_t a, uint64_t b, uint64_t few)
{
	return ((a > b ? a - b : b - a) <= few);
}

bool
sp_whole_agrees(const struct sp_whole_facts *now)
{
	if (now->announced == SP_WHOLE_SIZE_UNKNOWN)
		return (false);
	if (now->bytes == now->announced)
		return (true);
	if (now->bytes == 0)
		return (false);
	return (
	    within(now->bytes, now->announced, SP_WHOLE_FEW) ||
	    within(now->bytes - now->crlf, now->announced, SP_WHOLE_FEW) ||
	    (now->bare_lf > 0 && now->bytes + now->bare_lf == now->announced));
}

/* Whether the fetch before gave the same bytes. */
static bool
same_as_before(
    const struct sp_whole_facts *now, const struct sp_whole_past *past)
{
	return (past->any &&
		memcmp(now->sha256, past->sha256, sizeof(now->sha256)) == 0);
}

/* Too few bytes, or what may be too few: repetition in the same session says
 * nothing, since the server reads the same bad copy. */
static enum sp_whole_verdict
judge_short(const struct sp_whole_facts *now, const struct sp_whole_past *past)
{
	if (!now->out_of_step && same_as_before(now, past) &&
	    past->session != now->session &&
	    now->when >= past->since + SP_WHOLE_WAIT_US &&
	    (!now->multipart || now->closed))
		return (SP_WHOLE);
	return (past->second ? SP_WHOLE_SHORT : SP_WHOLE_AGAIN);
}

/* In the order of doc/pull.md, "A copy counts only when it is whole". */
enum sp_whole_verdict
sp_whole_judge(
    const struct sp_whole_facts *now, const struct sp_whole_past *past)
{
	const bool sized = now->announced != SP_WHOLE_SIZE_UNKNOWN;

	if (now->bytes == 0 && (!sized || now->announced > 0))
		return (past->second ? SP_WHOLE_EMPTY : SP_WHOLE_AGAIN);
	if (now->substitute)
		return (SP_WHOLE_SUBSTITUTE);
	if (sized && now->bytes == now->announced)
		return (SP_WHOLE);
	/* The rest of it came as replies: it was cut, whatever its size. */
	if (now->out_of_step)
		return (judge_short(now, past));
	if (sp_whole_agrees(now))
		return (SP_WHOLE);
	if (sized && now->bytes < now->announced)
		return (judge_short(now, past));
	/* Longer, or of unknown size: with the end of a multipart missing it
	 * may be cut all the same, and the second fetch tells. */
	if (!sized && (!now->multipart || now->closed))
		return (SP_WHOLE);
	if (same_as_before(now, past))
		return (SP_WHOLE);
	return (past->second ? SP_WHOLE_INCONSISTENT : SP_WHOLE_AGAIN);
}

const char *
sp_whole_flag(enum sp_whole_verdict v)
{
	switch (v) {
	case SP_WHOLE_SHORT:
	case SP_WHOLE_EMPTY:
		return ("short");
	case SP_WHOLE_SUBSTITUTE:
		return ("substitute");
	case SP_WHOLE_INCONSISTENT:
		return ("inconsistent");
	case SP_WHOLE:
	case SP_WHOLE_AGAIN:
		break;
	}
	return (NULL);
}

const char *
sp_whole_text(enum sp_whole_verdict v)
{
	switch (v) {
	case SP_WHOLE_SHORT:
		return ("it is shorter than the server announces");
	case SP_WHOLE_EMPTY:
		return ("the server sends an empty message");
	case SP_WHOLE_SUBSTITUTE:
		return ("the server sends a text of its own instead of it");
	case SP_WHOLE_INCONSISTENT:
		return (
		    "it has another size than the server announces, and other bytes at each fetch");
	case SP_WHOLE_AGAIN:
		return ("it is fetched once more");
	case SP_WHOLE:
		break;
	}
	return ("it is whole");
}
