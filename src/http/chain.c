/*
 * chain.c - the way in through the wrappers, the handler, the way out; and an answer in every case.
 *
 * Called by the worker once a request. Between the handler and the way out the answer is settled: what
 * was misused, forgotten or ran out of memory has become a clean error by then, so that the wrappers
 * log and count what is really sent.
 */
#include "chain.h"

#include "arena.h"
#include "log.h"
#include "oversight.h"
#include "request.h"
#include "response.h"
#include "router.h"

static void
log_fault(const struct vt_request *req, const char *message, const char *exception)
{
	struct vt_field fields[] = {VT_STR("route", req->route != NULL ? req->route->path : NULL)};
	request_log(req, (struct log_record){.level = VT_ERROR_LEVEL,
	                                     .message = message,
	                                     .site = LOG_SITE,
	                                     .exception = exception,
	                                     .fields = fields,
	                                     .count = 1});
}

/* Calls enter from the first on; *entered counts those to leave. */
static enum vt_result
enter_all(const struct wrapper *const *wrappers, size_t count, struct vt_request *req, struct vt_response *res,
          size_t *entered)
{
	for (*entered = 0; *entered < count && !res->answered; (*entered)++) {
		const struct wrapper *wrapper = wrappers[*entered];
		enum vt_result result = wrapper->enter != NULL ? wrapper->enter(req, res) : VT_OK;
		if (result != VT_OK)
			return result;
	}
	return VT_OK;
}

/* Whatever came of it, res is answered soundly afterwards. */
static void
settle(struct vt_request *req, struct vt_response *res, enum vt_result result)
{
	if (arena_failed(req->with.arena)) {
		log_fault(req, "Request failed", "The request needs more memory than MAX_REQUEST_MEMORY allows.");
		response_out_of_memory(res);
		return;
	}
	if (res->misused) {
		log_fault(req, "Response misused", res->misuse);
		response_reset(res);
		result = VT_ERROR;
	} else if (result == VT_OK && !res->answered) {
		log_fault(req, "Request not answered", "The handler returned VT_OK without an answer.");
		result = VT_ERROR;
	}
	if (!res->answered) {
		/* What a handler had prepared for its own answer does not belong to the error's. */
		response_reset(res);
		vt_fail(res, result);
	}
	if (!response_sound(res))
		response_out_of_memory(res);
}

/* A copy that its handler has forked comes back here too: it has the same connection, slot and log, and may use none. */
enum vt_result
chain_call(vt_handler_fn *handler, struct vt_request *req, struct vt_response *res)
{
	enum vt_result result = handler(req, res);
	oversight_end_copy(req->with.oversight);
	return result;
}

void
chain_run(const struct wrapper *const *wrappers, size_t count, vt_handler_fn *handler, struct vt_request *req,
          struct vt_response *res)
{
	size_t entered;
	enum vt_result result = enter_all(wrappers, count, req, res, &entered);
	if (result == VT_OK && !res->answered)
		result = chain_call(handler, req, res);
	settle(req, res, result);
	while (entered-- > 0)
		if (wrappers[entered]->leave != NULL)
			wrappers[entered]->leave(req, res);
}
