/*
 * The files of a bag: BagIt (RFC 8493) and the signature.  Steps 2 to 4 of
 * doc/format-export.md section 5: bagit.txt and bag-info.txt, that the demanded
 * files are there, the CMS signature over the tag manifest, and both manifests
 * both ways, so that a listed file that is not there and a file that is not
 * listed are findings.
 *
 *   tagmanifest-sha256.txt.p7s  signs  tagmanifest-sha256.txt
 *   tagmanifest-sha256.txt      lists  bag-info.txt bagit.txt
 *                                      manifest-sha256.txt
 *   manifest-sha256.txt         lists  every file below data/
 *
 * Called by verify_bag.c after the bag was read; a digest is that of the bytes
 * that were read then.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "journal/sign/cms.h"
#include "journal/verify/verify_bag_priv.h"

#define P7S_MAX	 (1u << 20) /* bytes of the signature */
#define TAGS_MAX 4096u /* bytes of tagmanifest-sha256.txt */
#define MANIFEST "manifest-sha256.txt"
#define TAGS	 "tagmanifest-sha256.txt"
#define TAGS_P7S "tagmanifest-sha256.txt.p7s"

/* The whole of bagit.txt (RFC 8493, section 2.1.1). */
static const char bagit[] = "BagIt-Version: 1.0\n"
			    "Tag-File-Character-Encoding: UTF-8\n";

/* The only files that may lie outside data/. */
static const char *const tag_files[] = { "bag-info.txt", "bagit.txt", MANIFEST,
	TAGS, TAGS_P7S };

/* Files that must be there, whether or not a later check reads them. */
static const char *const demanded_files[] = { "data/VERIFY.txt",
	"data/audit.jsonl", "data/policy.json", SP_BAG_ENTRIES, SP_BAG_OMITTED,
	SP_BAG_SEAL_CRT, SP_BAG_RECORDS, MANIFEST };

static enum sp_code
check_bagit(struct sp_verify_bag *b, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;
	bool have;

	sp_buf_init(&text, SP_BAG_INFO_MAX);
	rc = sp_bag_source_require(
	    b->src, "bagit.txt", SP_BAG_INFO_MAX, &text, &have, err);
	if (rc == SP_OK && have && !sp_view_eq_str(sp_buf_view(&text), bagit))
		sp_findings_add(&b->found, "format", "bagit.txt",
		    "is not that of a BagIt 1.0 bag in UTF-8");
	sp_buf_done(&text);
	return (rc);
}

/* Read and parse bag-info.txt into ${b}->info. */
static enum sp_code
check_info(struct sp_verify_bag *b, struct sp_err *err)
{
	enum sp_code rc;
	bool have;

	rc = sp_bag_source_require(
	    b->src, "bag-info.txt", SP_BAG_INFO_MAX, &b->info_text, &have, err);
	if (rc != SP_OK || !have)
		return (rc);
	rc = sp_bag_info_parse(sp_buf_view(&b->info_text), &b->info, err);
	b->have_info = rc == SP_OK;
	return (sp_findings_add_error(
	    &b->found, "format", "bag-info.txt", rc, err));
}

/*
 * The signature over the tag manifest ${tags}, and through it over every byte
 * of the bag, by a certificate of data/proof/seal.crt.  Whether that
 * certificate counts is checked by verify_bag_events.c.
 */
static enum sp_code
check_signature(
    struct sp_verify_bag *b, struct sp_view tags, struct sp_err *err)
{
	struct sp_buf p7s, pem;
	struct sp_certs *certs = NULL;
	bool have = false, have_pem;
	enum sp_code rc;

