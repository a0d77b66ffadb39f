/*
 * Names in an archive, read and written one way only: a file whose name could
 * be written otherwise is not ours.  FORMAT gets its place last when an archive
 * is made (journal/seal/create.c) and is read first when one is opened.
 */
#include "base/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/io.h"
#include "base/view.h"

#define FORMAT_NAME    "FORMAT"
#define FORMAT_PREFIX  "sealpost archive "
#define FORMAT_VERSION 1
#define FORMAT_MAX     1024 /* bytes of FORMAT that we look at */
#define FORMAT_MODE    0640
#define SEQ_DIGITS     12 /* at least; order is numeric */
#define TILE_GROUP     1000 /* numbers in one directory */

char *
sp_layout_path(const char *dir, const char *what)
{
	return (sp_xasprintf("%s/%s", dir, what));
}

bool
sp_layout_origin_ok(const char *origin)
{
	size_t n = strlen(origin);

	if (n == 0 || n > SP_ORIGIN_MAX)
		return (false);
	for (size_t i = 0; i < n; i++) {
		if (origin[i] <= ' ' || origin[i] > '~' || origin[i] == '+')
			return (false);
	}
	return (true);
}

/* Read the bytes of FORMAT, ${text}, of the archive ${dir}. */
static enum sp_code
parse_format(const char *dir, struct sp_view text,
    char origin[SP_ORIGIN_MAX + 1], struct sp_err *err)
{
	struct sp_view rest = text, head, name;
	uint64_t version;

	head = sp_view_cut(&rest, '\n');
	if (!sp_view_starts(head, FORMAT_PREFIX))
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "%s/" FORMAT_NAME ": does not begin with \"" FORMAT_PREFIX
		    "\"; is this a Sealpost archive?",
		    dir));
	head.p += sizeof(FORMAT_PREFIX) - 1;
	head.n -= sizeof(FORMAT_PREFIX) - 1;
	if (!sp_view_u64(head, &version) || version == 0 || head.p[0] == '0')
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "%s/" FORMAT_NAME ": the version is not a number", dir));
	if (version != FORMAT_VERSION)
		return (sp_err_set(err, SP_EVERSION, 0,
		    "%s: an archive of format %" PRIu64
		    ", and this is sealpost %s, which knows format %d; use a newer sealpost",
		    dir, version, SP_VERSION, FORMAT_VERSION));
	name = sp_view_cut(&rest, '\n');
	if (rest.p == NULL || rest.n != 0 || name.n > SP_ORIGIN_MAX)
		goto bad;
	if (name.n > 0)
		memcpy(origin, name.p, name.n);
	origin[name.n] = '\0';
	if (strlen(origin) == name.n && sp_layout_origin_ok(origin))
		return (SP_OK);
bad:
	return (sp_err_set(err, SP_EFORMAT, 0,
	    "%s/" FORMAT_NAME
	    ": the second line must be the origin, and nothing may follow it; restore the file from a backup",
	    dir));
}

/* A file that is missing or too long gets a message about the archive. */
enum sp_code
sp_layout_read_format(
    const char *dir, char origin[SP_ORIGIN_MAX + 1], struct sp_err *err)
{
	char name[SP_ORIGIN_MAX + 1];
	char *path = sp_layout_path(dir, FORMAT_NAME);
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, FORMAT_MAX);
	rc = sp_io_read_file(path, FORMAT_MAX, &text, err);
	if (rc == SP_ENOTFOUND)
		rc = sp_err_set(err, SP_ENOTFOUND, 0,
		    "%s is not a Sealpost archive (it has no file " FORMAT_NAME
		    "); name one with -A, or make one with sealpost init",
		    dir);
	else if (rc == SP_ELIMIT)
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "%s is longer than it can be; is this a Sealpost archive?",
		    path);
	else if (rc == SP_OK)
		rc = parse_format(dir, sp_buf_view(&text), name, err);
	if (rc == SP_OK)
		memcpy(origin, name, sizeof(name));
	sp_buf_done(&text);
	free(path);
	return (rc);
}

enum sp_code
sp_layout_write_format(const char *dir, const char *origin, struct sp_err *err)
{
	char text[sizeof(FORMAT_PREFIX) + 16 + SP_ORIGIN_MAX];
	enum sp_code rc;
	char *path;
	int n;

	if (!sp_layout_origin_ok(origin))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "the origin \"%s\" cannot be used: it must be 1 to %d printable ASCII characters without blank or '+'",
		    origin, SP_ORIGIN_MAX));
	n = snprintf(text, sizeof(text), FORMAT_PREFIX "%d\n%s\n",
	    FORMAT_VERSION, origin);
	path = sp_layout_path(dir, FORMAT_NAME);
	rc = sp_io_publish(path, text, (size_t)n, FORMAT_MODE, err);
	free(path);
	return (rc);
}

