/*
 * AUTH (RFC 4954) with PLAIN (RFC 4616), LOGIN and SCRAM-SHA-256 (RFC 5802).
 *
 *	AUTH --334--> responses of the client --> 235, or CHECK
 *	CHECK: the owner runs sp_session_check() where there is work, lets a
 *	wrong login wait, and calls sp_session_checked()
 *
 * PLAIN and LOGIN give a password, which is hashed in CHECK unless it is the
 * one that was right last.  SCRAM proves it without giving it; only a wrong
 * proof goes to CHECK, to be answered as late as any other.  An unknown name
 * takes the same way as a wrong password, to the end, so that nobody learns
 * which names there are.
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

/* What the next response of the client is. */
enum step { FIRST, LOGIN_PASSWORD, SCRAM_FINAL, SCRAM_DONE };

/* An exchange, from AUTH to its last reply.  Wiped when it ends. */
struct sp_auth {
	enum mechanism mechanism;
	enum step step;
	char user[SP_SCRAM_NAME_MAX + 1];
	struct sp_user *account; /* NULL: no such user */
	bool impossible; /* no user can have this name or password */
	struct sp_scram scram;
	/* of a check (mode CHECK) */
	bool work_due; /* sp_session_check() has to hash the password */
	bool ok; /* the password is right */
	bool reported; /* a wrong one was reported to the owner */
	struct sp_scram_verifier verifier;
	char password[SP_SCRAM_PASSWORD_MAX + 1];
	size_t password_n;
};

/* Wipe and free the exchange. */
static void
drop_exchange(struct sp_session *s)
{
	if (s->login.exchange == NULL)
		return;
	sp_scram_server_done(&s->login.exchange->scram);
	OPENSSL_cleanse(s->login.exchange, sizeof(*s->login.exchange));
	free(s->login.exchange);
	s->login.exchange = NULL;
}

void
sp_session_auth_off(struct sp_session *s)
{
	drop_exchange(s);
	s->login.name[0] = '\0';
	s->login.mechanism = NULL;
	s->login.failures = 0;
}

bool
sp_session_auth_offered(const struct sp_session *s)
{
	return (s->tls.on && s->env->users != NULL);
}

/* Answer ${r}: the exchange is over, and nobody is logged in. */
static void
end_exchange(struct sp_session *s, enum sp_reply r, struct sp_buf *out)
{
	drop_exchange(s);
	s->mode = SP_MODE_COMMAND;
	sp_session_reply(s, r, out);
	sp_session_count_errors(s, out);
}

/* Report to the owner that a login was right or wrong. */
static void
report_login(const struct sp_session *s, bool ok)
{
	struct sp_session_info i;

	sp_session_info(s, &i);
	if (s->env->login != NULL)
		s->env->login(s->env->ctx, &i, s->login.exchange->user,
		    names[s->login.exchange->mechanism], ok);
}

/* Somebody is logged in: 235. */
static void
login_succeeded(struct sp_session *s, struct sp_buf *out)
{
	(void)snprintf(s->login.name, sizeof(s->login.name), "%s",
	    s->login.exchange->user);
	s->login.mechanism = names[s->login.exchange->mechanism];
	s->login.failures = 0;
	report_login(s, true);
	drop_exchange(s);
	s->mode = SP_MODE_COMMAND;
	sp_session_reply(s, SP_REPLY_AUTH_OK, out);
}

/* Name or password was wrong: 535, and after SP_AUTH_TRIES of them 421. */
static void
login_failed(struct sp_session *s, struct sp_buf *out)
{
	if (!s->login.exchange->reported)
		report_login(s, false);
	end_exchange(s, SP_REPLY_AUTH_FAILED, out);
	if (++s->login.failures >= SP_AUTH_TRIES && s->mode != SP_MODE_CLOSED)
		sp_session_close(s, SP_REPLY_ERRORS, out);
}

/* ---- checking -------------------------------------------------------- */

/* Keep the name that the client gives.  One that no user can have is cut or
 * kept as it is, and remembered as impossible. */
static void
store_name(struct sp_auth *a, struct sp_view v)
{
	size_t n = v.n < SP_SCRAM_NAME_MAX ? v.n : SP_SCRAM_NAME_MAX;

	a->impossible = a->impossible || !sp_scram_name_ok(v);
	if (n > 0)
		memcpy(a->user, v.p, n);
	a->user[n] = '\0';
}

/* Go to CHECK with the name that was given and ${password}.  There is no work
 * where the password is the one that was right last. */
static void
begin_check(struct sp_session *s, struct sp_view password)
{
	struct sp_auth *a = s->login.exchange;

	a->impossible = a->impossible || !sp_scram_password_ok(password);
	a->password_n = password.n < SP_SCRAM_PASSWORD_MAX
			    ? password.n
			    : SP_SCRAM_PASSWORD_MAX;
	if (a->password_n > 0)
		memcpy(a->password, password.p, a->password_n);
	a->account = sp_users_find(s->env->users, a->user, &a->verifier);
	a->ok = !a->impossible &&
		sp_users_seen(s->env->users, a->account, password);
	a->work_due = !a->ok;
	s->mode = SP_MODE_CHECK;
}

