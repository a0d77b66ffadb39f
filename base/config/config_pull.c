/*
 * Checks a pull section after it was read, and fills in what its preset and
 * its protocol say where the section itself says nothing.  Called for each
 * section by config_check.c; the OAuth options are in config_oauth.c.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config_priv.h"

#define LOOPBACK_NAME "localhost"

struct preset {
	const char *name;
	enum sp_pull_type type;
	enum sp_pull_auth auth;
	const char *pop3, *imap; /* servers; NULL: the section says */
	const char *mailbox; /* IMAP; NULL: INBOX */
};

static const struct preset presets[] = {
	{ "microsoft365", SP_PULL_IMAP, SP_PULL_XOAUTH2,
	    "outlook.office365.com", "outlook.office365.com", NULL },
	{ "google", SP_PULL_IMAP, SP_PULL_XOAUTH2, "pop.gmail.com",
	    "imap.gmail.com", "\\All" },
	{ "servicenow-pop3", SP_PULL_POP3, SP_PULL_PASSWORD, NULL, NULL, NULL },
};

/*
 * Fill in from the preset what the section does not give.  Strings are copied.
 */
static void
apply_preset(struct sp_pull_conf *p, const struct preset *from,
    const struct sp_config_file *f)
{
	const char *server;

	if (!sp_config_given(f, "pull", p->name, "type"))
		p->type = from->type;
	if (!sp_config_given(f, "pull", p->name, "auth"))
		p->auth = from->auth;
	server = p->type == SP_PULL_POP3 ? from->pop3 : from->imap;
	if (p->server == NULL && server != NULL)
		p->server = sp_xstrdup(server);
	if (p->type == SP_PULL_IMAP && p->mailboxes.n == 0 &&
	    from->mailbox != NULL) {
		p->mailboxes.v = sp_xcalloc(1, sizeof(*p->mailboxes.v));
		p->mailboxes.v[p->mailboxes.n++] = sp_xstrdup(from->mailbox);
	}
}

static uint64_t
default_port(const struct sp_pull_conf *p)
{
	if (p->type == SP_PULL_POP3)
		return (p->security == SP_PULL_TLS ? 995 : 110);
	return (p->security == SP_PULL_TLS ? 993 : 143);
}

static bool
is_loopback(const char *server)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, server, &in4.sin_addr) == 1)
		return (sp_config_is_loopback((const void *)&in4));
	if (inet_pton(AF_INET6, server, &in6.sin6_addr) == 1)
		return (sp_config_is_loopback((const void *)&in6));
	return (strcmp(server, LOOPBACK_NAME) == 0);
}

/* Split "keep", "delete" or "move:MAILBOX" into p->then and p->move_to; false
 * if it is none of these. */
static bool
parse_after(struct sp_pull_conf *p)
{
	static const char move[] = "move:";

	if (strcmp(p->after, "keep") == 0)
		p->then = SP_PULL_KEEP;
	else if (strcmp(p->after, "delete") == 0)
		p->then = SP_PULL_DELETE;
	else if (strncmp(p->after, move, sizeof(move) - 1) == 0 &&
		 p->after[sizeof(move) - 1] != '\0') {
		p->then = SP_PULL_MOVE;
		p->move_to = p->after + sizeof(move) - 1;
	} else
		return (false);
	return (true);
}

/* What is wrong with the section, and the option it is about in ${opt}; NULL if
 * nothing is. */
static const char *
find_fault(struct sp_pull_conf *p, const char **opt)
{
	const bool token =
	    p->auth == SP_PULL_XOAUTH2 || p->auth == SP_PULL_OAUTHBEARER;

	*opt = "server";
	if (p->server == NULL)
		return ("it has no server; expected server = NAME");
	*opt = "user";
	if (p->user == NULL)
		return ("it has no user; expected user = NAME");
	*opt = "password_file";
	if (p->password_file == NULL && !token)
		return (
		    "it has no password_file; expected password_file = FILE with the password alone in it");
	*opt = "after";
	if (!parse_after(p))
		return ("after is none of keep, delete and move:MAILBOX");
	if (p->then == SP_PULL_MOVE && p->type == SP_PULL_POP3)
		return (
		    "after = move:MAILBOX needs type = imap; POP3 has no other mailboxes");
	*opt = "mailboxes";
	if (p->mailboxes.n > 0 && p->type == SP_PULL_POP3)
		return ("mailboxes need type = imap; POP3 has only one");
	*opt = "security";
	if (p->security == SP_PULL_CLEAR && !p->insecure_plaintext &&
	    !is_loopback(p->server))
		return (
		    "security = none would send the password and the mail in clear text; expected tls or starttls, or insecure_plaintext = true if you want that");
	*opt = "ca";
	if (p->security == SP_PULL_CLEAR &&
	    (p->ca != NULL || p->crl != NULL || p->fingerprint.n > 0))
		return (
		    "ca, crl and fingerprint mean nothing with security = none");
	*opt = "proxy";
	if (p->proxy != NULL && strncmp(p->proxy, "http://", 7) != 0)
		return ("proxy is not of the form http://HOST:PORT");
	return (NULL);
}

enum sp_code
sp_config_check_pull(
    struct sp_pull_conf *p, const struct sp_config_file *f, struct sp_err *err)
{
	const char *why, *opt;
	struct sp_buf more;
	enum sp_code rc = SP_OK;

	for (size_t i = 0; p->preset != NULL && i < SP_COUNTOF(presets); i++) {
		if (strcmp(p->preset, presets[i].name) == 0)
			apply_preset(p, &presets[i], f);
	}
	sp_config_oauth_preset(p, f);
	if (p->port == 0)
		p->port = default_port(p);
	sp_buf_init(&more, SP_ERR_MAX);
	why = find_fault(p, &opt);
	if (why == NULL && sp_config_oauth_fault(p, f, &opt, &more))
		why = sp_buf_cstr(&more);
	if (why != NULL)
		rc = sp_config_wrong(f, err, "pull", p->name, opt,
		    "section \"pull %s\": %s", p->name, why);
	sp_buf_done(&more);
	return (rc);
}
