/* conn_table.c - lists of connections and their bytes that wait. Used by worker.c and connection.c. */
#include "conn_table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "insist.h"

#define PENDING_LEAST_BYTES 1024

static void
unlink_from_list(struct conn_list *list, struct connection *connection)
{
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		list->first = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	else
		list->last = connection->previous;
	list->count--;
}

/* At the tail, but for a connection that came from a sibling with an earlier deadline. */
static void
insert_in_order(struct conn_list *list, struct connection *connection)
{
	struct connection *before = list->last;
	while (before != NULL && before->deadline_ns > connection->deadline_ns)
		before = before->previous;
	connection->previous = before;
	connection->next = before != NULL ? before->next : list->first;
	if (connection->next != NULL)
		connection->next->previous = connection;
	else
		list->last = connection;
	if (before != NULL)
		before->next = connection;
	else
		list->first = connection;
	list->count++;
}

struct connection *
conn_table_add(struct conn_table *table, int fd, int64_t deadline_ns)
{
	struct connection *connection = calloc(1, sizeof *connection);
	if (connection == NULL) {
		close(fd);
		return NULL;
	}
	connection->fd = fd;
	connection->state = CONN_IDLE;
	connection->deadline_ns = deadline_ns;
	insert_in_order(&table->lists[CONN_IDLE], connection);
	table->count++;
	return connection;
}

void
conn_table_move(struct conn_table *table, struct connection *connection, enum conn_state state, int64_t deadline_ns)
{
	unlink_from_list(&table->lists[connection->state], connection);
	connection->state = state;
	connection->deadline_ns = deadline_ns;
	insert_in_order(&table->lists[state], connection);
}

bool
conn_table_reserve(struct conn_table *table, struct connection *connection, size_t size_bytes)
{
	if (connection->pending_capacity >= size_bytes)
		return true;
	size_t capacity = size_bytes + size_bytes / 2 + PENDING_LEAST_BYTES;
	unsigned char *pending = realloc(connection->pending, capacity);
	if (pending == NULL)
		return false;
	table->pending_bytes += capacity - connection->pending_capacity;
	connection->pending = pending;
	connection->pending_capacity = capacity;
	return true;
}

void
conn_table_consume(struct connection *connection, size_t size_bytes)
{
	INSIST(connection->pending != NULL && size_bytes <= connection->pending_bytes);
	connection->pending_bytes -= size_bytes;
	memmove(connection->pending, connection->pending + size_bytes, connection->pending_bytes);
	connection->admission = (struct admission){0};
}

void
conn_table_drop_pending(struct conn_table *table, struct connection *connection)
{
	table->pending_bytes -= connection->pending_capacity;
	free(connection->pending);
	connection->pending = NULL;
	connection->pending_bytes = connection->pending_capacity = 0;
	connection->admission = (struct admission){0};
}

void
conn_table_remove(struct conn_table *table, struct connection *connection)
{
	unlink_from_list(&table->lists[connection->state], connection);
	table->count--;
	conn_table_drop_pending(table, connection);
	if (connection->fd >= 0)
		close(connection->fd);
	free(connection);
}

int64_t
conn_table_next_deadline_ns(const struct conn_table *table)
{
	int64_t earliest = DEADLINE_NEVER;
	for (size_t i = 0; i < CONN_STATES; i++)
		if (table->lists[i].first != NULL)
			earliest = deadline_min(earliest, table->lists[i].first->deadline_ns);
	return earliest;
}

struct connection *
conn_table_expired(const struct conn_table *table, int64_t now_ns)
{
	for (size_t i = 0; i < CONN_STATES; i++)
		if (table->lists[i].first != NULL && table->lists[i].first->deadline_ns <= now_ns)
			return table->lists[i].first;
	return NULL;
}

struct connection *
conn_table_ready(const struct conn_table *table)
{
	return table->lists[CONN_READY].first;
}

struct connection *
conn_table_oldest_idle(const struct conn_table *table)
{
	return table->lists[CONN_IDLE].first;
}

void
conn_table_fini(struct conn_table *table)
{
	for (size_t i = 0; i < CONN_STATES; i++)
		while (table->lists[i].first != NULL)
			conn_table_remove(table, table->lists[i].first);
}
