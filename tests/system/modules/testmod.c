/*
 * testmod.c - routes for what the demo module does not show: the cache, wrong handlers, the facts of a
 * request. Built by the system tests against the public header alone; never installed.
 */
#include "vitals.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct json_object *
text(const char *value)
{
	return value != NULL ? json_object_new_string(value) : NULL;
}

static enum vt_result
answer_json(struct vt_response *res, struct json_object *json)
{
	enum vt_result r = vt_json(res, json);

	json_object_put(json);
	return r;
}

/* Everything that a handler can ask of a request; ?header=name chooses whose values are listed. */
static enum vt_result
facts(struct vt_request *req, struct vt_response *res)
{
	struct json_object *out = json_object_new_object(), *params = json_object_new_array(),
			   *headers = json_object_new_array();
	const char *value, *header = vt_query_param(req, "header", 0);

	for (size_t n = 0; (value = vt_query_param(req, "p", n)) != NULL; n++)
		json_object_array_add(params, text(value));
	for (size_t n = 0; (value = vt_header(req, header != NULL ? header : "X-Repeated", n)) != NULL; n++)
		json_object_array_add(headers, text(value));
	json_object_object_add(out, "method", text(vt_method(req)));
	json_object_object_add(out, "path", text(vt_path(req)));
	json_object_object_add(out, "query", text(vt_query_string(req)));
	json_object_object_add(out, "script_name", text(vt_script_name(req)));
	json_object_object_add(out, "scheme", text(vt_scheme(req)));
	json_object_object_add(out, "host", text(vt_host(req)));
	json_object_object_add(out, "client_ip", text(vt_client_ip(req)));
	json_object_object_add(out, "user", text(vt_user(req)));
	json_object_object_add(out, "correlation_id", text(vt_correlation_id(req)));
	json_object_object_add(out, "request_id", text(vt_request_id(req)));
	json_object_object_add(out, "segment", text(vt_path_param(req, "segment")));
	json_object_object_add(out, "cookie", text(vt_cookie(req, "flavour")));
	json_object_object_add(out, "content_type", text(vt_content_type(req)));
	json_object_object_add(out, "content_length", json_object_new_int64(vt_content_length(req)));
	json_object_object_add(out, "params", params);
	json_object_object_add(out, "headers", headers);
	return answer_json(res, out);
}

static enum vt_result
count_body(struct vt_request *req, struct vt_response *res)
{
	struct json_object *out;
	const char *data;
	size_t size, zeros = 0;
	enum vt_result r = vt_body(req, &data, &size);

	if (r != VT_OK)
		return r;
	for (size_t i = 0; i < size; i++)
		zeros += data[i] == '\0';
	out = json_object_new_object();
	json_object_object_add(out, "bytes", json_object_new_int64((int64_t)size));
	json_object_object_add(out, "zeros", json_object_new_int64((int64_t)zeros));
	return answer_json(res, out);
}

/* Answers without a look at the body. */
static enum vt_result
leave_body(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	return vt_json_text(res, "{\"unread\":true}", 15);
}

static enum vt_result
never(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	(void)res;
	return VT_OK;
}

static enum vt_result
twice(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	vt_json_text(res, "{\"answer\":1}", 12);
	vt_json_text(res, "{\"answer\":2}", 12);
	return VT_OK;
}

static enum vt_result
bad_header(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	vt_set_header(res, "X-Split", "one\r\nX-Injected: two");
	return vt_json_text(res, "{}", 2);
}

static enum vt_result
good_header(struct vt_request *req, struct vt_response *res)
{
	const char *value = vt_query_param(req, "value", 0);

	vt_set_header(res, "X-Test", value != NULL ? value : "none");
	return vt_json_text(res, "{}", 2);
}

static enum vt_result
huge(struct vt_request *req, struct vt_response *res)
{
	char *memory = vt_alloc(req, (size_t)1 << 40);

	if (memory == NULL)
		return VT_NO_MEMORY;
	memory[0] = 1;
	return vt_json_text(res, "{}", 2);
}

