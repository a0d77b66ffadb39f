/*
 * Reads lines of Postfix, and hands on what may be Exim's: see
 * journal/watch/maillog.h.
 *
 *   Nov 26 20:00:01 mx postfix/cleanup[7]: 4ABC12: message-id=<m@b.example>
 *   Nov 26 20:00:01 mx postfix/qmgr[7]: 4ABC12: from=<a@b.example>, size=9, ...
 *   Nov 26 20:00:01 mx postfix/smtp[7]: 4ABC12: to=<c@d.example>, relay=...,
 *       ..., status=sent (250 2.0.0 Ok: seq=7 sha256=...)
 *   Nov 26 20:00:01 mx postfix/qmgr[7]: 4ABC12: removed
 *   time_stamp         postfix_message  cut_queue_id
 *
 * Whoever can write to the log can write such lines: what follows from them is
 * for doc/watch.md.
 */
#include "journal/watch/maillog.h"

#include <ctype.h>
#include <string.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "journal/watch/maillog_priv.h"

struct sp_view
sp_maillog_word(struct sp_view *rest)
{
	struct sp_view word;

	while (rest->n > 0 && *rest->p == ' ') {
		rest->p++;
		rest->n--;
	}
	word = sp_view_mem(rest->p, 0);
	while (rest->n > 0 && *rest->p != ' ') {
		rest->p++;
		rest->n--;
		word.n++;
	}
	return (word);
}

struct sp_view
sp_maillog_after(struct sp_view v, const char *what)
{
	const size_t n = strlen(what);
	const char *at = v.n == 0 ? NULL : memmem(v.p, v.n, what, n);

	if (at == NULL)
		return ((struct sp_view){ NULL, 0 });
	at += n;
	return (sp_view_mem(at, v.n - (size_t)(at - v.p)));
}

/* ${v} up to ${end}, or all of it. */
static struct sp_view
up_to(struct sp_view v, const char *end)
{
	const char *at = v.n == 0 ? NULL : memmem(v.p, v.n, end, strlen(end));

	if (at != NULL)
		v.n = (size_t)(at - v.p);
	return (v);
}

/* What stands behind the first ${name} ("to=<") in ${fields}: an address may
 * hold '>' in quotes, so it ends at ">, " or at the last '>'.  {NULL, 0} where
 * it is not there. */
static struct sp_view
bracketed(struct sp_view fields, const char *name)
{
	struct sp_view v = sp_maillog_after(fields, name);
	const char *end;

	if (v.p == NULL)
		return (v);
	end = v.n == 0 ? NULL : memmem(v.p, v.n, ">, ", 3);
	if (end == NULL)
		end = v.n == 0 ? NULL : memrchr(v.p, '>', v.n);
	if (end == NULL)
		return ((struct sp_view){ NULL, 0 });
	v.n = (size_t)(end - v.p);
	return (v);
}

/* Cut the time stamp off ${rest}: one word that begins with a digit (RFC 5424),
 * or three words ("Nov 26 20:00:01"). */
static struct sp_view
time_stamp(struct sp_view *rest)
{
	const char *from;
	struct sp_view word = sp_maillog_word(rest);

	from = word.p;
	if (word.n == 0 || isdigit((unsigned char)*word.p))
		return (word);
	(void)sp_maillog_word(rest);
	word = sp_maillog_word(rest);
	return (sp_view_mem(from, (size_t)(word.p - from) + word.n));
}

/* What stands behind "postfix/smtp[123]: " (any name before the slash): the
 * message of a Postfix program, whose name goes to ${program}.  {NULL, 0}: it
 * is of no such program. */
static struct sp_view
postfix_message(struct sp_view rest, struct sp_view *program)
{
	struct sp_view word, slash;

	for (int i = 0; i < 4 && rest.n > 0; i++) {
		word = sp_maillog_word(&rest);
		if (word.n < 5 || memcmp(word.p + word.n - 2, "]:", 2) != 0)
			continue;
		*program = up_to(word, "[");
		slash = sp_maillog_after(*program, "/");
		if (slash.p == NULL)
			break;
		while (slash.p != NULL) {
			*program = slash;
			slash = sp_maillog_after(slash, "/");
		}
		if (rest.n > 0 && *rest.p == ' ') {
			rest.p++;
			rest.n--;
		}
		return (rest);
	}
	return ((struct sp_view){ NULL, 0 });
}

/* Cut the queue id "4ABC12: " (or the long form) off ${message}; false where
 * there is none, as in NOQUEUE. */
