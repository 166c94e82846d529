/*
 * request.c - from CGI variables (RFC 3875 section 4.1) to a request.
 *
 * Called by the worker once a request, before the wrappers. It goes on after a fault, so that a refused
 * request can still be logged and answered with what it said; the first fault is the result. It never
 * reads the body and never logs.
 */
#include "request.h"

#include <string.h>
#include <strings.h>

#include "arena.h"
#include "clock.h"
#include "fnv.h"
#include "headers.h"
#include "path.h"
#include "router.h"
#include "syntax.h"
#include "time_stamp.h"

/* The variables that are not header fields; the first of a name counts. NULL: not sent. */
struct cgi {
	const char *method, *request_uri, *document_uri, *script_name, *path_info, *query_string;
	const char *client_ip, *user, *request_scheme, *https, *request_id, *request_start, *protocol;
};

#define VARIABLE(name, field)                                                                                          \
	{                                                                                                              \
		name, sizeof(name) - 1, offsetof(struct cgi, field)                                                    \
	}

/* Sorted by size: a comparison of two names nearly always ends there, and each request makes hundreds of them. */
static const struct {
	const char *name;
	size_t size, offset;
} variables[] = {
	VARIABLE("HTTPS", https),
	VARIABLE("PATH_INFO", path_info),
	VARIABLE("REQUEST_ID", request_id),
	VARIABLE("REQUEST_URI", request_uri),
	VARIABLE("SCRIPT_NAME", script_name),
	VARIABLE("REMOTE_ADDR", client_ip),
	VARIABLE("REMOTE_USER", user),
	VARIABLE("DOCUMENT_URI", document_uri),
	VARIABLE("QUERY_STRING", query_string),
	VARIABLE("REQUEST_START", request_start),
	VARIABLE("REQUEST_METHOD", method),
	VARIABLE("REQUEST_SCHEME", request_scheme),
	VARIABLE("SERVER_PROTOCOL", protocol),
};

void
request_init(struct vt_request *req, const struct request_setup *setup)
{
	*req = (struct vt_request){
		.with = *setup,
		.started_ns = clock_mono_ns(),
		.deadline_ns = DEADLINE_NEVER,
		.queue_ns = -1,
		.method = "",
		.scheme = "http",
		.host = "",
		.script_name = "",
		.query_string = "",
		.raw_path = "",
		.client_ip = "",
		.protocol = "",
		.path = "",
		.content_type = "",
		.content_length = -1,
		.body_state = BODY_UNREAD,
	};
	if (setup->limits->timeout_ms > 0)
		req->deadline_ns = deadline_in_ms(setup->limits->timeout_ms);
	req->log_context = (struct log_context){.correlation_id = req->correlation_id, .request_id = req->request_id};
}

static void
read_variable(struct cgi *cgi, const char *param)
{
	const char *equals = strchr(param, '=');
	if (equals == NULL)
		return;
	size_t size = (size_t)(equals - param);
	for (size_t i = 0; i < sizeof variables / sizeof variables[0] && variables[i].size <= size; i++) {
		if (size != variables[i].size || memcmp(param, variables[i].name, size) != 0)
			continue;
		const char **field = (const char **)((char *)cgi + variables[i].offset);
		if (*field == NULL)
			*field = equals + 1;
		return;
	}
}

static bool
given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* ---- The request target, RFC 9112 section 3.2 ---- */

struct target {
	const char *path, *query; /* the path with its size; the query is closed, NULL where there is none */
	size_t path_size;
	const char *host; /* of the absolute form, else NULL */
	size_t host_size;
};

/* Where the authority of "http://host/path" starts; NULL where it is not that form. */
static const char *
find_authority(const char *uri)
{
	const char *colon = strstr(uri, "://");
	if (uri[0] == '/' || colon == NULL || colon == uri || strcspn(uri, "/?") < (size_t)(colon - uri))
		return NULL;
	return colon + 3;
}

static void
split_target(struct target *target, const char *uri)
{
	*target = (struct target){.path = uri};
	const char *authority = find_authority(uri);
	if (authority != NULL) {
		target->host = authority;
		target->host_size = strcspn(authority, "/?#");
		target->path = authority + target->host_size;
		const char *at = memrchr(authority, '@', target->host_size);
		if (at != NULL) {
			target->host_size -= (size_t)(at + 1 - authority);
			target->host = at + 1;
		}
	}
	target->path_size = strcspn(target->path, "?");
	if (target->path[target->path_size] == '?')
		target->query = target->path + target->path_size + 1;
	if (authority != NULL && target->path_size == 0) {
		target->path = "/";
		target->path_size = 1;
	}
}

/* ---- The path; what is decided here is explained in path.h ---- */

static enum vt_result
set_path(struct vt_request *req, const struct path *path)
{
	char *text = path_join(path, req->with.arena);
	if (text == NULL)
		return VT_NO_MEMORY;
	req->path = text;
	req->segments = path->segments;
	req->segment_count = path->count;
	return VT_OK;
}

/* The mount point without a slash at its end. */
static enum vt_result
set_mount(struct vt_request *req, const char *mount)
{
	size_t size = strlen(mount);
	if (size > 0 && mount[size - 1] == '/')
		size--;
	const char *name = arena_strndup(req->with.arena, mount, size);
	if (name == NULL)
		return VT_NO_MEMORY;
	req->script_name = name;
	return VT_OK;
}

