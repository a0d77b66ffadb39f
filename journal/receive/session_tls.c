/* A session inside TLS: RFC 3207. */
#include <stdlib.h>

#include "base/json.h"
#include "journal/receive/session_i.h"

#define FACTS_MAX 4096 /* a name of 255 bytes escaped, and the rest */

static char *
facts(const struct sp_session_tls_info *t)
{
	struct sp_buf b;
	struct sp_json j;

	sp_buf_init(&b, FACTS_MAX);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "version", t->version);
	sp_json_cstr(&j, "cipher", t->cipher);
	if (t->sni != NULL)
		sp_json_cstr(&j, "sni", t->sni);
	if (t->peer_sha256 != NULL) {
		sp_json_cstr(&j, "peer_sha256", t->peer_sha256);
		sp_json_bool(&j, "verified", t->verified);
		if (!t->verified && t->why != NULL)
			sp_json_cstr(&j, "why", t->why);
	}
	sp_json_obj_end(&j);
	if (sp_json_end(&j) != SP_OK || sp_buf_cstr(&b) == NULL)
		abort(); /* all of it has limits far below */
	return (sp_buf_take(&b, NULL));
}

void
sp_session_tls(struct sp_session *s, const struct sp_session_tls_info *info)
{
	sp_session_rest(s);
	s->phase = SP_PHASE_GREETED;
	s->extended = false;
	s->helo_n = 0;
	s->tls = true;
	s->tls_verified = info->verified;
	s->tls_facts = facts(info);
}

void
sp_session_tls_off(struct sp_session *s)
{
	free(s->tls_facts);
	s->tls_facts = NULL;
	s->tls = s->tls_verified = false;
}
