/*
 * `sealpost show SEQ`: one entry, for a person (show_journal.c prints what a
 * journal report adds), with all facts as JSON (show_json.c), as its exact
 * bytes, or as its record.  The access is an event of the log before anything
 * of the content is printed; a user who may only read the archive is told that
 * it was not logged.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd/cmd.h"
#include "app/cmd/show_journal.h"
#include "app/cmd/show_accepted.h"
#include "app/cmd/show_json.h"
#include "app/common/args.h"
#include "app/common/cell.h"
#include "app/common/human.h"
#include "app/common/options.h"
#include "app/host/host.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "base/xtext.h"
#include "journal/log/reader.h"

/* The values of --format; forms[] has their names. */
enum show_form { FORM_TEXT, FORM_JSON, FORM_RAW, FORM_RECORD };
static const char *const forms[] = { "text", "json", "raw", "record" };

/* Append the event `show`, with what is shown in which form.  A user who may
 * only read goes on without it. */
static enum sp_code
log_access(struct sp_app *app, uint64_t seq, const char *form, const char *part,
    struct sp_err *err)
{
	struct sp_host *host = NULL;
	struct sp_json j;
	struct sp_buf detail;
	uint64_t event;
	enum sp_code rc;

	sp_buf_init(&detail, 8192);
	sp_json_init(&j, &detail);
	sp_json_obj(&j, NULL);
	sp_json_arr(&j, "seqs");
	sp_json_u64(&j, NULL, seq);
	sp_json_arr_end(&j);
	sp_json_cstr(&j, "format", form);
	if (part != NULL)
		sp_json_str(&j, "part", sp_view_str(part));
	sp_json_obj_end(&j);
	rc = sp_json_end(&j);
	if (rc != SP_OK)
		rc = sp_err_set(err, SP_EUSAGE, 0, "--part is too long");
	if (rc == SP_OK)
		rc = sp_host_open(app, &host, err);
	if (rc == SP_OK)
		rc = sp_host_event(
		    host, "show", sp_buf_view(&detail), &event, err);
	if (rc == SP_EPERM) {
		(void)fprintf(stderr, "sealpost: note: %s\n", err->msg);
		rc = SP_OK;
	}
	sp_host_close(host);
	sp_buf_done(&detail);
	return (rc);
}

/* A field of addresses, "NAME <ADDR>, ..."; nothing where there is none. */
static void
print_addresses(const char *name, const struct sp_mail_addrs *a)
{
	if (a->n == 0)
		return;
	printf("%-12s ", name);
	for (size_t i = 0; i < a->n; i++) {
		if (i > 0)
			(void)fputs(", ", stdout);
		if (a->v[i].name[0] != '\0') {
			sp_cell_print(a->v[i].name, 0, true);
			(void)fputs(" <", stdout);
		}
		sp_cell_print(a->v[i].addr, 0, true);
		if (a->v[i].name[0] != '\0')
			(void)fputc('>', stdout);
	}
	(void)fputc('\n', stdout);
}

/* A recipient of the envelope: whom the message was for and, behind "as", the
 * address that it was sent to where the two differ, and the first address where
 * ORCPT names another (RFC 3461 section 4.2). */
static void
print_recipient(const json_t *rcpt, struct sp_view addr)
{
	struct sp_buf tmp, line, first;
	const json_t *param;
	struct sp_view v;
	size_t i;

	sp_buf_init(&tmp, 4096);
	sp_buf_init(&first, 4096);
	sp_buf_init(&line, 16384);
	if (sp_json_get_str(rcpt, "original", &tmp, &v)) {
		if (sp_buf_addv(&line, v) == SP_OK)
			(void)!sp_buf_adds(&line, ", as ");
	}
	(void)!sp_buf_addv(&line, addr);
	json_array_foreach(json_object_get(rcpt, "params"), i, param)
	{
		if (json_is_string(param) &&
		    sp_xtext_orcpt(
			sp_view_str(json_string_value(param)), &first) &&
		    !sp_view_eq(sp_buf_view(&first), addr) &&
		    sp_buf_adds(&line, ", first ") == SP_OK)
			(void)!sp_buf_addv(&line, sp_buf_view(&first));
	}
	sp_cell_field("  to", sp_buf_cstr(&line));
	sp_buf_done(&tmp);
	sp_buf_done(&first);
	sp_buf_done(&line);
}

