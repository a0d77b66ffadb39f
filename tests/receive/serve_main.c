/*
 * The receiving server alone, for benches and tests from outside:
 *
 *	serve_main DIR PORT [log] [memory=BYTES]
 *
 * Makes a bare archive in DIR if there is none, serves SMTP on 127.0.0.1:PORT
 * (and the door), drains on SIGTERM, prints what happened.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "journal/log/append.h"
#include "base/layout.h"
#include "journal/receive/receive.h"

static void
must(enum sp_code code, const struct sp_err *err)
{
	if (code == SP_OK)
		return;
	(void)fprintf(stderr, "serve_main: %s\n", err->msg);
	exit(2);
}

static void
make_archive(const char *dir)
{
	static const char *const parts[] = { "keys", "intake", "archive",
		"tree", "state" };
	struct sp_err err;

	must(sp_io_mkdirs(dir, 0750, &err), &err);
	for (size_t i = 0; i < SP_COUNTOF(parts); i++) {
		char *path = sp_layout_path(dir, parts[i]);

		must(sp_io_mkdir(path, 0750, &err), &err);
		free(path);
	}
	must(sp_layout_write_format(dir, "bench.example/journal", &err), &err);
}

static int
listen_tcp(uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    listen(fd, 1024) != 0) {
		(void)fprintf(stderr, "serve_main: %s\n", strerror(errno));
		exit(2);
	}
	return (fd);
}

static int
listen_door(const char *dir)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/state/door", dir);
	(void)unlink(sa.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    listen(fd, 64) != 0) {
		(void)fprintf(stderr, "serve_main: %s\n", strerror(errno));
		exit(2);
	}
	return (fd);
}

struct context {
	uv_loop_t loop;
	struct sp_receive *receive;
	bool log;
};

static void
on_log(void *ctx, enum sp_log_level level, const char *event, const char *text)
{
	struct context *c = ctx;

	(void)level;
	if (c->log)
		(void)fprintf(stderr, "%s %s\n", event, text);
}

static void
on_drained(void *ctx)
{
	struct context *c = ctx;

	uv_stop(&c->loop);
}

static void
on_signal(uv_signal_t *s, int number)
{
	struct context *c = s->data;

	(void)number;
	sp_receive_drain(c->receive, on_drained, c);
}

static void
report(struct context *c)
{
	struct sp_receive_stats st;
	struct rusage ru;

	sp_receive_stats(c->receive, &st);
	(void)getrusage(RUSAGE_SELF, &ru);
	(void)printf("accepted=%" PRIu64 " bytes=%" PRIu64 " batches=%" PRIu64
		     " refused=%" PRIu64 " deferred=%" PRIu64
		     " spilled=%" PRIu64 " cpu_ms=%ld maxrss_kib=%ld\n",
	    st.accepted, st.accepted_bytes, st.batches, st.refused, st.deferred,
	    st.spilled,
	    (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
		(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000,
	    ru.ru_maxrss);
}

static void
options(int argc, char **argv, struct sp_config *cfg, struct context *c)
{
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "log") == 0)
			c->log = true;
		else if (strncmp(argv[i], "memory=", 7) == 0 &&
			 sp_config_size(argv[i] + 7, &cfg->memory))
			continue;
		else {
			(void)fprintf(
			    stderr, "serve_main: what is %s?\n", argv[i]);
			exit(2);
		}
	}
}

static void
serve(struct context *c, struct sp_config *cfg, struct sp_append *append,
    const char *dir, uint16_t port)
{
	int fd = listen_tcp(port);
	const struct sp_receive_opts ro = { .loop = &c->loop,
		.cfg = cfg,
		.append = append,
		.dir = dir,
		.fds = &fd,
		.door_fd = listen_door(dir),
		.log = on_log,
		.ctx = c };
	uv_signal_t term;
	struct sp_err err;

	if (uv_loop_init(&c->loop) != 0)
		exit(2);
	must(sp_receive_new(&ro, &c->receive, &err), &err);
	term.data = c;
	(void)uv_signal_init(&c->loop, &term);
	(void)uv_signal_start(&term, on_signal, SIGTERM);
	(void)printf("ready\n");
	(void)fflush(stdout);
	(void)uv_run(&c->loop, UV_RUN_DEFAULT);
	report(c);
	sp_receive_free(c->receive);
	uv_close((uv_handle_t *)&term, NULL);
	(void)uv_run(&c->loop, UV_RUN_NOWAIT);
	(void)close(fd);
	(void)close(ro.door_fd);
}

int
main(int argc, char **argv)
{
	const struct sp_append_opts ao = { .by = "sealpost bench",
		.accept_clock = true,
		.lock_wait_ms = 1000 };
	static char name[] = "bench", host[] = "bench.example";
	struct sp_config *cfg = sp_config_default();
	struct sp_append *append = NULL;
	struct sp_intake_found found;
	struct context c = { .log = false };
	struct sp_err err;
	uint64_t port;
	struct sp_listen l = {
		.name = name,
		.hostname = host,
		.journal = true,
		.max_message = UINT64_C(150) << 20,
		.max_recipients = 1000,
		.max_line = 65536,
		.max_errors = 20,
		.max_junk = 100,
		.max_sessions = 2000,
		.max_per_peer = 2000,
		.timeout = 300,
		.data_timeout = 180,
		.min_rate = 100,
	};

	if (argc < 3 || !sp_view_u64(sp_view_str(argv[2]), &port) ||
	    port > UINT16_MAX) {
		(void)fprintf(stderr,
		    "usage: serve_main DIR PORT [log] [memory=BYTES]\n");
		return (2);
	}
	options(argc, argv, cfg, &c);
	cfg->listen = &l;
	cfg->nlisten = 1;
	cfg->disk_reserve = 0;
	make_archive(argv[1]);
	must(sp_append_open(argv[1], cfg, &ao, &append, &found, &err), &err);
	serve(&c, cfg, append, argv[1], (uint16_t)port);
	sp_append_close(append);
	cfg->listen = NULL;
	cfg->nlisten = 0;
	sp_config_free(cfg);
	return (0);
}
