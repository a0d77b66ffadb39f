/*
 * Addresses in the lines of a journal report: address and name apart, and
 * whether what stands there is an address at all.  Called by journal_text.c,
 * and by journal_other.c for what other systems write.
 */
#include <string.h>

#include "index/mail/journal_priv.h"

const char *
sp_journal_unquoted(struct sp_mem *mem, struct sp_view v)
{
	char *s, *q;

	v = sp_view_trim(v);
	if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
		v = sp_view_mem(v.p + 1, v.n - 2);
	s = q = sp_mem_dup(mem, v);
	for (const char *p = s; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		*q++ = *p;
	}
	*q = '\0';
	return (s);
}

/*
 * The address is in the last <...> that is not within quotes; the name stands
 * before it.
 */
void
sp_journal_path(
    struct sp_mem *mem, struct sp_view v, const char **addr, const char **name)
{
	size_t open = v.n;
	bool quoted = false;

	*name = "";
	if (v.n < 2 || v.p[v.n - 1] != '>') {
		*addr = sp_mem_dup(mem, v);
		return;
	}
	/* The last < that is not within quotes. */
	for (size_t i = 0; i + 1 < v.n; i++) {
		if (v.p[i] == '\\' && quoted)
			i++;
		else if (v.p[i] == '"')
			quoted = !quoted;
		else if (v.p[i] == '<' && !quoted)
			open = i;
	}
	if (open == v.n) {
		*addr = sp_mem_dup(mem, v);
		return;
	}
	*name = sp_journal_unquoted(mem, sp_view_mem(v.p, open));
	*addr = sp_mem_dup(
	    mem, sp_view_trim(sp_view_mem(v.p + open + 1, v.n - open - 2)));
}

bool
sp_journal_has_more_behind(const char *addr)
{
	struct sp_view v = sp_view_str(addr);
	const char *local = strrchr(addr, '"'), *at;

	at = strchr(local != NULL && addr[0] == '"' ? local : addr, '@');
	if (at == NULL || sp_view_istarts(v, "/o=") ||
	    sp_view_istarts(v, "EX:") || sp_view_istarts(v, "X400:"))
		return (false);
	return (strpbrk(at, " \t") != NULL ||
		strstr(addr, SP_JOURNAL_NBSP) != NULL ||
		sp_view_istarts(v, "mailto:"));
}

bool
sp_journal_is_plausible(const struct sp_journal_rcpt *r)
{
	struct sp_view v = sp_view_str(r->addr);
	const char *at = strchr(r->addr, '@');

	if (sp_view_istarts(v, "/o=") || sp_view_istarts(v, "EX:") ||
	    sp_view_istarts(v, "X400:"))
		return (true);
	if (at == NULL || at == r->addr || at[1] == '\0')
		return (false);
	return (r->addr[0] == '"' || strpbrk(r->addr, " \t<>") == NULL);
}
