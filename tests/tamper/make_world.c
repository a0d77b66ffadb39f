/*
 * Makes an archive and exports of it for tests that are not C: prints the
 * folder that holds archive/ guard/ bag/ bag.zip bag.tar.zst selection/
 * kept.checkpoint.  The caller removes it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/io.h"
#include "tests/tamper/bagkit.h"
#include "tests/tamper/kit.h"

static void
keep_checkpoint(struct sp_fixture *fx)
{
	char *from = sp_fixture_path(fx, "tree/checkpoint");
	char *to = sp_layout_path(fx->root, "kept.checkpoint");
	struct sp_buf note;
	struct sp_err err;

	sp_buf_init(&note, SP_NOTE_MAX);
	sp_must(sp_io_read_file(from, SP_NOTE_MAX, &note, &err), &err);
	kit_write(to, note.p, note.n);
	sp_buf_done(&note);
	free(from);
	free(to);
}

static void
pack(struct sp_fixture *fx, const char *bag, const char *name, bool zip)
{
	char *to = sp_layout_path(fx->root, name);

	bagkit_pack(bag, to, "bag", zip, false);
	free(to);
}

int
main(void)
{
	struct sp_fixture fx;
	struct bagkit b = { 0 }, sel = { 0 };
	char *bag, *selection;

	/* Each entry at its own time, so that a range can begin at any. */
	sp_clock_set_for_test(INT64_C(1795000000000000), 1000);
	sp_fixture_init(&fx);
	bag = sp_layout_path(fx.root, "bag");
	selection = sp_layout_path(fx.root, "selection");
	sp_fixture_add(&fx, 300, 1);
	sp_fixture_rotate(&fx);
	sp_fixture_add(&fx, 30, 16);
	sp_fixture_rotate(&fx);
	sp_fixture_add(&fx, 5, 2);
	sp_fixture_close(&fx);
	(void)sp_fixture_seal(&fx);
	keep_checkpoint(&fx);
	b.out = bag;
	b.from = 336;
	bagkit_make(&fx, &b);
	sel.out = selection;
	sel.query = "every third";
	sel.with_records = true;
	sel.have_since = sel.have_until = true;
	sel.since = bagkit_time(&fx, 77);
	sel.until = bagkit_time(&fx, 301);
	bagkit_make(&fx, &sel);
	pack(&fx, bag, "bag.zip", true);
	pack(&fx, bag, "bag.tar.zst", false);
	(void)printf("%s\n", fx.root);
	free(bag);
	free(selection);
	/* Not sp_fixture_done: the files shall stay. */
	sp_fixture_close(&fx);
	sp_config_free(fx.cfg);
	free(fx.root);
	free(fx.dir);
	free(fx.guard);
	return (0);
}
