/*
 * What the options of a listener for its socket, its encryption and its login
 * must be together.  Called for each listener by config_check.c; whether the
 * files that are named can be read is checked when they are (journal/receive).
 */
#include <string.h>

#include "base/config/config_priv.h"

/* Fill in the lines for messages about files that are opened later. */
static void
find_lines(struct sp_listen *l, const struct sp_config_file *f)
{
	const struct {
		const char *name;
		unsigned *line;
	} table[] = {
		{ "tls", &l->line.tls },
		{ "certificate", &l->line.certificate },
		{ "key", &l->line.key },
		{ "sni_certificates", &l->line.sni_certificates },
		{ "client_ca", &l->line.client_ca },
		{ "client_crl", &l->line.client_crl },
		{ "client_fingerprints", &l->line.client_fingerprints },
	};

	for (size_t i = 0; i < SP_COUNTOF(table); i++)
		*table[i].line =
		    sp_config_place(f, "listen", l->name, table[i].name).line;
}

/* Refuse the option ${name} of this listener. */
static enum sp_code
wrong(const struct sp_listen *l, const struct sp_config_file *f,
    const char *name, struct sp_err *err, const char *why)
{
	return (sp_config_wrong(f, err, "listen", l->name, name, "%s", why));
}

enum sp_code
sp_config_listen_socket(const struct sp_listen *l,
    const struct sp_config_file *f, struct sp_err *err)
{
	if (l->sa.ss_family != AF_UNIX)
		return (
		    l->socket_group == NULL
			? SP_OK
			: wrong(l, f, "socket_group", err,
			      "socket_group is of a socket in the file system; expected address = unix:/PATH"));
	if (l->allow.n > 0)
		return (wrong(l, f, "allow", err,
		    "a socket in the file system has no networks; expected socket_mode and socket_group to say who may connect"));
	if (l->proxy.n > 0)
		return (wrong(l, f, "proxy", err,
		    "a socket in the file system has no networks; expected proxy with an ADDRESS:PORT only"));
	return (SP_OK);
}

/* The first option for encryption that says something; NULL: none does. */
static const char *
first_given(const struct sp_listen *l)
{
	return (l->certificate != NULL	       ? "certificate"
		: l->key != NULL	       ? "key"
		: l->sni_certificates.n > 0    ? "sni_certificates"
		: l->require_tls	       ? "require_tls"
		: l->client_ca != NULL	       ? "client_ca"
		: l->client_crl != NULL	       ? "client_crl"
		: l->client_fingerprints.n > 0 ? "client_fingerprints"
		: l->require_client_cert       ? "require_client_cert"
					       : NULL);
}

enum sp_code
sp_config_listen_tls(
    struct sp_listen *l, const struct sp_config_file *f, struct sp_err *err)
{
	find_lines(l, f);
	if (l->tls == SP_TLS_NONE)
		return (
		    first_given(l) == NULL
			? SP_OK
			: wrong(l, f, first_given(l), err,
			      "an option for encryption without it; expected tls = starttls or tls = implicit in this section"));
	if (l->certificate == NULL)
		return (wrong(l, f, "tls", err,
		    "encryption needs a certificate; expected certificate = /PATH/OF/FILE.pem in this section"));
	if (l->client_crl != NULL && l->client_ca == NULL)
		return (wrong(l, f, "client_crl", err,
		    "client_crl needs the authorities that it is of; expected client_ca = /PATH/OF/FILE.pem"));
	if (l->require_client_cert && l->client_ca == NULL &&
	    l->client_fingerprints.n == 0)
		return (wrong(l, f, "require_client_cert", err,
		    "nothing to check a client's certificate against; expected client_ca or client_fingerprints"));
	return (SP_OK);
}

enum sp_code
sp_config_listen_auth(const struct sp_listen *l, const struct sp_config_file *f,
    struct sp_err *err)
{
	if (l->require_auth && l->auth_users == NULL)
		return (wrong(l, f, "require_auth", err,
		    "require_auth needs to know who may log in; expected auth_users = /FILE in this section"));
	if (l->auth_users != NULL && l->tls == SP_TLS_NONE)
		return (wrong(l, f, "auth_users", err,
		    "a login is taken inside TLS only; expected tls = starttls or tls = implicit in this section"));
	return (SP_OK);
}
