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

/* Arrival orders of connections by their deadlines; the last one of each has the same as an earlier one. */
static const int64_t arrivals[][5] = {
	{10, 20, 30, 40, 40},
	{40, 30, 20, 10, 10},
	{30, 10, 40, 20, 30},
	{10, DEADLINE_NEVER, 30, 20, DEADLINE_NEVER},
	{DEADLINE_NEVER, DEADLINE_NEVER, DEADLINE_NEVER, 5, DEADLINE_NEVER},
	{7, 7, 7, 7, 7},
};

#define ARRIVALS ((int)(sizeof arrivals / sizeof arrivals[0]))

/* Both ways along the list; among equals, who came first is first. */
static void
ck_in_order(const struct conn_list *list, struct connection *const *arrived)
{
	size_t count = 0;
	const struct connection *last = NULL;
	for (const struct connection *c = list->first; c != NULL; last = c, c = c->next, count++) {
		ck_assert_ptr_eq(c->previous, last);
		if (last != NULL)
			ck_assert_int_le(last->deadline_ns, c->deadline_ns);
	}
	ck_assert_ptr_eq(list->last, last);
	ck_assert_uint_eq(list->count, count);
	for (size_t i = 0; i < 4 && arrived[4] != NULL; i++)
		if (arrived[i]->deadline_ns == arrived[4]->deadline_ns)
			for (const struct connection *c = arrived[4]; c != NULL; c = c->next)
				ck_assert_ptr_ne(c, arrived[i]);
}

static void
ck_expire_in_order(void)
{
	int64_t earliest;
	for (int64_t before = 0; table.count > 0; before = earliest) {
		earliest = conn_table_next_deadline_ns(&table);
		ck_assert_int_ge(earliest, before);
		ck_assert_ptr_null(conn_table_expired(&table, earliest - 1));
		struct connection *expired = conn_table_expired(&table, earliest);
		ck_assert_ptr_nonnull(expired);
		ck_assert_int_eq(expired->deadline_ns, earliest);
		conn_table_remove(&table, expired);
	}
}

START_TEST(a_connection_from_elsewhere_is_put_where_its_deadline_belongs)
{
	const int64_t *deadlines = arrivals[_i];
	struct connection *arrived[5] = {NULL};
	int64_t earliest = DEADLINE_NEVER;
	for (int i = 0; i < 5; i++) {
		arrived[i] = conn_table_add(&table, some_fd(), deadlines[i]);
		earliest = deadline_min(earliest, deadlines[i]);
		ck_assert_int_eq(conn_table_next_deadline_ns(&table), earliest);
		ck_in_order(&table.lists[CONN_IDLE], arrived);
	}
	ck_expire_in_order();
}
END_TEST

START_TEST(moving_puts_a_connection_where_its_deadline_belongs)
{
	const int64_t *deadlines = arrivals[_i];
	struct connection *arrived[5] = {NULL};
	for (int i = 0; i < 5; i++) {
		arrived[i] = conn_table_add(&table, some_fd(), DEADLINE_NEVER);
		conn_table_move(&table, arrived[i], CONN_ARRIVING, deadlines[i]);
		ck_in_order(&table.lists[CONN_ARRIVING], arrived);
	}
	ck_assert_uint_eq(table.lists[CONN_IDLE].count, 0);
	ck_expire_in_order();
}
END_TEST

START_TEST(the_next_deadline_is_the_earliest_of_all_lists)
{
	for (int state = 0; state < CONN_STATES; state++)
		conn_table_move(&table, conn_table_add(&table, some_fd(), DEADLINE_NEVER), (enum conn_state)state,
		                DEADLINE_NEVER);
	ck_assert_int_eq(conn_table_next_deadline_ns(&table), DEADLINE_NEVER);
	for (int state = 0; state < CONN_STATES; state++) {
		struct connection *c = conn_table_add(&table, some_fd(), 100);
		conn_table_move(&table, c, (enum conn_state)state, 50 - state);
		ck_assert_int_eq(conn_table_next_deadline_ns(&table), 50 - state);
		ck_assert_ptr_null(conn_table_expired(&table, 49 - state));
		ck_assert_ptr_eq(conn_table_expired(&table, 50 - state), c);
	}
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

int
main(void)
{
	Suite *suite = suite_create("conn_table");
	TCase *tc = tcase_create("conn_table");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, connections_wait_in_order_and_expire_in_order);
	tcase_add_loop_test(tc, a_connection_from_elsewhere_is_put_where_its_deadline_belongs, 0, ARRIVALS);
	tcase_add_loop_test(tc, moving_puts_a_connection_where_its_deadline_belongs, 0, ARRIVALS);
	tcase_add_test(tc, the_next_deadline_is_the_earliest_of_all_lists);
	tcase_add_test(tc, moving_puts_at_the_tail_of_the_state);
	tcase_add_test(tc, pending_bytes_are_counted_and_given_back);
	tcase_add_test(tc, removal_closes_the_descriptor);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
