/*
 * The table of first bytes that are no mail as it was sent: see
 * journal/import/import_refused.h.  The numbers are those of the formats'
 * owners or of file(1); where a format has a short mark, a second place is
 * looked at as well.
 */
#include "journal/import/import_refused.h"

#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "journal/import/import_priv.h"

#define WHY_MSG \
	"an Outlook message (.msg) or another OLE file, not a message as it was sent: save it as .eml in Outlook, or convert it with msgconvert (Debian package libemail-outlook-message-perl)"
#define WHY_OLM \
	"an archive of Outlook for Mac (.olm), which is not read: drag the folders out of Outlook for Mac as .mbox files and import these"
#define WHY_DBX \
	"a folder of Outlook Express (.dbx), which is not read: convert it with undbx (Debian package undbx) and import the .eml files"
#define WHY_OE4 \
	"a folder of Outlook Express 4 (.mbx), which is not read: open it in Outlook Express 5 or 6, or another program, and export it as .eml or mbox"
#define WHY_NSF \
	"a Lotus Notes database (.nsf), which is not read: export the mail from Notes as .eml, or pull it by IMAP"
#define WHY_RAR \
	"a RAR archive, which is not read: unpack it and import the folder"
#define WHY_TNEF \
	"a TNEF file (winmail.dat), a part of a message of Outlook and no message: import the message that it came with"
#define WHY_EDB \
	"an Exchange database (.edb), which is not read: export the mailboxes as .pst and import these"
#define WHY_BABYL \
	"a Babyl file (RMAIL of Emacs), which is not read: convert it to mbox (in Emacs: M-x unrmail)"
#define WHY_MMDF \
	"an MMDF mailbox, which is not read: convert it to mbox (the module mailbox of Python reads it)"
#define WHY_UW \
	"a mailbox of UW IMAP in mbx format, which is not read: convert it to mbox with mailutil (copy to #driver.unix/...)"
#define WHY_OLK \
	"a message source of Outlook for Mac (.olk), which is not read: drag the messages out of Outlook for Mac as .eml or .mbox files"
#define WHY_RPMSG \
	"a rights-protected message (.rpmsg), which only its recipient can open: import the message that it came with"
#define WHY_LZ4 \
	"compressed by Dovecot's own lz4 form, which is not read: copy the mailbox out with `doveadm backup -u USER maildir:PATH` where no zlib_save is set"
#define WHY_UTF16 \
	"text in UTF-16 or UTF-32, not a message as mail has it (RFC 5322 is ASCII or UTF-8): save it again as .eml from the mail program, or convert it with `iconv -f UTF-16 -t UTF-8`"
#define WHY_ZIP "a ZIP file, not a message: name it .zip and import that"
#define WHY_7Z	"a 7z archive, not a message: name it .7z and import that"
#define WHY_TAR "a tar archive, not a message: name it .tar and import that"
#define WHY_PST \
	"an Outlook file (.pst or .ost), not a message: name it .pst, or say --as pst"
#define WHY_DATA \
	"a file of another kind by its first bytes (picture, document, program, database), not a message"
#define WHY_APPLE "an AppleDouble file (._ beside the real one), not a message"

#define WIDE_MAX 512 /* bytes looked at for UTF-16 */

