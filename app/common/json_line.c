/*
 * Lines of JSON on standard output (JSON Lines): begun here, filled in by the
 * command, printed here.  The object is built in memory first, so that a line
 * is whole or absent.
 */
#include "app/common/json_line.h"

#include <stdio.h>

struct sp_json *
sp_json_line_begin(struct sp_json_line *line, size_t max)
{
	sp_buf_init(&line->text, max);
	sp_json_init(&line->json, &line->text);
	sp_json_obj(&line->json, NULL);
	return (&line->json);
}

void
sp_json_line_print(struct sp_json_line *line)
{
	const char *text;

	sp_json_obj_end(&line->json);
	text = sp_buf_cstr(&line->text);
	if (sp_json_end(&line->json) == SP_OK && text != NULL)
		printf("%s\n", text);
	sp_buf_done(&line->text);
}
