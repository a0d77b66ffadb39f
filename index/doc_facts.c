/*
 * Flags, names of attachments, properties as verbatim tokens (schema/column.h),
 * and events: what a document has beside people and text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "index/doc_fill_priv.h"
#include "index/schema/token.h"

#define FLAGS	  256u /* flags of a message, at most */
#define CLAIMS	  64u /* properties of kind SP_META_CLAIM of a message */
#define CLAIM_MAX 256u /* bytes of such a value */

static int
by_text(const void *a, const void *b)
{
	return (strcmp(*(const char *const *)a, *(const char *const *)b));
}

/* Whether ${s} can be a flag: ours are words of lower-case letters, digits, '_'
 * and '-'. */
static bool
is_flag(const char *s)
{
	size_t n = strlen(s);

	return (n > 0 && n < 64 &&
		strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n);
}

/* The flags of indexer, record and message, in no order and perhaps twice;
 * their number. */
static size_t
collect_flags(const struct sp_doc *d, const char *own, const char *v[FLAGS])
{
	const json_t *flags = json_object_get(d->rec.json, "flags"), *one;
	size_t n = 0, i;

	if (own != NULL)
		v[n++] = own;
	if (d->cut)
		v[n++] = "index_cut";
	json_array_foreach(flags, i, one) if (json_is_string(one) && n < FLAGS)
	    v[n++] = json_string_value(one);
	for (i = 0; d->parsed && i < d->mail->nflags && n < FLAGS; i++)
		v[n++] = d->mail->flags[i];
	return (n);
}

void
sp_doc_fill_flags(struct sp_doc *d, const char *own)
{
	const char *v[FLAGS];
	size_t n = collect_flags(d, own, v);
	enum sp_code rc = SP_OK;

	qsort(v, n, sizeof(v[0]), by_text);
	for (size_t i = 0; i < n && rc == SP_OK; i++) {
		if (!is_flag(v[i]) || (i > 0 && strcmp(v[i], v[i - 1]) == 0))
			continue;
		if (d->flags.n > 0)
			rc = sp_buf_addc(&d->flags, ' ');
		if (rc == SP_OK)
			rc = sp_buf_adds(&d->flags, v[i]);
	}
}

void
sp_doc_fill_files(struct sp_doc *d)
{
	struct sp_buf *col = &d->col[SP_COL_FILES];
	enum sp_code rc = SP_OK;

	for (size_t i = 0; d->parsed && i < d->mail->nparts; i++) {
		const struct sp_mail_part *p = &d->mail->parts[i];

		d->attachments += p->attachment;
		if (p->name == NULL || rc != SP_OK)
			continue;
		rc = sp_token_clean(sp_view_str(p->name), col);
		if (rc == SP_OK)
			rc = sp_buf_addc(col, '\n');
		d->cut = d->cut || rc != SP_OK;
	}
}

/* Append a verbatim token; one that finds no room is left out. */
static void
add_property(struct sp_doc *d, const char *kind, struct sp_view v)
{
	struct sp_buf *col = &d->col[SP_COL_META];

	if (sp_buf_addc(col, SP_TOKEN_MARK) != SP_OK ||
	    sp_buf_adds(col, kind) != SP_OK ||
	    sp_token_clean(v, col) != SP_OK ||
	    sp_buf_addc(col, SP_TOKEN_MARK) != SP_OK)
		return;
}

/* A property of which the first SP_META_HEX digits of a digest are stored. */
static void
add_digest(struct sp_doc *d, const char *kind, const uint8_t *digest)
{
	char hex[SP_META_HEX + 1];

	sp_hex_encode(digest, SP_META_HEX / 2, hex);
	add_property(d, kind, (struct sp_view){ hex, SP_META_HEX });
}

/* A MIME type, whole, major and minor. */
static void
add_type(struct sp_doc *d, const char *type)
{
	struct sp_view major, minor;
	struct sp_buf low;

	if (type == NULL)
		return;
	sp_buf_init(&low, 4096);
	if (sp_token_fold(sp_view_str(type), &low) == SP_OK) {
		minor = sp_buf_view(&low);
		add_property(d, SP_META_TYPE, minor);
		major = sp_view_cut(&minor, '/');
		if (minor.n > 0) {
			add_property(d, SP_META_TYPE, major);
			add_property(d, SP_META_TYPE, minor);
		}
	}
	sp_buf_done(&low);
}

/* A property whose value is folded; one that is too long is left out. */
static void
add_folded(struct sp_doc *d, const char *kind, struct sp_view v)
{
	struct sp_buf b;

	if (v.n == 0 || v.n > CLAIM_MAX)
		return;
	sp_buf_init(&b, 8 * CLAIM_MAX);
	if (sp_token_fold(v, &b) == SP_OK)
		add_property(d, kind, sp_buf_view(&b));
	sp_buf_done(&b);
}

/* "192.0.2.7:25" and "[2001:db8::1]:25" without the port. */
static struct sp_view
without_port(struct sp_view v)
{
	const char *colon = v.n == 0 ? NULL : memrchr(v.p, ':', v.n);
	struct sp_view port, host;
	uint64_t n;

	if (colon == NULL)
		return (v);
	host = sp_view_mem(v.p, (size_t)(colon - v.p));
	port = sp_view_mem(colon + 1, v.n - host.n - 1);
	if (!sp_view_u64(port, &n))
		return (v);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		return (sp_view_mem(host.p + 1, host.n - 2));
	return (memchr(host.p, ':', host.n) == NULL ? host : v);
}

