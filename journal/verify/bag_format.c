/*
 * Parsers of the text files of a bag (doc/format-export.md, section 2).  Pure
 * and total; bag_format.h has their contracts.  They refuse what the document
 * does not describe, so that no other tool can read something else out of a bag
 * than this verifier does.  Called by verify_bag_*.c with bytes that
 * bag_source.c and bag_text.c provide, and by tests/fuzz/fuzz_bag.c.
 */
#include "journal/verify/bag_format.h"

#include <string.h>

#include "base/enc.h"
#include "base/record.h"
#include "base/sha256.h"
#include "base/time_text.h"

#define SEQ_DIGITS 12u

static bool
is_name_byte(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
		c == '/');
}

bool
sp_bag_name_ok(struct sp_view path)
{
	char previous = '/';

	if (path.n == 0 || path.n > SP_BAG_NAME_MAX)
		return (false);
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];

		/* A component neither is empty nor begins with a dot. */
		if (!is_name_byte(c) ||
		    (previous == '/' && (c == '/' || c == '.')))
			return (false);
		previous = c;
	}
	return (previous != '/');
}

/* Decimal without sign or leading zeros, so that a number has one spelling. */
static bool
canonical_u64(struct sp_view v, uint64_t *out)
{
	return (
	    (v.n == 1 || (v.n > 1 && v.p[0] != '0')) && sp_view_u64(v, out));
}

/*
 * Parse ${prefix} SEQ ${suffix}, where SEQ has at least 12 digits and no more
 * than it needs beyond them.
 */
static bool
parse_seq_name(
    struct sp_view path, const char *prefix, const char *suffix, uint64_t *seq)
{
	size_t a = strlen(prefix), b = strlen(suffix);
	struct sp_view d;

	if (!sp_view_starts(path, prefix) || path.n < a + b + SEQ_DIGITS ||
	    memcmp(path.p + path.n - b, suffix, b) != 0)
		return (false);
	d = (struct sp_view){ path.p + a, path.n - a - b };
	if (d.n > SEQ_DIGITS && d.p[0] == '0')
		return (false);
	return (sp_view_u64(d, seq) && *seq <= SP_SEQ_MAX);
}

bool
sp_bag_message_name(struct sp_view path, uint64_t *seq)
{
	return (parse_seq_name(path, "data/messages/", ".eml", seq));
}

bool
sp_bag_event_name(struct sp_view path, const char *ext, uint64_t *seq)
{
	return (parse_seq_name(path, "data/proof/events/", ext, seq));
}

/* ---- bag-info.txt ---- */

/* The labels that the verifier reads; all must be there. */
enum label {
	BAG,
	ORIGIN,
	EVENT,
	SIZE,
	RUN,
	BY,
	SINCE,
	UNTIL,
	QUERY,
	GIVEN,
	VERDICT,
	OXUM,
	LABELS
};

/* Their spelling. */
static const char *const labels[LABELS] = {
	[BAG] = "Sealpost-Bag",
	[ORIGIN] = "Sealpost-Origin",
	[EVENT] = "Sealpost-Event",
	[SIZE] = "Sealpost-Tree-Size",
	[RUN] = "Sealpost-Run",
	[BY] = "Sealpost-Range-By",
	[SINCE] = "Sealpost-Range-Since",
	[UNTIL] = "Sealpost-Range-Until",
	[QUERY] = "Sealpost-Query",
	[GIVEN] = "Sealpost-Given",
	[VERDICT] = "Sealpost-Verdict",
	[OXUM] = "Payload-Oxum",
};

/* SP_EFORMAT that names the label. */
static enum sp_code
bad_label(struct sp_err *err, enum label l, const char *what)
{
	return (sp_err_set(err, SP_EFORMAT, 0, "%s: %s", labels[l], what));
}

/* Two numbers with ${c} between them. */
static bool
parse_pair(struct sp_view v, char c, uint64_t *a, uint64_t *b)
{
	struct sp_view rest = v, x = sp_view_cut(&rest, c);

	return (canonical_u64(x, a) && canonical_u64(rest, b));
}

