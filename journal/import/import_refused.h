/*
 * Files that are recognised by strong first bytes and are not read: mail in
 * the forms of other programs, and data that is no mail whatever its name says.
 * Each has a reason that says what it is and what to do.
 *
 * Pure; import_kind.c asks it for every file, import_single.c for what came out
 * of a compressed one.  No message of mail begins with such bytes, so they
 * count more than a name like .eml.
 */
#ifndef SP_IMPORT_IMPORT_REFUSED_H
#define SP_IMPORT_IMPORT_REFUSED_H

#include <stdbool.h>

#include "base/view.h"

/*
 * Why a file called ${name} that begins with ${first} is not read, static
 * text; NULL: nothing known.  ${store}: it holds mail (or is named so), which
 * is told wherever it lies; else it is other data, which is only told where a
 * message is expected.
 */
const char *sp_import_refused_reason(
    const char *name, struct sp_view first, bool *store);
/* The reason for a file whose ${name} says that it holds mail in a form that is
 * not read, whatever its bytes are; NULL for any other name. */
const char *sp_import_refused_name(const char *name);

#endif
