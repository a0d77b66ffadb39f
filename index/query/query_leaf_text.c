/*
 * Leaves that full text answers: words, people, and properties of an entry,
 * which stand in the column "meta" as verbatim tokens.  Each becomes an FTS5
 * expression (https://sqlite.org/fts5.html, "Full-text Query Syntax"); what
 * the user typed goes into it cleaned of bytes that have a meaning there.
 *
 *   {hfrom rfrom} : "alice"                  from:alice
 *   {hfrom rfrom} : "\x01=a@corp.example\x01"   from:a@corp.example
 *   {meta} : "\x01:hattachment\x01"          has:attachment
 */
#include <ctype.h>
#include <string.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "index/query/query_leaf_priv.h"
#include "index/schema/column.h"
#include "index/schema/token.h"

#define DIGITS_MIN 8 /* of a SHA-256, to search by its beginning */

/* ---- FTS5 expressions ------------------------------------------------- */

/* Append an FTS5 string of ${lead}, ${v} and ${tail}; quotation marks in ${v}
 * are doubled. */
static enum sp_code
add_quoted(
    struct sp_buf *b, const char *lead, struct sp_view v, const char *tail)
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

/* Append "{NAME NAME} : "; nothing where every column is meant. */
static enum sp_code
add_columns(struct sp_buf *b, uint32_t columns)
{
	enum sp_code rc = SP_OK;
	const char *before = "{";

	for (unsigned c = 0; rc == SP_OK && c < SP_COL_COUNT; c++) {
		if ((columns & SP_COL_BIT(c)) == 0)
			continue;
		rc = sp_buf_addf(b, "%s%s", before, sp_col_name[c]);
		before = " ";
	}
	if (rc == SP_OK && columns != 0)
		rc = sp_buf_adds(b, "} : ");
	return (rc);
}

/* The leaf {columns} : "lead text tail", with a '*' behind it for ${prefix}. */
static enum sp_code
fts_leaf(uint32_t columns, const char *lead, struct sp_view v, const char *tail,
    bool prefix, struct sp_node **out, struct sp_err *err)
{
	struct sp_node *n = sp_node_new(SP_NODE_TEXT);
	enum sp_code rc;
	struct sp_buf b;

	sp_buf_init(&b, 2 * SP_QUERY_MAX + 256);
	rc = add_columns(&b, columns);
	if (rc == SP_OK)
		rc = add_quoted(&b, lead, v, tail);
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

/* The text of ${value} in ${b}, which is initialised here, without the marks
 * of verbatim tokens. */
static enum sp_code
clean(struct sp_query_ctx *q, const struct sp_tok *value, struct sp_buf *b,
    struct sp_err *err)
{
	sp_buf_init(b, SP_QUERY_MAX + 1);
	if (sp_token_clean(value->text, b) != SP_OK)
		return (sp_query_error(err, q->query, value->at, "too long"));
	return (SP_OK);
}

/* The same, folded as addresses and properties are when they are stored. */
static enum sp_code
clean_folded(struct sp_query_ctx *q, const struct sp_tok *value,
    struct sp_buf *folded, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc = clean(q, value, &b, err);

	sp_buf_init(folded, 4 * SP_QUERY_MAX);
	if (rc == SP_OK && sp_token_fold(sp_buf_view(&b), folded) != SP_OK)
		rc = sp_query_error(err, q->query, value->at, "too long");
	sp_buf_done(&b);
	return (rc);
}

/* ---- words and people ------------------------------------------------- */

enum sp_code
sp_query_leaf_words(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_tok *value, struct sp_node **out, struct sp_err *err)
{
	struct sp_token_info info;
	struct sp_buf b;
	enum sp_code rc = clean(q, value, &b, err);

	if (rc == SP_OK) {
		info = sp_token_info(sp_buf_view(&b));
		if (info.count == 0)
			rc = sp_query_error(err, q->query, value->at,
			    "there is no letter or digit to search for");
		else
			rc = fts_leaf(f->columns, "", sp_buf_view(&b), "",
			    value->prefix || info.short_last, out, err);
	}
	sp_buf_done(&b);
	return (rc);
}

/* ADDRESS, @DOMAIN, either in < >, or <> for the empty sender of bounces; what
 * is none of these is words of name or address. */
enum sp_code
sp_query_leaf_person(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_tok *value, struct sp_node **out, struct sp_err *err)
{
	static const char address[] = SP_TOKEN_MARK_STR SP_TOKEN_ADDR;
	struct sp_view t = sp_view_trim(value->text), a;
	struct sp_buf folded;
	bool blank, whole;
	enum sp_code rc;

	if (t.n >= 2 && t.p[0] == '<' && t.p[t.n - 1] == '>') {
		if (t.n == 2)
			return (fts_leaf(f->columns, address,
			    (struct sp_view){ t.p, 0 }, SP_TOKEN_MARK_STR,
			    false, out, err));
		t = (struct sp_view){ t.p + 1, t.n - 2 };
	}
	blank = t.n > 0 && memchr(t.p, ' ', t.n) != NULL;
	whole = t.n > 1 && memchr(t.p, '@', t.n) != NULL && !blank;
	if (!whole)
		return (sp_query_leaf_words(q, f, value, out, err));
	rc = clean_folded(
	    q, &(struct sp_tok){ .text = t, .at = value->at }, &folded, err);
	if (rc == SP_OK) {
		a = sp_buf_view(&folded);
		/* Typed with its '@', a domain is its own token. */
		rc = fts_leaf(f->columns,
		    sp_view_starts(a, SP_TOKEN_DOMAIN) ? SP_TOKEN_MARK_STR
						       : address,
		    a, SP_TOKEN_MARK_STR, value->prefix, out, err);
	}
	sp_buf_done(&folded);
	return (rc);
}

/* ---- properties ------------------------------------------------------- */

/* The leaf for the property of kind f->meta with the value ${v}. */
static enum sp_code
property(const struct sp_query_field *f, struct sp_view v, bool prefix,
    struct sp_node **out, struct sp_err *err)
{
	char lead[8] = { SP_TOKEN_MARK };

	memcpy(lead + 1, f->meta, strlen(f->meta) + 1);
	return (fts_leaf(SP_COL_BIT(SP_COL_META), lead, v, SP_TOKEN_MARK_STR,
	    prefix, out, err));
}

enum sp_code
sp_query_leaf_property(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_tok *value, struct sp_node **out, struct sp_err *err)
{
	struct sp_buf folded;
	enum sp_code rc = clean_folded(q, value, &folded, err);

	if (rc == SP_OK)
		rc = property(f, sp_buf_view(&folded), value->prefix, out, err);
	sp_buf_done(&folded);
	return (rc);
}

/* "a, b or c", as much of it as ${out} holds. */
static void
list_choices(const char *const *words, size_t n, struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < n; i++)
		rc = sp_buf_addf(out, "%s%s",
		    i == 0	 ? ""
		    : i == n - 1 ? " or "
				 : ", ",
		    words[i]);
}

