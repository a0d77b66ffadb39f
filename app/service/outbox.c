/*
 * The outbox of alarms (state/outbox).  Any worker, and `sealpost canary`,
 * leaves a file
 *
 *	alarm-MICROSECONDS-WORKER.json
 *	{"time":"...","worker":"...","archive":"DIR","alarm":"TEXT"}
 *
 * and the pull worker gives it to the command and the mail addresses of section
 * `alarm`.  Where only one of the two succeeded, the file is renamed after what
 * is left to do (.command, .mail), so that neither is done twice:
 *
 *	NAME.json -(command, mail)-> removed
 *	NAME.json -(command)-> NAME.json.mail -(mail)-> removed
 *	NAME.json -(mail)-> NAME.json.command -(command)-> removed
 */
#include "app/service/outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/time_text.h"
#include "journal/watch/submit.h"

#define ALARMS_MAX	1000 /* alarms that wait */
#define ALARM_BYTES	8192 /* of the file of an alarm */
#define MAIL_BYTES	(32u << 10) /* of the mail that tells of them */
#define COMMAND_SECONDS 30 /* then the alarm command is killed */

/* Written with a temporary name, synced and renamed (sp_io_publish()): an alarm
 * is there as a whole or not at all. */
enum sp_code
sp_outbox_alarm(
    const char *dir, const char *worker, const char *text, struct sp_err *err)
{
	char time[SP_TIME_LEN + 1];
	char *box = sp_xasprintf("%s/state/outbox", dir), *path;
	int64_t now = sp_clock_wall();
	char **names = NULL;
	size_t n = 0;
	struct sp_buf b;
	struct sp_json j;
	enum sp_code rc;

	sp_time_format(now, time);
	path = sp_xasprintf("%s/alarm-%" PRId64 "-%s.json", box, now, worker);
	sp_buf_init(&b, ALARM_BYTES);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "time", time);
	sp_json_cstr(&j, "worker", worker);
	sp_json_cstr(&j, "archive", dir);
	sp_json_cstr(&j, "alarm", text);
	sp_json_obj_end(&j);
	(void)!sp_buf_addc(&b, '\n');
	rc = sp_io_mkdirs(box, 0750, err);
	if (rc == SP_OK)
		rc = sp_io_list(box, &names, &n, err);
	if (rc == SP_OK && n >= ALARMS_MAX)
		rc = sp_err_set(err, SP_ELIMIT, 0,
		    "%s: %zu alarms wait there already", box, n);
	if (rc == SP_OK)
		rc = sp_io_publish(path, b.p, b.n, 0640, err);
	sp_io_names_free(names, n);
	sp_buf_done(&b);
	free(path);
	free(box);
	return (rc);
}

/* The child: run ${command} with ${in} as standard input and our standard error
 * for its output, with the signals as usual.  Does not return. */
static void
exec_command(const char *command, int in)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(in, STDIN_FILENO) >= 0 &&
	    dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
		(void)execl(command, command, (char *)NULL);
	_exit(127);
}

/* Wait for the child ${pid}, at most COMMAND_SECONDS, then kill it.  Its
 * status, -1 for one that was killed or lost. */
static int
wait_for_command(pid_t pid)
{
	int status = -1;

	for (int i = 0; i < COMMAND_SECONDS * 20; i++) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return (status);
		if (got < 0 && errno != EINTR)
			return (-1);
		(void)poll(NULL, 0, 50);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return (-1);
}

/* Run the alarm command with ${input} on its standard input.  SP_EAGAIN: it
 * failed or did not end in time. */
static enum sp_code
run_command(const char *command, struct sp_view input, struct sp_err *err)
{
	int ends[2], status;
	pid_t pid;

	if (pipe(ends) != 0)
		return (sp_err_set(err, SP_EIO, errno, "alarm command: pipe"));
	/* ALARM_BYTES is less than a pipe holds, so the write cannot block. */
	if (write(ends[1], input.p, input.n) != (ssize_t)input.n) {
		(void)close(ends[0]);
		(void)close(ends[1]);
		return (sp_err_set(err, SP_EIO, errno, "alarm command: pipe"));
	}
	(void)close(ends[1]);
	pid = fork();
	if (pid == 0)
		exec_command(command, ends[0]);
	(void)close(ends[0]);
	if (pid < 0)
		return (sp_err_set(err, SP_EIO, errno, "alarm command: fork"));
	status = wait_for_command(pid);
	if (status == 0)
		return (SP_OK);
	return (sp_err_set(err, SP_EAGAIN, 0,
	    "alarm command \"%s\" did not end with status 0 within %d s; it is tried again",
	    command, COMMAND_SECONDS));
}

/* A text of the alarm's object; "" if it has none. */
static const char *
alarm_member(const json_t *alarm, const char *name)
{
	const char *text = json_string_value(json_object_get(alarm, name));

	return (text == NULL ? "" : text);
}

