/*
 * The crash harness (harness.h).  The undisturbed run counts the mutating
 * calls; then for each kind of fault and each call a child process runs the
 * work with the fault armed, and what it left is looked at before, while and
 * after the work is started again.  Parent and child share a small mapping,
 * since the child may die at any moment.
 */
#include "tests/crash/harness.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/random.h"
#include "tests/crash/tree.h"

#define STATE_MAX    (16u << 20)
#define ACKS_MAX     (4u << 20)
#define EXIT_DIED    137
#define EXIT_GAVE_UP 3 /* the work returned an error */
#define START	     INT64_C(1795451462000000) /* 2026-11-23 */
#define NESTED	     16 /* places of a second fault tried for each first one */

static const char *const kinds[] = { "crash", "power", "rewind", "torn", "hole",
	"lost", "enospc", "eio", "enospc+", "eio+" };

/* What a child reports to its parent, in shared memory. */
struct shared {
	uint64_t calls;
	bool done; /* it came to its end */
	bool fired;
	enum sp_code code;
	char msg[SP_ERR_MAX];
	size_t nacks;
	char acks[ACKS_MAX];
	size_t nstate;
	char state[STATE_MAX];
};

struct run {
	const struct crash_scenario *s;
	char root[128];
	char start[160]; /* what setup made, never worked on */
	char dir[160];
	struct sp_buf end; /* state of the undisturbed run */
	uint64_t calls; /* of the undisturbed run */
	char what[64]; /* the fault being tried, for messages */
	uint64_t tried, fired;
	bool keep;
};

static struct shared *shared;

void
crash_ack(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(shared->acks + shared->nacks,
	    ACKS_MAX - shared->nacks - 1, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= ACKS_MAX - shared->nacks - 1)
		abort();
	shared->acks[shared->nacks + (size_t)n] = '\n';
	shared->nacks += (size_t)n + 1;
}

_Noreturn static void fail(const struct run *r, const char *fmt, ...)
    SP_PRINTF(2, 3);

_Noreturn static void
fail(const struct run *r, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "%s: %s: ", r->s->name, r->what);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\n");
	if (r->keep)
		(void)fprintf(stderr, "kept: %s\n", r->dir);
	else
		tree_remove(r->root);
	exit(1);
}

/* Work, or a mere start, in a child; its exit status. */
static int
run(struct run *r, enum sp_code (*fn)(const char *dir, struct sp_err *err),
    const char *kind, uint64_t at, uint64_t stage)
{
	struct sp_err err = { 0 };
	int status;
	pid_t pid;

	memset(shared, 0, offsetof(struct shared, acks));
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		uint64_t before = sp_io_calls();

		/* Random values differ from stage to stage, as they do in life,
		 * and are the same in each run of a stage. */
		sp_random_seed_for_test(1000 + stage);
		sp_clock_set_for_test(START + (int64_t)stage * SP_SECOND, 1000);
		sp_fault_arm(kind, at);
		shared->code = fn(r->dir, &err);
		shared->calls = sp_io_calls() - before;
		/* Power may also fail after the last call. */
		if (sp_io_syncdir(r->dir, NULL) != SP_OK && kind == NULL)
			abort();
		shared->fired = sp_fault_fired();
		memcpy(shared->msg, err.msg, sizeof(shared->msg));
		shared->done = true;
		_exit(shared->code == SP_OK ? 0 : EXIT_GAVE_UP);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail(r, "cannot run a child");
	if (!WIFEXITED(status))
		fail(r, "the work was ended by signal %d", WTERMSIG(status));
	return (WEXITSTATUS(status));
}

static int
work(struct run *r, const char *kind, uint64_t at, uint64_t stage)
{
	return (run(r, r->s->work, kind, at, stage));
}