/* The envelope as the record has it: the sender ("<>" for none) and each
 * recipient. */
static void
print_envelope(const struct sp_record *r)
{
	const json_t *envelope = json_object_get(r->json, "envelope"), *rcpt;
	struct sp_view v;
	struct sp_buf tmp;
	char *text;
	size_t i;

	if (envelope == NULL)
		return;
	sp_buf_init(&tmp, 4096);
	if (sp_json_get_str(envelope, "from", &tmp, &v)) {
		text = sp_view_dup(v);
		sp_cell_field("Envelope", v.n == 0 ? "<>" : text);
		free(text);
	}
	json_array_foreach(json_object_get(envelope, "to"), i, rcpt)
	{
		if (!sp_json_get_str(rcpt, "addr", &tmp, &v))
			continue;
		print_recipient(rcpt, v);
	}
	sp_buf_done(&tmp);
}

/* What others said of the connection, a line for each: "Claimed xforward: name
 * mx1.example, addr 192.0.2.9". */
static void
print_claims(const struct sp_record *r)
{
	json_t *all =
	    json_object_get(json_object_get(r->json, "source"), "claimed");
	const char *who, *key;
	json_t *claim, *v;
	struct sp_buf b;

	sp_buf_init(&b, 64u << 10);
	json_object_foreach(all, who, claim)
	{
		const char *between = " ";
		bool ok = true;

		sp_buf_clear(&b);
		ok = sp_buf_addf(&b, "%s:", who) == SP_OK;
		json_object_foreach(claim, key, v)
		{
			if (!ok || !json_is_string(v))
				continue;
			ok = sp_buf_addf(&b, "%s%s %s", between, key,
				 json_string_value(v)) == SP_OK;
			between = ", ";
		}
		if (sp_buf_cstr(&b) != NULL)
			sp_cell_field("Claimed", sp_buf_cstr(&b));
	}
	sp_buf_done(&b);
}

/* Text lines with control bytes made harmless; a tab becomes a blank, and a
 * line ends at its CR. */
static void
print_body(const char *text, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && text[i] != '\n')
			continue;
		char *line = sp_view_dup(sp_view_mem(text + from, i - from));

		for (char *p = line; *p != '\0'; p++) {
			if (*p == '\t')
				*p = ' ';
			else if (*p == '\r')
				*p = '\0';
		}
		sp_cell_print(line, 0, true);
		(void)fputc('\n', stdout);
		free(line);
		from = i + 1;
	}
}

/* A message for a person: what was observed, what the header says, attachments,
 * the text. */
