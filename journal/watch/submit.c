/*
 * Sends one mail to one server through libcurl, over a connection of its own,
 * and writes the header of such a mail: see journal/watch/submit.h.
 */
#include "journal/watch/submit.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/secret.h"

#define CONNECT_SECONDS 15L
#define WHOLE_SECONDS	60L
#define HOST_MAX	256

struct upload {
	struct sp_view left; /* to be sent */
};

/* libcurl asks for more of the mail. */
static size_t
on_read(char *to, size_t size, size_t n, void *ctx)
{
	struct upload *u = ctx;
	size_t room = size * n;

	if (room > u->left.n)
		room = u->left.n;
	if (room == 0)
		return (0);
	memcpy(to, u->left.p, room);
	u->left.p += room;
	u->left.n -= room;
	return (room);
}

/* Read the password into ${out}, which is made here if there is one to read. */
static enum sp_code
read_password(
    const struct sp_config *cfg, struct sp_buf *out, struct sp_err *err)
{
	if (cfg->submit_password_file == NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "section submit has a user and no password_file"));
	return (sp_secret_line(
	    "submit.password_file", cfg->submit_password_file, out, err));
}

static void
set_security(CURL *c, const struct sp_config *cfg)
{
	switch (cfg->submit_security) {
	case SP_SUBMIT_NONE:
		(void)curl_easy_setopt(c, CURLOPT_USE_SSL, CURLUSESSL_NONE);
		break;
	case SP_SUBMIT_STARTTLS:
	case SP_SUBMIT_TLS:
		(void)curl_easy_setopt(c, CURLOPT_USE_SSL, CURLUSESSL_ALL);
		break;
	}
	if (cfg->submit_ca != NULL)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, cfg->submit_ca);
	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
}

/* What libcurl's ${code} and the last reply mean; ${text} is its error text, or
 * empty. */
static enum sp_code
result(CURL *c, CURLcode code, const char *server, const char *text,
    struct sp_err *err)
{
	long reply = 0;

	if (code == CURLE_OK)
		return (SP_OK);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &reply);
	if (reply >= 400)
		return (sp_err_set(err, reply < 500 ? SP_EAGAIN : SP_EPERM, 0,
		    "mail server %s answered %ld", server, reply));
	return (sp_err_set(err, SP_EAGAIN, 0, "mail server %s: %s", server,
	    *text != '\0' ? text : curl_easy_strerror(code)));
}

/* Send ${mail} with the handle ${c}, by ${secret} where a user is configured. */
static enum sp_code
perform(CURL *c, const struct sp_config *cfg, const struct sp_submit_mail *mail,
    const char *password, struct sp_err *err)
{
	const char *scheme =
	    cfg->submit_security == SP_SUBMIT_TLS ? "smtps" : "smtp";
	char *url = sp_xasprintf("%s://%s/", scheme, cfg->submit_server);
	char text[CURL_ERROR_SIZE] = "";
	struct curl_slist *to = NULL;
	struct upload u = { mail->text };
	enum sp_code rc;

	for (size_t i = 0; i < mail->nto; i++) {
		struct curl_slist *more = curl_slist_append(to, mail->to[i]);

		if (more == NULL)
			abort();
		to = more;
	}
	set_security(c, cfg);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text);
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, WHOLE_SECONDS);
	(void)curl_easy_setopt(c, CURLOPT_MAIL_FROM, cfg->submit_from);
	(void)curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to);
	(void)curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	(void)curl_easy_setopt(c, CURLOPT_READDATA, &u);
	(void)curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	if (cfg->submit_user != NULL) {
		(void)curl_easy_setopt(c, CURLOPT_USERNAME, cfg->submit_user);
		(void)curl_easy_setopt(c, CURLOPT_PASSWORD, password);
	}
	rc = result(c, curl_easy_perform(c), cfg->submit_server, text, err);
	curl_slist_free_all(to);
	free(url);
	return (rc);
}

