/* test_decimal.c - decimal digits against printf's. */
#include "decimal.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "run_suite.h"

static const uint64_t numbers[] = {0,
                                   1,
                                   9,
                                   10,
                                   99,
                                   100,
                                   12345,
                                   999999,
                                   1000000,
                                   UINT64_C(9223372036854775807),
                                   UINT64_C(9223372036854775808),
                                   UINT64_MAX - 1,
                                   UINT64_MAX};

START_TEST(as_printf_writes_them)
{
	char mine[DECIMAL_BYTES + 1], theirs[DECIMAL_BYTES + 1];
	mine[decimal_uint(mine, numbers[_i])] = '\0';
	snprintf(theirs, sizeof theirs, "%" PRIu64, numbers[_i]);
	ck_assert_str_eq(mine, theirs);
	mine[decimal_int(mine, (int64_t)numbers[_i])] = '\0';
	snprintf(theirs, sizeof theirs, "%" PRId64, (int64_t)numbers[_i]);
	ck_assert_str_eq(mine, theirs);
	mine[decimal_int(mine, -(int64_t)(numbers[_i] >> 1))] = '\0';
	snprintf(theirs, sizeof theirs, "%" PRId64, -(int64_t)(numbers[_i] >> 1));
	ck_assert_str_eq(mine, theirs);
}
END_TEST

START_TEST(padded_with_zeros_or_cut)
{
	static const struct {
		uint64_t value;
		int digits;
		const char *text;
	} table[] = {{7, 3, "007"}, {0, 1, "0"}, {123456, 6, "123456"}, {1234567, 6, "234567"}, {42, 2, "42"}};
	char text[16];
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		*decimal_padded(text, table[i].value, table[i].digits) = '\0';
		ck_assert_str_eq(text, table[i].text);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decimal");
	TCase *tc = tcase_create("decimal");
	tcase_add_loop_test(tc, as_printf_writes_them, 0, (int)(sizeof numbers / sizeof *numbers));
	tcase_add_test(tc, padded_with_zeros_or_cut);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
