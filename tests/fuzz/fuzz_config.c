/*
 * Any bytes give a configuration or SP_ECONFIG with a message, and what was
 * loaded is safe: a listener that others can reach has its list.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "base/config/config_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_config *c = NULL;
	struct sp_err err = { 0 };
	enum sp_code rc;

	if (size > SP_CONFIG_FILE_MAX)
		return (0);
	rc = sp_config_parse("fuzz", sp_view_mem(data, size), &c, &err);
	if (rc != SP_OK) {
		if (rc != SP_ECONFIG || c != NULL || err.msg[0] == '\0')
			abort();
		return (0);
	}
	for (size_t i = 0; i < c->nlisten; i++) {
		const struct sp_listen *l = &c->listen[i];

		if (l->allow.n == 0 &&
		    !sp_config_is_loopback((const void *)&l->sa))
			abort();
	}
	if (c->text == NULL || strlen(c->text) < 100)
		abort();
	sp_config_free(c);
	return (0);
}
