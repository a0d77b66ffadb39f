/* What each field's value means: a leaf of the tree. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config/config.h"
#include "base/enc.h"
#include "base/record.h"
#include "base/time_text.h"
#include "index/query_priv.h"
#include "index/schema.h"
#include "index/token.h"

typedef enum sp_code (*leaf_fn)(struct sp_query_ctx *q,
    const struct sp_field *f, const struct sp_tok *v, struct sp_node **out,
    struct sp_err *err);

struct sp_field {
	const char *name;
	leaf_fn leaf;
	const char *columns; /* of the full text, for text and people */
	const char *meta; /* what the verbatim token begins with */
	bool group; /* NAME:( ... ) makes sense */
};

static enum sp_code text_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);
static enum sp_code people_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);
static enum sp_code meta_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);
static enum sp_code grade_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);
static enum sp_code has_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);
static enum sp_code digest_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);
static enum sp_code msgid_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);
static enum sp_code size_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);
static enum sp_code seq_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);
static enum sp_code family_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);
static enum sp_code date_leaf(struct sp_query_ctx *, const struct sp_field *,
    const struct sp_tok *, struct sp_node **, struct sp_err *);

static const struct sp_field fields[] = {
	{ "from", people_leaf, "hfrom rfrom", NULL, true },
	{ "to", people_leaf, "hto rto", NULL, true },
	{ "cc", people_leaf, "hcc rcc", NULL, true },
	{ "bcc", people_leaf, "hbcc rbcc", NULL, true },
	{ "reply-to", people_leaf, "hreply", NULL, true },
	{ "rcpt", people_leaf,
	    "hto hcc hbcc eto mto rto rcc rbcc rrcpt rvia tto", NULL, true },
	{ "sender", people_leaf, "hfrom efrom rfrom tfrom", NULL, true },
	{ "reported", people_leaf, "rto rcc rbcc rrcpt", NULL, true },
	{ "redirected", people_leaf, "rvia", NULL, true },
	{ "traced", people_leaf, "tfrom tto", NULL, true },
	{ "envelope-from", people_leaf, "efrom", NULL, true },
	{ "envelope-to", people_leaf, "eto", NULL, true },
	{ "subject", text_leaf, "subject", NULL, true },
	{ "body", text_leaf, "body", NULL, true },
	{ "filename", text_leaf, "files", NULL, true },
	{ "type", meta_leaf, NULL, SP_META_TYPE, true },
	{ "has", has_leaf, NULL, SP_META_HAS, false },
	{ "larger", size_leaf, NULL, NULL, false },
	{ "smaller", size_leaf, NULL, NULL, false },
	{ "after", date_leaf, NULL, NULL, false },
	{ "before", date_leaf, NULL, NULL, false },
	{ "date", date_leaf, NULL, NULL, false },
	{ "received", date_leaf, NULL, NULL, false },
	{ "msgid", msgid_leaf, NULL, SP_META_MSGID, true },
	{ "sha256", digest_leaf, NULL, SP_META_SHA256, true },
	{ "attachment-sha256", digest_leaf, NULL, SP_META_ASHA256, true },
	{ "seq", seq_leaf, NULL, NULL, true },
	{ "family", family_leaf, NULL, NULL, true },
	{ "via", meta_leaf, NULL, SP_META_VIA, true },
	{ "grade", grade_leaf, NULL, SP_META_GRADE, true },
	{ "flag", meta_leaf, NULL, SP_META_FLAG, true },
	{ "claimed", meta_leaf, NULL, SP_META_CLAIM, true },
};

static const struct sp_field bare = { "", text_leaf, NULL, NULL, true };

const struct sp_field *
sp_field_find(struct sp_view name)
{
	for (size_t i = 0; i < SP_COUNTOF(fields); i++)
		if (sp_view_ieq_str(name, fields[i].name))
			return (&fields[i]);
	return (NULL);
}

bool
sp_field_takes_group(const struct sp_field *f)
{
	return (f->group);
}

const char *
sp_field_names(void)
{
	return (
	    "from to cc bcc reply-to rcpt sender reported redirected traced envelope-from envelope-to subject body filename type has larger smaller after before date received msgid sha256 attachment-sha256 seq family via grade flag claimed");
}

enum sp_code
sp_field_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	if (++q->terms > SP_QUERY_TERMS)
		return (sp_query_error(err, q->query, v->at,
		    "more than %u terms", SP_QUERY_TERMS));
	if (f == NULL)
		f = &bare;
	return (f->leaf(q, f, v, out, err));
}

