/* test_log_form.c - messages byte for byte, in both of LOG_FORMAT's forms, and what a client's bytes cannot do. */
#include "log_form.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log_destination.h"
#include "run_suite.h"
#include "strbuf.h"
#include "vitals.h"

#define TIME "2026-11-03T19:02:58.319291Z"
#define PLAIN "{\"timestamp\":\"" TIME "\",\"level\":\"INFO\",\"message\":\"m\"}\n"
#define ECS "{\"@timestamp\":\"" TIME "\",\"log.level\":\"INFO\",\"message\":\"m\"}\n"

static const struct log_speaker speaker = {.host = "host", .app = "app", .pid = 42, .facility = 3, .max_bytes = 8096};
static char storage[LOG_FORM_MAX_BYTES];
static struct strbuf out;

static void
setup(void)
{
	setenv("TZ", "UTC-2", 1);
	tzset();
	strbuf_init_fixed(&out, storage, sizeof storage);
}

static struct log_line
line_of(const char *text, enum vt_level level)
{
	return (struct log_line){.text = text, .size_bytes = strlen(text), .level = (uint8_t)level};
}

static const struct {
	log_form_fn *form;
	enum vt_level level;
	const char *line, *message;
} messages[] = {
	{log_form_rfc5424, VT_INFO, PLAIN,
         "<30>1 " TIME " host app 42 - - {\"timestamp\":\"" TIME "\",\"level\":\"INFO\",\"message\":\"m\"}"},
	{log_form_rfc5424, VT_DEBUG, ECS,
         "<31>1 " TIME " host app 42 - - {\"@timestamp\":\"" TIME "\",\"log.level\":\"INFO\",\"message\":\"m\"}"},
	{log_form_rfc5424, VT_WARNING, "{\"a\":1}\n", "<28>1 - host app 42 - - {\"a\":1}"},
	{log_form_rfc5424, VT_ERROR_LEVEL, "{\"a\":1}", "<27>1 - host app 42 - - {\"a\":1}"},
	{log_form_rfc5424, VT_CRITICAL, "{\"timestamp\":\"short\"}\n",
         "<26>1 - host app 42 - - {\"timestamp\":\"short\"}"},
	{log_form_rfc3164, VT_INFO, PLAIN,
         "<30>Nov  3 21:02:58 app[42]: {\"timestamp\":\"" TIME "\",\"level\":\"INFO\",\"message\":\"m\"}"},
	{log_form_prefixed, VT_INFO, PLAIN, "<6>" PLAIN},
	{log_form_prefixed, VT_CRITICAL, PLAIN, "<2>" PLAIN},
	{log_form_journal, VT_ERROR_LEVEL,
         "{\"timestamp\":\"" TIME "\",\"level\":\"ERROR\",\"logger\":\"vitals.request\",\"message\":\"Request failed\","
         "\"module\":\"wrap_log\",\"function\":\"leave\",\"line\":71,\"correlation_id\":\"c-1\",\"request_id\":\"r-1\","
         "\"user_id\":\"u\",\"trace_id\":\"t\",\"method\":\"GET\",\"route\":\"/users/{id}\",\"status_code\":500,"
         "\"duration_seconds\":0.5}\n",
         "MESSAGE=Request failed\nCODE_FILE=wrap_log.c\nVITALS_LOGGER=vitals.request\nCODE_FUNC=leave\nCODE_LINE=71\n"
         "VITALS_CORRELATION_ID=c-1\nVITALS_REQUEST_ID=r-1\nVITALS_TRACE_ID=t\nVITALS_USER_ID=u\nVITALS_METHOD=GET\n"
         "VITALS_ROUTE=/users/{id}\nVITALS_STATUS_CODE=500\n"
         "PRIORITY=3\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=app\nSYSLOG_PID=42\n"
         "VITALS_RECORD={\"timestamp\":\"" TIME "\",\"level\":\"ERROR\",\"logger\":\"vitals.request\",\"message\":"
         "\"Request failed\",\"module\":\"wrap_log\",\"function\":\"leave\",\"line\":71,\"correlation_id\":\"c-1\","
         "\"request_id\":\"r-1\",\"user_id\":\"u\",\"trace_id\":\"t\",\"method\":\"GET\",\"route\":\"/users/{id}\","
         "\"status_code\":500,\"duration_seconds\":0.5}\n"},
	{log_form_journal, VT_INFO,
         "{\"@timestamp\":\"" TIME "\",\"log.logger\":\"l\",\"message\":\"m\",\"log.origin.file.name\":\"a.cc\","
         "\"log.origin.function\":\"f\",\"log.origin.file.line\":1,\"labels.correlation_id\":\"c\",\"trace.id\":\"t\"}\n",
         "MESSAGE=m\nCODE_FILE=a.cc\nVITALS_LOGGER=l\nCODE_FUNC=f\nCODE_LINE=1\nVITALS_CORRELATION_ID=c\n"
         "VITALS_TRACE_ID=t\nPRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=app\nSYSLOG_PID=42\n"
         "VITALS_RECORD={\"@timestamp\":\"" TIME "\",\"log.logger\":\"l\",\"message\":\"m\",\"log.origin.file.name\":"
         "\"a.cc\",\"log.origin.function\":\"f\",\"log.origin.file.line\":1,\"labels.correlation_id\":\"c\","
         "\"trace.id\":\"t\"}\n"},
	/* No record of ours, and yet nothing of it is lost. */
	{log_form_journal, VT_INFO, "[1]\n",
         "MESSAGE=[1]\nPRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=app\nSYSLOG_PID=42\nVITALS_RECORD=[1]\n"},
	{log_form_journal, VT_INFO, "{\"a\"\n",
         "MESSAGE={\"a\"\nPRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=app\nSYSLOG_PID=42\nVITALS_RECORD={\"a\"\n"},
};

