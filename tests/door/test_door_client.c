/*
 * The client of the door with a service that has no place for it at first, or
 * has had too many of its events: it waits, says so once, and then goes on.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "journal/door/door_client.h"

#define BUSY "421 4.7.0 Too many sessions of your user, 20 are open, try again"
#define RATE "450 4.7.1 Too many events of your user for now, try again"

/* A service of one connection at a time. */
struct service {
	char dir[64], path[96];
	int fd;
	unsigned busy; /* connections that it turns away */
	unsigned rate; /* events that it puts off */
	unsigned taken; /* events */
};

static void
say(FILE *to, const char *text)
{
	(void)fputs(text, to);
	(void)fputs("\r\n", to);
	(void)fflush(to);
}

static void *
serve(void *arg)
{
	struct service *s = arg;
	char *line = NULL;
	size_t cap = 0;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		FILE *f = fdopen(fd, "r+");

		assert_non_null(f);
		if (s->busy > 0) {
			s->busy--;
			say(f, BUSY);
			(void)fclose(f);
			continue;
		}
		say(f, "220 here LMTP");
		while (getline(&line, &cap, f) > 0) {
			if (strncmp(line, "XSEALPOST EVENT", 15) != 0)
				say(f, "250 2.0.0 Ok");
			else if (s->rate > 0) {
				s->rate--;
				say(f, RATE);
			} else {
				s->taken++;
				say(f, "250 2.0.0 Ok: seq=7");
			}
		}
		(void)fclose(f);
	}
	free(line);
	return (NULL);
}

/* What the one who waits is told. */
struct told {
	unsigned n;
	char why[256];
};

static void
on_waiting(void *ctx, const char *why)
{
	struct told *t = ctx;

	t->n++;
	(void)snprintf(t->why, sizeof(t->why), "%s", why);
}

static pthread_t
start(struct service *s)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	pthread_t thread;
	char state[96];

	memcpy(
	    s->dir, "/tmp/sp-client-XXXXXX", sizeof("/tmp/sp-client-XXXXXX"));
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(state, sizeof(state), "%s/state", s->dir);
	assert_int_equal(mkdir(state, 0700), 0);
	(void)snprintf(s->path, sizeof(s->path), "%s/state/door", s->dir);
	memcpy(sa.sun_path, s->path, strlen(s->path) + 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(s->fd, 64), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, s), 0);
	return (thread);
}

static void
stop(struct service *s, pthread_t thread)
{
	char state[96];

	(void)shutdown(s->fd, SHUT_RDWR);
	(void)pthread_join(thread, NULL);
	(void)close(s->fd);
	(void)snprintf(state, sizeof(state), "%s/state", s->dir);
	(void)unlink(s->path);
	(void)rmdir(state);
	(void)rmdir(s->dir);
}

static void
run(unsigned busy, unsigned rate, unsigned notices, const char *why)
{
	struct service s = { .busy = busy, .rate = rate };
	struct told told = { .n = 0 };
	const struct sp_door_opts opts = { .waiting = on_waiting,
		.ctx = &told };
	pthread_t thread = start(&s);
	struct sp_door *d = NULL;
	struct sp_err err = { .msg = "" };
	uint64_t seq = 0;

	assert_int_equal(sp_door_open(s.dir, &opts, &d, &err), SP_OK);
	assert_int_equal(
	    sp_door_event(d, "show", SP_VIEW_LIT("{}"), &seq, &err), SP_OK);
	assert_int_equal(seq, 7);
	sp_door_close(d);
	stop(&s, thread);
	assert_int_equal(s.taken, 1);
	assert_int_equal(told.n, notices);
	if (why != NULL && strstr(told.why, why) == NULL)
		fail_msg("told \"%s\", want %s", told.why, why);
}

static void
test_a_wait_is_told_once_and_ends_in_success(void **state)
{
	(void)state;
	run(0, 0, 0, NULL);
	/* A moment is nobody's business. */
	run(3, 3, 0, NULL);
	run(8, 0, 1, BUSY);
	run(0, 8, 1, RATE);
}

static void
test_who_can_do_without_does_not_wait(void **state)
{
	struct service s = { .busy = 1000 };
	struct told told = { .n = 0 };
	const struct sp_door_opts opts = {
		.at_once = true, .waiting = on_waiting, .ctx = &told
	};
	pthread_t thread = start(&s);
	struct sp_door *d = NULL;
	struct sp_err err = { .msg = "" };

	(void)state;
	assert_int_equal(sp_door_open(s.dir, &opts, &d, &err), SP_EAGAIN);
	assert_non_null(strstr(err.msg, BUSY));
	stop(&s, thread);
	assert_int_equal(s.busy, 999);
	assert_int_equal(told.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_wait_is_told_once_and_ends_in_success),
		cmocka_unit_test(test_who_can_do_without_does_not_wait),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
