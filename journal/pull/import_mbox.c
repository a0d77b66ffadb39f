/*
 * mbox: messages begin at a From line that stands at the start of the file or
 * after an empty line.  The bytes between are given as they are: quoting
 * (>From) is not undone, since the four dialects cannot be told apart; the
 * item says that there is some.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "journal/pull/import.h"

#define CHUNK (256u << 10)

struct mbox {
	const struct sp_import *im;
	const char *path;
	const uint8_t *sha256;
	struct sp_buf buf; /* bytes from ${base} on */
	uint64_t base; /* file offset of buf.p[0] */
	bool too_large; /* skipping the rest of a message */
	bool end; /* all of the file is in the buffer */
};

/* ---- the From line ------------------------------------------------------ */

static bool
one_of(struct sp_view w, const char *names)
{
	/* names: three letters each, "MonTue..." */
	for (; w.n == 3 && *names != '\0'; names += 3) {
		if (memcmp(w.p, names, 3) == 0)
			return (true);
	}
	return (false);
}

static bool
digits(struct sp_view w, size_t min, size_t max)
{
	if (w.n < min || w.n > max)
		return (false);
	for (size_t i = 0; i < w.n; i++) {
		if (w.p[i] < '0' || w.p[i] > '9')
			return (false);
	}
	return (true);
}

/* 10:00, 10:00:00, 9:05 */
static bool
is_clock(struct sp_view w)
{
	struct sp_view rest = w;
	struct sp_view hour = sp_view_cut(&rest, ':');
	struct sp_view minute = sp_view_cut(&rest, ':');

	return (digits(hour, 1, 2) && digits(minute, 2, 2) &&
		(rest.p == NULL || digits(rest, 2, 2)));
}

/* +0100, -0800, GMT, MEST, (CET) */
static bool
is_zone(struct sp_view w)
{
	if (w.n == 5 && (w.p[0] == '+' || w.p[0] == '-'))
		return (digits(sp_view_mem(w.p + 1, 4), 4, 4));
	if (w.n > 2 && w.p[0] == '(' && w.p[w.n - 1] == ')')
		w = sp_view_mem(w.p + 1, w.n - 2);
	for (size_t i = 0; i < w.n; i++) {
		if (w.p[i] < 'A' || w.p[i] > 'Z')
			return (false);
	}
	return (w.n >= 1 && w.n <= 5);
}

static struct sp_view
next_word(struct sp_view *rest)
{
	struct sp_view w = { NULL, 0 };

	while (w.n == 0 && rest->p != NULL)
		w = sp_view_trim(sp_view_cut(rest, ' '));
	return (w);
}

/* What stands behind the name of the day. */
static bool
is_date(struct sp_view rest)
{
	unsigned month = 0, day = 0, clock = 0, year = 0, zone = 0;
	struct sp_view w;

	while ((w = next_word(&rest)).n > 0) {
		if (one_of(w, "JanFebMarAprMayJunJulAugSepOctNovDec"))
			month++;
		else if (digits(w, 1, 2))
			day++;
		else if (digits(w, 4, 4))
			year++;
		else if (is_clock(w))
			clock++;
		else if (year == 1 && sp_view_eq_str(w, "remote"))
			break; /* UUCP: "remote from HOST" */
		else if (is_zone(w))
			zone++;
		else
			return (false);
	}
	return (month == 1 && day == 1 && clock == 1 && year == 1 && zone <= 2);
}

bool
sp_import_is_from_line(struct sp_view line)
{
	struct sp_view rest = line, w;

	if (!sp_view_starts(line, "From "))
		return (false);
	(void)sp_view_cut(&rest, ' ');
	/* The sender may have blanks in it: the date begins with its day. */
	while ((w = next_word(&rest)).n > 0) {
		if (w.p[w.n - 1] == ',')
			w.n--;
		if (one_of(w, "MonTueWedThuFriSatSun") && is_date(rest))
			return (true);
	}
	return (false);
}

/* ---- the messages -------------------------------------------------------- */

static struct sp_view
line_at(const struct mbox *m, size_t at)
{
	struct sp_view rest = sp_view_mem(m->buf.p + at, m->buf.n - at);

	return (sp_view_cut(&rest, '\n'));
}

