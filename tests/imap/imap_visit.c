/*
 * imap_visit CONFIG DIR [check|list|stay|null] [full=N] [VISITS]: visits
 * of the first pull section, as the worker makes them, with an archive of the
 * test's own: each message becomes DIR/MAILBOX.UIDVALIDITY.UID, its provenance
 * the same with .json; keys of all go to DIR/keys.  Prints notes and results.
 * full=N: the N-th message finds no room; null: nothing is written.  Exit
 * status: 0, or 2 for a failure.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/io.h"
#include "base/json.h"
#include "journal/pull/ids.h"
#include "journal/pull/imap/imap.h"

#define WAIT_MAX 64 /* messages that are answered together */

struct archive {
	const char *dir;
	const struct sp_pull_conf *conf;
	uint64_t full_at, ended;
	bool null;
	char *provenance;
	struct sp_buf msg;
	void *tag;
	void *waiting[WAIT_MAX];
	size_t nwaiting;
	struct sp_buf keys;
};

static struct sp_stream_wakeup wakeup = { .fd = -1 };

static void
on_signal(int sig)
{
	if (sig == SIGTERM)
		atomic_store(&wakeup.stop, true);
	else
		atomic_store(&wakeup.poke, true);
	sp_stream_wake(&wakeup);
}

static void
must(enum sp_code rc, const struct sp_err *err)
{
	if (rc == SP_OK)
		return;
	(void)fprintf(stderr, "imap_visit: %s\n", err->msg);
	abort();
}

static void
put(const char *dir, const char *name, struct sp_view v)
{
	char *path = sp_xasprintf("%s/%s", dir, name);
	struct sp_err err;

	must(sp_io_replace(path, v.p, v.n, 0644, &err), &err);
	free(path);
}

static enum sp_code
on_begin(void *ctx, struct sp_view provenance, void *tag, struct sp_err *err)
{
	struct archive *a = ctx;

	(void)err;
	free(a->provenance);
	a->provenance = sp_view_dup(provenance);
	sp_buf_clear(&a->msg);
	a->tag = tag;
	return (SP_OK);
}

static enum sp_code
on_data(void *ctx, struct sp_view bytes, struct sp_err *err)
{
	struct archive *a = ctx;

	if (a->full_at != 0 && a->ended + 1 >= a->full_at)
		return (sp_err_set(err, SP_ENOSPC, 0, "the disk is full"));
	return (sp_buf_addv(&a->msg, bytes) == SP_OK
		    ? SP_OK
		    : sp_err_set(err, SP_ELIMIT, 0, "too large for the test"));
}

static void
answer_all(struct archive *a)
{
	if (a->nwaiting > 0 && !a->null)
		put(a->dir, "keys", sp_buf_view(&a->keys));
	for (size_t i = 0; i < a->nwaiting; i++)
		sp_pull_answer(a->waiting[i],
		    &(struct sp_pull_answer){ .rc = SP_OK, .seq = i });
	a->nwaiting = 0;
}

static enum sp_code
on_end(void *ctx, struct sp_err *err)
{
	struct archive *a = ctx;
	uint8_t key[SP_IDS_KEY];
	const json_t *source;
	json_t *j = NULL;
	const char *box, *uid;
	uint64_t uidvalidity = 0;
	char *name;

	a->waiting[a->nwaiting++] = a->tag;
	if (a->null) {
		if (a->nwaiting == WAIT_MAX)
			answer_all(a);
		return (SP_OK);
	}
	must(sp_json_load(sp_view_str(a->provenance), &j, err), err);
	source = json_object_get(j, "source");
	box = json_string_value(json_object_get(source, "mailbox"));
	uid = json_string_value(json_object_get(source, "uid"));
	(void)sp_json_get_u64(source, "uidvalidity", &uidvalidity);
	sp_ids_key(sp_view_str(box), uidvalidity, sp_view_str(uid), key);
	name = sp_xasprintf("%s.%" PRIu64 ".%s", box, uidvalidity, uid);
	for (char *c = name; *c != '\0'; c++)
		*c = *c == '/' ? '_' : *c;
	put(a->dir, name, sp_buf_view(&a->msg));
	free(name);
	name = sp_xasprintf("%s.%" PRIu64 ".%s.json", box, uidvalidity, uid);
	for (char *c = name; *c != '\0'; c++)
		*c = *c == '/' ? '_' : *c;
	put(a->dir, name, sp_view_str(a->provenance));
	free(name);
	/* One with a flag is evidence, no capture. */
	if (json_object_get(j, "flags") == NULL)
		must(sp_buf_add(&a->keys, key, sizeof(key)), err);
	json_decref(j);
	a->ended++;
	if (a->nwaiting == WAIT_MAX)
		answer_all(a);
	return (SP_OK);
}

static void
on_abort(void *ctx)
{
	(void)ctx;
}

static enum sp_code
on_flush(void *ctx, struct sp_err *err)
{
	(void)err;
	answer_all(ctx);
	return (SP_OK);
}

static void
on_reset(void *ctx)
{
	struct archive *a = ctx;

	a->nwaiting = 0;
}