/* First bytes and what they mean. */
static const struct mark {
	const char *p;
	uint16_t n, at;
	bool store; /* holds mail */
	const char *why;
} marks[] = {
#define MARK(at, text, store, why)                         \
	{                                                  \
		(text), sizeof(text) - 1, (at), store, why \
	}
	MARK(0, "\317\255\022\376", true, WHY_DBX),
	MARK(0, "JMF6", true, WHY_OE4),
	MARK(0, "JMF9", true, WHY_OE4),
	MARK(0, "\032\000\000\004\000\000", true, WHY_NSF),
	MARK(0, "Rar!\032\007", true, WHY_RAR),
	MARK(0, "x\237>\"", true, WHY_TNEF),
	MARK(4, "\357\315\253\211", true, WHY_EDB),
	MARK(0, "BABYL OPTIONS:", true, WHY_BABYL),
	MARK(0, "\001\001\001\001\n", true, WHY_MMDF),
	MARK(0, "*mbx*\r\n", true, WHY_UW),
	MARK(0, "\320\r\000\000MSrc", true, WHY_OLK),
	MARK(0, "v\350\004`\304\021\343\206", true, WHY_RPMSG),
	MARK(0, "Dovecot-LZ4\r*\233\305", true, WHY_LZ4),
	MARK(0, "\000\005\026\007\000\002\000\000", false, WHY_APPLE),
	MARK(0, "\000\005\026\000\000\002\000\000", false, WHY_APPLE),
	MARK(0, "PK\003\004", false, WHY_ZIP),
	MARK(0, "PK\005\006", false, WHY_ZIP),
	MARK(0, "7z\274\257\047\034", false, WHY_7Z),
	MARK(257, "ustar", false, WHY_TAR),
	MARK(0, "%PDF-", false, WHY_DATA),
	MARK(0, "\211PNG\r\n\032\n", false, WHY_DATA),
	MARK(0, "\377\330\377", false, WHY_DATA),
	MARK(0, "GIF87a", false, WHY_DATA),
	MARK(0, "GIF89a", false, WHY_DATA),
	MARK(0, "II*\000", false, WHY_DATA),
	MARK(0, "MM\000*", false, WHY_DATA),
	MARK(0, "\177ELF", false, WHY_DATA),
	MARK(0, "MSCF\000\000\000\000", false, WHY_DATA),
	MARK(0, "bplist00", false, WHY_DATA),
	MARK(0, "SQLite format 3\000", false, WHY_DATA),
	MARK(0, "{\\rtf1", false, WHY_DATA),
	MARK(0, "\312\376\272\276", false, WHY_DATA),
	MARK(0, "\000\000\376\377", false, WHY_UTF16),
#undef MARK
};

/* Names that say what the file should be. */
static const struct suffix {
	const char *ending, *why;
} names[] = {
	{ ".msg", WHY_MSG },
	{ ".oft", WHY_MSG },
	{ ".olm", WHY_OLM },
	{ ".dbx", WHY_DBX },
	{ ".nsf", WHY_NSF },
	{ ".rar", WHY_RAR },
	{ ".edb", WHY_EDB },
	{ ".mbx",
	    "named as a mailbox (.mbx), but it is none that is read: neither of Eudora nor another mbox" },
	{ ".mbs", "named as a mailbox of Opera (.mbs), but it is no mbox" },
	{ ".pmm",
	    "a folder of Pegasus Mail (.pmm), which is not read: export it as mbox or .eml from Pegasus Mail" },
	{ ".olk14msgsource", WHY_OLK },
	{ ".olk15msgsource", WHY_OLK },
	{ ".olk15message", WHY_OLK },
	{ ".rpmsg", WHY_RPMSG },
	{ ".tnef", WHY_TNEF },
};

/* OLE files that are documents by their names. */
static const char *const ole_documents[] = { ".doc", ".dot", ".xls", ".xlt",
	".xla", ".ppt", ".pps", ".pot", ".vsd", ".mpp", ".pub", ".msi", ".msp",
	".one", ".wps", ".db", ".mdb", ".snt", ".hwp", ".dwg" };

static bool
has_mark(struct sp_view first, size_t at, const char *p, size_t n)
{
	return (first.n >= at + n && memcmp(first.p + at, p, n) == 0);
}

/* Whether ${v} is UTF-16 without a byte order mark, most significant byte first
 * where ${odd} is 1, as far as its beginning tells: of two bytes, the second
 * (${odd}: first) is NUL in a fourth of them, as the names of header fields, blanks and line
 * ends have it, the other one never, and there is a line end.  Letters of any
 * script may stand between. */
