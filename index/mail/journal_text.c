/*
 * The lines of an Exchange report (MS-XJRNL section 2.1; the 2000 and 2003
 * form as other systems write it too), called by journal.c with the decoded
 * text.  A line that is not known spoils the report: who forges one adds
 * lines.
 *
 *     FIELDS --"Recipients:"--> LIST --empty line, a single field--> FIELDS
 */
#include <string.h>

#include "index/mail/journal_priv.h"

enum report_field {
	F_SENDER,
	F_BEHALF,
	F_SUBJECT,
	F_ID,
	F_LABEL,
	F_MAILBOX,
	F_SENT,
	F_RECEIVED,
	F_SINGLE, /* those above stand once */
	F_TO,
	F_CC,
	F_BCC,
	F_RCPT,
	F_LIST,
	F_NONE
};

static const char *const names[F_NONE] = { [F_SENDER] = "sender",
	[F_BEHALF] = "on-behalf-of",
	[F_SUBJECT] = "subject",
	[F_ID] = "message-id",
	[F_LABEL] = "label",
	[F_MAILBOX] = "mailbox",
	[F_SENT] = "sentutc",
	[F_RECEIVED] = "receivedutc",
	[F_TO] = "to",
	[F_CC] = "cc",
	[F_BCC] = "bcc",
	[F_RCPT] = "recipient",
	[F_LIST] = "recipients" };

struct report_text {
	struct sp_mem *mem;
	struct sp_journal *j;
	struct sp_view rest;
	const char *subject; /* of the original, or NULL */
	bool seen[F_SINGLE];
	bool in_list; /* within Recipients: */
	bool has_list; /* Recipients: was seen */
	bool lenient; /* a line that is not known is passed over */
	const char *why;
};

/* The next line without its end; false behind the last one. */
static bool
next_line(struct sp_view *rest, struct sp_view *line)
{
	size_t i = 0;

	if (rest->n == 0)
		return (false);
	while (i < rest->n && rest->p[i] != '\r' && rest->p[i] != '\n')
		i++;
	*line = sp_view_mem(rest->p, i);
	if (i < rest->n && rest->p[i] == '\r')
		i++;
	if (i < rest->n && rest->p[i] == '\n')
		i++;
	rest->p += i;
	rest->n -= i;
	return (true);
}

/* Which field a line is, and its value. */
static enum report_field
field_of(struct sp_view line, struct sp_view *value)
{
	const char *colon = line.n == 0 ? NULL : memchr(line.p, ':', line.n);
	struct sp_view name;

	if (colon == NULL)
		return (F_NONE);
	name = sp_view_trim(sp_view_mem(line.p, (size_t)(colon - line.p)));
	for (int f = 0; f < F_NONE; f++) {
		if (names[f] == NULL || !sp_view_ieq_str(name, names[f]))
			continue;
		*value = sp_view_trim(sp_view_mem(
		    colon + 1, (size_t)(line.p + line.n - colon - 1)));
		return ((enum report_field)f);
	}
	return (F_NONE);
}

/* ---- addresses -------------------------------------------------------- */

/*
 * Whether ${v} is "Expanded:" or "Forwarded:"; *how and *addr say which, and
 * the address behind it.
 */
static bool
redirect(struct sp_view v, enum sp_journal_how *how, struct sp_view *addr)
{
	static const char *const words[] = { "expanded", "forwarded" };

	for (unsigned i = 0; i < 2; i++) {
		size_t n = strlen(words[i]);

		if (!sp_view_istarts(v, words[i]))
			continue;
		while (n < v.n && (v.p[n] == ' ' || v.p[n] == '\t'))
			n++;
		if (n == v.n || v.p[n] != ':')
			continue;
		*how = i == 0 ? SP_JOURNAL_EXPANDED : SP_JOURNAL_FORWARDED;
		*addr = sp_view_trim(sp_view_mem(v.p + n + 1, v.n - n - 1));
		return (true);
	}
	return (false);
}

/* Whether a quote is open at the end of ${v}. */
static bool
in_quotes(struct sp_view v)
{
	bool quoted = false;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\\')
			i++;
		else if (v.p[i] == '"')
			quoted = !quoted;
	}
	return (quoted);
}

/*
 * Cut the last ", Expanded: ADDRESS" off ${v}.  False if there is none; a comma
 * elsewhere belongs to a local part or a name.
 */
