/*
 * Who this process is, as the kernel says: the "actor" of an event that the
 * program logs about itself (doc/format-record.md).  What a client claims of
 * itself has no place here; the door asks the kernel for the peer's credentials
 * instead.
 */
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "journal/log/append.h"

#define LOGINUID      "/proc/self/loginuid"
#define LOGINUID_NONE UINT32_MAX /* no login session: a service */
#define USER_MAX      64 /* bytes; a longer account name is left out */

/* Name and login uid are left out where the system does not know them. */
enum sp_code
sp_append_self(struct sp_buf *out)
{
	struct passwd pw, *found = NULL;
	struct sp_buf b;
	struct sp_json j;
	char names[4096];
	uint64_t login;

	sp_buf_init(&b, 32);
	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_u64(&j, "uid", getuid());
	if (getpwuid_r(getuid(), &pw, names, sizeof(names), &found) == 0 &&
	    found != NULL && strlen(pw.pw_name) <= USER_MAX)
		sp_json_cstr(&j, "user", pw.pw_name);
	if (sp_io_read_file(LOGINUID, 32, &b, NULL) == SP_OK &&
	    sp_view_u64(sp_view_trim(sp_buf_view(&b)), &login) &&
	    login < LOGINUID_NONE)
		sp_json_u64(&j, "login_uid", login);
	sp_json_u64(&j, "pid", (uint64_t)getpid());
	sp_json_obj_end(&j);
	sp_buf_done(&b);
	return (sp_json_end(&j));
}