/* A time, or "-" for none (*have is false). */
static bool
parse_instant(struct sp_view v, bool *have, int64_t *out)
{
	*have = !sp_view_eq_str(v, "-");
	return (!*have || sp_time_parse(v, out));
}

/*
 * Check the value of every label and the order among them (first <= end <=
 * event < tree size), and fill ${o}.  Sets the error of the first that is
 * wrong.
 */
static enum sp_code
parse_values(
    const struct sp_view v[LABELS], struct sp_bag_info *o, struct sp_err *err)
{
	uint64_t version;

	if (!canonical_u64(v[BAG], &version))
		return (bad_label(err, BAG, "not a number"));
	if (version != 1)
		return (sp_err_set(err, SP_EVERSION, 0,
		    "the bag has format %llu, this program knows 1; use a newer sealpost-verify",
		    (unsigned long long)version));
	if (v[ORIGIN].n == 0 || v[ORIGIN].n > SP_ORIGIN_MAX)
		return (bad_label(err, ORIGIN, "empty or too long"));
	memcpy(o->origin, v[ORIGIN].p, v[ORIGIN].n);
	if (strlen(o->origin) != v[ORIGIN].n || !sp_layout_origin_ok(o->origin))
		return (bad_label(err, ORIGIN, "not an origin"));
	if (!canonical_u64(v[EVENT], &o->event))
		return (bad_label(err, EVENT, "not a number"));
	if (!canonical_u64(v[SIZE], &o->tree_size) ||
	    o->tree_size > SP_SEQ_MAX || o->event >= o->tree_size)
		return (bad_label(err, SIZE, "not a size beyond the event"));
	if (!parse_pair(v[RUN], '-', &o->first, &o->end) || o->first > o->end ||
	    o->end > o->event)
		return (bad_label(err, RUN, "not FIRST-END up to the event"));
	if (!parse_instant(v[SINCE], &o->have_since, &o->since))
		return (bad_label(err, SINCE, "not a time"));
	if (!parse_instant(v[UNTIL], &o->have_until, &o->until))
		return (bad_label(err, UNTIL, "not a time"));
	if (!canonical_u64(v[GIVEN], &o->given))
		return (bad_label(err, GIVEN, "not a number"));
	if (!parse_pair(v[OXUM], '.', &o->oxum_bytes, &o->oxum_files))
		return (bad_label(err, OXUM, "not BYTES.FILES"));
	o->by_date = sp_view_eq_str(v[BY], "date");
	if (!o->by_date && !sp_view_eq_str(v[BY], "received"))
		return (bad_label(err, BY, "neither received nor date"));
	o->complete = sp_view_eq_str(v[VERDICT], "COMPLETE");
	if (!o->complete && !sp_view_eq_str(v[VERDICT], "SELECTION"))
		return (
		    bad_label(err, VERDICT, "neither COMPLETE nor SELECTION"));
	o->query = v[QUERY];
	return (SP_OK);
}

/*
 * Enter one line, "Label: value" or "Label:", into ${v} where the label is
 * known.  Views borrow from ${line}.
 */
static enum sp_code
split_line(struct sp_view line, struct sp_view v[LABELS], bool seen[LABELS],
    struct sp_err *err)
{
	struct sp_view rest = line, label = sp_view_cut(&rest, ':');

	if (label.n == 0 || label.n == line.n)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "a line is not \"Label: value\""));
	if (rest.n > 0 && rest.p[0] == ' ') {
		rest.p++;
		rest.n--;
	}
	for (int i = 0; i < LABELS; i++) {
		if (!sp_view_eq_str(label, labels[i]))
			continue;
		if (seen[i])
			return (bad_label(err, (enum label)i, "occurs twice"));
		seen[i] = true;
		v[i] = rest;
	}
	return (SP_OK);
}

/*
 * The whole file first: complete lines and no NUL byte, so that no reader stops
 * earlier than another; then each line, then what the values say.
 */
