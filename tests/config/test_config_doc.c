/* What describes the options must agree with their table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/config/config.h"
#include "base/config/config_priv.h"
#include "base/io.h"

static struct sp_err err;

static struct sp_config *
load(const char *text)
{
	struct sp_config *c = NULL;

	if (sp_config_parse("f", sp_view_str(text), &c, &err) != SP_OK)
		fail_msg("%s", err.msg);
	return (c);
}

static void
test_the_template_loads_and_names_every_option(void **state)
{
	struct sp_config *c = NULL;
	struct sp_buf b;
	char name[64];

	(void)state;
	sp_buf_init(&b, 1 << 20);
	assert_int_equal(sp_config_template(&b, NULL, NULL, NULL), SP_OK);
	c = load(sp_buf_cstr(&b));
	assert_int_equal(c->nlisten, 1);
	assert_string_equal(c->listen[0].address, "127.0.0.1:2525");
	assert_int_equal(c->listen[0].allow.n, 0);
	for (size_t i = 0; i < sp_config_noptions; i++) {
		(void)snprintf(
		    name, sizeof(name), "%s = ", sp_config_options[i].name);
		if (strstr(b.p, name) == NULL)
			fail_msg("%s is not in the template", name);
	}
	sp_config_free(c);
	sp_buf_clear(&b);
	assert_int_equal(
	    sp_config_template(&b, "0.0.0.0:25", "mail \"x\\", "/a b"),
	    SP_EUSAGE);
	assert_int_equal(b.n, 0);
	assert_int_equal(
	    sp_config_template(&b, "0.0.0.0:25", "mail\"x\\", "/a b"), SP_OK);
	c = load(sp_buf_cstr(&b));
	assert_string_equal(c->user, "mail\"x\\");
	assert_string_equal(c->guard, "/a b");
	assert_int_equal(c->listen[0].allow.n, 2);
	sp_config_free(c);
	assert_int_equal(sp_config_template(&b, "here", NULL, NULL), SP_EUSAGE);
	assert_int_equal(
	    sp_config_template(&b, NULL, NULL, "relative"), SP_EUSAGE);
	sp_buf_done(&b);
}

/* A commented default in the template is the real one. */
static void
test_the_template_shows_the_true_defaults(void **state)
{
	struct sp_config *c, *d;
	struct sp_buf b;
	char *p;

	(void)state;
	sp_buf_init(&b, 1 << 20);
	assert_int_equal(sp_config_template(&b, NULL, NULL, NULL), SP_OK);
	d = load(sp_buf_cstr(&b));
	/* Uncomment "#name = value" where the option has a default. */
	for (p = b.p; (p = strchr(p, '#')) != NULL; p++) {
		for (size_t i = 0; i < sp_config_noptions; i++) {
			const size_t n = strlen(sp_config_options[i].name);

			if (sp_config_options[i].value != NULL &&
			    strncmp(p + 1, sp_config_options[i].name, n) == 0 &&
			    strncmp(p + 1 + n, " = ", 3) == 0)
				*p = ' ';
		}
	}
	c = load(b.p);
	assert_string_equal(c->text, d->text);
	sp_config_free(c);
	sp_config_free(d);
	sp_buf_done(&b);
}

/* The item of an option in the manual page, NUL-terminated in ${text}. */
static char *
manual_item(char *text, const struct sp_config_option *o)
{
	char head[64], *p, *end;

	(void)snprintf(head, sizeof(head), ".Sh %s%s",
	    *o->section == '\0' ? "OPTIONS AT TOP LEVEL" : "SECTION ",
	    o->section);
	p = strstr(text, head);
	(void)snprintf(head, sizeof(head), ".It Cm %s = ", o->name);
	p = p == NULL ? NULL : strstr(p + 1, head);
	end = p == NULL ? NULL : strstr(p + 1, "\n.It");
	if (p != NULL && (end == NULL || strstr(p, "\n.El") < end))
		end = strstr(p, "\n.El");
	if (end != NULL)
		*end = '\0';
	return (p);
}

static void
test_the_manual_page_has_every_option_and_its_default(void **state)
{
	struct sp_buf page;
	char want[64];

	(void)state;
	sp_buf_init(&page, 1 << 20);
	for (size_t i = 0; i < sp_config_noptions; i++) {
		const struct sp_config_option *o = &sp_config_options[i];
		const char *item;

		sp_buf_clear(&page);
		assert_int_equal(
		    sp_io_read_file(SP_SOURCE_DIR "/doc/man/sealpost.conf.5",
			1 << 20, &page, &err),
		    SP_OK);
		assert_non_null(sp_buf_cstr(&page));
		item = manual_item(page.p, o);
		(void)snprintf(want, sizeof(want), "Default: %s.",
		    o->value == NULL ? "" : o->value);
		if (o->value == NULL)
			want[strlen("Default: ")] = '\0';
		if (item == NULL || (strstr(item, want) == NULL &&
					strstr(item, "Required.") == NULL))
			fail_msg("%s %s: not in the manual page with \"%s\"",
			    o->section, o->name, want);
	}
	sp_buf_done(&page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_the_template_loads_and_names_every_option),
		cmocka_unit_test(test_the_template_shows_the_true_defaults),
		cmocka_unit_test(
		    test_the_manual_page_has_every_option_and_its_default),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
