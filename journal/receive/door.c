/*
 * Who is at the local door, and what it may: by the credentials that the kernel
 * keeps for the socket (SO_PEERCRED, SO_PEERGROUPS, /proc/PID/loginuid), never
 * by what the client says.  connection_accept.c asks when a client connects;
 * the rights and the actor go into its session (session_door.c).
 */
#include "journal/receive/door.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"

#define GROUPS_MAX 1024 /* of a peer */
#define NO_LOGIN   UINT32_MAX /* what the kernel says for none */

enum sp_code
sp_door_init(struct sp_doorkeeper *d, const char *dir, const char *group,
    struct sp_err *err)
{
	char buf[4096];
	struct group gr, *found = NULL;
	struct stat st;

	*d = (struct sp_doorkeeper){ .has_group = false };
	if (stat(dir, &st) != 0)
		return (sp_err_set(err, sp_err_code_of_errno(errno), errno,
		    "cannot look at the archive %s", dir));
	d->owner = st.st_uid;
	if (group == NULL)
		return (SP_OK);
	if (getgrnam_r(group, &gr, buf, sizeof(buf), &found) != 0 ||
	    found == NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "there is no group %s on this host; create it or change group in the configuration",
		    group));
	d->has_group = true;
	d->group = gr.gr_gid;
	return (SP_OK);
}

void
sp_door_listen(struct sp_listen *l, char *name, char *hostname)
{
	*l = (struct sp_listen){
		.name = name,
		.protocol = SP_PROTO_LMTP,
		.hostname = hostname,
		.max_message = SP_DOOR_MAX_MESSAGE,
		.max_recipients = 1000,
		.max_line = SP_DOOR_MAX_LINE,
		.max_errors = 100,
		.max_junk = 1000,
		.max_sessions = 200,
		.max_per_peer = SP_DOOR_PER_USER,
		.timeout = SP_DOOR_TIMEOUT,
		.data_timeout = SP_DOOR_TIMEOUT,
		.min_rate = 0,
	};
}

/* Whether the peer is in ${group}: primary and supplementary groups as the
 * kernel has them for the socket. */
static bool
in_group(int fd, const struct ucred *cred, gid_t group)
{
	gid_t list[GROUPS_MAX];
	socklen_t len = sizeof(list);

	if (cred->gid == group)
		return (true);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &len) != 0)
		return (false);
	for (size_t i = 0; i < len / sizeof(list[0]); i++) {
		if (list[i] == group)
			return (true);
	}
	return (false);
}

/* The user who logged in at first, also behind su and sudo; false: nobody
 * did. */
static bool
login_uid(pid_t pid, uint64_t *uid)
{
	char path[64];
	struct sp_buf text;
	bool ok;

	sp_buf_init(&text, 32);
	(void)snprintf(path, sizeof(path), "/proc/%ld/loginuid", (long)pid);
	ok = sp_io_read_file(path, 32, &text, NULL) == SP_OK &&
	     sp_view_u64(sp_view_trim(sp_buf_view(&text)), uid) &&
	     *uid != NO_LOGIN;
	sp_buf_done(&text);
	return (ok);
}

/* Write the "actor" of an event as a JSON object of at most ${size} bytes with
 * its NUL; if a name does not fit, the uid alone. */
static void
write_actor(uid_t uid, pid_t pid, const char *worker, char *out, size_t size)
{
	struct passwd pw, *found = NULL;
	struct sp_buf b;
	struct sp_json j;
	char buf[4096];
	uint64_t login;

	sp_buf_init(&b, size - 1);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_u64(&j, "uid", uid);
	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) == 0 &&
	    found != NULL && strlen(pw.pw_name) <= 64)
		sp_json_cstr(&j, "user", pw.pw_name);
	if (login_uid(pid, &login))
		sp_json_u64(&j, "login_uid", login);
	sp_json_u64(&j, "pid", (uint64_t)pid);
	if (worker != NULL)
		sp_json_cstr(&j, "worker", worker);
	sp_json_obj_end(&j);
	if (sp_json_end(&j) == SP_OK)
		(void)snprintf(out, size, "%.*s", (int)b.n, b.p);
	else
		(void)snprintf(out, size, "{\"uid\":%lu}", (unsigned long)uid);
	sp_buf_done(&b);
}

bool
sp_door_identify(const struct sp_doorkeeper *d, int fd,
    struct sp_door_rights *may, char *actor, size_t size)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	*may = (struct sp_door_rights){ .reader = false };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return (false);
	may->operates = cred.uid == 0 || cred.uid == d->owner;
	may->service = cred.uid == geteuid();
	may->reader = may->operates || may->service ||
		      (d->has_group && in_group(fd, &cred, d->group));
	if (!may->reader)
		return (false);
	write_actor(cred.uid, cred.pid, NULL, actor, size);
	return (true);
}

void
sp_door_self(char *actor, size_t size)
{
	write_actor(geteuid(), getpid(), "receive", actor, size);
}
