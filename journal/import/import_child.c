/* The parent's side: the child, its cage, and what it says. */
#include "journal/import/import_child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
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
#include "base/json.h"

#define SILENCE_MS 120000 /* without a frame: it hangs */
#define CRASHES	   20 /* of one file, before it is given up */
#define AS_MAX	   (UINT64_C(2) << 30)
#define CPU_BASE   60 /* seconds, and one for each MiB of the file */

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

/* No network, no programs, no files but the one: what hostile bytes could use
 * is answered EPERM. */
static void
forbid(void)
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
limit(int what, uint64_t n)
{
	struct rlimit r = { .rlim_cur = (rlim_t)n, .rlim_max = (rlim_t)n };

	(void)setrlimit((__rlimit_resource_t)what, &r);
}

static void
cage(uint64_t size, uint64_t max_message)
{
	/* Without privileges this fails, and the filter stays. */
	(void)unshare(CLONE_NEWNET);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, 3);
	limit(RLIMIT_CPU, CPU_BASE + (size >> 20));
	if (!SANITIZED)
		limit(RLIMIT_AS, AS_MAX + 4 * max_message);
	forbid();
}

static _Noreturn void
child(const struct sp_import *im, int fd, int sock, uint64_t size,
    const struct sp_child_work *work, uint64_t first)
{
	void *opened = NULL;
	struct sp_out out = { .fd = sock, .max_message = im->max_message };
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)sigaction(SIGTERM, &dfl, NULL);
	dfl.sa_handler = SIG_IGN; /* a key at the terminal is the parent's */
	(void)sigaction(SIGINT, &dfl, NULL);
	/* Locks and sockets of the archive are none of its business. */
	if (dup2(sock, 200) == 200 && dup2(fd, 201) == 201) {
		(void)close_range(3, 199, 0);
		(void)close_range(202, ~0U, 0);
		out.fd = 200;
		(void)lseek(201, 0, SEEK_SET);
		if (work->open != NULL)
			opened = work->open(&out, 201);
		cage(size, im->max_message);
		if (work->open == NULL || opened != NULL)
			work->run(&out, opened, 201, size, first);
	}
	_exit(0);
}

/* ---- what it says -------------------------------------------------------- */

struct hear {
	const struct sp_import *im;
	const struct sp_import_item *of;
	int sock;
	struct sp_buf in; /* the payload in hand */
	json_t *meta; /* of the message in work */
	struct sp_buf msg;
	int spool; /* an mbox in work, or -1 */
	uint64_t spooled;
	bool over; /* larger than the limit; the rest is dropped */
	uint64_t item; /* in work */
	bool has_item, done;
	const char *broken; /* the rule that it broke */
};

static const char *
text_of(const json_t *obj, const char *key)
{
	return (json_string_value(json_object_get(obj, key)));
}

static void
forget(struct hear *h)
{
	json_decref(h->meta);
	h->meta = NULL;
	sp_buf_clear(&h->msg);
	(void)sp_io_close(h->spool, NULL);
	h->spool = -1;
	h->spooled = 0;
	h->over = false;
}

static enum sp_code
on_begin(struct hear *h, struct sp_err *err)
{
	const char *kind, *tmp = getenv("TMPDIR");

	if (h->meta != NULL ||
	    sp_json_load(sp_buf_view(&h->in), &h->meta, NULL) != SP_OK ||
	    (kind = text_of(h->meta, "kind")) == NULL ||
	    text_of(h->meta, "member") == NULL) {
		h->broken = "a message that does not begin";
		return (SP_OK);
	}
	if (strcmp(kind, "eml") == 0)
		return (SP_OK);
	return (sp_io_tmpfile(tmp == NULL ? "/tmp" : tmp, &h->spool, err));
}

static enum sp_code
on_data(struct hear *h, struct sp_err *err)
{
	enum sp_code rc;

	if (h->meta == NULL) {
		h->broken = "bytes of no message";
		return (SP_OK);
	}
	if (h->spool >= 0) {
		rc = sp_io_pwrite(h->spool, h->in.p, h->in.n, h->spooled, err);
		h->spooled += h->in.n;
		return (rc);
	}
	if (h->msg.n + h->in.n > h->im->max_message)
		h->over = true;
	if (!h->over && sp_buf_addv(&h->msg, sp_buf_view(&h->in)) != SP_OK)
		h->over = true;
	return (SP_OK);
}