static bool
cut_redirect(struct sp_view *v, enum sp_journal_how *how, struct sp_view *addr)
{
	unsigned tried = 0;

	for (size_t i = v->n; i > 0 && tried < SP_JOURNAL_VIAS_MAX; i--) {
		if (v->p[i - 1] != ',' && v->p[i - 1] != ';')
			continue;
		if (!redirect(sp_view_trim(sp_view_mem(v->p + i, v->n - i)),
			how, addr))
			continue;
		tried++;
		if (in_quotes(sp_view_mem(v->p, i - 1)))
			continue;
		*v = sp_view_trim(sp_view_mem(v->p, i - 1));
		return (true);
	}
	return (false);
}

struct sp_journal_rcpt *
sp_journal_add(
    struct sp_mem *mem, struct sp_journal *j, enum sp_journal_role role)
{
	struct sp_journal_rcpt *r;

	if (j->nrcpts >= SP_JOURNAL_RCPTS_MAX)
		return (NULL);
	j->rcpts = sp_mem_more(mem, j->rcpts, j->nrcpts, sizeof(*j->rcpts));
	r = &j->rcpts[j->nrcpts++];
	*r = (struct sp_journal_rcpt){
		.role = role, .presumed = role, .addr = "", .name = ""
	};
	return (r);
}

/* Note what is wrong with the report; always false. */
static bool
refuse(struct report_text *t, const char *why)
{
	t->why = why;
	return (false);
}

/*
 * Read the value of a recipient line: the address, behind it its redirections,
 * the last one first.
 */
static bool
read_recipient(
    struct report_text *t, enum sp_journal_role role, struct sp_view value)
{
	struct sp_journal_rcpt *r = sp_journal_add(t->mem, t->j, role);
	enum sp_journal_how how;
	struct sp_view from;
	const char *name;

	if (r == NULL)
		return (refuse(t, "it has too many recipients"));
	while (cut_redirect(&value, &how, &from)) {
		if (r->nvia == SP_JOURNAL_VIAS_MAX)
			return (
			    refuse(t, "a recipient has too many redirections"));
		r->via[r->nvia].how = how;
		sp_journal_path(t->mem, from, &r->via[r->nvia].addr, &name);
		if (r->via[r->nvia++].addr[0] != '\0')
			continue;
		if (!t->lenient)
			return (refuse(t, "a redirection names nobody"));
		r->nvia--;
		t->j->doubts |= SP_JOURNAL_DOUBT_EXTRA_TEXT;
	}
	sp_journal_path(t->mem, value, &r->addr, &r->name);
	if (r->addr[0] == '\0')
		return (refuse(t, "a recipient has no address"));
	if (!t->lenient && sp_journal_has_more_behind(r->addr))
		return (refuse(t, "a recipient's address has more behind it"));
	return (true);
}

/* Read one line of a 2003 list: the last <...>, else the word with an '@'. */
static bool
read_listed(struct report_text *t, struct sp_view line)
{
	struct sp_journal_rcpt *r =
	    sp_journal_add(t->mem, t->j, SP_JOURNAL_RCPT);
	struct sp_view rest = sp_view_trim(line), word;

	if (r == NULL)
		return (refuse(t, "it has too many recipients"));
	while (rest.n > 0 &&
	       (rest.p[rest.n - 1] == ',' || rest.p[rest.n - 1] == ';'))
		rest = sp_view_trim(sp_view_mem(rest.p, rest.n - 1));
	sp_journal_path(t->mem, rest, &r->addr, &r->name);
	if (rest.n > 0 && rest.p[rest.n - 1] == '>')
		return (r->addr[0] != '\0' ||
			refuse(t, "a recipient has no address"));
	if (memchr(r->addr, ' ', strlen(r->addr)) == NULL &&
	    strchr(r->addr, '@') != NULL)
		return (true);
	if (sp_view_istarts(rest, "/o=") || sp_view_istarts(rest, "EX:") ||
	    sp_view_istarts(rest, "X400:"))
		return (true);
	while (rest.n > 0) {
		word = sp_view_cut(&rest, ' ');
		if (word.n == 0 || memchr(word.p, '@', word.n) == NULL)
			continue;
		r->addr = sp_mem_dup(t->mem, word);
		r->name = sp_journal_unquoted(
		    t->mem, sp_view_mem(line.p, (size_t)(word.p - line.p)));
		return (rest.n == 0 ||
			refuse(t, "a line behind Recipients: is no recipient"));
	}
	return (refuse(t, "a line behind Recipients: is no recipient"));
}

/* ---- lines ------------------------------------------------------------- */

/* Append with blanks and controls as single spaces. */
static void
squeeze(struct sp_buf *b, struct sp_view v)
{
	for (size_t i = 0; i < v.n; i++) {
		bool blank = (unsigned char)v.p[i] <= ' ';

		if (blank && (b->n == 0 || b->p[b->n - 1] == ' '))
			continue;
		if (sp_buf_addc(b, blank ? ' ' : v.p[i]) != SP_OK)
			return;
	}
}

