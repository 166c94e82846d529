/*
 * wrap_correlation.c - correlation ID and request ID.
 *
 * X-Correlation-ID is taken over where it is one value of the allowed form; otherwise one is made, and
 * the log says that one was rejected (never which bytes). The request ID is the web server's, or made.
 */
#include "log.h"
#include "request.h"
#include "response.h"
#include "text.h"
#include "wrappers.h"

#define HEADER "X-Correlation-ID"

static void
take_request_id(struct vt_request *req)
{
	if (req->web_request_id != NULL && correlation_id_valid(req->web_request_id))
		text_copy(req->request_id, sizeof req->request_id, req->web_request_id);
	else
		correlation_id_make(req->request_id);
	req->log_context.request_id = req->request_id;
}

static void
tell_rejected(const struct vt_request *req, bool repeated)
{
	const struct vt_field fields[] = {
		VT_STR("reason", repeated ? "the header is repeated" : "it is not of the form [A-Za-z0-9._-]{1,128}")};
	request_log(req, (struct log_record){.level = VT_WARNING,
	                                     .logger = "vitals.correlation",
	                                     .message = "Correlation ID rejected",
	                                     .site = LOG_SITE,
	                                     .fields = fields,
	                                     .count = 1});
}

static enum vt_result
enter(struct vt_request *req, struct vt_response *res)
{
	const char *given = vt_header(req, HEADER, 0);
	bool repeated = vt_header(req, HEADER, 1) != NULL;
	bool taken = given != NULL && !repeated && correlation_id_valid(given);
	if (taken)
		text_copy(req->correlation_id, sizeof req->correlation_id, given);
	else
		correlation_id_make(req->correlation_id);
	req->log_context.correlation_id = req->correlation_id;
	take_request_id(req);
	(void)res;
	if (given != NULL && !taken)
		tell_rejected(req, repeated);
	return VT_OK;
}

static void
leave(struct vt_request *req, struct vt_response *res)
{
	response_replace_header(res, HEADER, req->correlation_id);
}

const struct wrapper wrap_correlation = {.name = "correlation", .enter = enter, .leave = leave};
