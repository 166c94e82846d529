/* syntax.h - the small words of HTTP: tokens and field values, RFC 9110 section 5. */
#ifndef HTTP_SYNTAX_H
#define HTTP_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/* One or more token characters, section 5.6.2: a method or the name of a field. */
bool syntax_token(const char *text, size_t size_bytes);
/* Two names of fields that are one, since they compare without case, section 5.1. Mostly told by the first few letters. */
bool syntax_same_name(const char *one, const char *other);
/* A field value, section 5.5: no control character but the tab, so no CR, LF and NUL. Bytes from 0x80 on may stand. */
bool syntax_field_value(const char *text, size_t size_bytes);
/* A blank or a tab, section 5.6.3. */
bool syntax_is_blank(char c);
/* Moves both ends inwards over blanks. */
void syntax_trim(const char **text, size_t *size_bytes);

#endif
