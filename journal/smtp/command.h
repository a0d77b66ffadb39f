/*
 * Command lines of SMTP and LMTP: verbs, the paths of MAIL and RCPT with their
 * ESMTP parameters (RFC 5321 section 4.1, 1870, 6152, 3030, 3461, 4954, 6531,
 * 8689), and BDAT.  Any bytes give a struct or a result that says what is
 * wrong; no I/O.  Views point into the line.
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
	struct sp_view arg; /* behind the verb, without blanks around it */
};

/* Split a line without its line end into verb and argument.  Case does not
 * matter; a verb that is not known is SP_VERB_UNKNOWN. */
void sp_command_parse(struct sp_view line, struct sp_command *out);

#define SP_PARAMS_MAX	  16 /* parameters of one command */
#define SP_ORCPT_MAX	  500 /* RFC 3461 section 4.2, with its type */
#define SP_ENVID_MAX	  100
#define SP_AUTH_PARAM_MAX 500 /* of MAIL */

enum sp_path_result {
	SP_PATH_OK,
	SP_PATH_SYNTAX, /* not a path, or no parameters behind it */
	SP_PATH_LONG, /* the address is beyond SP_MAILBOX_MAX */
	SP_PATH_RAW8, /* bytes that are neither ASCII nor UTF-8 */
	SP_PATH_PARAM, /* a parameter that is not known */
	SP_PATH_VALUE /* a bad value, a parameter twice, or too many */
};

enum sp_body { SP_BODY_NONE, SP_BODY_7BIT, SP_BODY_8BIT, SP_BODY_BINARY };

/* What a MAIL or RCPT command has. */
struct sp_path_command {
	struct sp_mailbox path; /* addr "" for <> */
	struct sp_view params[SP_PARAMS_MAX]; /* as they came */
	size_t nparams;
	bool has_size;
	uint64_t size; /* bytes, UINT64_MAX for more; 0: not declared */
	enum sp_body body;
	bool smtputf8;
	bool auth; /* AUTH= was given (RFC 4954 section 5) */
	bool requiretls; /* RFC 8689 */
	bool notify_success; /* NOTIFY holds SUCCESS */
};

/* Parse the argument of MAIL, with ESMTP parameters if ${extended}.  ${out} is
 * only good for SP_PATH_OK. */
enum sp_path_result sp_command_mail(
    struct sp_view arg, bool extended, struct sp_path_command *out);
/* The same for RCPT. */
enum sp_path_result sp_command_rcpt(
    struct sp_view arg, bool extended, struct sp_path_command *out);
/* Parse the argument of BDAT, "SIZE [LAST]" (RFC 3030 section 2).  False: how
 * many bytes follow cannot be known. */
bool sp_command_bdat(struct sp_view arg, uint64_t *size, bool *last);

#endif
