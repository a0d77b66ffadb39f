/*
 * A token source on a string, for tests/e2e/oauth_renew.py:
 *
 *	oauth_main CONFIG DIR ACCOUNT
 *
 * reads commands from standard input and answers each with one line: "ok
 * SHA-256 of the token", or the name of the code and the message.
 *
 *	get, again	sp_oauth_get
 *	threads		eight at once, all with "get"; "ok" and how many tokens
 *	wait		seconds of sp_oauth_wait
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "journal/oauth/oauth.h"
#include "journal/oauth/oauth_answer.h"
#include "base/secret.h"

#define THREADS 8

struct got {
	struct sp_oauth *o;
	enum sp_code rc;
	char hex[2 * SP_SHA256_LEN + 1];
	struct sp_err err;
};

static void
get(struct got *g, bool again)
{
	uint8_t digest[SP_SHA256_LEN];
	struct sp_buf token;

	sp_secret_init(&token, SP_OAUTH_TOKEN_MAX);
	g->rc = sp_oauth_get(g->o, again, &token, &g->err);
	sp_sha256_once(token.p, token.n, digest);
	sp_hex_encode(digest, sizeof(digest), g->hex);
	sp_secret_done(&token);
}

static void *
run(void *ctx)
{
	get(ctx, false);
	return (NULL);
}

static void
threads(struct sp_oauth *o)
{
	pthread_t t[THREADS];
	struct got g[THREADS];
	unsigned same = 0;

	for (size_t i = 0; i < THREADS; i++) {
		g[i].o = o;
		if (pthread_create(&t[i], NULL, run, &g[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(t[i], NULL);
	for (size_t i = 0; i < THREADS; i++)
		same += g[i].rc == SP_OK && strcmp(g[i].hex, g[0].hex) == 0;
	printf("ok %u\n", same);
}

static void
serve(struct sp_oauth *o)
{
	struct got g = { .o = o };
	char line[64];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "threads\n") == 0) {
			threads(o);
		} else if (strcmp(line, "wait\n") == 0) {
			printf(
			    "ok %llu\n", (unsigned long long)sp_oauth_wait(o));
		} else {
			get(&g, strcmp(line, "again\n") == 0);
			if (g.rc == SP_OK)
				printf("ok %s\n", g.hex);
			else
				printf("%s %s\n", sp_err_name(g.rc), g.err.msg);
		}
		(void)fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	struct sp_oauth_opts opts = { 0 };
	struct sp_config *c = NULL;
	struct sp_oauth *o;
	struct sp_err err;

	if (argc != 4)
		return (2);
	if (sp_config_load(argv[1], &c, &err) != SP_OK) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return (2);
	}
	opts.dir = argv[2];
	for (size_t i = 0; i < c->npull; i++) {
		if (strcmp(c->pull[i].name, argv[3]) != 0)
			continue;
		opts.account = c->pull[i].name;
		opts.user = c->pull[i].user;
		opts.conf = &c->pull[i].oauth;
	}
	if (opts.conf == NULL)
		return (2);
	o = sp_oauth_new(&opts);
	serve(o);
	sp_oauth_free(o);
	sp_config_free(c);
	return (0);
}