/* Send the alarm (its JSON) as one mail to everybody of alarm.mail; SP_EPERM,
 * SP_EAGAIN as sp_submit(). */
static enum sp_code
send_mail(const struct sp_config *cfg, struct sp_view json, struct sp_err *err)
{
	struct sp_submit_mail mail = {
		.to = (const char *const *)cfg->alarm_mail.v,
		.nto = cfg->alarm_mail.n
	};
	char msgid[SP_SUBMIT_ID_MAX], id[64];
	json_t *alarm = NULL;
	struct sp_buf b;
	char *subject;
	enum sp_code rc = sp_json_load(json, &alarm, err);

	if (rc != SP_OK)
		return (rc);
	sp_buf_init(&b, MAIL_BYTES);
	subject = sp_xasprintf(
	    "Sealpost alarm: %.200s", alarm_member(alarm, "alarm"));
	(void)snprintf(
	    id, sizeof(id), "alarm.%" PRId64, (int64_t)sp_clock_wall());
	rc = sp_submit_header(cfg, &mail, subject, id, msgid, &b);
	if (rc == SP_OK)
		rc = sp_buf_addf(&b,
		    "%s\r\n\r\n"
		    "Time:    %s\r\n"
		    "Archive: %s\r\n"
		    "By:      %s\r\n\r\n"
		    "`sealpost status` and `sealpost audit` have more.\r\n",
		    alarm_member(alarm, "alarm"), alarm_member(alarm, "time"),
		    alarm_member(alarm, "archive"),
		    alarm_member(alarm, "worker"));
	mail.text = sp_buf_view(&b);
	rc = rc == SP_OK ? sp_submit(cfg, &mail, err)
			 : sp_err_set(err, rc, 0, "the alarm is too long");
	free(subject);
	json_decref(alarm);
	sp_buf_done(&b);
	return (rc);
}

/* Whether the file at ${path} has one of the names of what is left to do. */
static bool
has_suffix(const char *path, const char *suffix)
{
	const size_t n = strlen(path), s = strlen(suffix);

	return (n > s && strcmp(path + n - s, suffix) == 0);
}

/* Run the command and send the mail for the alarm in the file ${path}, neither
 * held up by the other, and remove or rename the file (see above).  The first
 * error of the two. */
static enum sp_code
carry_out(const struct sp_config *cfg, const char *path, struct sp_err *err)
{
	const bool command_left = has_suffix(path, ".command");
	const bool mail_left = has_suffix(path, ".mail");
	const bool fresh = !command_left && !mail_left;
	enum sp_code command_rc = SP_OK, mail_rc = SP_OK, rc;
	struct sp_err other;
	struct sp_buf b;
	char *to;

	sp_buf_init(&b, ALARM_BYTES);
	rc = sp_io_read_file(path, ALARM_BYTES, &b, err);
	if (rc == SP_OK && cfg->alarm_command != NULL && !mail_left)
		command_rc =
		    run_command(cfg->alarm_command, sp_buf_view(&b), err);
	if (rc == SP_OK && cfg->alarm_mail.n > 0 && !command_left)
		mail_rc = send_mail(
		    cfg, sp_buf_view(&b), command_rc == SP_OK ? err : &other);
	if (rc == SP_OK && command_rc == SP_OK && mail_rc == SP_OK) {
		rc = sp_io_unlink(path, err);
	} else if (rc == SP_OK && fresh &&
		   (command_rc == SP_OK || mail_rc == SP_OK)) {
		to = sp_xasprintf(
		    "%s%s", path, command_rc == SP_OK ? ".mail" : ".command");
		/* Of one configured way alone nothing succeeded yet: the other
		 * counts as done from the beginning. */
		if (cfg->alarm_command != NULL && cfg->alarm_mail.n > 0)
			rc = sp_io_rename(path, to, &other);
		free(to);
	}
	sp_buf_done(&b);
	return (rc != SP_OK ? rc : command_rc != SP_OK ? command_rc : mail_rc);
}

/* Every alarm is tried, also behind one that failed. */
enum sp_code
sp_outbox_run(const char *dir, const struct sp_config *cfg, size_t *failed,
    struct sp_err *err)
{
	char *box = sp_xasprintf("%s/state/outbox", dir);
	char **names = NULL;
	size_t n = 0;
	struct sp_err ignored;
	enum sp_code rc, first = SP_OK;

	*failed = 0;
	rc = sp_io_list(box, &names, &n, err);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		char *path = sp_xasprintf("%s/%s", box, names[i]);

		if (strncmp(names[i], "alarm-", 6) == 0 &&
		    carry_out(cfg, path, first == SP_OK ? err : &ignored) !=
			SP_OK) {
			(*failed)++;
			first = SP_EAGAIN;
		}
		free(path);
	}
	sp_io_names_free(names, n);
	free(box);
	return (rc != SP_OK ? rc : first);
}
