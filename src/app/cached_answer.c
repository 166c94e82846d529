/* cached_answer.c - see cached_answer.h. */
#include "cached_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "cache_control.h"
#include "checksum.h"
#include "decimal.h"
#include "fnv.h"
#include "problem.h"
#include "request.h"
#include "response.h"
#include "syntax.h"

#define MS_PER_S 1000
#define ETAG_BYTES 48
#define CONTROL_BYTES 64

const char *
cached_how_name(enum cached_how how)
{
	static const char *const names[] = {"HIT", "MISS", "STALE", "BYPASS"};
	return names[how];
}

const char *
cached_how_label(enum cached_how how)
{
	static const char *const labels[] = {"hit", "miss", "stale", "bypass"};
	return labels[how];
}

static const char *
find_header(const struct vt_response *res, const char *name)
{
	for (size_t i = 0; i < res->header_count; i++)
		if (syntax_same_name(res->headers[i].name, name))
			return res->headers[i].value;
	return NULL;
}

/* ---- What may be kept --------------------------------------------------------------------------- */

static void
read_control(struct cache_control *control, const struct vt_response *res)
{
	cache_control_init(control);
	for (size_t i = 0; i < res->header_count; i++)
		if (syntax_same_name(res->headers[i].name, "Cache-Control"))
			cache_control_add(control, res->headers[i].value);
}

/* Seconds that a response of that status is fresh by the rule; -1: it may not be kept. */
static int64_t
ttl_of_status(const struct cache_rule *rule, int status)
{
	switch (status) {
	case 200:
	case 204:
	case 301:
	case 308:
		return rule->says.ttl_s;
	case 404:
	case 410:
		return rule->says.negative_s > 0 ? rule->says.negative_s : -1;
	default:
		return -1;
	}
}

static bool
rule_names(const struct cache_rule *rule, const char *name, size_t size)
{
	for (size_t i = 0; rule->headers != NULL && rule->headers[i] != NULL; i++)
		if (strlen(rule->headers[i]) == size && strncasecmp(rule->headers[i], name, size) == 0)
			return true;
	return false;
}

/* True where all that a Vary line names is in the key; "*" never is (RFC 9111 section 4.1). */
static bool
is_in_key(const struct cache_rule *rule, const char *vary)
{
	while (*vary != '\0') {
		const char *name = vary;
		size_t size = strcspn(vary, ",");
		vary += size + (vary[size] == ',');
		syntax_trim(&name, &size);
		if (size > 0 && !rule_names(rule, name, size))
			return false;
	}
	return true;
}

static bool
varies_beyond_key(const struct vt_response *res, const struct cache_rule *rule)
{
	for (size_t i = 0; i < res->header_count; i++)
		if (syntax_same_name(res->headers[i].name, "Vary") && !is_in_key(rule, res->headers[i].value))
			return true;
	return false;
}

static bool
forbidden(const struct vt_response *res, const struct cache_control *control, const struct cache_rule *rule)
{
	return control->no_store || control->no_cache || control->is_private ||
	       find_header(res, "Set-Cookie") != NULL || varies_beyond_key(res, rule);
}

/* What the handler says in Cache-Control comes before the rule. */
static int64_t
seconds(int64_t said, int64_t rule)
{
	return said >= 0 ? said : rule;
}

bool
cached_answer_take(struct kept_answer *answer, struct vt_response *res, const struct cache_rule *rule, int64_t now_ms)
{
	struct cache_control control;
	int64_t ttl_s = ttl_of_status(rule, res->status);
	read_control(&control, res);
	if (ttl_s < 0 || forbidden(res, &control, rule))
		return false;
	ttl_s = seconds(control.s_maxage_s, seconds(control.max_age_s, ttl_s));
	if (ttl_s == 0)
		return false;
	int64_t stale_s = seconds(control.stale_while_revalidate_s, rule->says.stale_s);
	int64_t error_s = seconds(control.stale_if_error_s, rule->says.stale_if_error_s);
	if (control.must_revalidate)
		stale_s = error_s = 0;
	answer->status = res->status;
	answer->made_ms = now_ms;
	answer->fresh_until_ms = now_ms + ttl_s * MS_PER_S;
	answer->stale_until_ms = answer->fresh_until_ms + stale_s * MS_PER_S;
	answer->error_until_ms = answer->fresh_until_ms + error_s * MS_PER_S;
	answer->content_type = res->content_type != NULL ? res->content_type : "";
	memcpy(answer->headers, res->headers, res->header_count * sizeof res->headers[0]);
	answer->header_count = res->header_count;
	answer->body = res->body.data;
	answer->body_bytes = res->body.length;
	return true;
}

/* ---- Validators --------------------------------------------------------------------------------- */

enum vt_result
cached_answer_tag(struct vt_response *res)
{
	char tag[ETAG_BYTES];
	if (res->status != 200 || find_header(res, "ETag") != NULL)
		return VT_OK;
	struct checksum checksum = {.sum = FNV_OFFSET, .sums = res->body.length};
	checksum_add(&checksum, res->body.data, res->body.length);
	uint64_t hash = fnv_bytes(FNV_OFFSET, res->body.data, res->body.length);
	snprintf(tag, sizeof tag, "\"%016" PRIx64 "%08" PRIx64 "\"", hash, checksum_value(&checksum) >> 32);
	return response_replace_header(res, "ETag", tag);
}

