/* test_log_record.c - records: their order, their bounds, and that they stay JSON whatever the fields hold. */
#include "log_record.h"

#include <check.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "redact.h"
#include "run_suite.h"
#include "strbuf.h"
#include "utf8.h"

static struct redact *redact;
static char line[LOG_RECORD_MAX_BYTES + 1];
static struct json_object *json;
static struct log_style style;

static void
setup(void)
{
	redact = redact_create(NULL);
	style = (struct log_style){.redact = redact, .service_name = "shop", .service_version = "1.2"};
}

static void
teardown(void)
{
	json_object_put(json);
	redact_destroy(redact);
}

static const struct vt_log_site site = {.file = "../src/http/router.c", .function = "route", .line = 12};

/* Writes the record and reads it back: one line, valid UTF-8, one object and nothing behind it. */
static void
written(const struct log_record *record)
{
	struct strbuf out;
	strbuf_init_fixed(&out, line, sizeof line);
	log_record_write(&out, record, &style, INT64_C(1700000000) * NS_PER_S + 123456789);
	ck_assert(!out.failed);
	ck_assert_uint_le(out.length, LOG_RECORD_MAX_BYTES);
	ck_assert_int_eq(line[out.length - 1], '\n');
	ck_assert_ptr_eq(strchr(line, '\n'), line + out.length - 1);
	ck_assert(utf8_valid(line, out.length));
	for (size_t i = 0; i + 1 < out.length; i++)
		ck_assert_uint_ge((unsigned char)line[i], 0x20);
	for (size_t i = 0; i + 2 < out.length; i++) { /* C1 controls, U+2028, U+2029 */
		ck_assert(line[i] != '\xc2' || (unsigned char)line[i + 1] >= 0xa0);
		ck_assert(memcmp(line + i, "\xe2\x80\xa8", 3) != 0 && memcmp(line + i, "\xe2\x80\xa9", 3) != 0);
	}
	struct json_tokener *tokener = json_tokener_new();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	json_object_put(json);
	json = json_tokener_parse_ex(tokener, line, (int)out.length);
	ck_assert_msg(json != NULL, "%s: %s", json_tokener_error_desc(json_tokener_get_error(tokener)), line);
	ck_assert(json_object_is_type(json, json_type_object));
	json_tokener_free(tokener);
}

static void
written_with(const struct vt_field *fields, size_t count)
{
	written(&(const struct log_record){
		.level = VT_INFO, .logger = "t", .message = "m", .site = &site, .fields = fields, .count = count});
}

#define WRITE(...)                                                                                                     \
	written_with((const struct vt_field[]){__VA_ARGS__},                                                           \
	             sizeof((const struct vt_field[]){__VA_ARGS__}) / sizeof(struct vt_field))

static struct json_object *
member(const char *name)
{
	struct json_object *value = NULL;
	ck_assert_msg(json_object_object_get_ex(json, name, &value), "no %s in %s", name, line);
	return value;
}

static const char *
text_of(const char *name)
{
	return json_object_get_string(member(name));
}

static bool
has(const char *name)
{
	return json_object_object_get_ex(json, name, NULL);
}

START_TEST(keeps_the_order)
{
	const struct log_context context = {
		.correlation_id = "c", .request_id = "r", .user_id = "u", .trace_id = "t", .span_id = "s"};
	written(&(const struct log_record){.level = VT_ERROR_LEVEL,
	                                   .logger = "vitals.request",
	                                   .message = "Request completed",
	                                   .site = &site,
	                                   .context = &context,
	                                   .exception = "it broke",
	                                   .fields = (const struct vt_field[]){VT_INT("n", -7), VT_BOOL("b", true)},
	                                   .count = 2});
	ck_assert_str_eq(line, "{\"timestamp\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"ERROR\","
	                       "\"logger\":\"vitals.request\",\"message\":\"Request completed\",\"module\":\"router\","
	                       "\"function\":\"route\",\"line\":12,\"correlation_id\":\"c\",\"request_id\":\"r\","
	                       "\"user_id\":\"u\",\"trace_id\":\"t\",\"span_id\":\"s\",\"exception\":\"it broke\","
	                       "\"n\":-7,\"b\":true}\n");
}
END_TEST

