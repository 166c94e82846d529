/* problem.c - answers that say what went wrong: vt_problem(), vt_fail() and the document itself. */
#include "problem.h"

#include "jsonw.h"
#include "response.h"
#include "result.h"

void
problem_write(const struct problem *problem, struct strbuf *out)
{
	struct jsonw w;
	const char *title = response_reason(problem->status);
	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	jsonw_key(&w, "type");
	jsonw_string(&w, "about:blank");
	jsonw_key(&w, "title");
	jsonw_string(&w, title[0] != '\0' ? title : "Unknown");
	jsonw_key(&w, "status");
	jsonw_int(&w, problem->status);
	if (problem->detail != NULL) {
		jsonw_key(&w, "detail");
		jsonw_string(&w, problem->detail);
	}
	if (problem->correlation_id != NULL && problem->correlation_id[0] != '\0') {
		jsonw_key(&w, "correlation_id");
		jsonw_string(&w, problem->correlation_id);
	}
	jsonw_end_object(&w);
}

enum vt_result
vt_problem(struct vt_response *res, int status, const char *detail)
{
	if (res->answered)
		return response_misuse(res, "A response was answered twice.");
	enum vt_result result = vt_status(res, status);
	if (result != VT_OK)
		return result;
	struct problem problem = {.status = status, .detail = detail, .correlation_id = res->correlation_id};
	/* A body that a handler had begun is not part of the problem. */
	strbuf_reset(&res->body);
	problem_write(&problem, &res->body);
	return response_answered(res, PROBLEM_CONTENT_TYPE);
}

/* What a client is told; the causes are in the log. */
static const char *
detail_for(enum vt_result result)
{
	switch (result) {
	case VT_BAD_INPUT:
		return "The request is malformed or holds a value that is not acceptable.";
	case VT_NOT_FOUND:
	case VT_MISS:
		return "There is no such thing.";
	case VT_CONFLICT:
		return "The request conflicts with what is stored.";
	case VT_TOO_LARGE:
		return "The body is larger than is allowed.";
	case VT_UNSUPPORTED:
		return "The body is of a type that is not served here.";
	case VT_NOT_CONFIGURED:
	case VT_UNAVAILABLE:
		return "Something that the service depends on is unavailable.";
	case VT_TIMEOUT:
		return "The request took longer than is allowed.";
	case VT_STOPPING:
		return "The service is stopping.";
	case VT_NO_MEMORY:
		return "The request needs more memory than is allowed.";
	case VT_PEER_GONE:
		return "The client closed the connection.";
	case VT_OK:
	case VT_ERROR:
	default:
		return "The service could not answer the request.";
	}
}

enum vt_result
vt_fail(struct vt_response *res, enum vt_result result)
{
	if (result == VT_OK)
		return response_misuse(res, "vt_fail() was called with VT_OK.");
	if (result == VT_NO_MEMORY && !res->answered) {
		response_out_of_memory(res);
		return VT_OK;
	}
	if ((result == VT_UNAVAILABLE || result == VT_STOPPING) && !res->answered)
		response_replace_header(res, "Retry-After", RESPONSE_RETRY_AFTER);
	bool blames_client = result == VT_BAD_INPUT || result == VT_UNSUPPORTED;
	bool explained = blames_client && res->explanation != NULL && *res->explanation != NULL;
	return vt_problem(res, result_status(result), explained ? *res->explanation : detail_for(result));
}

enum vt_result
response_nothing_here(struct vt_response *res)
{
	return vt_problem(res, 404, "There is nothing at this path.");
}
