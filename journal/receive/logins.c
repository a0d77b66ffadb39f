/*
 * Logins whose password is to be hashed, on libuv's pool and a few at a time;
 * and for each address how many were wrong lately.  connection_login.c pushes
 * jobs, receive_log.c counts wrong ones, the sessions of a listener ask whether
 * an address may try again.
 */
#include "journal/receive/logins.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define SLOTS 1024 /* peers remembered; another may take the place of one */
#define KEY   16

/* Wrong logins of one address in the window that began with the first. */
struct guesser {
	uint8_t key[KEY];
	bool used;
	uint64_t since; /* of the window */
	unsigned failures;
};

struct sp_logins {
	uv_loop_t *loop;
	void (*idle)(void *ctx);
	void *ctx;
	struct sp_login_job *head, **tail; /* waiting */
	unsigned running;
	struct guesser slot[SLOTS];
};

struct sp_logins *
sp_logins_new(uv_loop_t *loop, void (*idle)(void *ctx), void *ctx)
{
	struct sp_logins *l = sp_xcalloc(1, sizeof(*l));

	l->loop = loop;
	l->idle = idle;
	l->ctx = ctx;
	l->tail = &l->head;
	return (l);
}

void
sp_logins_free(struct sp_logins *l)
{
	assert(l == NULL || sp_logins_idle(l));
	free(l);
}

bool
sp_logins_idle(const struct sp_logins *l)
{
	return (l->running == 0 && l->head == NULL);
}

/* ---- the pool -------------------------------------------------------- */

static void start_checks(struct sp_logins *l);

/* On the pool. */
static void
check_password(uv_work_t *work)
{
	struct sp_login_job *job = work->data;

	sp_session_check(job->session);
}

/* Back on the loop. */
static void
on_checked(uv_work_t *work, int status)
{
	struct sp_login_job *job = work->data;
	struct sp_logins *l = job->logins;

	(void)status;
	l->running--;
	start_checks(l);
	job->done(job);
	if (sp_logins_idle(l))
		l->idle(l->ctx);
}

/* Give jobs to the pool while fewer than SP_LOGIN_RUNNING are there. */
static void
start_checks(struct sp_logins *l)
{
	while (l->running < SP_LOGIN_RUNNING && l->head != NULL) {
		struct sp_login_job *job = l->head;

		l->head = job->next;
		if (l->head == NULL)
			l->tail = &l->head;
		job->work.data = job;
		if (uv_queue_work(
			l->loop, &job->work, check_password, on_checked) != 0)
			abort();
		l->running++;
	}
}

/* In turns: an address's first job that waits has the turn that is on, each
 * further one the next, and jobs go by their turns.  So the first of each
 * address comes before the second of any, and none waits for ever. */
void
sp_logins_push(struct sp_logins *l, struct sp_login_job *job)
{
	struct sp_login_job **at;

	job->logins = l;
	job->turn = l->head == NULL ? 0 : l->head->turn;
	for (const struct sp_login_job *j = l->head; j != NULL; j = j->next) {
		if (j->who == job->who)
			job->turn = j->turn + 1;
	}
	for (at = &l->head; *at != NULL && (*at)->turn <= job->turn;
	     at = &(*at)->next)
		;
	job->next = *at;
	*at = job;
	if (job->next == NULL)
		l->tail = &job->next;
	start_checks(l);
}

/* ---- who guesses ----------------------------------------------------- */

/* By what a peer is counted: the address without its port, of IPv6 the network
 * of 64 bits, and for a user of this host the text itself. */
static void
peer_key(const char *peer, uint8_t key[KEY])
{
	const char *colon = strrchr(peer, ':');
	char text[INET6_ADDRSTRLEN + 2] = "";
	size_t n = colon == NULL ? strlen(peer) : (size_t)(colon - peer);

	memset(key, 0, KEY);
	n = n < sizeof(text) ? n : sizeof(text) - 1;
	memcpy(text, peer, n);
	text[n] = '\0';
	if (n > 2 && text[0] == '[') {
		text[n - 1] = '\0';
		if (inet_pton(AF_INET6, text + 1, key) == 1)
			memset(key + 8, 0, KEY - 8);
	} else if (inet_pton(AF_INET, text, key + 12) == 1)
		key[10] = key[11] = 0xff;
	else
		/* "unix:uid=1000" */
		memcpy(key, peer, strnlen(peer, KEY));
}

/* Where an address is counted.  Another one with the same place takes it over:
 * memory is limited whatever comes. */
static size_t
find_slot(const uint8_t key[KEY])
{
	uint32_t h = UINT32_C(2166136261);

	for (size_t i = 0; i < KEY; i++)
		h = (h ^ key[i]) * UINT32_C(16777619);
	return (h % SLOTS);
}

void
sp_logins_failed(struct sp_logins *l, const char *peer, uint64_t now)
{
	uint8_t key[KEY];
	struct guesser *g;

	peer_key(peer, key);
	g = &l->slot[find_slot(key)];
	if (!g->used || memcmp(g->key, key, KEY) != 0 ||
	    now - g->since > SP_LOGIN_WINDOW_MS) {
		memcpy(g->key, key, KEY);
		g->used = true;
		g->since = now;
		g->failures = 0;
	}
	g->failures++;
}

bool
sp_logins_may_try(const struct sp_logins *l, const char *peer, uint64_t now)
{
	uint8_t key[KEY];
	const struct guesser *g;

	peer_key(peer, key);
	g = &l->slot[find_slot(key)];
	return (!g->used || memcmp(g->key, key, KEY) != 0 ||
		now - g->since > SP_LOGIN_WINDOW_MS ||
		g->failures < SP_LOGIN_FAILURES);
}
