/* Verification: what lies at the path, and who looks at it. */
#include "journal/verify/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "journal/verify/verify_priv.h"

static bool
has(const char *dir, const char *name)
{
	char *path = sp_layout_path(dir, name);
	bool there = sp_io_exists(path);

	free(path);
	return (there);
}

/* An archive that lost its FORMAT is still one: that is a finding. */
static bool
is_archive(const char *path)
{
	return (
	    has(path, "FORMAT") || has(path, "tree") || has(path, "archive"));
}

static bool
is_bag(const char *path)
{
	return (has(path, "bagit.txt") || has(path, "bag-info.txt") ||
		has(path, "manifest-sha256.txt") || has(path, "data"));
}

enum sp_code
sp_verify(const char *path, const struct sp_verify_opts *o,
    struct sp_verdict *out, struct sp_err *err)
{
	struct stat st;

	memset(out, 0, sizeof(*out));
	if (stat(path, &st) != 0)
		return (sp_err_set(err, SP_ENOTFOUND, errno, "%s", path));
	if (S_ISREG(st.st_mode))
		return (sp_verify_bag(path, o, out, err));
	if (!S_ISDIR(st.st_mode))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "%s: neither a file nor a directory", path));
	if (is_archive(path))
		return (sp_verify_archive(path, o, out, err));
	if (is_bag(path))
		return (sp_verify_bag(path, o, out, err));
	return (sp_err_set(err, SP_ENOTFOUND, 0,
	    "%s: neither a Sealpost archive (no FORMAT) nor an export (no bagit.txt)",
	    path));
}
