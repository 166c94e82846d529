/*
 * vitals.h - the public interface of libvitals, and the only header that is installed.
 *
 * A module is one function, vitals_setup(), called once in the supervisor before the workers are
 * forked. It declares settings and routes. A route's handler then runs in a worker, one request at a
 * time, and reaches everything through its request and its response.
 *
 * Ownership: whatever a handler receives (strings, rows, bodies, JSON) belongs to the request and is
 * gone when the request ends; nothing is to be freed. Strings handed to vt_route() and vt_setting()
 * are copied.
 *
 * Threads: a request may be used only in the thread that called the handler, and until that returns. One that has ended gives
 * nothing and takes nothing, and its use is logged (doc/modules-that-misbehave.md).
 *
 * vt_setup_error(), vt_setting(), vt_route(), vt_counter(), vt_gauge() and vt_histogram() work during setup only; later
 * they return -1, and that is logged. vt_setting_text() and its kin also work in handlers.
 */
#ifndef VITALS_H
#define VITALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined __GNUC__
#define VT_API __attribute__((visibility("default")))
#define VT_SYMBOL(name, number) __asm__(name VT_DIGITS(number))
#else
#define VT_API
#define VT_SYMBOL(name, number)
#endif
#define VT_DIGITS(number) VT_DIGITS_OF(number)
#define VT_DIGITS_OF(number) #number

/*
 * The number of this interface. It rises with every change that a module built before would not survive: a struct that grows,
 * a function that goes or takes something else. A module carries the number that it was built for, and one of another number
 * is refused by name. It is also that of libvitals.so.
 */
#define VT_ABI 0

struct vt_app;
struct vt_request;
struct vt_response;
struct vt_rows;
struct json_object;

/* ---- Outcomes ---------------------------------------------------------------------------------- */

/*
 * What an operation of a running service came to. A handler returns one too: VT_OK where it has
 * answered, anything else where the service is to answer for it, as vt_fail() does.
 */
enum vt_result {
	VT_OK = 0,
	VT_BAD_INPUT,      /* what the client sent is not acceptable: 400 */
	VT_NOT_FOUND,      /* there is no such thing: 404 */
	VT_CONFLICT,       /* a constraint of the database forbids it: 409 */
	VT_TOO_LARGE,      /* a body beyond MAX_REQUEST_SIZE: 413 */
	VT_UNSUPPORTED,    /* a body of a type that is not served: 415 */
	VT_MISS,           /* the cache does not hold the key: not an error, 404 if returned */
	VT_NOT_CONFIGURED, /* no DATABASE_URL or REDIS_URL: 503 */
	VT_UNAVAILABLE,    /* the database or cache cannot be reached: 503 */
	VT_TIMEOUT,        /* a deadline passed: 504 */
	VT_PEER_GONE,      /* the web server closed the connection: nobody to answer */
	VT_STOPPING,       /* the service stops: 503 */
	VT_NO_MEMORY,      /* the request's memory bound is reached: 500 */
	VT_ERROR           /* anything else: 500, the cause is in the log */
};

/* A short lower-case description, static; "unknown result" for a value out of range. */
VT_API const char *vt_strerror(enum vt_result result);

/* ---- Starting ---------------------------------------------------------------------------------- */

typedef int vt_setup_fn(struct vt_app *app);

/*
 * A module's single entry point, which the module defines and the service calls. Returns 0, or -1 to refuse to start (say
 * why with vt_setup_error()). In the shared object its name ends in the number of the interface, vitals_setup_0.
 */
VT_API int vitals_setup(struct vt_app *app) VT_SYMBOL("vitals_setup_", VT_ABI);

/*
 * The whole program: reads the settings, opens the listeners, supervises the workers, returns the
 * exit status (0 stopped as asked, 1 failed while running, 2 wrong settings or arguments).
 * setup is called after the modules named by MODULES; NULL for none.
 */
