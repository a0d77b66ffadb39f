/*
 * A small intake log for tests, in a temporary directory: record and message of
 * an entry are derived from its number, so what is read back can be checked
 * without being kept.  A fault of base/io.h can be armed for one commit.
 */
#ifndef SP_TESTS_LOG_INTAKE_KIT_H
#define SP_TESTS_LOG_INTAKE_KIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "journal/log/intake.h"
#include "journal/log/intake_read.h"

#define KIT_ORIGIN "archive.test.example/intake"
#define KIT_TIME   INT64_C(1795451462123456) /* received of entry 0 */

struct kit {
	char dir[64]; /* the archive */
	struct sp_intake *in; /* or NULL */
	struct sp_intake_found found;
	struct sp_err err;
	bool in_files; /* messages come from a file */
	const char *fault; /* armed just before the next commit ... */
	uint64_t at; /* ... to act on its call ${at} */
};

/* A fresh directory with intake/ in it. */
void kit_init(struct kit *k);
void kit_done(struct kit *k);
enum sp_code kit_open(struct kit *k);
void kit_must_open(struct kit *k);
void kit_close(struct kit *k);
/* Commit the next ${n} entries as one batch. */
enum sp_code kit_commit(struct kit *k, size_t n);
void kit_must_commit(struct kit *k, size_t n);

/* Record and message that kit_commit writes for ${seq}; every third entry has
 * no message.  ${msg} gets the bytes; false where there is none. */
bool kit_entry(uint64_t seq, struct sp_buf *record, struct sp_buf *msg);
/* Read all files and check every entry: how many are proven.  Or the code. */
enum sp_code kit_read(struct kit *k, uint64_t *n);
/* The newest file: its path (static) and its bytes. */
const char *kit_newest(struct kit *k);
void kit_slurp(const char *path, struct sp_buf *out);
void kit_spill(const char *path, const void *p, size_t n);
/* Remove all of intake/, then put one file there. */
void kit_restore(
    struct kit *k, const char *path, const struct sp_buf *bytes, size_t n);
/* Fail the test with the error's text unless SP_OK. */
void kit_ok(enum sp_code rc, const struct sp_err *err);

#endif
