/*
 * All segments of an archive: found in the folders of the months
 * (archive/YYYY/MM/), checked by two threads (verify_segment.c), and their
 * results merged in the order of the entries, so that a report does not depend
 * on which thread was faster.
 *
 * Called again when the intake log turned out to lack entries that the service
 * packed meanwhile; it then checks only what lies behind ${a}->next.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/line.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "journal/verify/verify_segment_priv.h"

#define THREADS 2u /* that check segments, the caller's included */

/* The segments to check, sorted by first entry. */
struct job_list {
	struct sp_verify_job *j;
	size_t n, cap;
};

/* What the threads share. */
struct segment_pool {
	struct sp_verify_archive *a;
	struct job_list *list;
	pthread_mutex_t lock; /* for next */
	size_t next; /* the first job that no thread has */
	struct sp_buf certs; /* PEM text of all sealing certificates */
};

/* ---- listing ---- */

static bool
all_digits(const char *s, size_t n)
{
	if (strlen(s) != n)
		return (false);
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return (false);
	return (true);
}

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return (n >= m && strcmp(s + n - m, end) == 0);
}

/*
 * A name that is no segment.  What an interrupted or finished seal leaves
 * beside segments is no finding; what bears any other name is.
 */
static void
report_extra(struct sp_verify_archive *a, const char *where, const char *name)
{
	if (name[0] == '.' || ends_in(name, ".tmp") ||
	    ends_in(name, ".partial") || ends_in(name, ".new") ||
	    ends_in(name, ".p7s") || ends_in(name, ".tsr"))
		return;
	sp_verify_found_add(&a->found, "extra", where,
	    "does not belong there: it is no segment, and nothing names it");
}

/* Append the segment ${where}, of ${size} bytes. */
static void
add_job(struct job_list *l, const struct sp_segment_name *name,
    const char *where, uint64_t size)
{
	struct sp_verify_job *j;

	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 64 : l->cap * 2;
		l->j = sp_xrealloc(l->j, l->cap * sizeof(*l->j));
	}
	j = &l->j[l->n++];
	memset(j, 0, sizeof(*j));
	j->name = *name;
	j->where = sp_xstrdup(where);
	j->size = size;
	sp_buf_init(&j->events, SP_VERIFY_EVENTS_MAX);
}

/*
 * Add the segments of one month (its path below the archive) that begin at
 * entry ${from} or later.  Files that do not belong there are findings.
 */
static enum sp_code
list_month(struct sp_verify_archive *a, const char *month, uint64_t from,
    struct job_list *l, struct sp_err *err)
{
	char *dir = sp_layout_path(a->dir, month);
	char **names = NULL;
	size_t n = 0;
	enum sp_code rc = sp_io_list(dir, &names, &n, err);

	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		struct sp_segment_name name;
		char *where = sp_layout_path(month, names[i]);
		char *path = sp_layout_path(a->dir, where);
		struct stat st;

		if (!sp_layout_parse_segment(names[i], &name))
			report_extra(a, where, names[i]);
		else if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
			sp_verify_found_add(
			    &a->found, "extra", where, "is not a plain file");
		else if (name.first >= from)
			add_job(l, &name, where, (uint64_t)st.st_size);
		free(path);
		free(where);
	}
	sp_io_names_free(names, n);
	free(dir);
	return (rc);
}

/* The same for all months of a year. */
static enum sp_code
list_year(struct sp_verify_archive *a, const char *year, uint64_t from,
    struct job_list *l, struct sp_err *err)
{
	char *dir = sp_layout_path(a->dir, year);
	char **names = NULL;
	size_t n = 0;
	enum sp_code rc = sp_io_list(dir, &names, &n, err);

	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		char *where = sp_layout_path(year, names[i]);

		if (all_digits(names[i], 2))
			rc = list_month(a, where, from, l, err);
		else
			report_extra(a, where, names[i]);
		free(where);
	}
	sp_io_names_free(names, n);
	free(dir);
	return (rc);
}

/* By first entry; of several revisions of a segment the highest comes first. */
static int
by_first(const void *x, const void *y)
{
	const struct sp_verify_job *a = x, *b = y;

	if (a->name.first != b->name.first)
		return (a->name.first > b->name.first ? 1 : -1);
	if (a->name.revision != b->name.revision)
		return (a->name.revision < b->name.revision ? 1 : -1);
	return (strcmp(a->where, b->where));
}

static void
list_done(struct job_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct sp_verify_job *j = &l->j[i];

		sp_verify_found_done(&j->found);
		sp_buf_done(&j->events);
		sp_spans_done(&j->no_message);
		sp_spans_done(&j->no_record);
		free(j->where);
	}
	free(l->j);
}

/* The same for all years; ${l} is sorted then. */
static enum sp_code
list_years(struct sp_verify_archive *a, uint64_t from, struct job_list *l,
    struct sp_err *err)
{
	char *dir = sp_layout_path(a->dir, "archive");
	char **names = NULL;
	size_t n = 0;
	enum sp_code rc = sp_io_list(dir, &names, &n, err);

	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		char *where = sp_layout_path("archive", names[i]);

