/*
 * From a message and its record back to the bytes of the mbox, by doc/import.md
 * and without any code of journal/import: the check of what it promises.  For
 * test_import_dialect.c and fuzz_mbox.c.
 */
#ifndef SP_TESTS_IMPORT_MBOX_BACK_H
#define SP_TESTS_IMPORT_MBOX_BACK_H

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "journal/import/import.h"

/* Quote again, as doc/import.md says: ${all}: also ">From " and more. */
static inline void
mbox_quote(struct sp_view msg, bool all, struct sp_buf *out)
{
	bool begins = true;

	for (size_t i = 0; i < msg.n; i++) {
		size_t q = i;

		while (all && q < msg.n && msg.p[q] == '>')
			q++;
		if (begins && msg.n - q >= 5 &&
		    memcmp(msg.p + q, "From ", 5) == 0)
			(void)!sp_buf_addc(out, '>');
		(void)!sp_buf_addc(out, msg.p[i]);
		begins = msg.p[i] == '\n' || msg.p[i] == '\r';
	}
}

/* Whether ${extra} ("mbox":{...}) and the message give the bytes of the file
 * at the place that it names; ${end} is where the next message begins. */
static inline bool
mbox_back(struct sp_view file, struct sp_view extra, struct sp_view msg,
    uint64_t *begin, uint64_t *end)
{
	struct sp_buf text, out, t1, t2;
	struct sp_view from = { NULL, 0 }, tail = { NULL, 0 };
	uint64_t offset = 0, length = 0, unquoted = 0;
	const char *dialect;
	json_t *j = NULL, *m;
	bool same = false;

	sp_buf_init(&text, 1u << 20);
	sp_buf_init(&out, file.n + 4096);
	sp_buf_init(&t1, 1u << 20);
	sp_buf_init(&t2, 1u << 20);
	if (sp_buf_addf(&text, "{%.*s}", (int)extra.n, extra.p) == SP_OK &&
	    sp_json_load(sp_buf_view(&text), &j, NULL) == SP_OK) {
		m = json_object_get(j, "mbox");
		dialect = json_string_value(json_object_get(m, "dialect"));
		(void)sp_json_get_u64(m, "offset", &offset);
		(void)sp_json_get_u64(m, "length", &length);
		(void)sp_json_get_u64(m, "unquoted", &unquoted);
		(void)sp_json_get_str(m, "from", &t1, &from);
		(void)sp_json_get_str(m, "tail", &t2, &tail);
		(void)!sp_buf_addv(&out, from);
		if (unquoted > 0)
			mbox_quote(msg, strcmp(dialect, "mboxrd") == 0, &out);
		else
			(void)!sp_buf_addv(&out, msg);
		(void)!sp_buf_addv(&out, tail);
		*begin = offset;
		*end = offset + length;
		same = *end <= file.n && out.n == length &&
		       memcmp(out.p, file.p + offset, out.n) == 0;
		json_decref(j);
	}
	sp_buf_done(&text);
	sp_buf_done(&out);
	sp_buf_done(&t1);
	sp_buf_done(&t2);
	return (same);
}

#endif
