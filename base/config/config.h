/*
 * The configuration, sealpost.conf: one file, read and checked as a whole, then
 * const.  The service loads it at its start and at a reload, every command when
 * it begins.  Syntax and options: doc/man/sealpost.conf.5.  What an option
 * means is said there; here it says in which form its value comes.
 */
#ifndef SP_BASE_CONFIG_CONFIG_H
#define SP_BASE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

/* A network; no bit of ${addr} beyond the first ${bits} is set. */
struct sp_cidr {
	int family; /* AF_INET, AF_INET6 */
	uint8_t addr[16];
	unsigned bits;
};

/* The values of options that are lists; owned by the configuration. */
struct sp_networks {
	struct sp_cidr *v;
	size_t n;
};
struct sp_texts {
	char **v;
	size_t n;
};

enum sp_proto { SP_PROTO_SMTP, SP_PROTO_LMTP, SP_PROTO_MILTER };
enum sp_submit_security { SP_SUBMIT_NONE, SP_SUBMIT_STARTTLS, SP_SUBMIT_TLS };
enum sp_bare_newline { SP_BARE_ACCEPT, SP_BARE_REJECT };

/* How a pull section gets its tokens; none without a grant. */
enum sp_oauth_grant {
	SP_OAUTH_GRANT_NONE,
	SP_OAUTH_GRANT_CLIENT, /* client_credentials */
	SP_OAUTH_GRANT_REFRESH, /* a refresh token that somebody gave us */
	SP_OAUTH_GRANT_DEVICE, /* a person, at another device */
	SP_OAUTH_GRANT_CODE, /* a person, with a browser on this machine */
	SP_OAUTH_GRANT_SERVICE /* Google's service account */
};
/* Where the client secret goes: into the request's body or its Authorization
 * field (RFC 6749 section 2.3.1). */
enum sp_oauth_client_auth { SP_OAUTH_POST, SP_OAUTH_BASIC };
enum sp_oauth_alg { SP_OAUTH_PS256, SP_OAUTH_RS256 };

/* The OAuth options of a pull section. */
struct sp_oauth_conf {
	enum sp_oauth_grant grant;
	char *client_id;
	char *client_secret_file; /* path, or "credential:NAME" */
	enum sp_oauth_client_auth client_auth;
	char *client_certificate, *client_key; /* PEM; instead of a secret */
	enum sp_oauth_alg assertion_alg;
	char *service_account_file; /* Google's JSON, or the key in PEM */
	char *tenant; /* Microsoft */
	char *authorization_url, *token_url, *device_url, *revocation_url;
	char *redirect_url; /* http://127.0.0.1[:PORT]/PATH */
	struct sp_texts scopes;
	struct sp_texts parameters; /* "name=value", added to the requests */
	char *ca; /* PEM file; NULL: the system's authorities */
};

enum sp_socket_mode { SP_SOCKET_OWNER, SP_SOCKET_GROUP, SP_SOCKET_ALL };
enum sp_listen_tls { SP_TLS_NONE, SP_TLS_STARTTLS, SP_TLS_IMPLICIT };

/* In which line of the file the options stand that name a listener's files: for
 * messages about files that are opened after the configuration was loaded. */
struct sp_listen_lines {
	unsigned tls, certificate, key, sni_certificates;
	unsigned client_ca, client_crl, client_fingerprints;
};

/* listen NAME { ... } */
struct sp_listen {
	char *name;
	/* where it listens */
	char *address; /* "127.0.0.1:2525", "[::1]:2525", "unix:/PATH" */
	struct sockaddr_storage sa;
	socklen_t salen;
	/* who may connect to unix:/PATH */
	enum sp_socket_mode socket_mode;
	char *socket_group; /* NULL: that of the archive's account */
	enum sp_proto protocol;
	/* who may send, and to whom */
	struct sp_networks allow; /* empty: loopback, with require_auth all */
	struct sp_networks proxy; /* must send a PROXY header; empty: nobody */
	struct sp_texts recipients; /* "user@domain", "@domain", or a pattern
	                             * (base/pattern.h); empty: any */
	char *auth_users; /* file of who may log in; NULL: nobody */
	bool require_auth; /* mail only from those who have logged in */
	struct sp_networks xforward, xclient; /* may say whom they speak for */
	bool journal; /* trusted journal source: reports are unwrapped */
	/* the protocol and its limits */
	enum sp_bare_newline bare_newline;
	char *hostname; /* in the greeting; default: the host's name */
	uint64_t max_message; /* bytes */
	uint64_t max_recipients; /* of a message */
	uint64_t max_line; /* bytes of a command line */
	uint64_t max_errors; /* wrong commands of a session */
	uint64_t max_junk; /* NOOP, RSET, VRFY ... of a session */
	uint64_t max_sessions; /* at a time */
	uint64_t max_per_peer; /* sessions of one address at a time */
	uint64_t timeout; /* seconds to wait for a command */
	uint64_t data_timeout; /* seconds to wait for message data */
	uint64_t min_rate; /* bytes a second of message data; 0: any */
	/* encryption */
	enum sp_listen_tls tls;
	char *certificate; /* PEM: certificate and chain, perhaps the key */
	char *key; /* PEM; NULL: in the certificate's file */
	struct sp_texts sni_certificates; /* PEM files, each with its key */
	bool require_tls;
	char *client_ca; /* PEM: authorities of clients' certificates */
	char *client_crl; /* PEM */
	struct sp_texts client_fingerprints; /* SHA-256, hex */
	bool require_client_cert;
	uint64_t tls_timeout; /* seconds for the handshake */
	struct sp_listen_lines line;
};