		if (all_digits(names[i], 4))
			rc = list_year(a, where, from, l, err);
		else
			report_extra(a, where, names[i]);
		free(where);
	}
	sp_io_names_free(names, n);
	free(dir);
	if (l->n > 1)
		qsort(l->j, l->n, sizeof(*l->j), by_first);
	return (rc);
}

/* Whether the listed segments leave out an entry from ${from} on. */
static bool
has_gap(const struct job_list *l, uint64_t from)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->j[i].name.first > from)
			return (true);
		from = l->j[i].name.last + 1;
	}
	return (false);
}

/*
 * List all segments from ${a}->next on.  A listing may miss a segment that is
 * renamed into place while it runs, and yet have the next one; so it is done
 * once more where it has a gap.
 */
static enum sp_code
list_all(struct sp_verify_archive *a, struct job_list *l, struct sp_err *err)
{
	struct sp_verify_found earlier = a->found;
	enum sp_code rc;

	memset(&a->found, 0, sizeof(a->found));
	rc = list_years(a, a->next, l, err);
	if (rc == SP_OK && has_gap(l, a->next)) {
		list_done(l);
		memset(l, 0, sizeof(*l));
		sp_verify_found_done(&a->found);
		rc = list_years(a, a->next, l, err);
	}
	sp_verify_found_merge(&earlier, &a->found);
	a->found = earlier;
	for (size_t i = 0; i < l->n; i++)
		a->run.total += l->j[i].size;
	return (rc);
}

/* ---- workers ---- */

/* The next segment that no thread has; NULL when all are taken. */
static struct sp_verify_job *
next_job(struct segment_pool *p)
{
	struct sp_verify_job *j = NULL;

	(void)pthread_mutex_lock(&p->lock);
	if (p->next < p->list->n)
		j = &p->list->j[p->next++];
	(void)pthread_mutex_unlock(&p->lock);
	return (j);
}

/*
 * A thread: checks one segment after the other, with certificates and a tree of
 * its own.  One that cannot look ends the others too.
 */
static void *
check_jobs(void *arg)
{
	struct segment_pool *p = arg;
	struct sp_verify_worker w = { .a = p->a };
	struct sp_verify_job *j;

	w.sha = sp_sha256_new();
	sp_buf_init(&w.lines, SP_VERIFY_LINES_MAX);
	sp_buf_init(&w.record, SP_RECORD_MAX);
	/* Failures of these two are findings already. */
	if (p->certs.n > 0 &&
	    sp_certs_parse(sp_buf_view(&p->certs), &w.certs, NULL) != SP_OK)
		w.certs = NULL;
	if (p->a->have_tree && sp_tree_open(p->a->dir, &w.tree, NULL) != SP_OK)
		w.tree = NULL;
	while ((j = next_job(p)) != NULL) {
		sp_verify_segment_run(&w, j);
		if (j->rc != SP_OK) {
			sp_verify_run_stop(&p->a->run);
			break;
		}
	}
	sp_tree_close(w.tree);
	sp_certs_free(w.certs);
	sp_buf_done(&w.record);
	sp_buf_done(&w.lines);
	sp_sha256_free(w.sha);
	return (NULL);
}

/*
 * Check all listed segments, the caller's thread being one of them, and return
 * the first reason for which one could not be looked at.
 */
static enum sp_code
run_threads(
    struct sp_verify_archive *a, struct segment_pool *p, struct sp_err *err)
{
	pthread_t t[THREADS - 1];
	size_t n = 0;

	(void)pthread_mutex_init(&p->lock, NULL);
	while (n < THREADS - 1 && p->list->n > 1 &&
	       pthread_create(&t[n], NULL, check_jobs, p) == 0)
		n++;
	(void)check_jobs(p);
	for (size_t i = 0; i < n; i++)
		(void)pthread_join(t[i], NULL);
	(void)pthread_mutex_destroy(&p->lock);
	/* One that failed by itself before those that it stopped. */
	for (size_t i = 0; i < p->list->n; i++) {
		const struct sp_verify_job *j = &p->list->j[i];

		if (j->rc != SP_OK && j->rc != SP_EINTERRUPT) {
			*err = j->err;
			return (j->rc);
		}
	}
	return (sp_verify_run_step(&a->run, 0, err));
}

/*
 * Read keys/seal-all.crt, the certificates that signatures are checked with;
 * that it cannot be read is a finding, and the text stays empty.
 */
static enum sp_code
load_certs(
    struct sp_verify_archive *a, struct segment_pool *p, struct sp_err *err)
{
	const char *where = "keys/seal-all.crt";
	char *path = sp_layout_path(a->dir, where);
	struct sp_certs *c = NULL;
	enum sp_code rc;

	rc = sp_io_read_file(path, SP_VERIFY_PEM_MAX, &p->certs, err);
	if (rc == SP_OK)
		rc = sp_certs_parse(sp_buf_view(&p->certs), &c, err);
	if (rc != SP_OK)
		sp_buf_clear(&p->certs);
	sp_certs_free(c);
	free(path);
	return (sp_verify_found_code(&a->found, "key", where, rc, err));
}

