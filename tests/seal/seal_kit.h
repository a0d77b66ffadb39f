/*
 * Sealing under test: one archive (tests/lib/fixture.h), the reports that
 * sealing gave, and checks of what it made.
 */
#ifndef SP_TESTS_SEAL_SEAL_KIT_H
#define SP_TESTS_SEAL_SEAL_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "journal/seal/seal.h"
#include "tests/lib/fixture.h"

#define MAX (64u << 20)

/* What the sealer has reported since kit_setup. */
struct reported {
	unsigned checkpoints, sealed, alarms; /* counts */
	unsigned ended; /* told that a cause is gone */
	char cause[64], alarm[SP_ERR_MAX]; /* the last one */
};

#define must(call)                                           \
	do {                                                 \
		struct sp_err err_ = { 0 };                  \
		if ((call) != SP_OK)                         \
			fail_msg("%s: %s", #call, err_.msg); \
	} while (0)

extern struct sp_fixture fx; /* of the running test */
extern struct reported reported;
extern const struct sp_seal_report report;

int kit_setup(void **state);
int kit_teardown(void **state);
/* Open the role on the archive of the running test; its reports are counted. */
struct sp_seal *open_seal(void);
uint64_t checkpoint(struct sp_seal *s);
unsigned pack_all(struct sp_seal *s);
/* How many names in a directory of the archive end in ${suffix}. */
size_t count(const char *sub, const char *suffix);
size_t segments(void);
/* The only segment's path, malloc'ed. */
char *segment_path(void);
/* Check that all entries are readable and fit the tree, and count
 * ${messages}. */
void check_all(uint64_t messages);

#endif
