/*
 * What a file is: see journal/import/import_kind.h.  The order in which the
 * rules are asked is the order of kind_of_content(): strong first bytes, then
 * the name, then the place, then what the beginning looks like.
 *
 *	first bytes   an mbox?  refused?  compressed?
 *	name          .eml .emlx .mbox .zip .pst ... Inbox.msf cyrus.index
 *	place         cur and new of a Maildir; MH and Cyrus: 17, 17.
 *	header        fields that mail has
 */
#include "journal/import/import_kind.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "journal/import/import_priv.h"
#include "journal/import/import_refused.h"

#define LINES_MAX     100 /* of a header, looked at */
#define DBOX_LINE_MAX 256 /* bytes of the first line of dbox */

#define WHY_MDBOX \
	"storage of Dovecot mdbox, which is not read (it also holds messages that were deleted): copy the mailbox out with `doveadm backup -u USER maildir:PATH` and import that"
#define WHY_DBOX \
	"a file of Dovecot dbox under another name than u.NUMBER, which is not read: copy the mailbox out with `doveadm backup -u USER maildir:PATH` and import that"
#define WHY_UNKNOWN \
	"not recognised as mail by its name or its first bytes; where it is one message, --as eml takes every byte of it"
#define WHY_INDEX \
	"an index or setting of a mail program, not mail: name the folder or file that holds the messages"

/* ---- names --------------------------------------------------------------- */

const char *
sp_import_kind_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash == NULL ? path : slash + 1);
}

/* Whether ${name} ends like one of the ${n} ${endings}. */
static bool
ends_like(const char *name, const char *const *endings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (sp_import_ends_with(name, endings[i]))
			return (true);
	}
	return (false);
}

static const char *const index_endings[] = { ".msf", ".toc", ".wdseml",
	".mozeml", ".idx", ".lock", ".skindex" };
static const char *const index_names[] = { "table_of_contents", "content_index",
	".mh_sequences", ".xmhcache", ".overview", "Info.plist", "maildirsize",
	"maildirfolder", "courierimapuiddb", "courierimapsubscribed",
	"subscriptions", ".subscriptions", "popstate.dat", "msgFilterRules.dat",
	"virtualFolders.dat", "panacea.dat", "filterlog.html", ".DS_Store",
	"Thumbs.db", "desktop.ini" };

bool
sp_import_kind_is_index(const char *name)
{
	if (strncmp(name, "cyrus.", 6) == 0 || strncmp(name, "dovecot", 7) == 0)
		return (true);
	for (size_t i = 0; i < SP_COUNTOF(index_names); i++) {
		if (strcmp(name, index_names[i]) == 0)
			return (true);
	}
	return (ends_like(name, index_endings, SP_COUNTOF(index_endings)));
}

/* Texts that quote mail, or are written like it, and are not taken for it. */
static bool
is_text_name(const char *name)
{
	static const char *const endings[] = { ".txt", ".log", ".html", ".htm",
		".mht", ".mhtml", ".patch", ".diff", ".md", ".c", ".h", ".py",
		".json", ".xml", ".csv", ".ics", ".vcf", ".po", ".tmp" };

	return (ends_like(name, endings, SP_COUNTOF(endings)));
}

char *
sp_import_kind_uncompressed(const char *name)
{
	static const char *const endings[] = { ".gz", ".bz2", ".xz", ".zst",
		".lz4" };

	for (size_t i = 0; i < SP_COUNTOF(endings); i++) {
		if (sp_import_ends_with(name, endings[i]))
			return (sp_view_dup(sp_view_mem(
			    name, strlen(name) - strlen(endings[i]))));
	}
	return (NULL);
}

bool
sp_import_kind_is_compressed(const char *name)
{
	char *plain = sp_import_kind_uncompressed(name);
	bool yes = plain != NULL && (sp_import_ends_with(plain, ".eml") ||
					sp_import_ends_with(plain, ".mbox") ||
					sp_import_ends_with(plain, ".emlx"));

	free(plain);
	return (yes);
}

