/*
 * What `sealpost show` says of a journal report that came from a source which
 * is not trusted, and was accepted later (doc/journal-reports.md).
 */
#ifndef SP_APP_CMD_SHOW_ACCEPTED_H
#define SP_APP_CMD_SHOW_ACCEPTED_H

#include "app/common/app.h"
#include "base/json.h"
#include "base/record.h"
#include "index/family.h"
#include "index/mail/mail.h"

/* Set in ${o} whether the entry is read as a report: by its record ${r}, or by
 * an acceptance that the index knows. */
void sp_show_accept_opts(const struct sp_record *r, const struct sp_family *f,
    struct sp_mail_opts *o);
/* Print who accepted ${m}, and when; nothing where nobody did. */
void sp_show_accepted(const struct sp_app *app, const struct sp_mail *m);
/* The same as the member "journal_accepted" of an open object. */
void sp_show_accepted_json(
    const struct sp_app *app, const struct sp_mail *m, struct sp_json *j);

#endif