static enum sp_code
on_pulled(void *ctx, uint64_t from, struct sp_buf *keys, uint64_t *next,
    bool *end, struct sp_err *err)
{
	struct archive *a = ctx;
	uint64_t n = a->keys.n / SP_IDS_KEY;

	for (uint64_t i = from; i < n; i++) {
		struct sp_pull_entry e = { .doubtful = false };

		memcpy(e.key, a->keys.p + i * SP_IDS_KEY, SP_IDS_KEY);
		must(sp_buf_add(keys, &e, sizeof(e)), err);
	}
	*next = n;
	*end = true;
	return (SP_OK);
}

static enum sp_code
get_secret(void *ctx, bool again, struct sp_buf *out, struct sp_err *err)
{
	const struct archive *a = ctx;
	char *path =
	    sp_xasprintf("%s%s", a->conf->password_file, again ? ".new" : "");
	enum sp_code rc = sp_io_read_file(path, 65536, out, err);

	(void)printf("secret %s\n", again ? "again" : "first");
	free(path);
	return (rc);
}

static void
on_step(void *ctx, const char *what, bool ok, const char *text)
{
	(void)ctx;
	(void)printf("step %s %s: %s\n", what, ok ? "ok" : "FAILED", text);
}

static void
on_note(void *ctx, const char *text)
{
	(void)ctx;
	(void)printf("note %s\n", text);
	(void)fflush(stdout);
}

static enum sp_code
on_listed(void *ctx, const struct sp_pull_meta *m, bool known,
    const char *doubt, struct sp_err *err)
{
	(void)ctx;
	(void)err;
	(void)printf("listed %.*s %.*s %s%s%s\n", (int)m->id.mailbox.n,
	    m->id.mailbox.p, (int)m->id.uid.n, m->id.uid.p,
	    known ? "known" : "missing", doubt == NULL ? "" : ": ",
	    doubt == NULL ? "" : doubt);
	return (SP_OK);
}

static int
visits(struct sp_pull *p, enum sp_pull_mode mode, uint64_t n)
{
	static const char *const why[] = { "network", "auth", "throttle",
		"config", "store" };
	struct sp_pull_result r;
	enum sp_code rc = SP_OK;
	struct sp_err err;

	for (uint64_t i = 0; i < n; i++) {
		rc = sp_pull_visit(p, mode, &r, &err);
		(void)printf("visit taken=%" PRIu64 " bytes=%" PRIu64
			     " known=%" PRIu64 " deleted=%" PRIu64
			     " skipped=%" PRIu64 " there=%" PRIu64
			     " doubtful=%" PRIu64 " wait=%" PRIu64 "\n",
		    r.taken, r.bytes, r.known, r.deleted, r.skipped,
		    r.in_mailbox, r.doubtful, r.wait);
		if (rc != SP_OK)
			(void)printf("failed %s: %s: %s\n", why[r.trouble],
			    sp_err_name(rc), err.msg);
		(void)fflush(stdout);
	}
	return (rc == SP_OK || rc == SP_EINTERRUPT ? 0 : 2);
}

int
main(int argc, char **argv)
{
	struct sp_config *cfg = NULL;
	struct archive a = { .dir = argc > 2 ? argv[2] : "" };
	struct sp_pull_opts o = { .source = sp_imap_session,
		.wakeup = &wakeup,
		.step = on_step,
		.note = on_note,
		.listed = on_listed };
	enum sp_pull_mode mode = SP_PULL_FETCH;
	struct sp_pull *p;
	struct sp_err err;
	uint64_t n = 1;
	char *path;
	int rc;

	if (argc < 3 || sp_config_load(argv[1], &cfg, &err) != SP_OK) {
		(void)fprintf(
		    stderr, "imap_visit: %s\n", argc < 3 ? "usage" : err.msg);
		return (2);
	}
	for (int i = 3; i < argc; i++) {
		struct sp_view v = sp_view_str(argv[i]), rest = v;

		(void)sp_view_cut(&rest, '=');
		if (sp_view_eq_str(v, "check"))
			mode = SP_PULL_CHECK;
		else if (sp_view_eq_str(v, "list"))
			mode = SP_PULL_LIST;
		else if (sp_view_eq_str(v, "stay"))
			o.may_idle = true;
		else if (sp_view_eq_str(v, "null"))
			a.null = true;
		else if (sp_view_starts(v, "full="))
			(void)sp_view_u64(rest, &a.full_at);
		else
			(void)sp_view_u64(v, &n);
	}
	wakeup.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGUSR1, on_signal);
	a.conf = &cfg->pull[0];
	sp_buf_init(&a.msg, 256u << 20);
	sp_buf_init(&a.keys, 16u << 20);
	path = sp_xasprintf("%s/keys", a.dir);
	if (sp_io_exists(path))
		must(sp_io_read_file(path, 16u << 20, &a.keys, &err), &err);
	free(path);
	path = sp_xasprintf("%s/state", a.dir);
	must(sp_io_mkdirs(path, 0700, &err), &err);
	free(path);
	o.dir = a.dir;
	o.conf = a.conf;
	o.ctx = &a;
	o.credentials = (struct sp_pull_credentials){ get_secret, &a };
	o.sink = (struct sp_pull_sink){ .begin = on_begin,
		.data = on_data,
		.end = on_end,
		.abort = on_abort,
		.flush = on_flush,
		.reset = on_reset,
		.pulled = on_pulled,
		.ctx = &a };
	p = sp_pull_new(&o);
	rc = visits(p, mode, n);
	sp_pull_free(p);
	sp_buf_done(&a.msg);
	sp_buf_done(&a.keys);
	free(a.provenance);
	sp_config_free(cfg);
	return (rc);
}