/* ?bytes=N: an answer of that length. */
static enum vt_result
large(struct vt_request *req, struct vt_response *res)
{
	const char *said = vt_query_param(req, "bytes", 0);
	size_t size = said != NULL ? strtoul(said, NULL, 10) : 0;
	char *data = malloc(size + 1);
	enum vt_result r;

	if (data == NULL)
		return VT_NO_MEMORY;
	memset(data, 'v', size);
	r = vt_answer(res, "text/plain", data, size);
	free(data);
	return r;
}

/* ?code=N: ends the worker, as a library might that knows no better. */
static enum vt_result
leave_process(struct vt_request *req, struct vt_response *res)
{
	const char *code = vt_query_param(req, "code", 0);

	(void)res;
	exit(code != NULL ? atoi(code) : 0);
}

/* Stays as many milliseconds as ms says. */
static enum vt_result
hold(struct vt_request *req, struct vt_response *res)
{
	const char *ms = vt_query_param(req, "ms", 0);
	long left = ms != NULL ? strtol(ms, NULL, 10) : 0;
	struct timespec time = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
	while (nanosleep(&time, &time) != 0)
		;
	return vt_answer(res, "text/plain", "held", 4);
}

static enum vt_result
coded(struct vt_request *req, struct vt_response *res)
{
	const char *code = vt_query_param(req, "code", 0);

	return vt_no_content(res, code != NULL ? atoi(code) : 204);
}

/* ?result=N: what the service makes of a handler's outcome. */
static enum vt_result
outcome(struct vt_request *req, struct vt_response *res)
{
	const char *number = vt_query_param(req, "result", 0);

	(void)res;
	return (enum vt_result)(number != NULL ? atoi(number) : 0);
}

/* ?q=statement&p=parameter&p=…&token=the last parameter */
static enum vt_result
sql(struct vt_request *req, struct vt_response *res)
{
	const char *statement = vt_query_param(req, "q", 0), *params[8];
	struct vt_rows *rows;
	enum vt_result r;
	size_t count = 0;

	if (statement == NULL)
		return VT_BAD_INPUT;
	while (count < 7 && (params[count] = vt_query_param(req, "p", count)) != NULL)
		count++;
	if (vt_query_param(req, "token", 0) != NULL) /* one that no log shows */
		params[count++] = vt_query_param(req, "token", 0);
	r = vt_query(req, &rows, statement, params, count);
	return r == VT_OK ? vt_json_rows(res, rows) : r;
}

/* ?q=statement&p=parameter&p=…, prepared */
static enum vt_result
prepared(struct vt_request *req, struct vt_response *res)
{
	const char *statement = vt_query_param(req, "q", 0), *params[8];
	struct vt_rows *rows;
	enum vt_result r;
	size_t count = 0;

	if (statement == NULL)
		return VT_BAD_INPUT;
	while (count < 8 && (params[count] = vt_query_param(req, "p", count)) != NULL)
		count++;
	r = vt_query_prepared(req, &rows, statement, params, count);
	return r == VT_OK ? vt_json_rows(res, rows) : r;
}

/* ?q=statement&q=…&end=commit|rollback|forget in one transaction; &kind=N, &prepared=1 */
static enum vt_result
transaction(struct vt_request *req, struct vt_response *res)
{
	const char *statement, *end = vt_query_param(req, "end", 0), *kind = vt_query_param(req, "kind", 0);
	struct vt_rows *rows = NULL;
	enum vt_result r = vt_begin(req, kind != NULL ? (enum vt_transaction)atoi(kind) : VT_TX_DEFAULT);

	for (size_t n = 0; r == VT_OK && (statement = vt_query_param(req, "q", n)) != NULL; n++)
		r = vt_query_param(req, "prepared", 0) != NULL ? vt_query_prepared(req, &rows, statement, VT_NO_PARAMS)
		                                               : vt_query(req, &rows, statement, VT_NO_PARAMS);
	if (r == VT_OK && end != NULL && strcmp(end, "commit") == 0)
		r = vt_commit(req);
	else if (r == VT_OK && end != NULL && strcmp(end, "rollback") == 0)
		r = vt_rollback(req);
	return r == VT_OK ? vt_json_rows(res, rows) : r;
}

