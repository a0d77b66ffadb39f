/*
 * Command lines of SMTP and LMTP: verbs, paths with their ESMTP parameters
 * (RFC 5321 section 4.1, 1870, 6152, 3030, 3461, 6531), BDAT.  Any bytes give
 * a struct or a code; no I/O.
 */
#ifndef SP_SMTP_COMMAND_H
#define SP_SMTP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/view.h"
#include "journal/smtp/mailbox.h"

enum sp_verb {
	SP_VERB_UNKNOWN,
	SP_VERB_EHLO,
	SP_VERB_HELO,
	SP_VERB_LHLO,
	SP_VERB_MAIL,
	SP_VERB_RCPT,
	SP_VERB_DATA,
	SP_VERB_BDAT,
	SP_VERB_RSET,
	SP_VERB_NOOP,
	SP_VERB_QUIT,
	SP_VERB_VRFY,
	SP_VERB_HELP,
	SP_VERB_AUTH,
	SP_VERB_XFORWARD,
	SP_VERB_XCLIENT,
	SP_VERB_XSEALPOST,
	SP_VERB_STARTTLS,
	SP_VERB_KNOWN, /* known but not offered: 502 */
	SP_VERB_HTTP /* GET, POST, ...: not mail at all */
};

struct sp_command {
	enum sp_verb verb;
	struct sp_view arg; /* behind the verb, trimmed */
};

/* ${line} without its line end. */
void sp_command_parse(struct sp_view line, struct sp_command *out);

#define SP_PARAMS_MAX	  16 /* parameters of one command */
#define SP_ORCPT_MAX	  500 /* RFC 3461 section 4.2, with its type */
#define SP_ENVID_MAX	  100
#define SP_AUTH_PARAM_MAX 500 /* of MAIL */

enum sp_path_result {
	SP_PATH_OK,
	SP_PATH_SYNTAX, /* 501 5.5.4 */
	SP_PATH_LONG, /* 501 5.5.4, another text */
	SP_PATH_RAW8, /* 553 5.6.7 */
	SP_PATH_PARAM, /* 555 5.5.4: not known */
	SP_PATH_VALUE /* 501 5.5.4: known, but not so */
};

enum sp_body { SP_BODY_NONE, SP_BODY_7BIT, SP_BODY_8BIT, SP_BODY_BINARY };

/* What MAIL and RCPT say.  Views into the line. */
struct sp_path_command {
	struct sp_mailbox path; /* addr "" for <> */
	struct sp_view params[SP_PARAMS_MAX]; /* raw */
	size_t nparams;
	bool has_size;
	uint64_t size;
	enum sp_body body;
	bool smtputf8;
	bool auth; /* AUTH= was given (RFC 4954 section 5) */
	bool requiretls; /* RFC 8689 */
	bool notify_success; /* NOTIFY holds SUCCESS */
};

/* ${arg} of MAIL, with ESMTP parameters if ${extended}. */
enum sp_path_result sp_command_mail(
    struct sp_view arg, bool extended, struct sp_path_command *out);
/* ${arg} of RCPT. */
enum sp_path_result sp_command_rcpt(
    struct sp_view arg, bool extended, struct sp_path_command *out);
/* "SIZE [LAST]"; false: no way to know how many bytes follow. */
bool sp_command_bdat(struct sp_view arg, uint64_t *size, bool *last);

#endif
