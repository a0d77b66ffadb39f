/*
 * Seals: ours, and what stock openssl says of them; what is changed, cut or
 * made by another key is refused, with the right reason.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "journal/sign/cms.h"
#include "base/layout.h"

#define BIG (3u << 20) /* bytes of the file that is sealed */

extern char **environ;

static char dir[64];
static struct sp_buf key, crt, data, p7s;
static struct sp_sealer *sealer;
static struct sp_certs *certs;

#define must(call)                                          \
	do {                                                \
		struct sp_err *e_ = &err;                   \
		if ((call) != SP_OK)                        \
			fail_msg("%s: %s", #call, e_->msg); \
	} while (0)

static char *
in_dir(const char *name)
{
	return (sp_layout_path(dir, name));
}

static void
save(const char *name, const struct sp_buf *b)
{
	struct sp_err err;
	char *path = in_dir(name);

	must(sp_io_replace(path, b->p, b->n, 0600, &err));
	free(path);
}

static int
setup(void **state)
{
	char *k, *c;
	struct sp_err err;

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/sp-cms-XXXXXX");
	assert_non_null(mkdtemp(dir));
	sp_buf_init(&key, 65536);
	sp_buf_init(&crt, 65536);
	sp_buf_init(&p7s, 65536);
	sp_buf_init(&data, BIG);
	must(sp_sealer_create("archive.example/journal", &key, &crt, &err));
	save("seal.key", &key);
	save("seal.crt", &crt);
	/* Line ends of all sorts: -binary must matter. */
	while (data.n < BIG)
		assert_int_equal(
		    SP_OK, sp_buf_addc(&data, "a\r\nb\nc\r\0"[data.n % 8]));
	save("data", &data);
	k = in_dir("seal.key");
	c = in_dir("seal.crt");
	must(sp_sealer_load(k, c, &sealer, &err));
	must(sp_certs_load(c, &certs, &err));
	must(sp_cms_sign_mem(sealer, sp_buf_view(&data), &p7s, &err));
	save("data.p7s", &p7s);
	free(k);
	free(c);
	return (0);
}

static int
teardown(void **state)
{
	char **names;
	size_t n;

	(void)state;
	assert_int_equal(SP_OK, sp_io_list(dir, &names, &n, NULL));
	for (size_t i = 0; i < n; i++) {
		char *path = in_dir(names[i]);

		(void)unlink(path);
		free(path);
	}
	sp_io_names_free(names, n);
	sp_buf_done(&key);
	sp_buf_done(&crt);
	sp_buf_done(&data);
	sp_buf_done(&p7s);
	sp_certs_free(certs);
	sp_sealer_free(sealer);
	return (rmdir(dir));
}

/* Exit status of a stock command, run in the directory. */
static int
run(const char *const *argv)
{
	posix_spawn_file_actions_t fa;
	const char *args[24];
	int status;
	pid_t pid;
	size_t n = 0;

	assert_int_equal(0, posix_spawn_file_actions_init(&fa));
	(void)posix_spawn_file_actions_addchdir_np(&fa, dir);
	(void)posix_spawn_file_actions_addopen(
	    &fa, 1, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_addopen(
	    &fa, 2, "/dev/null", O_WRONLY, 0);
	while (argv[n] != NULL && n < 23) {
		args[n] = argv[n];
		n++;
	}
	args[n] = NULL;
	/* posix_spawnp does not write through its arguments. */
	if (posix_spawnp(&pid, args[0], &fa, NULL,
		(char *const *)(uintptr_t)args, environ) != 0)
		fail_msg("cannot run %s", args[0]);
	(void)posix_spawn_file_actions_destroy(&fa);
	assert_true(waitpid(pid, &status, 0) == pid);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

#define OPENSSL_VERIFY                                                   \
	"openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", \
	    "data.p7s", "-content"

static void
test_stock_openssl_verifies_a_seal(void **state)
{
	static const char *const ways[][20] = {
		{ OPENSSL_VERIFY, "data", "-CAfile", "seal.crt", "-purpose",
		    "any", "-cades", "-out", "/dev/null", NULL },
		{ OPENSSL_VERIFY, "data", "-CAfile", "seal.crt", "-cades",
		    "-out", "/dev/null", NULL },
		{ OPENSSL_VERIFY, "data", "-CAfile", "seal.crt", "-out",
		    "/dev/null", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(ways); i++) {
		if (run(ways[i]) != 0)
			fail_msg("way %d", (int)i);
	}
}

static void
test_stock_openssl_refuses_changed_data_and_other_certificates(void **state)
{
	static const char *const changed[] = { OPENSSL_VERIFY, "changed",
		"-CAfile", "seal.crt", "-cades", "-out", "/dev/null", NULL };
	static const char *const other[] = { OPENSSL_VERIFY, "data", "-CAfile",
		"other.crt", "-cades", "-out", "/dev/null", NULL };
	struct sp_buf k, c;
	struct sp_err err;

	(void)state;
	data.p[BIG / 2] ^= 1;
	save("changed", &data);
	data.p[BIG / 2] ^= 1;
	sp_buf_init(&k, 65536);
	sp_buf_init(&c, 65536);
	must(sp_sealer_create("archive.example/journal", &k, &c, &err));
	save("other.crt", &c);
	assert_int_not_equal(0, run(changed));
	assert_int_not_equal(0, run(other));
	sp_buf_done(&k);
	sp_buf_done(&c);
}

static void
test_the_certificate_is_what_the_design_says(void **state)
{
	static const char *const argv[] = { "openssl", "x509", "-in",
		"seal.crt", "-noout", "-text", "-out", "text", NULL };
	static const char *const has[] = { "CN = archive.example/journal",
		"Not After : Dec 31 23:59:59 9999 GMT",
		"X509v3 Key Usage: critical\n",
		"                Digital Signature\n", "CA:FALSE",
		"NIST CURVE: P-256", "ecdsa-with-SHA256" };
	struct sp_buf text;
	struct sp_err err;
	char *path = in_dir("text");

	(void)state;
	assert_int_equal(0, run(argv));
	sp_buf_init(&text, 65536);
	must(sp_io_read_file(path, 65535, &text, &err));
	for (size_t i = 0; i < SP_COUNTOF(has); i++) {
		if (strstr(sp_buf_cstr(&text), has[i]) == NULL)
			fail_msg("no %s in %s", has[i], sp_buf_cstr(&text));
	}
	assert_null(strstr(sp_buf_cstr(&text), "Extended Key Usage"));
	sp_buf_done(&text);
	free(path);
}

static void
test_a_long_name_is_cut_to_what_x509_allows(void **state)
{
	char name[129];
	struct sp_buf k, c;
	struct sp_err err;

	(void)state;
	memset(name, 'x', 128);
	name[128] = '\0';
	sp_buf_init(&k, 65536);
	sp_buf_init(&c, 65536);
	must(sp_sealer_create(name, &k, &c, &err));
	sp_buf_done(&k);
	sp_buf_done(&c);
}

static void
test_a_file_and_its_bytes_seal_alike(void **state)
{
	struct sp_buf other;
	struct sp_err err;
	char *path = in_dir("data");

	(void)state;
	sp_buf_init(&other, 65536);
	must(sp_cms_sign_file(sealer, path, &other, &err));
	must(sp_cms_verify_mem(
	    sp_buf_view(&other), sp_buf_view(&data), certs, &err));
	must(sp_cms_verify_file(sp_buf_view(&p7s), path, certs, &err));
	sp_buf_done(&other);
	free(path);
}

static void
test_nothing_at_all_can_be_sealed(void **state)
{
	struct sp_buf seal;
	struct sp_err err;

	(void)state;
	sp_buf_init(&seal, 65536);
	must(sp_cms_sign_mem(sealer, (struct sp_view){ NULL, 0 }, &seal, &err));
	must(sp_cms_verify_mem(
	    sp_buf_view(&seal), (struct sp_view){ NULL, 0 }, certs, &err));
	assert_int_equal(SP_EMISMATCH, sp_cms_verify_mem(sp_buf_view(&seal),
					   SP_VIEW_LIT("x"), certs, &err));
	sp_buf_done(&seal);
}

static void
test_the_reason_of_a_bad_seal_is_told(void **state)
{
	struct sp_buf k, c, seal;
	struct sp_certs *other;
	struct sp_err err;
	char *path = in_dir("data");

	(void)state;
	data.p[7] ^= 1;
	assert_int_equal(SP_EMISMATCH, sp_cms_verify_mem(sp_buf_view(&p7s),
					   sp_buf_view(&data), certs, &err));
	assert_non_null(strstr(err.msg, "not over these bytes"));
	data.p[7] ^= 1;
	sp_buf_init(&k, 65536);
	sp_buf_init(&c, 65536);
	must(sp_sealer_create("archive.example/journal", &k, &c, &err));
	must(sp_certs_parse(sp_buf_view(&c), &other, &err));
	assert_int_equal(SP_EMISMATCH,
	    sp_cms_verify_file(sp_buf_view(&p7s), path, other, &err));
	assert_non_null(strstr(err.msg, "any of the trusted"));
	sp_certs_free(other);
	/* With both certificates in one list either seal holds. */
	must(sp_buf_addv(&c, sp_buf_view(&crt)));
	must(sp_certs_parse(sp_buf_view(&c), &other, &err));
	must(sp_cms_verify_file(sp_buf_view(&p7s), path, other, &err));
	sp_certs_free(other);
	assert_int_equal(SP_EMISMATCH,
	    sp_cms_verify_file(SP_VIEW_LIT("junk"), path, certs, &err));
	assert_non_null(strstr(err.msg, "not a detached CMS signature"));
	sp_buf_init(&seal, 65536);
	assert_int_equal(SP_OK, sp_buf_addv(&seal, sp_buf_view(&p7s)));
	assert_int_equal(SP_OK, sp_buf_addc(&seal, '\0'));
	assert_int_equal(SP_EMISMATCH,
	    sp_cms_verify_file(sp_buf_view(&seal), path, certs, &err));
	sp_buf_done(&seal);
	sp_buf_done(&k);
	sp_buf_done(&c);
	free(path);
}

static void
test_a_seal_cut_or_with_any_bit_flipped_is_refused(void **state)
{
	const struct sp_view text = SP_VIEW_LIT("text");
	struct sp_buf seal;
	struct sp_err err;

	(void)state;
	sp_buf_init(&seal, 65536);
	must(sp_cms_sign_mem(sealer, text, &seal, &err));
	for (size_t n = 0; n < seal.n; n++)
		assert_int_equal(SP_EMISMATCH,
		    sp_cms_verify_mem(
			(struct sp_view){ seal.p, n }, text, certs, &err));
	for (size_t i = 0; i < 8 * seal.n; i++) {
		seal.p[i / 8] = (char)(seal.p[i / 8] ^ (1 << (i % 8)));
		if (sp_cms_verify_mem(sp_buf_view(&seal), text, certs, &err) !=
		    SP_EMISMATCH)
			fail_msg("bit %zu of byte %zu", i % 8, i / 8);
		seal.p[i / 8] = (char)(seal.p[i / 8] ^ (1 << (i % 8)));
	}
	sp_buf_done(&seal);
}

static void
test_keys_that_do_not_fit_are_refused(void **state)
{
	struct sp_sealer *s = NULL;
	struct sp_certs *c = NULL;
	struct sp_buf k, x;
	struct sp_err err;
	char *good = in_dir("seal.key"), *crt_path = in_dir("seal.crt");
	char *other = in_dir("other.key"), *none = in_dir("none");

	(void)state;
	sp_buf_init(&k, 65536);
	sp_buf_init(&x, 65536);
	must(sp_sealer_create("x", &k, &x, &err));
	save("other.key", &k);
	assert_int_equal(SP_EKEY, sp_sealer_load(other, crt_path, &s, &err));
	assert_non_null(strstr(err.msg, "is not the certificate of"));
	assert_int_equal(SP_EKEY, sp_sealer_load(none, crt_path, &s, &err));
	assert_non_null(strstr(err.msg, none));
	assert_int_equal(SP_EKEY, sp_sealer_load(good, none, &s, &err));
	assert_int_equal(SP_EKEY, sp_sealer_load(crt_path, good, &s, &err));
	assert_int_equal(
	    SP_EKEY, sp_certs_parse(SP_VIEW_LIT("no PEM"), &c, &err));
	assert_int_equal(SP_EKEY, sp_certs_parse(SP_VIEW_LIT(""), &c, &err));
	assert_int_equal(SP_EKEY, sp_certs_load(good, &c, &err));
	assert_int_equal(SP_ENOTFOUND, sp_certs_load(none, &c, &err));
	/* A broken certificate behind a good one must not be passed over. */
	x.n = 0;
	must(sp_buf_addv(&x, sp_buf_view(&crt)));
	must(sp_buf_addv(&x, (struct sp_view){ crt.p, crt.n / 2 }));
	assert_int_equal(SP_EKEY, sp_certs_parse(sp_buf_view(&x), &c, &err));
	sp_buf_done(&k);
	sp_buf_done(&x);
	free(good);
	free(crt_path);
	free(other);
	free(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stock_openssl_verifies_a_seal),
		cmocka_unit_test(
		    test_stock_openssl_refuses_changed_data_and_other_certificates),
		cmocka_unit_test(test_the_certificate_is_what_the_design_says),
		cmocka_unit_test(test_a_long_name_is_cut_to_what_x509_allows),
		cmocka_unit_test(test_a_file_and_its_bytes_seal_alike),
		cmocka_unit_test(test_nothing_at_all_can_be_sealed),
		cmocka_unit_test(test_the_reason_of_a_bad_seal_is_told),
		cmocka_unit_test(
		    test_a_seal_cut_or_with_any_bit_flipped_is_refused),
		cmocka_unit_test(test_keys_that_do_not_fit_are_refused),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
