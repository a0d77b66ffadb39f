/*
 * Directory trees for the crash harness: copied, removed, and described so that
 * two can be compared.
 */
#ifndef SP_TESTS_CRASH_TREE_H
#define SP_TESTS_CRASH_TREE_H

#include <stdbool.h>

#include "base/buf.h"

/* Copy all of ${from} to ${to}, which must not be there.  Aborts on failure. */
void tree_copy(const char *from, const char *to);
/* Remove ${path} and all below it.  Aborts on failure. */
void tree_remove(const char *path);
/* One line for each file and directory, sorted: path, size, SHA-256.
 * ${skip} may be NULL. */
void tree_describe(
    const char *path, bool (*skip)(const char *name), struct sp_buf *out);

#endif
