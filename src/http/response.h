/*
 * response.h - one response under construction, and its form as a CGI response (RFC 3875 section 6).
 *
 * The body is kept whole until the wrappers have left, so that a handler that fails half-way still ends
 * in one clean answer. The functions of vitals.h that answer are in answers.c, response_headers.c and
 * problem.c; response_render.c writes the CGI form.
 *
 * When the arena has reached its bound nothing can be had from it any more, and the answer that says so
 * must still be whole, with its headers. That is what the reserve inside the struct is for: it belongs
 * to the response from the start, holds that answer's body and the headers that wrappers add to it.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "strbuf.h"
#include "vitals.h"

struct arena;
struct name_value;
struct oversight;

#define RESPONSE_MAX_HEADERS 32
#define RESPONSE_RESERVE_BYTES 2048
#define RESPONSE_PROBLEM_BYTES 512 /* of the reserve: a problem document with the longest correlation ID */
/* What a 503 says in Retry-After, RFC 9110 section 10.2.3: the least there is, since what is wrong is looked after by us. */
#define RESPONSE_RETRY_AFTER "1"

struct response_header {
	const char *name, *value;
};

struct vt_response {
	struct arena *arena;
	const char *correlation_id;     /* for problem documents; may be "" */
	const char *const *explanation; /* the request's, read when vt_fail() blames the client; NULL: none */
	int status;
	struct response_header headers[RESPONSE_MAX_HEADERS];
	size_t header_count;
	const char *content_type; /* NULL: no body */
	struct strbuf body;
	bool answered;
	bool ended;                  /* with its request: response_end() */
	struct oversight *oversight; /* the request's; NULL: none */
	bool misused;                /* a second answer, a header that cannot be sent: a 500 */
	const char *misuse;          /* static: what was done wrong first, for the log; NULL where nothing was */
	char reserve[RESPONSE_RESERVE_BYTES];
	size_t reserve_used;
};

/* correlation_id outlives the response and is read when a problem is answered. */
void response_init(struct vt_response *res, struct arena *arena, const char *correlation_id);
/* Forgets answer, status, headers, body and misuse, keeps nothing: for an error that replaces it. */
void response_reset(struct vt_response *res);
/* Replaces whatever there is by a 500 that takes nothing from the arena. Cannot fail. */
void response_out_of_memory(struct vt_response *res);
/* Marks the response misused; sentence is static, the first one stays. Returns VT_ERROR. */
enum vt_result response_misuse(struct vt_response *res, const char *sentence);
/*
 * As vt_set_header(), replacing earlier ones of that name; also after the answer: for wrappers. Takes from
 * the reserve where the arena is at its bound.
 */
enum vt_result response_replace_header(struct vt_response *res, const char *name, const char *value);
/*
 * The body to write into, for answers built in place; then call response_answered(), whose content_type is
 * static or in the arena.
 */
struct strbuf *response_body(struct vt_response *res);
enum vt_result response_answered(struct vt_response *res, const char *content_type);
/* "Not Found"; "" for an unknown status. */
const char *response_reason(int status);
/* True for 1xx, 204 and 304, which have no body and no Content-Length (RFC 9110 section 6.4.1, 8.6). */
bool response_bodiless(int status);
/* Whether the body goes out: not to HEAD, and not with those. */
bool response_sends_body(const struct vt_response *res, const char *method);
/* The 404 of a path that has no route, or that is to look so. */
enum vt_result response_nothing_here(struct vt_response *res);
/*
 * Appends the CGI response to out: "Status: 200 OK", Content-Type, the headers, Content-Length, an empty
 * line, the body; lines end in CRLF. RESPONSE_HEAD_ONLY leaves the body out, as HEAD wants, or for a
 * caller that sends res->body by itself (unless response_bodiless()). A response that was misused or
 * never answered, or whose body could not be built, becomes a 500 with a problem document and the headers:
 * response_sound() tells beforehand. Takes nothing from the arena unless out does.
 */
enum response_body_mode { RESPONSE_WITH_BODY, RESPONSE_HEAD_ONLY };
void response_render(const struct vt_response *res, enum response_body_mode mode, struct strbuf *out);
/* True where the response can be sent as it is. After chain_run() and wrappers that misuse nothing it always can. */
bool response_sound(const struct vt_response *res);
/* The status that response_render() sends. */
int response_status(const struct vt_response *res);

#endif
