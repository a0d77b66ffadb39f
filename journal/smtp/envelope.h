/*
 * The envelope of one mail transaction while it is received: the sender, the
 * recipients that were accepted, those that were refused, and the ESMTP
 * parameters of all of them, as they came.  SMTP, LMTP and the milter collect
 * it here; sp_envelope_facts() hands it to the appender, which writes it into
 * the record.
 *
 * All text lies in the arena of the transaction and is gone when that is
 * reset.
 */
#ifndef SP_SMTP_ENVELOPE_H
#define SP_SMTP_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/record.h"
#include "base/view.h"
#include "journal/smtp/arena.h"

#define SP_ENVELOPE_MAX	    (1u << 20) /* bytes of recipients, parameters */
#define SP_ENVELOPE_REFUSED 100 /* refused recipients that are recorded */

/* Recipients in the arena; at most ${cap} until it is grown. */
struct sp_recipients {
	struct sp_rcpt *v;
	size_t n, cap;
};

struct sp_envelope {
	struct sp_view from; /* "" for <>; p == NULL: no MAIL yet */
	const struct sp_view *from_params;
	size_t nfrom_params;
	struct sp_recipients to; /* accepted */
	struct sp_recipients refused;
	/* Bytes of all recipients with their parameters, whether they were
	 * accepted or not.  Counted by whoever takes RCPT, which refuses
	 * further ones above SP_ENVELOPE_MAX. */
	size_t bytes;
};

/* Forget everything; the arena is the caller's to reset. */
void sp_envelope_reset(struct sp_envelope *e);
/*
 * Copy ${n} parameters from ${params} into the arena; the copies go to
 * ${out}, NULL for none.  False: the memory budget is used up, and ${out} is
 * not to be used.
 */
bool sp_envelope_copy_params(struct sp_arena *a, const struct sp_view *params,
    size_t n, const struct sp_view **out);
/*
 * Append ${r}, whose views lie in the arena already, to ${list} (to or refused
 * of an envelope).  False: the memory budget is used up, and the list is as it
 * was.
 */
bool sp_envelope_add(
    struct sp_arena *a, struct sp_recipients *list, const struct sp_rcpt *r);
/* Set the members of ${out} that come from the envelope; they borrow from it
 * until the arena is reset. */
void sp_envelope_facts(const struct sp_envelope *e, struct sp_facts *out);

#endif
