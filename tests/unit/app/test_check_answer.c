/* test_check_answer.c - the status and body of whatever bytes a server may send. */
#include <check.h>
#include <string.h>

#include "check_answer.h"
#include "run_suite.h"

static const struct {
	const char *text;
	long status;
	const char *body; /* NULL: it has not begun */
} http[] =
	{
		{"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", 200, "body"},
		{"HTTP/1.0 204\r\n\r\n", 204, ""},
		{"HTTP/1.1 503 No\nA: b\n\nx", 503, "x"},
		{"HTTP/1.1 20", 0, NULL},
		{"HTTP/1.1 2000 x\r\n", 0, NULL},
		{"HTTP/1.1 2x0 x\r\n", 0, NULL},
		{"HTTP/1.1", 0, NULL},
		{"", 0, NULL},
		{"SSH-2.0-x\r\n", 0, NULL},
		{"HTTP/1.1 200 OK\r\n\r", 200, NULL},
},
  cgi[] = {
	  {"Status: 404 No\r\nA: b\r\n\r\nbody", 404, "body"},
	  {"A: b\r\nstatus: 500\r\n\r\n", 500, ""},
	  {"A: b\n\nStatus: 500", 200, "Status: 500"},
	  {"Status: 404", 0, NULL},
	  {"Status: x\r\n\r\n", 0, ""},
	  {"", 0, NULL},
	  {"X-Status: 404\r\n\r\n", 200, ""},
};

static void
expect(const struct check_answer *answer, long status, const char *body)
{
	ck_assert_int_eq(answer->status, status);
	ck_assert_int_eq(answer->body == NULL, body == NULL);
	if (body != NULL)
		ck_assert(answer->body_bytes == strlen(body) && memcmp(answer->body, body, strlen(body)) == 0);
}

START_TEST(reads_http)
{
	struct check_answer answer = {0};
	check_answer_parse_http(http[_i].text, strlen(http[_i].text), &answer);
	expect(&answer, http[_i].status, http[_i].body);
}
END_TEST

START_TEST(reads_cgi)
{
	struct check_answer answer = {0};
	check_answer_parse_cgi(cgi[_i].text, strlen(cgi[_i].text), &answer);
	expect(&answer, cgi[_i].status, cgi[_i].body);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
	Suite *suite = suite_create("check_answer");
	TCase *tc = tcase_create("check_answer");
	tcase_add_loop_test(tc, reads_http, 0, COUNT(http));
	tcase_add_loop_test(tc, reads_cgi, 0, COUNT(cgi));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
