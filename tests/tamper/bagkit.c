/*
 * A bag made by hand from doc/format-export.md, honest or with one lie, without
 * a line of export/; bagkit.h has the contracts.
 */
#include "tests/tamper/bagkit.h"

#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/line.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "journal/log/reader.h"
#include "journal/tree/tree.h"
#include "tests/tamper/kit.h"

#define TEXT_LIMIT (64u << 20)

void
bagkit_put(const char *dir, const char *rel, struct sp_view bytes)
{
	char *path = sp_layout_path(dir, rel);
	struct sp_err err;

	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		sp_must(sp_io_mkdir(path, 0755, &err), &err);
		*p = '/';
	}
	kit_write(path, bytes.p == NULL ? "" : bytes.p, bytes.n);
	free(path);
}

static void
put_buf(const char *dir, const char *rel, struct sp_buf *b)
{
	bagkit_put(dir, rel, sp_buf_view(b));
	sp_buf_clear(b);
}

int64_t
bagkit_time(struct sp_fixture *fx, uint64_t seq)
{
	struct sp_tree *t = NULL;
	struct sp_view text;
	struct sp_line l;
	struct sp_err err;

	sp_must(sp_tree_open(fx->dir, &t, &err), &err);
	sp_must(sp_tree_line(t, seq, &text, &err), &err);
	sp_must(sp_line_parse(text, &l, &err), &err);
	sp_tree_close(t);
	return (l.received);
}

/* ---- manifests and signature ---- */

static void
add_listed(struct sp_buf *out, const struct kit_file *f)
{
	char hex[2 * SP_SHA256_LEN + 1];
	uint8_t digest[SP_SHA256_LEN];

	sp_sha256_once(f->bytes.p, f->bytes.n, digest);
	sp_hex_encode(digest, sizeof(digest), hex);
	sp_must(sp_buf_addf(out, "%s  %s\n", hex, f->rel), NULL);
}

static int
by_rel(const void *x, const void *y)
{
	const struct kit_file *a = x, *b = y;

	return (strcmp(a->rel, b->rel));
}

/* bag-info.txt with the right Payload-Oxum. */
static void
put_oxum(const char *dir, uint64_t bytes, uint64_t files)
{
	char *path = sp_layout_path(dir, "bag-info.txt");
	struct sp_buf in, out;
	struct sp_view rest;
	struct sp_err err;

	sp_buf_init(&in, TEXT_LIMIT);
	sp_buf_init(&out, TEXT_LIMIT);
	sp_must(sp_io_read_file(path, TEXT_LIMIT, &in, &err), &err);
	rest = sp_buf_view(&in);
	while (rest.n > 0) {
		struct sp_view line = sp_view_cut(&rest, '\n');

		if (sp_view_starts(line, "Payload-Oxum:"))
			sp_must(sp_buf_addf(&out,
				    "Payload-Oxum: %" PRIu64 ".%" PRIu64 "\n",
				    bytes, files),
			    NULL);
		else
			sp_must(
			    sp_buf_addf(&out, "%.*s\n", (int)line.n, line.p),
			    NULL);
	}
	put_buf(dir, "bag-info.txt", &out);
	sp_buf_done(&in);
	sp_buf_done(&out);
	free(path);
}

