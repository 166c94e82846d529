/*
 * test_cache_rule.c - what a rule may say, and that no two different requests have one key.
 *
 * The requests of the property tests are made of few characters, those that a key is made of among them.
 */
#include "../http/http_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "cache_rule.h"
#include "err.h"
#include "run_suite.h"

#define REQUESTS 4000
#define VALUES_MOST 3

static struct vt_route
route_with(struct vt_cached says)
{
	if (says.prefix == NULL)
		says.prefix = "things";
	return (struct vt_route){.method = "GET", .path = "/things/{id}", .cache = says};
}

static struct cache_rule *
rule_with(struct vt_cached says)
{
	struct err err;
	const struct vt_route route = route_with(says);
	struct cache_rule *rule = cache_rule_create(&route, &err);
	ck_assert_msg(rule != NULL, "%s", err.text);
	return rule;
}

static void
ck_refused(const struct vt_route *route, const char *why)
{
	struct err err = {""};
	ck_assert_msg(cache_rule_create(route, &err) == NULL, "%s", why);
	ck_assert_msg(strstr(err.text, why) != NULL, "%s is not in: %s", why, err.text);
	ck_assert_ptr_nonnull(strstr(err.text, route->path));
}

/* ---- Rules -------------------------------------------------------------------------------------- */

START_TEST(prefixes)
{
	static const struct {
		const char *prefix;
		bool sound;
	} cases[] = {
		{"a", true},
		{"A-z_0.9", true},
		{"0123456789012345678901234567890123456789012345678901234567890123", true},
		{"", false},
		{"a:b", false},
		{"01234567890123456789012345678901234567890123456789012345678901234", false},
		{"a b", false},
		{"a/b", false},
		{"\xc3\xa4", false},
		{"a\n", false},
		{"*", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct vt_route route = route_with((struct vt_cached){.prefix = cases[i].prefix});
		ck_assert_msg(cache_prefix_is_sound(cases[i].prefix) == cases[i].sound, "%s", cases[i].prefix);
		if (!cases[i].sound)
			ck_refused(&route, "prefix");
	}
}
END_TEST

START_TEST(only_get)
{
	static const char *const methods[] = {"POST", "HEAD", "get", "PUT", ""};
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		struct vt_route route = route_with((struct vt_cached){.ttl_s = 1});
		route.method = methods[i];
		ck_refused(&route, "only GET can");
	}
}
END_TEST

START_TEST(times)
{
	static const struct {
		int64_t seconds;
		bool sound;
	} cases[] = {{-1, false},        {INT64_MIN, false},  {0, true},          {1, true},
	             {2147483648, true}, {2147483649, false}, {INT64_MAX, false}, {INT64_MAX / 1000, false}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct vt_cached says[] = {{.ttl_s = cases[i].seconds},
		                                 {.stale_s = cases[i].seconds},
		                                 {.stale_if_error_s = cases[i].seconds},
		                                 {.negative_s = cases[i].seconds},
		                                 {.client_max_age_s = cases[i].seconds}};
		for (size_t n = 0; n < sizeof says / sizeof says[0]; n++) {
			const struct vt_route route = route_with(says[n]);
			if (cases[i].sound)
				cache_rules_destroy(rule_with(says[n]));
			else
				ck_refused(&route, "2147483648 seconds");
		}
	}
}
END_TEST

