/*
 * The table of all options and sections, and looking them up in it.  Reading,
 * defaults, checks of single values and the effective text follow this table;
 * doc/man/sealpost.conf.5 describes the same options in this order.
 */
#include <string.h>

#include "base/config/config_priv.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define DAY UINT64_C(86400)

#define TOP(f) offsetof(struct sp_config, f)
#define LIS(f) offsetof(struct sp_listen, f)
#define PUL(f) offsetof(struct sp_pull_conf, f)

/* section, name, type, where, min, max, default, choices */
const struct sp_config_option sp_config_options[] = {
	{ "", "guard", SP_CT_PATH, TOP(guard), 1, 4095, NULL, NULL },
	{ "", "user", SP_CT_WORD, TOP(user), 1, 32, NULL, NULL },
	{ "", "group", SP_CT_WORD, TOP(group), 1, 32, NULL, NULL },
	{ "", "memory", SP_CT_SIZE, TOP(memory), MIB, 64 * GIB, "64M", NULL },
	{ "", "disk_reserve", SP_CT_SIZE, TOP(disk_reserve), 0, 1024 * GIB,
	    "512M", NULL },
	{ "", "disk_minimum", SP_CT_SIZE, TOP(disk_minimum), 0, 1024 * GIB,
	    "64M", NULL },
	{ "", "max_connections", SP_CT_NUMBER, TOP(max_connections), 1, 100000,
	    "2000", NULL },

	{ "log", "to", SP_CT_NAME, TOP(log_to), 0, 0, "stderr",
	    "stderr|syslog" },
	{ "log", "level", SP_CT_CHOICE, TOP(log_level), 0, 0, "info",
	    "debug|info|warn|error" },
	{ "log", "addresses", SP_CT_BOOL, TOP(log_addresses), 0, 0, "true",
	    NULL },

	{ "listen", "address", SP_CT_ADDRESS, LIS(address), 1, 112, NULL,
	    NULL },
	{ "listen", "socket_mode", SP_CT_CHOICE, LIS(socket_mode), 0, 0, "0660",
	    "0600|0660|0666" },
	{ "listen", "socket_group", SP_CT_WORD, LIS(socket_group), 1, 32, NULL,
	    NULL },
	{ "listen", "protocol", SP_CT_CHOICE, LIS(protocol), 0, 0, "smtp",
	    "smtp|lmtp|milter" },
	{ "listen", "allow", SP_CT_NETWORKS, LIS(allow), 0, 0, NULL, NULL },
	{ "listen", "recipients", SP_CT_RCPTS, LIS(recipients), 0, 0, NULL,
	    NULL },
	{ "listen", "auth_users", SP_CT_PATH, LIS(auth_users), 1, 4095, NULL,
	    NULL },
	{ "listen", "require_auth", SP_CT_BOOL, LIS(require_auth), 0, 0,
	    "false", NULL },
	{ "listen", "xforward", SP_CT_NETWORKS, LIS(xforward), 0, 0, NULL,
	    NULL },
	{ "listen", "xclient", SP_CT_NETWORKS, LIS(xclient), 0, 0, NULL, NULL },
	{ "listen", "journal", SP_CT_BOOL, LIS(journal), 0, 0, "false", NULL },
	{ "listen", "bare_newline", SP_CT_CHOICE, LIS(bare_newline), 0, 0,
	    "accept", "accept|reject" },
	{ "listen", "hostname", SP_CT_WORD, LIS(hostname), 1, 255, NULL, NULL },
	{ "listen", "max_message", SP_CT_SIZE, LIS(max_message), KIB, GIB,
	    "150M", NULL },
	{ "listen", "max_recipients", SP_CT_NUMBER, LIS(max_recipients), 1,
	    10000, "1000", NULL },
	{ "listen", "max_line", SP_CT_SIZE, LIS(max_line), 1000, MIB, "64K",
	    NULL },
	{ "listen", "max_errors", SP_CT_NUMBER, LIS(max_errors), 1, 100000,
	    "20", NULL },
	{ "listen", "max_junk", SP_CT_NUMBER, LIS(max_junk), 1, 100000, "100",
	    NULL },
	{ "listen", "max_sessions", SP_CT_NUMBER, LIS(max_sessions), 1, 100000,
	    "1000", NULL },
	{ "listen", "max_per_peer", SP_CT_NUMBER, LIS(max_per_peer), 1, 100000,
	    "250", NULL },
	{ "listen", "timeout", SP_CT_TIME, LIS(timeout), 1, DAY, "300", NULL },
	{ "listen", "data_timeout", SP_CT_TIME, LIS(data_timeout), 1, DAY,
	    "180", NULL },
	{ "listen", "min_rate", SP_CT_SIZE, LIS(min_rate), 0, GIB, "100",
	    NULL },
	{ "listen", "proxy", SP_CT_NETWORKS, LIS(proxy), 0, 0, NULL, NULL },
	{ "listen", "tls", SP_CT_CHOICE, LIS(tls), 0, 0, "none",
	    "none|starttls|implicit" },
	{ "listen", "certificate", SP_CT_PATH, LIS(certificate), 1, 4095, NULL,
	    NULL },
	{ "listen", "key", SP_CT_PATH, LIS(key), 1, 4095, NULL, NULL },
	{ "listen", "sni_certificates", SP_CT_PATHS, LIS(sni_certificates), 1,
	    4095, NULL, NULL },
	{ "listen", "require_tls", SP_CT_BOOL, LIS(require_tls), 0, 0, "false",
	    NULL },
	{ "listen", "client_ca", SP_CT_PATH, LIS(client_ca), 1, 4095, NULL,
	    NULL },
	{ "listen", "client_crl", SP_CT_PATH, LIS(client_crl), 1, 4095, NULL,
	    NULL },
	{ "listen", "client_fingerprints", SP_CT_WORDS,
	    LIS(client_fingerprints), 64, 95, NULL, NULL },
	{ "listen", "require_client_cert", SP_CT_BOOL, LIS(require_client_cert),
	    0, 0, "false", NULL },
	{ "listen", "tls_timeout", SP_CT_TIME, LIS(tls_timeout), 1, 3600, "30",
	    NULL },

	{ "pull", "preset", SP_CT_NAME, PUL(preset), 0, 0, NULL,
	    "microsoft365|google|servicenow-pop3" },
	{ "pull", "type", SP_CT_CHOICE, PUL(type), 0, 0, "pop3", "pop3|imap" },
	{ "pull", "server", SP_CT_WORD, PUL(server), 1, 255, NULL, NULL },
	{ "pull", "port", SP_CT_NUMBER, PUL(port), 0, 65535, "0", NULL },
	{ "pull", "user", SP_CT_TEXT, PUL(user), 1, 255, NULL, NULL },
	{ "pull", "password_file", SP_CT_SECRET, PUL(password_file), 1, 4095,
	    NULL, NULL },
	{ "pull", "auth", SP_CT_CHOICE, PUL(auth), 0, 0, "password",
	    "password|plain|xoauth2|oauthbearer" },
	{ "pull", "grant", SP_CT_CHOICE, PUL(oauth.grant), 0, 0, "none",
	    "none|client_credentials|refresh_token|device_code|authorization_code|service_account" },
	{ "pull", "tenant", SP_CT_WORD, PUL(oauth.tenant), 1, 255, NULL, NULL },
	{ "pull", "client_id", SP_CT_TEXT, PUL(oauth.client_id), 1, 1000, NULL,
	    NULL },
	{ "pull", "client_secret_file", SP_CT_SECRET,
	    PUL(oauth.client_secret_file), 1, 4095, NULL, NULL },
	{ "pull", "client_auth", SP_CT_CHOICE, PUL(oauth.client_auth), 0, 0,
	    "post", "post|basic" },
	{ "pull", "client_certificate", SP_CT_SECRET,
	    PUL(oauth.client_certificate), 1, 4095, NULL, NULL },
	{ "pull", "client_key", SP_CT_SECRET, PUL(oauth.client_key), 1, 4095,
	    NULL, NULL },
	{ "pull", "assertion", SP_CT_CHOICE, PUL(oauth.assertion_alg), 0, 0,
	    "PS256", "PS256|RS256" },
	{ "pull", "service_account_file", SP_CT_SECRET,
	    PUL(oauth.service_account_file), 1, 4095, NULL, NULL },
	{ "pull", "scopes", SP_CT_WORDS, PUL(oauth.scopes), 1, 500, NULL,
	    NULL },
	{ "pull", "parameters", SP_CT_TEXTS, PUL(oauth.parameters), 1, 1000,
	    NULL, NULL },
	{ "pull", "token_url", SP_CT_WORD, PUL(oauth.token_url), 1, 1000, NULL,
	    NULL },
	{ "pull", "authorization_url", SP_CT_WORD, PUL(oauth.authorization_url),
	    1, 1000, NULL, NULL },
	{ "pull", "device_url", SP_CT_WORD, PUL(oauth.device_url), 1, 1000,
	    NULL, NULL },
	{ "pull", "revocation_url", SP_CT_WORD, PUL(oauth.revocation_url), 1,
	    1000, NULL, NULL },
	{ "pull", "redirect_url", SP_CT_WORD, PUL(oauth.redirect_url), 1, 1000,
	    NULL, NULL },
	{ "pull", "oauth_ca", SP_CT_PATH, PUL(oauth.ca), 1, 4095, NULL, NULL },
	{ "pull", "security", SP_CT_CHOICE, PUL(security), 0, 0, "tls",
	    "tls|starttls|none" },
	{ "pull", "insecure_plaintext", SP_CT_BOOL, PUL(insecure_plaintext), 0,
	    0, "false", NULL },
	{ "pull", "ca", SP_CT_PATH, PUL(ca), 1, 4095, NULL, NULL },
	{ "pull", "crl", SP_CT_PATH, PUL(crl), 1, 4095, NULL, NULL },
	{ "pull", "fingerprint", SP_CT_WORDS, PUL(fingerprint), 64, 95, NULL,
	    NULL },
	{ "pull", "proxy", SP_CT_WORD, PUL(proxy), 1, 300, NULL, NULL },
	{ "pull", "mailboxes", SP_CT_TEXTS, PUL(mailboxes), 1, 1000, NULL,
	    NULL },
	{ "pull", "after", SP_CT_TEXT, PUL(after), 1, 1005, "keep", NULL },
	{ "pull", "poll", SP_CT_TIME, PUL(poll), 1, DAY, "5m", NULL },
	{ "pull", "idle", SP_CT_BOOL, PUL(idle), 0, 0, "true", NULL },
	{ "pull", "journal", SP_CT_BOOL, PUL(journal), 0, 0, "false", NULL },
	{ "pull", "active", SP_CT_BOOL, PUL(active), 0, 0, "true", NULL },
	{ "pull", "max_message", SP_CT_SIZE, PUL(max_message), KIB, GIB / 2,
	    "150M", NULL },
	{ "pull", "session_messages", SP_CT_NUMBER, PUL(session_messages), 1,
	    100000, "500", NULL },
	{ "pull", "timeout", SP_CT_TIME, PUL(timeout), 1, 3600,
	    SP_CONFIG_PULL_TIMEOUT, NULL },

	{ "seal", "size", SP_CT_SIZE, TOP(seal_size), 64 * KIB, 64 * GIB,
	    "256M", NULL },
	{ "seal", "age", SP_CT_TIME, TOP(seal_age), 1, 366 * DAY, "1d", NULL },
	{ "seal", "level", SP_CT_LEVEL, TOP(seal_level), 1, 19, "3", NULL },
	{ "seal", "frame", SP_CT_SIZE, TOP(seal_frame), 64 * KIB, 64 * MIB,
	    "1M", NULL },
	{ "seal", "checkpoint_interval", SP_CT_NUMBER, TOP(checkpoint_interval),
	    10, 60000, "1000", NULL },
	{ "seal", "heartbeat", SP_CT_TIME, TOP(heartbeat), 1, DAY, "1h", NULL },

	{ "index", "batch", SP_CT_NUMBER, TOP(index_batch), 1, 100000, "1000",
	    NULL },
	{ "index", "max_text", SP_CT_SIZE, TOP(index_max_text), 4 * KIB, GIB,
	    "4M", NULL },

	{ "alarm", "command", SP_CT_PATH, TOP(alarm_command), 1, 4095, NULL,
	    NULL },
	{ "alarm", "mail", SP_CT_WORDS, TOP(alarm_mail), 3, 320, NULL, NULL },

	{ "submit", "server", SP_CT_WORD, TOP(submit_server), 3, 300, NULL,
	    NULL },
	{ "submit", "security", SP_CT_CHOICE, TOP(submit_security), 0, 0,
	    "none", "none|starttls|tls" },
	{ "submit", "from", SP_CT_WORD, TOP(submit_from), 3, 320, NULL, NULL },
	{ "submit", "user", SP_CT_WORD, TOP(submit_user), 1, 320, NULL, NULL },
	{ "submit", "password_file", SP_CT_SECRET, TOP(submit_password_file), 1,
	    4095, NULL, NULL },
	{ "submit", "ca", SP_CT_PATH, TOP(submit_ca), 1, 4095, NULL, NULL },

	{ "canary", "address", SP_CT_WORD, TOP(canary_address), 3, 320, NULL,
	    NULL },
	{ "canary", "within", SP_CT_TIME, TOP(canary_within), 1, DAY, "5m",
	    NULL },

	{ "watch", "silence", SP_CT_BOOL, TOP(watch_silence), 0, 0, "true",
	    NULL },
	{ "watch", "domains", SP_CT_NUMBER, TOP(watch_domains), 0, 1000, "50",
	    NULL },
	{ "watch", "learn", SP_CT_TIME, TOP(watch_learn), 7 * DAY, 56 * DAY,
	    "28d", NULL },
	{ "watch", "least", SP_CT_TIME, TOP(watch_least), 1, 30 * DAY, "30m",
	    NULL },
	{ "watch", "check", SP_CT_TIME, TOP(watch_check), 1, DAY, "5m", NULL },
};
const size_t sp_config_noptions = SP_COUNTOF(sp_config_options);

