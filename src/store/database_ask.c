/*
 * database_ask.c - one question of a check on a connection of its own: connect, ask, take the first row, leave.
 *
 * Driven from the checks' poll(), under the rules of database_ping.c. The connection lasts for one run: whichever worker
 * runs the checks next would otherwise keep one more.
 */
#include <string.h>

#include "address.h"
#include "clock.h"
#include "database.h"
#include "database_link.h"
#include "err.h"

/* The keyword's value in the connection string, "" where it is not given. */
static const char *
value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0 && options->val != NULL)
			return options->val;
	return "";
}

/* Of a list with commas, as libpq takes it: addresses and directories of sockets only. */
static bool
all_addresses(const char *hosts)
{
	for (;;) {
		size_t size = strcspn(hosts, ",");
		if (size > 0 && hosts[0] != '/' && hosts[0] != '@' && !address_host_is_known(hosts, size))
			return false;
		if (hosts[size] == '\0')
			return true;
		hosts += size + 1;
	}
}

int
database_check_no_names(const char *url, struct err *err)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	if (options == NULL)
		return database_check_url(url, err);
	bool fits = value_of(options, "hostaddr")[0] != '\0' || all_addresses(value_of(options, "host"));
	PQconninfoFree(options);
	if (fits)
		return 0;
	return err_set(err, "a host is given by name, and looking it up would block; allowed are addresses, sockets, "
	                    "localhost, or hostaddr=address beside the name.");
}

void
database_ask_begin(struct database *db)
{
	database_drop(db);
	database_forget_answer(db);
	database_connect_begin(db, deadline_in_ms(db->ping_timeout_ms));
	db->asking = false;
}

static enum io_progress
finish(struct database *db, enum vt_result *result, enum vt_result how)
{
	*result = how;
	database_drop(db);
	return IO_DONE;
}

enum io_progress
database_ask_step(struct database *db, const char *sql, struct io_want *want, enum vt_result *result)
{
	enum vt_result how;
	if (!db->asking) {
		if (database_connect_step(db, want, &how) == IO_WAIT)
			return IO_WAIT;
		if (how != VT_OK || !database_ask(db, sql))
			return finish(db, result, VT_UNAVAILABLE);
		db->asking = true;
	}
	if (database_statement_step(db, want, &how) == IO_WAIT)
		return IO_WAIT;
	return finish(db, result, how);
}

const char *
database_ask_value(const struct database *db, int column)
{
	if (db->answer == NULL || PQntuples(db->answer) < 1 || column >= PQnfields(db->answer) ||
	    PQgetisnull(db->answer, 0, column))
		return NULL;
	return PQgetvalue(db->answer, 0, column);
}

void
database_ask_end(struct database *db)
{
	database_drop(db);
	database_forget_answer(db);
}