/* How many digits ${name} begins with; 0 too where something else than one "."
 * (Cyrus) follows: the names of messages in MH and Cyrus. */
static size_t
message_number(const char *name)
{
	size_t n = strspn(name, "0123456789");

	if (name[n] != '\0' && strcmp(name + n, ".") != 0)
		return (0);
	return (n);
}

/* ",17" and "#17": MH keeps a removed message so. */
static bool
is_removed_name(const char *name)
{
	return ((name[0] == ',' || name[0] == '#') &&
		message_number(name + 1) > 0 && name[strlen(name) - 1] != '.');
}

/* ---- first bytes --------------------------------------------------------- */

/* By the marks of the formats. */
const char *
sp_import_kind_compression(struct sp_view v)
{
	static const struct {
		const char *name, *p;
		size_t n;
	} marks[] = {
		{ "gzip", "\037\213\010", 3 },
		{ "xz", "\3757zXZ\000", 6 },
		{ "zstd", "(\265/\375", 4 },
		{ "lz4", "\004\"M\030", 4 },
	};

	for (size_t i = 0; i < SP_COUNTOF(marks); i++) {
		if (v.n >= marks[i].n &&
		    memcmp(v.p, marks[i].p, marks[i].n) == 0)
			return (marks[i].name);
	}
	/* "BZh", the size of a block, and the mark of a block or of the end. */
	if (v.n >= 10 && memcmp(v.p, "BZh", 3) == 0 && v.p[3] >= '1' &&
	    v.p[3] <= '9' &&
	    (memcmp(v.p + 4, "1AY&SY", 6) == 0 ||
		memcmp(v.p + 4, "\027rE8P\220", 6) == 0))
		return ("bzip2");
	return (NULL);
}

/* The next line of ${rest} without its end: LF, CR LF, or CR alone. */
static struct sp_view
next_line(struct sp_view *rest)
{
	struct sp_view line = *rest;
	size_t n = 0;

	while (n < rest->n && rest->p[n] != '\n' && rest->p[n] != '\r')
		n++;
	line.n = n;
	if (n + 1 < rest->n && rest->p[n] == '\r' && rest->p[n + 1] == '\n')
		n++;
	n = n < rest->n ? n + 1 : n;
	*rest = sp_view_mem(rest->p + n, rest->n - n);
	return (line);
}

/* The name of the header field that ${line} is; empty where it is none. */
static struct sp_view
field_name(struct sp_view line)
{
	size_t n = 0;

	while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f &&
	       line.p[n] != ':')
		n++;
	return (sp_view_mem(
	    line.p, n > 0 && n < line.n && line.p[n] == ':' ? n : 0));
}

/* Cut a byte order mark (UTF-8) and empty lines off the front. */
static struct sp_view
skip_front(struct sp_view v)
{
	if (sp_view_starts(v, "\357\273\277"))
		v = sp_view_mem(v.p + 3, v.n - 3);
	while (v.n > 0 && (v.p[0] == '\n' || v.p[0] == '\r'))
		v = sp_view_mem(v.p + 1, v.n - 1);
	return (v);
}

bool
sp_import_kind_is_mbox(struct sp_view first)
{
	struct sp_view rest = skip_front(first), line, next;

	if (!sp_import_begins_mbox(first))
		return (false);
	line = next_line(&rest);
	next = next_line(&rest);
	while (sp_view_starts(next, ">From "))
		next = next_line(&rest);
	return (field_name(next).n > 0 ||
		(next.n == 0 && sp_import_is_from_line(line)));
}

/* What the header of a message was seen to have. */
struct kind_header {
	unsigned fields; /* that mail has */
	unsigned junk; /* lines that are no field */
	bool routed; /* who it is from or to, or its Message-ID */
};

