#include "app/common/common.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/record.h"

int
sp_common_parse(const struct sp_usage *u, int argc, char **argv, int *first)
{
	switch (sp_options_parse(u, argc, argv, first)) {
	case SP_PARSED_HELP:
		return (0);
	case SP_PARSED_BAD:
		return (2);
	case SP_PARSED_GO:
		break;
	}
	return (-1);
}

int
sp_common_parse_max(
    const struct sp_usage *u, int argc, char **argv, int max, int *first)
{
	int status = sp_common_parse(u, argc, argv, first);

	if (status >= 0 || argc - *first <= max)
		return (status);
	return (sp_app_usage(
	    "%s: one argument too many: \"%s\"; see sealpost %s --help",
	    u->name, argv[*first + max], u->name));
}

char *
sp_common_join(int argc, char **argv, int first)
{
	struct sp_buf b;

	sp_buf_init(&b, 1u << 20);
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

/* One character of ${text}: its bytes and columns; broken ones count one. */
static size_t
character(const char *text, size_t n, size_t *columns)
{
	mbstate_t state = { 0 };
	wchar_t wc;
	size_t bytes = mbrtowc(&wc, text, n, &state);
	int width;

	*columns = 1;
	if (bytes == 0 || bytes > n)
		return (1);
	width = wcwidth(wc);
	*columns = width < 0 ? 1 : (size_t)width;
	return (bytes);
}

static bool
printable(const char *text, size_t bytes)
{
	wchar_t wc;
	mbstate_t state = { 0 };

	return (mbrtowc(&wc, text, bytes, &state) == bytes && wcwidth(wc) >= 0);
}

void
sp_common_cell(const char *text, size_t width, bool last)
{
	size_t n = text == NULL ? 0 : strlen(text), used = 0;

	for (size_t i = 0; i < n;) {
		size_t columns;
		size_t bytes = character(text + i, n - i, &columns);

		if (width > 0 && used + columns > width)
			break;
		if (printable(text + i, bytes))
			(void)fwrite(text + i, 1, bytes, stdout);
		else
			(void)fputc('?', stdout);
		used += columns;
		i += bytes;
	}
	for (; !last && used < width; used++)
		(void)fputc(' ', stdout);
}

void
sp_common_field(const char *name, const char *text)
{
	printf("%-12s ", name);
	sp_common_cell(text, 0, true);
	(void)fputc('\n', stdout);
}
