/*
 * segment_stock DIR: makes a sealed archive in DIR/archive, and
 * DIR/want/SEQ.eml with the messages as they were given.  segment_stock.sh
 * unpacks the segments with stock tar, zstd and openssl and compares.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/layout.h"
#include "tests/lib/fixture.h"

#define SMALL 300

static void
want(const char *dir, uint64_t seq, struct sp_view msg)
{
	char *path = sp_xasprintf("%s/want/%012" PRIu64 ".eml", dir, seq);
	struct sp_err err;

	sp_must(sp_io_replace(path, msg.p, msg.n, 0644, &err), &err);
	free(path);
}

/* A message that needs several frames. */
static void
add_large(struct sp_fixture *fx, const char *dir, size_t n)
{
	char *p = sp_xmalloc(n);
	uint64_t x = n;

	for (size_t i = 0; i < n; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		p[i] = (char)(' ' + (x >> 33) % 90);
	}
	want(dir, sp_fixture_add_bytes(fx, sp_view_mem(p, n)),
	    sp_view_mem(p, n));
	free(p);
}

int
main(int argc, char **argv)
{
	struct sp_fixture fx;
	struct sp_buf msg;
	struct sp_err err;
	char *to, *sub;

	if (argc != 2)
		return (2);
	sp_fixture_init(&fx);
	fx.cfg->seal_frame = 64u << 10;
	sub = sp_layout_path(argv[1], "want");
	sp_must(sp_io_mkdir(sub, 0755, &err), &err);
	sp_buf_init(&msg, 1u << 20);
	for (int i = 0; i < SMALL; i++) {
		sp_fixture_message((uint64_t)i, &msg);
		want(argv[1], sp_fixture_add_bytes(&fx, sp_buf_view(&msg)),
		    sp_buf_view(&msg));
		if (i == 100)
			add_large(&fx, argv[1], 300000);
		if (i == 200)
			(void)sp_fixture_add_event(&fx, "heartbeat", "{}");
	}
	add_large(&fx, argv[1], 65536);
	sp_fixture_rotate(&fx);
	sp_fixture_close(&fx);
	if (sp_fixture_seal(&fx) != 1)
		return (1);
	to = sp_layout_path(argv[1], "archive");
	sp_must(sp_io_rename(fx.dir, to, &err), &err);
	sp_fixture_done(&fx);
	sp_buf_done(&msg);
	free(to);
	free(sub);
	return (0);
}
