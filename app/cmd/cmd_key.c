/*
 * `sealpost key show`: the verification key (vkey) that auditors need, its
 * fingerprint, and where the sealing certificates are.  It reads keys/ of the
 * archive and needs neither the service nor the configuration.
 */
#include <stdlib.h>
#include <string.h>

#include "app/cmd/cmd.h"
#include "app/common/args.h"
#include "app/common/json_line.h"
#include "app/common/options.h"
#include "base/io.h"
#include "base/json.h"
#include "base/layout.h"
#include "journal/tree/note.h"

static void
print_json(const char *vkey, const char *fingerprint, struct sp_view crt)
{
	struct sp_json_line line;
	struct sp_json *j = sp_json_line_begin(&line, 1u << 20);

	sp_json_cstr(j, "vkey", vkey);
	sp_json_cstr(j, "fingerprint", fingerprint);
	sp_json_str(j, "seal_crt", crt);
	sp_json_line_print(&line);
}

/* Read the key and the certificates, and print them. */
static enum sp_code
show(struct sp_app *app, bool json, struct sp_err *err)
{
	char *vkey_path = sp_layout_path(app->dir, "keys/log.vkey");
	char *crt_path = sp_layout_path(app->dir, "keys/seal-all.crt");
	char text[300], print[80];
	struct sp_vkey vkey;
	struct sp_buf crt;
	enum sp_code rc;

	sp_buf_init(&crt, 1u << 20);
	rc = sp_vkey_load(vkey_path, &vkey, err);
	if (rc == SP_OK)
		rc = sp_io_read_file(crt_path, 1u << 20, &crt, err);
	if (rc == SP_OK) {
		sp_vkey_format(&vkey, text);
		sp_vkey_fingerprint(&vkey, print);
		if (json)
			print_json(text, print, sp_buf_view(&crt));
		else
			printf("%s\n"
			       "fingerprint  %s\n"
			       "sealing certificates  %s\n"
			       "for stock openssl  %s/keys/log.pub.pem\n",
			    text, print, crt_path, app->dir);
	}
	sp_buf_done(&crt);
	free(vkey_path);
	free(crt_path);
	return (rc);
}

/* `show` is the only verb. */
int
sp_cmd_key(struct sp_app *app, int argc, char **argv)
{
	static const char *const formats[] = { "text", "json" };
	const char *format = "text";
	const struct sp_option options[] = {
		{ "format", '\0', SP_OPT_TEXT, "text|json",
		    "form of the output", &format },
	};
	const struct sp_usage usage = { "key", "show [--format text|json]",
		"Print the verification key (vkey) that auditors need, its fingerprint, and where\n"
		"the sealing certificates are.",
		options, SP_COUNTOF(options), false };
	struct sp_err err;
	int first, status, f;

	status = sp_common_parse_max(&usage, argc, argv, 1, &first);
	if (status >= 0)
		return (status);
	if (first >= argc || strcmp(argv[first], "show") != 0)
		return (sp_app_usage("write `sealpost key show`"));
	f = sp_common_choice("format", format, formats, 2);
	if (f < 0)
		return (2);
	if (sp_app_find(app, &err) != SP_OK || show(app, f == 1, &err) != SP_OK)
		return (sp_app_fail(&err));
	return (0);
}