/* Note the field of ${name}. */
static void
see_field(struct sp_view name, struct kind_header *h)
{
	static const char *const routing[] = { "From", "To", "Cc", "Sender",
		"Received", "Return-Path", "Message-ID", "Delivered-To",
		"Envelope-To", "X-Original-To", "Resent-From" };
	static const char *const others[] = { "Subject", "Date", "MIME-Version",
		"Content-Type", "Content-Transfer-Encoding", "Bcc", "Reply-To",
		"In-Reply-To", "References", "DKIM-Signature", "Newsgroups",
		"Authentication-Results", "ARC-Seal", "X-Mozilla-Status",
		"Status", "X-UIDL", "List-Id", "Received-SPF" };

	for (size_t i = 0; i < SP_COUNTOF(routing); i++) {
		if (sp_view_ieq_str(name, routing[i])) {
			h->routed = true;
			h->fields++;
			return;
		}
	}
	for (size_t i = 0; i < SP_COUNTOF(others); i++)
		h->fields += sp_view_ieq_str(name, others[i]);
}

/* Look at the lines of ${first} up to the first empty one. */
static struct kind_header
see_header(struct sp_view first)
{
	struct kind_header h = { 0 };
	struct sp_view rest = skip_front(first), line;

	for (unsigned i = 0; i < LINES_MAX && rest.n > 0; i++) {
		struct sp_view name;

		line = next_line(&rest);
		if (line.n == 0)
			break;
		name = field_name(line);
		if (name.n > 0)
			see_field(name, &h);
		else if (line.p[0] != ' ' && line.p[0] != '\t' && rest.n > 0 &&
			 !(i == 0 && (sp_view_starts(line, "From ") ||
					 sp_view_starts(line, ">From "))))
			h.junk++;
	}
	return (h);
}

/* "2 M1e C695b9e40", and the header of a message of dbox behind it. */
static bool
is_dbox(struct sp_view v)
{
	struct sp_view line = sp_view_cut(&v, '\n');

	return (line.n > 0 && line.n < DBOX_LINE_MAX && line.p[0] >= '0' &&
		line.p[0] <= '9' && sp_view_starts(v, "\001\002"));
}

/* Whether ${path} ends "${folder}/${letter}NUMBER": where dbox has its files. */
static bool
is_dbox_place(const char *path, const char *folder, const char *letter)
{
	const char *name = sp_import_kind_base(path), *at;
	size_t n = strlen(folder) + 1; /* and its slash */

	if (strncmp(name, letter, strlen(letter)) != 0 ||
	    message_number(name + strlen(letter)) == 0 ||
	    (size_t)(name - path) < n)
		return (false);
	at = name - n;
	return (
	    strncmp(at, folder, n - 1) == 0 && (at == path || at[-1] == '/'));
}

/* ---- the rules ----------------------------------------------------------- */

/* Whether a message is expected at ${p}: every byte of such a file is one. */
static bool
is_message_place(const struct sp_import_place *p, const char *name)
{
	return (p->maildir || (p->spool && message_number(name) > 0) ||
		sp_import_ends_with(name, ".eml"));
}

/* A file of dbox by its bytes, or by its place: sdbox has its messages in u.17,
 * mdbox many in m.17.  SP_IMPORT_KIND_OTHER: none. */
static enum sp_import_kind
kind_of_dbox(const char *path, struct sp_view first, const char **why)
{
	const char *name = sp_import_kind_base(path);
	bool single =
	    strncmp(name, "u.", 2) == 0 && message_number(name + 2) > 0;

	if (is_dbox_place(path, "storage", "m.") ||
	    (is_dbox(first) && strncmp(name, "m.", 2) == 0))
		*why = WHY_MDBOX;
	else if (single &&
		 (is_dbox(first) || is_dbox_place(path, "dbox-Mails", "u.")))
		return (SP_IMPORT_KIND_DBOX);
	else if (is_dbox(first))
		*why = WHY_DBOX;
	else
		return (SP_IMPORT_KIND_OTHER);
	return (SP_IMPORT_KIND_REFUSED);
}

/* A file whose name and place say nothing: by what its beginning looks like.
 * What the operator named is believed sooner than a file of a folder. */
static enum sp_import_kind
kind_by_look(const struct sp_import_place *p, const char *name,
    struct sp_view first, const char **why)
{
	const struct kind_header h = see_header(first);
	bool mail = (h.junk == 0 && h.fields >= 1) || h.fields >= 3;