START_TEST(leaves_out_what_is_absent)
{
	const struct log_context context = {.correlation_id = "c"};
	written(&(const struct log_record){.level = VT_DEBUG,
	                                   .logger = "l",
	                                   .message = "m",
	                                   .context = &context,
	                                   .fields = (const struct vt_field[]){VT_STR("gone", NULL), VT_STR(NULL, "x")},
	                                   .count = 2});
	ck_assert_str_eq(line, "{\"timestamp\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"DEBUG\",\"logger\":\"l\","
	                       "\"message\":\"m\",\"correlation_id\":\"c\"}\n");
}
END_TEST

START_TEST(names_levels)
{
	ck_assert_str_eq(log_level_name(VT_DEBUG), "DEBUG");
	ck_assert_str_eq(log_level_name(VT_WARNING), "WARNING");
	ck_assert_str_eq(log_level_name(VT_CRITICAL), "CRITICAL");
	ck_assert_str_eq(log_level_name((enum vt_level)77), "CRITICAL");
}
END_TEST

START_TEST(writes_numbers)
{
	WRITE(VT_DOUBLE("a", 0.1), VT_DOUBLE("b", 1e300), VT_DOUBLE("c", (double)NAN), VT_INT("d", INT64_MIN),
	      VT_DOUBLE("e", 0.1 + 0.2));
	ck_assert_ptr_nonnull(strstr(line, "\"a\":0.1,\"b\":1e+300,\"c\":null,\"d\":-9223372036854775808,"
	                                   "\"e\":0.30000000000000004}"));
}
END_TEST

static const struct {
	const char *bytes;
	size_t size;
	const char *reads; /* NULL: whatever, so long as it is JSON */
} hostile[] = {
	{"\0\x01\x1f\x7f", 4, NULL},
	{"a\nb\r\tc", 6, "a\nb\r\tc"},
	{"\"}{\\", 4, "\"}{\\"},
	{"\xff\xfe", 2, "\xEF\xBF\xBD\xEF\xBF\xBD"},
	{"\xc0\xaf", 2, "\xEF\xBF\xBD\xEF\xBF\xBD"},
	{"\xed\xa0\x80", 3, NULL},
	{"\xf4\x90\x80\x80", 4, NULL},
	{"\xe2\x82", 2, NULL},
	{"\xe2\x80\xa8", 3, "\xe2\x80\xa8"},
	{"\xc2\x9b"
         "2J\xc2\x80\xc2\x9f\xc2\xa0",
         10,
         "\xc2\x9b"
         "2J\xc2\x80\xc2\x9f\xc2\xa0"},
	{"\x1b[2J", 4, "\x1b[2J"},
	{"%s%n{}", 6, "%s%n{}"},
};

START_TEST(survives_hostile_bytes)
{
	WRITE(VT_STRN("evil", hostile[_i].bytes, hostile[_i].size), VT_INT("after", 1));
	if (hostile[_i].reads != NULL)
		ck_assert_str_eq(text_of("evil"), hostile[_i].reads);
	ck_assert_int_eq(json_object_get_int(member("after")), 1);
	ck_assert(!has("truncated"));
}
END_TEST

START_TEST(survives_hostile_bytes_everywhere)
{
	const struct log_context context = {.correlation_id = "\xff\"\n", .user_id = "\x01\\"};
	written(&(const struct log_record){.level = VT_INFO,
	                                   .logger = "\"",
	                                   .message = "\n",
	                                   .site = &(const struct vt_log_site){"\xff\"x.c", "\"f", 1},
	                                   .context = &context,
	                                   .exception = "\x02\xff",
	                                   .fields = (const struct vt_field[]){VT_INT("k\"\n", 1)},
	                                   .count = 1});
	ck_assert_str_eq(text_of("user_id"), "\x01\\");
	ck_assert_int_eq(json_object_get_int(member("k\"\n")), 1);
}
END_TEST

