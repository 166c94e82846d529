/* test_database_error.c - outcomes and words for SQLSTATE codes and libpq's texts; no secret in any. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "database_error.h"
#include "run_suite.h"

START_TEST(outcomes)
{
	static const struct {
		const char *sqlstate;
		enum vt_result result;
		bool ends;
	} cases[] = {
		{"08000", VT_UNAVAILABLE, true},  {"08006", VT_UNAVAILABLE, true}, {"22P02", VT_BAD_INPUT, false},
		{"22001", VT_BAD_INPUT, false},   {"23505", VT_CONFLICT, false},   {"23P01", VT_CONFLICT, false},
		{"40001", VT_CONFLICT, false},    {"40P01", VT_CONFLICT, false},   {"40002", VT_ERROR, false},
		{"53300", VT_UNAVAILABLE, false}, {"53200", VT_ERROR, false},      {"57014", VT_TIMEOUT, false},
		{"57P01", VT_UNAVAILABLE, true},  {"57P02", VT_UNAVAILABLE, true}, {"57P03", VT_UNAVAILABLE, true},
		{"42601", VT_ERROR, false},       {"XX000", VT_ERROR, false},      {"", VT_ERROR, false},
		{"2", VT_ERROR, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_msg(database_error_result(cases[i].sqlstate) == cases[i].result, "%s", cases[i].sqlstate);
		ck_assert_msg(database_error_ends_connection(cases[i].sqlstate) == cases[i].ends, "%s",
		              cases[i].sqlstate);
	}
}
END_TEST

START_TEST(words)
{
	static const struct {
		const char *sqlstate, *text;
	} cases[] = {
		{"42601", "syntax error (SQLSTATE 42601)"},
		{"42999", "syntax error or access violation (SQLSTATE 42999)"},
		{"QQ001", "error of the database (SQLSTATE QQ001)"},
		{"bad!!", "error of the database"},
		{"secret-host", "error of the database"},
		{"", "error of the database"},
	};
	char out[128], small[8];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		database_error_describe(out, sizeof out, cases[i].sqlstate);
		ck_assert_str_eq(out, cases[i].text);
	}
	database_error_describe(small, sizeof small, "42601");
	ck_assert_str_eq(small, "syntax ");
}
END_TEST

START_TEST(finds_the_code)
{
	static const struct {
		const char *text, *sqlstate; /* NULL: none */
	} cases[] = {
		{"connection to server on socket \"/x/.s.PGSQL.5432\" failed: FATAL:  53300\n", "53300"},
		{"connection to server at \"a\", port 1 failed: FATAL:  57P03\nconnection to server at \"b\", port 2 failed: "
	         "FATAL:  3D000\n",
	         "3D000"},
		{"failed: FATAL:  28P01", "28P01"},
		{"failed: FATAL:  password authentication failed for user \"joe\"\n", NULL},
		{"failed: FATAL:  28P01x\n", NULL},
		{"failed: FATAL:  28p01\n", NULL},
		{":  ", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char sqlstate[SQLSTATE_BYTES] = "";
		bool found = database_error_find_sqlstate(cases[i].text, sqlstate);
		ck_assert_msg(found == (cases[i].sqlstate != NULL), "%s", cases[i].text);
		if (found)
			ck_assert_str_eq(sqlstate, cases[i].sqlstate);
	}
}
END_TEST

START_TEST(words_for_connecting)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"connection to server on socket \"/secret/.s.PGSQL.5432\" failed: Connection refused\n\tIs the server "
	         "running locally and accepting connections on that socket?\n",
	         "connection refused"},
		{"connection to server on socket \"/secret/.s.PGSQL.5432\" failed: No such file or directory\n\tIs the …",
	         "the socket does not exist"},
		{"connection to server at \"secret\" (10.0.0.1), port 5432 failed: No route to host\n",
	         "no route to the server"},
		{"could not translate host name \"secret\" to address: Name or service not known\n",
	         "the host name cannot be resolved"},
		{"connection to server at \"secret\", port 1 failed: server closed the connection unexpectedly\n\tThis …",
	         "the server closed the connection"},
		{"connection to server at \"secret\", port 1 failed: SSL error: certificate verify failed\n",
	         "TLS could not be negotiated"},
		{"secret", "the connection could not be opened"},
		{"", "the connection could not be opened"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_str_eq(database_error_connect_words(cases[i].text), cases[i].words);
		ck_assert_ptr_null(strstr(database_error_connect_words(cases[i].text), "secret"));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("database_error");
	TCase *tc = tcase_create("database_error");
	tcase_add_test(tc, outcomes);
	tcase_add_test(tc, words);
	tcase_add_test(tc, finds_the_code);
	tcase_add_test(tc, words_for_connecting);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
