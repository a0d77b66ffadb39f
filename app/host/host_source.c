/*
 * Writes the "source" of a record from a message's provenance (host_source.h;
 * doc/format-record.md has the members).
 */
#include "app/host/host_source.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/record.h"

/* Members in the order in which they come. */
char *
sp_host_source_json(const json_t *provenance, const char *operator_)
{
	const char *name;
	json_t *member;
	struct sp_buf out;
	struct sp_json j;

	sp_buf_init(&out, SP_RECORD_MAX);
	sp_json_init(&j, &out);
	sp_json_cstr(
	    &j, "via", json_string_value(json_object_get(provenance, "via")));
	sp_json_cstr(&j, "grade",
	    json_string_value(json_object_get(provenance, "grade")));
	json_object_foreach(json_object_get(provenance, "source"), name, member)
	    sp_json_value(&j, name, member);
	if (operator_[0] != '\0')
		sp_json_raw(&j, "operator", sp_view_str(operator_));
	if (sp_json_end(&j) == SP_OK)
		return (sp_buf_take(&out, NULL));
	sp_buf_done(&out);
	return (NULL);
}
