/* api_query.c - the database as a handler sees it: vt_query() and rows as JSON answers. */
#include "arena.h"
#include "database.h"
#include "phase.h"
#include "query_comment.h"
#include "request.h"
#include "request_metrics.h"
#include "response.h"
#include "services.h"
#include "spans.h"
#include "strbuf.h"

static void
free_rows(void *rows)
{
	rows_destroy(rows);
}

enum vt_result
vt_query(struct vt_request *req, struct vt_rows **rows, const char *sql, const char *const *params, size_t param_count)
{
	struct database *db = services_of(req)->database;
	*rows = NULL;
	if (db == NULL)
		return VT_NOT_CONFIGURED;
	struct phase phase = phase_enter(req, PHASE_DATABASE);
	int64_t started_ns = span_started_ns(req);
	enum vt_result result = database_query(db,
	                                       &(struct database_query){.sql = sql,
	                                                                .comment = query_comment(req),
	                                                                .params = params,
	                                                                .param_count = param_count,
	                                                                .deadline_ns = req->deadline_ns,
	                                                                .log_context = &req->log_context},
	                                       rows);
	int64_t took_ns = phase_leave(req, &phase);
	phase_note_statement(req, sql, took_ns);
	request_metrics_database(req, result, took_ns);
	span_statement(req, &(struct statement_span){.started_ns = started_ns,
	                                             .sql = sql,
	                                             .sqlstate = database_sqlstate(db),
	                                             .result = result});
	if (result != VT_OK)
		return result;
	if (arena_on_reset(req->with.arena, free_rows, *rows) != 0) {
		*rows = NULL;
		return VT_NO_MEMORY;
	}
	return VT_OK;
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