enum sp_code
sp_submit(const struct sp_config *cfg, const struct sp_submit_mail *mail,
    struct sp_err *err)
{
	struct sp_buf secret;
	enum sp_code rc = SP_OK;
	CURL *c;

	if (cfg->submit_server == NULL || cfg->submit_from == NULL)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "no mail server to send by; expected submit { server = \"HOST:PORT\" from = ADDRESS } in the configuration"));
	sp_buf_init(&secret, 0);
	if (cfg->submit_user != NULL)
		rc = read_password(cfg, &secret, err);
	c = rc == SP_OK ? curl_easy_init() : NULL;
	if (rc == SP_OK && c == NULL)
		rc = sp_err_set(err, SP_EAGAIN, 0, "libcurl cannot start");
	if (rc == SP_OK)
		rc = perform(c, cfg, mail, sp_buf_cstr(&secret), err);
	curl_easy_cleanup(c);
	sp_secret_done(&secret);
	return (rc);
}

/* The time now as RFC 5322 section 3.3 writes it, always in UTC. */
static void
date_now(char out[64])
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	const time_t now = (time_t)(sp_clock_wall() / SP_SECOND);
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	(void)gmtime_r(&now, &tm);
	(void)snprintf(out, 64, "%s, %02d %s %d %02d:%02d:%02d +0000",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* One encoded word is at most 75 bytes (RFC 2047 section 2): 45 bytes of text
 * each, never cut inside a character. */
#define WORD 45

/* The field Subject, with encoded words (RFC 2047) where ${subject} is not
 * plain, or long. */
static enum sp_code
add_subject(struct sp_buf *out, const char *subject)
{
	enum sp_code rc = sp_buf_adds(out, "Subject:");
	struct sp_view left = sp_view_str(subject);
	bool plain = left.n < 900;

	for (size_t i = 0; i < left.n; i++)
		plain = plain && left.p[i] >= 0x20 && left.p[i] < 0x7f;
	if (plain) {
		if (rc == SP_OK)
			rc = sp_buf_addf(out, " %s\r\n", subject);
		return (rc);
	}
	while (rc == SP_OK && left.n > 0) {
		size_t n = left.n < WORD ? left.n : WORD;

		while (n < left.n && n > 1 && (left.p[n] & 0xc0) == 0x80)
			n--;
		rc = sp_buf_adds(out, " =?utf-8?B?");
		if (rc == SP_OK)
			rc = sp_b64_append(out, left.p, n);
		if (rc == SP_OK)
			rc = sp_buf_adds(out, "?=\r\n");
		left.p += n;
		left.n -= n;
	}
	return (rc);
}

/* A host without a name is "localhost": the mail must go out all the same. */
enum sp_code
sp_submit_header(const struct sp_config *cfg, const struct sp_submit_mail *mail,
    const char *subject, const char *id, char msgid[SP_SUBMIT_ID_MAX],
    struct sp_buf *out)
{
	char host[HOST_MAX] = "", when[64];
	enum sp_code rc;

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		memcpy(host, "localhost", sizeof("localhost"));
	(void)snprintf(msgid, SP_SUBMIT_ID_MAX, "%s@%s", id, host);
	date_now(when);
	rc = sp_buf_addf(out, "From: Sealpost <%s>\r\n",
	    cfg->submit_from == NULL ? "" : cfg->submit_from);
	for (size_t i = 0; rc == SP_OK && i < mail->nto; i++)
		rc = sp_buf_addf(out, "%s%s%s", i == 0 ? "To: " : "\t",
		    mail->to[i], i + 1 < mail->nto ? ",\r\n" : "\r\n");
	if (rc == SP_OK)
		rc = add_subject(out, subject);
	if (rc == SP_OK)
		rc = sp_buf_addf(out,
		    "Date: %s\r\nMessage-ID: <%s>\r\n"
		    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		    "Content-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: 8bit\r\n\r\n",
		    when, msgid);
	return (rc);
}
