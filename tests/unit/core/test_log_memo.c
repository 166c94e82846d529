/* test_log_memo.c - what the log keeps of heads and names: the same lines with and without, nothing of what has changed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "log_memo.h"
#include "log_record.h"
#include "redact.h"
#include "run_suite.h"
#include "strbuf.h"

static struct redact *redact;
static struct log_memo *memo;

static void
setup(void)
{
	redact = redact_create(&(struct text_list){0});
	memo = log_memo_create();
	ck_assert(redact != NULL && memo != NULL);
}

static void
teardown(void)
{
	log_memo_destroy(memo);
	redact_destroy(redact);
}

static const char *
line_of(const struct log_record *record, enum log_format format, struct log_memo *with)
{
	static char storage[2][LOG_RECORD_MAX_BYTES + 1];
	static int turn;
	struct strbuf out;
	const struct log_style style = {.redact = redact, .format = format, .service_name = "s", .memo = with};
	turn = !turn;
	strbuf_init_fixed(&out, storage[turn], sizeof storage[turn]);
	log_record_write(&out, record, &style, INT64_C(1700000000) * NS_PER_S);
	return out.data;
}

/* Written for the first time and from what was kept then. */
static void
same_lines(const struct log_record *record, enum log_format format)
{
	for (int i = 0; i < 2; i++)
		ck_assert_str_eq(line_of(record, format, memo), line_of(record, format, NULL));
}

static const struct vt_log_site site = {"src/app/place.c", "here", 17};

static struct log_record
told(const char *message, const struct vt_field *fields, size_t count)
{
	return (struct log_record){.level = VT_INFO,
	                           .logger = "vitals.test",
	                           .message = message,
	                           .site = &site,
	                           .fields = fields,
	                           .count = count};
}

START_TEST(lines_are_the_same)
{
	const struct vt_field fields[] = {
		VT_STR("method", "GET"),
		VT_INT("status_code", 200),
		VT_STR("password", "geheim"),
		VT_STR("level", "of a field"),
		VT_STR("we\"ird\n", "name"),
		VT_BOOL("token", true),
		VT_STR("a name that is longer than what is kept of one, by far and farther still, up to here", "x"),
	};
	const struct log_record record = told("It is told", fields, sizeof fields / sizeof *fields);
	same_lines(&record, _i == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_ECS);
	ck_assert_ptr_null(strstr(line_of(&record, LOG_FORMAT_JSON, memo), "geheim"));
}
END_TEST

START_TEST(what_changed_under_its_address_is_written_anew)
{
	char message[32] = "The first message", name[32] = "first", logger[32] = "vitals.first";
	struct vt_field field = VT_STR(name, "x");
	struct log_record record = told(message, &field, 1);
	record.logger = logger;
	same_lines(&record, LOG_FORMAT_JSON);
	strcpy(message, "Another message");
	same_lines(&record, LOG_FORMAT_JSON);
	strcpy(name, "secret");
	same_lines(&record, LOG_FORMAT_JSON);
	ck_assert_ptr_nonnull(strstr(line_of(&record, LOG_FORMAT_JSON, memo), "\"secret\":\"***REDACTED***\""));
	strcpy(logger, "vitals.other");
	same_lines(&record, LOG_FORMAT_JSON);
	record.level = VT_ERROR_LEVEL;
	same_lines(&record, LOG_FORMAT_JSON);
	record.site = &(const struct vt_log_site){site.file, site.function, 18};
	same_lines(&record, LOG_FORMAT_JSON);
	record.site = NULL;
	same_lines(&record, LOG_FORMAT_JSON);
}
END_TEST

START_TEST(a_secret_in_a_message_is_not_kept)
{
	size_t size;
	const struct log_record record = told("password=geheim", NULL, 0), plain = told("Nothing to hide", NULL, 0);
	same_lines(&record, LOG_FORMAT_JSON);
	ck_assert_ptr_null(log_memo_head(memo, &record, &size));
	same_lines(&plain, LOG_FORMAT_JSON);
	ck_assert_ptr_nonnull(log_memo_head(memo, &plain, &size));
}
END_TEST

/* More places and names than there is room for. */
START_TEST(places_are_given_up)
{
	static char names[1000][24];
	for (int i = 0; i < 2000; i++) {
		char *name = names[i % 1000];
		snprintf(name, sizeof names[0], "name_%d", i);
		const struct vt_field field = VT_INT(name, i);
		struct log_record record = told("One of many", &field, 1);
		record.site = &(const struct vt_log_site){site.file, site.function, i % 700};
		same_lines(&record, LOG_FORMAT_JSON);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_memo");
	TCase *tc = tcase_create("log_memo");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, lines_are_the_same, 0, 2);
	tcase_add_test(tc, what_changed_under_its_address_is_written_anew);
	tcase_add_test(tc, a_secret_in_a_message_is_not_kept);
	tcase_add_test(tc, places_are_given_up);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
