/* test_ctl_log_level.c - what is asked for becomes an override or a sentence; what is in force is told. */
#include "ctl_log_level.h"

#include <check.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "ctl.h"
#include "err.h"
#include "run_suite.h"
#include "vitals.h"

#define NOW (1000 * NS_PER_S)
#define MINUTE_NS (60 * NS_PER_S)

static char *shown;
static size_t shown_bytes;

static void
teardown(void)
{
	free(shown);
	shown = NULL;
}

START_TEST(what_is_asked_for_is_read)
{
	static const struct {
		struct ctl ctl;
		struct level_override override;
	} table[] = {
		{{.operand = "debug"}, {.level = VT_DEBUG, .until_ns = NOW + 15 * MINUTE_NS}},
		{{.operand = "CRITICAL", .duration = "24h"},
	         {.level = VT_CRITICAL, .until_ns = NOW + 1440 * MINUTE_NS}},
		{{.operand = "Warning", .duration = "5"}, {.level = VT_WARNING, .until_ns = NOW + 5 * NS_PER_S}},
		{{.operand = "info", .logger = "vitals.request"},
	         {.level = VT_INFO, .scope = LEVEL_LOGGER, .until_ns = NOW + 15 * MINUTE_NS, .text = "vitals.request"}},
		{{.operand = "error", .route = "/users/{id}", .duration = "1s"},
	         {.level = VT_ERROR_LEVEL, .scope = LEVEL_ROUTE, .until_ns = NOW + NS_PER_S, .text = "/users/{id}"}},
		{{.operand = "debug", .correlation_id = "a.B_c-1", .duration = "5m"},
	         {.level = VT_DEBUG,
	          .scope = LEVEL_CORRELATION_ID,
	          .until_ns = NOW + 5 * MINUTE_NS,
	          .text = "a.B_c-1"}},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct level_override got;
		struct err err = {.text = ""};
		ck_assert_msg(ctl_read_override(&got, &table[i].ctl, NOW, &err) == 0, "row %zu: %s", i, err.text);
		ck_assert_uint_eq(got.level, table[i].override.level);
		ck_assert_uint_eq(got.scope, table[i].override.scope);
		ck_assert_int_eq(got.until_ns, table[i].override.until_ns);
		ck_assert_str_eq(got.text, table[i].override.text);
		ck_assert_int_eq(got.set_by_pid, getpid());
		ck_assert_int_eq(got.set_by_uid, (int)getuid());
		ck_assert_int_eq(ctl_prove_log_level(&table[i].ctl, &err), 0);
	}
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
	static char long_route[200] = "/";
	const struct {
		struct ctl ctl;
		const char *sentence;
	} table[] = {
		{{.operand = "loud"}, "The level is \"loud\"; allowed is DEBUG, INFO, WARNING, ERROR or CRITICAL"},
		{{.operand = ""}, "The level is \"\"; allowed is DEBUG"},
		{{.operand = "debug", .duration = "25h"}, "--for is \"25h\"; allowed is a duration such as"},
		{{.operand = "debug", .duration = "0"}, "from 1s to 1d"},
		{{.operand = "debug", .duration = "soon"}, "--for is \"soon\""},
		{{.operand = "debug", .duration = "-5m"}, "--for is \"-5m\""},
		{{.operand = "debug", .duration = "999999999999999999h"}, "--for is"},
		{{.operand = "debug", .route = "users"}, "--route is \"users\"; allowed is a route's template"},
		{{.operand = "debug", .route = ""}, "--route is \"\""},
		{{.operand = "debug", .route = long_route}, "--route is \"/rrr"},
		{{.operand = "debug", .logger = "a b"}, "--logger is \"a b\"; allowed is a name such as"},
		{{.operand = "debug", .logger = "vitals."}, "--logger is"},
		{{.operand = "debug", .logger = ""}, "--logger is"},
		{{.operand = "debug", .correlation_id = "a/b"}, "--correlation-id is \"a/b\"; allowed is 1 to 128"},
		{{.operand = "debug", .logger = "a", .route = "/b"}, "Either --logger or --route, not both."},
		{{.operand = "debug", .route = "/b", .correlation_id = "c"}, "Either --route or --correlation-id"},
		{{.duration = "5m"}, "Which level?"},
		{{.correlation_id = "c"}, "Which level?"},
		{{.operand = "reset", .logger = "a"}, "it takes no option"},
	};
	memset(long_route + 1, 'r', sizeof long_route - 2);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct err err = {.text = ""};
		ck_assert_int_eq(ctl_prove_log_level(&table[i].ctl, &err), -1);
		ck_assert_msg(strstr(err.text, table[i].sentence) != NULL, "row %zu: %s", i, err.text);
	}
	struct err err;
	ck_assert_int_eq(ctl_prove_log_level(&(struct ctl){.operand = NULL}, &err), 0);
	ck_assert_int_eq(ctl_prove_log_level(&(struct ctl){.operand = "reset"}, &err), 0);
}
END_TEST