/*
 * Read the Subject, which is one line whatever is in it.  Where the original's
 * subject has a line break, its further lines follow here; they are taken as
 * long as they give the original's subject, also if they look like fields.
 */
static const char *
read_subject(struct report_text *t, struct sp_view value)
{
	struct sp_view want = sp_view_str(t->subject), line, rest = t->rest;
	struct sp_buf got, more;
	const char *s;

	sp_buf_init(&got, SP_JOURNAL_TEXT_MAX);
	sp_buf_init(&more, SP_JOURNAL_TEXT_MAX);
	squeeze(&got, value);
	(void)!sp_buf_addv(&more, sp_buf_view(&got));
	while (more.n < want.n && next_line(&rest, &line)) {
		struct sp_view have;

		if (more.n > 0)
			squeeze(&more, SP_VIEW_LIT(" "));
		squeeze(&more, line);
		have = sp_view_trim(sp_buf_view(&more));
		if (have.n > want.n || memcmp(have.p, want.p, have.n) != 0)
			break;
		if (have.n == want.n) {
			t->rest = rest;
			sp_buf_clear(&got);
			(void)!sp_buf_addv(&got, have);
		}
	}
	s = sp_mem_dup(t->mem, sp_buf_view(&got));
	sp_buf_done(&got);
	sp_buf_done(&more);
	return (s);
}

