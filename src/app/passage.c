/* passage.c - see passage.h. */
#include "passage.h"

#include <string.h>

#include "cache.h"
#include "cache_rule.h"
#include "clock.h"
#include "phase.h"
#include "request.h"
#include "request_metrics.h"
#include "router.h"
#include "services.h"
#include "spans.h"

int64_t
passage_now_ms(void)
{
	return clock_real_ns() / NS_PER_MS;
}

/* ---- Whether the cache has to do with it -------------------------------------------------------- */

/* RFC 9111 section 3.5: what was made for somebody is not for others, unless the rule says so. */
static bool
is_somebodys(const struct vt_request *req, enum vt_cached_users users)
{
	if (users == VT_CACHED_SHARED)
		return false;
	if (vt_user(req) != NULL)
		return users != VT_CACHED_PER_USER;
	return vt_header(req, "Authorization", 0) != NULL;
}

static void
read_control(struct passage *passage)
{
	const char *field, *pragma = vt_header(passage->req, "Pragma", 0);
	size_t n = 0;
	cache_control_init(&passage->control);
	for (; (field = vt_header(passage->req, "Cache-Control", n)) != NULL; n++)
		cache_control_add(&passage->control, field);
	if (n == 0 && pragma != NULL && strstr(pragma, "no-cache") != NULL) /* RFC 9111 section 5.4 */
		passage->control.no_cache = true;
}

bool
passage_begin(struct passage *passage, struct vt_request *req)
{
	const struct cache_rule *rule = req->route->cache;
	*passage = (struct passage){.req = req, .rule = rule, .started_ms = passage_now_ms()};
	read_control(passage);
	if (services_of(req)->cache == NULL || passage->control.no_store || is_somebodys(req, rule->says.users) ||
	    vt_content_length(req) > 0)
		return false;
	passage->key = cache_key_of_answer(req, rule);
	passage->token_keys[0] = cache_key_of_prefix(req->with.arena, rule->says.prefix);
	passage->token_keys[1] = cache_key_of_request(req, rule);
	return passage->key != NULL && passage->token_keys[0] != NULL && passage->token_keys[1] != NULL;
}

/* ---- Looking ------------------------------------------------------------------------------------ */

/* What was kept counts while the tokens are in force under which it was made. */
static void
judge(struct passage *passage, const struct cache_look *looks)
{
	const struct cache_look *value = &looks[0];
	const struct kept_answer *answer = &passage->answer;
	passage->found = value->value != NULL && kept_answer_read(value->value, value->size_bytes, &passage->answer) &&
	                 answer->made_ms - answer->cost_ms >= cache_void_before_ms(services_of(passage->req)->cache);
	for (size_t i = 0; i < KEPT_TOKENS; i++) {
		const struct cache_look *look = &looks[1 + i];
		bool sound = look->value != NULL && look->size_bytes == CACHE_TOKEN_BYTES - 1;
		memcpy(passage->tokens[i], sound ? look->value : "", sound ? CACHE_TOKEN_BYTES : 1);
		if (!sound || strcmp(passage->tokens[i], passage->answer.tokens[i]) != 0)
			passage->found = false;
	}
}

void
passage_look(struct passage *passage)
{
	struct vt_request *req = passage->req;
	struct cache_look looks[1 + KEPT_TOKENS] = {{.key = passage->key}};
	for (size_t i = 0; i < KEPT_TOKENS; i++)
		looks[1 + i].key = passage->token_keys[i];
	int64_t started_ns = span_started_ns(req);
	struct phase phase = phase_enter(req, PHASE_CACHE);
	passage->result =
		cache_look(services_of(req)->cache, req->with.arena, looks, 1 + KEPT_TOKENS, req->deadline_ns);
	judge(passage, looks);
	enum vt_result told = passage->result == VT_OK && !passage->found ? VT_MISS : passage->result;
	request_metrics_cache(req, "get", passage->found ? VT_OK : told, phase_leave(req, &phase));
	span_cache(req, started_ns, "GET", told);
	if (passage->found)
		request_metrics_hit(req, cache_tier_name(looks[0].tier));
}

/* What the client will not have, however fresh: section 5.2.1. What was made while it waited is new enough for all. */
static bool
refused_by_client(const struct passage *passage, int64_t now)
{
	const struct cache_control *control = &passage->control;
	if (passage->follows > 0 && passage->answer.made_ms >= passage->started_ms)
		return false;
	return control->no_cache ||
	       (control->max_age_s >= 0 && now - passage->answer.made_ms >= control->max_age_s * 1000);
}

bool
passage_usable_until(const struct passage *passage, int64_t until_ms)
{
	int64_t now = passage_now_ms();
	return passage->found && now < until_ms && !refused_by_client(passage, now);
}
