/* api_transaction.c - transactions as a handler sees them: vt_begin(), vt_commit(), vt_rollback(). */
#include "database.h"
#include "request.h"
#include "services.h"
#include "statement.h"

enum vt_result
vt_begin(struct vt_request *req, enum vt_transaction kind)
{
	struct database *db = services_of(req)->database;
	struct statement statement;
	if (db == NULL)
		return VT_NOT_CONFIGURED;
	statement_enter(&statement, req, "BEGIN");
	return statement_leave(&statement, database_begin(db, kind, &statement.query));
}

enum vt_result
vt_commit(struct vt_request *req)
{
	struct database *db = services_of(req)->database;
	struct statement statement;
	if (db == NULL)
		return VT_NOT_CONFIGURED;
	statement_enter(&statement, req, "COMMIT");
	return statement_leave(&statement, database_commit(db, &statement.query));
}

enum vt_result
vt_rollback(struct vt_request *req)
{
	struct database *db = services_of(req)->database;
	struct statement statement;
	if (db == NULL)
		return VT_NOT_CONFIGURED;
	statement_enter(&statement, req, "ROLLBACK");
	return statement_leave(&statement, database_rollback(db, &statement.query));
}
