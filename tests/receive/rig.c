/*
 * The server of the tests in this folder: it runs in a thread of its own over
 * an appender that stores in memory and can be blocked or made to fail.
 */
#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"

#define WAIT_MS 5000

/* ---- the appender --------------------------------------------------- */

static struct sp_fake *
fake(struct sp_append *a)
{
	return ((struct sp_fake *)(void *)a);
}

static void
keep(struct sp_fake *f, const struct sp_append_item *i)
{
	char *at;
	size_t got;

	if (i->event != NULL) {
		assert_int_equal(
		    sp_buf_addf(&f->events, "%s %.*s\n", i->event->name,
			(int)i->event->detail.n, i->event->detail.p),
		    SP_OK);
		return;
	}
	at = sp_buf_reserve(&f->stored, i->msg.n);
	assert_non_null(at);
	if (i->msg.p != NULL)
		memcpy(at, i->msg.p, i->msg.n);
	else
		assert_int_equal(
		    sp_io_pread(i->fd, at, i->msg.n, 0, &got, NULL), SP_OK);
	f->stored.n += i->msg.n;
	assert_int_equal(sp_buf_adds(&f->stored, "<EOM>"), SP_OK);
}

enum sp_code
sp_append_commit(struct sp_append *a, struct sp_append_item *items, size_t n,
    struct sp_err *err)
{
	struct sp_fake *f = fake(a);
	enum sp_code code;

	(void)pthread_mutex_lock(&f->lock);
	while (f->blocked) {
		f->waiting = true;
		(void)pthread_cond_broadcast(&f->changed);
		(void)pthread_cond_wait(&f->changed, &f->lock);
	}
	f->waiting = false;
	f->batches++;
	if (n > f->largest)
		f->largest = n;
	code = f->code;
	for (size_t i = 0; i < n; i++) {
		if (items[i].msg.p != NULL && items[i].msg.n > 6 &&
		    memcmp(items[i].msg.p, "TOOBIG", 6) == 0)
			code = SP_ELIMIT;
	}
	for (size_t i = 0; code == SP_OK && i < n; i++) {
		keep(f, &items[i]);
		items[i].seq = f->next_seq++;
	}
	(void)pthread_mutex_unlock(&f->lock);
	if (code != SP_OK)
		return (sp_err_set(err, code, 0, "the fake appender said so"));
	return (SP_OK);
}

enum sp_code
sp_append_tick(struct sp_append *a, struct sp_err *err)
{
	(void)err;
	fake(a)->ticks++;
	return (SP_OK);
}

enum sp_code
sp_append_rotate(struct sp_append *a, struct sp_err *err)
{
	(void)err;
	fake(a)->rotations++;
	return (SP_OK);
}

uint64_t
sp_append_next_seq(const struct sp_append *a)
{
	struct sp_fake *f = (void *)(uintptr_t)a;
	uint64_t n;

	(void)pthread_mutex_lock(&f->lock);
	n = f->next_seq;
	(void)pthread_mutex_unlock(&f->lock);
	return (n);
}

/* ---- the server ----------------------------------------------------- */

/* A network of our own keeps the test from meeting anyone. */
static void
own_network(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP | IFF_RUNNING };
	static bool done;
	int fd;

	if (done)
		return;
	done = true;
	if (unshare(CLONE_NEWNET) != 0)
		return;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	memcpy(ifr.ifr_name, "lo", 3);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	(void)close(fd);
}

static void
listen_both(struct sp_rig *g)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(in);

	g->tcp = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(g->tcp, (void *)&in, sizeof(in)), 0);
	assert_int_equal(listen(g->tcp, 64), 0);
	assert_int_equal(getsockname(g->tcp, (void *)&in, &len), 0);
	g->port = ntohs(in.sin_port);
	g->door = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/door", g->dir);
	assert_int_equal(bind(g->door, (void *)&un, sizeof(un)), 0);
	assert_int_equal(listen(g->door, 64), 0);
}