START_TEST(byte_for_byte)
{
	const struct log_line line = line_of(messages[_i].line, messages[_i].level);
	ck_assert(messages[_i].form(&speaker, &line, &out));
	ck_assert_str_eq(out.data, messages[_i].message);
}
END_TEST

/* A user's name that would be a field of its own. */
START_TEST(nothing_ends_a_field_early)
{
	static const char wanted[] = "VITALS_USER_ID\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\nVITALS_METHOD=";
	const struct log_line line =
		line_of("{\"message\":\"m\",\"user_id\":\"a\\nPRIORITY=0\",\"method\":\"GET\"}\n", VT_INFO);
	ck_assert(log_form_journal(&speaker, &line, &out));
	ck_assert_ptr_nonnull(memmem(out.data, out.length, wanted, sizeof wanted - 1));
}
END_TEST

START_TEST(a_zero_byte_is_kept)
{
	static const char wanted[] = "VITALS_USER_ID=a\0b\n";
	const struct log_line line = line_of("{\"message\":\"m\",\"user_id\":\"a\\u0000b\"}\n", VT_INFO);
	ck_assert(log_form_journal(&speaker, &line, &out));
	ck_assert_ptr_nonnull(memmem(out.data, out.length, wanted, sizeof wanted - 1));
}
END_TEST

/* ---- Too long ----------------------------------------------------------------------------------- */

static const struct {
	const char *line;
	size_t room; /* for the JSON */
	const char *json;
} cuts[] = {
	{"{\"a\":1,\"b\":22222222222222}\n", 27, "{\"a\":1,\"b\":22222222222222}"},
	{"{\"a\":1,\"b\":22222222222222}\n", 26, "{\"a\":1,\"b\":22222222222222}"},
	{"{\"a\":1,\"b\":22222222222222}\n", 25, "{\"a\":1,\"truncated\":true}"},
	{"{\"a\":1,\"b\":22222222222222}\n", 24, "{\"a\":1,\"truncated\":true}"},
	{"{\"a\":1,\"b\":22222222222222}\n", 23, NULL},
	{"{\"a\":\"x,y\",\"b\":[1,2,3],\"c\":{\"d\":1,\"e\":2},\"f\":\"\\\",\\\\\",\"g\":12345678901234567890}\n", 75,
         "{\"a\":\"x,y\",\"b\":[1,2,3],\"c\":{\"d\":1,\"e\":2},\"f\":\"\\\",\\\\\",\"truncated\":true}"},
	{"{\"a\":\"x,y\",\"b\":[1,2,3],\"c\":{\"d\":1,\"e\":2},\"f\":\"\\\",\\\\\",\"g\":12345678901234567890}\n", 67,
         "{\"a\":\"x,y\",\"b\":[1,2,3],\"c\":{\"d\":1,\"e\":2},\"truncated\":true}"},
	{"{\"a\":\"x,y\",\"b\":[1,2,3],\"c\":{\"d\":1,\"e\":2},\"f\":\"\\\",\\\\\",\"g\":12345678901234567890}\n", 42,
         "{\"a\":\"x,y\",\"b\":[1,2,3],\"truncated\":true}"},
};