/* The opaque tag without its weakness (section 8.8.3.2: weak comparison). */
static const char *
opaque(const char *tag)
{
	return strncmp(tag, "W/", 2) == 0 ? tag + 2 : tag;
}

/* True where the list of tags in one If-None-Match line has this one; section 13.1.2. */
static bool
lists(const char *field, const char *tag)
{
	size_t size = strlen(opaque(tag));
	while (*field != '\0') {
		while (syntax_is_blank(*field) || *field == ',')
			field++;
		if (*field == '*')
			return true;
		field = opaque(field);
		if (*field != '"')
			return false;
		const char *end = strchr(field + 1, '"');
		if (end == NULL)
			return false;
		if ((size_t)(end + 1 - field) == size && memcmp(field, opaque(tag), size) == 0)
			return true;
		field = end + 1;
	}
	return false;
}

static bool
client_has_it(const struct vt_request *req, const struct vt_response *res)
{
	const char *tag = find_header(res, "ETag"), *field;
	if (tag == NULL || res->status != 200)
		return false;
	for (size_t n = 0; (field = vt_header(req, "If-None-Match", n)) != NULL; n++)
		if (lists(field, tag))
			return true;
	return false;
}

/* ---- Showing ------------------------------------------------------------------------------------ */

/* A problem document names the request that it answers, and not the one that it was made for. */
static enum vt_result
show_problem(struct vt_response *res, const struct kept_answer *answer)
{
	static const char mark[] = "\"correlation_id\":\"";
	const char *end = answer->body + answer->body_bytes;
	const char *at = memmem(answer->body, answer->body_bytes, mark, sizeof mark - 1);
	const char *closing =
		at != NULL ? memchr(at + sizeof mark - 1, '"', (size_t)(end - at) - (sizeof mark - 1)) : NULL;
	if (closing == NULL)
		return vt_answer(res, answer->content_type, answer->body, answer->body_bytes);
	struct strbuf *body = response_body(res);
	strbuf_append(body, answer->body, (size_t)(at - answer->body) + sizeof mark - 1);
	strbuf_puts(body, res->correlation_id);
	strbuf_append(body, closing, (size_t)(end - closing));
	return response_answered(res, PROBLEM_CONTENT_TYPE);
}

enum vt_result
cached_answer_show(struct vt_response *res, const struct kept_answer *answer)
{
	enum vt_result result = vt_status(res, answer->status);
	for (size_t i = 0; i < answer->header_count && result == VT_OK; i++)
		result = vt_set_header(res, answer->headers[i].name, answer->headers[i].value);
	if (result != VT_OK)
		return result;
	if (answer->content_type[0] == '\0')
		return vt_no_content(res, answer->status);
	if (strcmp(answer->content_type, PROBLEM_CONTENT_TYPE) == 0)
		return show_problem(res, answer);
	return vt_answer(res, answer->content_type, answer->body, answer->body_bytes);
}

/* A client's own time begins now, and Age is counted against it. */
static enum vt_result
set_control(struct vt_response *res, const struct cache_rule *rule, int64_t age_s)
{
	char control[CONTROL_BYTES];
	const char *is_private = rule->says.users == VT_CACHED_PER_USER ? "private, " : "";
	if (find_header(res, "Cache-Control") != NULL)
		return VT_OK;
	if (rule->says.client_max_age_s > 0)
		snprintf(control, sizeof control, "%smax-age=%" PRId64, is_private,
		         rule->says.client_max_age_s + (age_s > 0 ? age_s : 0));
	else
		snprintf(control, sizeof control, "%sno-cache", is_private);
	return response_replace_header(res, "Cache-Control", control);
}

/* The rule's headers make another answer also where the handler names others. */
static enum vt_result
set_vary(struct vt_response *res, const struct cache_rule *rule)
{
	const char *own = find_header(res, "Vary"), *vary = rule->vary;
	if (rule->vary == NULL)
		return VT_OK;
	if (own != NULL && varies_beyond_key(res, rule))
		vary = arena_printf(res->arena, "%s, %s", own, rule->vary);
	return vary != NULL ? response_replace_header(res, "Vary", vary) : VT_NO_MEMORY;
}

enum vt_result
cached_answer_finish(const struct vt_request *req, struct vt_response *res, const struct cache_rule *rule,
                     enum cached_how how, int64_t age_ms)
{
	char age[DECIMAL_BYTES + 1];
	int64_t age_s = age_ms / MS_PER_S;
	enum vt_result result = response_replace_header(res, "X-Cache", cached_how_name(how));
	if (result == VT_OK && age_ms >= 0) {
		age[decimal_int(age, age_s)] = '\0';
		result = response_replace_header(res, "Age", age);
	}
	if (result == VT_OK && how != CACHED_BYPASS && res->status < 500)
		result = set_control(res, rule, age_s);
	if (result == VT_OK)
		result = set_vary(res, rule);
	if (result == VT_OK && how != CACHED_BYPASS && client_has_it(req, res)) {
		res->status = 304;
		res->content_type = NULL;
		strbuf_reset(&res->body);
	}
	return result;
}