/* ---- full text ------------------------------------------------------- */

/* An FTS5 string; quotation marks are doubled. */
static enum sp_code
quote(struct sp_buf *b, const char *lead, struct sp_view v, const char *tail)
{
	enum sp_code rc = sp_buf_addc(b, '"');

	if (rc == SP_OK)
		rc = sp_buf_adds(b, lead);
	for (size_t i = 0; rc == SP_OK && i < v.n; i++) {
		if (v.p[i] == '"')
			rc = sp_buf_addc(b, '"');
		if (rc == SP_OK)
			rc = sp_buf_addc(b, v.p[i]);
	}
	if (rc == SP_OK)
		rc = sp_buf_adds(b, tail);
	if (rc == SP_OK)
		rc = sp_buf_addc(b, '"');
	return (rc);
}

/* {columns} : "lead text tail" [*] */
static enum sp_code
fts_leaf(const char *columns, const char *lead, struct sp_view v,
    const char *tail, bool prefix, struct sp_node **out, struct sp_err *err)
{
	struct sp_node *n = sp_node_new(SP_NODE_TEXT);
	enum sp_code rc = SP_OK;
	struct sp_buf b;

	sp_buf_init(&b, 2 * SP_QUERY_MAX + 256);
	if (columns != NULL)
		rc = sp_buf_addf(&b, "{%s} : ", columns);
	if (rc == SP_OK)
		rc = quote(&b, lead, v, tail);
	if (rc == SP_OK && prefix)
		rc = sp_buf_adds(&b, " *");
	if (rc == SP_OK && sp_buf_cstr(&b) != NULL)
		n->fts = sp_buf_take(&b, NULL);
	sp_buf_done(&b);
	if (n->fts == NULL) {
		sp_node_free(n);
		return (sp_err_set(err, SP_EUSAGE, 0, "query: too long"));
	}
	*out = n;
	return (SP_OK);
}

/* Bytes that have a meaning of their own further down become blanks. */
static enum sp_code
clean(struct sp_query_ctx *q, const struct sp_tok *v, struct sp_buf *b,
    struct sp_err *err)
{
	sp_buf_init(b, SP_QUERY_MAX + 1);
	if (sp_token_clean(v->text, b) != SP_OK)
		return (sp_query_error(err, q->query, v->at, "too long"));
	return (SP_OK);
}

static enum sp_code
text_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	struct sp_token_info info;
	struct sp_buf b;
	enum sp_code rc = clean(q, v, &b, err);

	if (rc == SP_OK) {
		info = sp_token_info(sp_buf_view(&b));
		if (info.count == 0)
			rc = sp_query_error(err, q->query, v->at,
			    "there is no letter or digit to search for");
		else
			rc = fts_leaf(f->columns, "", sp_buf_view(&b), "",
			    v->prefix || info.short_last, out, err);
	}
	sp_buf_done(&b);
	return (rc);
}

/* alice@corp.example, @corp.example, <> or words. */
static enum sp_code
people_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	struct sp_view t = sp_view_trim(v->text);
	struct sp_buf b, folded;
	bool blank, whole;
	enum sp_code rc;

	if (t.n >= 2 && t.p[0] == '<' && t.p[t.n - 1] == '>') {
		if (t.n == 2)
			return (fts_leaf(f->columns,
			    "\x01=", (struct sp_view){ t.p, 0 }, "\x01", false,
			    out, err));
		t = (struct sp_view){ t.p + 1, t.n - 2 };
	}
	blank = t.n > 0 && (memchr(t.p, ' ', t.n) != NULL);
	whole = t.n > 1 && memchr(t.p, '@', t.n) != NULL && !blank;
	if (!whole)
		return (text_leaf(q, f, v, out, err));
	sp_buf_init(&folded, 4 * SP_QUERY_MAX);
	rc = clean(q, &(struct sp_tok){ .text = t, .at = v->at }, &b, err);
	if (rc == SP_OK && sp_token_fold(sp_buf_view(&b), &folded) != SP_OK)
		rc = sp_query_error(err, q->query, v->at, "too long");
	if (rc == SP_OK) {
		struct sp_view a = sp_buf_view(&folded);

		rc = fts_leaf(f->columns, a.p[0] == '@' ? "\x01" : "\x01=", a,
		    "\x01", v->prefix, out, err);
	}
	sp_buf_done(&b);
	sp_buf_done(&folded);
	return (rc);
}

