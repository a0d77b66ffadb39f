/*
 * The space that is left on a file system.  The receive worker asks before it
 * takes mail in (journal/receive/receive_disk.c), `sealpost status` shows it.
 */
#include "base/io.h"

#include <errno.h>
#include <sys/statvfs.h>

enum sp_code
sp_io_space(
    const char *path, uint64_t *bytes, uint64_t *inodes, struct sp_err *err)
{
	struct statvfs st;

	if (statvfs(path, &st) != 0)
		return (sp_err_set(err, SP_EIO, errno,
		    "cannot ask for the free space of %s", path));
	*bytes = (uint64_t)st.f_bavail * st.f_frsize;
	/* Some file systems do not count inodes. */
	*inodes = st.f_files == 0 ? UINT64_MAX : (uint64_t)st.f_favail;
	return (SP_OK);
}
