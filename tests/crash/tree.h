/* Directory trees for the crash harness: copy, remove, digest. */
#ifndef SP_TESTS_CRASH_TREE_H
#define SP_TESTS_CRASH_TREE_H

#include <stdbool.h>

#include "base/buf.h"

void tree_copy(const char *from, const char *to);
void tree_remove(const char *path);
/* One line for each file and directory, sorted: path, size, SHA-256.
 * ${skip} may be NULL. */
void tree_describe(
    const char *path, bool (*skip)(const char *name), struct sp_buf *out);

#endif
