/*
 * The OAuth options of a pull section (RFC 6749; doc/oauth.md): what the
 * presets of Microsoft and Google fill in, which options each grant needs, and
 * which mean nothing with it.  Called by config_pull.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/config/config_priv.h"

#define BIT(g)	(1u << (g))
#define CLIENT	BIT(SP_OAUTH_GRANT_CLIENT)
#define REFRESH BIT(SP_OAUTH_GRANT_REFRESH)
#define DEVICE	BIT(SP_OAUTH_GRANT_DEVICE)
#define CODE	BIT(SP_OAUTH_GRANT_CODE)
#define SERVICE BIT(SP_OAUTH_GRANT_SERVICE)
#define PERSON	(REFRESH | DEVICE | CODE)
#define ALL	(CLIENT | PERSON | SERVICE)

/* Which grants an option is for, and which cannot do without it. */
struct oauth_rule {
	const char *name;
	size_t at; /* of a char * in sp_oauth_conf; NOT_TEXT: another type */
	bool url; /* it must be https://HOST/PATH */
	unsigned may, must; /* sets of grants, BIT() each */
};
#define NOT_TEXT SIZE_MAX
#define AT(f)	 offsetof(struct sp_oauth_conf, f)

static const struct oauth_rule rules[] = {
	{ "tenant", AT(tenant), false, CLIENT | PERSON, 0 },
	{ "client_id", AT(client_id), false, ALL, CLIENT | PERSON },
	{ "client_secret_file", AT(client_secret_file), false, CLIENT | PERSON,
	    0 },
	{ "client_auth", NOT_TEXT, false, CLIENT | PERSON, 0 },
	{ "client_certificate", AT(client_certificate), false, CLIENT | PERSON,
	    0 },
	{ "client_key", AT(client_key), false, CLIENT | PERSON, 0 },
	{ "assertion", NOT_TEXT, false, CLIENT | PERSON, 0 },
	{ "service_account_file", AT(service_account_file), false, SERVICE,
	    SERVICE },
	{ "scopes", NOT_TEXT, false, ALL, 0 },
	{ "parameters", NOT_TEXT, false, CLIENT | PERSON, 0 },
	{ "token_url", AT(token_url), true, ALL, CLIENT | PERSON },
	{ "authorization_url", AT(authorization_url), true, CODE, CODE },
	{ "device_url", AT(device_url), true, DEVICE, DEVICE },
	{ "revocation_url", AT(revocation_url), true, PERSON, 0 },
	{ "redirect_url", AT(redirect_url), false, CODE, 0 },
	{ "oauth_ca", NOT_TEXT, false, ALL, 0 },
};

static const char *const grants[] = { "none", "client_credentials",
	"refresh_token", "device_code", "authorization_code",
	"service_account" };

/* ---- presets --------------------------------------------------------- */

/* Fill in a text that the section does not give. */
static void
fill_text(char **to, const char *text)
{
	if (*to == NULL)
		*to = sp_xstrdup(text);
}

/* Fill in a list of one or two texts (${b} may be NULL) likewise. */
static void
fill_list(struct sp_texts *to, const char *a, const char *b)
{
	if (to->n > 0)
		return;
	to->v = sp_xcalloc(2, sizeof(*to->v));
	to->v[to->n++] = sp_xstrdup(a);
	if (b != NULL)
		to->v[to->n++] = sp_xstrdup(b);
}

/* Fill in https://login.microsoftonline.com/TENANT/oauth2/v2.0/END likewise. */
static void
fill_tenant_url(char **to, const char *tenant, const char *end)
{
	if (*to == NULL)
		*to = sp_xasprintf(
		    "https://login.microsoftonline.com/%s/oauth2/v2.0/%s",
		    tenant, end);
}

/* Fill in what Microsoft's identity platform wants: the tenant makes the URLs,
 * the grant and the protocol make the scopes. */
