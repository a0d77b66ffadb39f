/*
 * Files of Dovecot sdbox: see journal/import/import_dbox.h.  The message is
 * taken only where its size leads to the mark of its end: what is damaged is
 * refused.
 */
#include "journal/import/import_dbox.h"

#include <string.h>

#include "base/json.h"
#include "journal/import/import_kind.h"

#define HEADER_MAX 4096 /* bytes of the message header */
#define TAIL_MAX   (64u << 10) /* bytes of metadata that are read */
#define SIZE_LEN   16 /* hex digits, before the line end of the header */

static const char end_mark[] = "\n\001\003\n";

/* Read ${v} as hex digits, blanks on both sides; false where it is none. */
static bool
read_hex(struct sp_view v, uint64_t *out)
{
	v = sp_view_trim(v);
	if (v.n == 0 || v.n > 16)
		return (false);
	*out = 0;
	for (size_t i = 0; i < v.n; i++) {
		const char *digits = "0123456789abcdef";
		char c = v.p[i] >= 'A' && v.p[i] <= 'F'
			     ? (char)(v.p[i] + ('a' - 'A'))
			     : v.p[i];
		const char *at = c == '\0' ? NULL : strchr(digits, c);

		if (at == NULL)
			return (false);
		*out = *out << 4 | (uint64_t)(at - digits);
	}
	return (true);
}

/* The value of the metadata line that begins with ${key}. */
static bool
metadata(const struct sp_import_dbox *d, char key, struct sp_view *value)
{
	struct sp_view rest = d->tail, line;

	if (rest.n > TAIL_MAX)
		return (false);
	rest =
	    sp_view_mem(rest.p + strlen(end_mark), rest.n - strlen(end_mark));
	while (rest.n > 0 && (line = sp_view_cut(&rest, '\n')).n > 0) {
		if (line.p[0] == key) {
			*value = sp_view_mem(line.p + 1, line.n - 1);
			return (true);
		}
	}
	return (false);
}

/* Both headers, the message, and the mark of its end. */
const char *
sp_import_dbox_parse(struct sp_view file, struct sp_import_dbox *out)
{
	struct sp_view rest = file, line = sp_view_cut(&rest, '\n'), value;
	const char *m = memmem(line.p, line.n, " M", 2);
	uint64_t header = 0, size = 0;

	if (m != NULL) {
		value = sp_view_mem(m + 2, line.n - (size_t)(m + 2 - line.p));
		value = sp_view_cut(&value, ' ');
		if (!read_hex(value, &header))
			header = 0;
	}
	if (header < 4 + SIZE_LEN || header > HEADER_MAX || header > rest.n ||
	    !sp_view_starts(rest, "\001\002N") || rest.p[header - 1] != '\n' ||
	    !read_hex(
		sp_view_mem(rest.p + header - 1 - SIZE_LEN, SIZE_LEN), &size))
		return (
		    "a damaged message of Dovecot dbox: its header is not readable; copy the mailbox out with `doveadm backup -u USER maildir:PATH` and import that");
	out->head = sp_view_mem(file.p, line.n + 1 + (size_t)header);
	rest = sp_view_mem(rest.p + header, rest.n - (size_t)header);
	if (size > rest.n ||
	    !sp_view_starts(
		sp_view_mem(rest.p + size, rest.n - (size_t)size), end_mark))
		return (
		    "a damaged message of Dovecot dbox: it is not as long as its header says; copy the mailbox out with `doveadm backup -u USER maildir:PATH` and import that");
	out->message = sp_view_mem(rest.p, (size_t)size);
	out->compressed = sp_import_kind_compression(out->message) != NULL;
	out->tail = sp_view_mem(rest.p + size, rest.n - (size_t)size);
	if (sp_view_starts(out->message, "Dovecot-LZ4"))
		return (
		    "a message of Dovecot dbox that is compressed by Dovecot's own lz4 form, which is not read; copy the mailbox out with `doveadm backup -u USER maildir:PATH` and import that");
	out->outside = metadata(out, 'X', &value);
	return (NULL);
}

bool
sp_import_dbox_date(const struct sp_import_dbox *d, char out[SP_TIME_LEN + 1])
{
	struct sp_view value;
	uint64_t seconds;

	if (!metadata(d, 'R', &value) || !read_hex(value, &seconds) ||
	    seconds > UINT64_C(253402300799))
		return (false);
	sp_time_format((int64_t)seconds * 1000000, out);
	return (true);
}

enum sp_code
sp_import_dbox_facts(const struct sp_import_dbox *d, struct sp_buf *out)
{
	struct sp_json j;

	sp_json_init(&j, out);
	sp_json_obj(&j, "dbox");
	sp_json_str(&j, "head", d->head);
	if (d->tail.n <= TAIL_MAX)
		sp_json_str(&j, "tail", d->tail);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}