/* A MiB of each byte, in each place that takes a text. */
START_TEST(cuts_long_texts)
{
	size_t size = 1 << 20;
	char *text = malloc(size + 1);
	memset(text, _i == 0 ? 'x' : _i, size);
	text[size] = '\0';
	const struct log_context context = {.correlation_id = text, .request_id = text, .user_id = text};
	written(&(const struct log_record){
		.level = VT_INFO,
		.logger = text,
		.message = text,
		.site = &(const struct vt_log_site){text, text, 1},
		.context = &context,
		.exception = text,
		.fields = (const struct vt_field[]){VT_STR("a", text), VT_STRN("b", text, size), VT_STR("url", text),
	                                            VT_STR("c", text), VT_STR(text, "x")},
		.count = 5});
	ck_assert(json_object_get_boolean(member("truncated")));
	ck_assert_uint_le(strlen(text_of("message")), LOG_TEXT_MAX_BYTES);
	if (_i != '%') /* one endless parameter, which is hidden for its length */
		ck_assert_uint_ge(strlen(text_of("message")), LOG_TEXT_MAX_BYTES / 6);
	free(text);
}
END_TEST

START_TEST(cuts_at_a_character)
{
	static const char smile[4] = {'\xf0', '\x9f', '\x99', '\x82'};
	char text[LOG_TEXT_MAX_BYTES + 8];
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'x', sizeof text);
		for (size_t i = shift; i + 4 < sizeof text; i += 4)
			memcpy(text + i, smile, sizeof smile);
		WRITE(VT_STRN("t", text, sizeof text), VT_INT("after", 1));
		ck_assert_ptr_null(strstr(line, "\xEF\xBF\xBD"));
		ck_assert_uint_gt(strlen(text_of("t")), LOG_TEXT_MAX_BYTES - 4);
		ck_assert(json_object_get_boolean(member("truncated")));
		ck_assert(has("after"));
	}
}
END_TEST

START_TEST(does_not_cut_what_fits)
{
	char text[LOG_TEXT_MAX_BYTES + 1];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	WRITE(VT_STR("t", text));
	ck_assert_str_eq(text_of("t"), text);
	ck_assert(!has("truncated"));
}
END_TEST

/* Fields are left out from the end: none that follows a missing one is there. */
START_TEST(leaves_out_from_the_end)
{
	char text[3000];
	char names[8][4] = {"f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"};
	struct vt_field fields[9];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (size_t i = 0; i < 8; i++)
		fields[i] = VT_STR(names[i], text);
	fields[8] = VT_INT("small", 1);
	written_with(fields, 9);
	ck_assert(has("f4"));
	ck_assert(!has("f5"));
	ck_assert(!has("small"));
	ck_assert(json_object_get_boolean(member("truncated")));
}
END_TEST

/* Around the bound every length gives JSON: the closing part always fits. */
START_TEST(fits_at_every_length)
{
	static char text[4100];
	for (size_t size = 3500; size < 4100; size++) {
		memset(text, 'x', size);
		text[size] = '\0';
		WRITE(VT_STR("a", text), VT_STR("b", text), VT_STR("c", text), VT_STR("d", text));
		ck_assert(has("truncated") == (size > LOG_TEXT_MAX_BYTES || !has("d")));
	}
}
END_TEST

START_TEST(keeps_reserved_names_apart)
{
	WRITE(VT_STR("timestamp", "x"), VT_STR("level", "y"), VT_INT("line", 99), VT_STR("field_level", "z"),
	      VT_STR("field_field_level", "zz"), VT_BOOL("truncated", true), VT_STR("exception", "e"));
	ck_assert_str_eq(text_of("level"), "INFO");
	ck_assert_str_eq(text_of("field_level"), "y");
	ck_assert_str_eq(text_of("field_field_level"), "z");
	ck_assert_str_eq(text_of("field_field_field_level"), "zz");
	ck_assert_int_eq(json_object_get_int(member("line")), 12);
	ck_assert_int_eq(json_object_get_int(member("field_line")), 99);
	ck_assert(has("field_truncated") && !has("truncated"));
	ck_assert_str_eq(text_of("field_exception"), "e");
}
END_TEST

