/* test_sql_text.c - statements without their literals. */
#include "run_suite.h"
#include "sql_text.h"

#include <check.h>
#include <string.h>

#include "strbuf.h"

static const struct {
	const char *sql, *shown, *operation;
} cases[] = {
	{"select id, name from users where id = $1::bigint", "select id, name from users where id = $1::bigint",
         "SELECT"},
	{"", "", ""},
	{"  \n", "", ""},
	{"select 'secret'", "select ?", "SELECT"},
	{"select 'it''s', 'x'", "select ?, ?", "SELECT"},
	{"select E'a\\'b' , e'\\\\', 'c\\'", "select ? , ?, ?", "SELECT"},
	{"select B'101', x'1f', N'n', U&'d\\0061'", "select ?, ?, ?, U&?", "SELECT"},
	{"select $$a 'b' $ c$$, $t$x$$y$t$, $1", "select ?, ?, $1", "SELECT"},
	{"select 1, 1.5e-3, .5, 0x1F, -7, t1.c2", "select ?, ?, ?, ?, -?, t1.c2", "SELECT"},
	{"select 1+2", "select ?+?", "SELECT"},
	{"select \"secret name\", \"a\"\"1\"", "select \"secret name\", \"a\"\"1\"", "SELECT"},
	{"-- who\nselect a -- 'x\n  , b /* c /* d */ 'e' */ from t", "select a , b from t", "SELECT"},
	{"/*secret*/ insert into t values ($1, 'x')", "insert into t values ($1, ?)", "INSERT"},
	{"(select 1)", "(select ?)", "SELECT"},
	{"with x as (select 1) update t set a = x", "with x as (select ?) update t set a = x", "WITH"},
	{"select a\n\t from  t;", "select a from t;", "SELECT"},
	{"select 'never ends", "select ?", "SELECT"},
	{"select $tag$never ends", "select ?", "SELECT"},
	{"select 1 /* never ends 'x'", "select ?", "SELECT"},
	{"select \"never ends", "select \"never ends", "SELECT"},
	{"select a$b, $foo, $", "select a$b, $foo, $", "SELECT"},
	{"select '\xff\xfe', \xc3\xa4", "select ?, \xc3\xa4", "SELECT"},
	{"selectselectselectselect 1", "selectselectselectselect ?", ""},
	{"s3lect 1", "s3lect ?", ""},
	{"'select'", "?", ""},
	{"select/**/1", "select ?", "SELECT"},
};

START_TEST(shown)
{
	char storage[256], operation[SQL_OPERATION_BYTES];
	struct strbuf out;
	strbuf_init_fixed(&out, storage, sizeof storage);
	sql_text_write(&out, cases[_i].sql);
	ck_assert_str_eq(out.data, cases[_i].shown);
	sql_operation(cases[_i].sql, operation);
	ck_assert_str_eq(operation, cases[_i].operation);
}
END_TEST

/* What does not fit is left out, and nothing of a literal comes instead. */
START_TEST(stops_where_it_is_full)
{
	for (size_t size = 1; size < 40; size++) {
		char storage[64];
		struct strbuf out;
		strbuf_init_fixed(&out, storage, size);
		sql_text_write(&out, "select 'secret', a from t where b = 'secret'");
		ck_assert_ptr_null(strstr(out.data, "sec"));
		ck_assert_uint_lt(out.length, size);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sql_text");
	TCase *tc = tcase_create("sql_text");
	tcase_add_loop_test(tc, shown, 0, (int)(sizeof cases / sizeof *cases));
	tcase_add_test(tc, stops_where_it_is_full);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