static void
print_message(const struct sp_app *app, const struct sp_record *r,
    const struct sp_entry *e, const struct sp_family *family)
{
	struct sp_mail_opts o = {
		.max_text = 1u << 20, .max_header = 256u << 10, .detect = true
	};
	struct sp_mail *m;
	char time[32], size[32], hex[2 * SP_SHA256_LEN + 1];

	sp_time_local(r->received, app->tz, time);
	sp_hex_encode(r->sha256, SP_SHA256_LEN, hex);
	printf("%-12s %" PRIu64 "  (%s)\n%-12s %s %s\n", "Entry", r->seq,
	    e->where, "Received", time, app->tz == NULL ? "UTC" : app->tz);
	printf("%-12s %s, by %s\n%-12s %s, SHA-256 %s\n", "Evidence", r->grade,
	    r->via, "Size", sp_human_size(r->size, size), hex);
	print_envelope(r);
	print_claims(r);
	if (!e->has_message) {
		printf(
		    "\n"
		    "The message was purged; its record and its entry line remain.\n");
		return;
	}
	sp_show_accept_opts(r, family, &o);
	m = sp_mail_parse(e->msg, &o);
	sp_show_accepted(app, m);
	sp_show_journal(m);
	sp_cell_field("Date", m->date == NULL ? "" : m->date);
	print_addresses("From", &m->from);
	print_addresses("To", &m->to);
	print_addresses("Cc", &m->cc);
	print_addresses("Bcc", &m->bcc);
	sp_show_traces(m);
	sp_cell_field("Subject", m->subject == NULL ? "" : m->subject);
	sp_show_family(family, r->seq);
	for (size_t i = 0; i < m->nparts; i++) {
		const struct sp_mail_part *p = &m->parts[i];

		if (!p->attachment)
			continue;
		printf("%-12s ", "Attachment");
		sp_cell_print(p->name == NULL ? "(no name)" : p->name, 0, true);
		printf("  (%s, %s, --part %s)\n", p->type,
		    sp_human_size(p->size, size), p->path);
	}
	(void)fputc('\n', stdout);
	if (m->text_len > 0)
		print_body(m->text, m->text_len);
	sp_mail_free(m);
}

/* Bytes as they are; there may be none. */
static void
print_bytes(struct sp_view v)
{
	if (v.n > 0)
		(void)fwrite(v.p, 1, v.n, stdout);
}

/* An event has no message: its record, indented. */
static void
print_event(const struct sp_app *app, const struct sp_record *r,
    const struct sp_entry *e)
{
	char *text = json_dumps(r->json, JSON_INDENT(2));
	char time[32];

	sp_time_local(r->received, app->tz, time);
	printf("%-12s %" PRIu64 "  (%s)\n%-12s %s\n%-12s %s\n\n%s\n", "Entry",
	    r->seq, e->where, "Received", time, "Event", r->event, text);
	free(text);
}

/* The original message in a journal report, every byte of it; SP_ENOTFOUND says
 * why there is none. */
static enum sp_code
print_inner(const struct sp_app *app, const struct sp_record *r,
    const struct sp_entry *e, struct sp_err *err)
{
	struct sp_family family = { .indexed = false };
	struct sp_mail_opts o = { .max_text = 0 };
	struct sp_mail *m;
	enum sp_code rc = SP_OK;

	if (!r->journal)
		(void)!sp_family_read(app->dir, e->seq, &family, err);
	sp_show_accept_opts(r, &family, &o);
	sp_family_done(&family);
	m = sp_mail_parse(e->msg, &o);
	if (m->journal != NULL)
		print_bytes(m->journal->inner);
	else
		rc = sp_err_set(err, SP_ENOTFOUND, 0,
		    "entry %" PRIu64 " has no part \"inner\": %s", e->seq,
		    m->journal_why != NULL ? m->journal_why
					   : "it is no journal report");
	sp_mail_free(m);
	return (rc);
}

/* The decoded bytes of one part, or "inner"; SP_ENOTFOUND. */
static enum sp_code
print_part(const struct sp_app *app, const struct sp_record *r,
    const struct sp_entry *e, const char *part, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc;

	if (strcmp(part, "inner") == 0)
		return (print_inner(app, r, e, err));
	sp_buf_init(&b, SIZE_MAX);
	rc = sp_mail_part_bytes(e->msg, part, &b, err);
	if (rc == SP_OK)
		print_bytes(sp_buf_view(&b));
	sp_buf_done(&b);
	return (rc);
}

/* Message or event as text or JSON, with what the index knows of copies; it may
 * be behind. */
