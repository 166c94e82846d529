/*
 * fuzz_request.c - libFuzzer harness: any bytes as CGI variables, each closed by a NUL.
 *
 * request_parse() and every accessor must not crash, whatever comes; what they give is in order: a path
 * that starts with a slash, segments without "." and "..", no byte below 0x20 in the logged path of a raw
 * URI that was accepted. router_match() and router_allow() run on the same request.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc -Isrc/base -Isrc/shm -Isrc/core \
 *     -Isrc/http $(pkg-config --cflags json-c uuid) tests/fuzz/fuzz_request.c \
 *     $(ls src/{base,shm,core,http}/[a-z]*.c) $(pkg-config --libs json-c uuid) -o fuzz_request
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "err.h"
#include "insist.h"
#include "redact.h"
#include "request.h"
#include "router.h"
#include "strbuf.h"
#include "text_list.h"

#define MAX_PARAMS 64
#define ARENA_BYTES ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum vt_result
no_handler(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	(void)res;
	return VT_OK;
}

static struct router *
make_router(void)
{
	static const char *const paths[] = {"/", "/users/{id}", "/users/{id}/posts/{post}", "/users/me", "/a/{b}/c"};
	struct router *router = router_create();
	INSIST(router != NULL);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct err err;
		struct route route = {.method = i % 2 == 0 ? "GET" : "POST", .path = paths[i], .handler = no_handler};
		int status = router_add(router, &route, &err);
		INSIST(status == 0);
	}
	return router;
}

/* The texts between the NULs; a copy of its own size, so that a read past its end is seen. */
static char *
split(const uint8_t *data, size_t size, char **params)
{
	char *text = malloc(size + 1);
	INSIST(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	size_t n = 0;
	for (char *p = text; p < text + size && n < MAX_PARAMS; p += strlen(p) + 1)
		params[n++] = p;
	params[n] = NULL;
	return text;
}

static void
expect_path(const struct vt_request *req)
{
	for (size_t i = 0; i < req->segment_count; i++) {
		INSIST(strcmp(req->segments[i], "..") != 0);
		INSIST(strcmp(req->segments[i], ".") != 0);
	}
	INSIST(req->segment_count == 0 || req->path[0] == '/');
}

static size_t
touch(const char *text)
{
	return text != NULL ? strlen(text) : 0;
}

static void
use_accessors(struct vt_request *req)
{
	const char *body;
	size_t size;
	size_t sum = touch(vt_method(req)) + touch(vt_path(req)) + touch(vt_client_ip(req)) + touch(request_url(req)) +
	             touch(vt_content_type(req)) + touch(vt_cookie(req, "a")) + touch(vt_header(req, "X-A", 1)) +
	             touch(vt_query_param(req, "q", 0)) + touch(vt_path_param(req, "id"));
	INSIST(sum < SIZE_MAX / 2);
	INSIST(vt_content_length(req) >= -1);
	vt_body(req, &body, &size);
	for (size_t i = 0; i < req->query_count; i++)
		touch(req->query[i].name);
}

static void
match(const struct router *router, struct vt_request *req)
{
	struct strbuf allow;
	enum router_outcome outcome = router_match(router, req);
	INSIST(outcome != ROUTER_FOUND || req->route != NULL);
	strbuf_init_arena(&allow, req->with.arena, 16);
	router_allow(router, vt_path(req), &allow);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct router *router;
	static struct redact *redact;
	static const struct request_limits limits = {.max_body_bytes = 1 << 20, .max_json_depth = 8};
	static const struct text_list no_names = {0};
	if (router == NULL) {
		router = make_router();
		redact = redact_create(&no_names);
	}
	char *params[MAX_PARAMS + 1];
	char *text = split(data, size, params);
	struct arena *arena = arena_create(1024, ARENA_BYTES);
	struct vt_request req;
	request_init(&req, &(struct request_setup){.arena = arena, .redact = redact, .limits = &limits});
	if (request_parse(&req, params) == VT_OK)
		expect_path(&req);
	match(router, &req);
	use_accessors(&req);
	arena_destroy(arena);
	free(text);
	return 0;
}
