/* show --format text: what a journal report says, for a person. */
#ifndef SP_APP_CMD_SHOW_JOURNAL_H
#define SP_APP_CMD_SHOW_JOURNAL_H

#include "index/family.h"
#include "index/mail/mail.h"

/* Nothing where ${m} is no report and does not claim to be one. */
void sp_show_journal(const struct sp_mail *m);
/* Who got it by header fields of the way. */
void sp_show_traces(const struct sp_mail *m);
/* Copies of the same message and what they say together; nothing for an entry
 * that is alone and has no namesake. */
void sp_show_family(const struct sp_family *f, uint64_t seq);

#endif
