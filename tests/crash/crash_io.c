/*
 * sp_io_replace and sp_io_publish, interrupted at every call: each step is
 * there whole, or not at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "tests/crash/harness.h"

#define STEPS  4
#define FILLER 3000 /* bytes, so that halves and holes show */

static void
setup(const char *dir)
{
	(void)dir;
}

/* The bytes of step ${i}. */
static void
bytes(int i, char out[FILLER])
{
	memset(out, 'a' + i, FILLER);
	(void)snprintf(out, FILLER, "step %d", i);
}

/* Whether the file is there with the bytes of step ${i}; the version it has
 * otherwise, 0 if it is not there, -1 if it is damaged. */
static int
version(const char *path)
{
	struct sp_buf b;
	char want[FILLER];
	int found = -1;

	sp_buf_init(&b, FILLER + 1);
	switch ((int)sp_io_read_file(path, FILLER + 1, &b, NULL)) {
	case SP_OK:
		for (int i = 1; i <= STEPS; i++) {
			bytes(i, want);
			if (b.n == FILLER && memcmp(b.p, want, FILLER) == 0)
				found = i;
		}
		break;
	case SP_ENOTFOUND:
		found = 0;
		break;
	default:
		break;
	}
	sp_buf_done(&b);
	return (found);
}

/* Step i: replace "state" by version i, then publish "deep/sub/i". */
static enum sp_code
step(const char *dir, int i, int have, struct sp_err *err)
{
	char *state = sp_xasprintf("%s/state", dir);
	char *sub = sp_xasprintf("%s/deep/sub/%d", dir, i);
	enum sp_code rc = SP_OK;
	char b[FILLER];

	bytes(i, b);
	if (have < i)
		rc = sp_io_replace(state, b, FILLER, 0600, err);
	if (rc == SP_OK && have < i)
		crash_ack("replaced %d", i);
	if (rc == SP_OK)
		rc = sp_io_publish(sub, b, FILLER, 0400, err);
	if (rc == SP_OK)
		crash_ack("published %d", i);
	free(state);
	free(sub);
	return (rc);
}

static enum sp_code
work(const char *dir, struct sp_err *err)
{
	char *state = sp_xasprintf("%s/state", dir);
	char *sub = sp_xasprintf("%s/deep/sub", dir);
	const int have = version(state);
	enum sp_code rc;

	rc = sp_io_clean(dir, NULL, err);
	if (rc == SP_OK)
		rc = sp_io_mkdirs(sub, 0700, err);
	if (rc == SP_OK)
		rc = sp_io_clean(sub, NULL, err);
	for (int i = 1; rc == SP_OK && i <= STEPS; i++)
		rc = step(dir, i, have, err);
	free(state);
	free(sub);
	return (rc);
}

static enum sp_code
state(const char *dir, struct sp_buf *out, struct sp_err *err)
{
	char *path = sp_xasprintf("%s/state", dir);
	const int have = version(path);
	enum sp_code rc = SP_OK;

	free(path);
	if (have < 0)
		return (sp_err_set(err, SP_EFORMAT, 0, "state is damaged"));
	for (int i = 1; rc == SP_OK && i <= STEPS; i++) {
		int sub;

		if (i <= have)
			rc = sp_buf_addf(out, "replaced %d\n", i);
		path = sp_xasprintf("%s/deep/sub/%d", dir, i);
		sub = version(path);
		free(path);
		if (sub != 0 && sub != i)
			return (sp_err_set(
			    err, SP_EFORMAT, 0, "sub/%d is damaged", i));
		if (rc == SP_OK && sub == i)
			rc = sp_buf_addf(out, "published %d\n", i);
	}
	return (rc);
}

int
main(int argc, char **argv)
{
	const struct crash_scenario s = {
		.name = "io", .setup = setup, .work = work, .state = state
	};

	return (crash_main(argc, argv, &s));
}