void
sp_rig_init(struct sp_rig *g)
{
	static char name[] = "mta", host[] = "archive.example";
	char *state;

	own_network();
	*g = (struct sp_rig){ .tcp = -1 };
	(void)pthread_mutex_init(&g->fake.lock, NULL);
	(void)pthread_cond_init(&g->fake.changed, NULL);
	g->fake.next_seq = 100;
	sp_buf_init(&g->fake.stored, 64u << 20);
	sp_buf_init(&g->fake.events, 1u << 20);
	sp_buf_init(&g->log, 8u << 20);
	memcpy(g->dir, "/tmp/sp-rig-XXXXXX", 19);
	assert_non_null(mkdtemp(g->dir));
	state = sp_xasprintf("%s/state", g->dir);
	assert_int_equal(mkdir(state, 0700), 0);
	free(state);
	g->cfg = sp_config_default();
	g->cfg->disk_reserve = 0;
	g->listen = (struct sp_listen){
		.name = name,
		.hostname = host,
		.max_message = 10u << 20,
		.max_recipients = 100,
		.max_line = 65536,
		.max_errors = 20,
		.max_junk = 1000,
		.max_sessions = 1000,
		.max_per_peer = 1000,
		.timeout = 300,
		.data_timeout = 180,
		.min_rate = 100,
		.tls_timeout = 30,
	};
	listen_both(g);
}

static void
on_log(void *ctx, enum sp_log_level level, const char *event, const char *text)
{
	struct sp_rig *g = ctx;

	(void)level;
	(void)pthread_mutex_lock(&g->fake.lock);
	assert_int_equal(sp_buf_addf(&g->log, "%s %s\n", event, text), SP_OK);
	(void)pthread_cond_broadcast(&g->fake.changed);
	(void)pthread_mutex_unlock(&g->fake.lock);
}

/* What is over is no line: it is told again and again.  But for users, of whom
 * it is told once. */
static void
on_alarm(void *ctx, const char *cause, const char *text)
{
	struct sp_rig *g = ctx;

	if (text == NULL && strncmp(cause, "users:", 6) != 0)
		return;
	(void)pthread_mutex_lock(&g->fake.lock);
	assert_int_equal(
	    sp_buf_addf(&g->log, "%s %s %s\n", text == NULL ? "over" : "alarm",
		cause, text == NULL ? "" : text),
	    SP_OK);
	(void)pthread_cond_broadcast(&g->fake.changed);
	(void)pthread_mutex_unlock(&g->fake.lock);
}

static void
on_drained(void *ctx)
{
	struct sp_rig *g = ctx;

	(void)pthread_mutex_lock(&g->fake.lock);
	g->drained = true;
	(void)pthread_mutex_unlock(&g->fake.lock);
}

static void
on_async(uv_async_t *a)
{
	struct sp_rig *g = a->data;
	bool hold, drain, stop;

	(void)pthread_mutex_lock(&g->fake.lock);
	hold = g->want_hold;
	drain = g->want_drain;
	stop = g->want_stop;
	g->want_hold = g->want_drain = false;
	(void)pthread_mutex_unlock(&g->fake.lock);
	if (hold)
		sp_receive_hold(g->r, g->hold);
	if (drain)
		sp_receive_drain(g->r, on_drained, g);
	if (stop)
		uv_stop(&g->loop);
}

static void *
serve(void *ctx)
{
	struct sp_rig *g = ctx;

	(void)uv_run(&g->loop, UV_RUN_DEFAULT);
	sp_receive_free(g->r);
	uv_close((uv_handle_t *)&g->async, NULL);
	(void)uv_run(&g->loop, UV_RUN_DEFAULT);
	return (NULL);
}

void
sp_rig_start(struct sp_rig *g)
{
	struct sp_receive_opts o = { .loop = &g->loop,
		.cfg = g->cfg,
		.append = (struct sp_append *)(void *)&g->fake,
		.dir = g->dir,
		.fds = &g->tcp,
		.door_fd = g->door,
		.log = on_log,
		.alarm = on_alarm,
		.ctx = g };
	struct sp_err err;

	g->cfg->listen = &g->listen;
	g->cfg->nlisten = 1;
	assert_int_equal(uv_loop_init(&g->loop), 0);
	assert_int_equal(uv_async_init(&g->loop, &g->async, on_async), 0);
	g->async.data = g;
	assert_int_equal(sp_receive_new(&o, &g->r, &err), SP_OK);
	assert_int_equal(pthread_create(&g->thread, NULL, serve, g), 0);
}

void
sp_rig_block(struct sp_rig *g, bool on)
{
	(void)pthread_mutex_lock(&g->fake.lock);
	g->fake.blocked = on;
	(void)pthread_cond_broadcast(&g->fake.changed);
	(void)pthread_mutex_unlock(&g->fake.lock);
}

