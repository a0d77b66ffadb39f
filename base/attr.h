/* Compiler attributes and the few macros that every file may use. */
#ifndef SP_BASE_ATTR_H
#define SP_BASE_ATTR_H

#include <stddef.h>

/* The result must be looked at. */
#define SP_CHECK __attribute__((warn_unused_result))
/* printf-like: format is argument ${f}, the values start at ${a}. */
#define SP_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SP_UNUSED	__attribute__((unused))
/* Elements of a true array. */
#define SP_COUNTOF(a) (sizeof(a) / sizeof((a)[0]))

#endif