START_TEST(writes_a_name_once)
{
	WRITE(VT_STR("a", NULL), VT_STR("a", "first"), VT_STR("a", "second"), VT_INT("a", 3));
	ck_assert_str_eq(text_of("a"), "first");
	ck_assert_ptr_eq(strstr(strstr(line, "\"a\":") + 1, "\"a\":"), NULL);
}
END_TEST

START_TEST(redacts)
{
	WRITE(VT_STR("Password", "s3cret"), VT_STRN("api-key", "s3cret", 6), VT_INT("cvv", 31337),
	      VT_STR("url", "/a?token=s3cret&x=1"), VT_STRN("referer", "https://u:s3cret@h/", 19),
	      VT_STR("note", "see redis://:s3cret@h/"), VT_STR("mail", "a@b.example"), VT_BOOL("token", true));
	ck_assert_ptr_null(strstr(line, "s3cret"));
	ck_assert_ptr_null(strstr(line, "31337"));
	ck_assert_str_eq(text_of("Password"), REDACTED);
	ck_assert_str_eq(text_of("url"), "/a?token=" REDACTED "&x=1");
	ck_assert_str_eq(text_of("referer"), "https://" REDACTED ":" REDACTED "@h/");
	ck_assert_str_eq(text_of("note"), "see redis://:" REDACTED "@h/");
	ck_assert_str_eq(text_of("mail"), "a@b.example");
	ck_assert(json_object_get_boolean(member("token")));
}
END_TEST

static const struct {
	const char *text, *clean;
} texts[] = {
	{"nothing", "nothing"},
	{"password=s3cret", "password=" REDACTED},
	{"see {\"token\":\"s3cret\"}", "see {\"token\":" REDACTED "}"},
	{"{\"pass\\u0077ord\":[\"s3cret\"],\"a\":1}", "{\"pass\\u0077ord\":\"" REDACTED "\",\"a\":1}"},
	{"GET /a?access_token=s3cret failed", "GET /a?access_token=" REDACTED " failed"},
	{"sent Bearer s3crets3cret to it", "sent Bearer " REDACTED " to it"},
};

/* Whatever the field is called, and in message and exception too. */
START_TEST(redacts_texts_everywhere)
{
	written(&(const struct log_record){.level = VT_INFO,
	                                   .logger = "l",
	                                   .message = texts[_i].text,
	                                   .exception = texts[_i].text,
	                                   .fields = (const struct vt_field[]){VT_STR("note", texts[_i].text)},
	                                   .count = 1});
	ck_assert_str_eq(text_of("message"), texts[_i].clean);
	ck_assert_str_eq(text_of("exception"), texts[_i].clean);
	ck_assert_str_eq(text_of("note"), texts[_i].clean);
}
END_TEST

START_TEST(believes_clean_texts)
{
	WRITE(LOG_CLEAN("body", "a: token=x y", 10), LOG_CLEAN("token", "abc", 3), LOG_CLEAN("none", NULL, 0));
	ck_assert_str_eq(text_of("body"), "a: token=x");
	ck_assert_str_eq(text_of("token"), REDACTED);
	ck_assert(!has("none"));
}
END_TEST

START_TEST(redacts_exceptions)
{
	written(&(const struct log_record){.level = VT_ERROR_LEVEL,
	                                   .logger = "l",
	                                   .message = "m",
	                                   .exception = "no connection: password=s3cret host=h"});
	ck_assert_str_eq(text_of("exception"), "no connection: password=" REDACTED " host=h");
}
END_TEST

static const struct {
	const char *file, *module;
} files[] = {{"a.c", "a"}, {"/x/y/b.c", "b"}, {"c", "c"}, {".c", ".c"}, {"d.cc", "d.cc"}, {"", ""}};

START_TEST(names_the_module)
{
	const struct vt_log_site here = {.file = files[_i].file, .function = "f", .line = 1};
	written(&(const struct log_record){.level = VT_INFO, .logger = "l", .message = "m", .site = &here});
	ck_assert_str_eq(text_of("module"), files[_i].module);
}
END_TEST

/* ---- ECS ---- */