enum sp_pull_type { SP_PULL_POP3, SP_PULL_IMAP };
enum sp_pull_auth {
	SP_PULL_PASSWORD, /* USER and PASS, LOGIN */
	SP_PULL_PLAIN,
	SP_PULL_XOAUTH2,
	SP_PULL_OAUTHBEARER
};
enum sp_pull_security { SP_PULL_TLS, SP_PULL_STARTTLS, SP_PULL_CLEAR };
enum sp_pull_after { SP_PULL_KEEP, SP_PULL_DELETE, SP_PULL_MOVE };

/* pull NAME { ... } */
struct sp_pull_conf {
	char *name;
	char *preset; /* NULL: none */
	enum sp_pull_type type;
	char *server; /* name or address */
	uint64_t port; /* never 0 after loading */
	char *user;
	char *password_file; /* absolute path, or "credential:NAME" */
	enum sp_pull_auth auth;
	struct sp_oauth_conf oauth; /* where tokens come from */
	enum sp_pull_security security;
	bool insecure_plaintext; /* clear text beyond loopback is wanted */
	char *ca, *crl; /* PEM files; NULL: the system's authorities, no list */
	struct sp_texts fingerprint; /* of the server's certificate */
	char *proxy; /* http://HOST:PORT; NULL: none */
	struct sp_texts mailboxes; /* IMAP; empty: INBOX */
	char *after; /* "keep", "delete", "move:MAILBOX" */
	enum sp_pull_after then; /* ${after}, parsed */
	const char *move_to; /* the mailbox in ${after}; NULL: no move */
	uint64_t poll; /* seconds between visits */
	bool idle; /* IMAP: wait with IDLE where the server can */
	bool journal; /* trusted journal source: reports are unwrapped */
	bool active;
	uint64_t max_message; /* bytes */
	uint64_t session_messages; /* most messages of one session */
	uint64_t timeout; /* seconds to wait for the server */
};

/* An option that the file gives, or the beginning of a section. */
struct sp_config_line {
	const char *section; /* "" at top level; static */
	char *title; /* of the section; "" where it has none */
	const char *option; /* "" for the section itself; static */
	unsigned line;
};

/*
 * Options that are not given have their defaults; texts without one are NULL.
 */
struct sp_config {
	char *path; /* of the file, NULL if there was none */
	char *text; /* effective configuration, no secrets, one option a line */
	char *source; /* the bytes of the file */
	size_t source_n;
	struct sp_config_line *places; /* what the file gives */
	size_t nplaces;
	/* log { } */
	char *log_to; /* "stderr", "syslog" */
	enum sp_log_level log_level;
	bool log_addresses; /* whether addresses are logged */
	/* top level */
	char *guard; /* directory outside the archive */
	char *user; /* account the workers run as, where started as root */
	char *group; /* readers; sockets belong to it */
	uint64_t memory; /* bytes for message data of all sessions */
	uint64_t disk_reserve; /* free bytes below which new mail gets 452 */
	uint64_t disk_minimum; /* free bytes below which nothing is committed */
	uint64_t max_connections; /* of all listeners at a time */
	struct sp_listen *listen;
	size_t nlisten;
	struct sp_pull_conf *pull;
	size_t npull;
	/* seal { } */
	uint64_t seal_size; /* bytes of a segment */
	uint64_t seal_age; /* seconds */
	int seal_level; /* of zstd, 1 to 19 */
	uint64_t seal_frame; /* bytes compressed as one frame */
	uint64_t checkpoint_interval; /* milliseconds */
	uint64_t heartbeat; /* seconds */
	/* index { } */
	uint64_t index_batch; /* messages of a transaction */
	uint64_t index_max_text; /* bytes of text indexed of a message */
	/* alarm { } */
	char *alarm_command; /* gets each alarm on its standard input */
	struct sp_texts alarm_mail; /* addresses that each alarm goes to */
	/* submit { }: the mail server that alarms and canaries go through */
	char *submit_server; /* "HOST:PORT" */
	enum sp_submit_security submit_security;
	char *submit_from;
	char *submit_user; /* NULL: no authentication */
	char *submit_password_file; /* path, or "credential:NAME" */
	char *submit_ca; /* file of authorities; NULL: the system's */
	/* canary { } */
	char *canary_address;
	uint64_t canary_within; /* seconds */
	/* watch { } */
	bool watch_silence; /* whether silence raises alarms */
	uint64_t watch_domains; /* how many of the busiest sender domains */
	uint64_t watch_learn; /* seconds of traffic that are learned from */
	uint64_t watch_least; /* seconds; shorter silences raise no alarm */
	uint64_t watch_check; /* seconds between looks */
};

