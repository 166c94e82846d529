/* jsonw_member.h - a key and its value in one call, in the forms that answers for operators share. */
#ifndef BASE_JSONW_MEMBER_H
#define BASE_JSONW_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

struct jsonw;

void jsonw_member_uint(struct jsonw *w, const char *key, uint64_t value);
void jsonw_member_bool(struct jsonw *w, const char *key, bool value);
void jsonw_member_string(struct jsonw *w, const char *key, const char *text);
/* With six digits after the point. */
void jsonw_member_seconds(struct jsonw *w, const char *key, double seconds);
/* As the log writes it, RFC 3339 in UTC; null for 0 and less. */
void jsonw_member_time(struct jsonw *w, const char *key, int64_t real_ns);

#endif