/* A Message-ID without <>. */
static const char *
without_angles(struct sp_mem *mem, struct sp_view v)
{
	if (v.n >= 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
		v = sp_view_mem(v.p + 1, v.n - 2);
	return (sp_mem_dup(mem, v));
}

/* Read a field that may stand once. */
static bool
read_single(struct report_text *t, enum report_field f, struct sp_view value)
{
	struct sp_journal *j = t->j;
	const char **const plain[F_SINGLE] = { [F_LABEL] = &j->label,
		[F_MAILBOX] = &j->mailbox,
		[F_SENT] = &j->sent_utc,
		[F_RECEIVED] = &j->received_utc };
	const char *name;

	if (t->seen[f])
		return (refuse(t, "a field stands twice"));
	t->seen[f] = true;
	if (f == F_SENDER)
		sp_journal_path(t->mem, value, &j->sender, &j->sender_name);
	else if (f == F_BEHALF)
		sp_journal_path(t->mem, value, &j->on_behalf_of, &name);
	else if (f == F_SUBJECT)
		j->subject = read_subject(t, value);
	else if (f == F_ID)
		j->message_id = without_angles(t->mem, value);
	else
		*plain[f] = sp_mem_dup(t->mem, value);
	return (true);
}

/* Read one line that is not empty, in FIELDS or in LIST. */
static bool
read_line(struct report_text *t, struct sp_view line)
{
	struct sp_view value = { NULL, 0 };
	enum report_field f = field_of(line, &value);

	if (f < F_SINGLE) {
		t->in_list = false;
		return (read_single(t, f, value));
	}
	if (t->in_list && f == F_NONE)
		return (read_listed(t, line));
	switch (f) {
	case F_TO:
		return (read_recipient(t, SP_JOURNAL_TO, value));
	case F_CC:
		return (read_recipient(t, SP_JOURNAL_CC, value));
	case F_BCC:
		return (read_recipient(t, SP_JOURNAL_BCC, value));
	case F_RCPT:
		return (read_recipient(t, SP_JOURNAL_RCPT, value));
	case F_LIST:
		if (t->has_list)
			return (refuse(t, "a field stands twice"));
		t->in_list = t->has_list = true;
		return (value.n == 0 || read_listed(t, value));
	case F_SENDER:
	case F_BEHALF:
	case F_SUBJECT:
	case F_ID:
	case F_LABEL:
	case F_MAILBOX:
	case F_SENT:
	case F_RECEIVED:
	case F_SINGLE:
	case F_NONE:
		break;
	}
	return (refuse(t, "its text has a line that no report has"));
}

/* What every report has; sets t->why. */
static bool
ask_for_needed(struct report_text *t)
{
	if (t->why == NULL && !t->seen[F_SENDER])
		t->why = "it has no Sender";
	if (t->why == NULL && !t->seen[F_ID] && !t->seen[F_SUBJECT])
		t->why = "it has neither Message-ID nor Subject";
	if (t->why == NULL && t->j->nrcpts == 0)
		t->why = "it names no recipient";
	t->j->kind = t->has_list ? "exchange-2003" : "exchange-2007";
	return (t->why == NULL);
}

/* Set up the reading of ${text}. */
static void
begin_text(struct report_text *t, struct sp_view text)
{
	t->rest = text;
	t->subject = t->j->inner.p == NULL
			 ? NULL
			 : sp_journal_field(t->mem, t->j->inner, "Subject");
	if (sp_view_starts(text, "\xef\xbb\xbf"))
		t->rest = sp_view_mem(text.p + 3, text.n - 3);
}

/* Read all lines, then ask for what every report has. */
bool
sp_journal_text(struct sp_mem *mem, struct sp_view text, struct sp_journal *out,
    const char **why)
{
	struct report_text t = { .mem = mem, .j = out };
	struct sp_view line;

	begin_text(&t, text);
	while (t.why == NULL && next_line(&t.rest, &line)) {
		if (sp_view_trim(line).n == 0)
			t.in_list = false;
		else
			(void)read_line(&t, line);
	}
	(void)ask_for_needed(&t);
	*why = t.why;
	return (t.why == NULL);
}

/* ---- a text that somebody changed ------------------------------------- */

/*
 * What programs that make HTML of text, or text of HTML, leave in a line is
 * taken out: "mailto:" before an address, stars around bold words, blanks that
 * do not break.
 */
static struct sp_view
cleaned(struct report_text *t, struct sp_view line)
{
	static const char link[] = "mailto:";
	bool bold = line.n > 0 && line.p[0] == '*';
	char *s, *to;

	s = to = sp_mem_get(t->mem, line.n + 1);
	for (size_t i = 0; i < line.n; i++) {
		struct sp_view rest = sp_view_mem(line.p + i, line.n - i);

		if (sp_view_istarts(rest, link)) {
			i += sizeof(link) - 2;
		} else if (sp_view_starts(rest, SP_JOURNAL_NBSP)) {
			*to++ = ' ';
			i++;
		} else if (line.p[i] != '*' || !bold) {
			*to++ = line.p[i];
		}
	}
	if ((size_t)(to - s) != line.n)
		t->j->doubts |= SP_JOURNAL_DOUBT_EXTRA_TEXT;
	return (sp_view_mem(s, (size_t)(to - s)));
}

/* Of "a@b a@b" or "a@b [checked]", the first word. */
static void
take_first_word(struct report_text *t, const char **addr)
{
	struct sp_view rest = sp_view_trim(sp_view_str(*addr)), word;

	if (rest.n == 0 || rest.p[0] == '"' ||
	    !sp_journal_has_more_behind(*addr))
		return;
	word = sp_view_cut(&rest, ' ');
	if (memchr(word.p, '@', word.n) == NULL)
		return;
	*addr = sp_mem_dup(t->mem, word);
	t->j->doubts |= SP_JOURNAL_DOUBT_EXTRA_TEXT;
}

/*
 * Read one line.  What is no line of a report, or names nobody, is passed over
 * and doubted; before the Sender, which comes first, everything is.
 */
static void
read_line_lenient(struct report_text *t, struct sp_view line)
{
	struct sp_view value = { NULL, 0 };
	size_t before = t->j->nrcpts;
	bool listed = t->in_list, ok;

	line = cleaned(t, line);
	while (line.n > 0 && strchr(",; \t", line.p[line.n - 1]) != NULL)
		line.n--;
	ok = (t->seen[F_SENDER] || field_of(line, &value) == F_SENDER) &&
	     read_line(t, line);
	if (ok && t->j->nrcpts > before)
		take_first_word(t, &t->j->rcpts[before].addr);
	if (ok && field_of(line, &value) == F_SENDER)
		take_first_word(t, &t->j->sender);
	ok = ok && (t->j->nrcpts == before ||
		       sp_journal_is_plausible(&t->j->rcpts[before]));
	if (ok)
		return;
	/* A list ends where something else begins. */
	if (listed)
		t->in_list = false;
	t->j->nrcpts = before;
	t->why = NULL;
	t->j->doubts |= SP_JOURNAL_DOUBT_EXTRA_TEXT;
}

bool
sp_journal_text_lenient(
    struct sp_mem *mem, struct sp_view text, struct sp_journal *out)
{
	struct report_text t = { .mem = mem, .j = out, .lenient = true };
	struct sp_view line;

	begin_text(&t, text);
	while (
	    out->nrcpts < SP_JOURNAL_RCPTS_MAX && next_line(&t.rest, &line)) {
		if (sp_view_trim(line).n == 0)
			t.in_list = false;
		else
			read_line_lenient(&t, line);
	}
	return (ask_for_needed(&t));
}
