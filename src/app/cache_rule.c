/* cache_rule.c - see cache_rule.h. */
#include "cache_rule.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "err.h"
#include "request.h"
#include "strbuf.h"
#include "syntax.h"

#define PREFIX_MAX_BYTES 64
#define SECONDS_MOST INT64_C(2147483648) /* as in Cache-Control, RFC 9111 section 1.2.2 */

bool
cache_prefix_is_sound(const char *prefix)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t size = strlen(prefix);
	return size >= 1 && size <= PREFIX_MAX_BYTES && strspn(prefix, allowed) == size;
}

static bool
is_a_time(int64_t seconds)
{
	return seconds >= 0 && seconds <= SECONDS_MOST;
}

static int
check(const struct vt_route *route, struct err *err)
{
	const struct vt_cached *says = &route->cache;
	if (strcmp(route->method, "GET") != 0)
		return err_set(err, "The route \"%s %s\" cannot be cached: only GET can.", route->method, route->path);
	if (!cache_prefix_is_sound(says->prefix))
		return err_set(err,
		               "The route \"GET %s\" is cached under a prefix that is not 1 to 64 of letters, digits, "
		               "'_', '.' and '-'.",
		               route->path);
	if (!is_a_time(says->ttl_s) || !is_a_time(says->stale_s) || !is_a_time(says->stale_if_error_s) ||
	    !is_a_time(says->negative_s) || !is_a_time(says->client_max_age_s))
		return err_set(err, "The route \"GET %s\" is cached for a time that is not 0 to 2147483648 seconds.",
		               route->path);
	return 0;
}

/* The names of a list with commas, each copied, NULL behind the last; list NULL: NULL. False: no memory. */
static bool
split_names(const char *list, char ***names)
{
	size_t count = 0;
	*names = list != NULL ? calloc(strlen(list) / 2 + 2, sizeof **names) : NULL;
	if (*names == NULL)
		return list == NULL;
	while (*list != '\0') {
		const char *name = list;
		size_t size = strcspn(list, ",");
		list += size + (list[size] == ',');
		syntax_trim(&name, &size);
		if (size > 0 && ((*names)[count++] = strndup(name, size)) == NULL)
			return false;
	}
	return true;
}

