/*
 * AUTH (RFC 4954): PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256.
 *
 *	AUTH --334--> lines of the client --> success, or CHECK
 *	CHECK: the owner does the work of sp_session_check() where there is
 *	any, lets a wrong answer wait, and calls sp_session_checked()
 *
 * An unknown name takes the same way as a wrong password, to the end.
 */
#include <assert.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "journal/smtp/session_priv.h"
#include "journal/smtp/users.h"

#define CHALLENGE_MAX 1024

enum mechanism { PLAIN, LOGIN, SCRAM, MECHANISMS };
static const char *const names[MECHANISMS] = { "PLAIN", "LOGIN",
	"SCRAM-SHA-256" };

enum step { FIRST, LOGIN_PASSWORD, SCRAM_FINAL, SCRAM_DONE };

struct sp_auth {
	enum mechanism mechanism;
	enum step step;
	char user[SP_SCRAM_NAME_MAX + 1];
	struct sp_user *known; /* NULL: unknown */
	bool odd; /* no name or password that could be right */
	struct sp_scram scram;
	/* of a check */
	bool due, ok, told;
	struct sp_scram_verifier verifier;
	char password[SP_SCRAM_PASSWORD_MAX + 1];
	size_t password_n;
};

static void
forget(struct sp_session *s)
{
	if (s->auth == NULL)
		return;
	sp_scram_server_done(&s->auth->scram);
	OPENSSL_cleanse(s->auth, sizeof(*s->auth));
	free(s->auth);
	s->auth = NULL;
}

void
sp_session_auth_off(struct sp_session *s)
{
	forget(s);
	s->auth_name[0] = '\0';
	s->auth_mechanism = NULL;
	s->auth_tries = 0;
}

bool
sp_session_auth_offered(const struct sp_session *s)
{
	return (s->tls && s->env->users != NULL);
}

/* The exchange is over without a result. */
static void
give_up(struct sp_session *s, enum sp_reply r, struct sp_buf *out)
{
	forget(s);
	s->mode = SP_MODE_COMMAND;
	sp_session_reply(s, r, out);
	sp_session_count_errors(s, out);
}

static void
report(const struct sp_session *s, bool ok)
{
	struct sp_session_info i;

	sp_session_info(s, &i);
	if (s->env->login != NULL)
		s->env->login(s->env->ctx, &i, s->auth->user,
		    names[s->auth->mechanism], ok);
}

static void
succeed(struct sp_session *s, struct sp_buf *out)
{
	(void)snprintf(s->auth_name, sizeof(s->auth_name), "%s", s->auth->user);
	s->auth_mechanism = names[s->auth->mechanism];
	s->auth_tries = 0;
	report(s, true);
	forget(s);
	s->mode = SP_MODE_COMMAND;
	sp_session_reply(s, SP_REPLY_AUTH_OK, out);
}

static void
fail(struct sp_session *s, struct sp_buf *out)
{
	if (!s->auth->told)
		report(s, false);
	give_up(s, SP_REPLY_AUTH_FAILED, out);
	if (++s->auth_tries >= SP_AUTH_TRIES && s->mode != SP_MODE_CLOSED)
		sp_session_close(s, SP_REPLY_ERRORS, out);
}

/* ---- checking -------------------------------------------------------- */

/* A name of the client; what could not be one is only remembered as odd. */
static void
take_name(struct sp_auth *a, struct sp_view v)
{
	size_t n = v.n < SP_SCRAM_NAME_MAX ? v.n : SP_SCRAM_NAME_MAX;

	a->odd = a->odd || !sp_scram_name_ok(v);
	if (n > 0)
		memcpy(a->user, v.p, n);
	a->user[n] = '\0';
}

static void
begin_check(struct sp_session *s, struct sp_view password)
{
	struct sp_auth *a = s->auth;

	a->odd = a->odd || !sp_scram_password_ok(password);
	a->password_n = password.n < SP_SCRAM_PASSWORD_MAX
			    ? password.n
			    : SP_SCRAM_PASSWORD_MAX;
	if (a->password_n > 0)
		memcpy(a->password, password.p, a->password_n);
	a->known = sp_users_find(s->env->users, a->user, &a->verifier);
	a->ok = !a->odd && sp_users_seen(s->env->users, a->known, password);
	a->due = !a->ok;
	s->mode = SP_MODE_CHECK;
}

