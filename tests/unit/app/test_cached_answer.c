/* test_cached_answer.c - what may be kept and for how long, validators, and the fields that tell of it. */
#include "../http/http_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "cached_answer.h"
#include "err.h"
#include "response.h"
#include "run_suite.h"

#define NOW INT64_C(1700000000000)
#define OWN_ID "the-id-of-this-request"

static struct fixture f;
static struct vt_response res;

static void
setup(void)
{
	fixture_init(&f);
	response_init(&res, f.arena, OWN_ID);
}

static void
teardown(void)
{
	fixture_fini(&f);
}

static struct cache_rule
rule_of(struct vt_cached says)
{
	return (struct cache_rule){.says = says};
}

/* Anew: a response with that status, one header (NULL: none) and a body where the status has one. */
static void
respond(int status, const char *name, const char *value, const char *body)
{
	response_init(&res, f.arena, OWN_ID);
	ck_assert_int_eq(vt_status(&res, status), VT_OK);
	if (name != NULL)
		ck_assert_int_eq(vt_set_header(&res, name, value), VT_OK);
	if (response_bodiless(status))
		ck_assert_int_eq(vt_no_content(&res, status), VT_OK);
	else
		ck_assert_int_eq(vt_answer(&res, "text/plain", body, strlen(body)), VT_OK);
}

/* NULL: there is none; fails where there are two. */
static const char *
header(const char *name)
{
	const char *value = NULL;
	for (size_t i = 0; i < res.header_count; i++)
		if (strcasecmp(res.headers[i].name, name) == 0) {
			ck_assert_msg(value == NULL, "%s twice", name);
			value = res.headers[i].value;
		}
	return value;
}

/* ---- What may be kept --------------------------------------------------------------------------- */

START_TEST(by_status)
{
	static const struct {
		int status;
		int64_t fresh_s; /* -1: not kept */
	} cases[] = {{200, 60}, {204, 60}, {301, 60}, {308, 60}, {404, 5},  {410, 5},  {201, -1}, {202, -1}, {206, -1},
	             {302, -1}, {303, -1}, {304, -1}, {307, -1}, {400, -1}, {401, -1}, {403, -1}, {500, -1}, {503, -1}};
	const struct cache_rule rule = rule_of((struct vt_cached){.ttl_s = 60, .negative_s = 5}),
				none = rule_of((struct vt_cached){.ttl_s = 60});
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kept_answer answer = {.cost_ms = 7};
		respond(cases[i].status, NULL, NULL, "x");
		bool kept = cached_answer_take(&answer, &res, &rule, NOW);
		ck_assert_msg(kept == (cases[i].fresh_s >= 0), "%d", cases[i].status);
		if (kept) {
			ck_assert_int_eq(answer.status, cases[i].status);
			ck_assert_int_eq(answer.fresh_until_ms, NOW + cases[i].fresh_s * 1000);
			ck_assert_int_eq(answer.cost_ms, 7);
		}
		if (cases[i].status >= 400)
			ck_assert(!cached_answer_take(&answer, &res, &none, NOW));
	}
}
END_TEST