/* Every text below ${j}, down to ${depth}, at most *left of them: what a relay
 * said of its client. */
static void
add_relay_claims(struct sp_doc *d, json_t *j, unsigned depth, unsigned *left)
{
	const char *key;
	json_t *one;

	json_object_foreach(j, key, one)
	{
		struct sp_view v, bare;

		if (json_is_object(one) && depth > 0)
			add_relay_claims(d, one, depth - 1, left);
		if (!json_is_string(one) || *left == 0)
			continue;
		(*left)--;
		v = sp_view_mem(
		    json_string_value(one), json_string_length(one));
		add_folded(d, SP_META_CLAIM, v);
		bare = without_port(v);
		if (bare.n != v.n)
			add_folded(d, SP_META_CLAIM, bare);
	}
}

/* The name of the grade; a record may have one that we do not know. */
static const char *
grade_of(const struct sp_record *r)
{
	for (size_t i = 0; i < SP_GRADE_OTHER; i++)
		if (strcmp(r->grade, sp_grade_name[i]) == 0)
			return (sp_grade_name[i]);
	return (sp_grade_name[SP_GRADE_OTHER]);
}

/* Of an unwrapped report the digest and the Message-ID of the original are
 * stored too, and those of the report itself. */
void
sp_doc_fill_meta(struct sp_doc *d)
{
	struct sp_view flags = sp_buf_view(&d->flags);
	unsigned claims = CLAIMS;
	uint8_t digest[SP_SHA256_LEN];

	add_property(d, SP_META_GRADE, sp_view_str(grade_of(&d->rec)));
	add_property(d, SP_META_VIA, sp_view_str(d->rec.via));
	add_digest(d, SP_META_SHA256, d->rec.sha256);
	while (flags.n > 0)
		add_property(d, SP_META_FLAG, sp_view_cut(&flags, ' '));
	add_relay_claims(d,
	    json_object_get(json_object_get(d->rec.json, "source"), "claimed"),
	    2, &claims);
	if (d->attachments > 0)
		add_property(d, SP_META_HAS, SP_VIEW_LIT(SP_HAS_ATTACHMENT));
	if (!d->parsed)
		return;
	if (d->mail->message_id != NULL) {
		sp_sha256_once(
		    d->mail->message_id, strlen(d->mail->message_id), digest);
		add_digest(d, SP_META_MSGID, digest);
	}
	if (d->mail->journal != NULL) {
		const char *id = d->mail->journal->wrapper_id;

		add_digest(d, SP_META_SHA256, d->mail->journal->inner_sha256);
		if (id != NULL) {
			sp_sha256_once(id, strlen(id), digest);
			add_digest(d, SP_META_MSGID, digest);
		}
	}
	for (size_t i = 0; i < d->mail->nparts; i++) {
		const struct sp_mail_part *p = &d->mail->parts[i];

		if (!p->attachment)
			continue;
		add_digest(d, SP_META_ASHA256, p->sha256);
		add_type(d, p->type);
		if (p->detected != NULL &&
		    (p->type == NULL || strcmp(p->type, p->detected) != 0))
			add_type(d, p->detected);
	}
}

/* The entries from the number ${a} to ${b}, if they are numbers of entries. */
static void
add_run(struct sp_doc *d, const json_t *a, const json_t *b)
{
	json_int_t first, last;

	if (!json_is_integer(a) || !json_is_integer(b) ||
	    d->nruns >= SP_DOC_SEQS_MAX)
		return;
	first = json_integer_value(a);
	last = json_integer_value(b);
	if (first < 0 || last < first || (uint64_t)last > SP_SEQ_MAX)
		return;
	d->runs = sp_xrealloc(d->runs, (d->nruns + 1) * sizeof(*d->runs));
	d->runs[d->nruns++] =
	    (struct sp_doc_run){ (uint64_t)first, (uint64_t)last };
}

/* The entries that a member of an event's detail names: "seq": N; "seqs" and
 * "entries": [N, [FIRST, LAST], ...]. */
static void
add_runs(struct sp_doc *d, const json_t *list)
{
	const json_t *one;
	size_t i;

	if (json_is_integer(list))
		add_run(d, list, list);
	json_array_foreach(list, i, one)
	{
		if (json_is_array(one) && json_array_size(one) == 2)
			add_run(
			    d, json_array_get(one, 0), json_array_get(one, 1));
		else
			add_run(d, one, one);
	}
}

/* ${v} as JSON text; nothing where it is absent or too long. */
static void
copy_json(const json_t *v, struct sp_buf *out)
{
	char *s =
	    v == NULL ? NULL : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	if (s != NULL && sp_buf_adds(out, s) != SP_OK)
		sp_buf_clear(out);
	free(s);
}

void
sp_doc_fill_event(struct sp_doc *d)
{
	static const char *const names[] = { "seq", "seqs", "entries" };
	const json_t *detail = json_object_get(d->rec.json, "detail");

	copy_json(json_object_get(d->rec.json, "actor"), &d->actor);
	copy_json(detail, &d->detail);
	for (size_t i = 0; i < SP_COUNTOF(names); i++)
		add_runs(d, json_object_get(detail, names[i]));
}
