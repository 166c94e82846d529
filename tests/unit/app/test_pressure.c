/* test_pressure.c - pressure from made files. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pressure.h"
#include "run_suite.h"

static char folder[64];

static void
put(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void
drop(const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	unlink(path);
}

static void
setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/vt_pressure_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void
teardown(void)
{
	drop("cpu");
	drop("memory");
	drop("io");
	rmdir(folder);
}

START_TEST(test_reads)
{
	struct pressure pressure;
	put("cpu", "some avg10=1.25 avg60=0.98 avg300=0.97 total=10166867\n");
	put("memory",
	    "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=0\n");
	put("io", "some avg60=0.00\n");
	pressure_read(folder, &pressure);
	ck_assert(pressure_known(&pressure));
	ck_assert(pressure.shares[PRESSURE_CPU].known && !pressure.shares[PRESSURE_CPU].full_known);
	ck_assert_double_eq(pressure.shares[PRESSURE_CPU].some, 1.25);
	ck_assert(pressure.shares[PRESSURE_MEMORY].known && pressure.shares[PRESSURE_MEMORY].full_known);
	ck_assert_double_eq(pressure.shares[PRESSURE_MEMORY].full, 0.5);
	ck_assert(!pressure.shares[PRESSURE_IO].known);
}
END_TEST

START_TEST(test_absent)
{
	struct pressure pressure;
	pressure_read(folder, &pressure);
	ck_assert(!pressure_known(&pressure));
	pressure_read("/nowhere/at/all", &pressure);
	ck_assert(!pressure_known(&pressure));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pressure");
	TCase *tc = tcase_create("pressure");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_reads);
	tcase_add_test(tc, test_absent);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