START_TEST(by_headers)
{
	static const struct {
		const char *name, *value;
		int64_t fresh_s, stale_s, error_s; /* fresh_s -1: not kept */
	} cases[] = {
		{"X-Any", "thing", 60, 10, 20},
		{"Set-Cookie", "a=b", -1, 0, 0},
		{"set-cookie", "a=b", -1, 0, 0},
		{"Vary", "*", -1, 0, 0},
		{"Vary", "Accept, *", -1, 0, 0},
		{"Vary", "Accept", -1, 0, 0},
		{"Vary", "", 60, 10, 20},
		{"Cache-Control", "no-store", -1, 0, 0},
		{"Cache-Control", "private", -1, 0, 0},
		{"Cache-Control", "no-cache", -1, 0, 0},
		{"Cache-Control", "max-age=0", -1, 0, 0},
		{"Cache-Control", "s-maxage=0, max-age=9", -1, 0, 0},
		{"Cache-Control", "max-age=9", 9, 10, 20},
		{"cache-control", "max-age=9, s-maxage=8", 8, 10, 20},
		{"Cache-Control", "stale-while-revalidate=1, stale-if-error=2", 60, 1, 2},
		{"Cache-Control", "must-revalidate", 60, 0, 0},
		{"Cache-Control", "must-revalidate, stale-if-error=2", 60, 0, 0},
		{"Cache-Control", "max-age=99999999999999999999", 2147483648, 10, 20},
		{"Cache-Control", "max-age=nonsense", 60, 10, 20},
	};
	const struct cache_rule rule = rule_of((struct vt_cached){.ttl_s = 60, .stale_s = 10, .stale_if_error_s = 20});
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kept_answer answer = {.status = 0};
		respond(200, cases[i].name, cases[i].value, "x");
		bool kept = cached_answer_take(&answer, &res, &rule, NOW);
		ck_assert_msg(kept == (cases[i].fresh_s >= 0), "case %zu", i);
		if (!kept)
			continue;
		int64_t fresh_until_ms = NOW + cases[i].fresh_s * 1000;
		ck_assert_int_eq(answer.made_ms, NOW);
		ck_assert_int_eq(answer.fresh_until_ms, fresh_until_ms);
		ck_assert_int_eq(answer.stale_until_ms, fresh_until_ms + cases[i].stale_s * 1000);
		ck_assert_int_eq(answer.error_until_ms, fresh_until_ms + cases[i].error_s * 1000);
	}
}
END_TEST

/* What the handler says it depends on has to be in the key. */
START_TEST(by_vary)
{
	static const struct {
		const char *vary;
		bool kept;
	} cases[] = {{"Accept", true},   {"accept , HOST", true},    {"Accept, Origin", false},
	             {"Accept,,", true}, {"Accept-Language", false}, {"*", false},
	             {"Accep", false}};
	char *headers[] = {"Accept", "Host", NULL};
	struct cache_rule rule = rule_of((struct vt_cached){.ttl_s = 60});
	rule.headers = headers;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kept_answer answer = {.status = 0};
		respond(200, "Vary", cases[i].vary, "x");
		ck_assert_msg(cached_answer_take(&answer, &res, &rule, NOW) == cases[i].kept, "%s", cases[i].vary);
	}
}
END_TEST

START_TEST(several_lines_count_together)
{
	const struct cache_rule rule = rule_of((struct vt_cached){.ttl_s = 60});
	struct kept_answer answer;
	ck_assert_int_eq(vt_set_header(&res, "Cache-Control", "max-age=9"), VT_OK);
	ck_assert_int_eq(vt_set_header(&res, "Cache-Control", "private"), VT_OK);
	ck_assert_int_eq(vt_answer(&res, "text/plain", "x", 1), VT_OK);
	ck_assert(!cached_answer_take(&answer, &res, &rule, NOW));
}
END_TEST

/* ---- Showing ------------------------------------------------------------------------------------ */

START_TEST(shows_what_was_taken)
{
	static const int statuses[] = {200, 204, 301, 404};
	const struct cache_rule rule = rule_of((struct vt_cached){.ttl_s = 60, .negative_s = 60});
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		struct kept_answer answer = {.status = 0};
		respond(statuses[i], "X-Own", "yes", "the body");
		ck_assert(cached_answer_take(&answer, &res, &rule, NOW));
		response_init(&res, f.arena, OWN_ID);
		ck_assert_int_eq(cached_answer_show(&res, &answer), VT_OK);
		ck_assert(response_sound(&res));
		ck_assert_int_eq(response_status(&res), statuses[i]);
		ck_assert_pstr_eq(header("X-Own"), "yes");
		ck_assert_pstr_eq(res.content_type, statuses[i] != 204 ? "text/plain" : NULL);
		ck_assert_uint_eq(res.body.length, statuses[i] != 204 ? strlen("the body") : 0);
	}
}
END_TEST

