/*
 * relay.c - a module that calls other services, so that a trace can be seen from end to end.
 *
 * POST /relay takes a JSON array of {"url": …, "arguments": …} and POSTs each "arguments" as JSON to its url, one after
 * the other, with the headers of vt_outbound_headers(). It answers with a JSON array of the statuses, 0 where there was
 * no answer. This is how the test suite of W3C Trace Context drives a service.
 *
 * It calls other hosts on a client's word, so it loads only where RELAY_ALLOW names those hosts: all else is 403, before
 * anything is called. It follows no redirects, speaks only HTTP, takes no proxy from the environment, sends no
 * credentials, and reads no more of an answer than ANSWER_MAX_BYTES.
 *
 * The module's state is made once, before the workers are forked, and constant afterwards.
 */
#include <curl/curl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vitals.h"

#define CALLS_MAX 32
#define ANSWER_MAX_BYTES ((size_t)1 << 20)
#define HEADER_MAX_BYTES 20480
/* A call leaves time to say what came of it. */
#define SPARE_MS 100

struct relay {
	char *allow; /* RELAY_ALLOW: "host" or "host:port", with commas or blanks in between */
};

/* One call, parsed once: what is allowed is exactly what libcurl is given. */
struct call {
	CURLU *url;
	const char *text;      /* the url as it came */
	const char *arguments; /* JSON */
};

struct calls {
	struct call items[CALLS_MAX];
	size_t count;
};

/* ---- Who may be called -------------------------------------------------------------------------- */

static bool
same(const char *entry, size_t size, const char *text)
{
	return strlen(text) == size && strncasecmp(entry, text, size) == 0;
}

/* An entry without a port means the scheme's own. */
static bool
listed(const char *allow, const char *host, const char *port, bool port_is_default)
{
	char with_port[300];
	int n = snprintf(with_port, sizeof with_port, "%s:%s", host, port);
	if (n < 0 || (size_t)n >= sizeof with_port)
		return false;
	for (const char *p = allow + strspn(allow, ", "); *p != '\0';) {
		size_t size = strcspn(p, ", ");
		if (same(p, size, with_port) || (port_is_default && same(p, size, host)))
			return true;
		p += size;
		p += strspn(p, ", ");
	}
	return false;
}

static bool
allowed(const struct relay *relay, CURLU *url)
{
	char *scheme = NULL, *host = NULL, *port = NULL;
	bool yes = false;
	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
		bool https = strcmp(scheme, "https") == 0;
		yes = (https || strcmp(scheme, "http") == 0) &&
		      listed(relay->allow, host, port, strcmp(port, https ? "443" : "80") == 0);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	return yes;
}

/* ---- One call ----------------------------------------------------------------------------------- */

/* Takes what comes and keeps nothing; *left of it may still come. */
static size_t
swallow(char *data, size_t one, size_t size, void *left)
{
	(void)data;
	size_t *bytes = left;
	if (one * size > *bytes)
		return 0; /* an error to libcurl, which ends the transfer */
	*bytes -= one * size;
	return one * size;
}

static bool
add_header(struct curl_slist **list, const char *name, const char *value)
{
	char line[HEADER_MAX_BYTES];
	int n = snprintf(line, sizeof line, "%s: %s", name, value);
	struct curl_slist *longer = n > 0 && (size_t)n < sizeof line ? curl_slist_append(*list, line) : NULL;
	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

static struct curl_slist *
headers_of(const struct vt_outbound *outbound)
{
	struct curl_slist *list = NULL;
	bool complete = add_header(&list, "Content-Type", "application/json");
	for (size_t i = 0; i < outbound->count && complete; i++)
		complete = add_header(&list, outbound->headers[i].name, outbound->headers[i].value);
	if (complete)
		return list;
	curl_slist_free_all(list);
	return NULL;
}

static void
prepare(CURL *curl, const struct call *call, struct curl_slist *headers, long timeout_ms)
{
	curl_easy_setopt(curl, CURLOPT_CURLU, call->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->arguments);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, swallow);
}

/* The status of the answer; 0: there was none. */
static int
perform(CURL *curl, const struct call *call, struct curl_slist *headers, long timeout_ms)
{
	size_t left = ANSWER_MAX_BYTES;
	long status = 0;
	prepare(curl, call, headers, timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &left);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &left);
	if (curl_easy_perform(curl) != CURLE_OK)
		return 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static enum vt_result