/* The leaf of a property that has one of ${n} values. */
static enum sp_code
choice(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_tok *value, const char *const *words, size_t n,
    struct sp_node **out, struct sp_err *err)
{
	struct sp_buf list;
	enum sp_code rc;

	for (size_t i = 0; i < n; i++)
		if (!value->prefix && sp_view_ieq_str(value->text, words[i]))
			return (property(
			    f, sp_view_str(words[i]), false, out, err));
	sp_buf_init(&list, 128);
	list_choices(words, n, &list);
	rc = sp_query_error(err, q->query, value->at,
	    "expected %s after \"%s:\"", sp_buf_cstr(&list), f->name);
	sp_buf_done(&list);
	return (rc);
}

enum sp_code
sp_query_leaf_grade(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_tok *value, struct sp_node **out, struct sp_err *err)
{
	/* All but SP_GRADE_OTHER, which is no name that users know. */
	return (choice(q, f, value, sp_grade_name, SP_GRADE_OTHER, out, err));
}

enum sp_code
sp_query_leaf_has(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_tok *value, struct sp_node **out, struct sp_err *err)
{
	static const char *const words[] = { SP_HAS_ATTACHMENT };

	return (choice(q, f, value, words, SP_COUNTOF(words), out, err));
}

/* A SHA-256: all 64 digits, of which the index keeps SP_META_HEX, or the first
 * DIGITS_MIN to SP_META_HEX. */
enum sp_code
sp_query_leaf_digest(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_tok *value, struct sp_node **out, struct sp_err *err)
{
	struct sp_view t = value->text;
	char low[SP_META_HEX];
	bool ok = t.n == 2 * (size_t)SP_SHA256_LEN ||
		  (t.n >= DIGITS_MIN && t.n <= SP_META_HEX);

	for (size_t i = 0; i < t.n; i++)
		ok = ok && isxdigit((unsigned char)t.p[i]);
	if (!ok)
		return (sp_query_error(err, q->query, value->at,
		    "expected the 64 hex digits of a SHA-256, or its first %d to %d",
		    DIGITS_MIN, SP_META_HEX));
	if (t.n > SP_META_HEX)
		t.n = SP_META_HEX;
	for (size_t i = 0; i < t.n; i++)
		low[i] = (char)tolower((unsigned char)t.p[i]);
	return (property(
	    f, (struct sp_view){ low, t.n }, t.n < SP_META_HEX, out, err));
}

/* A whole Message-ID, with or without < >, in its own case. */
enum sp_code
sp_query_leaf_msgid(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_tok *value, struct sp_node **out, struct sp_err *err)
{
	struct sp_view t = sp_view_trim(value->text);
	uint8_t digest[SP_SHA256_LEN];
	char hex[SP_META_HEX + 1];

	if (t.n > 2 && t.p[0] == '<' && t.p[t.n - 1] == '>')
		t = (struct sp_view){ t.p + 1, t.n - 2 };
	if (value->prefix || t.n == 0)
		return (sp_query_error(err, q->query, value->at,
		    "expected a whole Message-ID, with or without < >"));
	sp_sha256_once(t.p, t.n, digest);
	sp_hex_encode(digest, SP_META_HEX / 2, hex);
	return (property(f, sp_view_str(hex), false, out, err));
}
