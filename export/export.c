/*
 * The order of an export.
 *
 *   open_all(), check_at(), check_kept(), sp_export_query()   what was asked
 *   log_event()         the event `export` is durable and will be covered
 *   load_checkpoint()   the checkpoint that covers it
 *   sp_export_range()   which entries
 *   write_bag()         PATH.partial: entries, audit, proofs, texts, manifests
 *   close_bag()         signature, final name, event `exported`
 *
 * Nothing is logged before the request is known to be sound, and nothing is
 * written before it is logged: on the archive's own host an access that is not
 * logged does not happen (doc/format-record.md, "Events").
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/line.h"
#include "export/export_priv.h"

#define DETAIL_MAX (256u << 10) /* bytes of an event's detail */
#define INFO_MAX   (48u << 10) /* bytes of bag-info.txt */
#define TAGS_MAX   4096u /* bytes of tagmanifest-sha256.txt */
#define P7S_MAX	   (64u << 10) /* bytes of the signature */
#define CRT_MAX	   (1u << 20) /* bytes of keys/seal.crt */

/* Refuse an output that is there already; open the archive. */
static enum sp_code
open_all(struct sp_export_job *j, struct sp_err *err)
{
	char *crt = sp_layout_path(j->dir, "keys/seal.crt");
	enum sp_code rc;

	rc = sp_container_check(j->o->output, err);
	if (rc == SP_OK)
		rc = sp_reader_open(j->dir, &j->reader, err);
	if (rc == SP_OK)
		rc = sp_tree_open(j->dir, &j->tree, err);
	if (rc == SP_OK)
		rc = sp_io_read_file(crt, CRT_MAX, &j->crt, err);
	free(crt);
	return (rc);
}

/*
 * --at must not be beyond the end of the log: the same arguments would then
 * give other bytes later.
 */
static enum sp_code
check_at(struct sp_export_job *j, struct sp_err *err)
{
	uint64_t end = 0;
	enum sp_code rc = sp_reader_end(j->reader, &end, err);

	if (rc == SP_OK && j->o->at > end)
		rc = sp_err_set(err, SP_EUSAGE, 0,
		    "--at %" PRIu64 ": the log has only %" PRIu64 " entries",
		    j->o->at, end);
	return (rc);
}

/*
 * The checkpoint that the auditor kept must be one of this very log; its size
 * goes to ${j}->kept_size, for a consistency proof.
 */
static enum sp_code
check_kept(struct sp_export_job *j, struct sp_err *err)
{
	const char *path = j->o->from_checkpoint;
	struct sp_checkpoint kept;
	struct sp_hash root;
	char origin[SP_ORIGIN_MAX + 1];
	struct sp_buf note;
	enum sp_code rc;

	if (path == NULL)
		return (SP_OK);
	sp_buf_init(&note, SP_NOTE_MAX);
	rc = sp_io_read_file(path, SP_NOTE_MAX, &note, err);
	if (rc == SP_OK) {
		rc = sp_checkpoint_peek(sp_buf_view(&note), &kept, err);
		if (rc != SP_OK)
			(void)sp_err_prefix(err, "%s", path);
	}
	if (rc == SP_OK)
		rc = sp_layout_read_format(j->dir, origin, err);
	if (rc == SP_OK && strcmp(kept.origin, origin) != 0)
		rc = sp_err_set(err, SP_EMISMATCH, 0,
		    "%s is a checkpoint of the log %s, not of %s", path,
		    kept.origin, origin);
	if (rc == SP_OK && kept.size > sp_tree_size(j->tree))
		rc = sp_err_set(err, SP_EMISMATCH, 0,
		    "%s covers %" PRIu64
		    " entries, this archive has only %" PRIu64
		    ": it was rolled back, or is not the one",
		    path, kept.size, sp_tree_size(j->tree));
	if (rc == SP_OK)
		rc = sp_tree_root(j->tree, kept.size, &root, err);
	if (rc == SP_OK && !sp_hash_eq(&root, &kept.root))
		rc = sp_err_set(err, SP_EMISMATCH, 0,
		    "%s: the first %" PRIu64
		    " entries of this archive are not those that the checkpoint was signed over",
		    path, kept.size);
	j->kept_size = rc == SP_OK ? kept.size : 0;
	sp_buf_done(&note);
	return (rc);
}

/*
 * Append the event `export` with what was asked, wait for a checkpoint over it,
 * and have the index brought up to date.
 */
static enum sp_code
log_event(struct sp_export_job *j, struct sp_err *err)
{
	struct sp_buf detail;
	enum sp_code rc;

	sp_buf_init(&detail, DETAIL_MAX);
	rc = sp_export_event_detail(j, &detail, err);
	if (rc == SP_OK)
		rc = j->host->event(j->host->ctx, "export",
		    sp_buf_view(&detail), &j->event, err);
	if (rc == SP_OK)
		rc = j->host->cover(j->host->ctx, j->event, err);
	/* Last: the event may have brought entries of its own (`clock`). */
	if (rc == SP_OK && j->host->index != NULL)
		rc = j->host->index(j->host->ctx, err);
	sp_buf_done(&detail);
	return (rc);
}

/*
 * Load the checkpoint over the event, the tree that it is over, and the time of
 * the event, which every file of the bag but the messages bears.
 */
