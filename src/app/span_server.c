/*
 * span_server.c - the span of kind SERVER: the request as a whole, by the semantic conventions for HTTP server spans,
 * version 1.33.
 *
 * Every text of a client is bounded here, so that the span fits into its line whatever was sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "redact.h"
#include "request.h"
#include "router.h"
#include "services.h"
#include "span_line.h"
#include "spans.h"
#include "strbuf.h"
#include "trace_log.h"

#define METHOD_MAX_BYTES 64
#define ADDRESS_MAX_BYTES 64
#define HOST_MAX_BYTES 255
#define AGENT_MAX_BYTES 256
#define QUERY_MAX_BYTES 2048
#define PROTOCOL_MAX_BYTES 8

struct bytes {
	const char *text;
	size_t size;
};

static struct vt_field
bounded(const char *name, const char *text, size_t max)
{
	return VT_STRN(name, text != NULL && text[0] != '\0' ? text : NULL, text != NULL ? strnlen(text, max) : 0);
}

const char *
span_method(const char *method)
{
	static const char *const known[] = {"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
	                                    "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(method, known[i]) == 0)
			return known[i];
	return "_OTHER";
}

/* "example.org:8080", "[::1]:80": the name without brackets and what may follow, the port in *port, -1 where none is said. */
static struct bytes
split_host(const char *host, int *port)
{
	const char *at = strrchr(host, '@');
	const char *name = at != NULL ? at + 1 : host;
	bool bracket = name[0] == '[';
	size_t size = strcspn(name + bracket, bracket ? "]" : ":");
	const char *colon = name + bracket + size;
	if (bracket && *colon == ']')
		colon++;
	char *end = NULL;
	long number = *colon == ':' && colon[1] >= '0' && colon[1] <= '9' ? strtol(colon + 1, &end, 10) : -1;
	*port = end != NULL && *end == '\0' && number <= 65535 ? (int)number : -1;
	return (struct bytes){.text = name + bracket, .size = size < HOST_MAX_BYTES ? size : HOST_MAX_BYTES};
}

/* The query with its secrets taken out, in storage; NULL where there is none. */
static struct bytes
clean_query(const struct vt_request *req, char storage[static QUERY_MAX_BYTES])
{
	char raw[QUERY_MAX_BYTES];
	struct strbuf clean;
	if (req->query_string[0] == '\0' || req->with.redact == NULL)
		return (struct bytes){.text = NULL};
	/* redact_url() knows parameters by what they follow. */
	int size = snprintf(raw, sizeof raw, "?%s", req->query_string);
	strbuf_init_fixed(&clean, storage, QUERY_MAX_BYTES);
	redact_url_bytes(req->with.redact, &clean, raw, (size_t)size < sizeof raw ? (size_t)size : sizeof raw - 1);
	if (clean.length < 2)
		return (struct bytes){.text = NULL};
	return (struct bytes){.text = clean.data + 1, .size = clean.length - 1};
}

/* A client's text with what looks like a secret in it taken out, as in a log record. */
static struct vt_field
clean(const struct vt_request *req, const char *name, const char *text, size_t max)
{
	struct strbuf out;
	if (text == NULL || req->with.redact == NULL || !redact_may_change(text, strnlen(text, max)))
		return bounded(name, text, max);
	strbuf_init_arena(&out, req->with.arena, max);
	redact_value(req->with.redact, &out, text, strnlen(text, max));
	return bounded(name, out.data, max);
}

/* "1.1" of "HTTP/1.1"; "2" of "HTTP/2.0", as the conventions write it. */
static const char *
protocol_version(const struct vt_request *req)
{
	if (strncmp(req->protocol, "HTTP/", 5) != 0)
		return NULL;
	const char *version = req->protocol + 5;
	return strcmp(version, "2.0") == 0 ? "2" : strcmp(version, "3.0") == 0 ? "3" : version;
}

static size_t
describe(const struct vt_request *req, int status, struct vt_field *out, char *query_storage, char code[16])
{
	const char *method = span_method(vt_method(req));
	bool other = strcmp(method, "_OTHER") == 0;
	int port;
	struct bytes host = split_host(vt_host(req), &port), query = clean_query(req, query_storage);
	snprintf(code, 16, "%d", status);
	const struct vt_field attributes[] = {
		VT_STR("http.request.method", method),
		bounded("http.request.method_original", other ? vt_method(req) : NULL, METHOD_MAX_BYTES),
		clean(req, "url.path", req->raw_path, SPAN_TEXT_MAX_BYTES),
		VT_STRN("url.query", query.text, query.size),
		VT_STR("url.scheme", vt_scheme(req)),
		VT_STR("http.route", req->route != NULL ? req->route->path : NULL),
		VT_INT("http.response.status_code", status),
		VT_STRN("server.address", host.size > 0 ? host.text : NULL, host.size),
		bounded("client.address", vt_client_ip(req), ADDRESS_MAX_BYTES),
		clean(req, "user_agent.original", vt_header(req, "User-Agent", 0), AGENT_MAX_BYTES),
		bounded("network.protocol.version", protocol_version(req), PROTOCOL_MAX_BYTES),
		VT_STR("error.type", status >= 500 ? code : NULL),
		VT_STR("vitals.correlation_id", vt_correlation_id(req)),
		VT_INT("server.port", port), /* the last: left out where nobody said it */
	};
	_Static_assert(sizeof attributes / sizeof *attributes <= SPAN_ATTRIBUTES_MAX,
	               "SPAN_ATTRIBUTES_MAX is too small");
	memcpy(out, attributes, sizeof attributes);
	return sizeof attributes / sizeof *attributes - (port < 0 ? 1 : 0);
}

void
span_server(struct vt_request *req, int status)
{
	struct vt_field attributes[SPAN_ATTRIBUTES_MAX];
	char query[QUERY_MAX_BYTES], code[16];
	size_t size_bytes;
	if (!req->recorded)
		return;
	const char *method = span_method(vt_method(req));
	const struct services *services = services_of(req);
	const struct span span = {.kind = SPAN_SERVER,
	                          .name = strcmp(method, "_OTHER") == 0 ? "HTTP" : method,
	                          .name_more = req->route != NULL ? req->route->path : NULL,
	                          .span_id = req->trace.span_id,
	                          .start_ns = req->started_ns,
	                          .end_ns = clock_mono_ns(),
	                          .failed = status >= 500,
	                          .attributes = attributes,
	                          .attribute_count = describe(req, status, attributes, query, code)};
	const char *line = span_line_end(services->span_line, &span, &size_bytes);
	trace_log_write(services->trace_log, line, size_bytes);
}
