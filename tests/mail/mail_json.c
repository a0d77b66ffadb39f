/*
 * mail_json: file names on standard input, one a line; JSON Lines of
 * sp_mail_json (full) with "file", flags and the microseconds it took.
 * With --journal they come from a trusted journal source.
 * mail_json PATH FILE: the decoded bytes of one part.
 * For tests/mail/score_corpus.py and for looking at a message by hand.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "index/mail/mail.h"

#define FILE_MAX ((size_t)1 << 30)

static char *
slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *p = NULL;
	long size;

	if (f == NULL)
		return (NULL);
	if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 &&
	    (size_t)size < FILE_MAX) {
		rewind(f);
		/* Exactly as long as the message: an overrun is seen. */
		p = malloc(size == 0 ? 1 : (size_t)size);
		if (p != NULL)
			*n = fread(p, 1, (size_t)size, f);
	}
	(void)fclose(f);
	return (p);
}

static int
print(const char *path, const struct sp_mail *m, int64_t us)
{
	struct sp_buf b;
	struct sp_json j;
	int rc = 1;

	sp_buf_init(&b, FILE_MAX);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "file", path);
	sp_json_i64(&j, "us", us);
	sp_mail_json(m, &j, true);
	sp_mail_json_journal(m, &j);
	sp_json_arr(&j, "flags");
	for (size_t i = 0; i < m->nflags; i++)
		sp_json_cstr(&j, NULL, m->flags[i]);
	sp_json_arr_end(&j);
	sp_json_obj_end(&j);
	if (sp_json_end(&j) == SP_OK && fwrite(b.p, 1, b.n, stdout) == b.n &&
	    putchar('\n') != EOF)
		rc = 0;
	sp_buf_done(&b);
	return (rc);
}

static int
part(const char *path, const char *file)
{
	struct sp_buf b;
	struct sp_err err = { .code = SP_OK };
	size_t n = 0;
	char *p = slurp(file, &n);
	int rc = 1;

	if (p == NULL)
		return (1);
	sp_buf_init(&b, FILE_MAX);
	if (sp_mail_part_bytes(sp_view_mem(p, n), path, &b, &err) != SP_OK)
		(void)fprintf(stderr, "%s: %s\n", file, err.msg);
	else if (fwrite(b.p, 1, b.n, stdout) == b.n)
		rc = 0;
	sp_buf_done(&b);
	free(p);
	return (rc);
}

int
main(int argc, char **argv)
{
	struct sp_mail_opts o = { .detect = true, .digests = true };
	char path[4096];
	int rc = 0;

	sp_mail_global_init();
	o.journal = argc == 2 && strcmp(argv[1], "--journal") == 0;
	if (argc == 3)
		return (part(argv[1], argv[2]));
	while (fgets(path, sizeof(path), stdin) != NULL) {
		size_t n = 0;
		char *p;
		struct sp_mail *m;
		int64_t start;

		path[strcspn(path, "\n")] = '\0';
		p = slurp(path, &n);
		if (p == NULL) {
			(void)fprintf(stderr, "%s: cannot be read\n", path);
			return (1);
		}
		start = sp_clock_boot();
		m = sp_mail_parse(sp_view_mem(p, n), &o);
		rc |= print(path, m, sp_clock_boot() - start);
		sp_mail_free(m);
		free(p);
	}
	return (rc);
}