START_TEST(a_problem_names_its_own_request)
{
	static const struct {
		const char *is, *should;
	} cases[] = {
		{"{\"a\":1,\"correlation_id\":\"another\"}", "{\"a\":1,\"correlation_id\":\"" OWN_ID "\"}"},
		{"{\"correlation_id\":\"\",\"b\":2}", "{\"correlation_id\":\"" OWN_ID "\",\"b\":2}"},
		{"{\"detail\":\"\\\"correlation_id\\\":\\\"x\\\"\",\"correlation_id\":\"y\"}",
	         "{\"detail\":\"\\\"correlation_id\\\":\\\"x\\\"\",\"correlation_id\":\"" OWN_ID "\"}"},
		{"{\"correlation_id\":\"open", "{\"correlation_id\":\"open"},
		{"{\"correlation_id\":\"", "{\"correlation_id\":\""},
		{"{\"correlation_id\":7}", "{\"correlation_id\":7}"},
		{"{}", "{}"},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *body = strdup(cases[i].is);
		const struct kept_answer answer = {.status = 404,
		                                   .content_type = "application/problem+json",
		                                   .body = body,
		                                   .body_bytes = strlen(body)};
		response_init(&res, f.arena, OWN_ID);
		ck_assert_int_eq(cached_answer_show(&res, &answer), VT_OK);
		ck_assert_int_eq(response_status(&res), 404);
		ck_assert_str_eq(res.content_type, "application/problem+json");
		ck_assert_uint_eq(res.body.length, strlen(cases[i].should));
		ck_assert_mem_eq(res.body.data, cases[i].should, res.body.length);
		free(body);
	}
}
END_TEST