bool
sp_session_check_due(const struct sp_session *s)
{
	assert(s->mode == SP_MODE_CHECK);
	return (s->auth->due);
}

void
sp_session_check(struct sp_session *s)
{
	struct sp_auth *a = s->auth;

	a->ok = sp_scram_check(
		    &a->verifier, sp_view_mem(a->password, a->password_n)) &&
		!a->odd;
	a->due = false;
}

bool
sp_session_check_ok(const struct sp_session *s)
{
	assert(s->mode == SP_MODE_CHECK);
	return (s->auth->ok && s->auth->known != NULL);
}

void
sp_session_check_tell(struct sp_session *s)
{
	assert(s->mode == SP_MODE_CHECK && !s->auth->due);
	if (sp_session_check_ok(s) || s->auth->told)
		return;
	report(s, false);
	s->auth->told = true;
}

void
sp_session_checked(struct sp_session *s, struct sp_buf *out)
{
	struct sp_auth *a = s->auth;

	assert(s->mode == SP_MODE_CHECK && !a->due);
	if (sp_session_check_ok(s)) {
		sp_users_saw(s->env->users, a->known,
		    sp_view_mem(a->password, a->password_n));
		succeed(s, out);
	} else
		fail(s, out);
	if (s->draining && s->mode != SP_MODE_CLOSED)
		sp_session_close(s, SP_REPLY_CLOSING, out);
}

/* ---- the mechanisms -------------------------------------------------- */

static void
challenge(struct sp_session *s, struct sp_view text, struct sp_buf *out)
{
	char b64[CHALLENGE_MAX / 3 * 4 + 8];

	assert(text.n <= CHALLENGE_MAX);
	sp_b64_encode(text.p == NULL ? "" : text.p, text.n, b64);
	s->mode = SP_MODE_AUTH;
	sp_session_challenge(s, b64, out);
}

/* authorization identity, NUL, name, NUL, password */
static void
plain(struct sp_session *s, struct sp_view msg, struct sp_buf *out)
{
	struct sp_view rest = msg, other = sp_view_cut(&rest, '\0'), name;

	name = sp_view_cut(&rest, '\0');
	if (rest.p == NULL || name.n == 0 ||
	    memchr(rest.p, '\0', rest.n) != NULL) {
		give_up(s, SP_REPLY_AUTH_SYNTAX, out);
		return;
	}
	take_name(s->auth, name);
	/* Nobody acts for another. */
	if (other.n > 0 && !sp_view_eq(other, name))
		s->auth->odd = true;
	begin_check(s, rest);
}

static void
login(struct sp_session *s, struct sp_view msg, struct sp_buf *out)
{
	if (s->auth->step == LOGIN_PASSWORD) {
		begin_check(s, msg);
		return;
	}
	take_name(s->auth, msg);
	s->auth->step = LOGIN_PASSWORD;
	challenge(s, SP_VIEW_LIT("Password:"), out);
}

static void
scram_first(struct sp_session *s, struct sp_view msg, struct sp_buf *out)
{
	struct sp_auth *a = s->auth;
	struct sp_buf b;

	if (!sp_scram_server_first(&a->scram, msg)) {
		give_up(s, SP_REPLY_AUTH_SYNTAX, out);
		return;
	}
	take_name(a, sp_view_str(a->scram.name));
	a->known =
	    sp_users_find(s->env->users, a->scram.name, &a->scram.verifier);
	sp_buf_init(&b, CHALLENGE_MAX);
	if (sp_scram_server_challenge(&a->scram, &b) != SP_OK)
		give_up(s, SP_REPLY_AUTH_SYNTAX, out);
	else {
		a->step = SCRAM_FINAL;
		challenge(s, sp_buf_view(&b), out);
	}
	sp_buf_done(&b);
}

