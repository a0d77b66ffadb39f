/*
 * messages.csv (RFC 4180, UTF-8 with byte order mark, which spreadsheets need
 * to see that it is UTF-8): for people.  Every cell is quoted; several values
 * are joined by "; "; a cell that a spreadsheet would take for a formula gets
 * an apostrophe.  messages.jsonl is the exact form.
 */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "export/bag_layout.h"
#include "export/loadfile.h"

#define NO_BREAK_SPACE "\xc2\xa0"
#define CELL_MAX       (4u << 20) /* bytes of a cell */

/* The columns: members of the JSON of a message, but for "file". */
static const char *const columns[] = { "seq", "file", "received", "date",
	"from", "to", "cc", "bcc", "envelope_from", "envelope_to", "claims",
	"subject", "message_id", "attachments", "size", "sha256",
	"inner_sha256", "duplicate_of", "grade", "via", "flags" };

/*
 * Whether a spreadsheet would take the cell for a formula: = + - @ TAB CR and
 * the full-width forms U+FF1D, U+FF0B, U+FF0D, U+FF20, also behind blanks,
 * which some programs strip first.
 */
static bool
is_formula(const char *s)
{
	static const char *const wide[] = { "\xef\xbc\x9d", "\xef\xbc\x8b",
		"\xef\xbc\x8d", "\xef\xbc\xa0" };

	if (*s == '\t' || *s == '\r')
		return (true);
	while (*s == ' ' || *s == '\n' || *s == '\t' || *s == '\r' ||
	       strncmp(s, NO_BREAK_SPACE, strlen(NO_BREAK_SPACE)) == 0)
		s += *s == NO_BREAK_SPACE[0] ? strlen(NO_BREAK_SPACE) : 1;
	if (*s != '\0' && strchr("=+-@", *s) != NULL)
		return (true);
	for (size_t i = 0; i < SP_COUNTOF(wide); i++) {
		if (strncmp(s, wide[i], strlen(wide[i])) == 0)
			return (true);
	}
	return (false);
}

/*
 * Append a cell in quotes, after a comma unless it is the ${first} of its row.
 */
static enum sp_code
add_cell(struct sp_buf *out, const char *text, bool first)
{
	enum sp_code rc = first ? SP_OK : sp_buf_addc(out, ',');

	if (rc == SP_OK)
		rc = sp_buf_adds(out, is_formula(text) ? "\"'" : "\"");
	for (const char *p = text; rc == SP_OK && *p != '\0'; p++) {
		if (*p == '"')
			rc = sp_buf_adds(out, "\"\"");
		else
			rc = sp_buf_addc(out, *p);
	}
	return (rc == SP_OK ? sp_buf_addc(out, '"') : rc);
}

/* Who got it, as whom, by what: "bob@x (to, expanded from dl@x; report)". */
static enum sp_code
add_claim(const json_t *v, const char *addr, struct sp_buf *out)
{
	const json_t *via = json_object_get(v, "via");
	const char *presumed =
	    json_string_value(json_object_get(v, "presumed"));
	enum sp_code rc = sp_buf_addf(
	    out, "%s (%s", addr, json_string_value(json_object_get(v, "role")));

	if (rc == SP_OK && presumed != NULL)
		rc = sp_buf_addf(out, ", perhaps %s", presumed);
	if (rc == SP_OK && via != NULL)
		rc = sp_buf_addf(out, ", %s from %s",
		    json_string_value(json_object_get(via, "how")),
		    json_string_value(json_object_get(via, "addr")));
	if (rc == SP_OK)
		rc = sp_buf_addf(out, "; %s)",
		    json_string_value(json_object_get(v, "evidence")));
	return (rc);
}

/*
 * Append one JSON value as text: "; " between the elements of an array, "NAME
 * <ADDR>" for a person.
 */
static enum sp_code
add_value(const json_t *v, struct sp_buf *out)
{
	const json_t *e;
	enum sp_code rc = SP_OK;
	size_t i;

	if (json_is_string(v))
		return (sp_buf_adds(out, json_string_value(v)));
	if (json_is_integer(v))
		return (sp_buf_addf(
		    out, "%" JSON_INTEGER_FORMAT, json_integer_value(v)));
	if (json_is_object(v)) {
		const char *name =
		    json_string_value(json_object_get(v, "name"));
		const char *addr =
		    json_string_value(json_object_get(v, "addr"));

		if (addr != NULL && json_object_get(v, "evidence") != NULL)
			return (add_claim(v, addr, out));
		if (addr == NULL)
			return (sp_buf_adds(out, name == NULL ? "" : name));
		if (name == NULL || *name == '\0')
			return (sp_buf_adds(out, addr));
		return (sp_buf_addf(out, "%s <%s>", name, addr));
	}
	json_array_foreach(v, i, e)
	{
		if (i > 0)
			rc = sp_buf_adds(out, "; ");
		if (rc == SP_OK)
			rc = add_value(e, out);
		if (rc != SP_OK)
			break;
	}
	return (rc);
}

enum sp_code
sp_loadfile_head(struct sp_buf *out)
{
	enum sp_code rc = sp_buf_adds(out, "\xef\xbb\xbf");

	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(columns); i++)
		rc = add_cell(out, columns[i], i == 0);
	return (rc == SP_OK ? sp_buf_adds(out, "\r\n") : rc);
}

/*
 * A member that is not there gives an empty cell; "file" is the path of the
 * message in the bag.
 */
enum sp_code
sp_loadfile_row(
    const char *json, uint64_t seq, struct sp_buf *out, struct sp_err *err)
{
	struct sp_buf text;
	json_t *j = NULL;
	enum sp_code rc;

	rc = sp_json_load(sp_view_str(json), &j, err);
	if (rc != SP_OK)
		return (rc);
	sp_buf_init(&text, CELL_MAX);
	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(columns); i++) {
		sp_buf_clear(&text);
		if (strcmp(columns[i], "file") == 0)
			rc = sp_buf_addf(&text, SP_BAG_PATH_MESSAGE, seq);
		else
			rc = add_value(json_object_get(j, columns[i]), &text);
		if (rc == SP_OK)
			rc = add_cell(out, sp_buf_cstr(&text), i == 0);
	}
	if (rc == SP_OK)
		rc = sp_buf_adds(out, "\r\n");
	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0,
		    "messages.csv: the row of entry %" PRIu64 " is too long",
		    seq);
	sp_buf_done(&text);
	json_decref(j);
	return (rc);
}