void
bagkit_seal(struct sp_fixture *fx, const char *dir)
{
	char *key = sp_fixture_path(fx, "keys/seal.key");
	char *crt = sp_fixture_path(fx, "keys/seal.crt");
	struct sp_buf pay, tags, p7s;
	struct sp_sealer *s = NULL;
	struct kit_file *f;
	uint64_t bytes = 0, files = 0;
	struct sp_err err;
	size_t n;

	sp_buf_init(&pay, TEXT_LIMIT);
	sp_buf_init(&tags, TEXT_LIMIT);
	sp_buf_init(&p7s, 1u << 20);
	n = kit_files(dir, NULL, &f);
	qsort(f, n, sizeof(*f), by_rel);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(f[i].rel, "data/", 5) != 0)
			continue;
		add_listed(&pay, &f[i]);
		bytes += f[i].bytes.n;
		files++;
	}
	kit_files_free(f, n);
	put_buf(dir, "manifest-sha256.txt", &pay);
	put_oxum(dir, bytes, files);
	n = kit_files(dir, NULL, &f);
	for (size_t i = 0; i < n; i++)
		if (strcmp(f[i].rel, "bag-info.txt") == 0 ||
		    strcmp(f[i].rel, "bagit.txt") == 0 ||
		    strcmp(f[i].rel, "manifest-sha256.txt") == 0)
			add_listed(&tags, &f[i]);
	kit_files_free(f, n);
	sp_must(sp_sealer_load(key, crt, &s, &err), &err);
	sp_must(sp_cms_sign_mem(s, sp_buf_view(&tags), &p7s, &err), &err);
	put_buf(dir, "tagmanifest-sha256.txt", &tags);
	put_buf(dir, "tagmanifest-sha256.txt.p7s", &p7s);
	sp_sealer_free(s);
	sp_buf_done(&pay);
	sp_buf_done(&tags);
	sp_buf_done(&p7s);
	free(key);
	free(crt);
}

/* ---- the bag ---- */

struct job {
	struct sp_fixture *fx;
	struct bagkit *b;
	struct sp_tree *tree;
	struct sp_nodes nodes;
	struct sp_reader *reader;
	struct sp_buf note, text, records, omitted;
	struct sp_checkpoint point;
	int64_t event_time;
};

static const char *
time_or(bool have, int64_t us, const char *none, char out[SP_TIME_LEN + 1])
{
	if (!have)
		return (none);
	sp_time_format(us, out);
	return (out);
}

static void
log_event(struct job *j)
{
	struct bagkit *b = j->b;
	char s[SP_TIME_LEN + 1], u[SP_TIME_LEN + 1], *detail;
	const char *since = time_or(b->have_since, b->since, "null", s);
	const char *until = time_or(b->have_until, b->until, "null", u);

	detail = sp_xasprintf(
	    "{\"range\":{\"by\":\"%s\",\"since\":%s%s%s,"
	    "\"until\":%s%s%s,\"since_text\":null,\"until_text\":null,"
	    "\"tz\":\"UTC\"},\"query\":\"%s\",\"at\":null,"
	    "\"with_records\":%s,\"from_checkpoint\":null,"
	    "\"container\":\"dir\",\"loadfile\":[]}",
	    b->by_date ? "date" : "received", b->have_since ? "\"" : "", since,
	    b->have_since ? "\"" : "", b->have_until ? "\"" : "", until,
	    b->have_until ? "\"" : "", b->query,
	    b->with_records ? "true" : "false");
	b->event = sp_fixture_add_event(j->fx, "export", detail);
	sp_fixture_close(j->fx);
	(void)sp_fixture_seal(j->fx);
	free(detail);
}

static void
line_at(struct job *j, uint64_t seq, struct sp_line *out)
{
	struct sp_view text;
	struct sp_err err;

	sp_must(sp_tree_line(j->tree, seq, &text, &err), &err);
	sp_must(sp_line_parse(text, out, &err), &err);
}

/* The run of the bag: doc/format-export.md, section 3. */
static void
find_run(struct job *j)
{
	struct bagkit *b = j->b;
	struct sp_err err;

	b->first = 0;
	b->end = b->event;
	if (b->have_since && !b->by_date)
		sp_must(sp_tree_find_time(
			    j->tree, b->size, b->since, &b->first, &err),
		    &err);
	if (b->have_until && !b->by_date)
		sp_must(sp_tree_find_time(
			    j->tree, b->size, b->until, &b->end, &err),
		    &err);
	if (b->end > b->event)
		b->end = b->event;
	if (b->first > b->event)
		b->first = b->event;
	if (b->end < b->first)
		b->end = b->first;
	if (b->claim_first > 0)
		b->first = b->claim_first;
	if (b->claim_end > 0)
		b->end = b->claim_end;
}