/* ---- results, in order ---- */

/*
 * Add what the events of a segment say of keys and purges, in order of seq.
 * They were parsed already by the thread.
 */
static enum sp_code
add_events(
    struct sp_verify_archive *a, struct sp_verify_job *j, struct sp_err *err)
{
	struct sp_view rest = sp_buf_view(&j->events);
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && rest.n >= 12) {
		uint64_t seq = sp_le64_get((const uint8_t *)rest.p);
		size_t len = sp_le32_get((const uint8_t *)rest.p + 8);
		struct sp_record r;
		char where[320];

		rest.p += 12;
		rest.n -= 12;
		(void)snprintf(
		    where, sizeof(where), "%s: entry %" PRIu64, j->where, seq);
		rc = sp_record_parse((struct sp_view){ rest.p, len }, &r, err);
		if (rc == SP_OK) {
			rc = sp_verify_said_event(
			    &a->logged, &r, where, &a->found, err);
			sp_record_done(&r);
		}
		rest.p += len;
		rest.n -= len;
	}
	return (rc);
}

/* Add all runs of ${from} to ${to}. */
static enum sp_code
copy_spans(struct sp_seq_spans *to, const struct sp_seq_spans *from,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; i < from->n && rc == SP_OK; i++)
		rc = sp_spans_add(to, from->s[i].first, from->s[i].end, err);
	return (rc);
}

/*
 * The folder of a segment must be that of the month, UTC, of its first entry.
 */
static void
check_month(struct sp_verify_archive *a, const struct sp_verify_job *j,
    int64_t received)
{
	int year, month;
	char want[32];

	sp_time_year_month(received, &year, &month);
	(void)snprintf(want, sizeof(want), "archive/%04d/%02d/", year, month);
	if (strncmp(j->where, want, strlen(want)) != 0)
		sp_verify_found_add(&a->found, "segment", j->where,
		    "lies in the folder of another month than that of its first entry (%s)",
		    want);
}

/* As check_month(), where the tree has the line of the first entry. */
static void
check_folder(struct sp_verify_archive *a, const struct sp_verify_job *j,
    struct sp_tree *tree)
{
	struct sp_view text;
	struct sp_line l;

	if (tree != NULL &&
	    sp_tree_line(tree, j->name.first, &text, NULL) == SP_OK &&
	    sp_line_parse(text, &l, NULL) == SP_OK)
		check_month(a, j, l.received);
}

/*
 * Add the results of one segment to those of the archive, and advance
 * ${a}->next over it; segments must follow each other without gap or overlap.
 * ${is_current}: it is the highest revision of its entries; of the others only
 * the findings and events count.
 */
static enum sp_code
merge_job(struct sp_verify_archive *a, struct sp_verify_job *j, bool is_current,
    struct sp_err *err)
{
	enum sp_code rc;

	if (is_current && j->name.first > a->next)
		sp_verify_found_add(&a->found, "missing", j->where,
		    "the entries %" PRIu64 " to %" PRIu64
		    " before it are in no segment",
		    a->next, j->name.first - 1);
	else if (is_current && j->name.first < a->next)
		sp_verify_found_add(&a->found, "segment", j->where,
		    "holds entries that another segment holds too");
	sp_verify_found_merge(&a->found, &j->found);
	rc = add_events(a, j, err);
	if (!is_current || rc != SP_OK)
		return (rc);
	rc = copy_spans(&a->no_message, &j->no_message, err);
	if (rc == SP_OK)
		rc = copy_spans(&a->no_record, &j->no_record, err);
	if (j->name.last + 1 > a->next)
		a->next = j->name.last + 1;
	a->v->segments++;
	a->v->bytes += j->message_bytes;
	a->v->messages += j->after_tree;
	return (rc);
}

/*
 * Revisions of a segment begin at the same entry; the first of them in the list
 * is the highest, and the one that counts.
 */
enum sp_code
sp_verify_segments(struct sp_verify_archive *a, struct sp_err *err)
{
	struct job_list l = { NULL, 0, 0 };
	struct segment_pool p = { .a = a, .list = &l };
	struct sp_tree *tree = NULL;
	enum sp_code rc;

	sp_buf_init(&p.certs, SP_VERIFY_PEM_MAX);
	rc = list_all(a, &l, err);
	if (rc == SP_OK && l.n > 0)
		rc = load_certs(a, &p, err);
	if (rc == SP_OK)
		rc = run_threads(a, &p, err);
	if (rc != SP_OK)
		goto out;
	if (a->have_tree && sp_tree_open(a->dir, &tree, NULL) != SP_OK)
		tree = NULL;
	for (size_t i = 0; i < l.n && rc == SP_OK; i++) {
		bool is_current =
		    i == 0 || l.j[i].name.first != l.j[i - 1].name.first;

		check_folder(a, &l.j[i], tree);
		rc = merge_job(a, &l.j[i], is_current, err);
	}
out:
	sp_tree_close(tree);
	sp_buf_done(&p.certs);
	list_done(&l);
	return (rc);
}
