/* Conversations as tables, said in every split. */
#ifndef SP_TESTS_SMTP_SCRIPT_H
#define SP_TESTS_SMTP_SCRIPT_H

#include "talk.h"

/*
 * What the client says before each wait, and all it hears.  Every piece is
 * said in steps of every size, so each split is seen.
 */
struct sp_script {
	const char *name;
	const char *say[12];
	const char *want;
	const char *stored; /* NULL: not looked at */
	const char *record; /* somewhere in the records; NULL: anything */
};

void sp_script_run(struct sp_talk *t, const struct sp_script *rows, size_t n);

#endif