static void
microsoft(struct sp_pull_conf *p)
{
	struct sp_oauth_conf *o = &p->oauth;

	if (o->tenant != NULL) {
		fill_tenant_url(&o->token_url, o->tenant, "token");
		if (o->grant == SP_OAUTH_GRANT_DEVICE)
			fill_tenant_url(
			    &o->device_url, o->tenant, "devicecode");
		if (o->grant == SP_OAUTH_GRANT_CODE)
			fill_tenant_url(
			    &o->authorization_url, o->tenant, "authorize");
	}
	if (o->grant == SP_OAUTH_GRANT_CLIENT)
		fill_list(
		    &o->scopes, "https://outlook.office365.com/.default", NULL);
	else
		fill_list(&o->scopes,
		    p->type == SP_PULL_POP3
			? "https://outlook.office.com/POP.AccessAsUser.All"
			: "https://outlook.office.com/IMAP.AccessAsUser.All",
		    "offline_access");
}

/* Fill in Google's URLs and its one scope for mail.  It gives a refresh token
 * only when access_type and prompt ask for it. */
static void
google(struct sp_pull_conf *p)
{
	struct sp_oauth_conf *o = &p->oauth;

	fill_text(&o->token_url, "https://oauth2.googleapis.com/token");
	fill_list(&o->scopes, "https://mail.google.com/", NULL);
	if (o->grant == SP_OAUTH_GRANT_CODE) {
		fill_text(&o->authorization_url,
		    "https://accounts.google.com/o/oauth2/v2/auth");
		fill_list(
		    &o->parameters, "access_type=offline", "prompt=consent");
	}
	if (o->grant == SP_OAUTH_GRANT_CODE ||
	    o->grant == SP_OAUTH_GRANT_REFRESH)
		fill_text(
		    &o->revocation_url, "https://oauth2.googleapis.com/revoke");
}

static bool
by_token(const struct sp_pull_conf *p)
{
	return (p->auth == SP_PULL_XOAUTH2 || p->auth == SP_PULL_OAUTHBEARER);
}

void
sp_config_oauth_preset(struct sp_pull_conf *p, const struct sp_config_file *f)
{
	const char *preset = p->preset == NULL ? "" : p->preset;
	const bool given = sp_config_given(f, "pull", p->name, "grant");
	/* With a password_file another program renews the token. */
	const bool ours = by_token(p) && p->password_file == NULL;

	if (strcmp(preset, "microsoft365") == 0) {
		if (ours && !given)
			p->oauth.grant = SP_OAUTH_GRANT_CLIENT;
		if (p->oauth.grant != SP_OAUTH_GRANT_NONE)
			microsoft(p);
	}
	if (strcmp(preset, "google") == 0) {
		if (ours && !given)
			p->oauth.grant = SP_OAUTH_GRANT_SERVICE;
		if (p->oauth.grant != SP_OAUTH_GRANT_NONE)
			google(p);
	}
}

/* ---- what is wrong --------------------------------------------------- */

static const char *
text_of(const struct sp_oauth_conf *o, const struct oauth_rule *r)
{
	const char *text;

	if (r->at == NOT_TEXT)
		return (NULL);
	memcpy(&text, (const char *)o + r->at, sizeof(text));
	return (text);
}

/* https with a host, and neither a user name nor a fragment in it. */
static bool
url_ok(const char *s)
{
	static const char https[] = "https://";
	const char *host = s + sizeof(https) - 1;

	return (strncmp(s, https, sizeof(https) - 1) == 0 &&
		strcspn(host, "/?") > 0 && strpbrk(s, "@#") == NULL);
}

/* A URL on this machine (RFC 8252 section 7.3), or https for another one. */
static bool
redirect_ok(const char *s)
{
	static const char *const own[] = { "http://127.0.0.1",
		"http://localhost", "http://[::1]" };

	for (size_t i = 0; i < SP_COUNTOF(own); i++) {
		const size_t n = strlen(own[i]);

		if (strncmp(s, own[i], n) == 0 &&
		    (s[n] == '\0' || s[n] == '/' || s[n] == ':'))
			return (strpbrk(s, "@#?") == NULL);
	}
	return (url_ok(s));
}

/* Check one option against the grant; true if something is wrong, with the
 * text appended to ${why}. */
