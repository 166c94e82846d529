/* http_fixture.h - a request out of CGI variables, for the tests of this folder. Included once a program. */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include <check.h>
#include <string.h>

#include "arena.h"
#include "request.h"

#define FIXTURE_ARENA_BYTES ((size_t)64 << 20)

struct fixture {
	struct arena *arena;
	struct request_limits limits;
	struct vt_request req;
};

static inline void
fixture_init(struct fixture *fixture)
{
	*fixture = (struct fixture){
		.arena = arena_create(4096, FIXTURE_ARENA_BYTES),
		.limits = {.max_body_bytes = 1 << 20, .max_json_depth = 8, .timeout_ms = 60000},
	};
	ck_assert_ptr_nonnull(fixture->arena);
	request_init(&fixture->req, &(struct request_setup){.arena = fixture->arena, .limits = &fixture->limits});
}

static inline void
fixture_fini(struct fixture *fixture)
{
	arena_destroy(fixture->arena);
}

/* Parses a NULL-terminated list of "NAME=value". */
static inline enum vt_result
fixture_parse(struct fixture *fixture, const char *const *params)
{
	return request_parse(&fixture->req, (char *const *)params);
}

#define PARAMS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