static bool
cut_queue_id(struct sp_view *message, struct sp_view *id)
{
	size_t n = 0;

	while (n < message->n && isalnum((unsigned char)message->p[n]))
		n++;
	if (n < 5 || n > SP_MAILLOG_ID_MAX || n + 1 >= message->n ||
	    message->p[n] != ':' || message->p[n + 1] != ' ')
		return (false);
	*id = sp_view_mem(message->p, n);
	*message = sp_view_mem(message->p + n + 2, message->n - n - 2);
	return (!sp_view_eq_str(*id, "NOQUEUE"));
}

/* Read "to=<a>, relay=r, ..., status=sent (250 ...)": a delivery attempt, if
 * its status is known. */
static void
parse_delivery(struct sp_view fields, struct sp_maillog_line *out)
{
	struct sp_view status = sp_maillog_after(fields, ", status=");
	struct sp_view word, relay;

	if (status.p == NULL)
		return;
	word = sp_maillog_word(&status);
	if (sp_view_eq_str(word, "sent"))
		out->result = SP_MAILLOG_SENT;
	else if (sp_view_eq_str(word, "deferred"))
		out->result = SP_MAILLOG_DEFERRED;
	else if (sp_view_eq_str(word, "bounced") ||
		 sp_view_eq_str(word, "expired") ||
		 sp_view_eq_str(word, "undeliverable"))
		out->result = SP_MAILLOG_BOUNCED;
	else
		return;
	out->to = bracketed(fields, "to=<");
	if (out->to.p == NULL)
		return;
	relay = sp_maillog_after(fields, ", relay=");
	out->relay = up_to(relay, ", ");
	status = sp_view_trim(status);
	if (status.n >= 2 && *status.p == '(' && status.p[status.n - 1] == ')')
		status = sp_view_mem(status.p + 1, status.n - 2);
	out->reply = status;
	out->kind = SP_MAILLOG_DELIVERY;
}

/* Read the ${message} of the Postfix program ${program} into ${out}, which
 * stays of kind OTHER where it says nothing of interest. */
static void
parse_postfix(
    struct sp_view message, struct sp_view program, struct sp_maillog_line *out)
{
	struct sp_view v;

	if (!cut_queue_id(&message, &out->id))
		return;
	if (sp_view_eq_str(message, "removed")) {
		out->kind = SP_MAILLOG_GONE;
	} else if (sp_view_starts(message, "message-id=")) {
		v = sp_maillog_after(message, "message-id=");
		out->msgid = sp_view_trim(v);
		out->kind = SP_MAILLOG_MESSAGE;
	} else if (sp_view_starts(message, "to=<")) {
		parse_delivery(message, out);
	} else if (sp_view_starts(message, "from=<") &&
		   sp_maillog_after(message, ", status=expired").p != NULL) {
		/* The queue manager gives up on all that is left. */
		out->kind = SP_MAILLOG_OTHER;
	} else if (sp_view_starts(message, "from=<") &&
		   sp_view_eq_str(program, "qmgr")) {
		out->from = bracketed(message, "from=<");
		out->has_from = out->from.p != NULL;
		if (out->has_from)
			out->kind = SP_MAILLOG_MESSAGE;
	}
}

void
sp_maillog_parse(struct sp_view line, struct sp_maillog_line *out)
{
	struct sp_view rest, message, program = { NULL, 0 };

	*out = (struct sp_maillog_line){ .kind = SP_MAILLOG_OTHER };
	if (line.n > SP_MAILLOG_LINE_MAX)
		line.n = SP_MAILLOG_LINE_MAX;
	line = sp_view_trim(line);
	rest = line;
	out->time = time_stamp(&rest);
	message = postfix_message(rest, &program);
	if (message.p != NULL)
		parse_postfix(message, program, out);
	else
		(void)sp_maillog_exim(line, out);
}

bool
sp_maillog_receipt(struct sp_view reply, struct sp_maillog_receipt *out)
{
	struct sp_view at = sp_maillog_after(reply, "Ok: seq=");
	struct sp_view seq, hex;

	if (at.p == NULL)
		return (false);
	seq = sp_maillog_word(&at);
	hex = sp_maillog_word(&at);
	if (!sp_view_u64(seq, &out->seq) || !sp_view_starts(hex, "sha256="))
		return (false);
	hex = sp_maillog_after(hex, "sha256=");
	if (hex.n > 2 * SP_SHA256_LEN)
		hex.n = 2 * SP_SHA256_LEN;
	return (hex.n == 2 * SP_SHA256_LEN &&
		sp_hex_decode(hex, out->sha256, SP_SHA256_LEN));
}
