/* test_accept.c - RFC 9110 section 12.5.1 as a table. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "accept.h"
#include "run_suite.h"

#define JSON 0
#define HEALTH 1
#define TEXT 2
#define NONE (-1)

static const char *const offers[] = {"application/json", "application/health+json", "text/plain;version=0.0.4"};

static const struct {
	const char *accept;
	int chosen;
} cases[] = {
	/* No wish */
	{NULL, JSON},
	{"", JSON},
	{" ", JSON},
	{",,", JSON},
	{"*/*", JSON},
	/* One wish */
	{"application/json", JSON},
	{"application/health+json", HEALTH},
	{"APPLICATION/Health+JSON", HEALTH},
	{"text/plain", TEXT},
	{"text/*", TEXT},
	{"application/*", JSON},
	{"image/png", NONE},
	{"image/*", NONE},
	{"text/html", NONE},
	/* Quality decides, then the order of the offers */
	{"application/json;q=0.5, application/health+json", HEALTH},
	{"application/health+json, application/json", JSON},
	{"application/json;q=0.1,text/plain;q=0.2", TEXT},
	{"application/json; q=0.200 , text/plain ;q=0.201", TEXT},
	{"text/*;q=0.3, application/*;q=0.2", TEXT},
	{"*/*;q=0.1, text/plain", TEXT},
	{"image/png, */*;q=0.1", JSON},
	{"application/json;Q=0.1, text/plain;q=0.2", TEXT},
	/* The most specific range gives the quality, wherever it stands */
	{"application/*, application/json;q=0", HEALTH},
	{"application/json;q=0, application/*", HEALTH},
	{"*/*, application/*;q=0", TEXT},
	{"*/*;q=0", NONE},
	{"application/json;q=0", NONE},
	{"application/json;q=0.0, text/plain;q=0.001", TEXT},
	{"text/plain;version=0.0.4;q=0.1, text/plain;q=0.9, application/json;q=0.5", JSON},
	{"text/plain;version=1.0.0, application/json;q=0.1", JSON},
	{"text/plain;version=0.0.4", TEXT},
	{"text/plain; Version=0.0.4", TEXT},
	{"text/plain;version=1", NONE},
	{"*/*;q=0.5, application/json;q=0.4", HEALTH},
	/* Extensions after the weight, empty parameters */
	{"text/plain;q=1;ext=x", TEXT},
	{"text/plain;;q=1", TEXT},
	{"text/plain;", TEXT},
	/* Quoted strings hide separators */
	{"text/plain;x=\"a,b;q=0\", application/json;q=0.2", JSON},
	{"text/html;x=\", text/plain, \"", NONE},
	{"text/html;x=\"\\\", text/plain, \"", NONE},
	{"text/html;x=\"\\\", text/plain\", text/plain", TEXT},
	/* Malformed members are as if they were not there */
	{"json, text/plain", TEXT},
	{"/json, text/plain", TEXT},
	{"text/, application/json", JSON},
	{"*/json, text/plain", TEXT},
	{"text/plain;q=1.001, application/health+json;q=0.1", HEALTH},
	{"text/plain;q=2, application/health+json", HEALTH},
	{"text/plain;q=-1, application/health+json", HEALTH},
	{"text/plain;q=, application/health+json", HEALTH},
	{"text/plain;q=0.1234, application/health+json", HEALTH},
	{"text/plain;q=a, application/health+json", HEALTH},
	{"text/plain;q=0,5, application/health+json", HEALTH},
	{"text plain", JSON},
	{"a/b/c", JSON},
	/* As browsers and scrapers send it */
	{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON},
	{"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", TEXT},
};

START_TEST(table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int chosen = accept_choose(cases[i].accept, offers, 3);
		ck_assert_msg(chosen == cases[i].chosen, "\"%s\": %d",
		              cases[i].accept != NULL ? cases[i].accept : "(none)", chosen);
	}
}
END_TEST

START_TEST(nothing_offered)
{
	ck_assert_int_eq(accept_choose(NULL, offers, 0), -1);
	ck_assert_int_eq(accept_choose("*/*", offers, 0), -1);
}
END_TEST

START_TEST(one_offer)
{
	ck_assert_int_eq(accept_choose("*/*", offers, 1), 0);
	ck_assert_int_eq(accept_choose("text/plain", offers, 1), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("accept");
	TCase *tc = tcase_create("accept");
	tcase_add_test(tc, table);
	tcase_add_test(tc, nothing_offered);
	tcase_add_test(tc, one_offer);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