/* A path of the web server's whole name space: what lies below the mount point is ours. */
static enum vt_result
set_whole_path(struct vt_request *req, struct path *path, const struct cgi *cgi)
{
	const char *mount = cgi->script_name != NULL ? cgi->script_name : "";
	enum path_below below = path_compare(path, mount);
	if (below == PATH_NOT_BELOW || (below == PATH_IS_MOUNT && cgi->path_info == NULL))
		return set_path(req, path);
	path_unmount(path, mount);
	enum vt_result result = set_path(req, path);
	return result == VT_OK ? set_mount(req, mount) : result;
}

/* SCRIPT_NAME and PATH_INFO, which the web server has decoded and split. */
static enum vt_result
parse_split_path(struct vt_request *req, const struct cgi *cgi)
{
	struct path path;
	enum vt_result result =
		path_parse(&path, req->with.arena, given(cgi->path_info) ? cgi->path_info : "/", PATH_DECODED);
	if (result == VT_OK)
		result = set_path(req, &path);
	if (result == VT_OK && given(cgi->script_name))
		result = set_mount(req, cgi->script_name);
	return result;
}

/* True where the web server rewrote the URI to another place and says what is left of it. */
static bool
was_rewritten(const struct path *path, const struct cgi *cgi)
{
	return given(cgi->script_name) && given(cgi->path_info) &&
	       path_compare(path, cgi->script_name) == PATH_NOT_BELOW;
}

static enum vt_result
set_host(struct vt_request *req, const struct target *target)
{
	if (target->host_size == 0)
		return VT_OK;
	const char *host = arena_strndup(req->with.arena, target->host, target->host_size);
	if (host == NULL)
		return VT_NO_MEMORY;
	req->host = host;
	return VT_OK;
}

static enum vt_result
parse_request_uri(struct vt_request *req, const struct cgi *cgi)
{
	struct target target;
	split_target(&target, cgi->request_uri);
	const char *raw = arena_strndup(req->with.arena, target.path, target.path_size);
	if (raw == NULL || set_host(req, &target) != VT_OK)
		return VT_NO_MEMORY;
	req->raw_path = req->path = raw;
	if (target.query != NULL && cgi->query_string == NULL)
		req->query_string = target.query;
	if (strcmp(raw, "*") == 0)
		return strcmp(req->method, "OPTIONS") == 0 ? VT_OK : VT_BAD_INPUT;
	struct path path;
	enum vt_result result = path_parse(&path, req->with.arena, raw, PATH_RAW);
	if (result != VT_OK)
		return result;
	return was_rewritten(&path, cgi) ? parse_split_path(req, cgi) : set_whole_path(req, &path, cgi);
}

static enum vt_result
parse_decoded_path(struct vt_request *req, const struct cgi *cgi)
{
	if (given(cgi->path_info) || !given(cgi->document_uri)) {
		const char *raw =
			arena_printf(req->with.arena, "%s%s", cgi->script_name != NULL ? cgi->script_name : "",
		                     cgi->path_info != NULL ? cgi->path_info : "");
		if (raw == NULL)
			return VT_NO_MEMORY;
		req->raw_path = req->path = raw[0] != '\0' ? raw : "/";
		return parse_split_path(req, cgi);
	}
	req->raw_path = req->path = cgi->document_uri;
	struct path path;
	enum vt_result result = path_parse(&path, req->with.arena, cgi->document_uri, PATH_DECODED);
	return result == VT_OK ? set_whole_path(req, &path, cgi) : result;
}

/* ---- The whole ---- */

static bool
is_https(const struct cgi *cgi)
{
	if (given(cgi->request_scheme))
		return strcasecmp(cgi->request_scheme, "https") == 0;
	return given(cgi->https) && strcasecmp(cgi->https, "off") != 0;
}

static void
set_plain_fields(struct vt_request *req, const struct cgi *cgi)
{
	if (is_https(cgi))
		req->scheme = "https";
	if (given(cgi->client_ip))
		req->client_ip = cgi->client_ip;
	if (given(cgi->user))
		req->user = req->log_context.user_id = cgi->user;
	if (given(cgi->request_id))
		req->web_request_id = cgi->request_id;
	if (given(cgi->protocol))
		req->protocol = cgi->protocol;
	if (given(cgi->request_start))
		req->queue_ns = time_stamp_age_ns(cgi->request_start, clock_real_ns());
	if (cgi->query_string != NULL)
		req->query_string = cgi->query_string;
	const char *host = vt_header(req, "HOST", 0);
	if (host != NULL)
		req->host = host;
}

static enum vt_result
parse_method(struct vt_request *req, const struct cgi *cgi)
{
	if (!given(cgi->method))
		return VT_BAD_INPUT;
	req->method = cgi->method;
	return syntax_token(cgi->method, strlen(cgi->method)) ? VT_OK : VT_BAD_INPUT;
}

enum vt_result
request_parse(struct vt_request *req, char *const *params)
{
	struct cgi cgi = {.method = NULL};
	for (size_t i = 0; params[i] != NULL; i++)
		read_variable(&cgi, params[i]);
	enum vt_result headers = headers_parse(req, params);
	set_plain_fields(req, &cgi);
	enum vt_result method = parse_method(req, &cgi);
	enum vt_result path = given(cgi.request_uri) ? parse_request_uri(req, &cgi) : parse_decoded_path(req, &cgi);
	if (arena_failed(req->with.arena))
		return VT_NO_MEMORY;
	return method != VT_OK ? method : path != VT_OK ? path : headers;
}

uint64_t
request_key(struct vt_request *req)
{
	if (req->key != 0)
		return req->key;
	if (req->web_request_id != NULL)
		req->key = fnv_text(FNV_OFFSET, req->request_id);
	else
		req->key = fnv_text(fnv_text(fnv_text(FNV_OFFSET, req->correlation_id), vt_method(req)), req->raw_path);
	req->key += req->key == 0;
	return req->key;
}
