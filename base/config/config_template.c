/*
 * The commented sealpost.conf that `sealpost init` writes into a new archive.
 * Every option is in it, and every default that it shows is the one of the
 * table (tests/config/test_config_doc.c).
 */
#include <string.h>

#include "base/config/config_priv.h"

#define LISTEN_DEFAULT "127.0.0.1:2525"

static const char head[] =
    "# Sealpost configuration.  Check it with: sealpost config check\n"
    "# All options: man sealpost.conf.  A line with # in front shows a\n"
    "# default.  Sizes take K, M, G; times take s, m, h, d (plain: seconds).\n"
    "\n"
    "# Account that the service runs as when it is started as root.\n";

static const char after_user[] =
    "\n"
    "# Group whose members may search, show, export and verify.\n"
    "#group = sealpost-audit\n"
    "\n"
    "# Directory outside the archive, best on another disk, that keeps a copy\n"
    "# of the last checkpoint, so that a restored old archive is noticed.\n";

static const char after_guard[] =
    "\n"
    "# Memory for the message data of all sessions; more goes to files.\n"
    "#memory = 64M\n"
    "\n"
    "# With less free space than this, mail is put off (452), not lost.\n"
    "#disk_reserve = 512M\n"
    "\n"
    "# With less than this, also what is in hand is put off: the rest is for\n"
    "# sealing and the index.  At most half of disk_reserve counts.\n"
    "#disk_minimum = 64M\n"
    "\n"
    "# Connections of all listeners at a time.\n"
    "#max_connections = 2000\n"
    "\n"
    "# One section for each address to listen on: listen NAME { ... }\n"
    "listen mta {\n";

static const char listen_rest[] =
    "\n"
    "\t# Recipients to accept, like journal@archive.example or\n"
    "\t# @archive.example.  Without it every recipient is accepted.  The\n"
    "\t# pattern \"journal+{local}={domain}@archive.example\" gives the\n"
    "\t# recipient for whom the copy was made (man sealpost.conf).\n"
    "\t#recipients = { }\n"
    "\n"
    "\t# Who may log in (AUTH, in TLS only): a file that `sealpost passwd`\n"
    "\t# writes; and whether mail is taken from nobody else.\n"
    "\t#auth_users = /var/lib/sealpost/users\n"
    "\t#require_auth = false\n"
    "\n"
    "\t# Relays that may say whom they speak for; it is recorded beside\n"
    "\t# who they are.\n"
    "\t#xforward = { 192.0.2.10 }\n"
    "\t#xclient = { }\n"
    "\n"
    "\t# Whether this peer sends journal reports (Exchange, Microsoft 365)\n"
    "\t# that can be trusted: search then shows the mail inside them.\n"
    "\t#journal = false\n"
    "\n"
    "\t# Name in the greeting.  Default: the name of this host.\n"
    "\t#hostname = archive.example\n"
    "\n"
    "\t# With address = unix:/PATH, who may connect: 0600, 0660 or 0666.\n"
    "\t#socket_mode = 0660\n"
    "\t#socket_group = postfix\n"
    "\n"
    "\t#protocol = smtp         # or lmtp (not on port 25), milter\n"
    "\t#bare_newline = accept   # or reject; CR or LF alone in a message\n"
    "\t#max_message = 150M      # larger messages are refused (552)\n"
    "\t#max_recipients = 1000   # of one message\n"
    "\t#max_line = 64K          # bytes of a command line\n"
    "\t#max_errors = 20         # wrong commands, then disconnect\n"
    "\t#max_junk = 100          # NOOP, RSET, VRFY ..., then disconnect\n"
    "\t#max_sessions = 1000     # at a time\n"
    "\t#max_per_peer = 250      # sessions from one address\n"
    "\t#timeout = 5m            # wait for a command; milter 2h\n"
    "\t#data_timeout = 3m       # wait for message data\n"
    "\t#min_rate = 100          # bytes a second of message data; 0: any\n"
    "\n"
    "\t# Proxies in front of this listener, which must send a PROXY header.\n"
    "\t#proxy = { 192.0.2.9 }\n"
    "\n"
    "\t# Encryption: none, starttls, or implicit (from the first byte).\n"
    "\t# The key may be in the certificate's file.  Read at the start and\n"
    "\t# at a reload (SIGHUP).\n"
    "\t#tls = none\n"
    "\t#certificate = /etc/sealpost/archive.pem\n"
    "\t#key = /etc/sealpost/archive.key\n"
    "\t#sni_certificates = { /etc/sealpost/other.pem }  # by name asked for\n"
    "\t#require_tls = false     # no mail without encryption\n"
    "\t# Who the client is, by certificate: authorities, fingerprints\n"
    "\t# (SHA-256), or both, which must then both be right.\n"
    "\t#client_ca = /etc/sealpost/clients.pem\n"
    "\t#client_crl = /etc/sealpost/clients.crl\n"
    "\t#client_fingerprints = { }\n"
    "\t#require_client_cert = false\n"
    "\t#tls_timeout = 30s       # for the handshake\n"
    "}\n"
    "\n";