START_TEST(loses_its_last_fields)
{
	static const char header[] = "<30>1 - host app 42 - - ";
	struct log_speaker narrow = speaker;
	narrow.max_bytes = sizeof header - 1 + cuts[_i].room;
	const struct log_line line = line_of(cuts[_i].line, VT_INFO);
	ck_assert_int_eq(log_form_rfc5424(&narrow, &line, &out), cuts[_i].json != NULL);
	if (cuts[_i].json != NULL)
		ck_assert_str_eq(out.data + sizeof header - 1, cuts[_i].json);
}
END_TEST

START_TEST(says_so_in_ecs)
{
	struct log_speaker narrow = speaker;
	const struct log_line line = line_of("{\"@timestamp\":\"" TIME "\",\"log.level\":\"INFO\","
	                                     "\"message\":\"a message of some length that does not fit\"}\n",
	                                     VT_INFO);
	narrow.max_bytes = 150;
	ck_assert(log_form_rfc5424(&narrow, &line, &out));
	ck_assert_str_eq(strchr(out.data, '{'), "{\"@timestamp\":\"" TIME "\",\"log.level\":\"INFO\","
	                                        "\"labels.truncated\":true}");
}
END_TEST

/* Whatever the size, what goes out is JSON and no longer than the bound. */
START_TEST(is_json_at_any_size)
{
	static const char text[] =
		"{\"timestamp\":\"" TIME
		"\",\"a\":\"\\\\\\\"{[,\",\"b\":[\"]\",{\"c\":\"}\"}],\"d\":\"\xc3\xa4\",\"e\":null}\n";
	const struct log_line line = line_of(text, VT_INFO);
	struct log_speaker narrow = speaker;
	size_t sent = 0;
	for (narrow.max_bytes = 60; narrow.max_bytes < 250; narrow.max_bytes++) {
		strbuf_reset(&out);
		if (!log_form_rfc5424(&narrow, &line, &out))
			continue;
		sent++;
		ck_assert_uint_le(out.length, narrow.max_bytes);
		json_object *json = json_tokener_parse(strchr(out.data, '{'));
		ck_assert(json_object_is_type(json, json_type_object));
		json_object_put(json);
	}
	ck_assert_uint_gt(sent, 100);
}
END_TEST

START_TEST(who_speaks)
{
	struct log_destination destination;
	struct log_speaker found;
	ck_assert_int_eq(log_destination_parse(&destination, "syslog:facility=local1,size=2000", NULL), 0);
	log_speaker_init(&found, &destination, "my service\x7f 012345678901234567890123456789012345678901234567890");
	ck_assert_str_eq(found.app, "my_service__012345678901234567890123456789012345");
	ck_assert_uint_eq(strlen(found.app), 48);
	ck_assert_uint_gt(strlen(found.host), 0);
	ck_assert_int_eq(found.pid, getpid());
	ck_assert_int_eq(found.facility, 17);
	ck_assert_uint_eq(found.max_bytes, 2000);
	log_speaker_init(&found, &destination, NULL);
	ck_assert_str_eq(found.app, "vitals");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_form");
	TCase *tcase = tcase_create("log_form");
	tcase_add_loop_test(tcase, byte_for_byte, 0, sizeof messages / sizeof *messages);
	tcase_add_test(tcase, nothing_ends_a_field_early);
	tcase_add_test(tcase, a_zero_byte_is_kept);
	tcase_add_loop_test(tcase, loses_its_last_fields, 0, sizeof cuts / sizeof *cuts);
	tcase_add_test(tcase, says_so_in_ecs);
	tcase_add_test(tcase, is_json_at_any_size);
	tcase_add_test(tcase, who_speaks);
	tcase_add_checked_fixture(tcase, setup, NULL);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
