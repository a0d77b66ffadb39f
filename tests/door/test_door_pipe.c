/*
 * The pipe against a service of the test's own that answers, stops, refuses or
 * goes away: every message gets its answer, in order, and none is lost or
 * accepted twice.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "journal/door/door_pipe.h"

#define COUNT 500

/* What the door does with the message that it is given. */
enum behaviour {
	ACCEPTS,
	SHUTS, /* each 7th transaction of a connection is answered 421 */
	REFUSES, /* every third one 552 */
	FULL, /* every third one 452 */
	DIES /* reads all the bytes of the 40th and answers nothing */
};

struct door {
	char dir[64], path[128];
	int fd;
	enum behaviour behaviour;
	atomic_uint seq, begun, connections;
	atomic_ullong bytes;
};

struct talk {
	struct door *d;
	int fd;
	FILE *in;
};

static void
say(struct talk *t, const char *text)
{
	(void)!send(t->fd, text, strlen(text), MSG_NOSIGNAL);
}

/* The bytes of a chunk; false at the end of the connection. */
static bool
swallow(struct talk *t, uint64_t n)
{
	char junk[4096];

	while (n > 0) {
		size_t got = fread(junk, 1,
		    n < sizeof(junk) ? (size_t)n : sizeof(junk), t->in);

		if (got == 0)
			return (false);
		n -= got;
		atomic_fetch_add(&t->d->bytes, got);
	}
	return (true);
}

/* One BDAT; false: the connection is over. */
static bool
transaction(struct talk *t, const char *line, unsigned nth)
{
	struct sp_view rest = sp_view_str(line + 5);
	uint64_t n = 0;
	unsigned begun = atomic_fetch_add(&t->d->begun, 1);
	char text[64];

	if (!sp_view_u64(sp_view_cut(&rest, ' '), &n))
		return (false);
	if (t->d->behaviour == SHUTS && nth == 7) {
		say(t, "421 4.3.2 closing\r\n");
		return (false);
	}
	if (!swallow(t, n))
		return (false);
	if (t->d->behaviour == DIES && begun >= 40)
		return (false);
	if (t->d->behaviour == REFUSES && begun % 3 == 0) {
		say(t, "552 5.3.4 too large\r\n");
		return (true);
	}
	if (t->d->behaviour == FULL && begun % 3 == 0) {
		say(t, "452 4.3.1 full\r\n");
		return (true);
	}
	(void)snprintf(text, sizeof(text), "250 2.0.0 Ok: seq=%u sha256=x\r\n",
	    atomic_fetch_add(&t->d->seq, 1));
	say(t, text);
	return (true);
}

static void *
conversation(void *arg)
{
	struct talk *t = arg;
	char *line = NULL;
	size_t cap = 0;
	unsigned nth = 0;
	bool on = true;

	t->in = fdopen(t->fd, "r");
	say(t, "220 hello\r\n");
	while (on && getline(&line, &cap, t->in) > 0) {
		if (strncmp(line, "LHLO", 4) == 0)
			say(t, "250-hello\r\n250 CHUNKING\r\n");
		else if (strncmp(line, "BDAT", 4) == 0)
			on = transaction(t, line, ++nth);
		else
			say(t, "250 2.0.0 Ok\r\n");
	}
	free(line);
	(void)fclose(t->in);
	free(t);
	return (NULL);
}

static void *
doorkeeper(void *arg)
{
	struct door *d = arg;

	for (;;) {
		struct talk *t;
		pthread_t thread;
		int fd = accept(d->fd, NULL, NULL);

		if (fd < 0)
			return (NULL);
		t = calloc(1, sizeof(*t));
		if (t == NULL)
			abort();
		t->d = d;
		t->fd = fd;
		atomic_fetch_add(&d->connections, 1);
		if (pthread_create(&thread, NULL, conversation, t) != 0)
			abort();
		(void)pthread_detach(thread);
	}
}

static pthread_t
door_open(struct door *d, enum behaviour behaviour)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char state[96];
	pthread_t thread;

	memset(d, 0, sizeof(*d));
	d->behaviour = behaviour;
	(void)snprintf(d->dir, sizeof(d->dir), "/tmp/sp-pipe-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	(void)snprintf(state, sizeof(state), "%s/state", d->dir);
	assert_int_equal(mkdir(state, 0700), 0);
	(void)snprintf(d->path, sizeof(d->path), "%s/state/door", d->dir);
	memcpy(sa.sun_path, d->path, strlen(d->path) + 1);
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(d->fd, 64), 0);
	assert_int_equal(pthread_create(&thread, NULL, doorkeeper, d), 0);
	return (thread);
}

static void
door_close(struct door *d, pthread_t thread)
{
	char *state = sp_xasprintf("%s/state", d->dir);

	(void)shutdown(d->fd, SHUT_RDWR);
	(void)pthread_join(thread, NULL);
	(void)close(d->fd);
	(void)unlink(d->path);
	(void)rmdir(state);
	(void)rmdir(d->dir);
	free(state);
	/* The conversations end with their connections. */
	(void)usleep(50000);
}

struct answers {
	size_t next; /* the tag that must come */
	size_t accepted, refused, deferred, unknown;
	uint8_t seen[2 * COUNT]; /* each is a tag; how often it was a seq */
};

static enum sp_code
on_answer(void *ctx, const struct sp_door_answer *a, struct sp_err *err)
{
	struct answers *h = ctx;

	(void)err;
	assert_ptr_equal(a->tag, &h->seen[h->next]);
	h->next++;
	if (a->unknown)
		h->unknown++;
	else if (a->rc == SP_OK)
		h->accepted++;
	else if (a->rc == SP_ELIMIT)
		h->refused++;
	else
		h->deferred++;
	if (a->rc == SP_OK) {
		assert_true(a->seq < sizeof(h->seen));
		assert_int_equal(h->seen[a->seq]++, 0);
	} else {
		assert_true(a->err->msg[0] != '\0');
	}
	return (SP_OK);
}

