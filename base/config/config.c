/*
 * Loads a configuration and frees it: defaults, then the file's values
 * (config_read.c), then what options must be together (config_check.c), then
 * the effective text (config_effective.c).  What comes out is whole and checked
 * and never changes; a reload loads another one beside it.
 */
#include "base/config/config.h"

#include <stdlib.h>

#include "base/config/config_priv.h"
#include "base/io.h"

void
sp_config_file_done(struct sp_config_file *file)
{
	free(file->items);
	free(file->values);
}

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
	sp_config_file_done(&file);
	if (rc == SP_OK)
		*out = c;
	else
		sp_config_free(c);
	return (rc);
}

enum sp_code
sp_config_load(const char *path, struct sp_config **out, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, SP_CONFIG_FILE_MAX);
	rc = sp_io_read_file(path, SP_CONFIG_FILE_MAX, &text, err);
	if (rc == SP_OK)
		rc = sp_config_parse(path, sp_buf_view(&text), out, err);
	sp_buf_done(&text);
	return (rc);
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
	free(c->path);
	free(c->text);
	free(c);
}
