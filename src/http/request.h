/*
 * request.h - one request, made from CGI variables (RFC 3875), and everything that hangs on it.
 *
 * Knows no socket and no libfcgi: the parameters come as "NAME=value" texts, the body through a
 * function. All of it lives in the arena and is gone at its reset. The public accessors of vitals.h
 * are in accessors.c, query.c, headers.c and body.c; request_url() is in url.c.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlation.h"
#include "log.h"
#include "phase.h"
#include "trace_context.h"
#include "vitals.h"

struct arena;
struct oversight;
struct redact;
struct route;
struct slot;

struct name_value {
	const char *name, *value;
};

/* Where the body comes from. Reads up to size_bytes; VT_OK with *got 0 is the end. */
struct body_source {
	enum vt_result (*read)(void *context, void *buffer, size_t size_bytes, size_t *got);
	void *context;
};

struct request_limits {
	int64_t max_body_bytes, max_json_depth; /* the depth is 1 to JSONCHECK_MAX_DEPTH */
	int64_t timeout_ms;                     /* 0: none */
};

/* What a request needs from its worker; outlives it. */
struct request_setup {
	struct arena *arena;
	struct log *log;
	const struct redact *redact; /* NULL: request_url() leaves the query out */
	struct slot *slot;           /* may be NULL */
	const struct request_limits *limits;
	struct body_source body;
	void *services;              /* the application's: database, cache, checks */
	struct oversight *oversight; /* NULL: nobody asks what modules do wrong */
};

enum body_state { BODY_UNREAD, BODY_READ, BODY_FAILED };

struct vt_request {
	struct request_setup with;
	bool ended;                      /* only its address is left: request_end() */
	int64_t started_ns, deadline_ns; /* monotonic */
	int64_t queue_ns; /* how long it waited before that, by the web server's REQUEST_START (time_stamp.h); -1: unknown */

	const char *method, *scheme, *host, *script_name, *query_string, *raw_path, *client_ip, *user;
	const char *path; /* decoded, dot segments gone, below script_name; an encoded slash stays "%2F" (path.h) */
	const char **segments;      /* of the path, each decoded: what the router matches */
	size_t segment_count;       /* 0 for "*" and where the path could not be read */
	const char *content_type;   /* media type alone, lower case */
	int64_t content_length;     /* -1: not said */
	struct name_value *headers; /* names as in CGI, without HTTP_: "X_CORRELATION_ID" */
	size_t header_count;
	struct name_value *query;
	size_t query_count;
	bool query_parsed;
	enum vt_result query_result;
	struct name_value *path_params;
	size_t path_param_count;
	const struct route *route;  /* NULL until matched */
	const char *web_request_id; /* REQUEST_ID as given, NULL where absent */
	const char *protocol;       /* SERVER_PROTOCOL as given, "HTTP/1.1", "" where absent */

	char correlation_id[CORRELATION_ID_MAX + 1];
	char request_id[CORRELATION_ID_MAX + 1];
	uint64_t key; /* 0: not made yet; see request_key() */
	struct request_times times;
	const char *cache; /* static: "hit" and the like, what the cache had; NULL: the route is not cached */
	bool log_sampled, log_completed; /* LOG_SAMPLE takes it; "Request completed" is written */
	const char *sql_comment;         /* what names the request in its statements; NULL: not made yet, "": none */
	struct trace_context trace;      /* its IDs are empty until the wrappers have entered */
	const char *tracestate;          /* to be sent on; NULL: there is none */
	bool recorded;                   /* its spans are written to TRACE_FILE */
	struct log_context log_context;  /* points at the IDs above, and user */

	/* What was wrong with what the client sent, as a sentence for its problem document; NULL: nothing to add. */
	const char *explanation;

	enum body_state body_state;
	enum vt_result body_result;
	char *body; /* followed by a NUL; valid where BODY_READ */
	size_t body_size;
};

/*
 * Starts a request: clock, deadline, IDs empty. Then request_parse() fills it.
 */
void request_init(struct vt_request *req, const struct request_setup *setup);

/*
 * Reads the CGI variables, a NULL-terminated array of "NAME=value", which must outlive the request.
 * Path: from REQUEST_URI with SCRIPT_NAME taken off, else from PATH_INFO, else from DOCUMENT_URI;
 * percent-decoded exactly once, dot segments removed (path.h says why and how).
 * VT_BAD_INPUT: no method or one that is no token, a malformed or encoded-NUL path, a path that leaves its
 * root, "*" with a method other than OPTIONS, a bad CONTENT_LENGTH or several that differ. VT_NO_MEMORY.
 * In either case what could be read is there (an unreadable path as it was sent), so that the wrappers can
 * log it and answer.
 */
enum vt_result request_parse(struct vt_request *req, char *const *params);

/*
 * What stays the same when the web server gives the request to another worker, because this one has died over it: its
 * own ID for the request where it sends one, and otherwise all that the client said: it may use an ID again. Not 0.
 */
uint64_t request_key(struct vt_request *req);

#define REQUEST_LOGGER "vitals.request"
/*
 * Writes a record with the request's IDs; its context is set here, and its logger too where it is NULL. Does nothing
 * where the request has no log.
 */
void request_log(const struct vt_request *req, struct log_record record);

/* The URL for the log: path as sent with query, secrets redacted; in the arena, never NULL. */
const char *request_url(struct vt_request *req);

/*
 * The name and value of the query parameters, decoded; parsed at the first call. VT_BAD_INPUT where one
 * has a malformed percent sequence or an encoded NUL: that one is left out. VT_NO_MEMORY.
 */
enum vt_result request_parse_query(struct vt_request *req);

#endif