static void
add_hashes(struct sp_buf *out, const struct sp_proof *p)
{
	for (size_t i = 0; i < p->n; i++) {
		sp_must(sp_b64_append(out, p->h[i].b, 32), NULL);
		sp_must(sp_buf_addc(out, '\n'), NULL);
	}
}

static void
put_range(struct job *j)
{
	struct bagkit *b = j->b;
	uint64_t pfirst = b->first == 0 ? 0 : b->first - 1, pend = b->end + 1;
	struct sp_proof left, right;
	struct sp_err err;

	for (uint64_t s = pfirst; s < pend; s++) {
		struct sp_view text;

		sp_must(sp_tree_line(j->tree, s, &text, &err), &err);
		sp_must(sp_buf_addv(&j->text, text), NULL);
		sp_must(sp_buf_addc(&j->text, '\n'), NULL);
	}
	put_buf(b->out, "data/proof/entries.txt", &j->text);
	sp_must(sp_merkle_range(
		    &j->nodes, pfirst, pend, b->size, &left, &right, &err),
	    &err);
	sp_must(sp_buf_addf(&j->text,
		    "sealpost/range-proof/v1\n%" PRIu64 "\n%" PRIu64
		    "\n%" PRIu64 "\n\n",
		    pfirst, pend, b->size),
	    NULL);
	add_hashes(&j->text, &left);
	sp_must(sp_buf_addc(&j->text, '\n'), NULL);
	add_hashes(&j->text, &right);
	put_buf(b->out, "data/proof/range.txt", &j->text);
}

static void
put_event(struct job *j, uint64_t seq)
{
	struct sp_entry e;
	struct sp_proof p;
	struct sp_err err;
	char *name = sp_xasprintf("data/proof/events/%012" PRIu64 ".json", seq);

	sp_must(sp_reader_get(j->reader, seq, &e, &err), &err);
	bagkit_put(j->b->out, name, e.record);
	free(name);
	sp_must(
	    sp_merkle_inclusion(&j->nodes, seq, j->b->size, &p, &err), &err);
	sp_must(sp_buf_addf(&j->text,
		    "c2sp.org/tlog-proof@v1\nindex %" PRIu64 "\n", seq),
	    NULL);
	add_hashes(&j->text, &p);
	sp_must(sp_buf_addc(&j->text, '\n'), NULL);
	sp_must(sp_buf_addv(&j->text, sp_buf_view(&j->note)), NULL);
	name = sp_xasprintf("data/proof/events/%012" PRIu64 ".tlog-proof", seq);
	put_buf(j->b->out, name, &j->text);
	free(name);
}

static void
put_consistency(struct job *j)
{
	struct sp_proof p;
	struct sp_err err;
	char *name;

	if (j->b->from == 0)
		return;
	sp_must(
	    sp_merkle_consistency(&j->nodes, j->b->from, j->b->size, &p, &err),
	    &err);
	sp_must(sp_buf_addf(&j->text,
		    "sealpost/consistency/v1\n%" PRIu64 "\n%" PRIu64 "\n\n",
		    j->b->from, j->b->size),
	    NULL);
	add_hashes(&j->text, &p);
	name =
	    sp_xasprintf("data/proof/consistency/%" PRIu64 "-%" PRIu64 ".txt",
		j->b->from, j->b->size);
	put_buf(j->b->out, name, &j->text);
	free(name);
}

static bool
is_given(const struct bagkit *b, uint64_t seq)
{
	return (seq != b->as_filtered && seq != b->as_purged &&
		(*b->query == '\0' || seq % 3 == 0));
}