VT_API int vt_main(int argc, char **argv, vt_setup_fn *setup);

/* Records why setup refuses: a whole sentence without a client's or operator's secret. Returns -1. */
VT_API int vt_setup_error(struct vt_app *app, const char *sentence);

enum vt_setting_type { VT_SETTING_TEXT, VT_SETTING_BOOL, VT_SETTING_INT, VT_SETTING_DURATION_MS, VT_SETTING_BYTES };

/* A setting of a module's own, read as the service's are: environment over file over default. */
struct vt_setting {
	const char *name; /* upper case, [A-Z][A-Z0-9_]{0,63} */
	enum vt_setting_type type;
	const char *default_value; /* in the same notation as in the file */
	int64_t min, max;          /* for numbers, in the type's unit; both 0: no bounds */
	bool secret;               /* its value is never shown */
	const char *help;          /* one sentence */
};

/* Declares a setting; only during setup. Returns 0, or -1 with the reason recorded (bad name, bad value). */
VT_API int vt_setting(struct vt_app *app, const struct vt_setting *setting);

/* The value in force. A name that was not declared with that type: NULL, false or 0. */
VT_API const char *vt_setting_text(const struct vt_app *app, const char *name);
VT_API bool vt_setting_bool(const struct vt_app *app, const char *name);
VT_API int64_t vt_setting_int(const struct vt_app *app, const char *name); /* also milliseconds and bytes */

/*
 * Answers one request. Returns VT_OK after having answered through res, or another result, which the
 * service then answers (see vt_fail()). VT_OK without an answer is a 500 with a log record.
 */
typedef enum vt_result vt_handler_fn(struct vt_request *req, struct vt_response *res);

/* Whose requests may be answered with what was made for another's. */
enum vt_cached_users {
	VT_CACHED_ANONYMOUS, /* those of nobody in particular; with REMOTE_USER or Authorization the cache is left alone */
	VT_CACHED_PER_USER, /* each REMOTE_USER has answers of its own; Authorization without REMOTE_USER: as above */
	VT_CACHED_SHARED    /* all: the answer does not depend on who asks */
};

/*
 * How the answers of a GET route are cached (RFC 9111, as a shared cache). What makes another answer has to be named
 * here: path parameters always count; Host, Accept, cookies only where headers names them.
 *
 * Cached are answers with 200, 204, 301 and 308, and 404 and 410 where negative_s is more than 0, without Set-Cookie,
 * a Vary that names more than headers does, and a Cache-Control that forbids it (no-store, no-cache, private); its
 * s-maxage or max-age, and RFC 5861's two, come before what is said here. One worker of a machine at a time makes an
 * answer; the others wait for it. Shortly before its end an answer that is asked for is made anew behind the response, so
 * that nobody waits.
 *
 * The response says X-Cache (HIT, MISS, STALE or BYPASS), Age, an ETag of the answer's bytes where the handler sets none
 * (If-None-Match is answered with 304), and Cache-Control where the handler sets none. The client's Cache-Control is
 * honoured: no-cache and max-age make an answer anew, one at a time; no-store goes past the cache; only-if-cached
 * is a 504 where there is none.
 */
struct vt_cached {
	const char *prefix; /* [A-Za-z0-9_.-]{1,64}: names the answers for vt_cache_forget(); NULL: not cached */
	int64_t ttl_s;      /* how long an answer is fresh; 0: CACHE_TTL_DEFAULT */
	int64_t stale_s;    /* so long after that it is shown, and made anew behind the response (RFC 5861 section 3) */
	int64_t stale_if_error_s; /* so long it is shown where making it anew ends in a 5xx (section 4) */
	int64_t negative_s;       /* how long a 404 or 410 is fresh */
	const char *query;        /* the parameters that count, "page, sort"; "": none; NULL: the whole query string */
	const char *headers;      /* the request's headers that count, "Accept, Host"; NULL: none. Become Vary */
	enum vt_cached_users users;
	int64_t client_max_age_s; /* how long clients may keep it without asking again; 0: they ask each time */
};

