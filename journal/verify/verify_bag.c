/* An exported bag, checked in the order of doc/format-export.md section 5. */
#include "journal/verify/verify_bag_priv.h"

#include <stdlib.h>
#include <string.h>

enum sp_code
sp_verify_bag_read(struct sp_verify_bag *b, const char *name, size_t max,
    struct sp_buf *out, bool *have, struct sp_err *err)
{
	const struct sp_bag_file *file =
	    sp_bag_source_file(b->src, sp_view_str(name));
	enum sp_code rc;

	*have = false;
	sp_buf_clear(out);
	if (file == NULL) {
		sp_verify_found_add(
		    &b->found, "missing", name, "is not in the bag");
		return (SP_OK);
	}
	rc = sp_bag_source_read(b->src, file, max, out, err);
	*have = rc == SP_OK;
	return (sp_verify_found_code(&b->found, "container", name, rc, err));
}

static void
bag_done(struct sp_verify_bag *b)
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
	sp_verify_said_done(&b->said);
	sp_verify_run_done(&b->run);
	free(b);
}

static void
verdict(struct sp_verify_bag *b)
{
	struct sp_verdict *v = b->v;

	v->bag = true;
	sp_verify_identity_verdict(&b->id, b->o, v);
	if (b->have_point) {
		memcpy(v->origin, b->point.origin, sizeof(v->origin));
		v->size = b->point.size;
	} else if (b->have_info) {
		memcpy(v->origin, b->info.origin, sizeof(v->origin));
	}
	v->time = b->asked.received;
	v->findings = b->found.total;
	sp_verify_found_report(&b->found, b->o);
}

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
		rc = sp_verify_bag_form(b, err);
	if (rc == SP_OK)
		rc = sp_verify_bag_proof(b, err);
	if (rc == SP_OK)
		rc = sp_verify_bag_run(b, err);
	if (rc == SP_OK) {
		verdict(b);
		/* A finding says more than what could not be looked at. */
		if (b->later != SP_OK && out->findings == 0) {
			*err = b->later_err;
			rc = b->later;
		}
	}
	bag_done(b);
	return (rc);
}
