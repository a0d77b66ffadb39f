/*
 * Borrowed bytes: a pointer and a length, never assumed to end in NUL, never
 * freed by who holds them.  Parsers take and give views, so that nothing is
 * copied and no byte beyond the end is read.
 */
#ifndef SP_BASE_VIEW_H
#define SP_BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sp_view {
	const char *p; /* may be NULL if ${n} is 0 */
	size_t n;
};

/* The view of a string literal. */
#define SP_VIEW_LIT(s) ((struct sp_view){ (s), sizeof(s) - 1 })

/* The view of a NUL-terminated text without its NUL; NULL gives {NULL, 0}. */
struct sp_view sp_view_str(const char *s);
/* The view of ${n} bytes. */
struct sp_view sp_view_mem(const void *p, size_t n);

/* Whether both hold the same bytes. */
bool sp_view_eq(struct sp_view a, struct sp_view b);
bool sp_view_eq_str(struct sp_view a, const char *s);
/* The same without regard to the case of ASCII letters. */
bool sp_view_ieq_str(struct sp_view a, const char *s);
/* Whether ${a} begins with ${prefix}; then the same without regard to case. */
bool sp_view_starts(struct sp_view a, const char *prefix);
bool sp_view_istarts(struct sp_view a, const char *prefix);

/* What is left without spaces, tabs, CR and LF on both sides. */
struct sp_view sp_view_trim(struct sp_view v);
/* Cut ${rest} at its first ${c}: returns what is before and leaves what is
 * after in ${rest}.  Without ${c} returns all and leaves {NULL, 0}; a NULL in
 * rest->p therefore tells that from a ${c} at the end. */
struct sp_view sp_view_cut(struct sp_view *rest, char c);
/* Read all of ${v} as an unsigned decimal number without sign and blanks; false
 * if it is none or does not fit. */
bool sp_view_u64(struct sp_view v, uint64_t *out);
/* A NUL-terminated copy; aborts without memory.  The caller frees it. */
char *sp_view_dup(struct sp_view v);
/* Whether it is UTF-8 (RFC 3629: no surrogates, no overlong forms) and holds no
 * U+0000. */
bool sp_view_is_utf8(struct sp_view v);

#endif