struct vt_route {
	const char *method; /* "GET" also serves HEAD */
	const char *path;   /* "/users/{id}": a parameter is one whole segment */
	vt_handler_fn *handler;
	void *context; /* handed to the handler by vt_route_context() */
	struct vt_cached cache;
};

/* Adds a route; only during setup. Returns 0, or -1 with the reason recorded (syntax, duplicate). */
VT_API int vt_route(struct vt_app *app, const struct vt_route *route);

/* ---- The request ------------------------------------------------------------------------------- */

VT_API const char *vt_method(const struct vt_request *req);       /* "GET" */
VT_API const char *vt_path(const struct vt_request *req);         /* decoded, below the mount point: "/users/42" */
VT_API const char *vt_query_string(const struct vt_request *req); /* raw, "" where there is none */
VT_API const char *vt_scheme(const struct vt_request *req);       /* "http" or "https" */
VT_API const char *vt_host(const struct vt_request *req);         /* as sent, "" where absent */
VT_API const char *vt_script_name(const struct vt_request *req);  /* the mount point, "" at the root */
VT_API const char *vt_client_ip(const struct vt_request *req);    /* REMOTE_ADDR, "" where absent */
VT_API const char *vt_user(const struct vt_request *req);         /* REMOTE_USER, NULL where nobody is authenticated */
VT_API const char *vt_correlation_id(const struct vt_request *req); /* never NULL */
VT_API const char *vt_request_id(const struct vt_request *req);     /* never NULL */
VT_API const char *vt_trace_id(const struct vt_request *req);       /* 32 hexadecimal digits, never NULL */
VT_API void *vt_route_context(const struct vt_request *req);

/* A path parameter of the route's template, decoded; NULL if the template has none of that name. */
VT_API const char *vt_path_param(const struct vt_request *req, const char *name);
/* The n-th (from 0) query parameter of that name, decoded ('+' is a blank); NULL past the last. */
VT_API const char *vt_query_param(const struct vt_request *req, const char *name, size_t n);
/* The n-th header of that name (case does not matter), as sent; NULL past the last. */
VT_API const char *vt_header(const struct vt_request *req, const char *name, size_t n);
/* The cookie of that name, RFC 6265 section 5.4, the first where it is repeated; NULL where absent. */
VT_API const char *vt_cookie(const struct vt_request *req, const char *name);
/* Without parameters and in lower case, "application/json"; "" where absent. */
VT_API const char *vt_content_type(const struct vt_request *req);
/* CONTENT_LENGTH, or -1 where the web server gave none. */
VT_API int64_t vt_content_length(const struct vt_request *req);

/*
 * The whole body, read now if it was not yet; data is followed by a NUL that is not counted.
 * VT_TOO_LARGE, VT_TIMEOUT (REQUEST_TIMEOUT passed), VT_PEER_GONE, VT_NO_MEMORY.
 */
VT_API enum vt_result vt_body(struct vt_request *req, const char **data, size_t *size_bytes);
/*
 * The body as JSON text, proved to be one document by RFC 8259 with at most MAX_JSON_DEPTH levels.
 * VT_UNSUPPORTED where Content-Type is neither application/json nor a +json type; VT_BAD_INPUT where
 * it is not JSON; or what vt_body() gives.
 */
VT_API enum vt_result vt_body_json_text(struct vt_request *req, const char **text, size_t *size_bytes);
/*
 * The same, parsed by json-c; the tree belongs to the request and counts against MAX_REQUEST_MEMORY
 * (VT_NO_MEMORY): it can take hundreds of times the text's size. The document "null" gives NULL.
 */
VT_API enum vt_result vt_body_json(struct vt_request *req, struct json_object **json);

