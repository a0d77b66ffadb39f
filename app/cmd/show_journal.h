/*
 * The parts of `show --format text` that other messages and journal reports
 * add to one message.  Everything is printed on standard output.
 */
#ifndef SP_APP_CMD_SHOW_JOURNAL_H
#define SP_APP_CMD_SHOW_JOURNAL_H

#include "index/family.h"
#include "index/mail/mail.h"

/* Print what a journal report says, or why it was not unwrapped; nothing where
 * ${m} is none and does not claim to be one. */
void sp_show_journal(const struct sp_mail *m);
/* Print who got the message by header fields that servers on its way wrote. */
void sp_show_traces(const struct sp_mail *m);
/* Print which entries are copies of entry ${seq} and who got the message by all
 * of them; nothing for an entry that is alone and has no namesake. */
void sp_show_family(const struct sp_family *f, uint64_t seq);

#endif