	sp_buf_init(&p7s, P7S_MAX);
	sp_buf_init(&pem, SP_VERIFY_PEM_MAX);
	rc = sp_bag_source_require(
	    b->src, SP_BAG_SEAL_CRT, SP_VERIFY_PEM_MAX, &pem, &have_pem, err);
	if (rc == SP_OK)
		rc = sp_bag_source_require(
		    b->src, TAGS_P7S, P7S_MAX, &p7s, &have, err);
	if (rc != SP_OK || !have || !have_pem)
		goto out;
	rc = sp_certs_parse(sp_buf_view(&pem), &certs, err);
	if (rc != SP_OK) {
		rc = sp_findings_add_error(
		    &b->found, "key", SP_BAG_SEAL_CRT, rc, err);
		goto out;
	}
	rc = sp_cms_verify_mem(sp_buf_view(&p7s), tags, certs, err);
	if (rc == SP_OK)
		rc = sp_cms_check_form(sp_buf_view(&p7s), err);
	rc = sp_findings_add_error(&b->found, "signature", TAGS_P7S, rc, err);
out:
	sp_certs_free(certs);
	sp_buf_done(&pem);
	sp_buf_done(&p7s);
	return (rc);
}

/*
 * One line of ${manifest} against the file that was read; marks the file as
 * listed.
 */
static void
check_listed(struct sp_verify_bag *b, struct sp_view path,
    const uint8_t sha256[SP_SHA256_LEN], const char *manifest)
{
	struct sp_bag_message *m = NULL;
	struct sp_bag_file *file = NULL;
	const uint8_t *stored = NULL;
	char *shown = sp_view_dup(path);
	uint64_t seq;

	if (sp_bag_message_name(path, &seq))
		m = sp_bag_source_message(b->src, seq);
	else
		file = sp_bag_source_file(b->src, path);
	if (m != NULL) {
		stored = m->sha256;
		m->listed = 1;
	} else if (file != NULL) {
		stored = file->sha256;
		file->listed = true;
	}
	if (stored == NULL)
		sp_findings_add(&b->found, "missing", shown,
		    "is listed in %s, but not there", manifest);
	else if (memcmp(stored, sha256, SP_SHA256_LEN) != 0)
		sp_findings_add(&b->found, "manifest", shown,
		    "is not the file that %s lists (SHA-256 differs)",
		    manifest);
	free(shown);
}

/*
 * Whether ${path} sorts behind ${last}, so that no path can be listed twice;
 * ${last} becomes ${path}.
 */
static bool
is_sorted(struct sp_buf *last, struct sp_view path)
{
	struct sp_view previous = sp_buf_view(last);
	size_t n = previous.n < path.n ? previous.n : path.n;
	int d = n == 0 ? 0 : memcmp(previous.p, path.p, n);
	bool ascends = d < 0 || (d == 0 && previous.n < path.n);

	sp_buf_clear(last);
	return (sp_buf_addv(last, path) == SP_OK && ascends);
}

/*
 * All lines of a manifest against the files that were read.  ${payload}: it
 * lists files below data/ and nothing else, or else none of them.
 */
static enum sp_code
read_manifest(struct sp_verify_bag *b, struct sp_bag_text *t, const char *name,
    bool payload, struct sp_err *err)
{
	struct sp_view line, path;
	uint8_t sha256[SP_SHA256_LEN];
	struct sp_buf last;
	enum sp_code rc;

	sp_buf_init(&last, SP_BAG_NAME_MAX);
	while ((rc = sp_bag_text_next(t, &line, err)) == SP_OK) {
		if (!sp_bag_manifest_line(line, sha256, &path) ||
		    sp_view_starts(path, "data/") != payload ||
		    !is_sorted(&last, path)) {
			rc = sp_err_set(err, SP_EFORMAT, 0,
			    "line %" PRIu64
			    " is not a digest and a path in its place",
			    t->line);
			break;
		}
		check_listed(b, path, sha256, name);
	}
	sp_buf_done(&last);
	if (rc == SP_EEND)
		return (SP_OK);
	return (sp_findings_add_error(&b->found, "manifest", name, rc, err));
}

/* One manifest, if it is there; that it is not was reported already. */
static enum sp_code
check_manifest(
    struct sp_verify_bag *b, const char *name, bool payload, struct sp_err *err)
{
	const struct sp_bag_file *file =
	    sp_bag_source_file(b->src, sp_view_str(name));
	struct sp_bag_text t;
	enum sp_code rc;