static const char pull[] =
    "# One section for each mailbox to fetch: pull NAME { ... }\n"
    "# (doc/pull.md; try it with: sealpost pull --check NAME)\n"
    "#pull journal {\n"
    "#\tpreset = servicenow-pop3  # or microsoft365, google\n"
    "#\tserver = pop.example.com\n"
    "#\tuser = journal@example.com\n"
    "#\tpassword_file = /etc/sealpost/journal.password\n"
    "#\n"
    "#\ttype = pop3              # or imap\n"
    "#\tport = 0                 # 0: as usual for type and security\n"
    "#\tauth = password          # plain, xoauth2, oauthbearer\n"
    "#\t# Tokens for xoauth2 and oauthbearer: doc/oauth.md\n"
    "#\tgrant = none             # client_credentials, refresh_token,\n"
    "#\t        # device_code, authorization_code, service_account\n"
    "#\ttenant = example.onmicrosoft.com  # microsoft365\n"
    "#\tclient_id = 00000000-0000-0000-0000-000000000000\n"
    "#\tclient_secret_file = /etc/sealpost/journal.secret\n"
    "#\tclient_auth = post       # where the secret goes; or basic\n"
    "#\tclient_certificate = /etc/sealpost/app.crt  # not a secret, but\n"
    "#\tclient_key = /etc/sealpost/app.key          # an assertion\n"
    "#\tassertion = PS256        # how it is signed; or RS256\n"
    "#\tservice_account_file = /etc/sealpost/google.json\n"
    "#\tscopes = { }\n"
    "#\tparameters = { }         # name=value, added to requests\n"
    "#\ttoken_url = \"https://idp.example.com/token\"\n"
    "#\tauthorization_url = \"https://idp.example.com/authorize\"\n"
    "#\tdevice_url = \"https://idp.example.com/device\"\n"
    "#\trevocation_url = \"https://idp.example.com/revoke\"\n"
    "#\tredirect_url = \"http://127.0.0.1:8400/\"\n"
    "#\toauth_ca = /etc/ssl/site-ca.pem  # authorities of these URLs\n"
    "#\tsecurity = tls           # starttls, none\n"
    "#\tinsecure_plaintext = false  # none beyond this host\n"
    "#\tca = /etc/ssl/site-ca.pem   # instead of the system's authorities\n"
    "#\tcrl = /etc/ssl/site-crl.pem # revocation lists\n"
    "#\tfingerprint = { }        # SHA-256 of the server's certificate\n"
    "#\tproxy = \"http://192.0.2.1:3128\"\n"
    "#\tmailboxes = { INBOX }    # IMAP\n"
    "#\tafter = keep             # delete, or move:MAILBOX (IMAP)\n"
    "#\tpoll = 5m                # between visits\n"
    "#\tidle = true              # IMAP: be told of new mail\n"
    "#\tjournal = false          # whether journal reports can be trusted\n"
    "#\tactive = true\n"
    "#\tmax_message = 150M       # larger messages stay where they are\n"
    "#\tsession_messages = 500   # then the session is closed, and a new one\n"
    "#\ttimeout = 60             # seconds to wait for the server\n"
    "#}\n"
    "\n";