enum sp_code
sp_bag_info_parse(
    struct sp_view text, struct sp_bag_info *out, struct sp_err *err)
{
	struct sp_bag_info o;
	struct sp_view rest = text, v[LABELS];
	bool seen[LABELS] = { false };
	enum sp_code rc = SP_OK;

	memset(&o, 0, sizeof(o));
	memset(v, 0, sizeof(v));
	if (text.n > SP_BAG_INFO_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0, "longer than %u bytes",
		    SP_BAG_INFO_MAX));
	if (text.n == 0 || text.p[text.n - 1] != '\n' ||
	    memchr(text.p, '\0', text.n) != NULL)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "empty, with a NUL, or cut off in its last line"));
	while (rest.n > 0 && rc == SP_OK)
		rc = split_line(sp_view_cut(&rest, '\n'), v, seen, err);
	for (int i = 0; i < LABELS && rc == SP_OK; i++)
		if (!seen[i])
			rc = bad_label(err, (enum label)i, "is missing");
	if (rc == SP_OK)
		rc = parse_values(v, &o, err);
	if (rc == SP_OK)
		*out = o;
	return (rc);
}

bool
sp_bag_manifest_line(
    struct sp_view line, uint8_t sha256[SP_SHA256_LEN], struct sp_view *path)
{
	const size_t hex = 2 * SP_SHA256_LEN;

	if (line.n < hex + 3 || line.p[hex] != ' ' || line.p[hex + 1] != ' ')
		return (false);
	for (size_t i = 0; i < hex; i++)
		if (line.p[i] >= 'A' && line.p[i] <= 'F')
			return (false);
	*path = (struct sp_view){ line.p + hex + 2, line.n - hex - 2 };
	return (sp_hex_decode(
		    (struct sp_view){ line.p, hex }, sha256, SP_SHA256_LEN) &&
		sp_bag_name_ok(*path));
}

/* ---- proofs ---- */

/*
 * Cut the next whole line off ${rest}, without its LF; false where none is left
 * or the last one has no LF.
 */
static bool
next_line(struct sp_view *rest, struct sp_view *line)
{
	const char *lf = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;

	if (lf == NULL)
		return (false);
	*line = (struct sp_view){ rest->p, (size_t)(lf - rest->p) };
	rest->n -= line->n + 1;
	rest->p = lf + 1;
	return (true);
}

/* The next line, which must be a canonical number up to SP_SEQ_MAX. */
static bool
next_number(struct sp_view *rest, uint64_t *out)
{
	struct sp_view line;

	return (next_line(rest, &line) && canonical_u64(line, out) &&
		*out <= SP_SEQ_MAX);
}

/* The next line must be exactly ${want}. */
static bool
expect_line(struct sp_view *rest, const char *want)
{
	struct sp_view line;

	return (next_line(rest, &line) && sp_view_eq_str(line, want));
}

/*
 * Base64 hashes of 32 bytes, one a line, up to a blank line (*blank is true) or
 * the end of the text (false).  False for a line that is no hash and for more
 * than SP_PROOF_MAX of them.
 */
static bool
next_hashes(struct sp_view *rest, struct sp_proof *p, bool *blank)
{
	struct sp_view line;

	p->n = 0;
	*blank = false;
	while (rest->n > 0) {
		if (!next_line(rest, &line))
			return (false);
		if (line.n == 0) {
			*blank = true;
			return (true);
		}
		if (p->n == SP_PROOF_MAX ||
		    !sp_b64_decode_exact(line, p->h[p->n].b, 32))
			return (false);
		p->n++;
	}
	return (true);
}

enum sp_code
sp_bag_range_parse(
    struct sp_view text, struct sp_bag_range *out, struct sp_err *err)
{
	struct sp_bag_range r;
	bool blank;