/* ---- verbatim tokens -------------------------------------------------- */

static enum sp_code
token(const struct sp_field *f, struct sp_view v, bool prefix,
    struct sp_node **out, struct sp_err *err)
{
	char lead[8] = { SP_TOKEN_MARK };

	memcpy(lead + 1, f->meta, strlen(f->meta) + 1);
	return (fts_leaf("meta", lead, v, "\x01", prefix, out, err));
}

static enum sp_code
meta_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	struct sp_buf b, folded;
	enum sp_code rc = clean(q, v, &b, err);

	sp_buf_init(&folded, 4 * SP_QUERY_MAX);
	if (rc == SP_OK && sp_token_fold(sp_buf_view(&b), &folded) != SP_OK)
		rc = sp_query_error(err, q->query, v->at, "too long");
	if (rc == SP_OK)
		rc = token(f, sp_buf_view(&folded), v->prefix, out, err);
	sp_buf_done(&b);
	sp_buf_done(&folded);
	return (rc);
}

/* One of a few words. */
static enum sp_code
choice_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, const char *const *words, size_t n,
    const char *list, struct sp_node **out, struct sp_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (!v->prefix && sp_view_ieq_str(v->text, words[i]))
			return (
			    token(f, sp_view_str(words[i]), false, out, err));
	return (sp_query_error(
	    err, q->query, v->at, "expected %s after \"%s:\"", list, f->name));
}

static enum sp_code
grade_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	static const char *const words[] = { "witnessed", "pulled",
		"imported" };

	return (choice_leaf(q, f, v, words, SP_COUNTOF(words),
	    "witnessed, pulled or imported", out, err));
}

static enum sp_code
has_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	static const char *const words[] = { "attachment" };

	return (choice_leaf(
	    q, f, v, words, SP_COUNTOF(words), "attachment", out, err));
}

/* All 64 digits, or the first 8 to 20. */
static enum sp_code
digest_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	struct sp_view t = v->text;
	char low[SP_META_HEX];
	bool ok = t.n == 2 * (size_t)SP_SHA256_LEN ||
		  (t.n >= 8 && t.n <= SP_META_HEX);

	for (size_t i = 0; i < t.n; i++)
		ok = ok && isxdigit((unsigned char)t.p[i]);
	if (!ok)
		return (sp_query_error(err, q->query, v->at,
		    "expected the 64 hex digits of a SHA-256, or its first 8 to %d",
		    SP_META_HEX));
	if (t.n > SP_META_HEX)
		t.n = SP_META_HEX;
	for (size_t i = 0; i < t.n; i++)
		low[i] = (char)tolower((unsigned char)t.p[i]);
	return (token(
	    f, (struct sp_view){ low, t.n }, t.n < SP_META_HEX, out, err));
}

static enum sp_code
msgid_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	struct sp_view t = sp_view_trim(v->text);
	uint8_t digest[SP_SHA256_LEN];
	char hex[SP_META_HEX + 1];

	if (t.n > 2 && t.p[0] == '<' && t.p[t.n - 1] == '>')
		t = (struct sp_view){ t.p + 1, t.n - 2 };
	if (v->prefix || t.n == 0)
		return (sp_query_error(err, q->query, v->at,
		    "expected a whole Message-ID, with or without < >"));
	sp_sha256_once(t.p, t.n, digest);
	sp_hex_encode(digest, SP_META_HEX / 2, hex);
	return (token(f, sp_view_str(hex), false, out, err));
}

/* ---- ranges ------------------------------------------------------------ */

static enum sp_code
size_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	char *text = sp_view_dup(v->text);
	uint64_t n = 0;
	bool ok = !v->prefix && sp_config_size(text, &n) && n <= SP_SEQ_MAX;
	struct sp_node *node;

	free(text);
	if (!ok)
		return (sp_query_error(err, q->query, v->at,
		    "expected a size such as 200K or 10M after \"%s:\"",
		    f->name));
	node = sp_node_new(SP_NODE_SIZE);
	if (f->name[0] == 'l')
		node->lo = (int64_t)n + 1;
	else
		node->hi = (int64_t)n;
	*out = node;
	return (SP_OK);
}

