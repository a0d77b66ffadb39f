/*
 * bench_search ARCHIVE: searches in this process.  Each line of standard input
 * is CLASS, a tab, and a query.  For each class it prints how long the newest
 * 50 take with their rows, without the total ("page") and with it ("total"):
 * class, which, queries, mean hits, p50 and p99 in milliseconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "index/search.h"

#define QUERIES_MAX 4096u
#define CLASSES_MAX 16u
#define LINE_MAX_   4096

struct bench_query {
	char *class, *text;
};

struct search_bench {
	const char *dir;
	struct bench_query queries[QUERIES_MAX];
	size_t n;
	const char *classes[CLASSES_MAX];
	size_t nclasses;
	int64_t took[QUERIES_MAX];
	uint64_t hits;
};

/* Read standard input; lines without a tab are left out. */
static void
read_queries(struct search_bench *b)
{
	char line[LINE_MAX_];

	while (b->n < QUERIES_MAX && fgets(line, sizeof(line), stdin) != NULL) {
		struct bench_query *q = &b->queries[b->n];
		char *tab = strchr(line, '\t');
		size_t i = 0;

		line[strcspn(line, "\n")] = '\0';
		if (tab == NULL)
			continue;
		*tab = '\0';
		q->class = sp_xstrdup(line);
		q->text = sp_xstrdup(tab + 1);
		b->n++;
		while (i < b->nclasses && strcmp(b->classes[i], q->class) != 0)
			i++;
		if (i == b->nclasses && i < CLASSES_MAX)
			b->classes[b->nclasses++] = q->class;
	}
}

static enum sp_code
on_hit(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	uint64_t *sum = ctx;

	(void)err;
	*sum += hit->seq;
	return (SP_OK);
}

/* Run one query; microseconds that it took.  Its total is added to b->hits. */
static int64_t
search(struct search_bench *b, const char *query, bool total)
{
	const struct sp_search_opts o = { .query = query,
		.limit = 50,
		.with_rows = true,
		.no_total = !total };
	struct sp_search_result r = { 0 };
	int64_t start = sp_clock_boot();
	uint64_t sum = 0;
	struct sp_err err;

	if (sp_search(b->dir, &o, on_hit, &sum, &r, &err) != SP_OK) {
		(void)fprintf(stderr, "bench_search: %s\n", err.msg);
		exit(2);
	}
	b->hits += r.total;
	return (sp_clock_boot() - start);
}

static int
by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

/* Run the queries of a class and print a line about them; ${total}: with the
 * total of matches. */
static void
measure(struct search_bench *b, const char *class, bool total)
{
	size_t n = 0;

	b->hits = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (strcmp(b->queries[i].class, class) == 0)
			b->took[n++] = search(b, b->queries[i].text, total);
	}
	qsort(b->took, n, sizeof(b->took[0]), by_value);
	(void)printf("%s\t%s\t%zu\t%" PRIu64 "\t%.2f\t%.2f\n", class,
	    total ? "total" : "page", n, b->hits / n,
	    (double)b->took[n / 2] / 1e3, (double)b->took[n * 99 / 100] / 1e3);
}

int
main(int argc, char **argv)
{
	struct search_bench *b = sp_xcalloc(1, sizeof(*b));

	if (argc != 2) {
		(void)fprintf(stderr, "usage: bench_search ARCHIVE <QUERIES\n");
		return (2);
	}
	b->dir = argv[1];
	read_queries(b);
	for (size_t i = 0; i < b->nclasses; i++)
		measure(b, b->classes[i], false);
	for (size_t i = 0; i < b->nclasses; i++)
		measure(b, b->classes[i], true);
	for (size_t i = 0; i < b->n; i++) {
		free(b->queries[i].class);
		free(b->queries[i].text);
	}
	free(b);
	return (0);
}
