/*
 * response_render.c - a response in the form that a web server reads from CGI, RFC 3875 section 6.3.
 *
 * Called by the worker after the wrappers have left. It cannot fail but for room in the buffer it is
 * given, and whatever state the response is in, what comes out is one whole response.
 */
#include "problem.h"
#include "response.h"

/* The names of RFC 9110 section 15 and of the IANA registry; 499 is nginx's, for the log. */
static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{100, "Continue"},
	{101, "Switching Protocols"},
	{102, "Processing"},
	{103, "Early Hints"},
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{203, "Non-Authoritative Information"},
	{204, "No Content"},
	{205, "Reset Content"},
	{206, "Partial Content"},
	{207, "Multi-Status"},
	{208, "Already Reported"},
	{226, "IM Used"},
	{300, "Multiple Choices"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{305, "Use Proxy"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{402, "Payment Required"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{407, "Proxy Authentication Required"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{417, "Expectation Failed"},
	{421, "Misdirected Request"},
	{422, "Unprocessable Content"},
	{423, "Locked"},
	{424, "Failed Dependency"},
	{425, "Too Early"},
	{426, "Upgrade Required"},
	{428, "Precondition Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{451, "Unavailable For Legal Reasons"},
	{499, "Client Closed Request"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
	{506, "Variant Also Negotiates"},
	{507, "Insufficient Storage"},
	{508, "Loop Detected"},
	{511, "Network Authentication Required"},
};

const char *
response_reason(int status)
{
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

bool
response_bodiless(int status)
{
	return status < 200 || status == 204 || status == 304;
}

bool
response_sends_body(const struct vt_response *res, const char *method)
{
	return strcmp(method, "HEAD") != 0 && !response_bodiless(res->status);
}

bool
response_sound(const struct vt_response *res)
{
	return res->answered && !res->misused && !res->body.failed;
}

int
response_status(const struct vt_response *res)
{
	return response_sound(res) ? res->status : 500;
}

struct head {
	int status;
	const char *content_type; /* NULL: none */
	size_t body_bytes;
};

static void
put_line(struct strbuf *out, const char *name, const char *value)
{
	strbuf_puts(out, name);
	strbuf_append(out, ": ", 2);
	strbuf_puts(out, value);
	strbuf_append(out, "\r\n", 2);
}

static void
render_head(const struct vt_response *res, const struct head *head, struct strbuf *out)
{
	const char *reason = response_reason(head->status);
	/* A blank and a reason that may be empty, as in RFC 9112 section 4. */
	strbuf_append(out, "Status: ", 8);
	strbuf_put_uint(out, (uint64_t)head->status);
	strbuf_putc(out, ' ');
	strbuf_puts(out, reason[0] != '\0' ? reason : "Unknown");
	strbuf_append(out, "\r\n", 2);
	if (head->content_type != NULL)
		put_line(out, "Content-Type", head->content_type);
	for (size_t i = 0; i < res->header_count; i++)
		put_line(out, res->headers[i].name, res->headers[i].value);
	if (!response_bodiless(head->status)) {
		strbuf_append(out, "Content-Length: ", 16);
		strbuf_put_uint(out, head->body_bytes);
		strbuf_append(out, "\r\n", 2);
	}
	strbuf_append(out, "\r\n", 2);
}

static void
render_error(const struct vt_response *res, enum response_body_mode mode, struct strbuf *out)
{
	char storage[RESPONSE_PROBLEM_BYTES];
	struct strbuf body;
	struct problem problem = {
		.status = 500,
		.detail = "The service could not answer the request.",
		.correlation_id = res->correlation_id,
	};
	strbuf_init_fixed(&body, storage, sizeof storage);
	problem_write(&problem, &body);
	struct head head = {.status = 500, .content_type = PROBLEM_CONTENT_TYPE, .body_bytes = body.length};
	render_head(res, &head, out);
	if (mode == RESPONSE_WITH_BODY)
		strbuf_append(out, body.data, body.length);
}

void
response_render(const struct vt_response *res, enum response_body_mode mode, struct strbuf *out)
{
	if (!response_sound(res)) {
		render_error(res, mode, out);
		return;
	}
	struct head head = {.status = res->status, .content_type = res->content_type, .body_bytes = res->body.length};
	render_head(res, &head, out);
	if (mode == RESPONSE_WITH_BODY && !response_bodiless(res->status))
		strbuf_append(out, res->body.data, res->body.length);
}