/* Load and check the file ${path}; free ${out} with sp_config_free.  SP_ECONFIG
 * for a mistake, with "FILE:LINE:COLUMN: what is wrong; what was expected", and
 * for what is no regular file; otherwise as sp_io_read_file.  Never waits. */
SP_CHECK enum sp_code sp_config_load(
    const char *path, struct sp_config **out, struct sp_err *err);
/* The same for the FILE of a command line, which may also be a pipe of the
 * shell's (/dev/stdin, /dev/fd/N): it is waited for, ten seconds at most, and
 * must not be empty. */
SP_CHECK enum sp_code sp_config_load_given(
    const char *path, struct sp_config **out, struct sp_err *err);
/* The same for the bytes of a file; ${path} is only named in messages.  Any
 * bytes give a configuration or SP_ECONFIG. */
SP_CHECK enum sp_code sp_config_parse(const char *path, struct sp_view text,
    struct sp_config **out, struct sp_err *err);
/* The defaults, as if the file were empty. */
struct sp_config *sp_config_default(void);
void sp_config_free(struct sp_config *c); /* NULL is fine */
/* Append the commented file that `sealpost init` writes.  ${listen} is
 * ADDRESS:PORT, or NULL for 127.0.0.1:2525; ${user} and ${guard} may be NULL.
 * For an address beyond loopback it has a list that lets only this host send.
 * SP_EUSAGE if a value could not be loaded again (no address, no absolute path
 * ...), SP_ELIMIT beyond the maximum of ${out}; ${out} is then as it was. */
SP_CHECK enum sp_code sp_config_template(struct sp_buf *out, const char *listen,
    const char *user, const char *guard);
/* How the configuration of an archive becomes that of the one that continues it
 * (sp_config_moved).  All is borrowed; the last four may be NULL: as it is. */
struct sp_config_move {
	const char *old, *dir; /* both archives, absolute */
	const char *guard, *user, *group;
	const char *listen; /* ADDRESS:PORT, where there is one listener */
};

/*
 * Append the configuration ${text} of the archive ${m->old} to ${out} as that of
 * the archive ${m->dir}: the options of ${m} are set, paths of files below the
 * old archive (or below ${m->dir}, where it stood before it was moved away)
 * become paths below the new one.  All else stays as it stands, comments too.
 * ${files} gets these files, relative to the archives, each once; free it with
 * sp_config_texts_free.  ${path} is named in messages.  SP_ECONFIG: ${text} is no
 * configuration, SP_EUSAGE: the result is none, or ${m->listen} is given and
 * there is not one listener, SP_ELIMIT beyond the maximum of ${out}; ${out} is
 * then as it was.
 */
SP_CHECK enum sp_code sp_config_moved(struct sp_buf *out, const char *path,
    struct sp_view text, const struct sp_config_move *m, struct sp_texts *files,
    struct sp_err *err);
/* Free the texts of a list. */
void sp_config_texts_free(struct sp_texts *t);
/* The effective configuration for a person: as c->text, with sizes and times as
 * one writes them ("150M", "7d"); malloc'ed, NULL if it would be too large. */
char *sp_config_show(const struct sp_config *c);
/* The line of the file in which the option is given (titled sections: of
 * section ${title}, else ""), or else its section begins; 0: neither is there. */
unsigned sp_config_line(const struct sp_config *c, const char *section,
    const char *title, const char *option);
/* Whether a peer at ${sa} may send to the listener: it lies in allow, or where
 * that list is empty, in loopback (with require_auth: anywhere). */
bool sp_config_allows(const struct sp_listen *l, const struct sockaddr *sa);
/* Whether ${sa} lies in one of the networks. */
bool sp_config_in_networks(
    const struct sp_networks *list, const struct sockaddr *sa);
/* Read a size: "4096", "64K", "10M", "2G" (powers of 1024, either case).  False
 * for any other text, and if it does not fit. */
bool sp_config_size(const char *s, uint64_t *out);

#endif