START_TEST(lists_of_names)
{
	static const struct {
		const char *list, *names, *vary; /* names joined by '|'; NULL: none at all */
	} cases[] = {
		{NULL, NULL, NULL},
		{"", "", NULL},
		{" , ,\t,", "", NULL},
		{"a", "a|", "a"},
		{"Accept, Accept-Language", "Accept|Accept-Language|", "Accept, Accept-Language"},
		{",,a ,\tb,c,", "a|b|c|", "a, b, c"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char joined[64] = "";
		struct cache_rule *rule =
			rule_with((struct vt_cached){.query = cases[i].list, .headers = cases[i].list});
		for (size_t n = 0; rule->query != NULL && rule->query[n] != NULL; n++) {
			strcat(strcat(joined, rule->query[n]), "|");
			ck_assert_str_eq(rule->headers[n], rule->query[n]);
		}
		ck_assert_int_eq(rule->query == NULL, cases[i].names == NULL);
		ck_assert_str_eq(joined, cases[i].names != NULL ? cases[i].names : "");
		ck_assert_pstr_eq(rule->vary, cases[i].vary);
		cache_rules_destroy(rule);
	}
}
END_TEST

START_TEST(headers_are_tokens)
{
	static const char *const wrong[] = {"a b", "Accept, b:c", "x\r\nSet-Cookie", "\"a\"", "\xff"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		const struct vt_route route = route_with((struct vt_cached){.headers = wrong[i]});
		ck_refused(&route, "no token");
	}
}
END_TEST

START_TEST(a_long_list_of_headers)
{
	char list[4096] = "";
	for (size_t i = 0; i < 200; i++)
		strcat(list, "X-Quite-A-Long-Name,");
	struct cache_rule *rule = rule_with((struct vt_cached){.headers = list});
	ck_assert_uint_eq(strlen(rule->vary), 200 * strlen("X-Quite-A-Long-Name, ") - 2);
	cache_rules_destroy(rule);
}
END_TEST

START_TEST(a_rule_is_a_copy)
{
	char prefix[] = "mine", query[] = "a,b", headers[] = "X", path[] = "/p";
	struct err err;
	struct vt_route route = route_with((struct vt_cached){.prefix = prefix, .query = query, .headers = headers});
	route.path = path;
	struct cache_rule *rule = cache_rule_create(&route, &err), *second = rule_with((struct vt_cached){.ttl_s = 3});
	memset(prefix, '#', sizeof prefix);
	memset(query, '#', sizeof query);
	memset(headers, '#', sizeof headers);
	memset(path, '#', sizeof path);
	ck_assert_str_eq(rule->says.prefix, "mine");
	ck_assert_str_eq(rule->query[1], "b");
	ck_assert_str_eq(rule->vary, "X");
	ck_assert_str_eq(rule->path, "/p");
	ck_assert_int_eq(second->says.ttl_s, 3);
	rule->next = second;
	cache_rules_destroy(rule);
}
END_TEST

/* ---- Keys --------------------------------------------------------------------------------------- */

static unsigned seed = 5;

static size_t
chance(size_t below)
{
	return (size_t)rand_r(&seed) % below;
}

static const char *
some_text(struct arena *arena)
{
	static const char characters[] = "01:,-?&";
	char text[4] = "";
	for (size_t i = 0, size = chance(sizeof text); i < size; i++)
		text[i] = characters[chance(sizeof characters - 1)];
	return arena_strndup(arena, text, strlen(text));
}

static struct name_value
some_value(struct arena *arena, const char *first, const char *second)
{
	return (struct name_value){.name = chance(2) == 0 ? first : second, .value = some_text(arena)};
}

/* A request as the parser and the router leave it. */
static void
draw(struct arena *arena, struct vt_request *req)
{
	req->path_param_count = 2;
	req->path_params = arena_alloc(arena, 2 * sizeof *req->path_params);
	req->query = arena_alloc(arena, VALUES_MOST * sizeof *req->query);
	req->headers = arena_alloc(arena, VALUES_MOST * sizeof *req->headers);
	req->query_count = chance(VALUES_MOST + 1);
	req->header_count = chance(VALUES_MOST + 1);
	req->query_parsed = true;
	for (size_t i = 0; i < 2; i++)
		req->path_params[i] = (struct name_value){"id", some_text(arena)};
	for (size_t i = 0; i < req->query_count; i++)
		req->query[i] = some_value(arena, "a", "b");
	for (size_t i = 0; i < req->header_count; i++)
		req->headers[i] = some_value(arena, "X_A", "X_B");
	req->query_string = some_text(arena);
	req->user = chance(3) == 0 ? NULL : some_text(arena);
}

/* What makes a request another one for a rule; \x01 and \x02 are in no text. */
static char *
description(struct vt_request *req, const struct cache_rule *rule)
{
	char text[512];
	size_t size = 0;
	const char *value;
#define SAY(...) size += (size_t)snprintf(text + size, sizeof text - size, __VA_ARGS__)
	for (size_t i = 0; i < req->path_param_count; i++)
		SAY("%s\x01", req->path_params[i].value);
	if (rule->query == NULL)
		SAY("\x02%s", req->query_string);
	for (size_t i = 0; rule->query != NULL && rule->query[i] != NULL; i++, SAY("\x02"))
		for (size_t n = 0; (value = vt_query_param(req, rule->query[i], n)) != NULL; n++)
			SAY("%s\x01", value);
	for (size_t i = 0; rule->headers != NULL && rule->headers[i] != NULL; i++, SAY("\x02"))
		for (size_t n = 0; (value = vt_header(req, rule->headers[i], n)) != NULL; n++)
			SAY("%s\x01", value);
	if (rule->says.users == VT_CACHED_PER_USER)
		SAY("%s\x01", req->user != NULL ? req->user : "\x02");
#undef SAY
	ck_assert_uint_lt(size, sizeof text);
	return strdup(text);
}

struct drawn {
	const char *key;
	char *description;
};

static int
by_key(const void *a, const void *b)
{
	const struct drawn *one = a, *other = b;
	int order = strcmp(one->key, other->key);
	return order != 0 ? order : strcmp(one->description, other->description);
}

static int
by_description(const void *a, const void *b)
{
	return strcmp(((const struct drawn *)a)->description, ((const struct drawn *)b)->description);
}

/* One key, one description, and the other way about. */
static void
ck_one_to_one(struct drawn *all, size_t count)
{
	size_t alike = 0;
	qsort(all, count, sizeof *all, by_key);
	for (size_t i = 1; i < count; i++)
		if (strcmp(all[i].key, all[i - 1].key) == 0) {
			ck_assert_msg(strcmp(all[i].description, all[i - 1].description) == 0, "two have the key %s",
			              all[i].key);
			alike++;
		}
	qsort(all, count, sizeof *all, by_description);
	for (size_t i = 1; i < count; i++)
		if (strcmp(all[i].description, all[i - 1].description) == 0)
			ck_assert_str_eq(all[i].key, all[i - 1].key);
	ck_assert_uint_lt(alike, count - 1);
}

START_TEST(no_two_requests_have_one_key)
{
	static const struct vt_cached says[] = {
		{.query = ""},
		{.query = "a"},
		{.query = "a,b"},
		{.query = NULL},
		{.query = "", .headers = "X-A"},
		{.query = "a,b", .headers = "X-A,X-B"},
		{.query = "", .users = VT_CACHED_PER_USER},
		{.query = NULL, .headers = "X-A,X-B", .users = VT_CACHED_PER_USER},
	};
	struct fixture f;
	static struct drawn all[REQUESTS];
	fixture_init(&f);
	for (size_t i = 0; i < sizeof says / sizeof says[0]; i++) {
		struct cache_rule *rule = rule_with(says[i]);
		for (size_t n = 0; n < REQUESTS; n++) {
			draw(f.arena, &f.req);
			all[n] = (struct drawn){cache_key_of_answer(&f.req, rule), description(&f.req, rule)};
			ck_assert_ptr_nonnull(all[n].key);
		}
		ck_one_to_one(all, REQUESTS);
		for (size_t n = 0; n < REQUESTS; n++)
			free(all[n].description);
		cache_rules_destroy(rule);
	}
	fixture_fini(&f);
}
END_TEST

/* They are forgotten together, and are not each other's. */
START_TEST(routes_with_one_prefix_have_keys_of_their_own)
{
	struct fixture f;
	struct err err;
	struct vt_route routes[] = {route_with((struct vt_cached){.ttl_s = 1}),
	                            route_with((struct vt_cached){.ttl_s = 1})};
	routes[1].path = "/things/{id}/parts";
	struct cache_rule *one = cache_rule_create(&routes[0], &err), *other = cache_rule_create(&routes[1], &err);
	fixture_init(&f);
	draw(f.arena, &f.req);
	ck_assert_str_ne(cache_key_of_answer(&f.req, one), cache_key_of_answer(&f.req, other));
	ck_assert_str_eq(cache_key_of_request(&f.req, one), cache_key_of_request(&f.req, other));
	cache_rules_destroy(one);
	cache_rules_destroy(other);
	fixture_fini(&f);
}
END_TEST

START_TEST(a_resource_is_named_by_its_parameters)
{
	struct fixture f;
	struct cache_rule *rule = rule_with((struct vt_cached){.ttl_s = 1});
	fixture_init(&f);
	for (size_t i = 0; i < 1000; i++) {
		draw(f.arena, &f.req);
		const char *params[] = {f.req.path_params[0].value, f.req.path_params[1].value};
		ck_assert_str_eq(cache_key_of_request(&f.req, rule),
		                 cache_key_of_resource(f.arena, "things", params, 2));
	}
	cache_rules_destroy(rule);
	fixture_fini(&f);
}
END_TEST

START_TEST(keys_of_different_kinds_differ)
{
	struct fixture f;
	static const char *const one[] = {"a"}, *const two[] = {"a", ""}, *const odd[] = {"1:a,1:a"};
	struct cache_rule *rule = rule_with((struct vt_cached){.prefix = "a"});
	fixture_init(&f);
	draw(f.arena, &f.req);
	const char *keys[] = {cache_key_of_value(f.arena, "a"),
	                      cache_key_of_value(f.arena, "a:a"),
	                      cache_key_of_space(f.arena, "a", "a"),
	                      cache_key_of_space(f.arena, "a", ""),
	                      cache_key_of_space(f.arena, "a", "a:a"),
	                      cache_key_of_prefix(f.arena, "a"),
	                      cache_key_of_resource(f.arena, "a", NULL, 0),
	                      cache_key_of_resource(f.arena, "a", one, 1),
	                      cache_key_of_resource(f.arena, "a", two, 2),
	                      cache_key_of_resource(f.arena, "a", odd, 1),
	                      cache_key_of_answer(&f.req, rule)};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		for (size_t n = 0; n < i; n++)
			ck_assert_str_ne(keys[i], keys[n]);
	cache_rules_destroy(rule);
	fixture_fini(&f);
}
END_TEST

START_TEST(a_key_has_a_bound)
{
	struct fixture f;
	static char text[CACHE_KEY_MAX_BYTES + 1];
	fixture_init(&f);
	memset(text, 'x', CACHE_KEY_MAX_BYTES - strlen("value:"));
	ck_assert_ptr_nonnull(cache_key_of_value(f.arena, text));
	text[strlen(text)] = 'x';
	ck_assert_ptr_null(cache_key_of_value(f.arena, text));
	ck_assert(!arena_failed(f.arena));
	arena_fail(f.arena);
	ck_assert_ptr_null(cache_key_of_value(f.arena, "short"));
	fixture_fini(&f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cache_rule");
	TCase *tc = tcase_create("cache_rule");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, prefixes);
	tcase_add_test(tc, only_get);
	tcase_add_test(tc, times);
	tcase_add_test(tc, lists_of_names);
	tcase_add_test(tc, headers_are_tokens);
	tcase_add_test(tc, a_long_list_of_headers);
	tcase_add_test(tc, a_rule_is_a_copy);
	tcase_add_test(tc, no_two_requests_have_one_key);
	tcase_add_test(tc, routes_with_one_prefix_have_keys_of_their_own);
	tcase_add_test(tc, a_resource_is_named_by_its_parameters);
	tcase_add_test(tc, keys_of_different_kinds_differ);
	tcase_add_test(tc, a_key_has_a_bound);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
