/*
 * A small archive for tests and benches: created by sp_create, filled through
 * sp_append, in a temporary directory that goes away at the end.  Everything
 * is derived from seeds, so two runs make the same messages.  A failure
 * prints its error and aborts: the test ends there.
 */
#ifndef SP_TESTS_LIB_FIXTURE_H
#define SP_TESTS_LIB_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"
#include "journal/log/append.h"

#define SP_FIXTURE_ORIGIN "archive.test.example/journal"

struct sp_fixture {
	char *root; /* temporary directory, holds the others */
	char *dir; /* the archive */
	char *guard; /* the guard directory */
	struct sp_config *cfg; /* defaults, guard set; change as needed */
	struct sp_append *append; /* open for writing, or NULL */
	uint64_t next; /* seed of the next message */
};

/* Make an archive (entry 0 is there), nothing open. */
void sp_fixture_init(struct sp_fixture *fx);
/* Open and close the writing role. */
void sp_fixture_open(struct sp_fixture *fx);
void sp_fixture_close(struct sp_fixture *fx);
/* Append ${n} messages in batches of ${batch}; opens the role if need be. */
void sp_fixture_add(struct sp_fixture *fx, size_t n, size_t batch);
/* Append one message of exactly these bytes; its seq. */
uint64_t sp_fixture_add_bytes(struct sp_fixture *fx, struct sp_view msg);
/* Append one event; its seq. */
uint64_t sp_fixture_add_event(
    struct sp_fixture *fx, const char *name, const char *detail);
/* Finish the current intake file. */
void sp_fixture_rotate(struct sp_fixture *fx);
/* Checkpoint and pack all that is finished; gives the segments made. */
size_t sp_fixture_seal(struct sp_fixture *fx);
/* Close what is open and remove the temporary directory. */
void sp_fixture_done(struct sp_fixture *fx);

/* The message of a seed, exactly as sp_fixture_add writes it: headers and a
 * text of some 100 bytes to 20 KiB, now and then with an attachment, or empty,
 * or without a final newline.  ${out} is cleared first. */
void sp_fixture_message(uint64_t seed, struct sp_buf *out);
/* DIR/what, malloc'ed. */
char *sp_fixture_path(const struct sp_fixture *fx, const char *what);
/* Abort with the error unless ${code} is SP_OK. */
void sp_must(enum sp_code code, const struct sp_err *err);

#endif
