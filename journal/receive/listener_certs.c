/*
 * The certificate files of all listeners, in sealed memory files.  The
 * supervisor reads them with its rights at start and reload
 * (app/service/reload.c), tries them out in a process of its own, and hands
 * them to the receive worker, which makes the TLS contexts of its listeners
 * from them (receive_listen.c).
 */
#include "journal/receive/listener_certs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"

/* One file, as it was when it was read. */
struct cert_file {
	const char *path; /* of the configuration; NULL: not given */
	unsigned line;
	int fd;
};

enum { CERT, KEY, CA, CRL, FIXED };

/* The files of one listener. */
struct listener_files { /* a listener's */
	struct cert_file fixed[FIXED];
	struct cert_file *sni;
	size_t nsni;
};

struct sp_listener_certs {
	struct listener_files *listeners;
	size_t n;
};

/* ---- reading -------------------------------------------------------- */

/* Copy a file into a sealed memory file: nobody can change it after this.
 * SP_ECONFIG with the line of the configuration that names it. */
static enum sp_code
snapshot(struct cert_file *f, const struct sp_config *cfg, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc;

	if (f->path == NULL)
		return (SP_OK);
	sp_buf_init(&b, 0);
	rc = sp_tls_pem_read(f->path, &b, err);
	if (rc == SP_OK) {
		f->fd = memfd_create(
		    "sealpost-pem", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		rc = f->fd < 0 ? sp_err_set(err, SP_EIO, errno, "%s", f->path)
			       : sp_io_pwrite(f->fd, b.p, b.n, 0, err);
	}
	if (rc == SP_OK &&
	    fcntl(f->fd, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		rc = sp_err_set(err, SP_EIO, errno, "%s", f->path);
	sp_tls_pem_done(&b);
	if (rc == SP_OK)
		return (SP_OK);
	(void)sp_err_prefix(err, "%s:%u", cfg->path, f->line);
	return (SP_ECONFIG);
}

/* Read all files that listener ${l} names. */
static enum sp_code
open_files(struct listener_files *o, const struct sp_config *cfg,
    const struct sp_listen *l, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	o->fixed[CERT] =
	    (struct cert_file){ l->certificate, l->line.certificate, -1 };
	o->fixed[KEY] = (struct cert_file){ l->key, l->line.key, -1 };
	o->fixed[CA] =
	    (struct cert_file){ l->client_ca, l->line.client_ca, -1 };
	o->fixed[CRL] =
	    (struct cert_file){ l->client_crl, l->line.client_crl, -1 };
	o->sni = sp_xcalloc(l->sni_certificates.n + 1, sizeof(*o->sni));
	for (; o->nsni < l->sni_certificates.n; o->nsni++)
		o->sni[o->nsni] =
		    (struct cert_file){ l->sni_certificates.v[o->nsni],
			    l->line.sni_certificates, -1 };
	for (size_t i = 0; rc == SP_OK && i < FIXED; i++)
		rc = snapshot(&o->fixed[i], cfg, err);
	for (size_t i = 0; rc == SP_OK && i < o->nsni; i++)
		rc = snapshot(&o->sni[i], cfg, err);
	return (rc);
}

enum sp_code
sp_certs_open(const struct sp_config *cfg, struct sp_listener_certs **out,
    struct sp_err *err)
{
	struct sp_listener_certs *c = sp_xcalloc(1, sizeof(*c));
	enum sp_code rc = SP_OK;

	c->listeners = sp_xcalloc(cfg->nlisten + 1, sizeof(*c->listeners));
	for (size_t i = 0; rc == SP_OK && i < cfg->nlisten; i++)
		rc = open_files(
		    &c->listeners[c->n++], cfg, &cfg->listen[i], err);
	if (rc == SP_OK)
		*out = c;
	else
		sp_certs_close(c);
	return (rc);
}

void
sp_certs_close(struct sp_listener_certs *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++) {
		struct listener_files *o = &c->listeners[i];

		for (size_t k = 0; k < FIXED; k++)
			(void)sp_io_close(o->fixed[k].fd, NULL);
		for (size_t k = 0; k < o->nsni; k++)
			(void)sp_io_close(o->sni[k].fd, NULL);
		free(o->sni);
	}
	free(c->listeners);
	free(c);
}

/* ---- contexts ------------------------------------------------------- */

/* The bytes of all files of a listener, for the time of one call; wiped behind
 * it. */
struct loaded_files {
	struct sp_buf fixed[FIXED];
	struct sp_buf *sni;
};

/* Read a file back from its memory file; ${out} is then what TLS wants, and
 * borrows from ${b}.  A file that was not given leaves both as they are. */
static enum sp_code
load_file(const struct cert_file *f, struct sp_buf *b, struct sp_tls_pem *out,
    struct sp_err *err)
{
	enum sp_code rc;

	if (f->fd < 0)
		return (SP_OK);
	rc = sp_tls_pem_read_fd(f->fd, f->path, b, err);
	/* A view of no bytes would mean that no file is given; an empty file
	 * is one that is wrong. */
	*out = (struct sp_tls_pem){ f->path,
		b->n > 0 ? sp_buf_view(b) : SP_VIEW_LIT("\n") };
	return (rc);
}

/* The line of the configuration that names the file with which ${msg} begins;
 * for any other message that of client_fingerprints, or else of tls. */
static unsigned
find_line(
    const struct listener_files *o, const struct sp_listen *l, const char *msg)
{
	for (size_t i = 0; i < FIXED + o->nsni; i++) {
		const struct cert_file *f =
		    i < FIXED ? &o->fixed[i] : &o->sni[i - FIXED];
		size_t n = f->path == NULL ? 0 : strlen(f->path);

		if (n > 0 && strncmp(msg, f->path, n) == 0 &&
		    (msg[n] == ' ' || msg[n] == ':'))
			return (f->line);
	}
	return (l->client_fingerprints.n > 0 ? l->line.client_fingerprints
					     : l->line.tls);
}

/* Whose warning it is, to put file and line before it. */
struct warn_source {
	sp_certs_warn *warn;
	void *ctx;
	const struct sp_config *cfg;
	const struct listener_files *files;
	const struct sp_listen *l;
};

/* Pass on a warning of a TLS context with file and line. */
static void
on_warn(void *ctx, const char *text)
{
	const struct warn_source *n = ctx;
	char *line;

	if (n->warn == NULL)
		return;
	line = sp_xasprintf(
	    "%s:%u: %s", n->cfg->path, find_line(n->files, n->l, text), text);
	n->warn(n->ctx, line);
	free(line);
}

/* Load the files of a listener into ${b}, and make its context from them. */
static enum sp_code
make_context(const struct listener_files *o, const struct sp_listen *l,
    struct warn_source *source, struct loaded_files *b, struct sp_tls_ctx **out,
    struct sp_err *err)
{
	struct sp_tls_identity *id = sp_xcalloc(o->nsni + 1, sizeof(*id));
	const bool ask = l->client_ca != NULL || l->client_fingerprints.n > 0;
	struct sp_tls_opts opts = {
		.server = true,
		.identity = id,
		.nidentity = o->nsni + 1,
		.pins = (const char *const *)l->client_fingerprints.v,
		.npins = l->client_fingerprints.n,
		/* A certificate that must be there is demanded in SMTP: so
		 * the reason stands in the log of the sender. */
		.ask = ask ? SP_TLS_ASK_REQUEST : SP_TLS_ASK_NEVER,
		.warn = on_warn,
		.ctx = source,
	};
	enum sp_code rc;

	rc = load_file(&o->fixed[CERT], &b->fixed[CERT], &id[0].cert, err);
	if (rc == SP_OK)
		rc = load_file(&o->fixed[KEY], &b->fixed[KEY], &id[0].key, err);
	if (rc == SP_OK)
		rc = load_file(&o->fixed[CA], &b->fixed[CA], &opts.ca, err);
	if (rc == SP_OK)
		rc = load_file(&o->fixed[CRL], &b->fixed[CRL], &opts.crl, err);
	for (size_t i = 0; rc == SP_OK && i < o->nsni; i++)
		rc = load_file(&o->sni[i], &b->sni[i], &id[i + 1].cert, err);
	if (rc == SP_OK)
		rc = sp_tls_ctx_new(&opts, out, err);
	free(id);
	return (rc);
}

/* The loaded files, keys among them, are wiped before it returns. */
enum sp_code
sp_certs_context(const struct sp_listener_certs *c, const struct sp_config *cfg,
    size_t i, sp_certs_warn *warn, void *ctx, struct sp_tls_ctx **out,
    struct sp_err *err)
{
	const struct sp_listen *l = &cfg->listen[i];
	const struct listener_files *o = &c->listeners[i];
	struct warn_source source = { warn, ctx, cfg, o, l };
	struct loaded_files b = { .sni = NULL };
	enum sp_code rc;

	if (l->tls == SP_TLS_NONE) {
		*out = NULL;
		return (SP_OK);
	}
	b.sni = sp_xcalloc(o->nsni + 1, sizeof(*b.sni));
	rc = make_context(o, l, &source, &b, out, err);
	for (size_t k = 0; k < FIXED; k++)
		sp_tls_pem_done(&b.fixed[k]);
	for (size_t k = 0; k < o->nsni; k++)
		sp_tls_pem_done(&b.sni[k]);
	free(b.sni);
	if (rc == SP_OK)
		return (SP_OK);
	(void)sp_err_prefix(err, "%s:%u", cfg->path, find_line(o, l, err->msg));
	return (SP_ECONFIG);
}

enum sp_code
sp_certs_check(const struct sp_listener_certs *c, const struct sp_config *cfg,
    sp_certs_warn *warn, void *ctx, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < c->n; i++) {
		struct sp_tls_ctx *t = NULL;

		rc = sp_certs_context(c, cfg, i, warn, ctx, &t, err);
		if (rc == SP_OK)
			sp_tls_ctx_free(t);
	}
	return (rc);
}