/* What is there now, read in a child; NUL-terminated. */
static void
look(struct run *r, struct sp_buf *out)
{
	struct sp_err err = { 0 };
	int status;
	pid_t pid;

	shared->done = false;
	shared->nstate = 0;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct sp_buf b;

		sp_buf_init(&b, STATE_MAX - 1);
		sp_clock_set_for_test(START + 100 * SP_SECOND, 1000);
		shared->code = r->s->state(r->dir, &b, &err);
		memcpy(shared->msg, err.msg, sizeof(shared->msg));
		if (b.n > 0)
			memcpy(shared->state, b.p, b.n);
		shared->nstate = b.n;
		shared->done = true;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail(r, "cannot run a child");
	if (!shared->done)
		fail(r, "reading what is there ended with status %d", status);
	if (shared->code != SP_OK)
		fail(r, "what is there is damaged: %s: %s",
		    sp_err_name(shared->code), shared->msg);
	sp_buf_clear(out);
	if (sp_buf_add(out, shared->state, shared->nstate) != SP_OK ||
	    sp_buf_cstr(out) == NULL)
		abort();
}

/* Whether ${line} is one of the lines of ${text}. */
static bool
has_line(struct sp_view text, struct sp_view line)
{
	while (text.n > 0) {
		if (sp_view_eq(sp_view_cut(&text, '\n'), line))
			return (true);
	}
	return (false);
}

static void
check_acks(const struct run *r, struct sp_view acks, struct sp_view have)
{
	while (acks.n > 0) {
		struct sp_view line = sp_view_cut(&acks, '\n');

		if (!has_line(have, line))
			fail(r, "acknowledged but not there: %.*s", (int)line.n,
			    line.p);
	}
}

/* No line that the undisturbed run does not have, and none out of order. */
static void
check_prefix(const struct run *r, struct sp_view have)
{
	struct sp_view want = sp_buf_view(&r->end);

	while (have.n > 0) {
		struct sp_view line = sp_view_cut(&have, '\n'), w;

		do {
			if (want.n == 0)
				fail(r,
				    "should not be there, or not there: "
				    "%.*s",
				    (int)line.n, line.p);
			w = sp_view_cut(&want, '\n');
		} while (r->s->subset && !sp_view_eq(w, line));
		if (!sp_view_eq(w, line))
			fail(r,
			    "there is %.*s where the undisturbed run has "
			    "%.*s",
			    (int)line.n, line.p, (int)w.n, w.p);
	}
}

static void
differ(
    const struct run *r, const char *what, struct sp_view a, struct sp_view b)
{
	while (a.n > 0 || b.n > 0) {
		struct sp_view x = sp_view_cut(&a, '\n');
		struct sp_view y = sp_view_cut(&b, '\n');

		if (!sp_view_eq(x, y))
			fail(r, "%s: \"%.*s\" became \"%.*s\"", what, (int)x.n,
			    x.p, (int)y.n, y.p);
	}
}

/* Another fault-free run of ${fn} must change nothing on disk. */
static void
idle(struct run *r, enum sp_code (*fn)(const char *dir, struct sp_err *err),
    uint64_t stage)
{
	struct sp_buf before, after;

	sp_buf_init(&before, STATE_MAX);
	sp_buf_init(&after, STATE_MAX);
	tree_describe(r->dir, r->s->may_change, &before);
	if (run(r, fn, NULL, 0, stage) != 0)
		fail(r, "a second start fails: %s", shared->msg);
	tree_describe(r->dir, r->s->may_change, &after);
	differ(r, "a second start changes something", sp_buf_view(&before),
	    sp_buf_view(&after));
	sp_buf_done(&before);
	sp_buf_done(&after);
}

/* Start again without a fault: to the end, and then no further. */
static void
resume(struct run *r, uint64_t stage)
{
	struct sp_buf have;

	sp_buf_init(&have, STATE_MAX);
	if (work(r, NULL, 0, stage) != 0)
		fail(r, "the work does not go on: %s", shared->msg);
	look(r, &have);
	differ(r, "after going on, the undisturbed end", sp_buf_view(&r->end),
	    sp_buf_view(&have));
	idle(r, r->s->work, stage + 1);
	sp_buf_done(&have);
}