static void
put_entry(struct job *j, uint64_t seq)
{
	struct bagkit *b = j->b;
	struct sp_entry e;
	struct sp_err err;
	bool given;

	sp_must(sp_reader_get(j->reader, seq, &e, &err), &err);
	if (seq == b->forget && seq > 0)
		return;
	given = e.has_message && is_given(b, seq);
	if (given) {
		char *name =
		    sp_xasprintf("data/messages/%012" PRIu64 ".eml", seq);

		bagkit_put(b->out, name, e.msg);
		free(name);
		b->given++;
	} else if (seq > 0 && seq == b->as_purged) {
		sp_must(sp_buf_addf(&j->omitted,
			    "{\"seq\":%" PRIu64
			    ",\"reason\":\"purged\",\"event\":0}\n",
			    seq),
		    NULL);
	} else {
		sp_must(sp_buf_addf(&j->omitted,
			    "{\"seq\":%" PRIu64 ",\"reason\":\"%s\"}\n", seq,
			    e.has_message ? "filtered" : "event"),
		    NULL);
	}
	if (given || (b->with_records && e.has_message)) {
		sp_must(sp_buf_addv(&j->records, e.record), NULL);
		sp_must(sp_buf_addc(&j->records, '\n'), NULL);
	}
}

static void
put_info(struct job *j)
{
	struct bagkit *b = j->b;
	char t[SP_TIME_LEN + 1], s[SP_TIME_LEN + 1], u[SP_TIME_LEN + 1];
	bool whole = !b->by_date && *b->query == '\0' && b->as_filtered == 0;

	sp_time_format(j->event_time, t);
	sp_must(sp_buf_addf(&j->text,
		    "Bag-Software-Agent: sealpost " SP_VERSION "\n"
		    "Bagging-Date: %.10s\n"
		    "External-Identifier: %s#%" PRIu64 "\n"
		    "Payload-Oxum: 0.0\n"
		    "Sealpost-Bag: 1\n"
		    "Sealpost-Origin: %s\n"
		    "Sealpost-Event: %" PRIu64 "\n"
		    "Sealpost-Tree-Size: %" PRIu64 "\n"
		    "Sealpost-Run: %" PRIu64 "-%" PRIu64 "\n",
		    t, j->point.origin, b->event, j->point.origin, b->event,
		    b->size, b->first, b->end),
	    NULL);
	sp_must(sp_buf_addf(&j->text,
		    "Sealpost-Range-By: %s\n"
		    "Sealpost-Range-Since: %s\n"
		    "Sealpost-Range-Until: %s\n"
		    "Sealpost-Query:%s%s\n"
		    "Sealpost-Given: %" PRIu64 "\n"
		    "Sealpost-Verdict: %s\n",
		    b->by_date ? "date" : "received",
		    time_or(b->have_since, b->since, "-", s),
		    time_or(b->have_until, b->until, "-", u),
		    *b->query == '\0' ? "" : " ", b->query, b->given,
		    whole ? "COMPLETE" : "SELECTION"),
	    NULL);
	put_buf(b->out, "bag-info.txt", &j->text);
}

static void
put_fixed(struct job *j)
{
	const char *out = j->b->out;
	char *vkey = sp_fixture_path(j->fx, "keys/log.vkey");
	char *crt = sp_fixture_path(j->fx, "keys/seal.crt");
	struct sp_err err;

	bagkit_put(out, "bagit.txt",
	    SP_VIEW_LIT("BagIt-Version: 1.0\n"
			"Tag-File-Character-Encoding: UTF-8\n"));
	bagkit_put(out, "data/VERIFY.txt", SP_VIEW_LIT("How to check.\n"));
	bagkit_put(out, "data/audit.jsonl", SP_VIEW_LIT(""));
	bagkit_put(out, "data/policy.json",
	    SP_VIEW_LIT("{\"v\":1,\"retention\":[],\"holds\":[]}\n"));
	bagkit_put(out, "data/proof/checkpoint", sp_buf_view(&j->note));
	sp_must(sp_io_read_file(vkey, TEXT_LIMIT, &j->text, &err), &err);
	put_buf(out, "data/proof/log.vkey", &j->text);
	sp_must(sp_io_read_file(crt, TEXT_LIMIT, &j->text, &err), &err);
	put_buf(out, "data/proof/seal.crt", &j->text);
	free(vkey);
	free(crt);
}