/* Split A..B; without "..", both are all of it. */
static bool
split(struct sp_view v, struct sp_view *a, struct sp_view *b)
{
	for (size_t i = 0; i + 1 < v.n; i++)
		if (v.p[i] == '.' && v.p[i + 1] == '.') {
			*a = (struct sp_view){ v.p, i };
			*b = (struct sp_view){ v.p + i + 2, v.n - i - 2 };
			return (true);
		}
	*a = *b = v;
	return (false);
}

static enum sp_code
seq_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	struct sp_view a, b;
	uint64_t first = 0, last = SP_SEQ_MAX;
	struct sp_node *n;
	bool range = split(v->text, &a, &b), ok = !v->prefix;

	(void)f;
	if (a.n > 0 || !range)
		ok = ok && sp_view_u64(a, &first) && first <= SP_SEQ_MAX;
	if (b.n > 0 || !range)
		ok = ok && sp_view_u64(b, &last) && last <= SP_SEQ_MAX;
	if (!ok || (range && a.n == 0 && b.n == 0) || last < first)
		return (sp_query_error(err, q->query, v->at,
		    "expected a number, or a range such as 100..200, after \"seq:\""));
	n = sp_node_new(SP_NODE_SEQ);
	n->lo = (int64_t)first;
	n->hi = (int64_t)last + 1;
	*out = n;
	return (SP_OK);
}

static enum sp_code
family_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	uint64_t seq;

	(void)f;
	if (v->prefix || !sp_view_u64(v->text, &seq) || seq > SP_SEQ_MAX)
		return (sp_query_error(err, q->query, v->at,
		    "expected the number of an entry after \"family:\""));
	*out = sp_node_new(SP_NODE_FAMILY);
	(*out)->lo = (int64_t)seq;
	return (SP_OK);
}

/* What one date means: [from, end).  An instant without a fraction is its
 * whole second. */
static enum sp_code
when(struct sp_query_ctx *q, struct sp_view text, size_t at, int64_t *from,
    int64_t *end, struct sp_err *err)
{
	char *copy = sp_view_dup(text);
	struct sp_err why = { 0 };
	enum sp_code rc =
	    sp_time_parse_human(copy, q->tz, q->now, from, end, &why);

	free(copy);
	if (rc != SP_OK)
		return (sp_query_error(err, q->query, at, "%s", why.msg));
	return (SP_OK);
}

static void
whole_second(int64_t from, int64_t *end)
{
	if (*end <= from)
		*end = from % SP_SECOND == 0 ? from + SP_SECOND : from + 1;
}

static enum sp_code
date_range(struct sp_query_ctx *q, const struct sp_tok *v, struct sp_node *n,
    struct sp_err *err)
{
	struct sp_view a, b;
	int64_t from, end;
	bool range = split(v->text, &a, &b);
	enum sp_code rc = SP_OK;

	if (range && a.n == 0 && b.n == 0)
		return (sp_query_error(err, q->query, v->at,
		    "expected a date on one side of \"..\" at least"));
	if (a.n > 0 || !range) {
		rc = when(q, a, v->at, &from, &end, err);
		if (rc != SP_OK)
			return (rc);
		n->lo = from;
		if (!range) {
			whole_second(from, &end);
			n->hi = end;
		}
	}
	if (range && b.n > 0) {
		size_t at = (size_t)(b.p - q->query.p);

		rc = when(q, b, at, &from, &end, err);
		if (rc == SP_OK && end < n->lo)
			rc = sp_query_error(err, q->query, at,
			    "this is before the beginning of the range");
		if (rc == SP_OK)
			n->hi = end;
	}
	return (rc);
}

static enum sp_code
date_leaf(struct sp_query_ctx *q, const struct sp_field *f,
    const struct sp_tok *v, struct sp_node **out, struct sp_err *err)
{
	bool received = strcmp(f->name, "received") == 0;
	struct sp_node *n =
	    sp_node_new(received ? SP_NODE_RECEIVED : SP_NODE_DATE);
	int64_t from = 0, end = 0;
	enum sp_code rc;

	if (v->prefix) {
		rc = sp_query_error(
		    err, q->query, v->at, "expected a date without a '*'");
	} else if (strcmp(f->name, "after") == 0) {
		rc = when(q, v->text, v->at, &from, &end, err);
		n->lo = from;
	} else if (strcmp(f->name, "before") == 0) {
		rc = when(q, v->text, v->at, &from, &end, err);
		n->hi = from;
	} else {
		rc = date_range(q, v, n, err);
	}
	if (rc != SP_OK) {
		sp_node_free(n);
		return (rc);
	}
	*out = n;
	return (SP_OK);
}