	if (!expect_line(&text, "sealpost/range-proof/v1") ||
	    !next_number(&text, &r.first) || !next_number(&text, &r.end) ||
	    !next_number(&text, &r.size) || !expect_line(&text, "") ||
	    !next_hashes(&text, &r.left, &blank) || !blank ||
	    !next_hashes(&text, &r.right, &blank) || blank)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "not a range proof of version 1"));
	if (r.first >= r.end || r.end > r.size)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "the proven run is empty or longer than the tree"));
	*out = r;
	return (SP_OK);
}

enum sp_code
sp_bag_consistency_parse(
    struct sp_view text, struct sp_bag_consistency *out, struct sp_err *err)
{
	struct sp_bag_consistency c;
	bool blank;

	if (!expect_line(&text, "sealpost/consistency/v1") ||
	    !next_number(&text, &c.m) || !next_number(&text, &c.n) ||
	    !expect_line(&text, "") || !next_hashes(&text, &c.proof, &blank) ||
	    blank || c.m == 0 || c.m >= c.n)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "not a consistency proof of version 1"));
	*out = c;
	return (SP_OK);
}

enum sp_code
sp_bag_inclusion_parse(
    struct sp_view text, struct sp_bag_inclusion *out, struct sp_err *err)
{
	struct sp_bag_inclusion i;
	struct sp_view line, rest;
	bool blank;

	if (!expect_line(&text, "c2sp.org/tlog-proof@v1") ||
	    !next_line(&text, &line))
		goto bad;
	rest = line;
	if (!sp_view_eq_str(sp_view_cut(&rest, ' '), "index") ||
	    !canonical_u64(rest, &i.index) || i.index > SP_SEQ_MAX ||
	    !next_hashes(&text, &i.proof, &blank) || !blank)
		goto bad;
	i.note = text;
	*out = i;
	return (SP_OK);
bad:
	return (sp_err_set(err, SP_EFORMAT, 0, "not a tlog-proof"));
}

/* ---- omitted.jsonl ---- */

static const char *const reasons[] = {
	[SP_BAG_EVENT] = "event",
	[SP_BAG_FILTERED] = "filtered",
	[SP_BAG_PURGED] = "purged",
	[SP_BAG_ERASED] = "erased",
};

/* Cut ${text} off the front of ${v}; false if it does not begin with it. */
static bool
skip_text(struct sp_view *v, const char *text)
{
	size_t n = strlen(text);

	if (!sp_view_starts(*v, text))
		return (false);
	v->p += n;
	v->n -= n;
	return (true);
}

/* Cut a canonical number up to SP_SEQ_MAX off the front of ${v}. */
static bool
skip_u64(struct sp_view *v, uint64_t *out)
{
	struct sp_view d = { v->p, 0 };

	while (d.n < v->n && v->p[d.n] >= '0' && v->p[d.n] <= '9')
		d.n++;
	v->p += d.n;
	v->n -= d.n;
	return (canonical_u64(d, out) && *out <= SP_SEQ_MAX);
}

/*
 * By comparison with the text of the document, not by a JSON parser: member
 * order and spelling are fixed, so that a line has exactly one reading.
 */
bool
sp_bag_omitted_parse(struct sp_view v, struct sp_bag_omitted *out)
{
	struct sp_bag_omitted o = { 0, SP_BAG_EVENT, 0 };
	bool known = false;
	struct sp_view word;

	if (!skip_text(&v, "{\"seq\":") || !skip_u64(&v, &o.seq) ||
	    !skip_text(&v, ",\"reason\":\""))
		return (false);
	word = sp_view_cut(&v, '"');
	for (size_t i = 0; i < SP_COUNTOF(reasons) && !known; i++) {
		known = sp_view_eq_str(word, reasons[i]);
		if (known)
			o.reason = (enum sp_bag_reason)i;
	}
	if (!known)
		return (false);
	if ((o.reason == SP_BAG_PURGED || o.reason == SP_BAG_ERASED) &&
	    (!skip_text(&v, ",\"event\":") || !skip_u64(&v, &o.event)))
		return (false);
	if (!sp_view_eq_str(v, "}"))
		return (false);
	*out = o;
	return (true);
}
