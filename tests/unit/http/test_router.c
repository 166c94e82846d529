/* test_router.c - templates, literals before parameters, backtracking, methods, Allow. */
#include "http_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "err.h"
#include "router.h"
#include "run_suite.h"
#include "strbuf.h"

static enum vt_result
handler(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	(void)res;
	return VT_OK;
}

static int
add(struct router *router, const char *method, const char *path, struct err *err)
{
	return router_add(router, &(struct route){.method = method, .path = path, .handler = handler}, err);
}

static const struct {
	const char *method, *path;
} table[] = {
	{"GET", "/"},
	{"GET", "/users"},
	{"POST", "/users"},
	{"GET", "/users/{id}"},
	{"DELETE", "/users/{user}"},
	{"GET", "/users/me"},
	{"POST", "/users/search"},
	{"GET", "/users/{id}/posts/{post}"},
	{"GET", "/a/{x}/c"},
	{"GET", "/a/b/d"},
	{"GET", "/dir/"},
	{"HEAD", "/head"},
	{"GET", "/head"},
	{"OPTIONS", "/options"},
	{"PUT", "/only"},
	{"GET", "/b/{x}/{y}/{z}"},
	{"GET", "/b/{x}/1/{z}"},
	{"GET", "/b/2/{y}/3"},
	{"GET", "/deep/er/than/this"},
};

static struct router *
make_router(void)
{
	struct router *router = router_create();
	struct err err;
	ck_assert_ptr_nonnull(router);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		ck_assert_msg(add(router, table[i].method, table[i].path, &err) == 0, "%s", err.text);
	return router;
}

static enum router_outcome
match(struct fixture *f, const struct router *router, const char *method, const char *uri)
{
	fixture_init(f);
	const char *m = arena_printf(f->arena, "REQUEST_METHOD=%s", method);
	const char *u = arena_printf(f->arena, "REQUEST_URI=%s", uri);
	ck_assert_int_eq(fixture_parse(f, PARAMS(m, u)), VT_OK);
	return router_match(router, &f->req);
}

static const struct {
	const char *method, *uri;
	enum router_outcome outcome;
	const char *route, *params; /* the route's path; "name=value" with ';' behind each */
} matches[] = {
	{"GET", "/", ROUTER_FOUND, "/", ""},
	{"GET", "/users", ROUTER_FOUND, "/users", ""},
	{"GET", "/users/42", ROUTER_FOUND, "/users/{id}", "id=42;"},
	{"DELETE", "/users/42", ROUTER_FOUND, "/users/{user}", "user=42;"},
	{"GET", "/users/a%2Fb", ROUTER_FOUND, "/users/{id}", "id=a/b;"},
	{"GET", "/users/a%20b%25", ROUTER_FOUND, "/users/{id}", "id=a b%;"},
	{"GET", "/users/1/posts/2", ROUTER_FOUND, "/users/{id}/posts/{post}", "id=1;post=2;"},
	{"GET", "/users/x/../7", ROUTER_FOUND, "/users/{id}", "id=7;"},
	/* A literal wins, but only for the methods that it has */
	{"GET", "/users/me", ROUTER_FOUND, "/users/me", ""},
	{"GET", "/users/%6de", ROUTER_FOUND, "/users/me", ""},
	{"DELETE", "/users/me", ROUTER_FOUND, "/users/{user}", "user=me;"},
	{"GET", "/users/search", ROUTER_FOUND, "/users/{id}", "id=search;"},
	{"POST", "/users/search", ROUTER_FOUND, "/users/search", ""},
	{"GET", "/users/me/posts/1", ROUTER_FOUND, "/users/{id}/posts/{post}", "id=me;post=1;"},
	/* Backtracking */
	{"GET", "/a/b/d", ROUTER_FOUND, "/a/b/d", ""},
	{"GET", "/a/b/c", ROUTER_FOUND, "/a/{x}/c", "x=b;"},
	{"GET", "/a/z/c", ROUTER_FOUND, "/a/{x}/c", "x=z;"},
	{"GET", "/a/z/d", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "/b/2/9/3", ROUTER_FOUND, "/b/2/{y}/3", "y=9;"},
	{"GET", "/b/2/1/4", ROUTER_FOUND, "/b/{x}/1/{z}", "x=2;z=4;"},
	{"GET", "/b/2/5/4", ROUTER_FOUND, "/b/{x}/{y}/{z}", "x=2;y=5;z=4;"},
	{"GET", "/b/2/1/3", ROUTER_FOUND, "/b/2/{y}/3", "y=1;"},
	/* HEAD */
	{"HEAD", "/users/42", ROUTER_FOUND, "/users/{id}", "id=42;"},
	{"HEAD", "/head", ROUTER_FOUND, "/head", ""},
	{"HEAD", "/only", ROUTER_METHOD_NOT_ALLOWED, NULL, NULL},
	/* OPTIONS */
	{"OPTIONS", "/users", ROUTER_OPTIONS, NULL, NULL},
	{"OPTIONS", "/options", ROUTER_FOUND, "/options", ""},
	{"OPTIONS", "/nowhere", ROUTER_NOT_FOUND, NULL, NULL},
	{"OPTIONS", "*", ROUTER_OPTIONS, NULL, NULL},
	/* Methods */
	{"PATCH", "/users", ROUTER_METHOD_NOT_ALLOWED, NULL, NULL},
	{"get", "/users", ROUTER_METHOD_NOT_ALLOWED, NULL, NULL},
	{"GET", "/only", ROUTER_METHOD_NOT_ALLOWED, NULL, NULL},
	/* What is near is not it */
	{"GET", "/users/", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "/dir/", ROUTER_FOUND, "/dir/", ""},
	{"GET", "/dir", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "/Users", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "/user", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "/userss", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "//users", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "/users/1/posts", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "/users/1/posts/", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "/users%2F1", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "/users/{id}", ROUTER_FOUND, "/users/{id}", "id={id};"},
	{"GET", "/deep/er/than", ROUTER_NOT_FOUND, NULL, NULL},
	{"GET", "/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3", ROUTER_NOT_FOUND, NULL, NULL},
};

