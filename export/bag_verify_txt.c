/*
 * data/VERIFY.txt: how to check this bag, for a person who has never heard of
 * Sealpost.  The text is the same in every bag but for its last lines.  Called
 * by export.c.
 */
#include <inttypes.h>

#include "export/export_priv.h"

#define TEXT_MAX (64u << 10) /* bytes of VERIFY.txt */

static const char verify_text[] =
    "HOW TO CHECK THIS EXPORT\n"
    "\n"
    "Nothing here asks you to trust us, or the machine that made it.  You need one thing\n"
    "from outside this bag: the verification key of the log (a line that begins with the\n"
    "origin below), given to you by another way, or a checkpoint that you kept.\n"
    "\n"
    "1. With our verifier (one program, no network, sources published):\n"
    "\n"
    "     sealpost-verify --vkey 'KEY YOU WERE GIVEN' BAG\n"
    "\n"
    "   It must end with COMPLETE (every message of the range is here, or its destruction\n"
    "   is in the log) or SELECTION (n of m; the choice is the producer's statement).\n"
    "\n"
    "2. With stock tools, inside this folder:\n"
    "\n"
    "     sha256sum -c --strict --quiet tagmanifest-sha256.txt\n"
    "     sha256sum -c --strict --quiet manifest-sha256.txt\n"
    "     openssl cms -verify -binary -inform DER -purpose any \\\n"
    "       -CAfile data/proof/seal.crt -in tagmanifest-sha256.txt.p7s \\\n"
    "       -content tagmanifest-sha256.txt -out /dev/null\n"
    "\n"
    "   That shows that the bag is whole and was signed with the certificate in it.  That\n"
    "   no message is missing is shown by data/proof: the format is public (format-export.md),\n"
    "   so anyone can write a verifier; a second one, in Python, comes with the sources.\n"
    "\n"
    "3. Keep data/proof/checkpoint.  With it you can check any later export: a log that\n"
    "   was changed behind it cannot be proven any more (--from-checkpoint FILE).\n"
    "\n";

enum sp_code
sp_job_verify_text(struct sp_job *j, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, TEXT_MAX);
	(void)!sp_buf_adds(&b, verify_text);
	(void)!sp_buf_addf(&b,
	    "Origin       %s\n"
	    "Range        entries %" PRIu64 " to %" PRIu64
	    " (end exclusive), %" PRIu64 " messages, %" PRIu64 " here\n"
	    "Verdict      %s, as the producer states it\n",
	    j->cp.origin, j->first, j->end, j->result->messages,
	    j->result->given, sp_export_verdict(j));
	rc = sp_bag_add(&j->bag, SP_BAG_PATH_VERIFY_TXT, j->event_time,
	    sp_buf_view(&b), err);
	sp_buf_done(&b);
	return (rc);
}