/* "extra" as members without braces; malloc'ed. */
static char *
members_of(const json_t *extra)
{
	char *text, *out;
	size_t n;

	if (!json_is_object(extra) || json_object_size(extra) == 0)
		return (sp_xstrdup(""));
	text = json_dumps(extra, JSON_COMPACT);
	if (text == NULL)
		return (sp_xstrdup(""));
	n = strlen(text);
	out = sp_view_dup(sp_view_mem(text + 1, n - 2));
	free(text);
	return (out);
}

/* The flags that a reader may set; others are not taken over. */
static void
take_flags(const json_t *list, struct sp_import_item *item)
{
	static const char *const known[] = { "reassembled", "recovered",
		"incomplete" };

	for (size_t i = 0; i < SP_COUNTOF(known); i++) {
		for (size_t k = 0; k < json_array_size(list); k++) {
			const char *f =
			    json_string_value(json_array_get(list, k));

			if (f != NULL && strcmp(f, known[i]) == 0 &&
			    item->nflags < SP_IMPORT_FLAGS) {
				item->flags[item->nflags++] = known[i];
				break;
			}
		}
	}
}

/* A file whose name said nothing: an mbox, or one message. */
static enum sp_code
unspool(struct hear *h, bool *mbox, struct sp_err *err)
{
	char first[5] = "", *at;
	size_t got;
	enum sp_code rc;

	rc = sp_io_pread(h->spool, first, sizeof(first), 0, &got, err);
	*mbox =
	    rc == SP_OK && (strcmp(text_of(h->meta, "kind"), "mbox") == 0 ||
			       (got == 5 && memcmp(first, "From ", 5) == 0));
	if (rc != SP_OK || *mbox)
		return (rc);
	h->over = h->spooled > h->im->max_message;
	at = h->over ? NULL : sp_buf_reserve(&h->msg, (size_t)h->spooled + 1);
	if (at == NULL) {
		h->over = true;
		return (SP_OK);
	}
	rc = sp_io_pread(h->spool, at, (size_t)h->spooled, 0, &h->msg.n, err);
	return (rc);
}

static enum sp_code
on_message(struct hear *h, struct sp_err *err)
{
	struct sp_import_item item = *h->of;
	const char *date = text_of(h->meta, "date");
	bool piler = h->im->as == SP_AS_PILER, mbox = false;
	struct sp_buf extra;
	char *members;
	enum sp_code rc;

	item.member = text_of(h->meta, "member");
	if (h->im->file != NULL &&
	    strcmp(text_of(h->meta, "kind"), "file") == 0)
		return (h->im->file(h->im->ctx, h->spool, err));
	rc = h->spool < 0 ? SP_OK : unspool(h, &mbox, err);
	if (rc != SP_OK)
		return (rc);
	if (mbox)
		return (sp_import_mbox(h->im, h->spool, &item,
		    h->im->as == SP_AS_MAILDIR || piler ? SP_AS_MBOX
							: h->im->as,
		    err));
	if (h->over) {
		sp_import_failed(h->im, item.path, item.member,
		    "larger than the message limit");
		return (SP_OK);
	}
	item.msg = sp_buf_view(&h->msg);
	if (date != NULL && strlen(date) >= 20 && strlen(date) <= 40)
		item.origin_date = sp_view_str(date);
	take_flags(json_object_get(h->meta, "flags"), &item);
	members = members_of(json_object_get(h->meta, "extra"));
	sp_buf_init(&extra, 256u << 10);
	rc = sp_buf_adds(&extra, members);
	if (rc == SP_OK && piler)
		rc =
		    sp_import_facts(item.member, false, true, item.msg, &extra);
	item.extra = sp_buf_view(&extra);
	if (rc == SP_OK)
		rc = h->im->item(h->im->ctx, &item, err);
	else
		sp_import_failed(h->im, item.path, item.member,
		    "its provenance is too long for a record");
	rc = rc == SP_ELIMIT && item.extra.n == 0 ? SP_OK : rc;
	sp_buf_done(&extra);
	free(members);
	return (rc);
}

static enum sp_code
on_end(struct hear *h, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (h->meta == NULL)
		h->broken = "the end of no message";
	else
		rc = on_message(h, err);
	forget(h);
	return (rc);
}

static void
on_failed(const struct hear *h)
{
	struct sp_view rest = sp_buf_view(&h->in);
	char *member = sp_view_dup(sp_view_cut(&rest, '\0'));
	char *why = sp_view_dup(rest);

	sp_import_failed(h->im, h->of->path, member, why);
	free(member);
	free(why);
}