static bool
rule_fault(const struct sp_pull_conf *p, const struct sp_config_file *f,
    const struct oauth_rule *r, struct sp_buf *why)
{
	const struct sp_oauth_conf *o = &p->oauth;
	const char *text = text_of(o, r);
	const bool tenant = p->preset != NULL &&
			    strcmp(p->preset, "microsoft365") == 0 &&
			    o->tenant == NULL;

	if ((r->may & BIT(o->grant)) == 0) {
		if (!sp_config_given(f, "pull", p->name, r->name))
			return (false);
		(void)!sp_buf_addf(why, "%s means nothing with grant = %s",
		    r->name, grants[o->grant]);
		return (true);
	}
	if (r->at == NOT_TEXT)
		return (false);
	if (text == NULL && (r->must & BIT(o->grant)) != 0) {
		(void)!sp_buf_addf(why, "grant = %s needs %s%s",
		    grants[o->grant], r->name,
		    r->url && tenant ? ", or a tenant" : "");
		return (true);
	}
	if (text == NULL || !r->url || url_ok(text))
		return (false);
	(void)!sp_buf_addf(
	    why, "%s is not of the form https://HOST/PATH", r->name);
	return (true);
}

/*
 * What is wrong with how the application shows who it is; NULL if nothing is.
 */
static const char *
client_fault(const struct sp_oauth_conf *o, const char **opt)
{
	*opt = "client_key";
	if ((o->client_certificate == NULL) != (o->client_key == NULL))
		return ("client_certificate and client_key need each other");
	*opt = "client_certificate";
	if (o->client_certificate != NULL && o->client_secret_file != NULL)
		return (
		    "it has a client_secret_file and a client_certificate; expected one of them");
	*opt = "grant";
	if (o->grant == SP_OAUTH_GRANT_CLIENT && o->client_key == NULL &&
	    o->client_secret_file == NULL)
		return (
		    "grant = client_credentials needs client_secret_file, or client_certificate and client_key");
	return (NULL);
}

/* What is wrong with the options together, and the option it is about in
 * ${opt}; NULL if nothing is. */
static const char *
find_fault(const struct sp_pull_conf *p, const char **opt)
{
	const struct sp_oauth_conf *o = &p->oauth;

	*opt = "auth";
	if (by_token(p) && o->grant == SP_OAUTH_GRANT_NONE &&
	    p->password_file == NULL)
		return (
		    "auth needs a token: expected grant = client_credentials, refresh_token, device_code, authorization_code or service_account (doc/oauth.md), or a password_file with a token that another program renews");
	*opt = "grant";
	if (!by_token(p) && o->grant != SP_OAUTH_GRANT_NONE)
		return (
		    "grant means nothing without auth = xoauth2 or oauthbearer");
	*opt = "password_file";
	if (p->password_file != NULL && o->grant != SP_OAUTH_GRANT_NONE)
		return ("password_file means nothing with a grant");
	*opt = "tenant";
	if (o->tenant != NULL &&
	    (p->preset == NULL || strcmp(p->preset, "microsoft365") != 0))
		return ("tenant needs preset = microsoft365");
	if (o->tenant != NULL &&
	    strspn(o->tenant,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") !=
		strlen(o->tenant))
		return ("tenant is no id and no domain");
	*opt = "redirect_url";
	if (o->redirect_url != NULL && !redirect_ok(o->redirect_url))
		return (
		    "redirect_url is not on this machine (http://127.0.0.1:PORT/PATH) and not https");
	*opt = "parameters";
	for (size_t i = 0; i < o->parameters.n; i++) {
		if (strcspn(o->parameters.v[i], "=") == 0 ||
		    strchr(o->parameters.v[i], '=') == NULL)
			return ("parameters are not of the form name=value");
	}
	return (client_fault(o, opt));
}

bool
sp_config_oauth_fault(const struct sp_pull_conf *p,
    const struct sp_config_file *f, const char **opt, struct sp_buf *why)
{
	const char *text;

	for (size_t i = 0; i < SP_COUNTOF(rules); i++) {
		*opt = rules[i].name;
		if (!sp_config_given(f, "pull", p->name, *opt))
			*opt = "grant";
		if (rule_fault(p, f, &rules[i], why))
			return (true);
	}
	text = find_fault(p, opt);
	if (text != NULL)
		(void)!sp_buf_adds(why, text);
	return (text != NULL);
}
