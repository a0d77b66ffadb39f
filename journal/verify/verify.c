/*
 * The entrance of the room: what lies at the path, an archive or a bag, and who
 * verifies it.  verify.h has the contract and the way through the room.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "journal/verify/verify_priv.h"

/* Whether ${name} is in the directory ${dir}, whatever it is. */
static bool
has_name(const char *dir, const char *name)
{
	char *path = sp_layout_path(dir, name);
	bool exists = sp_io_exists(path);

	free(path);
	return (exists);
}

/*
 * One of the three is enough: an archive that lost its FORMAT is verified as
 * one, and the loss is a finding.
 */
static bool
is_archive(const char *path)
{
	return (has_name(path, "FORMAT") || has_name(path, "tree") ||
		has_name(path, "archive"));
}

/* As is_archive(): a bag that lost a file is verified as one. */
static bool
is_bag(const char *path)
{
	return (has_name(path, "bagit.txt") || has_name(path, "bag-info.txt") ||
		has_name(path, "manifest-sha256.txt") ||
		has_name(path, "data"));
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
