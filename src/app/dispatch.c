/*
 * dispatch.c - see dispatch.h.
 *
 * What has no route is answered by a handler too, so that the wrappers run around every request.
 * Everything of a request is in the arena, which finish() resets.
 */
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "cached.h"
#include "log.h"
#include "oversight.h"
#include "request_metrics.h"
#include "response.h"
#include "router.h"
#include "scoreboard.h"
#include "services.h"
#include "settings.h"
#include "strbuf.h"
#include "wrappers.h"

#define LOGGER "vitals.module"
#define ARENA_CHUNK_BYTES 65536
#define HEAD_MAX_BYTES 16384 /* nginx takes 4 or 8 KiB unless told otherwise, Apache 8 KiB a line */
/* For so many requests less one, a request that has ended keeps its place to itself, and who still uses it harms none. */
#define DESKS 8

struct dispatch {
	struct services *services;
	const struct redact *redact;
	struct arena *arena, *spent; /* spent: always failed */
	struct services nobody;      /* of a request that has ended */
	struct oversight *oversight;
	struct request_limits limits;
	struct desk {
		struct vt_request request;
		struct vt_response response;
	} desks[DESKS], *desk; /* desk: of the request that runs */
	char *const *params;   /* of the request that is served */
	struct {
		char **params; /* owned; NULL: nothing is owed */
		char correlation_id[CORRELATION_ID_MAX + 1], request_id[CORRELATION_ID_MAX + 1];
		struct trace_context trace;
	} again; /* what is to be done behind its response */
	struct strbuf head;
	char head_storage[HEAD_MAX_BYTES];
};

static enum vt_result
refuse_malformed(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	return vt_problem(res, 400, "The request is malformed.");
}

static enum vt_result
refuse_for_memory(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	(void)res;
	return VT_NO_MEMORY;
}

static enum vt_result
refuse_unknown(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	return response_nothing_here(res);
}

static enum vt_result
add_allow(struct vt_request *req, struct vt_response *res)
{
	struct strbuf allow;
	strbuf_init_arena(&allow, req->with.arena, 64);
	router_allow(services_of(req)->router, vt_path(req), &allow);
	return allow.failed ? VT_NO_MEMORY : vt_set_header(res, "Allow", allow.data);
}

static enum vt_result
refuse_method(struct vt_request *req, struct vt_response *res)
{
	enum vt_result result = add_allow(req, res);
	return result != VT_OK ? result : vt_problem(res, 405, "This path does not serve that method.");
}

static enum vt_result
tell_options(struct vt_request *req, struct vt_response *res)
{
	enum vt_result result = add_allow(req, res);
	return result != VT_OK ? result : vt_no_content(res, 204);
}

static vt_handler_fn *
choose_handler(struct dispatch *dispatch, const struct exchange *exchange)
{
	struct vt_request *req = &dispatch->desk->request;
	enum vt_result parsed = request_parse(req, exchange->params);
	if (parsed == VT_NO_MEMORY)
		return refuse_for_memory;
	if (parsed != VT_OK || exchange->malformed != NULL)
		return refuse_malformed;
	switch (router_match(dispatch->services->router, req)) {
	case ROUTER_FOUND:
		return req->route->cache != NULL ? cached_serve : req->route->handler;
	case ROUTER_METHOD_NOT_ALLOWED:
		return refuse_method;
	case ROUTER_OPTIONS:
		return tell_options;
	case ROUTER_NO_MEMORY:
		return refuse_for_memory;
	case ROUTER_NOT_FOUND:
		break;
	}
	return refuse_unknown;
}

/* A head larger than any web server takes is answered as an error; it needs nothing from the arena. */
static void
render(struct dispatch *dispatch, struct exchange *exchange)
{
	struct vt_response *res = &dispatch->desk->response;
	if (!response_sound(res))
		response_out_of_memory(res);
	strbuf_init_fixed(&dispatch->head, dispatch->head_storage, sizeof dispatch->head_storage);
	response_render(res, RESPONSE_HEAD_ONLY, &dispatch->head);
	if (dispatch->head.failed) {
		response_out_of_memory(res);
		response_replace_header(res, "X-Correlation-ID", dispatch->desk->request.correlation_id);
		strbuf_reset(&dispatch->head);
		response_render(res, RESPONSE_HEAD_ONLY, &dispatch->head);
	}
	exchange->head = &dispatch->head;
	exchange->body_out = response_sends_body(res, vt_method(&dispatch->desk->request)) ? &res->body : NULL;
}

struct dispatch *
dispatch_create(struct services *services, const struct redact *redact)
{
	const struct settings *settings = services->settings;
	struct dispatch *dispatch = calloc(1, sizeof *dispatch);
	if (dispatch == NULL)
		return NULL;
	dispatch->arena = arena_create(ARENA_CHUNK_BYTES, (size_t)settings->max_request_memory_bytes);
	dispatch->spent = arena_create(1, 1);
	dispatch->oversight = oversight_create();
	if (dispatch->arena == NULL || dispatch->spent == NULL || dispatch->oversight == NULL) {
		dispatch_destroy(dispatch);
		return NULL;
	}
	arena_fail(dispatch->spent);
	dispatch->desk = dispatch->desks;
	dispatch->nobody = (struct services){.settings = settings, .registry = services->registry};
	dispatch->services = services;
	dispatch->redact = redact;
	dispatch->limits = (struct request_limits){.max_body_bytes = settings->max_request_bytes,
	                                           .max_json_depth = settings->max_json_depth,
	                                           .timeout_ms = settings->request_timeout_ms};
	return dispatch;
}

