/* test_conn_table.c - lists by state and deadline, and the count of bytes that wait. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "conn_table.h"
#include "run_suite.h"

static struct conn_table table;

static int
some_fd(void)
{
	int fd = open("/dev/null", O_RDONLY);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
setup(void)
{
	table = (struct conn_table){0};
}

static void
teardown(void)
{
	conn_table_fini(&table);
}

START_TEST(connections_wait_in_order_and_expire_in_order)
{
	struct connection *c[3];
	for (int i = 0; i < 3; i++)
		c[i] = conn_table_add(&table, some_fd(), 100 + i);
	ck_assert_uint_eq(table.count, 3);
	ck_assert_int_eq(conn_table_next_deadline_ns(&table), 100);
	ck_assert_ptr_null(conn_table_expired(&table, 99));
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_eq(conn_table_expired(&table, 200), c[i]);
		conn_table_remove(&table, c[i]);
	}
	ck_assert_int_eq(conn_table_next_deadline_ns(&table), DEADLINE_NEVER);
	ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(moving_puts_at_the_tail_of_the_state)
{
	struct connection *a = conn_table_add(&table, some_fd(), DEADLINE_NEVER);
	struct connection *b = conn_table_add(&table, some_fd(), DEADLINE_NEVER);
	ck_assert_ptr_eq(conn_table_oldest_idle(&table), a);
	conn_table_move(&table, a, CONN_IDLE, DEADLINE_NEVER);
	ck_assert_ptr_eq(conn_table_oldest_idle(&table), b);
	conn_table_move(&table, b, CONN_READY, DEADLINE_NEVER);
	ck_assert_ptr_eq(conn_table_ready(&table), b);
	ck_assert_ptr_eq(conn_table_oldest_idle(&table), a);
	conn_table_move(&table, a, CONN_LINGERING, 5);
	ck_assert_ptr_null(conn_table_oldest_idle(&table));
	ck_assert_int_eq(conn_table_next_deadline_ns(&table), 5);
}
END_TEST

START_TEST(pending_bytes_are_counted_and_given_back)
{
	struct connection *a = conn_table_add(&table, some_fd(), DEADLINE_NEVER);
	ck_assert(conn_table_reserve(&table, a, 1));
	ck_assert_uint_eq(table.pending_bytes, a->pending_capacity);
	ck_assert(conn_table_reserve(&table, a, 100000));
	ck_assert_uint_ge(a->pending_capacity, 100000);
	ck_assert_uint_eq(table.pending_bytes, a->pending_capacity);
	conn_table_remove(&table, a);
	ck_assert_uint_eq(table.pending_bytes, 0);
}
END_TEST

START_TEST(removal_closes_the_descriptor)
{
	int fd = some_fd();
	conn_table_remove(&table, conn_table_add(&table, fd, DEADLINE_NEVER));
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(one_that_comes_from_elsewhere_is_put_where_its_deadline_belongs)
{
	static const int64_t deadlines[] = {50, 20, 90, 10, 60, 20, DEADLINE_NEVER, 5};
	static const int64_t sorted[] = {5, 10, 20, 20, 50, 60, 90};
	for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++)
		conn_table_add(&table, some_fd(), deadlines[i]);
	for (size_t i = 0; i < sizeof sorted / sizeof sorted[0]; i++) {
		ck_assert_int_eq(conn_table_next_deadline_ns(&table), sorted[i]);
		struct connection *expired = conn_table_expired(&table, 1000);
		ck_assert_int_eq(expired->deadline_ns, sorted[i]);
		conn_table_remove(&table, expired);
	}
	ck_assert_ptr_null(conn_table_expired(&table, 1000));
	ck_assert_uint_eq(table.count, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conn_table");
	TCase *tc = tcase_create("conn_table");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, connections_wait_in_order_and_expire_in_order);
	tcase_add_test(tc, moving_puts_at_the_tail_of_the_state);
	tcase_add_test(tc, pending_bytes_are_counted_and_given_back);
	tcase_add_test(tc, removal_closes_the_descriptor);
	tcase_add_test(tc, one_that_comes_from_elsewhere_is_put_where_its_deadline_belongs);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