/* The cache is not believed: what vt_status() and vt_set_header() refuse does not go out. */
START_TEST(a_damaged_answer_is_not_shown)
{
	const struct kept_answer cases[] = {
		{.status = 0, .content_type = "text/plain", .body = "x", .body_bytes = 1},
		{.status = 65535, .content_type = "text/plain", .body = "x", .body_bytes = 1},
		{.status = 200,
	         .content_type = "text/plain",
	         .headers = {{"A", "b\r\nC: d"}},
	         .header_count = 1,
	         .body = ""},
		{.status = 200, .content_type = "text/plain", .headers = {{"A b", "c"}}, .header_count = 1, .body = ""},
		{.status = 200, .content_type = "text/plain\r\nX: y", .body = "x", .body_bytes = 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		response_init(&res, f.arena, OWN_ID);
		ck_assert_msg(cached_answer_show(&res, &cases[i]) != VT_OK, "case %zu", i);
		ck_assert_msg(response_status(&res) == 500, "case %zu", i);
	}
}
END_TEST

/* ---- Validators --------------------------------------------------------------------------------- */

static const char *
tag_of(int status, const char *body)
{
	respond(status, NULL, NULL, body);
	ck_assert_int_eq(cached_answer_tag(&res), VT_OK);
	return header("ETag");
}

START_TEST(a_tag_stands_for_the_body)
{
	const char *tag = tag_of(200, "a body");
	ck_assert_ptr_nonnull(tag);
	ck_assert_uint_eq(strspn(tag + 1, "0123456789abcdef"), strlen(tag) - 2);
	ck_assert(tag[0] == '"' && tag[strlen(tag) - 1] == '"');
	ck_assert_str_eq(tag_of(200, "a body"), tag);
	ck_assert_str_ne(tag_of(200, "a bode"), tag);
	ck_assert_str_ne(tag_of(200, "a body "), tag);
	ck_assert_ptr_nonnull(tag_of(200, ""));
	ck_assert_ptr_null(tag_of(404, "a body"));
	ck_assert_ptr_null(tag_of(204, ""));
	respond(200, "etag", "W/\"mine\"", "a body");
	ck_assert_int_eq(cached_answer_tag(&res), VT_OK);
	ck_assert_pstr_eq(header("ETag"), "W/\"mine\"");
}
END_TEST

static enum vt_result
finish(const struct cache_rule *rule, enum cached_how how, int64_t age_ms)
{
	return cached_answer_finish(&f.req, &res, rule, how, age_ms);
}

static void
ask_with(const char *one, const char *other)
{
	fixture_fini(&f);
	fixture_init(&f);
	ck_assert_int_eq(
		fixture_parse(&f, PARAMS("REQUEST_METHOD=GET",
	                                 one != NULL ? arena_printf(f.arena, "HTTP_IF_NONE_MATCH=%s", one) : "A=",
	                                 other != NULL ? arena_printf(f.arena, "HTTP_IF_NONE_MATCH=%s", other) : "A=")),
		VT_OK);
}

START_TEST(a_client_that_has_it_gets_304)
{
	static const struct {
		const char *one, *other, *tag;
		bool has;
	} cases[] = {
		{NULL, NULL, "\"a\"", false},
		{"\"a\"", NULL, "\"a\"", true},
		{"\"b\"", NULL, "\"a\"", false},
		{"*", NULL, "\"a\"", true},
		{" * ", NULL, "\"a\"", true},
		{"\"b\", \"a\"", NULL, "\"a\"", true},
		{"\"b\",\t\"c\" ,, \"a\"", NULL, "\"a\"", true},
		{"\"b\"", "\"a\"", "\"a\"", true},
		/* Weak comparison, RFC 9110 section 8.8.3.2 */
		{"W/\"a\"", NULL, "\"a\"", true},
		{"\"a\"", NULL, "W/\"a\"", true},
		{"W/\"b\", W/\"a\"", NULL, "W/\"a\"", true},
		{"w/\"a\"", NULL, "\"a\"", false},
		/* A comma, a star and a backslash are characters of a tag like others */
		{"\"a,b\"", NULL, "\"a,b\"", true},
		{"\"x,\", \"a\"", NULL, "\"a\"", true},
		{"\"*\"", NULL, "\"a\"", false},
		{"\"\\\", \"a\"", NULL, "\"a\"", true},
		/* Of another length */
		{"\"aa\"", NULL, "\"a\"", false},
		{"\"\"", NULL, "\"a\"", false},
		{"\"a\"", NULL, "\"aa\"", false},
		/* Malformed */
		{"", NULL, "\"a\"", false},
		{",,,", NULL, "\"a\"", false},
		{"a", NULL, "\"a\"", false},
		{"\"a", NULL, "\"a\"", false},
		{"a\"", NULL, "\"a\"", false},
		{"\"", NULL, "\"a\"", false},
		{"W/", NULL, "\"a\"", false},
		{"W/W/\"a\"", NULL, "\"a\"", false},
		{"b, \"a\"", NULL, "\"a\"", false},
		{"\"b\"x, \"a\"", NULL, "\"a\"", false},
	};
	const struct cache_rule rule = rule_of((struct vt_cached){.ttl_s = 60});
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ask_with(cases[i].one, cases[i].other);
		respond(200, "ETag", cases[i].tag, "the body");
		ck_assert_int_eq(finish(&rule, CACHED_HIT, 1000), VT_OK);
		ck_assert_msg(response_status(&res) == (cases[i].has ? 304 : 200), "case %zu: %s", i, cases[i].one);
		ck_assert_uint_eq(res.body.length, cases[i].has ? 0 : strlen("the body"));
		ck_assert_pstr_eq(header("ETag"), cases[i].tag);
		ck_assert_pstr_eq(header("Cache-Control"), "no-cache");
		ck_assert_pstr_eq(header("Age"), "1");
	}
}
END_TEST

START_TEST(no_304_for_what_is_none)
{
	const struct cache_rule rule = rule_of((struct vt_cached){.ttl_s = 60, .negative_s = 5});
	ask_with("*", NULL);
	respond(404, "ETag", "\"a\"", "x");
	ck_assert_int_eq(finish(&rule, CACHED_HIT, 0), VT_OK);
	ck_assert_int_eq(response_status(&res), 404);
	respond(200, NULL, NULL, "x");
	ck_assert_int_eq(finish(&rule, CACHED_HIT, 0), VT_OK);
	ck_assert_int_eq(response_status(&res), 200);
	respond(200, "ETag", "\"a\"", "x");
	ck_assert_int_eq(finish(&rule, CACHED_BYPASS, -1), VT_OK);
	ck_assert_int_eq(response_status(&res), 200);
}
END_TEST

/* ---- Fields ------------------------------------------------------------------------------------- */

