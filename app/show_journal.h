/* show --format text: what a journal report says, for a person. */
#ifndef SP_APP_SHOW_JOURNAL_H
#define SP_APP_SHOW_JOURNAL_H

#include "index/mail/mail.h"

/* Nothing where ${m} is no report and does not claim to be one. */
void sp_show_journal(const struct sp_mail *m);

#endif
