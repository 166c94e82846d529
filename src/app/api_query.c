/* api_query.c - the database as a handler sees it: vt_query() and rows as JSON answers. */
#include "arena.h"
#include "database.h"
#include "query_comment.h"
#include "request.h"
#include "request_metrics.h"
#include "response.h"
#include "services.h"
#include "spans.h"
#include "statement.h"
#include "strbuf.h"

void
statement_enter(struct statement *statement, struct vt_request *req, const char *sql)
{
	*statement = (struct statement){.req = req,
	                                .sql = sql,
	                                .query = {.sql = sql,
	                                          .comment = query_comment(req),
	                                          .deadline_ns = req->deadline_ns,
	                                          .log_context = &req->log_context}};
	statement->phase = phase_enter(req, PHASE_DATABASE);
	statement->started_ns = span_started_ns(req);
}

enum vt_result
statement_leave(struct statement *statement, enum vt_result result)
{
	struct vt_request *req = statement->req;
	int64_t took_ns = phase_leave(req, &statement->phase);
	phase_note_statement(req, statement->sql, took_ns);
	request_metrics_database(req, result, took_ns);
	span_statement(req, &(struct statement_span){.started_ns = statement->started_ns,
	                                             .sql = statement->sql,
	                                             .sqlstate = database_sqlstate(services_of(req)->database),
	                                             .result = result});
	return result;
}

static void
free_rows(void *rows)
{
	rows_destroy(rows);
}

static enum vt_result
run(struct statement *statement, struct vt_rows **rows)
{
	struct vt_request *req = statement->req;
	enum vt_result result =
		statement_leave(statement, database_query(services_of(req)->database, &statement->query, rows));
	if (result != VT_OK)
		return result;
	if (arena_on_reset(req->with.arena, free_rows, *rows) != 0) {
		*rows = NULL;
		return VT_NO_MEMORY;
	}
	return VT_OK;
}

enum vt_result
vt_query(struct vt_request *req, struct vt_rows **rows, const char *sql, const char *const *params, size_t param_count)
{
	struct statement statement;
	*rows = NULL;
	if (services_of(req)->database == NULL)
		return VT_NOT_CONFIGURED;
	statement_enter(&statement, req, sql);
	statement.query.params = params;
	statement.query.param_count = param_count;
	return run(&statement, rows);
}

enum vt_result
vt_query_prepared(struct vt_request *req, struct vt_rows **rows, const char *sql, const char *const *params,
                  size_t param_count)
{
	struct statement statement;
	*rows = NULL;
	if (services_of(req)->database == NULL)
		return VT_NOT_CONFIGURED;
	statement_enter(&statement, req, sql);
	statement.query.params = params;
	statement.query.param_count = param_count;
	statement.query.prepare = true;
	return run(&statement, rows);
}

enum vt_result
vt_json_row(struct vt_response *res, const struct vt_rows *rows, size_t row)
{
	if (!rows_write_json(rows, row, response_body(res)))
		return VT_ERROR;
	return response_answered(res, "application/json");
}

enum vt_result
vt_json_rows(struct vt_response *res, const struct vt_rows *rows)
{
	struct strbuf *body = response_body(res);
	strbuf_putc(body, '[');
	for (size_t row = 0; row < vt_rows_count(rows); row++) {
		if (row > 0)
			strbuf_putc(body, ',');
		rows_write_json(rows, row, body);
	}
	strbuf_putc(body, ']');
	return response_answered(res, "application/json");
}
