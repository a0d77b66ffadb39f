/*
 * What this run met already, where the paths of the command line overlap
 * (`import ann ann/Inbox.mbox`): a file that is reached by two of them is one
 * file.  Equal files at different places are not: each is a copy of its own.
 */
#ifndef SP_APP_CMD_IMPORT_MET_H
#define SP_APP_CMD_IMPORT_MET_H

#include "journal/import/import.h"

struct sp_import_met;

/* For the ${n} ${paths} of the command line; NULL where none of them is, or
 * lies below, another one: then nothing can be met twice. */
struct sp_import_met *sp_import_met_new(int n, char *const *paths);
/* The next path of the command line is begun. */
void sp_import_met_next_path(struct sp_import_met *m); /* NULL is fine */
/* Whether ${item} was met by an earlier path of the command line, which is
 * noted.  False for NULL. */
bool sp_import_met_before(
    struct sp_import_met *m, const struct sp_import_item *item);
void sp_import_met_free(struct sp_import_met *m); /* NULL is fine */

#endif
