/*
 * Checks of arguments that every command would otherwise repeat.  A wrong
 * argument is printed here, one line on standard error, and the caller only
 * returns 2: so the wording is the same for all commands.
 */
#include "app/common/args.h"

#include <string.h>

#include "app/common/app.h"
#include "base/buf.h"
#include "base/record.h"

#define JOINED_MAX (1u << 20)

char *
sp_common_join(int argc, char **argv, int first)
{
	struct sp_buf b;

	sp_buf_init(&b, JOINED_MAX);
	for (int i = first; i < argc; i++) {
		if ((i > first && sp_buf_addc(&b, ' ') != SP_OK) ||
		    sp_buf_adds(&b, argv[i]) != SP_OK)
			break;
	}
	return (sp_buf_take(&b, NULL));
}

bool
sp_common_seq(const char *text, uint64_t *seq)
{
	if (sp_view_u64(sp_view_str(text), seq) && *seq <= SP_SEQ_MAX)
		return (true);
	(void)sp_app_usage("\"%s\" is not a sequence number", text);
	return (false);
}

int
sp_common_choice(
    const char *option, const char *text, const char *const *names, size_t n)
{
	struct sp_buf b;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, names[i]) == 0)
			return ((int)i);
	}
	sp_buf_init(&b, 1024);
	for (size_t i = 0; i < n; i++)
		(void)!sp_buf_addf(&b, "%s%s",
		    i == 0	 ? ""
		    : i + 1 == n ? " or "
				 : ", ",
		    names[i]);
	(void)sp_app_usage(
	    "--%s takes %s, not \"%s\"", option, sp_buf_cstr(&b), text);
	sp_buf_done(&b);
	return (-1);
}