call_one(struct vt_request *req, CURL *curl, const struct call *call, int *status)
{
	struct vt_outbound outbound;
	int64_t left_ms = vt_time_left_ms(req);
	if (left_ms <= SPARE_MS)
		return VT_TIMEOUT;
	long timeout_ms = left_ms < 3600000 ? (long)left_ms - SPARE_MS : 3600000;
	enum vt_result result = vt_outbound_headers(req, &outbound);
	struct curl_slist *headers = result == VT_OK ? headers_of(&outbound) : NULL;
	if (headers == NULL)
		return VT_NO_MEMORY;
	*status = perform(curl, call, headers, timeout_ms);
	curl_slist_free_all(headers);
	outbound.method = "POST";
	outbound.url = call->text;
	outbound.status = *status;
	vt_outbound_done(req, &outbound);
	return VT_OK;
}

/* ---- The request -------------------------------------------------------------------------------- */

/* Why a call is not made; status 0: it is. */
struct refusal {
	int status;
	const char *detail;
};

static struct refusal
read_call(const struct relay *relay, struct json_object *json, struct call *call)
{
	struct json_object *url = NULL, *arguments = NULL;
	if (!json_object_is_type(json, json_type_object) || !json_object_object_get_ex(json, "url", &url) ||
	    !json_object_is_type(url, json_type_string))
		return (struct refusal){400, "Each call is an object with a url."};
	json_object_object_get_ex(json, "arguments", &arguments);
	call->text = json_object_get_string(url);
	call->arguments = json_object_to_json_string_ext(arguments, JSON_C_TO_STRING_PLAIN);
	if (strlen(call->text) != (size_t)json_object_get_string_len(url) ||
	    curl_url_set(call->url, CURLUPART_URL, call->text, CURLU_DISALLOW_USER) != CURLUE_OK)
		return (struct refusal){400, "A url is not one that can be called."};
	if (!allowed(relay, call->url))
		return (struct refusal){403, "RELAY_ALLOW does not name the host of a url."};
	return (struct refusal){0, NULL};
}

/* *good: all of them may be made. Otherwise res is answered with what is wrong, or the result tells. */
static enum vt_result
read_calls(struct vt_request *req, struct vt_response *res, struct calls *calls, bool *good)
{
	struct json_object *json;
	enum vt_result result = vt_body_json(req, &json);
	*good = false;
	if (result != VT_OK)
		return result;
	if (!json_object_is_type(json, json_type_array) || json_object_array_length(json) > CALLS_MAX)
		return vt_problem(res, 400, "The body is an array of at most 32 calls.");
	for (size_t i = 0; i < json_object_array_length(json); i++) {
		struct call *call = &calls->items[calls->count];
		call->url = curl_url();
		if (call->url == NULL)
			return VT_NO_MEMORY;
		calls->count++;
		struct refusal refusal = read_call(vt_route_context(req), json_object_array_get_idx(json, i), call);
		if (refusal.status != 0)
			return vt_problem(res, refusal.status, refusal.detail);
	}
	*good = true;
	return VT_OK;
}

static enum vt_result
call_all(struct vt_request *req, struct vt_response *res, const struct calls *calls)
{
	char answer[CALLS_MAX * 12 + 3] = "[";
	size_t used = 1;
	CURL *curl = curl_easy_init();
	enum vt_result result = curl != NULL ? VT_OK : VT_NO_MEMORY;
	for (size_t i = 0; i < calls->count && result == VT_OK; i++) {
		int status = 0;
		result = call_one(req, curl, &calls->items[i], &status);
		used += (size_t)snprintf(answer + used, sizeof answer - used, "%s%d", i > 0 ? "," : "", status);
	}
	curl_easy_cleanup(curl);
	if (result != VT_OK)
		return result;
	used += (size_t)snprintf(answer + used, sizeof answer - used, "]");
	return vt_json_text(res, answer, used);
}

static enum vt_result
relay_calls(struct vt_request *req, struct vt_response *res)
{
	struct calls calls = {.count = 0};
	bool good;
	enum vt_result result = read_calls(req, res, &calls, &good);
	if (good)
		result = call_all(req, res, &calls);
	for (size_t i = 0; i < calls.count; i++)
		curl_url_cleanup(calls.items[i].url);
	return result;
}

int
vitals_setup(struct vt_app *app)
{
	static struct relay relay;
	static const struct vt_setting allow = {
		.name = "RELAY_ALLOW",
		.type = VT_SETTING_TEXT,
		.default_value = "",
		.help = "The hosts that POST /relay may call, as host or host:port, with commas in between.",
	};
	if (vt_setting(app, &allow) != 0)
		return -1;
	const char *hosts = vt_setting_text(app, "RELAY_ALLOW");
	if (hosts == NULL || hosts[strspn(hosts, ", ")] == '\0')
		return vt_setup_error(
			app, "RELAY_ALLOW is not set; name the hosts that may be called, or leave the module out.");
	free(relay.allow);
	relay.allow = strdup(hosts);
	if (relay.allow == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return vt_setup_error(app, "There is no memory for calls.");
	return vt_route(
		app, &(struct vt_route){.method = "POST", .path = "/relay", .handler = relay_calls, .context = &relay});
}