/* Cut a number of at least 12 digits off ${v}, as %012 writes it. */
static bool
cut_seq(struct sp_view *v, uint64_t *out)
{
	size_t n = 0;

	while (n < v->n && v->p[n] >= '0' && v->p[n] <= '9')
		n++;
	if (n < SEQ_DIGITS || (n > SEQ_DIGITS && v->p[0] == '0'))
		return (false);
	if (!sp_view_u64((struct sp_view){ v->p, n }, out))
		return (false);
	v->p += n;
	v->n -= n;
	return (true);
}

/* Cut the character ${c} off ${v}. */
static bool
cut_char(struct sp_view *v, char c)
{
	if (v->n == 0 || v->p[0] != c)
		return (false);
	v->p++;
	v->n--;
	return (true);
}

bool
sp_layout_parse_intake(const char *name, struct sp_intake_name *out)
{
	struct sp_view v = sp_view_str(name);
	uint8_t id[4];
	uint64_t first;

	if (!cut_seq(&v, &first) || !cut_char(&v, '-') || v.n != 8 + 4 ||
	    !sp_hex_decode((struct sp_view){ v.p, 8 }, id, 4) ||
	    !sp_view_eq_str((struct sp_view){ v.p + 8, 4 }, ".log"))
		return (false);
	/* It is written in lower case. */
	for (size_t i = 0; i < 8; i++) {
		if (v.p[i] >= 'A' && v.p[i] <= 'F')
			return (false);
	}
	out->first = first;
	out->id = sp_be32_get(id);
	return (true);
}

void
sp_layout_intake_name(const struct sp_intake_name *n, char out[64])
{
	(void)snprintf(out, 64, "%0*" PRIu64 "-%08" PRIx32 ".log", SEQ_DIGITS,
	    n->first, n->id);
}

/* FIRST-LAST, perhaps .rN with N from 1 without leading zeros, .tar.zst. */
bool
sp_layout_parse_segment(const char *name, struct sp_segment_name *out)
{
	struct sp_view v = sp_view_str(name);
	struct sp_segment_name s = { 0 };

	if (!cut_seq(&v, &s.first) || !cut_char(&v, '-') ||
	    !cut_seq(&v, &s.last) || s.first > s.last)
		return (false);
	if (sp_view_starts(v, ".r")) {
		struct sp_view number;
		uint64_t revision;

		v.p += 2;
		v.n -= 2;
		number = sp_view_cut(&v, '.');
		if (number.n > 9 || !sp_view_u64(number, &revision) ||
		    number.p[0] == '0' || v.p == NULL)
			return (false);
		s.revision = (unsigned)revision;
		v.p--; /* back to the dot that was cut off */
		v.n++;
	}
	if (!sp_view_eq_str(v, ".tar.zst"))
		return (false);
	*out = s;
	return (true);
}

void
sp_layout_segment_name(const struct sp_segment_name *n, char out[96])
{
	char revision[16] = "";

	if (n->revision > 0)
		(void)snprintf(revision, sizeof(revision), ".r%u", n->revision);
	(void)snprintf(out, 96, "%0*" PRIu64 "-%0*" PRIu64 "%s.tar.zst",
	    SEQ_DIGITS, n->first, SEQ_DIGITS, n->last, revision);
}

void
sp_layout_tile_path(int level, uint64_t n, char out[128])
{
	char groups[48] = "";
	char head[16] = "entries";
	size_t at = sizeof(groups);

	/* 1234067 is x001/x234/067: from the last group to the first. */
	groups[--at] = '\0';
	for (bool last = true; last || n > 0; last = false) {
		char group[16];
		int len = snprintf(group, sizeof(group), "%s%03u",
		    last ? "/" : "/x", (unsigned)(n % TILE_GROUP));

		at -= (size_t)len;
		memcpy(groups + at, group, (size_t)len);
		n /= TILE_GROUP;
	}
	if (level >= 0)
		(void)snprintf(head, sizeof(head), "%d", level);
	(void)snprintf(out, 128, "tile/%s%s", head, groups + at);
}