/* Memory that lives as long as the request; NULL at the bound (MAX_REQUEST_MEMORY), which the answer then says. */
VT_API void *vt_alloc(struct vt_request *req, size_t size_bytes);
/* Milliseconds that the request may still take (REQUEST_TIMEOUT), 0 when it is over. For waits of a handler's own. */
VT_API int64_t vt_time_left_ms(const struct vt_request *req);

/* ---- The response ------------------------------------------------------------------------------ */

/*
 * The functions that return enum vt_result give VT_OK, or VT_NO_MEMORY, or VT_ERROR where the response
 * was already answered or an argument cannot be sent; that is then logged, and the client gets a 500.
 */

/* 100 to 999; 200 if never set. */
VT_API enum vt_result vt_status(struct vt_response *res, int status);
/*
 * Adds a header. Refused: a name that is no token (RFC 9110 section 5.1), a value with CR, LF, NUL or another
 * control character (section 5.5), Status, Content-Type (the answer names it), Content-Length, Connection,
 * Transfer-Encoding; more than 32.
 */
VT_API enum vt_result vt_set_header(struct vt_response *res, const char *name, const char *value);
/* Answers with these bytes (copied). */
VT_API enum vt_result vt_answer(struct vt_response *res, const char *content_type, const void *data, size_t size_bytes);
/* Answers with a JSON text that the caller vouches for, as application/json. */
VT_API enum vt_result vt_json_text(struct vt_response *res, const char *text, size_t size_bytes);
/* Answers with a json-c tree, which stays the caller's. */
VT_API enum vt_result vt_json(struct vt_response *res, struct json_object *json);
/*
 * Answers with one row as a JSON object; an error if there is no such row. By the columns' SQL types: booleans, numbers
 * (numeric with all its digits), json and jsonb as they are, arrays of these and of texts as arrays, null; dates and
 * times as RFC 3339, everything else as a string as PostgreSQL writes it; NaN and the infinities as strings.
 */
VT_API enum vt_result vt_json_row(struct vt_response *res, const struct vt_rows *rows, size_t row);
/* Answers with all rows as a JSON array of objects. */
VT_API enum vt_result vt_json_rows(struct vt_response *res, const struct vt_rows *rows);
/* Answers with status and no body. */
VT_API enum vt_result vt_no_content(struct vt_response *res, int status);
/* Answers with application/problem+json (RFC 9457): type about:blank, title, status, detail, correlation_id. detail may be NULL. */
VT_API enum vt_result vt_problem(struct vt_response *res, int status, const char *detail);
/* Answers for a result other than VT_OK with the status that enum vt_result names; VT_UNAVAILABLE and VT_STOPPING with Retry-After. */
VT_API enum vt_result vt_fail(struct vt_response *res, enum vt_result result);

/* ---- Calls to other services ------------------------------------------------------------------- */

struct vt_header_field {
	const char *name, *value;
};

/* One call that a handler makes. Strings of the caller's need to live until vt_outbound_done() only. */
struct vt_outbound {
	/* Filled by vt_outbound_headers(); they belong to the request. */
	const struct vt_header_field *headers;
	size_t count;
	const char *span_id;
	int64_t started_ns;
	/* Filled by the handler before vt_outbound_done(). */
	const char *method, *url; /* "POST", the whole URL; secrets are taken out of it */
	int status;               /* of the answer; 0: there was none */
};

/*
 * Gives the headers that a call to another service is to carry: traceparent (W3C Trace Context level 2: the request's
 * trace, and a parent ID that is this call's own), tracestate where the request came with one, and X-Correlation-ID.
 * Once for each call, just before it. VT_OK or VT_NO_MEMORY.
 */
VT_API enum vt_result vt_outbound_headers(struct vt_request *req, struct vt_outbound *call);
/*
 * Tells that the call has ended, for its span in TRACE_FILE. Without it the spans of the service that was called hang
 * below one that nobody knows.
 */
VT_API void vt_outbound_done(struct vt_request *req, const struct vt_outbound *call);

/* ---- Log --------------------------------------------------------------------------------------- */