bool
sp_session_check_due(const struct sp_session *s)
{
	assert(s->mode == SP_MODE_CHECK);
	return (s->login.exchange->work_due);
}

void
sp_session_check(struct sp_session *s)
{
	struct sp_auth *a = s->login.exchange;

	a->ok = sp_scram_check(
		    &a->verifier, sp_view_mem(a->password, a->password_n)) &&
		!a->impossible;
	a->work_due = false;
}

bool
sp_session_check_ok(const struct sp_session *s)
{
	assert(s->mode == SP_MODE_CHECK);
	return (s->login.exchange->ok && s->login.exchange->account != NULL);
}

void
sp_session_check_tell(struct sp_session *s)
{
	assert(s->mode == SP_MODE_CHECK && !s->login.exchange->work_due);
	if (sp_session_check_ok(s) || s->login.exchange->reported)
		return;
	report_login(s, false);
	s->login.exchange->reported = true;
}

void
sp_session_checked(struct sp_session *s, struct sp_buf *out)
{
	struct sp_auth *a = s->login.exchange;

	assert(s->mode == SP_MODE_CHECK && !a->work_due);
	if (sp_session_check_ok(s)) {
		sp_users_saw(s->env->users, a->account,
		    sp_view_mem(a->password, a->password_n));
		login_succeeded(s, out);
	} else
		login_failed(s, out);
	if (s->draining && s->mode != SP_MODE_CLOSED)
		sp_session_close(s, SP_REPLY_CLOSING, out);
}

/* ---- the mechanisms -------------------------------------------------- */

/* Send "334 TEXT" in base64, and wait for the response. */
static void
send_challenge(struct sp_session *s, struct sp_view text, struct sp_buf *out)
{
	char b64[CHALLENGE_MAX / 3 * 4 + 8];

	assert(text.n <= CHALLENGE_MAX);
	sp_b64_encode(text.p == NULL ? "" : text.p, text.n, b64);
	s->mode = SP_MODE_AUTH;
	sp_session_challenge(s, b64, out);
}

/* PLAIN: authorization identity, NUL, name, NUL, password. */
static void
plain_step(struct sp_session *s, struct sp_view msg, struct sp_buf *out)
{
	struct sp_view rest = msg, other = sp_view_cut(&rest, '\0'), name;

	name = sp_view_cut(&rest, '\0');
	if (rest.p == NULL || name.n == 0 ||
	    memchr(rest.p, '\0', rest.n) != NULL) {
		end_exchange(s, SP_REPLY_AUTH_SYNTAX, out);
		return;
	}
	store_name(s->login.exchange, name);
	/* Nobody logs in for another (doc/smtp.md, "Logging in"). */
	if (other.n > 0 && !sp_view_eq(other, name))
		s->login.exchange->impossible = true;
	begin_check(s, rest);
}

/* LOGIN: the name is one response, the password another. */
static void
login_step(struct sp_session *s, struct sp_view msg, struct sp_buf *out)
{
	if (s->login.exchange->step == LOGIN_PASSWORD) {
		begin_check(s, msg);
		return;
	}
	store_name(s->login.exchange, msg);
	s->login.exchange->step = LOGIN_PASSWORD;
	send_challenge(s, SP_VIEW_LIT("Password:"), out);
}

/* SCRAM: client-first is here; answer with server-first for the name's
 * verifier. */
static void
scram_first(struct sp_session *s, struct sp_view msg, struct sp_buf *out)
{
	struct sp_auth *a = s->login.exchange;
	struct sp_buf b;

	if (!sp_scram_server_first(&a->scram, msg)) {
		end_exchange(s, SP_REPLY_AUTH_SYNTAX, out);
		return;
	}
	store_name(a, sp_view_str(a->scram.name));
	a->account =
	    sp_users_find(s->env->users, a->scram.name, &a->scram.verifier);
	sp_buf_init(&b, CHALLENGE_MAX);
	if (sp_scram_server_challenge(&a->scram, &b) != SP_OK)
		end_exchange(s, SP_REPLY_AUTH_SYNTAX, out);
	else {
		a->step = SCRAM_FINAL;
		send_challenge(s, sp_buf_view(&b), out);
	}
	sp_buf_done(&b);
}

/* SCRAM: take the next message of the client.  The last one is empty, since the
 * signature of the server goes out as a challenge. */