const struct sp_config_section sp_config_sections[] = {
	{ "log", 0, 0, 0 },
	{ "listen", sizeof(struct sp_listen), TOP(listen), TOP(nlisten) },
	{ "pull", sizeof(struct sp_pull_conf), TOP(pull), TOP(npull) },
	{ "seal", 0, 0, 0 },
	{ "index", 0, 0, 0 },
	{ "alarm", 0, 0, 0 },
	{ "submit", 0, 0, 0 },
	{ "canary", 0, 0, 0 },
	{ "watch", 0, 0, 0 },
};
const size_t sp_config_nsections = SP_COUNTOF(sp_config_sections);

const struct sp_config_option *
sp_config_option(const char *section, struct sp_view name)
{
	for (size_t i = 0; i < sp_config_noptions; i++) {
		const struct sp_config_option *o = &sp_config_options[i];

		if (strcmp(o->section, section) == 0 &&
		    sp_view_eq_str(name, o->name))
			return (o);
	}
	return (NULL);
}

bool
sp_config_is_list(const struct sp_config_option *o)
{
	return (o->type == SP_CT_NETWORKS || o->type == SP_CT_RCPTS ||
		o->type == SP_CT_WORDS || o->type == SP_CT_TEXTS ||
		o->type == SP_CT_PATHS);
}

