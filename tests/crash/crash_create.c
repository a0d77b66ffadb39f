/*
 * Making an archive, interrupted at every call: it is there whole, or it can be
 * made by running init again, and keeps the entry 0 that it has.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "base/io.h"
#include "journal/log/append.h"
#include "journal/seal/create.h"
#include "base/layout.h"
#include "journal/log/reader.h"
#include "tests/crash/harness.h"

#define ORIGIN "crash.example/journal"

static void
setup(const char *dir)
{
	(void)dir;
}

/* The writer starts and stops, as the service does after init. */
static enum sp_code
start(const char *dir, struct sp_err *err)
{
	const struct sp_append_opts o = { .by = "crash" };
	char *archive = sp_layout_path(dir, "archive");
	struct sp_config *cfg = sp_config_default();
	struct sp_append *a = NULL;
	struct sp_intake_found found;
	enum sp_code rc;

	rc = sp_append_open(archive, cfg, &o, &a, &found, err);
	sp_append_close(a);
	sp_config_free(cfg);
	free(archive);
	return (rc == SP_ENOTFOUND ? SP_OK : rc); /* no archive yet */
}

static enum sp_code
work(const char *dir, struct sp_err *err)
{
	char *archive = sp_layout_path(dir, "archive");
	char *guard = sp_layout_path(dir, "guard");
	struct sp_create c = {
		.dir = archive, .origin = ORIGIN, .guard = guard, .by = "crash"
	};
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, 1 << 20);
	rc = sp_config_template(&text, NULL, NULL, guard);
	c.config = sp_buf_view(&text);
	if (rc == SP_OK)
		rc = sp_create(&c, err);
	if (rc == SP_EEXISTS)
		rc = SP_OK; /* the run before had finished */
	if (rc == SP_OK)
		crash_ack("archive " ORIGIN);
	if (rc == SP_OK)
		rc = start(dir, err);
	if (rc == SP_OK)
		crash_ack("entry 0");
	sp_buf_done(&text);
	free(archive);
	free(guard);
	return (rc);
}

static enum sp_code
state(const char *dir, struct sp_buf *out, struct sp_err *err)
{
	char *archive = sp_layout_path(dir, "archive");
	struct sp_reader *r = NULL;
	struct sp_entry e;
	enum sp_code rc;

	rc = sp_reader_open(archive, &r, err);
	if (rc == SP_ENOTFOUND) { /* no archive: nothing to say */
		free(archive);
		return (SP_OK);
	}
	if (rc == SP_OK)
		rc = sp_buf_addf(out, "archive %s\n", sp_reader_origin(r));
	while (rc == SP_OK && (rc = sp_reader_next(r, &e, err)) == SP_OK)
		rc = sp_buf_addf(out, "entry %" PRIu64 "\n", e.seq);
	sp_reader_close(r);
	free(archive);
	return (rc == SP_EEND ? SP_OK : rc);
}

/* Lock files hold the pid of the last holder. */
static bool
may_change(const char *name)
{
	const size_t n = strlen(name);

	return (n > 5 && strcmp(name + n - 5, ".lock") == 0);
}

int
main(int argc, char **argv)
{
	const struct crash_scenario s = { .name = "create",
		.setup = setup,
		.work = work,
		.start = start,
		.state = state,
		.may_change = may_change };

	return (crash_main(argc, argv, &s));
}