START_TEST(matching)
{
	struct router *router = make_router();
	for (size_t i = 0; i < sizeof matches / sizeof matches[0]; i++) {
		struct fixture f;
		enum router_outcome outcome = match(&f, router, matches[i].method, matches[i].uri);
		ck_assert_msg(outcome == matches[i].outcome, "%s %s: %d", matches[i].method, matches[i].uri,
		              (int)outcome);
		if (outcome != ROUTER_FOUND) {
			ck_assert_ptr_null(f.req.route);
			fixture_fini(&f);
			continue;
		}
		char params[256] = "";
		for (size_t n = 0; n < f.req.path_param_count; n++)
			snprintf(params + strlen(params), sizeof params - strlen(params), "%s=%s;",
			         f.req.path_params[n].name, f.req.path_params[n].value);
		ck_assert_str_eq(f.req.route->path, matches[i].route);
		ck_assert_str_eq(params, matches[i].params);
		fixture_fini(&f);
	}
	router_destroy(router);
}
END_TEST

START_TEST(parameters_by_name)
{
	struct fixture f;
	struct router *router = make_router();
	ck_assert_int_eq(match(&f, router, "GET", "/users/1/posts/2"), ROUTER_FOUND);
	ck_assert_str_eq(vt_path_param(&f.req, "id"), "1");
	ck_assert_str_eq(vt_path_param(&f.req, "post"), "2");
	ck_assert_ptr_null(vt_path_param(&f.req, "user"));
	fixture_fini(&f);
	router_destroy(router);
}
END_TEST

START_TEST(head_prefers_its_own_route)
{
	struct fixture f;
	struct router *router = make_router();
	ck_assert_int_eq(match(&f, router, "HEAD", "/head"), ROUTER_FOUND);
	ck_assert_str_eq(f.req.route->method, "HEAD");
	fixture_fini(&f);
	ck_assert_int_eq(match(&f, router, "HEAD", "/users"), ROUTER_FOUND);
	ck_assert_str_eq(f.req.route->method, "GET");
	fixture_fini(&f);
	router_destroy(router);
}
END_TEST

START_TEST(no_memory)
{
	struct fixture f;
	struct router *router = make_router();
	ck_assert_int_eq(match(&f, router, "GET", "/users/1"), ROUTER_FOUND);
	f.req.route = NULL;
	arena_fail(f.arena);
	ck_assert_int_eq(router_match(router, &f.req), ROUTER_NO_MEMORY);
	ck_assert_ptr_null(f.req.route);
	fixture_fini(&f);
	router_destroy(router);
}
END_TEST

START_TEST(allow)
{
	static const struct {
		const char *path, *methods;
	} cases[] = {
		{"/", "GET, HEAD, OPTIONS"},
		{"/users", "GET, HEAD, OPTIONS, POST"},
		{"/only", "OPTIONS, PUT"},
		{"/options", "OPTIONS"},
		{"/users/42", "DELETE, GET, HEAD, OPTIONS"},
		{"/users/search", "DELETE, GET, HEAD, OPTIONS, POST"},
		{"/a/b/c", "GET, HEAD, OPTIONS"},
		{"/nowhere", ""},
		{"/users/", ""},
		{"", ""},
		{"*", "DELETE, GET, HEAD, OPTIONS, POST, PUT"},
		{"/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3", ""},
	};
	struct router *router = make_router();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char storage[256];
		struct strbuf out;
		strbuf_init_fixed(&out, storage, sizeof storage);
		router_allow(router, cases[i].path, &out);
		ck_assert_str_eq(out.data, cases[i].methods);
	}
	router_destroy(router);
}
END_TEST