	if (file == NULL)
		return (SP_OK); /* a finding already */
	rc = sp_bag_text_open(b->src, file, SP_BAG_TEXT_LINE, &t, err);
	if (rc == SP_OK)
		rc = read_manifest(b, &t, name, payload, err);
	else
		rc =
		    sp_findings_add_error(&b->found, "manifest", name, rc, err);
	sp_bag_text_close(&t);
	return (rc);
}

static bool
is_tag_file(const char *path)
{
	for (size_t i = 0; i < SP_COUNTOF(tag_files); i++)
		if (strcmp(path, tag_files[i]) == 0)
			return (true);
	return (false);
}

/*
 * Files that are there and in no manifest, and the sum of the payload
 * (Payload-Oxum).
 */
static void
check_unlisted(struct sp_verify_bag *b)
{
	size_t nf, nm;
	const struct sp_bag_file *f = sp_bag_source_files(b->src, &nf);
	const struct sp_bag_message *m = sp_bag_source_messages(b->src, &nm);
	uint64_t bytes = 0, files = nm;

	for (size_t i = 0; i < nm; i++) {
		bytes += m[i].size;
		b->v->bytes += m[i].size;
		if (m[i].listed == 0) {
			char where[64];

			(void)snprintf(where, sizeof(where),
			    "data/messages/%012" PRIu64 ".eml", m[i].seq);
			sp_findings_add(&b->found, "extra", where,
			    "is not listed in " MANIFEST);
		}
	}
	for (size_t i = 0; i < nf; i++) {
		bool payload = strncmp(f[i].path, "data/", 5) == 0;

		if (payload) {
			bytes += f[i].size;
			files++;
		} else if (!is_tag_file(f[i].path)) {
			sp_findings_add(&b->found, "extra", f[i].path,
			    "does not belong into a bag");
			continue;
		} else if (strncmp(f[i].path, TAGS, strlen(TAGS)) == 0) {
			continue;
		}
		if (!f[i].listed)
			sp_findings_add(&b->found, "extra", f[i].path,
			    "is not listed in its manifest");
		if (strncmp(f[i].path, "data/messages/", 14) == 0)
			sp_findings_add(&b->found, "extra", f[i].path,
			    "is not named like a message");
	}
	if (b->have_info &&
	    (b->info.oxum_bytes != bytes || b->info.oxum_files != files))
		sp_findings_add(&b->found, "manifest", "bag-info.txt",
		    "Payload-Oxum says %" PRIu64 ".%" PRIu64
		    ", there are %" PRIu64 ".%" PRIu64,
		    b->info.oxum_bytes, b->info.oxum_files, bytes, files);
}

/*
 * Without the tag manifest neither the signature nor the tag files can be
 * checked; the payload is compared with its manifest in any case.
 */
enum sp_code
sp_verify_bag_manifest(struct sp_verify_bag *b, struct sp_err *err)
{
	struct sp_buf tags;
	enum sp_code rc;
	bool have = false;

	sp_buf_init(&tags, TAGS_MAX);
	rc = check_bagit(b, err);
	if (rc == SP_OK)
		rc = check_info(b, err);
	for (size_t i = 0; i < SP_COUNTOF(demanded_files); i++)
		if (sp_bag_source_file(
			b->src, sp_view_str(demanded_files[i])) == NULL)
			sp_findings_add(&b->found, "missing", demanded_files[i],
			    "is not in the bag");
	if (rc == SP_OK)
		rc = sp_bag_source_require(
		    b->src, TAGS, TAGS_MAX, &tags, &have, err);
	if (rc == SP_OK && have)
		rc = check_signature(b, sp_buf_view(&tags), err);
	if (rc == SP_OK && have)
		rc = check_manifest(b, TAGS, false, err);
	if (rc == SP_OK)
		rc = check_manifest(b, MANIFEST, true, err);
	if (rc == SP_OK)
		check_unlisted(b);
	sp_buf_done(&tags);
	return (rc);
}