	if (mail && is_removed_name(name))
		return (SP_IMPORT_KIND_REMOVED);
	if (mail && (p->named || message_number(name) > 0))
		return (SP_IMPORT_KIND_MESSAGE);
	if (h.junk == 0 && h.fields >= 2 && h.routed)
		return (is_text_name(name) && !p->part
			    ? SP_IMPORT_KIND_TEXT
			    : SP_IMPORT_KIND_MESSAGE);
	*why = sp_import_refused_name(name);
	if (*why != NULL)
		return (SP_IMPORT_KIND_REFUSED);
	*why = WHY_UNKNOWN;
	return (p->named ? SP_IMPORT_KIND_REFUSED : SP_IMPORT_KIND_OTHER);
}

/* Containers and Outlook files, by the name; what the operator named, by the
 * first bytes too.  SP_IMPORT_KIND_OTHER: neither. */
static enum sp_import_kind
kind_of_container(
    const struct sp_import_place *p, const char *name, struct sp_view first)
{
	bool mail = is_message_place(p, name);

	if (sp_import_is_container(name))
		return (SP_IMPORT_KIND_CONTAINER);
	if (sp_import_is_pst(name) || (!mail && sp_view_starts(first, "!BDN")))
		return (SP_IMPORT_KIND_PST);
	if (p->named && !mail &&
	    (sp_view_starts(first, "PK\003\004") ||
		sp_view_starts(first, "7z\274\257\047\034")))
		return (SP_IMPORT_KIND_CONTAINER);
	return (SP_IMPORT_KIND_OTHER);
}

/* A file at a place of messages, or of a name that says what it is, whose first
 * bytes are not refused.  SP_IMPORT_KIND_OTHER: by neither. */
static enum sp_import_kind
kind_by_name(
    const struct sp_import_place *p, const char *name, struct sp_view first)
{
	if (sp_import_kind_compression(first) != NULL)
		return (SP_IMPORT_KIND_COMPRESSED);
	if (is_message_place(p, name) && (first.n > 0 || !p->spool))
		return (SP_IMPORT_KIND_MESSAGE);
	if (sp_import_kind_is_compressed(name))
		return (SP_IMPORT_KIND_COMPRESSED);
	if (sp_import_ends_with(name, ".emlx"))
		return (SP_IMPORT_KIND_EMLX);
	if (sp_import_ends_with(name, ".mbox") && (first.n > 0 || p->named))
		return (SP_IMPORT_KIND_MBOX);
	return (SP_IMPORT_KIND_OTHER);
}

/* The rules, in their order. */
enum sp_import_kind
sp_import_kind_of(
    const struct sp_import_place *p, struct sp_view first, const char **why)
{
	const char *name = sp_import_kind_base(p->path);
	enum sp_import_kind kind;
	bool store, is_index = sp_import_kind_is_index(name);
	const char *reason = sp_import_refused_reason(name, first, &store);

	*why = reason;
	if (reason != NULL && store)
		return (SP_IMPORT_KIND_REFUSED);
	if (p->indexed && sp_import_kind_is_mbox(first))
		return (SP_IMPORT_KIND_MBOX);
	kind = kind_of_container(p, name, first);
	if (kind != SP_IMPORT_KIND_OTHER)
		return (kind);
	if (reason != NULL && (p->named || is_message_place(p, name) ||
				  sp_import_ends_with(name, ".emlx") ||
				  sp_import_ends_with(name, ".mbox")))
		return (SP_IMPORT_KIND_REFUSED);
	kind = is_index && !p->maildir ? SP_IMPORT_KIND_OTHER
				       : kind_by_name(p, name, first);
	if (kind != SP_IMPORT_KIND_OTHER)
		return (kind);
	kind = kind_of_dbox(p->path, first, why);
	if (kind != SP_IMPORT_KIND_OTHER)
		return (kind);
	if (sp_import_kind_is_mbox(first) && !is_index)
		return (is_text_name(name) && !p->named &&
				!sp_import_ends_with(name, ".txt")
			    ? SP_IMPORT_KIND_TEXT
			    : SP_IMPORT_KIND_MBOX);
	*why = WHY_INDEX;
	if (is_index)
		return (
		    p->named ? SP_IMPORT_KIND_REFUSED : SP_IMPORT_KIND_INDEX);
	if (sp_import_ends_with(name, ".emlxpart"))
		return (SP_IMPORT_KIND_ATTACHMENT);
	if (first.n == 0 && strcmp(p->path, "-") == 0)
		return (SP_IMPORT_KIND_MESSAGE);
	if (first.n == 0)
		return (SP_IMPORT_KIND_EMPTY);
	if (reason != NULL)
		return (SP_IMPORT_KIND_OTHER);
	return (kind_by_look(p, name, first, why));
}