START_TEST(an_empty_router_serves_nothing)
{
	struct fixture f;
	char storage[64];
	struct strbuf out;
	struct router *router = router_create();
	ck_assert_int_eq(match(&f, router, "GET", "/"), ROUTER_NOT_FOUND);
	strbuf_init_fixed(&out, storage, sizeof storage);
	router_allow(router, "*", &out);
	ck_assert_str_eq(out.data, "");
	ck_assert_ptr_null(router_route(router, 0));
	fixture_fini(&f);
	router_destroy(router);
	router_destroy(NULL);
}
END_TEST

START_TEST(refused_routes)
{
	static const struct {
		const char *method, *path, *sentence; /* a part of it */
	} cases[] = {
		{"GET", NULL, "does not start with '/'"},
		{"GET", "", "does not start with '/'"},
		{"GET", "users", "does not start with '/'"},
		{"GET", "/{}", "name"},
		{"GET", "/{1a}", "name"},
		{"GET", "/{a b}", "name"},
		{"GET", "/{a-b}", "name"},
		{"GET", "/{a}/x/{a}", "two parameters named \"a\""},
		{"GET", "/{a", "brace"},
		{"GET", "/a}", "brace"},
		{"GET", "/x{a}", "brace"},
		{"GET", "/{a}x", "brace"},
		{"GET", "/{a}{b}", "brace"},
		{"GET", "/{{a}}", "brace"},
		{"GET", "/{", "brace"},
		{"GET", "/}", "brace"},
		{"", "/x", "method"},
		{NULL, "/x", "method"},
		{"G T", "/x", "method"},
		{"GET", "/users/{other}", "serve the same paths"},
		{"GET", "/", "serve the same paths"},
		{"GET", "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3", "segments"},
	};
	struct router *router = make_router();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = {""};
		ck_assert_int_eq(add(router, cases[i].method, cases[i].path, &err), -1);
		ck_assert_msg(strstr(err.text, cases[i].sentence) != NULL, "case %zu: %s", i, err.text);
	}
	struct err err;
	ck_assert_int_eq(router_add(router, &(struct route){.method = "GET", .path = "/h"}, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "no handler"));
	ck_assert_ptr_null(router_route(router, sizeof table / sizeof table[0]));
	router_destroy(router);
}
END_TEST

START_TEST(routes_are_copied_and_listed_in_order)
{
	struct router *router = router_create();
	char method[] = "GET", path[] = "/first/{x}";
	int context;
	struct route route = {.method = method, .path = path, .handler = handler, .context = &context, .flags = 5};
	ck_assert_int_eq(router_add(router, &route, NULL), 0);
	memset(method, 'x', strlen(method));
	memset(path, 'x', strlen(path));
	ck_assert_int_eq(add(router, "GET", "/a", NULL), 0);
	const struct route *first = router_route(router, 0);
	ck_assert_str_eq(first->method, "GET");
	ck_assert_str_eq(first->path, "/first/{x}");
	ck_assert_ptr_eq(first->context, &context);
	ck_assert_uint_eq(first->flags, 5);
	ck_assert_str_eq(router_route(router, 1)->path, "/a");
	ck_assert_ptr_null(router_route(router, 2));
	router_destroy(router);
}
END_TEST

START_TEST(many_routes)
{
	struct router *router = router_create();
	for (unsigned i = 0; i < 2000; i++) {
		char path[64];
		snprintf(path, sizeof path, "/r%u/{x}", i * 7919 % 2000);
		ck_assert_int_eq(add(router, "GET", path, NULL), 0);
	}
	for (unsigned i = 0; i < 2000; i++) {
		char path[64];
		struct fixture f;
		snprintf(path, sizeof path, "/r%u/v", i);
		ck_assert_int_eq(match(&f, router, "GET", path), ROUTER_FOUND);
		ck_assert_mem_eq(f.req.route->path, path, strlen(path) - 1);
		fixture_fini(&f);
	}
	router_destroy(router);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("router");
	TCase *tc = tcase_create("router");
	tcase_add_test(tc, matching);
	tcase_add_test(tc, parameters_by_name);
	tcase_add_test(tc, head_prefers_its_own_route);
	tcase_add_test(tc, no_memory);
	tcase_add_test(tc, allow);
	tcase_add_test(tc, an_empty_router_serves_nothing);
	tcase_add_test(tc, refused_routes);
	tcase_add_test(tc, routes_are_copied_and_listed_in_order);
	tcase_add_test(tc, many_routes);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