static bool
fails_only(const char *kind)
{
	return (kind[0] == 'e');
}

/* Kinds that act on every call; the others only on some. */
static bool
acts_always(const char *kind)
{
	return (strcmp(kind, "crash") == 0 || strcmp(kind, "power") == 0 ||
		strcmp(kind, "rewind") == 0);
}

/* What the fault left: before, while and after recovering from it. */
static void
judge(struct run *r, struct sp_view acks, uint64_t stage)
{
	struct sp_buf have;

	sp_buf_init(&have, STATE_MAX);
	look(r, &have);
	check_prefix(r, sp_buf_view(&have));
	if (r->s->start != NULL) {
		if (run(r, r->s->start, NULL, 0, stage) != 0)
			fail(r, "the recovery fails: %s", shared->msg);
		look(r, &have);
		check_prefix(r, sp_buf_view(&have));
		idle(r, r->s->start, stage + 1);
	}
	check_acks(r, acks, sp_buf_view(&have));
	sp_buf_done(&have);
}

/* One run with a fault; whether it fired. */
static bool
strike(struct run *r, const char *kind, uint64_t at, uint64_t stage)
{
	struct sp_buf acks;
	bool fired;
	int status;

	sp_buf_init(&acks, ACKS_MAX);
	status = work(r, kind, at, stage);
	fired = status == EXIT_DIED || (shared->done && shared->fired);
	if (status != 0 && status != EXIT_DIED &&
	    !(status == EXIT_GAVE_UP && fails_only(kind) && fired))
		fail(r, "the work ended with status %d: %s", status,
		    shared->msg);
	if (sp_buf_add(&acks, shared->acks, shared->nacks) != SP_OK)
		abort();
	judge(r, sp_buf_view(&acks), stage + 1);
	sp_buf_done(&acks);
	return (fired);
}

static void
reset(struct run *r)
{
	tree_remove(r->dir);
	tree_copy(r->start, r->dir);
}

/* A second fault while recovering from the first. */
static void
nested(struct run *r, const char *kind, uint64_t at)
{
	static const char *const second[] = { "crash", "power" };
	const size_t first = strlen(r->what);
	uint64_t calls, step;

	reset(r);
	(void)strike(r, kind, at, 1);
	if (work(r, NULL, 0, 4) != 0)
		fail(r, "the work does not go on: %s", shared->msg);
	calls = shared->calls;
	step = calls / (r->s->nested == 0 ? NESTED : r->s->nested) + 1;
	for (size_t k = 0; k < SP_COUNTOF(second); k++) {
		for (uint64_t n = 1 + (at + k) % step; n <= calls; n += step) {
			(void)snprintf(r->what + first, sizeof(r->what) - first,
			    " then %s:%" PRIu64, second[k], n);
			reset(r);
			(void)strike(r, kind, at, 1);
			(void)strike(r, second[k], n, 4);
			resume(r, 7);
			r->tried++;
		}
	}
	r->what[first] = '\0';
}

static void
one(struct run *r, const char *kind, uint64_t at, bool deep)
{
	const uint64_t every = r->s->nested == 1 ? 4 : 1;
	bool fired;

	(void)snprintf(r->what, sizeof(r->what), "%s:%" PRIu64, kind, at);
	reset(r);
	fired = strike(r, kind, at, 1);
	if (!fired && acts_always(kind))
		fail(r, "the fault did not fire");
	r->tried++;
	r->fired += fired;
	resume(r, 4);
	if (deep && fired && acts_always(kind) && at % every == 0)
		nested(r, kind, at);
}