static struct level_set
example(void)
{
	return (struct level_set){
		.count = 4,
		.overrides = {
			{.level = VT_DEBUG,
	                 .scope = LEVEL_CORRELATION_ID,
	                 .text = "id-1",
	                 .until_ns = NOW + 61 * NS_PER_S},
			{.level = VT_CRITICAL, .scope = LEVEL_EVERYTHING, .until_ns = NOW + 3600 * NS_PER_S},
			{.level = VT_INFO, .scope = LEVEL_LOGGER, .text = "over", .until_ns = NOW},
			{.level = VT_ERROR_LEVEL, .scope = LEVEL_ROUTE, .text = "/\x1b[2J", .until_ns = NOW + NS_PER_S},
		}};
}

static const char *
show(const struct level_set *set)
{
	free(shown);
	FILE *out = open_memstream(&shown, &shown_bytes);
	ctl_show_levels_text(set, NOW, out);
	fclose(out);
	return shown;
}

START_TEST(what_holds_is_a_line_each)
{
	struct level_set set = example();
	ck_assert_str_eq(show(&set), "LEVEL      TIME LEFT  FOR\n"
	                             "DEBUG          1m 1s  correlation ID id-1\n"
	                             "CRITICAL       1h 0m  everything\n"
	                             "ERROR             1s  route /?[2J\n");
	set.count = 0;
	ck_assert_str_eq(show(&set), "No level is set for a while; LOG_LEVEL holds.\n");
}
END_TEST

START_TEST(and_an_object_for_programs)
{
	struct err err;
	struct level_set set = example();
	FILE *out = open_memstream(&shown, &shown_bytes);
	ck_assert_int_eq(ctl_show_levels_json(&set, NOW, out, &err), 0);
	fclose(out);
	struct json_object *root = json_tokener_parse(shown), *levels, *value;
	ck_assert(json_object_object_get_ex(root, "log_levels", &levels));
	ck_assert_uint_eq(json_object_array_length(levels), 3);
	ck_assert_int_eq(json_pointer_get(root, "/log_levels/0/level", &value), 0);
	ck_assert_str_eq(json_object_get_string(value), "DEBUG");
	ck_assert_int_eq(json_pointer_get(root, "/log_levels/0/scope", &value), 0);
	ck_assert_str_eq(json_object_get_string(value), "correlation_id");
	ck_assert_int_eq(json_pointer_get(root, "/log_levels/0/target", &value), 0);
	ck_assert_str_eq(json_object_get_string(value), "id-1");
	ck_assert_int_eq(json_pointer_get(root, "/log_levels/0/seconds_left", &value), 0);
	ck_assert_double_eq(json_object_get_double(value), 61);
	ck_assert_int_eq(json_pointer_get(root, "/log_levels/0/set_at", &value), 0);
	ck_assert_ptr_null(value);
	json_object_put(root);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ctl_log_level");
	TCase *tc = tcase_create("ctl_log_level");
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, what_is_asked_for_is_read);
	tcase_add_test(tc, what_is_wrong_is_said);
	tcase_add_test(tc, what_holds_is_a_line_each);
	tcase_add_test(tc, and_an_object_for_programs);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
