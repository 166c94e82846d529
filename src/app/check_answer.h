/*
 * check_answer.h - is the answer of a web server or a FastCGI application the one that the check wants?
 */
#ifndef APP_CHECK_ANSWER_H
#define APP_CHECK_ANSWER_H

#include <stddef.h>

#include "check_spec.h"

struct check_result;

struct check_answer {
	long status;      /* 0: it could not be read */
	const char *body; /* NULL: the headers have not ended */
	size_t body_bytes;
	int64_t took_ms;
};

/*
 * Parses "HTTP/1.1 200 OK" (RFC 9112 section 4) and the headers' end; or, of a CGI response (RFC 3875 section 6.3.3),
 * the Status header, 200 where there is none.
 */
void check_answer_parse_http(const char *text, size_t size, struct check_answer *answer);
void check_answer_parse_cgi(const char *text, size_t size, struct check_answer *answer);
/* True where more of the body could still make a difference. */
bool check_answer_wants_more(const struct check_spec *spec, const struct check_answer *answer);
/* By status, contains, and how long it took. */
void check_answer_judge(const struct check_spec *spec, const struct check_answer *answer, struct check_result *result);

#endif
