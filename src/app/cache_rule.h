/*
 * cache_rule.h - how a route's answers are cached, as vt_route() took it: a copy that lasts, checked; and the keys.
 *
 * Keys of different kinds cannot be each other's, and none of two different requests, be they of one route or of two
 * that have one prefix: what they are made of is written with its length in front. They are never shortened to a hash.
 */
#ifndef APP_CACHE_RULE_H
#define APP_CACHE_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "vitals.h"

struct arena;
struct err;

struct cache_rule {
	struct vt_cached says;
	char *path;              /* of the route */
	char **query, **headers; /* names, NULL behind the last; query NULL: the whole query string */
	const char *vary;        /* the field's value; NULL: nothing to say */
	struct cache_rule *next; /* of all, for their owner */
};

/* Times are 0 to 2^31 seconds. NULL: the reason is in err. */
struct cache_rule *cache_rule_create(const struct vt_route *route, struct err *err);
void cache_rules_destroy(struct cache_rule *first);
/* [A-Za-z0-9_.-]{1,64} */
bool cache_prefix_is_sound(const char *prefix);

#define CACHE_KEY_MAX_BYTES 8192 /* a request with a longer key goes past the cache */

/* In the arena; NULL: no memory, or too long. */
const char *cache_key_of_value(struct arena *arena, const char *key);
const char *cache_key_of_space(struct arena *arena, const char *space, const char *key);
/* Of the token that a whole prefix has, and of the one that the answers for some path parameters have. */
const char *cache_key_of_prefix(struct arena *arena, const char *prefix);
const char *cache_key_of_resource(struct arena *arena, const char *prefix, const char *const *params, size_t count);
/* Of the answer to this request, which has a route with that rule. */
const char *cache_key_of_answer(struct vt_request *req, const struct cache_rule *rule);
/* The same for the request's path parameters as cache_key_of_resource(). */
const char *cache_key_of_request(struct vt_request *req, const struct cache_rule *rule);

#endif