static void
free_names(char **names)
{
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

static bool
are_tokens(char *const *names)
{
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		if (!syntax_token(names[i], strlen(names[i])))
			return false;
	return true;
}

/* "Accept, Accept-Language"; a user's own answer is no matter of headers, and private. */
static bool
make_vary(struct cache_rule *rule)
{
	size_t bytes = 1;
	for (size_t i = 0; rule->headers != NULL && rule->headers[i] != NULL; i++)
		bytes += strlen(rule->headers[i]) + 2;
	if (bytes == 1)
		return true;
	char *vary = malloc(bytes);
	if (vary == NULL)
		return false;
	struct strbuf text;
	strbuf_init_fixed(&text, vary, bytes);
	for (size_t i = 0; rule->headers[i] != NULL; i++)
		strbuf_printf(&text, "%s%s", i > 0 ? ", " : "", rule->headers[i]);
	rule->vary = vary;
	return true;
}

struct cache_rule *
cache_rule_create(const struct vt_route *route, struct err *err)
{
	if (check(route, err) != 0)
		return NULL;
	struct cache_rule *rule = calloc(1, sizeof *rule);
	if (rule == NULL) {
		err_set(err, "There is no memory for the routes.");
		return NULL;
	}
	rule->says = route->cache;
	rule->says.prefix = strdup(route->cache.prefix);
	rule->path = strdup(route->path);
	bool made = rule->says.prefix != NULL && rule->path != NULL && split_names(route->cache.query, &rule->query) &&
	            split_names(route->cache.headers, &rule->headers) && make_vary(rule);
	if (made && are_tokens(rule->headers))
		return rule;
	if (made)
		err_set(err, "The route \"GET %s\" is cached by a header whose name is no token.", route->path);
	else
		err_set(err, "There is no memory for the routes.");
	cache_rules_destroy(rule);
	return NULL;
}

void
cache_rules_destroy(struct cache_rule *first)
{
	while (first != NULL) {
		struct cache_rule *next = first->next;
		free((void *)(uintptr_t)first->says.prefix);
		free(first->path);
		free_names(first->query);
		free_names(first->headers);
		free((void *)(uintptr_t)first->vary);
		free(first);
		first = next;
	}
}

/* ---- Keys --------------------------------------------------------------------------------------- */

static void
start(struct strbuf *key, struct arena *arena, const char *kind, const char *name)
{
	strbuf_init_arena(key, arena, 128);
	strbuf_puts(key, kind);
	strbuf_puts(key, name);
}

/* "5:hello,": where it ends does not depend on what is in it. Absent is not the same as empty. */
static void
add(struct strbuf *key, const char *text)
{
	if (text == NULL) {
		strbuf_puts(key, "-,");
		return;
	}
	size_t size = strlen(text);
	strbuf_put_uint(key, size);
	strbuf_putc(key, ':');
	strbuf_append(key, text, size);
	strbuf_putc(key, ',');
}

static const char *
finish(const struct strbuf *key)
{
	return key->failed || key->length > CACHE_KEY_MAX_BYTES ? NULL : key->data;
}

const char *
cache_key_of_value(struct arena *arena, const char *key)
{
	struct strbuf text;
	start(&text, arena, "value:", key);
	return finish(&text);
}

const char *
cache_key_of_space(struct arena *arena, const char *space, const char *key)
{
	struct strbuf text;
	start(&text, arena, "space:", space);
	strbuf_putc(&text, ':');
	strbuf_puts(&text, key);
	return finish(&text);
}

const char *
cache_key_of_prefix(struct arena *arena, const char *prefix)
{
	struct strbuf text;
	start(&text, arena, "token:", prefix);
	return finish(&text);
}

const char *
cache_key_of_resource(struct arena *arena, const char *prefix, const char *const *params, size_t count)
{
	struct strbuf text;
	start(&text, arena, "token:", prefix);
	strbuf_putc(&text, ':');
	for (size_t i = 0; i < count; i++)
		add(&text, params[i]);
	return finish(&text);
}

static void
add_params(struct strbuf *key, const struct vt_request *req)
{
	strbuf_putc(key, ':');
	for (size_t i = 0; i < req->path_param_count; i++)
		add(key, req->path_params[i].value);
}

const char *
cache_key_of_request(struct vt_request *req, const struct cache_rule *rule)
{
	struct strbuf text;
	start(&text, req->with.arena, "token:", rule->says.prefix);
	add_params(&text, req);
	return finish(&text);
}

/* All values of a name count, in their order. */
static void
add_query(struct strbuf *key, const struct vt_request *req, const char *name)
{
	const char *value;
	strbuf_putc(key, '?');
	for (size_t n = 0; (value = vt_query_param(req, name, n)) != NULL; n++)
		add(key, value);
}

static void
add_header(struct strbuf *key, const struct vt_request *req, const char *name)
{
	const char *value;
	strbuf_putc(key, '&');
	for (size_t n = 0; (value = vt_header(req, name, n)) != NULL; n++)
		add(key, value);
}

const char *
cache_key_of_answer(struct vt_request *req, const struct cache_rule *rule)
{
	const struct vt_cached *says = &rule->says;
	struct strbuf text;
	start(&text, req->with.arena, "answer:", says->prefix);
	strbuf_putc(&text, ':');
	add(&text, rule->path); /* several routes may have one prefix */
	add_params(&text, req);
	if (rule->query == NULL)
		add(&text, vt_query_string(req));
	for (size_t i = 0; rule->query != NULL && rule->query[i] != NULL; i++)
		add_query(&text, req, rule->query[i]);
	for (size_t i = 0; rule->headers != NULL && rule->headers[i] != NULL; i++)
		add_header(&text, req, rule->headers[i]);
	if (says->users == VT_CACHED_PER_USER)
		add(&text, vt_user(req));
	return finish(&text);
}
