#include "app/cmd/import_report.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/io.h"

#define LINE_MAX ((size_t)256 << 10)
#define KEEP	 ((size_t)64 << 10) /* bytes between writes */

struct sp_report {
	int fd;
	struct sp_buf buf;
	struct sp_json j;
	size_t begun; /* where the line in work begins */
	enum sp_code rc;
	struct sp_err err;
};

enum sp_code
sp_report_open(const char *path, struct sp_report **out, struct sp_err *err)
{
	struct sp_report *r = sp_xcalloc(1, sizeof(*r));
	enum sp_code rc;

	rc = sp_io_open(path, O_WRONLY | O_CREAT | O_EXCL, 0640, &r->fd, err);
	if (rc != SP_OK) {
		free(r);
		return (rc);
	}
	sp_buf_init(&r->buf, LINE_MAX + KEEP);
	*out = r;
	return (SP_OK);
}

static void
flush(struct sp_report *r)
{
	if (r->rc == SP_OK && r->buf.n > 0)
		r->rc = sp_io_write(r->fd, r->buf.p, r->buf.n, &r->err);
	sp_buf_clear(&r->buf);
}

struct sp_json *
sp_report_begin(struct sp_report *r, const char *what, const char *file)
{
	if (r == NULL)
		return (NULL);
	r->begun = r->buf.n;
	sp_json_init(&r->j, &r->buf);
	sp_json_obj(&r->j, NULL);
	sp_json_cstr(&r->j, "what", what);
	if (file != NULL)
		sp_json_str(&r->j, "file", sp_view_str(file));
	return (&r->j);
}

void
sp_report_end(struct sp_report *r)
{
	if (r == NULL)
		return;
	sp_json_obj_end(&r->j);
	if (sp_json_end(&r->j) != SP_OK ||
	    sp_buf_addc(&r->buf, '\n') != SP_OK) {
		r->buf.n = r->begun;
		if (r->rc == SP_OK)
			r->rc = sp_err_set(&r->err, SP_ELIMIT, 0,
			    "a line of the report is too long");
	}
	if (r->buf.n >= KEEP)
		flush(r);
}

enum sp_code
sp_report_close(struct sp_report *r, struct sp_err *err)
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