static const char rest[] =
    "log {\n"
    "\t#to = stderr             # or syslog\n"
    "\t#level = info            # debug, info, warn, error\n"
    "\t#addresses = true        # whether mail addresses are logged\n"
    "}\n"
    "\n"
    "seal {\n"
    "\t# A segment is sealed when it has this size or age.\n"
    "\t#size = 256M\n"
    "\t#age = 1d\n"
    "\t#level = 3               # zstd compression, 1 to 19\n"
    "\t#frame = 1M              # compressed apart; smaller: faster show\n"
    "\t#checkpoint_interval = 1000  # milliseconds between signatures\n"
    "\t#heartbeat = 1h          # an entry that proves that nothing came\n"
    "}\n"
    "\n"
    "index {\n"
    "\t#batch = 1000            # messages in a transaction\n"
    "\t#max_text = 4M           # text indexed of a message\n"
    "}\n"
    "\n"
    "alarm {\n"
    "\t# Program that gets each alarm as JSON on its standard input.\n"
    "\t#command = /usr/local/sbin/sealpost-alarm\n"
    "\t# Mailboxes that get each alarm, through the server of submit.\n"
    "\t#mail = { postmaster@corp.example }\n"
    "}\n"
    "\n"
    "# The mail server that alarms and canaries are sent through.\n"
    "submit {\n"
    "\t#server = \"mx.corp.example:25\"\n"
    "\t#security = none         # or starttls, tls\n"
    "\t#from = sealpost@corp.example\n"
    "\t#user = sealpost\n"
    "\t#password_file = /etc/sealpost/submit.password\n"
    "\t#ca = /etc/ssl/certs/corp.pem  # else the system's authorities\n"
    "}\n"
    "\n"
    "# `sealpost canary` sends a mail and waits for its journal copy.\n"
    "canary {\n"
    "\t#address = canary@corp.example  # a mailbox that nobody reads\n"
    "\t#within = 5m\n"
    "}\n"
    "\n"
    "# Alarms when a listener, an account or a sender falls silent.\n"
    "watch {\n"
    "\t#silence = true\n"
    "\t#domains = 50            # the busiest sender domains; 0: none\n"
    "\t#learn = 28d             # the traffic that is learned from\n"
    "\t#least = 30m             # shorter silences are none\n"
    "\t#check = 5m              # between looks\n"
    "}\n";

/* Append name = "value"; without a value the commented ${example}. */
static enum sp_code
line(struct sp_buf *out, const char *name, const char *value,
    const char *example)
{
	enum sp_code rc;

	if (value == NULL)
		return (sp_buf_addf(out, "#%s = %s\n", name, example));
	rc = sp_buf_addf(out, "%s = \"", name);
	for (; rc == SP_OK && *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			rc = sp_buf_addc(out, '\\');
		if (rc == SP_OK)
			rc = sp_buf_addc(out, *value);
	}
	return (rc == SP_OK ? sp_buf_adds(out, "\"\n") : rc);
}

/* Append the option allow.  For an address beyond loopback the file would not
 * be valid without it; the list that is written lets only this host send until
 * the administrator adds others. */
static enum sp_code
networks(struct sp_buf *out, const char *listen)
{
	static const char why[] =
	    "\n"
	    "\t# Networks that may send.  An address beyond loopback needs this.\n"
	    "\t";
	const bool local =
	    strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]", 5) == 0;

	if (local)
		return (sp_buf_addf(
		    out, "%s#allow = { 192.0.2.0/24, 2001:db8::/32 }\n", why));
	return (sp_buf_addf(out,
	    "%s# Add your mail servers: until then only this host may send.\n"
	    "\tallow = { 127.0.0.0/8, ::1/128 }\n",
	    why));
}

/* Put the texts and the given values together, and load the result: a value
 * that would not load again is refused here, not at the first start. */
enum sp_code
sp_config_template(
    struct sp_buf *out, const char *listen, const char *user, const char *guard)
{
	const size_t before = out->n;
	struct sp_config *c = NULL;
	enum sp_code rc;

	listen = listen == NULL ? LISTEN_DEFAULT : listen;
	rc = sp_buf_adds(out, head);
	if (rc == SP_OK)
		rc = line(out, "user", user, "sealpost");
	if (rc == SP_OK)
		rc = sp_buf_adds(out, after_user);
	if (rc == SP_OK)
		rc = line(out, "guard", guard, "/var/lib/sealpost-guard");
	if (rc == SP_OK)
		rc = sp_buf_adds(out, after_guard);
	if (rc == SP_OK)
		rc = sp_buf_adds(out, "\t");
	if (rc == SP_OK)
		rc = line(out, "address", listen, "");
	if (rc == SP_OK)
		rc = networks(out, listen);
	if (rc == SP_OK)
		rc = sp_buf_adds(out, listen_rest);
	if (rc == SP_OK)
		rc = sp_buf_adds(out, pull);
	if (rc == SP_OK)
		rc = sp_buf_adds(out, rest);
	if (rc == SP_OK && sp_config_parse("template",
			       sp_view_mem(out->p + before, out->n - before),
			       &c, NULL) != SP_OK)
		rc = SP_EUSAGE;
	sp_config_free(c);
	if (rc != SP_OK)
		out->n = before;
	return (rc);
}
