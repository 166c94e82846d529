/*
 * database_ping.c - the health check's ping: the same connection, driven from the checks' own poll().
 *
 * Does not look at the back-off, so that a health check notices the server's return first, and ends it where
 * the connection opens; a failed ping does not lengthen it, so that a probe never makes an outage worse for
 * requests. A connection that was there before and turns out dead is opened again once.
 */
#include "clock.h"
#include "database.h"
#include "database_link.h"
#include "insist.h"

void
database_ping_begin(struct database *db)
{
	database_drop_unfit(db); /* also what an earlier ping left half done */
	database_connect_begin(db, deadline_in_ms(db->ping_timeout_ms));
	db->ping_reopened = db->state != DATABASE_READY;
	db->ping = db->ping_reopened ? PING_CONNECTING : PING_ASKING;
	if (db->ping == PING_ASKING && !database_ask_one(db))
		db->ping = PING_CONNECTING;
}

static enum io_progress
done(struct database *db, enum vt_result *result, enum vt_result how)
{
	database_forget_answer(db);
	db->ping = PING_NONE;
	*result = how;
	if (how == VT_OK)
		db->used_ns = clock_mono_ns();
	return IO_DONE;
}

static enum io_progress
connect_step(struct database *db, struct io_want *want, enum vt_result *result)
{
	enum vt_result how;
	db->ping_reopened = true;
	if (database_connect_step(db, want, &how) == IO_WAIT)
		return IO_WAIT;
	if (how != VT_OK || !database_ask_one(db))
		return done(db, result, VT_UNAVAILABLE);
	db->ping = PING_ASKING;
	return IO_DONE;
}

static enum io_progress
ask_step(struct database *db, struct io_want *want, enum vt_result *result)
{
	enum vt_result how;
	bool reopen = !db->ping_reopened;
	if (database_statement_step(db, want, &how) == IO_WAIT)
		return IO_WAIT;
	if (how == VT_OK || !reopen)
		return done(db, result, how);
	database_end(db, END_BY_SERVER);
	db->ping = PING_CONNECTING;
	return IO_DONE;
}

enum io_progress
database_ping_step(struct database *db, struct io_want *want, enum vt_result *result)
{
	INSIST(db->ping != PING_NONE);
	while (db->ping != PING_NONE) {
		enum io_progress progress =
			db->ping == PING_CONNECTING ? connect_step(db, want, result) : ask_step(db, want, result);
		if (progress == IO_WAIT)
			return IO_WAIT;
	}
	return IO_DONE;
}

void
database_ping_abandon(struct database *db)
{
	if (db->ping == PING_NONE)
		return;
	database_set_error(db, db->ping == PING_CONNECTING ? "connecting timed out" : "no answer in time");
	database_end(db, END_TIMEOUT);
	database_forget_answer(db);
}