/* ?q=statement: how its first row's column n reads as each type. */
static enum vt_result
typed(struct vt_request *req, struct vt_response *res)
{
	struct json_object *out = json_object_new_object();
	struct vt_rows *rows;
	int64_t integer = 0;
	double number = 0;
	bool truth = false;
	enum vt_result r = vt_query(req, &rows, vt_query_param(req, "q", 0), VT_NO_PARAMS);

	if (r != VT_OK) {
		json_object_put(out);
		return r;
	}
	json_object_object_add(out, "int_result", json_object_new_int(vt_value_int(rows, 0, "n", &integer)));
	json_object_object_add(out, "int", json_object_new_int64(integer));
	json_object_object_add(out, "double_result", json_object_new_int(vt_value_double(rows, 0, "n", &number)));
	json_object_object_add(out, "double", json_object_new_double(number));
	json_object_object_add(out, "bool_result", json_object_new_int(vt_value_bool(rows, 0, "n", &truth)));
	json_object_object_add(out, "bool", json_object_new_boolean(truth));
	json_object_object_add(out, "column", text(vt_column_name(rows, 0)));
	return answer_json(res, out);
}

static enum vt_result
cache_show(struct vt_request *req, struct vt_response *res)
{
	const char *value;
	size_t size;
	enum vt_result r = vt_cache_get(req, vt_path_param(req, "key"), &value, &size);

	return r == VT_OK ? vt_answer(res, "application/octet-stream", value, size) : r;
}

/* As a handler does that caches: 200 with all of the cache's help, 203 where it had to do without. */
static enum vt_result
cache_through(struct vt_request *req, struct vt_response *res)
{
	const char *key = vt_path_param(req, "key"), *value;
	size_t size;
	enum vt_result r = vt_cache_get(req, key, &value, &size);
	bool cached = r == VT_OK;

	if (!cached || vt_query_param(req, "write", 0) != NULL)
		cached = vt_cache_set(req, key, "made", 4, 0) == VT_OK && cached;
	r = vt_status(res, cached ? 200 : 203);
	return r == VT_OK ? vt_answer(res, "text/plain", "made", 4) : r;
}

static enum vt_result
cache_put(struct vt_request *req, struct vt_response *res)
{
	const char *data, *ttl = vt_query_param(req, "ttl", 0);
	size_t size;
	enum vt_result r = vt_body(req, &data, &size);

	if (r == VT_OK)
		r = vt_cache_set(req, vt_path_param(req, "key"), data, size, ttl != NULL ? atoi(ttl) : 0);
	return r == VT_OK ? vt_no_content(res, 204) : r;
}

static enum vt_result
cache_drop(struct vt_request *req, struct vt_response *res)
{
	enum vt_result r = vt_cache_delete(req, vt_path_param(req, "key"));

	return r == VT_OK || r == VT_MISS ? vt_no_content(res, 204) : r;
}

/* The body as a field of a record, beside one whose name is secret. */
static enum vt_result
log_body(struct vt_request *req, struct vt_response *res)
{
	const char *data;
	size_t size;
	enum vt_result r = vt_body(req, &data, &size);

	if (r != VT_OK)
		return r;
	vt_log(req, VT_DEBUG, "Test detail", VT_INT("bytes", size));
	vt_log(req, VT_INFO, "Test record", VT_STRN("text", data, size), VT_STR("Api-Key", "hunter2"),
	       VT_INT("bytes", size), VT_DOUBLE("half", 0.5), VT_BOOL("yes", true));
	return vt_no_content(res, 204);
}

static int counted, depth, price;

