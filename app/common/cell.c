/*
 * Cells and fields for a terminal.  Columns are counted as the terminal shows
 * them (wcwidth() in the UTF-8 locale that main() sets): a Chinese character
 * has two, a combining accent none.
 */
#include "app/common/cell.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

/* The first character of the ${n} bytes at ${text}: returns its length in bytes
 * and sets ${columns}.  What is no character is one byte and one column. */
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

/* Whether the ${bytes} at ${text} are one character that can be shown. */
static bool
printable(const char *text, size_t bytes)
{
	wchar_t wc;
	mbstate_t state = { 0 };

	return (mbrtowc(&wc, text, bytes, &state) == bytes && wcwidth(wc) >= 0);
}

void
sp_cell_print(const char *text, size_t width, bool last)
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
sp_cell_field(const char *name, const char *text)
{
	printf("%-12s ", name);
	sp_cell_print(text, 0, true);
	(void)fputc('\n', stdout);
}