static void
scram(struct sp_session *s, struct sp_view msg, struct sp_buf *out)
{
	struct sp_auth *a = s->auth;
	struct sp_buf b;

	if (a->step == FIRST) {
		scram_first(s, msg, out);
		return;
	}
	if (a->step == SCRAM_DONE) {
		if (msg.n > 0)
			give_up(s, SP_REPLY_AUTH_SYNTAX, out);
		else
			succeed(s, out);
		return;
	}
	sp_buf_init(&b, CHALLENGE_MAX);
	if (sp_scram_server_final(&a->scram, msg, &b) && a->known != NULL &&
	    !a->odd) {
		a->step = SCRAM_DONE;
		challenge(s, sp_buf_view(&b), out);
	} else {
		/* Nothing to compute, but it waits as any wrong answer. */
		a->ok = a->due = false;
		s->mode = SP_MODE_CHECK;
	}
	sp_buf_done(&b);
}

static void
step(struct sp_session *s, struct sp_view msg, struct sp_buf *out)
{
	switch (s->auth->mechanism) {
	case PLAIN:
		plain(s, msg, out);
		break;
	case LOGIN:
		login(s, msg, out);
		break;
	case SCRAM:
		scram(s, msg, out);
		break;
	case MECHANISMS:
		abort();
	}
}

/* One message of the client, in base64. */
static void
take(struct sp_session *s, struct sp_view b64, struct sp_buf *out)
{
	size_t room = b64.n / 4 * 3 + 3, n;
	uint8_t *raw = sp_xmalloc(room);

	if (sp_b64_decode(b64, raw, &n))
		step(s, sp_view_mem(raw, n), out);
	else
		give_up(s, SP_REPLY_AUTH_SYNTAX, out);
	OPENSSL_cleanse(raw, room);
	free(raw);
}

void
sp_session_auth_line(struct sp_session *s, enum sp_reply bad,
    struct sp_view line, struct sp_buf *out)
{
	if (s->more)
		sp_session_close(s, SP_REPLY_EARLY, out);
	else if (bad != SP_REPLY_NONE)
		give_up(s, bad == SP_REPLY_LINE_LONG ? SP_REPLY_AUTH_LONG : bad,
		    out);
	else if (sp_view_eq_str(line, "*"))
		give_up(s, SP_REPLY_AUTH_CANCEL, out);
	else
		take(s, line, out);
}

/* ---- the command ----------------------------------------------------- */

static enum mechanism
mechanism_of(struct sp_view v)
{
	for (size_t i = 0; i < MECHANISMS; i++) {
		if (sp_view_ieq_str(v, names[i]))
			return ((enum mechanism)i);
	}
	return (MECHANISMS);
}

static enum sp_reply
may_auth(const struct sp_session *s, enum mechanism m)
{
	const struct sp_session_env *env = s->env;
	struct sp_session_info i;

	if (env->users == NULL && !env->users_bad)
		return (SP_REPLY_NOT_OFFERED);
	if (s->phase == SP_PHASE_GREETED || !s->extended)
		return (SP_REPLY_NEED_HELO);
	if (s->phase > SP_PHASE_READY)
		return (SP_REPLY_IN_MAIL);
	if (s->auth_name[0] != '\0')
		return (SP_REPLY_AUTH_TWICE);
	if (!s->tls)
		return (SP_REPLY_AUTH_CLEAR);
	if (env->users_bad)
		return (SP_REPLY_AUTH_LATER);
	if (m == MECHANISMS)
		return (SP_REPLY_AUTH_UNKNOWN);
	sp_session_info(s, &i);
	return (env->may_login == NULL || env->may_login(env->ctx, &i)
		    ? SP_REPLY_NONE
		    : SP_REPLY_AUTH_BLOCKED);
}

void
sp_session_auth(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	struct sp_view first = arg, word = sp_view_cut(&first, ' ');
	enum mechanism m = mechanism_of(word);
	enum sp_reply bad = may_auth(s, m);

	if (bad != SP_REPLY_NONE) {
		sp_session_reply(s, bad, out);
		return;
	}
	forget(s);
	s->auth = sp_xcalloc(1, sizeof(*s->auth));
	s->auth->mechanism = m;
	sp_scram_server_init(&s->auth->scram);
	first = sp_view_trim(first);
	if (first.n == 0)
		challenge(s,
		    m == LOGIN ? SP_VIEW_LIT("Username:") : SP_VIEW_LIT(""),
		    out);
	else if (sp_view_eq_str(first, "="))
		step(s, SP_VIEW_LIT(""), out);
	else
		take(s, first, out);
}