const struct sp_config_section *
sp_config_section(struct sp_view name)
{
	for (size_t i = 0; i < sp_config_nsections; i++) {
		if (sp_view_eq_str(name, sp_config_sections[i].name))
			return (&sp_config_sections[i]);
	}
	return (NULL);
}

bool
sp_config_is_of(
    const struct sp_config_option *o, const struct sp_config_section *sec)
{
	const struct sp_config_section *own;

	if (sec != NULL)
		return (strcmp(o->section, sec->name) == 0);
	own = sp_config_section(sp_view_str(o->section));
	return (own == NULL || own->size == 0);
}

size_t
sp_config_count(const struct sp_config *c, const struct sp_config_section *sec)
{
	size_t n = 0;

	if (sec->size > 0)
		memcpy(&n, (const char *)c + sec->count, sizeof(n));
	return (n);
}

void *
sp_config_at(
    const struct sp_config *c, const struct sp_config_section *sec, size_t i)
{
	char *list;

	memcpy(&list, (const char *)c + sec->list, sizeof(list));
	return (list + i * sec->size);
}

void *
sp_config_add(struct sp_config *c, const struct sp_config_section *sec,
    struct sp_view title)
{
	const size_t count = sp_config_count(c, sec) + 1;
	char *list = sp_xrealloc(sp_config_at(c, sec, 0), count * sec->size);
	char **base = (char **)(void *)(list + (count - 1) * sec->size);

	memset(base, 0, sec->size);
	*base = sp_view_dup(title);
	sp_config_set_defaults(base, sec);
	memcpy((char *)c + sec->list, &list, sizeof(list));
	memcpy((char *)c + sec->count, &count, sizeof(count));
	return (base);
}