enum vt_level { VT_DEBUG, VT_INFO, VT_WARNING, VT_ERROR_LEVEL, VT_CRITICAL };

enum vt_field_type { VT_FIELD_TEXT, VT_FIELD_BYTES, VT_FIELD_INT, VT_FIELD_DOUBLE, VT_FIELD_BOOL };

/* One typed field of a log record. Any bytes may stand in a text: they are made valid UTF-8 and redacted. */
struct vt_field {
	const char *name;
	enum vt_field_type type;
	union {
		const char *text; /* NULL leaves the field out */
		int64_t integer;
		double number;
		bool boolean;
	} value;
	size_t size_bytes; /* VT_FIELD_BYTES */
};

#define VT_STR(n, v) ((struct vt_field){.name = (n), .type = VT_FIELD_TEXT, .value.text = (v)})
#define VT_STRN(n, v, size)                                                                                            \
	((struct vt_field){.name = (n), .type = VT_FIELD_BYTES, .value.text = (v), .size_bytes = (size)})
#define VT_INT(n, v) ((struct vt_field){.name = (n), .type = VT_FIELD_INT, .value.integer = (int64_t)(v)})
#define VT_DOUBLE(n, v) ((struct vt_field){.name = (n), .type = VT_FIELD_DOUBLE, .value.number = (v)})
#define VT_BOOL(n, v) ((struct vt_field){.name = (n), .type = VT_FIELD_BOOL, .value.boolean = (v)})

/* Where a record comes from; made by vt_log(). */
struct vt_log_site {
	const char *file, *function;
	int line;
};

/*
 * One record with the request's IDs: vt_log(req, VT_INFO, "User shown", VT_INT("rows", 1)).
 * message is a constant of the program, never a client's bytes. At least one field.
 */
#define vt_log(req, level, message, ...)                                                                               \
	vt_log_fields((req), (level), &(const struct vt_log_site){__FILE__, __func__, __LINE__}, (message),            \
	              (const struct vt_field[]){__VA_ARGS__},                                                          \
	              sizeof((const struct vt_field[]){__VA_ARGS__}) / sizeof(struct vt_field))

VT_API void vt_log_fields(const struct vt_request *req, enum vt_level level, const struct vt_log_site *site,
                          const char *message, const struct vt_field *fields, size_t count);

/* ---- Metrics ----------------------------------------------------------------------------------- */

#define VT_METRIC_LABELS 4
#define VT_METRIC_BUCKETS 14

/* A metric of a module's own, shown by /metrics beside the service's. All of it is copied. */
struct vt_metric {
	const char *name; /* [a-zA-Z_][a-zA-Z0-9_]*, a unit in it where there is one; a counter's ends in _total */
	const char *help; /* one sentence */
	const char *labels[VT_METRIC_LABELS]; /* names; NULL behind the last */
	const double *buckets; /* of a histogram: upper bounds, rising, none negative, without +Inf … */
	size_t bucket_count;   /* … 1 to VT_METRIC_BUCKETS */
	unsigned max_series;   /* combinations of label values that are told apart; 0: 100 */
};

/*
 * Declare one; only during setup. Return its number for the functions below, or -1 with the reason recorded. What they
 * count is added up over all workers and outlives each of them.
 */
VT_API int vt_counter(struct vt_app *app, const struct vt_metric *metric);
VT_API int vt_gauge(struct vt_app *app, const struct vt_metric *metric);
VT_API int vt_histogram(struct vt_app *app, const struct vt_metric *metric);

/*
 * Values of the labels, in their order, as many as there are. Any bytes: they are escaped, and cut at 160. What finds no
 * room is counted under "_overflow" instead. So a client's words are safe here, but of little use.
 */
#define VT_LABELS(...) ((const char *const[VT_METRIC_LABELS]){__VA_ARGS__})
#define VT_NO_LABELS NULL

