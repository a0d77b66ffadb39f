/*
 * Whether a path lies in a directory, whatever links lead there.
 */
#ifndef SP_APP_COMMON_INSIDE_H
#define SP_APP_COMMON_INSIDE_H

#include <stdbool.h>

/* Whether ${path}, which need not exist yet, is ${dir} or would be made below
 * it; links and dots of both are followed.  False where ${dir} is not there. */
bool sp_inside(const char *path, const char *dir);
/* The nearest directory at or above ${path} that is there, without links and
 * dots, malloc'ed.  ${whole}: it is ${path} itself (may be NULL). */
char *sp_inside_nearest(const char *path, bool *whole);

#endif