static bool
is_wide(struct sp_view v, size_t odd)
{
	size_t n = (v.n < WIDE_MAX ? v.n : WIDE_MAX) & ~(size_t)1, nuls = 0;
	bool line_end = false;

	for (size_t i = 0; i < n; i += 2) {
		unsigned char low = (unsigned char)v.p[i + odd];
		bool nul = v.p[i + 1 - odd] == '\0';

		if (low == '\0' ||
		    (nul && low < 0x20 && memchr("\r\n\t", low, 3) == NULL))
			return (false);
		nuls += nul;
		line_end |= nul && (low == '\n' || low == '\r');
	}
	return (n >= 32 && nuls >= n / 8 && (line_end || nuls >= n / 2 - 1));
}

/* Text in UTF-16 or UTF-32: by its mark and the NULs that the names of header
 * fields have there, or by these NULs alone. */
static bool
is_utf16(struct sp_view v)
{
	size_t n = v.n < 64 ? v.n : 64;

	if (has_mark(v, 0, "\377\376", 2) || has_mark(v, 0, "\376\377", 2))
		return (memchr(v.p, '\0', n) != NULL);
	return (is_wide(v, 0) || is_wide(v, 1));
}

/* Whether the UTF-16 text ${v} begins like the header of a message. */
static bool
is_wide_mail(struct sp_view v)
{
	char text[256];
	size_t n = 0;

	for (size_t i = 0; i < v.n && n < sizeof(text); i++) {
		if (v.p[i] > 0)
			text[n++] = v.p[i];
	}
	v = sp_view_mem(text, n);
	return (sp_view_istarts(v, "From") || sp_view_istarts(v, "To:") ||
		sp_view_istarts(v, "Received:") ||
		sp_view_istarts(v, "Return-Path:") ||
		sp_view_istarts(v, "Subject:") || sp_view_istarts(v, "Date:") ||
		sp_view_istarts(v, "Message-ID:") ||
		sp_view_istarts(v, "MIME-Version:") ||
		sp_view_istarts(v, "Delivered-To:"));
}

/* An OLE file: .msg, or a document by its name. */
static bool
is_ole_document(const char *name)
{
	for (size_t i = 0; i < SP_COUNTOF(ole_documents); i++) {
		if (sp_import_ends_with(name, ole_documents[i]))
			return (true);
	}
	return (false);
}

/* A ZIP whose first member is one of Outlook for Mac, or that is named so. */
static bool
is_olm(const char *name, struct sp_view first)
{
	static const char part[] = "com.microsoft.__";

	return (has_mark(first, 0, "PK\003\004", 4) &&
		(sp_import_ends_with(name, ".olm") ||
		    memmem(first.p, first.n, part, sizeof(part) - 1) != NULL));
}

/* "!BDN", a checksum, and the mark of a client: "SM", or "AB" of an address
 * book. */
static bool
is_pst(struct sp_view first)
{
	return (has_mark(first, 0, "!BDN", 4) &&
		(has_mark(first, 8, "SM", 2) || has_mark(first, 8, "SO", 2) ||
		    has_mark(first, 8, "AB", 2)));
}

const char *
sp_import_refused_reason(const char *name, struct sp_view first, bool *store)
{
	*store = true;
	if (is_olm(name, first))
		return (WHY_OLM);
	if (has_mark(first, 0, "\320\317\021\340\241\261\032\341", 8)) {
		*store = !is_ole_document(name);
		return (WHY_MSG);
	}
	for (size_t i = 0; i < SP_COUNTOF(marks); i++) {
		const struct mark *m = &marks[i];

		*store = m->store;
		if (has_mark(first, m->at, m->p, m->n))
			return (m->why);
	}
	*store = is_wide_mail(first);
	if (is_utf16(first))
		return (WHY_UTF16);
	*store = false;
	return (is_pst(first) ? WHY_PST : NULL);
}

const char *
sp_import_refused_name(const char *name)
{
	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		if (sp_import_ends_with(name, names[i].ending))
			return (names[i].why);
	}
	return (NULL);
}