static void
write_bag(struct job *j)
{
	struct bagkit *b = j->b;
	struct sp_line event;

	line_at(j, b->event, &event);
	j->event_time = event.received;
	find_run(j);
	put_fixed(j);
	put_range(j);
	put_event(j, 0);
	put_event(j, b->event);
	put_consistency(j);
	b->given = 0;
	for (uint64_t s = b->first; s < b->end; s++)
		put_entry(j, s);
	put_buf(b->out, "data/records.jsonl", &j->records);
	put_buf(b->out, "data/proof/omitted.jsonl", &j->omitted);
	put_info(j);
	bagkit_seal(j->fx, b->out);
}

void
bagkit_make(struct sp_fixture *fx, struct bagkit *b)
{
	struct job j = { .fx = fx, .b = b };
	struct sp_err err;

	sp_buf_init(&j.note, SP_NOTE_MAX);
	sp_buf_init(&j.text, TEXT_LIMIT);
	sp_buf_init(&j.records, TEXT_LIMIT);
	sp_buf_init(&j.omitted, TEXT_LIMIT);
	if (b->query == NULL)
		b->query = "";
	sp_must(sp_io_mkdir(b->out, 0755, &err), &err);
	log_event(&j);
	sp_must(sp_tree_open(fx->dir, &j.tree, &err), &err);
	j.nodes = sp_tree_nodes(j.tree);
	sp_must(sp_tree_checkpoint(fx->dir, &j.note, &j.point, &err), &err);
	b->size = j.point.size;
	sp_must(sp_reader_open(fx->dir, &j.reader, &err), &err);
	write_bag(&j);
	sp_reader_close(j.reader);
	sp_tree_close(j.tree);
	sp_buf_done(&j.note);
	sp_buf_done(&j.text);
	sp_buf_done(&j.records);
	sp_buf_done(&j.omitted);
}

/* ---- containers ---- */

static void
la_must(int r, struct archive *a)
{
	if (r == ARCHIVE_OK)
		return;
	(void)fprintf(stderr, "libarchive: %s\n", archive_error_string(a));
	abort();
}

static void
pack_one(struct archive *a, const struct kit_file *f, const char *top)
{
	struct archive_entry *e = archive_entry_new();
	char *name =
	    sp_xasprintf("%s%s%s", top, *top == '\0' ? "" : "/", f->rel);

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0444);
	archive_entry_set_mtime(e, 1795000000, 0);
	archive_entry_set_size(e, (la_int64_t)f->bytes.n);
	la_must(archive_write_header(a, e), a);
	if (f->bytes.n > 0 && archive_write_data(a, f->bytes.p, f->bytes.n) !=
				  (la_ssize_t)f->bytes.n)
		la_must(ARCHIVE_FATAL, a);
	archive_entry_free(e);
	free(name);
}

void
bagkit_pack(
    const char *dir, const char *to, const char *top, bool zip, bool reversed)
{
	struct archive *a = archive_write_new();
	struct kit_file *f;
	size_t n = kit_files(dir, NULL, &f);

	if (zip) {
		la_must(archive_write_set_format_zip(a), a);
	} else {
		la_must(archive_write_set_format_pax_restricted(a), a);
		la_must(archive_write_add_filter_zstd(a), a);
	}
	la_must(archive_write_open_filename(a, to), a);
	for (size_t i = 0; i < n; i++)
		pack_one(a, &f[reversed ? n - 1 - i : i], top);
	la_must(archive_write_close(a), a);
	archive_write_free(a);
	kit_files_free(f, n);
}