/* ${count} messages of ${size} bytes in chunks of 1000. */
static enum sp_code
send_them(const struct door *d, struct answers *h, size_t count, size_t size,
    struct sp_err *err)
{
	const struct sp_door_pipe_opts o = { .answer = on_answer, .ctx = h };
	const struct sp_view source = SP_VIEW_LIT("{}");
	struct sp_door_pipe *p = NULL;
	static char bytes[1000];
	enum sp_code rc = sp_door_pipe_open(d->dir, &o, &p, err);

	for (size_t i = 0; rc == SP_OK && i < count; i++) {
		rc = sp_door_pipe_begin(p, source, &h->seen[i], err);
		for (size_t at = 0; rc == SP_OK && at < size; at += 1000) {
			size_t n = size - at < 1000 ? size - at : 1000;

			rc = sp_door_pipe_data(p, sp_view_mem(bytes, n), err);
		}
		if (rc == SP_OK)
			rc = sp_door_pipe_end(p, err);
	}
	if (rc == SP_OK)
		rc = sp_door_pipe_flush(p, err);
	sp_door_pipe_close(p);
	return (rc);
}

static void
run(enum behaviour behaviour, size_t count, size_t size, struct answers *h)
{
	struct door d;
	struct sp_err err = { .msg = "" };
	pthread_t thread = door_open(&d, behaviour);

	memset(h, 0, sizeof(*h));
	if (send_them(&d, h, count, size, &err) != SP_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(h->next, count);
	assert_int_equal(atomic_load(&d.seq), h->accepted);
	assert_true(atomic_load(&d.bytes) >= (uint64_t)h->accepted * size);
	door_close(&d, thread);
}

static void
test_all_are_answered_in_order(void **state)
{
	struct answers h;

	(void)state;
	run(ACCEPTS, COUNT, 3456, &h);
	assert_int_equal(h.accepted, COUNT);
	run(ACCEPTS, COUNT, 0, &h);
	assert_int_equal(h.accepted, COUNT);
}

static void
test_large_messages_go_through_a_file(void **state)
{
	struct answers h;

	(void)state;
	run(ACCEPTS, 9, (5u << 20) + 1, &h);
	assert_int_equal(h.accepted, 9);
}

static void
test_a_message_not_accepted_is_sent_again(void **state)
{
	struct answers h;

	(void)state;
	run(SHUTS, COUNT, 2000, &h);
	assert_int_equal(h.accepted, COUNT);
}

static void
test_one_refused_does_not_stop_the_others(void **state)
{
	struct answers h;

	(void)state;
	run(REFUSES, 300, 100, &h);
	assert_int_equal(h.refused, 100);
	assert_int_equal(h.accepted, 200);
	run(FULL, 300, 100, &h);
	assert_int_equal(h.deferred, 100);
	assert_int_equal(h.accepted, 200);
}

static void
test_a_message_without_answer_is_unknown(void **state)
{
	struct door d;
	struct answers h = { .next = 0 };
	struct sp_err err = { .msg = "" };
	pthread_t thread = door_open(&d, DIES);

	(void)state;
	/* Each connection dies with the message in its hand. */
	if (send_them(&d, &h, 100, 10, &err) != SP_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(h.next, 100);
	assert_int_equal(h.accepted, 40);
	assert_int_equal(h.unknown + h.deferred, 60);
	assert_true(h.unknown > 0);
	door_close(&d, thread);
}

static void
test_a_missing_service_is_not_found(void **state)
{
	const struct sp_door_pipe_opts o = { .answer = on_answer };
	struct sp_door_pipe *p = NULL;
	struct sp_err err;

	(void)state;
	assert_int_equal(
	    sp_door_pipe_open("/nonexistent", &o, &p, &err), SP_ENOTFOUND);
}

static void
test_a_message_begun_may_be_forgotten(void **state)
{
	struct door d;
	struct answers h = { .next = 0 };
	const struct sp_door_pipe_opts o = { .answer = on_answer, .ctx = &h };
	const struct sp_view source = SP_VIEW_LIT("{}");
	struct sp_door_pipe *p = NULL;
	struct sp_err err;
	pthread_t thread = door_open(&d, ACCEPTS);

	(void)state;
	assert_int_equal(sp_door_pipe_open(d.dir, &o, &p, &err), SP_OK);
	assert_int_equal(sp_door_pipe_begin(p, source, &h, &err), SP_OK);
	assert_int_equal(sp_door_pipe_data(p, source, &err), SP_OK);
	sp_door_pipe_abort(p);
	assert_int_equal(sp_door_pipe_begin(p, source, h.seen, &err), SP_OK);
	assert_int_equal(sp_door_pipe_end(p, &err), SP_OK);
	assert_int_equal(sp_door_pipe_flush(p, &err), SP_OK);
	assert_int_equal(h.next, 1);
	sp_door_pipe_close(p);
	door_close(&d, thread);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_are_answered_in_order),
		cmocka_unit_test(test_large_messages_go_through_a_file),
		cmocka_unit_test(test_a_message_not_accepted_is_sent_again),
		cmocka_unit_test(test_one_refused_does_not_stop_the_others),
		cmocka_unit_test(test_a_message_without_answer_is_unknown),
		cmocka_unit_test(test_a_missing_service_is_not_found),
		cmocka_unit_test(test_a_message_begun_may_be_forgotten),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
