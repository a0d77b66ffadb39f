/*
 * The file of `import --report`: JSON Lines, one object for each thing that the
 * import met, and the summary last.  Lines are gathered and written in blocks
 * of 64 KiB; the first error is kept and returned when the report is closed, so
 * that reporting does not disturb the import.
 */
#include "app/cmd/import_report.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/io.h"

#define LINE_MAX ((size_t)256 << 10) /* bytes of a line */
#define BLOCK	 ((size_t)64 << 10) /* bytes of lines written at once */

struct sp_import_report {
	int fd;
	struct sp_buf buf;
	struct sp_json j;
	size_t line_start; /* of the line in work, in ${buf} */
	enum sp_code rc; /* the first failure, its message in ${err} */
	struct sp_err err;
};

enum sp_code
sp_import_report_open(
    const char *path, struct sp_import_report **out, struct sp_err *err)
{
	struct sp_import_report *r = sp_xcalloc(1, sizeof(*r));
	enum sp_code rc;

	rc = sp_io_open(path, O_WRONLY | O_CREAT | O_EXCL, 0640, &r->fd, err);
	if (rc != SP_OK) {
		free(r);
		return (rc);
	}
	sp_buf_init(&r->buf, LINE_MAX + BLOCK);
	*out = r;
	return (SP_OK);
}

/* Write the lines that were gathered. */
static void
flush(struct sp_import_report *r)
{
	if (r->rc == SP_OK && r->buf.n > 0)
		r->rc = sp_io_write(r->fd, r->buf.p, r->buf.n, &r->err);
	sp_buf_clear(&r->buf);
}

struct sp_json *
sp_import_report_begin(
    struct sp_import_report *r, const char *what, const char *file)
{
	if (r == NULL)
		return (NULL);
	r->line_start = r->buf.n;
	sp_json_init(&r->j, &r->buf);
	sp_json_obj(&r->j, NULL);
	sp_json_cstr(&r->j, "what", what);
	if (file != NULL)
		sp_json_str(&r->j, "file", sp_view_str(file));
	return (&r->j);
}

/* A line that became too long is taken back and is an error of the report. */
void
sp_import_report_end(struct sp_import_report *r)
{
	if (r == NULL)
		return;
	sp_json_obj_end(&r->j);
	if (sp_json_end(&r->j) != SP_OK ||
	    sp_buf_addc(&r->buf, '\n') != SP_OK) {
		r->buf.n = r->line_start;
		if (r->rc == SP_OK)
			r->rc = sp_err_set(&r->err, SP_ELIMIT, 0,
			    "a line of the report is too long");
	}
	if (r->buf.n >= BLOCK)
		flush(r);
}

enum sp_code
sp_import_report_close(struct sp_import_report *r, struct sp_err *err)
{
	enum sp_code rc;

	if (r == NULL)
		return (SP_OK);
	flush(r);
	if (r->rc == SP_OK)
		r->rc = sp_io_fsync(r->fd, &r->err);
	rc = r->rc;
	if (rc != SP_OK)
		*err = r->err;
	(void)sp_io_close(r->fd, NULL);
	sp_buf_done(&r->buf);
	free(r);
	return (rc);
}