static void
use_ecs(void)
{
	style.format = LOG_FORMAT_ECS;
}

START_TEST(ecs_begins_as_its_specification_wants)
{
	const struct log_context context = {
		.correlation_id = "c", .request_id = "r", .user_id = "u", .trace_id = "t", .span_id = "s"};
	use_ecs();
	written(&(const struct log_record){.level = VT_ERROR_LEVEL,
	                                   .logger = "vitals.request",
	                                   .message = "Request completed",
	                                   .site = &site,
	                                   .context = &context,
	                                   .exception = "it broke",
	                                   .fields = (const struct vt_field[]){VT_INT("n", -7), VT_BOOL("b", true)},
	                                   .count = 2});
	ck_assert_str_eq(line, "{\"@timestamp\":\"2023-11-14T22:13:20.123456Z\",\"log.level\":\"ERROR\","
	                       "\"message\":\"Request completed\",\"ecs.version\":\"8.11.0\","
	                       "\"service.name\":\"shop\",\"service.version\":\"1.2\","
	                       "\"log.logger\":\"vitals.request\",\"log.origin.file.name\":\"router.c\","
	                       "\"log.origin.function\":\"route\",\"log.origin.file.line\":12,"
	                       "\"labels.correlation_id\":\"c\",\"http.request.id\":\"r\",\"user.id\":\"u\","
	                       "\"trace.id\":\"t\",\"span.id\":\"s\",\"error.message\":\"it broke\","
	                       "\"vitals.n\":-7,\"labels.b\":true}\n");
}
END_TEST

static const struct {
	struct vt_field field;
	const char *json;
} ecs_cases[] = {
	{{.name = "method", .type = VT_FIELD_TEXT, .value.text = "GET"}, "\"http.request.method\":\"GET\""},
	{{.name = "url", .type = VT_FIELD_TEXT, .value.text = "/a?token=x"},
         "\"url.original\":\"/a?token=" REDACTED "\""},
	{{.name = "path", .type = VT_FIELD_BYTES, .value.text = "/ab", .size_bytes = 2}, "\"url.path\":\"/a\""},
	{{.name = "status_code", .type = VT_FIELD_INT, .value.integer = 200}, "\"http.response.status_code\":200"},
	{{.name = "bytes", .type = VT_FIELD_INT, .value.integer = 7}, "\"http.response.body.bytes\":7"},
	{{.name = "duration_seconds", .type = VT_FIELD_DOUBLE, .value.number = 0.001234}, "\"event.duration\":1234000"},
	{{.name = "duration_seconds", .type = VT_FIELD_DOUBLE, .value.number = -1}, "\"vitals.duration_seconds\":-1"},
	{{.name = "duration_seconds", .type = VT_FIELD_DOUBLE, .value.number = (double)NAN},
         "\"vitals.duration_seconds\":null"},
	{{.name = "client_ip", .type = VT_FIELD_TEXT, .value.text = "192.0.2.7"}, "\"client.ip\":\"192.0.2.7\""},
	{{.name = "client_ip", .type = VT_FIELD_TEXT, .value.text = "2001:db8::1"}, "\"client.ip\":\"2001:db8::1\""},
	/* An index refuses a record whose client.ip is no address, whose status is a text. */
	{{.name = "client_ip", .type = VT_FIELD_TEXT, .value.text = "unix:"}, "\"labels.client_ip\":\"unix:\""},
	{{.name = "client_ip", .type = VT_FIELD_TEXT, .value.text = ""}, "\"labels.client_ip\":\"\""},
	{{.name = "status_code", .type = VT_FIELD_TEXT, .value.text = "x"}, "\"labels.status_code\":\"x\""},
	{{.name = "method", .type = VT_FIELD_INT, .value.integer = 1}, "\"vitals.method\":1"},
	{{.name = "queue_seconds", .type = VT_FIELD_DOUBLE, .value.number = 0.5}, "\"vitals.queue_seconds\":0.5"},
	{{.name = "route", .type = VT_FIELD_TEXT, .value.text = "/u/{id}"}, "\"labels.route\":\"/u/{id}\""},
	{{.name = "signal", .type = VT_FIELD_TEXT, .value.text = "SIGSEGV"}, "\"error.type\":\"SIGSEGV\""},
	{{.name = "backtrace", .type = VT_FIELD_TEXT, .value.text = "a\nb"}, "\"error.stack_trace\":\"a\\nb\""},
	{{.name = "password", .type = VT_FIELD_INT, .value.integer = 31337}, "\"labels.password\":\"" REDACTED "\""},
	{{.name = "a.b.c", .type = VT_FIELD_INT, .value.integer = 1}, "\"vitals.a_b_c\":1"},
	{{.name = "message", .type = VT_FIELD_TEXT, .value.text = "m"}, "\"labels.field_message\":\"m\""},
	{{.name = "correlation_id", .type = VT_FIELD_TEXT, .value.text = "x"}, "\"labels.field_correlation_id\":\"x\""},
};