/* These never fail; with ENABLE_METRICS off they do nothing. */
VT_API void vt_count(const struct vt_request *req, int metric, const char *const *labels, uint64_t by);
/* One value for the whole service: the last that any worker has set. */
VT_API void vt_gauge_set(const struct vt_request *req, int metric, const char *const *labels, double value);
/* The value is finite and not negative. */
VT_API void vt_observe(const struct vt_request *req, int metric, const char *const *labels, double value);

/* ---- The database ------------------------------------------------------------------------------ */

#define VT_PARAMS(...)                                                                                                 \
	(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)
#define VT_NO_PARAMS NULL, 0

/*
 * Runs one statement with text parameters ($1, $2 …; NULL is SQL's null) on the worker's connection,
 * within DB_QUERY_TIMEOUT and what is left of the request. A statement that is not answered by then is cancelled at the
 * server, and the connection thrown away. A statement that fails is not repeated, unless it is known not to have begun.
 * VT_BAD_INPUT (SQLSTATE class 22), VT_CONFLICT (class 23, 40001, 40P01), VT_NOT_CONFIGURED, VT_UNAVAILABLE (no
 * connection, or it ended; the server is read-only where target_session_attrs asks for one that is not), VT_TIMEOUT,
 * VT_ERROR.
 */
VT_API enum vt_result vt_query(struct vt_request *req, struct vt_rows **rows, const char *sql,
                               const char *const *params, size_t param_count);

/*
 * The same, for a statement that is run often: the worker's connection parses and plans it once (PREPARE), known by its
 * text, which is therefore to be a constant of the program. Prepared anew by itself after a reconnect, and where the
 * server has forgotten it or its tables have changed. It goes without the comment of DB_COMMENT_SAMPLE. With
 * DB_PREPARE=off, and behind a pooler such as pgbouncer unless DB_PREPARE=on, it is vt_query().
 */
VT_API enum vt_result vt_query_prepared(struct vt_request *req, struct vt_rows **rows, const char *sql,
                                        const char *const *params, size_t param_count);

/* How a transaction sees what others do meanwhile; SQL's names. */
enum vt_transaction {
	VT_TX_DEFAULT,         /* as the database is set: read committed, unless set otherwise */
	VT_TX_REPEATABLE_READ, /* one snapshot for all statements; VT_CONFLICT where that cannot be */
	VT_TX_SERIALIZABLE,    /* as if one after the other; VT_CONFLICT where that cannot be: begin anew */
	VT_TX_READ_ONLY        /* one snapshot for all statements, which change nothing */
};

/*
 * Begins a transaction: the statements up to vt_commit() are done as one, or not at all. One at a time; while it is open
 * the connection is never replaced. The first statement that fails decides: what comes after it, vt_commit() too, has
 * the same result, up to vt_rollback() (or up to ROLLBACK TO, where the statement before it was a SAVEPOINT).
 *
 * A transaction ends with its request at the latest. One that is open when the handler has answered with success is
 * rolled back, logged as an error, and the answer becomes a 500, since what it tells has not happened; one that is open
 * beside an answer of 400 or more is rolled back silently, so that a handler may return a failure as it is.
 * As vt_query(); VT_ERROR where one is open already.
 */
VT_API enum vt_result vt_begin(struct vt_request *req, enum vt_transaction kind);
/*
 * VT_OK: all of it is done, for good. VT_UNAVAILABLE or VT_TIMEOUT from a transaction in which nothing had failed: the
 * connection was lost while committing, and whether it is done is not known; a record says so. Anything else: nothing is
 * done. VT_ERROR where none is open. None is open afterwards.
 */
VT_API enum vt_result vt_commit(struct vt_request *req);
/* Undoes all of it; a connection that cannot is closed, which does it too. VT_OK, or VT_ERROR where none is open. */
VT_API enum vt_result vt_rollback(struct vt_request *req);

