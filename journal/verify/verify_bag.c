/*
 * The verification of a bag, step by step in the order of doc/format-export.md
 * section 5: read it (bag_source.c), then files and signature
 * (verify_bag_manifest.c), checkpoint (verify_bag_checkpoint.c), events
 * (verify_bag_events.c), entries and verdict (verify_bag_entries.c,
 * verify_bag_verdict.c).  Findings do not end it; each step checks what the
 * ones before left it with.
 */
#include "journal/verify/verify_bag_priv.h"

#include <stdlib.h>
#include <string.h>

static void
free_bag(struct sp_verify_bag *b)
{
	for (size_t i = 0; i < b->npurges; i++) {
		sp_spans_done(&b->purges[i].purged);
		sp_spans_done(&b->purges[i].erased);
	}
	free(b->purges);
	sp_bag_source_close(b->src);
	sp_buf_done(&b->info_text);
	sp_buf_done(&b->note);
	sp_verify_found_done(&b->found);
	sp_verify_identity_done(&b->id);
	sp_verify_said_done(&b->logged);
	sp_verify_run_done(&b->run);
	free(b);
}

/*
 * Fill those parts of the verdict that no step filled, and report the findings.
 */
static void
report_verdict(struct sp_verify_bag *b)
{
	struct sp_verdict *v = b->v;

	v->bag = true;
	sp_verify_identity_verdict(&b->id, b->o, v);
	if (b->have_checkpoint) {
		memcpy(v->origin, b->checkpoint.origin, sizeof(v->origin));
		v->size = b->checkpoint.size;
	} else if (b->have_info) {
		memcpy(v->origin, b->info.origin, sizeof(v->origin));
	}
	v->time = b->request.received;
	v->findings = b->found.total;
	sp_verify_found_report(&b->found, b->o);
}

/* Each step uses what the ones before filled, so their order is fixed. */
enum sp_code
sp_verify_bag(const char *path, const struct sp_verify_opts *o,
    struct sp_verdict *out, struct sp_err *err)
{
	struct sp_verify_bag *b = sp_xcalloc(1, sizeof(*b));
	enum sp_code rc;

	b->path = path;
	b->o = o;
	b->v = out;
	sp_verify_run_init(&b->run, o);
	sp_buf_init(&b->info_text, SP_BAG_INFO_MAX);
	sp_buf_init(&b->note, SP_NOTE_MAX);
	rc = sp_bag_source_open(path, o->tmpdir != NULL ? o->tmpdir : "/tmp",
	    &b->run, &b->found, &b->src, err);
	if (rc == SP_OK)
		rc = sp_verify_bag_manifest(b, err);
	if (rc == SP_OK)
		rc = sp_verify_bag_checkpoint(b, err);
	if (rc == SP_OK)
		rc = sp_verify_bag_events(b, err);
	if (rc == SP_OK)
		rc = sp_verify_bag_entries(b, err);
	if (rc == SP_OK) {
		report_verdict(b);
		/* A finding says more than what could not be compared. */
		if (b->uncompared != SP_OK && out->findings == 0) {
			*err = b->uncompared_err;
			rc = b->uncompared;
		}
	}
	free_bag(b);
	return (rc);
}