static enum sp_code
load_checkpoint(struct sp_export_job *j, struct sp_err *err)
{
	struct sp_view text;
	struct sp_line line;
	enum sp_code rc;

	rc = sp_tree_checkpoint(j->dir, &j->note, &j->cp, err);
	if (rc == SP_OK)
		rc = sp_tree_refresh(j->tree, err);
	if (rc == SP_OK && j->cp.size <= j->event)
		rc = sp_err_set(err, SP_EAGAIN, 0,
		    "no checkpoint covers the event of the export yet");
	if (rc == SP_OK)
		rc = sp_tree_line(j->tree, j->event, &text, err);
	if (rc == SP_OK)
		rc = sp_line_parse(text, &line, err);
	if (rc != SP_OK)
		return (rc);
	j->event_time = line.received;
	j->at = j->event;
	if (j->o->at > 0 && j->o->at < j->event)
		j->at = j->o->at;
	j->result->event_seq = j->event;
	j->result->tree_size = j->cp.size;
	return (SP_OK);
}

/* Begin the bag and the spools, all in the folder of the output. */
static enum sp_code
open_output(struct sp_export_job *j, struct sp_err *err)
{
	enum sp_code rc;

	j->tmp = sp_io_parent(j->o->output, NULL);
	rc = sp_spool_init(&j->records, j->tmp, err);
	if (rc == SP_OK)
		rc = sp_spool_init(&j->omitted, j->tmp, err);
	if (rc == SP_OK)
		rc = sp_spool_init(&j->jsonl, j->tmp, err);
	if (rc == SP_OK)
		rc = sp_spool_init(&j->csv, j->tmp, err);
	if (rc == SP_OK) {
		rc = sp_bag_open(
		    &j->bag, j->o->output, j->o->level, j->tmp, err);
		j->bag_open = true;
	}
	return (rc);
}

/*
 * Append the event `exported`, after the bag has its name: the digest of what
 * went out, for good.
 */
static enum sp_code
log_exported(
    struct sp_export_job *j, struct sp_view tagmanifest, struct sp_err *err)
{
	struct sp_buf detail;
	uint64_t seq;
	enum sp_code rc;

	sp_buf_init(&detail, DETAIL_MAX);
	rc = sp_export_finished_detail(j, tagmanifest, &detail, err);
	if (rc == SP_OK)
		rc = j->host->event(
		    j->host->ctx, "exported", sp_buf_view(&detail), &seq, err);
	sp_buf_done(&detail);
	return (rc);
}

/* Tag files and signature, the final name, and the event `exported`. */
static enum sp_code
close_bag(struct sp_export_job *j, struct sp_err *err)
{
	struct sp_buf info, tags, p7s;
	enum sp_code rc;

	sp_buf_init(&info, INFO_MAX);
	sp_buf_init(&tags, TAGS_MAX);
	sp_buf_init(&p7s, P7S_MAX);
	rc = sp_export_bag_info(j, &info, err);
	if (rc == SP_OK)
		rc = sp_bag_close(
		    &j->bag, sp_buf_view(&info), j->event_time, &tags, err);
	if (rc == SP_OK)
		rc = j->host->sign(
		    j->host->ctx, sp_buf_view(&tags), j->event, &p7s, err);
	if (rc == SP_OK)
		rc = sp_bag_finish(
		    &j->bag, sp_buf_view(&p7s), j->event_time, err);
	if (rc == SP_OK)
		rc = log_exported(j, sp_buf_view(&tags), err);
	sp_buf_done(&info);
	sp_buf_done(&tags);
	sp_buf_done(&p7s);
	return (rc);
}

/*
 * Everything that is in the bag, in an order that needs one pass over the run.
 */
static enum sp_code
write_bag(struct sp_export_job *j, struct sp_err *err)
{
	enum sp_code rc = open_output(j, err);

	if (rc == SP_OK)
		rc = sp_export_entries(j, err);
	if (rc == SP_OK)
		rc = sp_export_audit(j, err);
	if (rc == SP_OK)
		rc = sp_export_proofs(j, err);
	if (rc == SP_OK)
		rc = sp_export_verify_txt(j, err);
	if (rc == SP_OK)
		rc = close_bag(j, err);
	return (rc);
}

static void
free_job(struct sp_export_job *j)
{
	if (j->bag_open)
		sp_bag_done(&j->bag);
	sp_spool_done(&j->records);
	sp_spool_done(&j->omitted);
	sp_spool_done(&j->jsonl);
	sp_spool_done(&j->csv);
	sp_reader_close(j->reader);
	sp_tree_close(j->tree);
	sp_buf_done(&j->note);
	sp_buf_done(&j->crt);
	free(j->query);
	free(j->given);
	free(j->tmp);
}

/* A bag that was begun and not finished is removed by free_job(). */
enum sp_code
sp_export(const char *dir, const struct sp_export_opts *o,
    const struct sp_export_host *host, struct sp_export_result *out,
    struct sp_err *err)
{
	struct sp_export_job j = { .dir = dir,
		.o = o,
		.host = host,
		.result = out,
		.records = { .fd = -1 },
		.omitted = { .fd = -1 },
		.jsonl = { .fd = -1 },
		.csv = { .fd = -1 } };
	enum sp_code rc;

	*out = (struct sp_export_result){ 0 };
	sp_buf_init(&j.note, SP_NOTE_MAX);
	sp_buf_init(&j.crt, CRT_MAX);
	rc = open_all(&j, err);
	if (rc == SP_OK)
		rc = check_at(&j, err);
	if (rc == SP_OK)
		rc = check_kept(&j, err);
	if (rc == SP_OK)
		rc = sp_export_query(&j, err);
	if (rc == SP_OK)
		rc = log_event(&j, err);
	if (rc == SP_OK)
		rc = load_checkpoint(&j, err);
	if (rc == SP_OK)
		rc = sp_export_range(&j, err);
	if (rc == SP_OK)
		rc = sp_export_count_outside(&j, err);
	if (rc == SP_OK)
		rc = write_bag(&j, err);
	free_job(&j);
	return (rc);
}
