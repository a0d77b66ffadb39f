/* Records and entry lines: any bytes give a struct or a code. */
#include <stdint.h>
#include <stdlib.h>

#include "base/line.h"
#include "base/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_view v = sp_view_mem(data, size);
	struct sp_record r;
	struct sp_line l, again;
	struct sp_err err;
	char text[SP_LINE_MAX];

	if (sp_line_parse(v, &l, &err) == SP_OK) {
		size_t n = sp_line_format(&l, text);

		/* One form only, or two leaves could say the same. */
		if (!sp_view_eq(v, sp_view_mem(text, n)))
			abort();
	}
	if (sp_record_parse(v, &r, &err) == SP_OK) {
		sp_line_of_record(&r, v, &l);
		if (sp_line_parse(sp_view_mem(text, sp_line_format(&l, text)),
			&again, &err) != SP_OK)
			abort();
		sp_record_done(&r);
	}
	return (0);
}