const char *
sp_import_kind_packed(const struct sp_import_place *p)
{
	const char *name = sp_import_kind_base(p->path), *kind = "mail";
	char *plain = sp_import_kind_uncompressed(name);

	if (is_message_place(p, name) ||
	    (plain != NULL && sp_import_ends_with(plain, ".eml")))
		kind = "eml";
	else if (sp_import_ends_with(name, ".mbox") ||
		 (plain != NULL && sp_import_ends_with(plain, ".mbox")))
		kind = "mbox";
	free(plain);
	return (kind);
}

const char *
sp_import_kind_frame(enum sp_import_kind kind)
{
	if (kind == SP_IMPORT_KIND_MBOX)
		return ("mbox");
	if (kind == SP_IMPORT_KIND_EMLX)
		return ("emlx");
	return (kind == SP_IMPORT_KIND_DBOX ? "dbox" : "eml");
}

/* ---- the names of kinds -------------------------------------------------- */

static const char *const kind_names[SP_IMPORT_KINDS] = {
	[SP_IMPORT_KIND_MESSAGE] = "messages",
	[SP_IMPORT_KIND_MBOX] = "mboxes",
	[SP_IMPORT_KIND_EMLX] = "messages of Apple Mail",
	[SP_IMPORT_KIND_DBOX] = "messages of Dovecot",
	[SP_IMPORT_KIND_COMPRESSED] = "compressed files",
	[SP_IMPORT_KIND_CONTAINER] = "containers",
	[SP_IMPORT_KIND_PST] = "Outlook files",
	[SP_IMPORT_KIND_REFUSED] = "files in forms that are not read",
	[SP_IMPORT_KIND_INDEX] = "indexes and settings of mail programs",
	[SP_IMPORT_KIND_ATTACHMENT] = "attachments outside their messages",
	[SP_IMPORT_KIND_REMOVED] = "messages marked as removed",
	[SP_IMPORT_KIND_TEXT] =
	    "texts that look like mail (named .eml they would be taken)",
	[SP_IMPORT_KIND_EMPTY] = "empty files",
	[SP_IMPORT_KIND_LINK] = "links (not followed)",
	[SP_IMPORT_KIND_SPECIAL] = "pipes, sockets and devices",
	[SP_IMPORT_KIND_ITEM] = "contacts, appointments and other items",
	[SP_IMPORT_KIND_OTHER] = "other files",
};

const char *
sp_import_kind_name(enum sp_import_kind kind)
{
	return (kind_names[kind]);
}

enum sp_import_kind
sp_import_kind_named(const char *name)
{
	for (size_t i = 0; i < SP_IMPORT_KINDS; i++) {
		if (strcmp(kind_names[i], name) == 0)
			return ((enum sp_import_kind)i);
	}
	return (SP_IMPORT_KIND_OTHER);
}

char *
sp_import_kind_list(const uint64_t counts[SP_IMPORT_KINDS])
{
	char *text = sp_xstrdup("");

	for (size_t i = 0; i < SP_IMPORT_KINDS; i++) {
		char *more;

		if (counts[i] == 0)
			continue;
		more = sp_xasprintf("%s%s%" PRIu64 " %s", text,
		    text[0] == '\0' ? "" : ", ", counts[i], kind_names[i]);
		free(text);
		text = more;
	}
	return (text);
}