static void
on_not_mail(const struct hear *h)
{
	char *name = sp_view_dup(sp_buf_view(&h->in));
	char *path = sp_xasprintf("%s:%s", h->of->path, name);

	h->im->not_mail(h->im->ctx, path);
	free(path);
	free(name);
}

static enum sp_code
on_frame(struct hear *h, char type, struct sp_err *err)
{
	switch (type) {
	case 'M':
		return (on_begin(h, err));
	case 'D':
		return (on_data(h, err));
	case 'E':
		return (on_end(h, err));
	case 'X':
		forget(h);
		on_failed(h);
		break;
	case 'F':
		on_failed(h);
		break;
	case 'N':
		on_not_mail(h);
		break;
	case 'I':
		h->item = 0;
		for (size_t i = 0; i < 8 && i < h->in.n; i++)
			h->item |= (uint64_t)(uint8_t)h->in.p[i] << (8 * i);
		h->has_item = true;
		break;
	case 'Q':
		h->done = true;
		break;
	default:
		h->broken = "an unknown word";
		break;
	}
	return (SP_OK);
}

/* ${n} bytes; false at the end, or where it hangs. */
static bool
take(struct hear *h, char *p, size_t n)
{
	while (n > 0) {
		struct pollfd f = { .fd = h->sock, .events = POLLIN };
		ssize_t got;

		if (poll(&f, 1, SILENCE_MS) == 0) {
			h->broken = "no word for two minutes";
			return (false);
		}
		got = recv(h->sock, p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (false);
		p += got;
		n -= (size_t)got;
	}
	return (true);
}

static enum sp_code
listen_to(struct hear *h, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	char head[5];

	while (rc == SP_OK && !h->done && h->broken == NULL &&
	       take(h, head, sizeof(head))) {
		size_t n = 0;
		char *at;

		for (int i = 0; i < 4; i++)
			n |= (size_t)(uint8_t)head[1 + i] << (8 * i);
		if (n > SP_FRAME_MAX) {
			h->broken = "a frame too long";
			break;
		}
		sp_buf_clear(&h->in);
		at = sp_buf_reserve(&h->in, n + 1);
		if (at == NULL || !take(h, at, n))
			break;
		h->in.n = n;
		rc = on_frame(h, head[0], err);
	}
	return (rc);
}

/* ---- one run ------------------------------------------------------------- */

static void
say_end(const struct hear *h, int status)
{
	char *why;

	if (h->broken != NULL)
		why = sp_xasprintf(
		    "the reader of this file was stopped: %s", h->broken);
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
	if (h->has_item) {
		char *more =
		    sp_xasprintf("%s (at item %" PRIu64 ")", why, h->item);

		free(why);
		why = more;
	}
	sp_import_failed(h->im, h->of->path, NULL, why);
	free(why);
}

static enum sp_code
run_once(struct hear *h, int fd, uint64_t size,
    const struct sp_child_work *work, uint64_t first, struct sp_err *err)
{
	int pair[2], status = 0;
	enum sp_code rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return (sp_err_set(err, SP_EIO, errno, "socketpair"));
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(h->im, fd, pair[1], size, work, first);
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return (sp_err_set(err, SP_EIO, errno, "fork"));
	}
	h->sock = pair[0];
	rc = listen_to(h, err);
	if (rc != SP_OK || !h->done)
		(void)shutdown(pair[0], SHUT_RDWR);
	if (rc != SP_OK || h->broken != NULL)
		(void)kill(pid, SIGKILL);
	(void)close(pair[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (rc == SP_OK && !h->done)
		say_end(h, status);
	return (rc);
}

enum sp_code
sp_child_run(const struct sp_import *im, int fd,
    const struct sp_import_item *of, const struct sp_child_work *work,
    struct sp_err *err)
{
	struct hear h = { .im = im, .of = of, .spool = -1 };
	uint64_t size = 0, first = 0;
	enum sp_code rc = sp_io_size(fd, &size, err);

	sp_buf_init(&h.in, SP_FRAME_MAX + 1);
	sp_buf_init(&h.msg, im->max_message + SP_FRAME_MAX);
	for (int i = 0; rc == SP_OK && i < CRASHES && !h.done; i++) {
		h.has_item = false;
		h.broken = NULL;
		rc = run_once(&h, fd, size, work, first, err);
		forget(&h);
		if (!work->again || !h.has_item)
			break;
		first = h.item + 1;
	}
	if (rc == SP_OK && !h.done && work->again && h.has_item)
		sp_import_failed(
		    im, of->path, NULL, "given up after too many crashes");
	sp_buf_done(&h.in);
	sp_buf_done(&h.msg);
	return (rc);
}