/* Where the next separator begins in [from, n), or SIZE_MAX. */
static size_t
find_separator(const struct mbox *m, size_t from)
{
	const char *p = m->buf.p;
	size_t n = m->buf.n;

	for (size_t at = from; at + 6 < n;) {
		const char *nl = memchr(p + at, '\n', n - at);
		size_t next;

		if (nl == NULL)
			return (SIZE_MAX);
		next = (size_t)(nl - p) + 1;
		at = next;
		if (n - next < 5 || memcmp(p + next, "From ", 5) != 0)
			continue;
		/* The line before must be empty. */
		if (next >= 2 && p[next - 2] != '\n' &&
		    !(next >= 3 && p[next - 2] == '\r' && p[next - 3] == '\n'))
			continue;
		if (!m->end && memchr(p + next, '\n', n - next) == NULL)
			return (SIZE_MAX);
		if (sp_import_is_from_line(line_at(m, next)))
			return (next);
	}
	return (SIZE_MAX);
}

static bool
has_quoted(struct sp_view msg)
{
	return (sp_view_starts(msg, ">From ") ||
		(msg.n > 0 && memmem(msg.p, msg.n, "\n>From ",
				  strlen("\n>From ")) != NULL));
}

/* The empty line that ends a message in an mbox is not part of it. */
static struct sp_view
without_separator(struct sp_view msg)
{
	static const char crlf[] = "\r\n\r\n";

	if (msg.n >= 4 && memcmp(msg.p + msg.n - 4, crlf, 4) == 0)
		msg.n -= 2;
	else if (msg.n >= 2 && memcmp(msg.p + msg.n - 2, "\n\n", 2) == 0)
		msg.n--;
	else if (msg.n == 1 && msg.p[0] == '\n')
		msg.n = 0;
	return (msg);
}

static void
refuse(const struct mbox *m)
{
	char *why = sp_xasprintf("the message at offset %" PRIu64
				 " is larger than the message limit",
	    m->base);

	m->im->failed(m->im->ctx, m->path, why);
	free(why);
}

/* The message in buf[0, end), From line included. */
static enum sp_code
emit(struct mbox *m, size_t end, struct sp_err *err)
{
	struct sp_view line = line_at(m, 0), msg;
	struct sp_import_item item = { .path = m->path,
		.mbox = true,
		.file_sha256 = m->sha256,
		.offset = m->base };
	size_t head = line.n < end ? line.n + 1 : end;

	msg = without_separator(sp_view_mem(m->buf.p + head, end - head));
	item.from_line = sp_view_trim(line);
	item.quoted = has_quoted(msg);
	item.msg = msg;
	if (msg.n > m->im->max_message) {
		refuse(m);
		return (SP_OK);
	}
	return (m->im->item(m->im->ctx, &item, err));
}

static void
drop(struct mbox *m, size_t n)
{
	sp_buf_consume(&m->buf, n);
	m->base += n;
}

/* Everything complete in the buffer. */
static enum sp_code
digest_buffer(struct mbox *m, size_t *scanned, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	size_t at;

	while (rc == SP_OK && (at = find_separator(m, *scanned)) != SIZE_MAX) {
		if (!m->too_large)
			rc = emit(m, at, err);
		m->too_large = false;
		drop(m, at);
		*scanned = 0;
	}
	/* Look again only at what a split separator could hide in. */
	*scanned = m->buf.n > 4096 ? m->buf.n - 4096 : 0;
	return (rc);
}

enum sp_code
sp_import_mbox(const struct sp_import *im, int fd, const char *path,
    const uint8_t file_sha256[SP_SHA256_LEN], struct sp_err *err)
{
	struct mbox m = { .im = im, .path = path, .sha256 = file_sha256 };
	enum sp_code rc = SP_OK;
	uint64_t off = 0;
	size_t scanned = 0, got = 1;

	sp_buf_init(&m.buf, im->max_message + 2 * CHUNK);
	while (rc == SP_OK && got > 0) {
		char *at;

		if (m.buf.n > im->max_message + CHUNK) {
			if (!m.too_large)
				refuse(&m);
			m.too_large = true;
			drop(&m, m.buf.n - 4096);
			scanned = 0;
		}
		at = sp_buf_reserve(&m.buf, CHUNK);
		if (at == NULL) {
			rc = sp_err_set(err, SP_ELIMIT, 0,
			    "%s: no memory for a message of this size", path);
			break;
		}
		rc = sp_io_pread(fd, at, CHUNK, off, &got, err);
		if (rc != SP_OK)
			break;
		off += got;
		m.buf.n += got;
		m.end = got == 0;
		rc = digest_buffer(&m, &scanned, err);
	}
	if (rc == SP_OK && m.buf.n > 0 && !m.too_large)
		rc = emit(&m, m.buf.n, err);
	sp_buf_done(&m.buf);
	return (rc);
}
