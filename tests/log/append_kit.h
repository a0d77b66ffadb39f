/*
 * An archive without keys for tests of append.h and guard.h, in a temporary
 * directory: the clock is frozen at AK_NOW, alarms are counted.  One at a time,
 * in the variables below; ak_setup and ak_teardown go around each test.
 */
#ifndef SP_TESTS_LOG_APPEND_KIT_H
#define SP_TESTS_LOG_APPEND_KIT_H

#include <stdint.h>

#include "base/config/config.h"
#include "base/err.h"
#include "base/record.h"
#include "journal/log/append.h"

#define AK_ORIGIN "archive.test.example/append"
#define AK_NOW	  INT64_C(1795451462000000) /* the clock at ak_setup */

extern char ak_dir[64], ak_guard[80];
extern struct sp_config *ak_cfg;
extern struct sp_append *ak;
extern struct sp_append_opts ak_opts;
extern struct sp_intake_found ak_found;
extern struct sp_err ak_err;
extern unsigned ak_alarms, ak_ended;

int ak_setup(void **state);
int ak_teardown(void **state);
/* Fail the test with ak_err's text unless SP_OK. */
void ak_ok(enum sp_code rc);
void ak_start(void);
void ak_stop(void);
struct sp_append_item ak_message(const char *text);
enum sp_code ak_put(const char *text);
/* The record of ${seq}, from the log; sp_record_done it. */
struct sp_record ak_record(uint64_t seq);
void ak_assert_received(uint64_t seq, int64_t want);
/* ${what}: the member of the detail, or NULL. */
void ak_assert_event(uint64_t seq, const char *name, const char *what);
/* Files of the intake log. */
size_t ak_files(void);

#endif
