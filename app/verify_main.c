/*
 * sealpost-verify: what an auditor is handed.  Checks an archive or an export
 * offline, and prints the verdict (app/cmd/verdict_print.c).  Links only the
 * rooms that read and check, no network, no SQLite, no MIME;
 * tests/lint/verifier.sh holds it to that.  Manual: doc/man/sealpost-verify.1.
 */
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd/verdict_print.h"
#include "base/clock.h"
#include "base/time_text.h"

#define PROGRAM "sealpost-verify"

/* The command line, as given and as resolved. */
struct options {
	const char *vkey, *since, *until, *tz; /* as typed; NULL: not given */
	bool json, quiet;
	struct sp_verify_opts o; /* what they mean */
	struct sp_vkey key; /* of --vkey */
};

/* Print the help text to ${to}. */
static void
usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: " PROGRAM " [OPTION]... PATH\n\n"
	    "Check PATH, a Sealpost archive or an export (directory, .zip, .tar.zst).\n\n"
	    "options:\n"
	    "  --vkey KEY             the log's verification key, from a source that you trust:\n"
	    "                         the key itself or a file with it\n"
	    "  --from-checkpoint FILE a checkpoint of this log that you kept\n"
	    "  --trust-embedded-key   take the key found inside: shows that all is consistent,\n"
	    "                         not who signed it\n"
	    "  --since D, --until D   exports: the range that you ask about\n"
	    "  --require-complete     exports: a selection is a finding\n"
	    "  --quick                archives: do not decompress segments\n"
	    "  --tz ZONE              time zone of D; else UTC\n"
	    "  --format text|json     json: one line per finding, then the verdict\n"
	    "  -q, --quiet            print findings only\n"
	    "      --version          print the version\n"
	    "  -h, --help             print this\n\n"
	    "Exit status: 0 everything fits; 1 a finding; 2 it could not look, or knows no\n"
	    "trusted key.\n");
}

static int fail(const char *fmt, ...) SP_PRINTF(1, 2);

/* Print an error; returns the exit status 2. */
static int
fail(const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, PROGRAM ": ");
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\n");
	return (2);
}

/* Options without a letter. */
enum {
	VKEY = 256,
	FROM,
	TRUST,
	SINCE,
	UNTIL,
	COMPLETE,
	QUICK,
	TZ,
	FORMAT,
	VERSION
};

static const struct option long_options[] = {
	{ "vkey", required_argument, NULL, VKEY },
	{ "from-checkpoint", required_argument, NULL, FROM },
	{ "trust-embedded-key", no_argument, NULL, TRUST },
	{ "since", required_argument, NULL, SINCE },
	{ "until", required_argument, NULL, UNTIL },
	{ "require-complete", no_argument, NULL, COMPLETE },
	{ "quick", no_argument, NULL, QUICK },
	{ "tz", required_argument, NULL, TZ },
	{ "format", required_argument, NULL, FORMAT },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, VERSION },
	{ NULL, 0, NULL, 0 },
};

/* Apply the option ${c} of getopt; -1: go on, else the exit status. */
static int
apply_option(struct options *x, int c)
{
	switch (c) {
	case VKEY:
		x->vkey = optarg;
		break;
	case FROM:
		x->o.from_checkpoint = optarg;
		break;
	case TRUST:
		x->o.trust_embedded = true;
		break;
	case SINCE:
		x->since = optarg;
		break;
	case UNTIL:
		x->until = optarg;
		break;
	case COMPLETE:
		x->o.require_complete = true;
		break;
	case QUICK:
		x->o.quick = true;
		break;
	case TZ:
		x->tz = optarg;
		break;
	case FORMAT:
		x->json = strcmp(optarg, "json") == 0;
		if (!x->json && strcmp(optarg, "text") != 0)
			return (fail("--format %s: use text or json", optarg));
		break;
	case 'q':
		x->quiet = true;
		break;
	case 'h':
		usage(stdout);
		return (0);
	case VERSION:
		(void)printf(PROGRAM " " SP_VERSION "\n");
		return (0);
	default:
		(void)fprintf(stderr, "see " PROGRAM " --help\n");
		return (2);
	}
	return (-1);
}

/*
 * Turn the texts of --since, --until and --vkey into what they mean.  --since
 * is inclusive; a plain date in --until includes that whole day.
 */
static enum sp_code
resolve_texts(struct options *x, struct sp_err *err)
{
	int64_t now = sp_clock_wall(), ignored;
	enum sp_code rc = SP_OK;

	if (x->since != NULL) {
		rc = sp_time_parse_human(
		    x->since, x->tz, now, &x->o.since, &ignored, err);
		x->o.have_since = true;
	}
	if (rc == SP_OK && x->until != NULL) {
		rc = sp_time_parse_human(
		    x->until, x->tz, now, &ignored, &x->o.until, err);
		x->o.have_until = true;
	}
	if (rc == SP_OK && x->o.have_since && x->o.have_until &&
	    x->o.since > x->o.until)
		rc = sp_err_set(err, SP_EUSAGE, 0,
		    "--since %s lies after --until %s", x->since, x->until);
	if (rc == SP_OK && x->vkey != NULL) {
		rc = sp_verify_print_vkey(x->vkey, &x->key, err);
		x->o.vkey = &x->key;
	}
	return (rc);
}

/* Verify ${path} and print the verdict; returns the exit status. */
static int
verify(struct options *x, const char *path)
{
	struct sp_verify_print p;
	struct sp_verdict v;
	struct sp_err err;
	enum sp_code rc = resolve_texts(x, &err);

	if (rc != SP_OK)
		return (fail("%s", err.msg));
	x->o.tmpdir = getenv("TMPDIR");
	sp_verify_print_init(&p, PROGRAM, x->json, x->quiet);
	sp_verify_print_hook(&p, &x->o);
	rc = sp_verify(path, &x->o, &v, &err);
	return (sp_verify_print_verdict(&p, &x->o, &v, rc, &err));
}

int
main(int argc, char **argv)
{
	struct options x;
	int c, status;

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	memset(&x, 0, sizeof(x));
	while ((c = getopt_long(argc, argv, "qh", long_options, NULL)) != -1) {
		status = apply_option(&x, c);
		if (status >= 0)
			return (status);
	}
	if (optind + 1 != argc) {
		usage(stderr);
		return (2);
	}
	status = verify(&x, argv[optind]);
	if (fflush(stdout) != 0 || ferror(stdout) != 0)
		return (fail("cannot write the verdict to standard output"));
	return (status);
}
