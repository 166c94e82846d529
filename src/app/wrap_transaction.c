/*
 * wrap_transaction.c - no transaction outlives its request.
 *
 * The innermost wrapper, so that the others log and count what is sent in the end. A handler that fails half-way may
 * leave its transaction open: undoing it is what it wants. One that answers with success has forgotten to commit, and
 * its answer tells of something that has not happened.
 */
#include "database.h"
#include "log.h"
#include "request.h"
#include "response.h"
#include "router.h"
#include "services.h"
#include "wrappers.h"

#define FIRST_ERROR_STATUS 400

static void
tell_forgotten(struct vt_request *req)
{
	const struct vt_field fields[] = {VT_STR("route", req->route != NULL ? req->route->path : NULL)};
	request_log(req,
	            (struct log_record){.level = VT_ERROR_LEVEL,
	                                .message = "Transaction left open",
	                                .site = LOG_SITE,
	                                .exception = "The handler answered with success and had not committed; it was "
	                                             "rolled back.",
	                                .fields = fields,
	                                .count = 1});
}

static void
leave(struct vt_request *req, struct vt_response *res)
{
	struct database *db = services_of(req)->database;
	if (db == NULL || !database_in_transaction(db))
		return;
	vt_rollback(req);
	if (res->status >= FIRST_ERROR_STATUS)
		return;
	tell_forgotten(req);
	response_reset(res);
	vt_fail(res, VT_ERROR);
}

const struct wrapper wrap_transaction = {.name = "transaction", .leave = leave};