VT_API size_t vt_rows_count(const struct vt_rows *rows);
VT_API size_t vt_columns_count(const struct vt_rows *rows);
/* The n-th column's name, from 0; NULL past the last. */
VT_API const char *vt_column_name(const struct vt_rows *rows, size_t n);
/* Text of a field; NULL for SQL's null and out of range. */
VT_API const char *vt_value(const struct vt_rows *rows, size_t row, const char *column);
/*
 * A field by its type. VT_OK; VT_MISS: it is SQL's null; VT_NOT_FOUND: there is no such row or column, the statement or
 * its reader is wrong; VT_ERROR: it is nothing of the kind, or does not fit. *value is 0 or false unless VT_OK.
 */
/* Any whole number from INT64_MIN to INT64_MAX, of whatever SQL type: "42", also of a numeric or a text; never "42.0". */
VT_API enum vt_result vt_value_int(const struct vt_rows *rows, size_t row, const char *column, int64_t *value);
/* Any number that a double can hold, rounded to the nearest; NaN, Infinity and -Infinity are the C values. */
VT_API enum vt_result vt_value_double(const struct vt_rows *rows, size_t row, const char *column, double *value);
/* SQL's boolean. */
VT_API enum vt_result vt_value_bool(const struct vt_rows *rows, size_t row, const char *column, bool *value);
/* Rows that an INSERT, UPDATE or DELETE touched. */
VT_API int64_t vt_rows_affected(const struct vt_rows *rows);

/* ---- The cache --------------------------------------------------------------------------------- */

/*
 * Two tiers, or one of them: the embedded cache, in shared memory for all workers of this machine (CACHE_MEMORY_BYTES),
 * and Redis for all machines (REDIS_URL). Without either: VT_NOT_CONFIGURED.
 *
 * All fail open: a cache that is away answers VT_UNAVAILABLE or VT_TIMEOUT within REDIS_TIMEOUT, and
 * the handler goes on without it. VT_MISS is no error. Keys are any bytes but NUL, values any bytes.
 */
VT_API enum vt_result vt_cache_get(struct vt_request *req, const char *key, const char **value, size_t *size_bytes);
/* ttl_s 0: CACHE_TTL_DEFAULT. */
VT_API enum vt_result vt_cache_set(struct vt_request *req, const char *key, const void *value, size_t size_bytes,
                                   int64_t ttl_s);
VT_API enum vt_result vt_cache_delete(struct vt_request *req, const char *key);
/* The same with a JSON value: a tree that belongs to the request; one that stays the caller's. VT_ERROR: no JSON. */
VT_API enum vt_result vt_cache_get_json(struct vt_request *req, const char *key, struct json_object **json);
VT_API enum vt_result vt_cache_set_json(struct vt_request *req, const char *key, struct json_object *json,
                                        int64_t ttl_s);

/*
 * Values in a namespace, [A-Za-z0-9_.-]{1,64}: as the three above, and all of them forgotten at once by
 * vt_cache_forget(). A key in one namespace is another than in the next.
 */
VT_API enum vt_result vt_space_get(struct vt_request *req, const char *space, const char *key, const char **value,
                                   size_t *size_bytes);
VT_API enum vt_result vt_space_set(struct vt_request *req, const char *space, const char *key, const void *value,
                                   size_t size_bytes, int64_t ttl_s);
VT_API enum vt_result vt_space_delete(struct vt_request *req, const char *space, const char *key);

/*
 * Forgets answers of the routes whose cache has that prefix: with VT_NO_PARAMS all of them, and all values in the
 * namespace of that name; otherwise those for these path parameters, in the order of the template, with whatever query,
 * headers and user. From its return on no worker of this machine answers with them, nor with one that was being made
 * meanwhile. vt_cache_forget(req, "user", VT_PARAMS(vt_path_param(req, "id")))
 */
VT_API enum vt_result vt_cache_forget(struct vt_request *req, const char *prefix, const char *const *params,
                                      size_t param_count);

#ifdef __cplusplus
}
#endif
#endif