void
dispatch_destroy(struct dispatch *dispatch)
{
	if (dispatch == NULL)
		return;
	flight_land(&dispatch->services->refresh.seat);
	free(dispatch->again.params);
	arena_destroy(dispatch->arena);
	arena_destroy(dispatch->spent);
	oversight_destroy(dispatch->oversight);
	free(dispatch);
}

static void
begin(struct dispatch *dispatch, const struct exchange *exchange)
{
	struct vt_request *req = &dispatch->desk->request;
	struct vt_response *res = &dispatch->desk->response;
	request_init(req, &(struct request_setup){.arena = dispatch->arena,
	                                          .log = dispatch->services->log,
	                                          .redact = dispatch->redact,
	                                          .slot = dispatch->services->slot,
	                                          .limits = &dispatch->limits,
	                                          .body = exchange->body,
	                                          .services = dispatch->services,
	                                          .oversight = dispatch->oversight});
	response_init(res, dispatch->arena, req->correlation_id);
	res->explanation = &req->explanation;
	res->oversight = dispatch->oversight;
}

static void
serve(void *context, struct exchange *exchange)
{
	struct dispatch *dispatch = context;
	struct vt_request *req = &dispatch->desk->request;
	struct vt_response *res = &dispatch->desk->response;
	begin(dispatch, exchange);
	dispatch->params = exchange->params;
	vt_handler_fn *handler = choose_handler(dispatch, exchange);
	chain_run(wrappers, wrappers_count, handler, req, res);
	render(dispatch, exchange);
	request_metrics_prepare(req, res);
}

/* In one piece, to be freed; NULL: no memory. */
static char **
copy_params(char *const *params)
{
	size_t count = 0, bytes = 0;
	for (; params[count] != NULL; count++)
		bytes += strlen(params[count]) + 1;
	char **copy = malloc((count + 1) * sizeof *copy + bytes);
	if (copy == NULL)
		return NULL;
	char *text = (char *)(copy + count + 1);
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(params[i]) + 1;
		copy[i] = memcpy(text, params[i], size);
		text += size;
	}
	copy[count] = NULL;
	return copy;
}

/* What the request behind the response needs of the one that was answered, which is gone by then. */
static void
keep_for_afterwards(struct dispatch *dispatch)
{
	const struct vt_request *req = &dispatch->desk->request;
	free(dispatch->again.params);
	dispatch->again.params = copy_params(dispatch->params);
	memcpy(dispatch->again.correlation_id, req->correlation_id, sizeof req->correlation_id);
	memcpy(dispatch->again.request_id, req->request_id, sizeof req->request_id);
	dispatch->again.trace = req->trace;
	if (dispatch->again.params == NULL) {
		flight_land(&dispatch->services->refresh.seat);
		dispatch->services->refresh.wanted = false;
	}
}

static void
tell_oversights(struct dispatch *dispatch)
{
	struct log *log = dispatch->services->log;
	struct oversight_counts counts = oversight_take(dispatch->oversight);
	if (counts.late > 0)
		log_event(log, VT_ERROR_LEVEL, LOGGER, "Request used after its end", VT_INT("count", counts.late));
	if (counts.copies > 0)
		log_event(log, VT_ERROR_LEVEL, LOGGER, "Handler forked and returned in the child",
		          VT_INT("count", counts.copies));
}

/* Everything of the request that was at it is gone; the next one has another. */
static void
leave_desk(struct dispatch *dispatch)
{
	struct desk *desk = dispatch->desk;
	slot_set_request(dispatch->services->slot, NULL);
	request_end(&desk->request, dispatch->spent, &dispatch->nobody);
	response_end(&desk->response, dispatch->spent);
	arena_reset(dispatch->arena);
	dispatch->desk = desk + 1 < dispatch->desks + DESKS ? desk + 1 : dispatch->desks;
	tell_oversights(dispatch);
}

static void
finish(void *context)
{
	struct dispatch *dispatch = context;
	struct desk *desk = dispatch->desk;
	request_metrics_count(&desk->request);
	wrap_log_written(&desk->request, &desk->response);
	log_settle(dispatch->services->log);
	if (dispatch->services->refresh.wanted)
		keep_for_afterwards(dispatch);
	leave_desk(dispatch);
}

static bool
owes(const void *context)
{
	const struct dispatch *dispatch = context;
	return dispatch->services->refresh.wanted;
}

static enum vt_result
read_no_body(void *context, void *buffer, size_t size_bytes, size_t *got)
{
	(void)context;
	(void)buffer;
	(void)size_bytes;
	*got = 0;
	return VT_OK;
}

/* The same request once more, under the same ID, with nobody to answer and no record of its own but the cache's. */
static void
afterwards(void *context)
{
	struct dispatch *dispatch = context;
	struct vt_request *req = &dispatch->desk->request;
	const struct exchange exchange = {.params = dispatch->again.params, .body = {.read = read_no_body}};
	begin(dispatch, &exchange);
	memcpy(req->correlation_id, dispatch->again.correlation_id, sizeof req->correlation_id);
	memcpy(req->request_id, dispatch->again.request_id, sizeof req->request_id);
	req->trace = dispatch->again.trace;
	choose_handler(dispatch, &exchange);
	if (req->route != NULL && req->route->cache != NULL) {
		wrap_scoreboard_show(req);
		cached_refresh(req, &dispatch->desk->response);
	} else {
		flight_land(&dispatch->services->refresh.seat);
		dispatch->services->refresh.wanted = false;
	}
	free(dispatch->again.params);
	dispatch->again.params = NULL;
	leave_desk(dispatch);
}

struct exchange_handler
dispatch_handler(struct dispatch *dispatch)
{
	return (struct exchange_handler){
		.serve = serve, .finish = finish, .owes = owes, .afterwards = afterwards, .context = dispatch};
}