static enum sp_code
print_facts(const struct sp_app *app, const struct sp_record *r,
    const struct sp_entry *e, enum show_form form, struct sp_err *err)
{
	struct sp_family family = { .indexed = false };
	enum sp_code rc = SP_OK;

	/* Without the index the message is shown all the same. */
	if (r->kind == SP_KIND_MESSAGE &&
	    sp_family_read(app->dir, e->seq, &family, err) != SP_OK)
		(void)fprintf(stderr,
		    "sealpost: note: copies are not shown: %s\n", err->msg);
	if (form == FORM_JSON)
		rc = sp_show_json(app, r, e, &family, stdout, err);
	else if (r->kind == SP_KIND_EVENT)
		print_event(app, r, e);
	else
		print_message(app, r, e, &family);
	sp_family_done(&family);
	return (rc);
}

/* The entry in the form that was asked for; SP_ENOTFOUND for what was erased,
 * purged or is an event. */
static enum sp_code
print_entry(struct sp_app *app, const struct sp_entry *e, enum show_form form,
    const char *part, struct sp_err *err)
{
	struct sp_record r;
	enum sp_code rc;

	if (!e->has_record)
		return (sp_err_set(err, SP_ENOTFOUND, 0,
		    "entry %" PRIu64 " was erased; only its line remains",
		    e->seq));
	if (form == FORM_RECORD && part == NULL) {
		(void)fwrite(e->record.p, 1, e->record.n, stdout);
		(void)fputc('\n', stdout);
		return (SP_OK);
	}
	rc = sp_record_parse(e->record, &r, err);
	if (rc != SP_OK)
		return (rc);
	if ((form == FORM_RAW || part != NULL) && !e->has_message)
		rc = sp_err_set(err, SP_ENOTFOUND, 0,
		    "entry %" PRIu64 " has no message (%s)", e->seq,
		    r.kind == SP_KIND_EVENT ? "it is an event"
					    : "it was purged");
	else if (part != NULL)
		rc = print_part(app, &r, e, part, err);
	else if (form == FORM_RAW)
		print_bytes(e->msg);
	else
		rc = print_facts(app, &r, e, form, err);
	sp_record_done(&r);
	return (rc);
}

/* Nothing of the entry is printed before the access is logged. */
int
sp_cmd_show(struct sp_app *app, int argc, char **argv)
{
	const char *form = "text", *part = NULL;
	const struct sp_option options[] = {
		{ "format", '\0', SP_OPT_TEXT, "FORM",
		    "text, json, raw (exact bytes) or record", &form },
		{ "part", '\0', SP_OPT_TEXT, "PATH",
		    "the decoded bytes of one part, such as 2.1, or inner",
		    &part },
	};
	const struct sp_usage usage = { "show", "SEQ [OPTION]...",
		"Show one entry.  The access is logged as an event.", options,
		SP_COUNTOF(options), false };
	struct sp_reader *reader = NULL;
	struct sp_entry e;
	struct sp_err err;
	int first, status, f;
	uint64_t seq;
	enum sp_code rc;

	status = sp_options_parse_max(&usage, argc, argv, 1, &first);
	if (status >= 0)
		return (status);
	if (first >= argc)
		return (sp_app_usage(
		    "show: which entry? write `sealpost show SEQ`"));
	f = sp_args_choice("format", form, forms, SP_COUNTOF(forms));
	if (f < 0 || !sp_args_seq(argv[first], &seq))
		return (2);
	sp_mail_global_init();
	rc = sp_app_open_reader(app, &err);
	if (rc == SP_OK)
		rc = sp_reader_open(app->dir, &reader, &err);
	if (rc == SP_OK)
		rc = sp_reader_get(reader, seq, &e, &err);
	if (rc == SP_OK)
		rc = log_access(app, seq, form, part, &err);
	if (rc == SP_OK)
		rc = print_entry(app, &e, (enum show_form)f, part, &err);
	sp_reader_close(reader);
	return (rc == SP_OK ? 0 : sp_app_fail(&err));
}
