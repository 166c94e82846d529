/* jsonw_member.c - see jsonw_member.h. */
#include "jsonw_member.h"

#include "clock.h"
#include "jsonw.h"

#define SECONDS_DIGITS 6

void
jsonw_member_uint(struct jsonw *w, const char *key, uint64_t value)
{
	jsonw_key(w, key);
	jsonw_uint(w, value);
}

void
jsonw_member_bool(struct jsonw *w, const char *key, bool value)
{
	jsonw_key(w, key);
	jsonw_bool(w, value);
}

void
jsonw_member_string(struct jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_string(w, text);
}

void
jsonw_member_seconds(struct jsonw *w, const char *key, double seconds)
{
	jsonw_key(w, key);
	jsonw_fixed(w, seconds, SECONDS_DIGITS);
}

void
jsonw_member_time(struct jsonw *w, const char *key, int64_t real_ns)
{
	char text[RFC3339_BYTES];
	jsonw_key(w, key);
	if (real_ns <= 0) {
		jsonw_null(w);
		return;
	}
	clock_rfc3339(real_ns, text);
	jsonw_string(w, text);
}