void
sp_rig_wait_blocked(struct sp_rig *g)
{
	(void)pthread_mutex_lock(&g->fake.lock);
	while (!g->fake.waiting)
		(void)pthread_cond_wait(&g->fake.changed, &g->fake.lock);
	(void)pthread_mutex_unlock(&g->fake.lock);
}

static void
ask(struct sp_rig *g, bool *what)
{
	(void)pthread_mutex_lock(&g->fake.lock);
	*what = true;
	(void)pthread_mutex_unlock(&g->fake.lock);
	(void)uv_async_send(&g->async);
}

void
sp_rig_hold(struct sp_rig *g, const char *why)
{
	g->hold = why;
	ask(g, &g->want_hold);
}

void
sp_rig_drain(struct sp_rig *g)
{
	ask(g, &g->want_drain);
}

static bool
await(struct sp_rig *g, struct sp_buf *b, const char *text)
{
	bool found = false;

	for (int i = 0; i < WAIT_MS / 20 && !found; i++) {
		if (i > 0)
			(void)poll(NULL, 0, 20);
		(void)pthread_mutex_lock(&g->fake.lock);
		found = b->n > 0 && strstr(sp_buf_cstr(b), text) != NULL;
		(void)pthread_mutex_unlock(&g->fake.lock);
	}
	return (found);
}

bool
sp_rig_logged(struct sp_rig *g, const char *text)
{
	return (await(g, &g->log, text));
}

bool
sp_rig_event(struct sp_rig *g, const char *text)
{
	return (await(g, &g->fake.events, text));
}

bool
sp_rig_stored(struct sp_rig *g, const char *text)
{
	return (await(g, &g->fake.stored, text));
}

bool
sp_rig_drained(struct sp_rig *g)
{
	bool yes;

	(void)pthread_mutex_lock(&g->fake.lock);
	yes = g->drained;
	(void)pthread_mutex_unlock(&g->fake.lock);
	return (yes);
}

void
sp_rig_done(struct sp_rig *g)
{
	char *state = sp_xasprintf("%s/state", g->dir);
	char *door = sp_xasprintf("%s/door", g->dir);

	sp_rig_block(g, false);
	ask(g, &g->want_stop);
	(void)pthread_join(g->thread, NULL);
	assert_int_equal(uv_loop_close(&g->loop), 0);
	(void)close(g->tcp);
	(void)close(g->door);
	(void)unlink(door);
	(void)rmdir(state);
	(void)rmdir(g->dir);
	free(state);
	free(door);
	g->cfg->listen = NULL;
	g->cfg->nlisten = 0;
	sp_config_free(g->cfg);
	sp_buf_done(&g->fake.stored);
	sp_buf_done(&g->fake.events);
	sp_buf_done(&g->log);
}

/* ---- clients -------------------------------------------------------- */

int
sp_client_from(const struct sp_rig *g, unsigned last)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(g->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in me = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f000000u + last) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (void *)&me, sizeof(me)), 0);
	assert_int_equal(connect(fd, (void *)&in, sizeof(in)), 0);
	return (fd);
}

int
sp_client(const struct sp_rig *g)
{
	return (sp_client_from(g, 1));
}

int
sp_client_door(const struct sp_rig *g)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/door", g->dir);
	assert_int_equal(connect(fd, (void *)&un, sizeof(un)), 0);
	return (fd);
}

void
sp_client_say(int fd, const char *text)
{
	size_t n = strlen(text);

	if (n > 0)
		assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

const char *
sp_client_hear(int fd, char out[512], int ms)
{
	size_t n = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got;

		if (poll(&p, 1, ms) != 1)
			return (NULL);
		got = recv(fd, out + n, 1, 0);
		if (got <= 0)
			return (memcpy(out, "", 1));
		if (out[n] == '\n' || n == 510) {
			out[n] = '\0';
			return (out);
		}
		n++;
	}
}

void
sp_client_ask(int fd, const char *text, const char *want)
{
	char line[512];
	const char *got;

	sp_client_say(fd, text);
	do {
		got = sp_client_hear(fd, line, WAIT_MS);
		if (got == NULL)
			fail_msg("no reply to %s", text);
	} while (strlen(got) > 3 && got[3] == '-');
	if (strncmp(got, want, strlen(want)) != 0)
		fail_msg("to %s: got %s, want %s", text, got, want);
}
