/*
 * Telling people of an alarm: the pull worker, which alone may connect out,
 * gives the object
 *
 *	{"time":"...","worker":"...","archive":"DIR","alarm":"TEXT",
 *	 "state":"begin","cause":"CAUSE","id":N,"since":"...","count":N,...}
 *
 * to the command and the mail addresses of section `alarm`.  The supervisor
 * keeps it until both are done (supervisor_alarms.c); where only one succeeded,
 * it is told what is left, so that neither is done twice.
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
#include "base/json.h"
#include "journal/watch/submit.h"

#define COMMAND_BYTES	(48u << 10) /* of the object; a pipe holds 64 KiB */
#define MAIL_BYTES	(32u << 10) /* of the mail that tells of it */
#define SUBJECT_TEXT	200 /* bytes of its text in the subject */
#define COMMAND_SECONDS 30 /* then the alarm command is killed */

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

/* Run the alarm command with ${input} and a line end on its standard input.  SP_EAGAIN: it
 * failed or did not end in time. */
static enum sp_code
run_command(const char *command, struct sp_view input, struct sp_err *err)
{
	int ends[2], status;
	pid_t pid;

	if (input.n > COMMAND_BYTES)
		return (sp_err_set(
		    err, SP_ELIMIT, 0, "alarm command: the alarm is too long"));
	if (pipe(ends) != 0)
		return (sp_err_set(err, SP_EIO, errno, "alarm command: pipe"));
	/* Less than a pipe holds, so the write cannot block. */
	if (write(ends[1], input.p, input.n) != (ssize_t)input.n ||
	    write(ends[1], "\n", 1) != 1) {
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

/* What the subject says of the alarm's state: nothing where it begins. */
static const char *
subject_state(const char *state)
{
	return (strcmp(state, "ended") == 0    ? " ended"
		: strcmp(state, "repeat") == 0 ? " goes on"
					       : "");
}

/* The length of ${text} up to ${max} bytes, at the end of a character. */
static size_t
fit(const char *text, size_t max)
{
	size_t n = strlen(text);

	if (n <= max)
		return (n);
	for (n = max; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
		;
	return (n);
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
	subject = sp_xasprintf("Sealpost alarm%s: %.*s",
	    subject_state(alarm_member(alarm, "state")),
	    (int)fit(alarm_member(alarm, "alarm"), SUBJECT_TEXT),
	    alarm_member(alarm, "alarm"));
	(void)snprintf(
	    id, sizeof(id), "alarm.%" PRId64, (int64_t)sp_clock_wall());
	rc = sp_submit_header(cfg, &mail, subject, id, msgid, &b);
	if (rc == SP_OK)
		rc = sp_buf_addf(&b,
		    "%s\r\n\r\n"
		    "State:   %s\r\n"
		    "Cause:   %s\r\n"
		    "Since:   %s\r\n"
		    "Time:    %s\r\n"
		    "Reports: %" JSON_INTEGER_FORMAT "\r\n"
		    "Archive: %s\r\n"
		    "By:      %s\r\n\r\n"
		    "`sealpost alarms list` and `sealpost audit` have more.\r\n",
		    alarm_member(alarm, "alarm"), alarm_member(alarm, "state"),
		    alarm_member(alarm, "cause"), alarm_member(alarm, "since"),
		    alarm_member(alarm, "time"),
		    json_integer_value(json_object_get(alarm, "count")),
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

/* Neither is held up by the other. */
enum sp_code
sp_outbox_tell(const struct sp_config *cfg, struct sp_view alarm,
    const char **way, struct sp_err *err)
{
	const bool run = strcmp(*way, "mail") != 0;
	const bool mail = strcmp(*way, "command") != 0;
	enum sp_code command_rc = SP_OK, mail_rc = SP_OK;
	struct sp_err other;

	if (run && cfg->alarm_command != NULL)
		command_rc = run_command(cfg->alarm_command, alarm, err);
	if (mail && cfg->alarm_mail.n > 0)
		mail_rc =
		    send_mail(cfg, alarm, command_rc == SP_OK ? err : &other);
	*way = command_rc == SP_OK ? "mail"
	       : mail_rc == SP_OK  ? "command"
				   : "all";
	return (command_rc != SP_OK ? command_rc : mail_rc);
}
