/* Borrowed bytes: never assumed to end in NUL, never freed by the holder. */
#ifndef SP_BASE_VIEW_H
#define SP_BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sp_view {
	const char *p;
	size_t n;
};

#define SP_VIEW_LIT(s) ((struct sp_view){ (s), sizeof(s) - 1 })

struct sp_view sp_view_str(const char *s); /* NULL gives {NULL, 0} */
struct sp_view sp_view_mem(const void *p, size_t n);
bool sp_view_eq(struct sp_view a, struct sp_view b);
bool sp_view_eq_str(struct sp_view a, const char *s);
bool sp_view_ieq_str(struct sp_view a, const char *s); /* ASCII case only */
bool sp_view_starts(struct sp_view a, const char *prefix);
bool sp_view_istarts(struct sp_view a, const char *prefix);
/* Strip spaces, tabs, CR and LF on both sides. */
struct sp_view sp_view_trim(struct sp_view v);
/* Cut off at the first ${c}: returns what is before, leaves what is after in
 * ${rest}; without ${c}, returns all and leaves {NULL,0}. */
struct sp_view sp_view_cut(struct sp_view *rest, char c);
/* Unsigned decimal, whole view, no sign, no blank; false on overflow. */
bool sp_view_u64(struct sp_view v, uint64_t *out);
/* malloc'ed NUL-terminated copy; aborts on exhaustion.  Caller frees. */
char *sp_view_dup(struct sp_view v);
/* Valid UTF-8 (RFC 3629: no surrogates, no overlong) without U+0000. */
bool sp_view_is_utf8(struct sp_view v);

#endif
