/*
 * The file state/index.running (careful.h): one line, "FAST", or "CAREFUL UNTIL
 * SEQ DEATHS" with the seq being parsed and how many indexers died at it so
 * far.  It is rewritten in place and not synced: it has to outlive a killed
 * process, not a loss of power.
 */
#include "index/careful.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/layout.h"

#define LINE \
	72 /* every line is padded to this, so that it covers the one before */

struct sp_careful {
	char *path;
	int fd;
	uint64_t until; /* entries below it are parsed one at a time */
	bool suspect; /* an indexer died while it parsed ${seq} */
	uint64_t seq, deaths;
};

/* Write ${text} into the file.  After a failure nothing more is written. */
static void
write_state(struct sp_careful *c, const char *text)
{
	char line[LINE + 1];

	if (c->fd < 0)
		return;
	(void)snprintf(line, sizeof(line), "%-*s\n", LINE - 1, text);
	if (sp_io_pwrite(c->fd, line, LINE, 0, NULL) != SP_OK) {
		(void)sp_io_close(c->fd, NULL);
		c->fd = -1;
	}
}

/* What the last indexer left: if the file is there, it did not end by itself,
 * and if it names an entry, it died at that entry. */
static void
read_last(struct sp_careful *c, uint64_t cursor)
{
	struct sp_view rest, word;
	struct sp_buf b;
	uint64_t until;

	sp_buf_init(&b, LINE * 2);
	if (sp_io_read_file(c->path, LINE * 2, &b, NULL) != SP_OK) {
		sp_buf_done(&b);
		return;
	}
	c->until = cursor + SP_CAREFUL_ENTRIES;
	rest = sp_view_trim(sp_buf_view(&b));
	word = sp_view_cut(&rest, ' ');
	if (sp_view_eq_str(word, "CAREFUL") &&
	    sp_view_u64(sp_view_cut(&rest, ' '), &until) &&
	    sp_view_u64(sp_view_cut(&rest, ' '), &c->seq) &&
	    sp_view_u64(rest, &c->deaths)) {
		c->suspect = true;
		c->deaths++;
		if (until > c->until)
			c->until = until;
	}
	sp_buf_done(&b);
}

struct sp_careful *
sp_careful_open(const char *dir, uint64_t cursor)
{
	struct sp_careful *c = sp_xcalloc(1, sizeof(*c));

	c->path = sp_layout_path(dir, "state/index.running");
	c->fd = -1;
	read_last(c, cursor);
	if (sp_io_open(c->path, O_RDWR | O_CREAT, 0640, &c->fd, NULL) != SP_OK)
		c->fd = -1;
	if (c->until == 0)
		write_state(c, "FAST");
	return (c);
}

bool
sp_careful_needed(const struct sp_careful *c, uint64_t seq)
{
	return (seq < c->until);
}

enum sp_doc_parse
sp_careful_before(struct sp_careful *c, uint64_t seq)
{
	char text[LINE];
	uint64_t deaths = 0;

	if (seq >= c->until)
		return (SP_DOC_PARSE);
	if (c->suspect && c->seq == seq)
		deaths = c->deaths;
	if (deaths >= SP_CAREFUL_DEATHS)
		return (SP_DOC_SKIP);
	(void)snprintf(text, sizeof(text),
	    "CAREFUL %" PRIu64 " %" PRIu64 " %" PRIu64, c->until, seq, deaths);
	write_state(c, text);
	return (SP_DOC_PARSE);
}

void
sp_careful_past(struct sp_careful *c, uint64_t cursor)
{
	if (c->until == 0 || cursor < c->until)
		return;
	c->until = 0;
	c->suspect = false;
	write_state(c, "FAST");
}

void
sp_careful_close(struct sp_careful *c)
{
	if (c == NULL)
		return;
	if (c->fd >= 0)
		(void)sp_io_close(c->fd, NULL);
	/* A file that stays makes the next start slower, nothing else. */
	if (sp_io_unlink(c->path, NULL) != SP_OK)
		c->fd = -1;
	free(c->path);
	free(c);
}
