/*
 * The first look at the bytes of a configuration file, before anything is read
 * from it: whether it is text in an encoding that is read here, and whether
 * bytes are in it that could hide a part of it.  Called by config_read.c.
 */
#include <string.h>

#include "base/config/config_priv.h"

/* What is wrong with the encoding of the whole text; NULL: nothing.  UTF-16 is
 * told by its byte order mark, or by NUL as every second byte of its beginning,
 * as ASCII has it there. */
static const char *
encoding_fault(struct sp_view t)
{
	static const char utf16[] =
	    "the file is UTF-16, not UTF-8; save it as plain text in UTF-8 (iconv -f UTF-16 -t UTF-8)";
	const unsigned char *u = (const unsigned char *)t.p;

	if (t.n >= 2 &&
	    ((u[0] == 0xff && u[1] == 0xfe) || (u[0] == 0xfe && u[1] == 0xff)))
		return (utf16);
	if (t.n >= 4 && (u[0] == 0) == (u[2] == 0) &&
	    (u[1] == 0) == (u[3] == 0) && (u[0] == 0) != (u[1] == 0))
		return (utf16);
	return (NULL);
}

/* Line ends that an editor shows and we would not: in a comment they would hide
 * an option. */
static const char *
byte_fault(struct sp_view t, size_t i)
{
	if (t.p[i] == '\0')
		return ("a NUL byte is in it; it is no text file");
	if (t.p[i] == '\r' && (i + 1 == t.n || t.p[i + 1] != '\n'))
		return (
		    "a CR without LF is in it; expected lines that end with LF or CR LF");
	return (NULL);
}

const char *
sp_config_bytes(struct sp_view *text, struct sp_config_place *at)
{
	const char *why = encoding_fault(*text);

	*at = (struct sp_config_place){ 1, 1 };
	if (why != NULL)
		return (why);
	/* A byte order mark says that it is UTF-8, and nothing more. */
	if (sp_view_starts(*text, "\xef\xbb\xbf"))
		*text = sp_view_mem(text->p + 3, text->n - 3);
	for (size_t i = 0; i < text->n; i++) {
		why = byte_fault(*text, i);
		if (why != NULL)
			return (why);
		at->column++;
		if (text->p[i] == '\n')
			*at = (struct sp_config_place){ at->line + 1, 1 };
	}
	return (NULL);
}
