/*
 * Loads a configuration and frees it: defaults, then the file's values
 * (config_read.c), then what options must be together (config_check.c), then
 * the effective text (config_effective.c).  What comes out is whole and checked
 * and never changes; a reload loads another one beside it.
 */
#include "base/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config/config_priv.h"
#include "base/io.h"

/* How long a pipe of a command line is waited for, and read at a time. */
#define PIPE_SECONDS 10
#define READ_STEP    4096u

void
sp_config_file_done(struct sp_config_file *file)
{
	free(file->items);
	free(file->values);
}

/* Defaults, values, what they must be together, the effective text: in this
 * order. */
enum sp_code
sp_config_parse(const char *path, struct sp_view text, struct sp_config **out,
    struct sp_err *err)
{
	struct sp_config_file file = { .path = path };
	struct sp_config *c = sp_xcalloc(1, sizeof(*c));
	enum sp_code rc;

	c->path = sp_xstrdup(path);
	sp_config_set_defaults(c, NULL);
	rc = sp_config_read(c, text, &file, err);
	if (rc == SP_OK)
		rc = sp_config_check(c, &file, err);
	if (rc == SP_OK)
		rc = sp_config_effective(c, err);
	if (rc == SP_OK) {
		c->source = sp_view_dup(text);
		c->source_n = text.n;
		sp_config_keep_places(c, &file);
	}
	sp_config_file_done(&file);
	if (rc == SP_OK)
		*out = c;
	else
		sp_config_free(c);
	return (rc);
}

/* Wait until ${fd}, a pipe, can be read, not beyond ${deadline}. */
static enum sp_code
wait_pipe(int fd, const char *path, int64_t deadline, struct sp_err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const int64_t left = deadline - sp_clock_boot();

	if (left > 0 && poll(&p, 1, (int)(left / 1000) + 1) != 0)
		return (SP_OK);
	return (sp_err_set(err, SP_EAGAIN, 0,
	    "%s is a pipe, and nobody wrote a whole configuration into it within %d seconds; name a file",
	    path, PIPE_SECONDS));
}

/* Append all that ${fd} gives to ${out}; a pipe for at most ten seconds. */
static enum sp_code
read_all(
    int fd, const char *path, bool pipe, struct sp_buf *out, struct sp_err *err)
{
	const int64_t deadline = sp_clock_boot() + PIPE_SECONDS * SP_SECOND;
	ssize_t n = 1;

	while (n != 0) {
		char *at = sp_buf_reserve(out, READ_STEP);

		if (pipe && wait_pipe(fd, path, deadline, err) != SP_OK)
			return (SP_EAGAIN);
		if (out->n <= SP_CONFIG_FILE_MAX && at != NULL)
			n = read(fd, at, READ_STEP);
		else
			return (sp_err_set(err, SP_ELIMIT, 0,
			    "%s is larger than the %u bytes allowed for it",
			    path, SP_CONFIG_FILE_MAX));
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return (sp_err_set(
			    err, SP_EIO, errno, "cannot read %s", path));
		out->n += n > 0 ? (size_t)n : 0;
	}
	if (out->n > 0 || !pipe)
		return (SP_OK);
	/* One that was read before, too: an empty configuration would be the
	 * defaults. */
	return (sp_err_set(err, SP_ECONFIG, 0,
	    "%s is a pipe that gives nothing; name a file", path));
}

/* What is called ${path}, for a message that refuses it. */
static const char *
kind_of(mode_t mode)
{
	return (S_ISDIR(mode)	 ? "a directory"
		: S_ISFIFO(mode) ? "a pipe (FIFO)"
		: S_ISSOCK(mode) ? "a socket"
				 : "a device");
}

/* The bytes of the file.  It is opened without waiting, so that a FIFO in its
 * place stops nobody, neither a command nor the service that reloads. */
static enum sp_code
read_source(
    const char *path, bool given, struct sp_buf *out, struct sp_err *err)
{
	struct stat st;
	enum sp_code rc;
	int fd = -1;

	rc = sp_io_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, err);
	if (rc != SP_OK)
		return (rc);
	if (fstat(fd, &st) != 0)
		rc = sp_err_set(err, SP_EIO, errno, "cannot look at %s", path);
	else if (S_ISREG(st.st_mode))
		rc = read_all(fd, path, false, out, err);
	else if (S_ISFIFO(st.st_mode) && given && sp_io_passed_on(path))
		rc = read_all(fd, path, true, out, err);
	else
		rc = sp_err_set(err, SP_ECONFIG, 0,
		    "%s is %s; a configuration must be a regular file", path,
		    kind_of(st.st_mode));
	(void)sp_io_close(fd, NULL);
	return (rc);
}

/* sp_config_load() and sp_config_load_given().  A file without anything is refused. */
static enum sp_code
load(const char *path, bool given, struct sp_config **out, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, SP_CONFIG_FILE_MAX + 2 * READ_STEP);
	rc = read_source(path, given, &text, err);
	/* Every option has a default: nothing would be wrong with it, and no
	 * mail would be received. */
	if (rc == SP_OK && sp_view_trim(sp_buf_view(&text)).n == 0)
		rc = sp_err_set(err, SP_ECONFIG, 0,
		    "%s is empty, perhaps cut by a full disk or an editor; an archive without any setting has a comment in it",
		    path);
	if (rc == SP_OK)
		rc = sp_config_parse(path, sp_buf_view(&text), out, err);
	sp_buf_done(&text);
	return (rc);
}

enum sp_code
sp_config_load(const char *path, struct sp_config **out, struct sp_err *err)
{
	return (load(path, false, out, err));
}

enum sp_code
sp_config_load_given(
    const char *path, struct sp_config **out, struct sp_err *err)
{
	return (load(path, true, out, err));
}

struct sp_config *
sp_config_default(void)
{
	struct sp_config *c = sp_xcalloc(1, sizeof(*c));

	sp_config_set_defaults(c, NULL);
	if (sp_config_effective(c, NULL) != SP_OK)
		abort();
	return (c);
}

/* Free what ${base}, a section's struct or sp_config, owns by its options. */
static void
drop_all(void *base, const struct sp_config_section *sec)
{
	for (size_t i = 0; i < sp_config_noptions; i++) {
		if (sp_config_is_of(&sp_config_options[i], sec))
			sp_config_drop(base, &sp_config_options[i]);
	}
}

/* What the options own, by the table, then what the file left. */
void
sp_config_free(struct sp_config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < sp_config_nsections; i++) {
		const struct sp_config_section *sec = &sp_config_sections[i];
		const size_t n = sp_config_count(c, sec);

		for (size_t k = 0; k < n; k++) {
			char **name = sp_config_at(c, sec, k);

			drop_all(name, sec);
			free(*name);
		}
		if (sec->size > 0)
			free(sp_config_at(c, sec, 0));
	}
	drop_all(c, NULL);
	for (size_t i = 0; i < c->nplaces; i++)
		free(c->places[i].title);
	free(c->places);
	free(c->source);
	free(c->path);
	free(c->text);
	free(c);
}