/* The undisturbed run: counts the calls, gives the end. */
static void
measure(struct run *r)
{
	struct sp_buf acks;

	(void)snprintf(r->what, sizeof(r->what), "undisturbed run");
	sp_buf_init(&acks, ACKS_MAX);
	reset(r);
	if (work(r, NULL, 0, 1) != 0)
		fail(r, "%s", shared->msg);
	r->calls = shared->calls;
	if (r->calls == 0 || (shared->nacks == 0 && !r->s->derived))
		fail(r, "the work changes or acknowledges nothing");
	if (sp_buf_add(&acks, shared->acks, shared->nacks) != SP_OK)
		abort();
	look(r, &r->end);
	check_acks(r, sp_buf_view(&acks), sp_buf_view(&r->end));
	sp_buf_done(&acks);
	resume(r, 4);
}

static void
prepare(struct run *r)
{
	/* On a memory file system if there is one: thousands of small trees
	 * are copied. */
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)snprintf(r->root, sizeof(r->root), "%s/sp-crash-XXXXXX", base);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || mkdtemp(r->root) == NULL) {
		perror("crash: cannot prepare");
		exit(2);
	}
	(void)snprintf(r->start, sizeof(r->start), "%s/start", r->root);
	(void)snprintf(r->dir, sizeof(r->dir), "%s/work", r->root);
	if (mkdir(r->start, 0700) != 0)
		abort();
	sp_buf_init(&r->end, STATE_MAX);
	sp_random_seed_for_test(1);
	sp_clock_set_for_test(START - 3600 * SP_SECOND, 1000);
	r->s->setup(r->start);
}

static void
all(struct run *r, uint64_t stride, bool deep)
{
	for (size_t k = 0; k < SP_COUNTOF(kinds); k++) {
		const uint64_t tried = r->tried;
		const uint64_t end = r->calls + !fails_only(kinds[k]);

		r->fired = 0;
		/* The kinds begin at different calls, so that with a stride
		 * they do not all leave out the same ones. */
		for (uint64_t n = 1 + k % stride; n <= end; n += stride)
			one(r, kinds[k], n, deep);
		if (r->fired == 0 && stride == 1)
			fail(r, "the kind never fired");
		(void)printf("%s: %-8s %5" PRIu64 " runs, %" PRIu64 " fired\n",
		    r->s->name, kinds[k], r->tried - tried, r->fired);
		(void)fflush(stdout);
	}
}

int
crash_main(int argc, char **argv, const struct crash_scenario *s)
{
	struct run r = { .s = s };
	uint64_t stride = s->stride == 0 ? 1 : s->stride, at = 0;
	const char *only = NULL, *env = getenv("SP_LONG");
	bool deep = env != NULL && strcmp(env, "1") == 0;

	stride = deep ? 1 : stride;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--long") == 0) {
			deep = true;
			stride = 1;
		} else if (strcmp(argv[i], "--keep") == 0) {
			r.keep = true;
		} else if (strcmp(argv[i], "--stride") == 0 && i + 1 < argc &&
			   sp_view_u64(sp_view_str(argv[i + 1]), &stride) &&
			   stride > 0) {
			i++;
		} else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
			only = argv[++i];
		} else {
			(void)fprintf(stderr,
			    "usage: %s [--long] [--stride N] "
			    "[--only KIND:N] [--keep]\n",
			    argv[0]);
			return (2);
		}
	}
	prepare(&r);
	measure(&r);
	(void)printf("%s: %" PRIu64 " mutating calls\n", s->name, r.calls);
	if (only != NULL) {
		struct sp_view rest = sp_view_str(only);
		char *kind = sp_view_dup(sp_view_cut(&rest, ':'));

		if (!sp_view_u64(rest, &at))
			return (2);
		one(&r, kind, at, deep);
		free(kind);
	} else {
		all(&r, stride, deep);
	}
	(void)printf("%s: %" PRIu64 " faults survived\n", s->name, r.tried);
	if (!r.keep)
		tree_remove(r.root);
	sp_buf_done(&r.end);
	return (0);
}
