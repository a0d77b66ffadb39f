/*
 * The child process that reads hostile files, and its cage: see
 * journal/import/import_child.h.  It is forked for one file, keeps two
 * descriptors (the file and the socket), is bounded in memory and processor
 * time, and ends when its parent does.  A child that crashes is reported with
 * the number of the item it was at; where the reader can do that, another one
 * goes on behind it.
 */
#include "journal/import/import_child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "journal/import/import_in.h"

#define CRASHES_MAX 20 /* of one file, before it is given up */
#define MEMORY_MAX  (UINT64_C(2) << 30) /* and four times the message limit */
#define CPU_BASE    60 /* seconds, and one for each MiB of the file */
#define SOCKET_FD   200 /* where the child has its two descriptors */
#define FILE_FD	    201

/* Address sanitizer reserves terabytes of address space. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- the cage ------------------------------------------------------------ */

#define DENY(nr)                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

/* No network, no programs, no files but the one: the calls that hostile bytes
 * could use for these are answered EPERM, all others are let through. */
static void
forbid_calls(void)
{
	static const struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		DENY(__NR_socket),
		DENY(__NR_socketpair),
		DENY(__NR_connect),
		DENY(__NR_bind),
		DENY(__NR_accept4),
		DENY(__NR_execve),
		DENY(__NR_execveat),
		DENY(__NR_clone3),
		DENY(__NR_ptrace),
		DENY(__NR_process_vm_writev),
		DENY(__NR_kill),
		DENY(__NR_unlinkat),
		DENY(__NR_renameat2),
		DENY(__NR_mkdirat),
		DENY(__NR_linkat),
		DENY(__NR_symlinkat),
		DENY(__NR_fchmodat),
		DENY(__NR_fchownat),
		DENY(__NR_io_uring_setup),
		DENY(__NR_bpf),
		DENY(__NR_openat),
		DENY(__NR_openat2),
#ifdef __NR_open
		DENY(__NR_open),
		DENY(__NR_creat),
		DENY(__NR_unlink),
		DENY(__NR_rename),
		DENY(__NR_mkdir),
		DENY(__NR_link),
		DENY(__NR_symlink),
		DENY(__NR_fork),
		DENY(__NR_vfork),
#endif
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = SP_COUNTOF(rules) };
	struct sock_filter copy[SP_COUNTOF(rules)];

	memcpy(copy, rules, sizeof(rules));
	prog.filter = copy;
	(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static void
set_limit(int what, uint64_t n)
{
	struct rlimit r = { .rlim_cur = (rlim_t)n, .rlim_max = (rlim_t)n };

	(void)setrlimit((__rlimit_resource_t)what, &r);
}

/* Shut the cage around this process: from here on it can compute, and use the
 * descriptors that it has.  ${size}: bytes of the file, for its time. */
static void
shut_cage(uint64_t size, uint64_t max_message)
{
	/* Without privileges this fails, and the filter stays. */
	(void)unshare(CLONE_NEWNET);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_FSIZE, 0);
	set_limit(RLIMIT_NOFILE, 3);
	set_limit(RLIMIT_CPU, CPU_BASE + (size >> 20));
	if (!SANITIZED)
		set_limit(RLIMIT_AS, MEMORY_MAX + 4 * max_message);
	forbid_calls();
}

/* ---- one child ----------------------------------------------------------- */

/* The life of the child: two descriptors, the cage, the work.  Never
 * returns. */
static _Noreturn void
child(const struct sp_import *im, int fd, int sock, uint64_t size,
    const struct sp_import_child_work *work, uint64_t first)
{
	void *opened = NULL;
	struct sp_import_out out = { .fd = SOCKET_FD,
		.max_message = im->max_message,
		.as = im->as,
		.kind = work->kind };
	struct sigaction act = { .sa_handler = SIG_DFL };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)sigaction(SIGTERM, &act, NULL);
	act.sa_handler = SIG_IGN; /* a key at the terminal is the parent's */
	(void)sigaction(SIGINT, &act, NULL);
	/* Locks and sockets of the archive are none of its business. */
	if (dup2(sock, SOCKET_FD) == SOCKET_FD &&
	    dup2(fd, FILE_FD) == FILE_FD) {
		(void)close_range(3, SOCKET_FD - 1, 0);
		(void)close_range(FILE_FD + 1, ~0U, 0);
		(void)lseek(FILE_FD, 0, SEEK_SET);
		if (work->open != NULL)
			opened = work->open(&out, FILE_FD);
		shut_cage(size, im->max_message);
		if (work->open == NULL || opened != NULL)
			work->run(&out, opened, FILE_FD, size, first);
	}
	_exit(0);
}

/* Report that the child ended before the end of the file: why, by the rule that
 * it broke or its wait ${status}, and at which item. */
static void
report_end(const struct sp_import_in *in, int status)
{
	char *why;

	if (in->broken != NULL)
		why = sp_xasprintf(
		    "the reader of this file was stopped: %s", in->broken);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		why = sp_xstrdup(
		    "the reader of this file took too much time and was stopped");
	else if (WIFSIGNALED(status))
		why = sp_xasprintf(
		    "the reader of this file crashed (signal %d): it is damaged or hostile",
		    WTERMSIG(status));
	else
		why = sp_xstrdup(
		    "the reader of this file ended before its end: it is damaged or hostile");
	if (in->has_item) {
		char *more =
		    sp_xasprintf("%s (at item %" PRIu64 ")", why, in->item);

		free(why);
		why = more;
	}
	sp_import_failed(in->im, in->source->path, NULL, why);
	free(why);
}

/* One child, from item ${first} on, until it ended and was waited for.  It is
 * killed where it broke a rule or a callback failed.  in->done: it reached the
 * end of the file; otherwise it was reported. */
static enum sp_code
run_once(struct sp_import_in *in, int fd, uint64_t size,
    const struct sp_import_child_work *work, uint64_t first, struct sp_err *err)
{
	int pair[2], status = 0;
	enum sp_code rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return (sp_err_set(err, SP_EIO, errno, "socketpair"));
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(in->im, fd, pair[1], size, work, first);
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return (sp_err_set(err, SP_EIO, errno, "fork"));
	}
	sp_import_in_begin(in, pair[0]);
	rc = sp_import_in_read(in, err);
	if (rc != SP_OK || !in->done)
		(void)shutdown(pair[0], SHUT_RDWR);
	if (rc != SP_OK || in->broken != NULL)
		(void)kill(pid, SIGKILL);
	(void)close(pair[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (rc == SP_OK && !in->done)
		report_end(in, status);
	return (rc);
}

enum sp_code
sp_import_child_run(const struct sp_import *im, int fd,
    const struct sp_import_item *source,
    const struct sp_import_child_work *work, struct sp_err *err)
{
	struct sp_import_in in;
	uint64_t size = 0, first = 0;
	enum sp_code rc = sp_io_size(fd, &size, err);

	sp_import_in_init(&in, im, source);
	for (int i = 0; rc == SP_OK && i < CRASHES_MAX && !in.done; i++) {
		rc = run_once(&in, fd, size, work, first, err);
		if (!work->again || !in.has_item)
			break;
		first = in.item + 1;
	}
	if (rc == SP_OK && !in.done && work->again && in.has_item)
		sp_import_failed(
		    im, source->path, NULL, "given up after too many crashes");
	sp_import_in_done(&in);
	return (rc);
}
