/*
 * Counting the messages of the log (message_count.h): for `status`, and for the
 * seal worker, which keeps the count beside the tree.
 */
#include "app/host/message_count.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/layout.h"
#include "base/line.h"
#include "base/record.h"
#include "journal/log/reader.h"
#include "journal/tree/tree.h"

#define FILE_MAX 128 /* bytes of state/messages */

/* What was counted before; nothing where there is no such file. */
static void
load(const char *dir, struct sp_message_count *out)
{
	char *path = sp_layout_path(dir, "state/messages");
	struct sp_view rest;
	struct sp_buf b;
	uint64_t last;

	*out = (struct sp_message_count){ 0 };
	sp_buf_init(&b, FILE_MAX);
	if (sp_io_read_file(path, FILE_MAX, &b, NULL) == SP_OK) {
		rest = sp_view_trim(sp_buf_view(&b));
		if (sp_view_u64(sp_view_cut(&rest, ' '), &out->size) &&
		    sp_view_u64(sp_view_cut(&rest, ' '), &out->messages) &&
		    sp_view_u64(rest, &last) && out->messages <= out->size)
			out->last = (int64_t)last;
		else
			*out = (struct sp_message_count){ 0 };
	}
	sp_buf_done(&b);
	free(path);
}

static void
add(struct sp_message_count *c, bool message, int64_t received)
{
	c->size++;
	if (!message)
		return;
	c->messages++;
	c->last = received;
}

/* Only the lines behind the cache are read. */
enum sp_code
sp_message_count_sealed(
    const char *dir, struct sp_message_count *out, struct sp_err *err)
{
	struct sp_tree *tree = NULL;
	struct sp_message_count c;
	struct sp_view text;
	struct sp_line line;
	enum sp_code rc = sp_tree_open(dir, &tree, err);

	load(dir, &c);
	/* A cache of another tree: a restored archive. */
	if (rc == SP_OK && c.size > sp_tree_size(tree))
		c = (struct sp_message_count){ 0 };
	while (rc == SP_OK && c.size < sp_tree_size(tree)) {
		rc = sp_tree_line(tree, c.size, &text, err);
		if (rc == SP_OK)
			rc = sp_line_parse(text, &line, err);
		if (rc == SP_OK)
			add(&c, line.kind == SP_KIND_MESSAGE, line.received);
	}
	sp_tree_close(tree);
	if (rc == SP_OK)
		*out = c;
	return (rc);
}

/* What was accepted and is not in the tree yet is little: seconds of mail. */
enum sp_code
sp_message_count_all(const char *dir, uint64_t end,
    struct sp_message_count *out, struct sp_err *err)
{
	struct sp_reader *reader = NULL;
	struct sp_message_count c;
	struct sp_record record;
	struct sp_entry e;
	enum sp_code rc = sp_message_count_sealed(dir, &c, err);

	if (rc == SP_OK)
		rc = sp_reader_open(dir, &reader, err);
	if (rc == SP_OK)
		sp_reader_seek(reader, c.size);
	while (rc == SP_OK && c.size < end) {
		rc = sp_reader_next(reader, &e, err);
		if (rc == SP_OK)
			rc = sp_record_parse(e.record, &record, err);
		if (rc == SP_OK) {
			add(&c, e.has_message, record.received);
			sp_record_done(&record);
		}
	}
	sp_reader_close(reader);
	if (rc == SP_OK || rc == SP_EEND)
		*out = c;
	return (rc == SP_EEND ? SP_OK : rc);
}

enum sp_code
sp_message_count_save(
    const char *dir, const struct sp_message_count *count, struct sp_err *err)
{
	char *path = sp_layout_path(dir, "state/messages"), *text;
	struct sp_message_count had;
	enum sp_code rc;

	load(dir, &had);
	text = sp_xasprintf("%" PRIu64 " %" PRIu64 " %" PRId64 "\n",
	    count->size, count->messages, count->last);
	rc = had.size == count->size
		 ? SP_OK
		 : sp_io_replace(path, text, strlen(text), 0640, err);
	free(text);
	free(path);
	return (rc);
}