START_TEST(ecs_names_what_it_has_a_name_for)
{
	char expected[128];
	use_ecs();
	written_with(&ecs_cases[_i].field, 1);
	snprintf(expected, sizeof expected, ",%s}\n", ecs_cases[_i].json);
	ck_assert_msg(strstr(line, expected) != NULL, "no %s in %s", expected, line);
}
END_TEST

START_TEST(ecs_writes_a_name_once)
{
	use_ecs();
	WRITE(VT_INT("a.b", 1), VT_INT("a_b", 2), VT_INT("a_bc", 3), VT_INT("a", 4));
	ck_assert_ptr_nonnull(strstr(line, ",\"vitals.a_b\":1,\"vitals.a_bc\":3,\"vitals.a\":4}"));
}
END_TEST

START_TEST(ecs_stays_json_and_says_where_it_cut)
{
	size_t size = 1 << 20;
	char *text = malloc(size + 1);
	use_ecs();
	memset(text, _i, size);
	text[size] = '\0';
	WRITE(VT_STR("url", text), VT_STR("b", text), VT_STR("c", text), VT_STR("d", text), VT_INT("after", 1));
	ck_assert(json_object_get_boolean(member("labels.truncated")));
	WRITE(VT_STR(text, "x"), VT_INT("after", 1));
	ck_assert(json_object_get_boolean(member("labels.truncated")));
	ck_assert_int_eq(json_object_get_int(member("vitals.after")), 1);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_record");
	TCase *tcase = tcase_create("log_record");
	tcase_add_test(tcase, keeps_the_order);
	tcase_add_test(tcase, leaves_out_what_is_absent);
	tcase_add_test(tcase, names_levels);
	tcase_add_test(tcase, writes_numbers);
	tcase_add_loop_test(tcase, survives_hostile_bytes, 0, sizeof hostile / sizeof hostile[0]);
	tcase_add_test(tcase, survives_hostile_bytes_everywhere);
	tcase_add_loop_test(tcase, cuts_long_texts, 0, 256);
	tcase_add_test(tcase, cuts_at_a_character);
	tcase_add_test(tcase, does_not_cut_what_fits);
	tcase_add_test(tcase, leaves_out_from_the_end);
	tcase_add_test(tcase, fits_at_every_length);
	tcase_add_test(tcase, keeps_reserved_names_apart);
	tcase_add_test(tcase, writes_a_name_once);
	tcase_add_test(tcase, redacts);
	tcase_add_loop_test(tcase, redacts_texts_everywhere, 0, sizeof texts / sizeof texts[0]);
	tcase_add_test(tcase, believes_clean_texts);
	tcase_add_test(tcase, redacts_exceptions);
	tcase_add_loop_test(tcase, names_the_module, 0, sizeof files / sizeof files[0]);
	tcase_add_test(tcase, ecs_begins_as_its_specification_wants);
	tcase_add_loop_test(tcase, ecs_names_what_it_has_a_name_for, 0, sizeof ecs_cases / sizeof ecs_cases[0]);
	tcase_add_test(tcase, ecs_writes_a_name_once);
	tcase_add_loop_test(tcase, ecs_stays_json_and_says_where_it_cut, 1, 256);
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
