/* cache_control.h - the Cache-Control field, RFC 9111 section 5.2 and RFC 5861. Pure. */
#ifndef APP_CACHE_CONTROL_H
#define APP_CACHE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

struct cache_control {
	bool no_store, no_cache, is_private, must_revalidate, only_if_cached;
	int64_t max_age_s, s_maxage_s, stale_while_revalidate_s, stale_if_error_s; /* -1: not said */
};

void cache_control_init(struct cache_control *control);
/*
 * Adds what one field line says. Directives that are not known and values that are no number are passed over; a number
 * that is too large counts as the largest (section 1.2.2); the smaller of two counts. no-cache and private with field
 * names count as those without (section 5.2.2.4 allows that).
 */
void cache_control_add(struct cache_control *control, const char *field);

#endif