static int
declare_metrics(struct vt_app *app, const char *name)
{
	static const double bounds[] = {0.5, 1, 100};

	counted = vt_counter(app, &(struct vt_metric){.name = name, .help = "Calls of /counted.", .labels = {"kind"}});
	depth = vt_gauge(app, &(struct vt_metric){.name = "test_depth", .help = "What ?depth said last."});
	price = vt_histogram(app, &(struct vt_metric){.name = "test_price",
	                                              .help = "What ?depth said.",
	                                              .labels = {"kind", "sign"},
	                                              .buckets = bounds,
	                                              .bucket_count = 3});
	return counted < 0 || depth < 0 || price < 0 ? -1 : 0;
}

/* ?misuse=1 counts a gauge. */
static enum vt_result
count_call(struct vt_request *req, struct vt_response *res)
{
	const char *kind = vt_query_param(req, "kind", 0), *value = vt_query_param(req, "depth", 0);
	double number = value != NULL ? strtod(value, NULL) : 0;

	vt_count(req, counted, VT_LABELS(kind), 2);
	vt_gauge_set(req, depth, VT_NO_LABELS, number);
	if (number >= 0 || vt_query_param(req, "misuse", 0) != NULL)
		vt_observe(req, price, VT_LABELS(kind, number < 0 ? "-" : "+"), number);
	if (vt_query_param(req, "misuse", 0) != NULL)
		vt_count(req, depth, VT_NO_LABELS, 1);
	return vt_no_content(res, 204);
}

int
vitals_setup(struct vt_app *app)
{
	static const struct vt_route routes[] = {
		{.method = "GET", .path = "/facts", .handler = facts},
		{.method = "GET", .path = "/facts/{segment}", .handler = facts},
		{.method = "POST", .path = "/facts", .handler = facts},
		{.method = "POST", .path = "/count", .handler = count_body},
		{.method = "POST", .path = "/unread", .handler = leave_body},
		{.method = "GET", .path = "/never", .handler = never},
		{.method = "GET", .path = "/twice", .handler = twice},
		{.method = "GET", .path = "/bad-header", .handler = bad_header},
		{.method = "GET", .path = "/header", .handler = good_header},
		{.method = "GET", .path = "/huge", .handler = huge},
		{.method = "GET", .path = "/large", .handler = large},
		{.method = "GET", .path = "/coded", .handler = coded},
		{.method = "GET", .path = "/exit", .handler = leave_process},
		{.method = "GET", .path = "/hold/{name}", .handler = hold},
		{.method = "GET", .path = "/outcome", .handler = outcome},
		{.method = "GET", .path = "/sql", .handler = sql},
		{.method = "GET", .path = "/prepared", .handler = prepared},
		{.method = "GET", .path = "/transaction", .handler = transaction},
		{.method = "GET", .path = "/typed", .handler = typed},
		{.method = "GET", .path = "/cache/{key}", .handler = cache_show},
		{.method = "GET", .path = "/through/{key}", .handler = cache_through},
		{.method = "PUT", .path = "/cache/{key}", .handler = cache_put},
		{.method = "DELETE", .path = "/cache/{key}", .handler = cache_drop},
		{.method = "POST", .path = "/log", .handler = log_body},
		{.method = "GET", .path = "/counted", .handler = count_call},
	};
	const struct vt_setting greeting = {
		.name = "TEST_GREETING",
		.type = VT_SETTING_TEXT,
		.default_value = "hello",
		.help = "A setting of the test module's own.",
	};

	if (vt_setting(app, &greeting) != 0)
		return -1;
	if (strcmp(vt_setting_text(app, "TEST_GREETING"), "refuse") == 0)
		return vt_setup_error(app, "The test module was told to refuse.");
	if (declare_metrics(app, strcmp(vt_setting_text(app, "TEST_GREETING"), "bad metric") == 0
	                                 ? "2-bad"
	                                 : "test_counted_total") != 0)
		return -1;
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		if (vt_route(app, &routes[i]) != 0)
			return -1;
	}
	return 0;
}
