/*
 * A mail server's log: any bytes are read to the end, what is found lies inside
 * the line, and there is at most one case for each line that meant something.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "journal/watch/delivered.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum sp_code
on_case(void *ctx, const struct sp_delivered_case *c, struct sp_err *err)
{
	size_t *cases = ctx;

	(void)err;
	if (c->id.n < 5 || c->id.n > SP_MAILLOG_ID_MAX)
		abort();
	*cases += 1;
	return (SP_OK);
}

static bool
inside(struct sp_view v, struct sp_view line)
{
	return (v.p == NULL || (v.p >= line.p && v.p + v.n <= line.p + line.n));
}

/* Exim says nothing where a message has no Message-ID; then it is a static
 * "<>". */
static bool
is_msgid(struct sp_view v, struct sp_view line)
{
	return (inside(v, line) || sp_view_eq_str(v, "<>"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const relay = "archive";
	size_t cases = 0;
	const struct sp_delivered_opts o = {
		.relays = &relay, .nrelays = 1, .fn = on_case, .ctx = &cases
	};
	struct sp_delivered *d = sp_delivered_new(&o);
	struct sp_view rest = sp_view_mem(data, size);
	struct sp_err err;

	while (rest.n > 0) {
		const struct sp_view line = sp_view_cut(&rest, '\n');
		struct sp_maillog_line l;

		sp_maillog_parse(line, &l);
		if (!inside(l.time, line) || !inside(l.id, line) ||
		    !inside(l.from, line) || !is_msgid(l.msgid, line) ||
		    !inside(l.to, line) || !inside(l.relay, line) ||
		    !inside(l.reply, line))
			abort();
		if (sp_delivered_line(d, line, &err) != SP_OK)
			abort();
	}
	if (sp_delivered_finish(d, &err) != SP_OK ||
	    cases > sp_delivered_lines(d))
		abort();
	sp_delivered_free(d);
	return (0);
}
