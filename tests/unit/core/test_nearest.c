/* test_nearest.c - which known name a mistyped one was meant to be. */
#include "nearest.h"
#include "run_suite.h"

#include <check.h>
#include <stdlib.h>

static const char *const known[] = {
	"WORKERS",      "LISTEN",    "LISTEN_MODE", "LOG_LEVEL",  "LOG_FILE",
	"DATABASE_URL", "REDIS_URL", "DEBUG",       "MAX_PARAMS", "MAX_PARAMS_SIZE",
};

static const struct {
	const char *wanted, *best;
} cases[] = {
	{"WORKER", "WORKERS"},
	{"LSITEN_MDOE", "LISTEN_MODE"},
	{"WORKESR", "WORKERS"},
	{"workers", "WORKERS"},
	{"LOGLEVEL", "LOG_LEVEL"},
	{"LOG_LEVLE", "LOG_LEVEL"},
	{"DATABASE", "DATABASE_URL"},
	{"DATABASE_URI", "DATABASE_URL"},
	{"WORKERS_MAX", "WORKERS"},
	{"MAX_PARAM", "MAX_PARAMS"},
	{"MAX_PARAMS_SIZ", "MAX_PARAMS_SIZE"},
	{"LISTENMODE", "LISTEN_MODE"},
	{"DBUG", "DEBUG"},
	{"XYZZY", NULL},
	{"A", NULL},
	{"", NULL},
	{"DB", NULL},
	{"PATH", NULL},
	{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL},
};

START_TEST(finds_the_nearest)
{
	struct nearest nearest;
	nearest_init(&nearest, cases[_i].wanted);
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		nearest_consider(&nearest, known[i]);
	if (cases[_i].best == NULL)
		ck_assert_msg(nearest.best == NULL, "%s: %s", cases[_i].wanted, nearest.best);
	else
		ck_assert_str_eq(nearest.best, cases[_i].best);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("nearest");
	TCase *tcase = tcase_create("nearest");
	tcase_add_loop_test(tcase, finds_the_nearest, 0, sizeof cases / sizeof cases[0]);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
