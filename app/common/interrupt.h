/*
 * Ctrl-C and SIGTERM as a flag that long work looks at, so that a command
 * stops between two entries and says what it has done.  The service does not
 * use this: it reads its signals from a signalfd.
 */
#ifndef SP_APP_COMMON_INTERRUPT_H
#define SP_APP_COMMON_INTERRUPT_H

#include <stdbool.h>

/* From now on the first SIGINT or SIGTERM only sets the flag; the second of
 * its kind ends the program as usual.  May be called again. */
void sp_interrupt_catch(void);
/* Whether one of the signals came since sp_interrupt_catch(). */
bool sp_interrupted(void);

#endif