START_TEST(how_and_how_old)
{
	static const struct {
		enum cached_how how;
		int64_t age_ms;
		const char *x_cache, *age, *label;
	} cases[] = {
		{CACHED_HIT, 0, "HIT", "0", "hit"},
		{CACHED_HIT, 999, "HIT", "0", "hit"},
		{CACHED_STALE, 61000, "STALE", "61", "stale"},
		{CACHED_MISS, -1, "MISS", NULL, "miss"},
		{CACHED_BYPASS, -1, "BYPASS", NULL, "bypass"},
	};
	const struct cache_rule rule = rule_of((struct vt_cached){.ttl_s = 60});
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		respond(200, NULL, NULL, "x");
		ck_assert_int_eq(finish(&rule, cases[i].how, cases[i].age_ms), VT_OK);
		ck_assert_pstr_eq(header("X-Cache"), cases[i].x_cache);
		ck_assert_pstr_eq(header("Age"), cases[i].age);
		ck_assert_str_eq(cached_how_label(cases[i].how), cases[i].label);
	}
}
END_TEST

START_TEST(what_clients_may_keep)
{
	static const struct {
		struct vt_cached says;
		int status;
		const char *own;
		enum cached_how how;
		int64_t age_ms;
		const char *control;
	} cases[] = {
		{{.ttl_s = 60}, 200, NULL, CACHED_MISS, -1, "no-cache"},
		{{.client_max_age_s = 30}, 200, NULL, CACHED_MISS, -1, "max-age=30"},
		{{.client_max_age_s = 30}, 200, NULL, CACHED_HIT, 12000, "max-age=42"},
		{{.client_max_age_s = 30}, 200, "max-age=5", CACHED_HIT, 12000, "max-age=5"},
		{{.client_max_age_s = 2147483648}, 200, NULL, CACHED_HIT, 12000, "max-age=2147483660"},
		{{.users = VT_CACHED_PER_USER}, 200, NULL, CACHED_HIT, 0, "private, no-cache"},
		{{.users = VT_CACHED_PER_USER, .client_max_age_s = 3}, 200, NULL, CACHED_HIT, 0, "private, max-age=3"},
		{{.users = VT_CACHED_SHARED}, 404, NULL, CACHED_MISS, -1, "no-cache"},
		{{.client_max_age_s = 30}, 503, NULL, CACHED_MISS, -1, NULL},
		{{.client_max_age_s = 30}, 200, NULL, CACHED_BYPASS, -1, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct cache_rule rule = rule_of(cases[i].says);
		respond(cases[i].status, cases[i].own != NULL ? "Cache-Control" : NULL, cases[i].own, "x");
		ck_assert_int_eq(finish(&rule, cases[i].how, cases[i].age_ms), VT_OK);
		ck_assert_pstr_eq(header("Cache-Control"), cases[i].control);
	}
}
END_TEST

START_TEST(what_it_varies_with)
{
	static const struct {
		const char *rule, *own, *vary;
		enum cached_how how;
	} cases[] = {
		{NULL, NULL, NULL, CACHED_HIT},
		{"Accept", NULL, "Accept", CACHED_HIT},
		{"Accept", NULL, "Accept", CACHED_BYPASS},
		{NULL, "Origin", "Origin", CACHED_MISS},
		{"Accept", "Origin", "Origin, Accept", CACHED_MISS},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct cache_rule rule = {.vary = cases[i].rule};
		respond(200, cases[i].own != NULL ? "Vary" : NULL, cases[i].own, "x");
		ck_assert_int_eq(finish(&rule, cases[i].how, -1), VT_OK);
		ck_assert_pstr_eq(header("Vary"), cases[i].vary);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cached_answer");
	TCase *tc = tcase_create("cached_answer");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, by_status);
	tcase_add_test(tc, by_headers);
	tcase_add_test(tc, by_vary);
	tcase_add_test(tc, several_lines_count_together);
	tcase_add_test(tc, shows_what_was_taken);
	tcase_add_test(tc, a_problem_names_its_own_request);
	tcase_add_test(tc, a_damaged_answer_is_not_shown);
	tcase_add_test(tc, a_tag_stands_for_the_body);
	tcase_add_test(tc, a_client_that_has_it_gets_304);
	tcase_add_test(tc, no_304_for_what_is_none);
	tcase_add_test(tc, how_and_how_old);
	tcase_add_test(tc, what_clients_may_keep);
	tcase_add_test(tc, what_it_varies_with);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