static void
scram_step(struct sp_session *s, struct sp_view msg, struct sp_buf *out)
{
	struct sp_auth *a = s->login.exchange;
	struct sp_buf b;

	if (a->step == FIRST) {
		scram_first(s, msg, out);
		return;
	}
	if (a->step == SCRAM_DONE) {
		if (msg.n > 0)
			end_exchange(s, SP_REPLY_AUTH_SYNTAX, out);
		else
			login_succeeded(s, out);
		return;
	}
	sp_buf_init(&b, CHALLENGE_MAX);
	if (sp_scram_server_final(&a->scram, msg, &b) && a->account != NULL &&
	    !a->impossible) {
		a->step = SCRAM_DONE;
		send_challenge(s, sp_buf_view(&b), out);
	} else {
		/* Nothing is to be hashed, but it waits as any wrong
		 * login does. */
		a->ok = a->work_due = false;
		s->mode = SP_MODE_CHECK;
	}
	sp_buf_done(&b);
}

/* Give a decoded response to its mechanism. */
static void
next_step(struct sp_session *s, struct sp_view msg, struct sp_buf *out)
{
	switch (s->login.exchange->mechanism) {
	case PLAIN:
		plain_step(s, msg, out);
		break;
	case LOGIN:
		login_step(s, msg, out);
		break;
	case SCRAM:
		scram_step(s, msg, out);
		break;
	case MECHANISMS:
		abort();
	}
}

/* Decode a response from base64 and act on it; the decoded bytes are wiped. */
static void
decode_response(struct sp_session *s, struct sp_view b64, struct sp_buf *out)
{
	size_t room = b64.n / 4 * 3 + 3, n;
	uint8_t *raw = sp_xmalloc(room);

	if (sp_b64_decode(b64, raw, &n))
		next_step(s, sp_view_mem(raw, n), out);
	else
		end_exchange(s, SP_REPLY_AUTH_SYNTAX, out);
	OPENSSL_cleanse(raw, room);
	free(raw);
}

/* "*" cancels the exchange (RFC 4954 section 4). */
void
sp_session_auth_line(struct sp_session *s, enum sp_reply bad,
    struct sp_view line, struct sp_buf *out)
{
	if (s->pipelined)
		sp_session_close(s, SP_REPLY_EARLY, out);
	else if (bad != SP_REPLY_NONE)
		end_exchange(s,
		    bad == SP_REPLY_LINE_LONG ? SP_REPLY_AUTH_LONG : bad, out);
	else if (sp_view_eq_str(line, "*"))
		end_exchange(s, SP_REPLY_AUTH_CANCEL, out);
	else
		decode_response(s, line, out);
}

/* ---- the command ----------------------------------------------------- */

/* The mechanism of that name, any case, or MECHANISMS. */
static enum mechanism
find_mechanism(struct sp_view v)
{
	for (size_t i = 0; i < MECHANISMS; i++) {
		if (sp_view_ieq_str(v, names[i]))
			return ((enum mechanism)i);
	}
	return (MECHANISMS);
}

/* Why AUTH with mechanism ${m} is refused; SP_REPLY_NONE: it may begin. */
static enum sp_reply
refuse_auth(const struct sp_session *s, enum mechanism m)
{
	const struct sp_session_env *env = s->env;
	struct sp_session_info i;

	if (env->users == NULL && !env->users_unusable)
		return (SP_REPLY_NOT_OFFERED);
	if (s->phase == SP_PHASE_GREETED || !s->client.extended)
		return (SP_REPLY_NEED_HELO);
	if (s->phase > SP_PHASE_READY)
		return (SP_REPLY_IN_MAIL);
	if (s->login.name[0] != '\0')
		return (SP_REPLY_AUTH_TWICE);
	if (!s->tls.on)
		return (SP_REPLY_AUTH_CLEAR);
	if (env->users_unusable)
		return (SP_REPLY_AUTH_LATER);
	if (m == MECHANISMS)
		return (SP_REPLY_AUTH_UNKNOWN);
	sp_session_info(s, &i);
	return (env->may_login == NULL || env->may_login(env->ctx, &i)
		    ? SP_REPLY_NONE
		    : SP_REPLY_AUTH_BLOCKED);
}

/* A first response may stand in the command; "=" is an empty one (RFC 4954
 * section 4). */
void
sp_session_auth(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	struct sp_view first = arg, word = sp_view_cut(&first, ' ');
	enum mechanism m = find_mechanism(word);
	enum sp_reply bad = refuse_auth(s, m);

	if (bad != SP_REPLY_NONE) {
		sp_session_reply(s, bad, out);
		return;
	}
	drop_exchange(s);
	s->login.exchange = sp_xcalloc(1, sizeof(*s->login.exchange));
	s->login.exchange->mechanism = m;
	sp_scram_server_init(&s->login.exchange->scram);
	first = sp_view_trim(first);
	if (first.n == 0)
		send_challenge(s,
		    m == LOGIN ? SP_VIEW_LIT("Username:") : SP_VIEW_LIT(""),
		    out);
	else if (sp_view_eq_str(first, "="))
		next_step(s, SP_VIEW_LIT(""), out);
	else
		decode_response(s, first, out);
}
