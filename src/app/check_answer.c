/* check_answer.c - reads the little of an answer that a check is about. Takes any bytes; called by check_http.c and
 * check_fastcgi.c. */
#include "check_answer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "check_bounds.h"

#define STATUS_DIGITS 3

/* Three digits that no other follows; 0: they are not there. */
static long
read_status(const char *text, size_t size)
{
	long status = 0;
	if (size < STATUS_DIGITS || (size > STATUS_DIGITS && isdigit((unsigned char)text[STATUS_DIGITS])))
		return 0;
	for (size_t i = 0; i < STATUS_DIGITS; i++) {
		if (!isdigit((unsigned char)text[i]))
			return 0;
		status = status * 10 + (text[i] - '0');
	}
	return status;
}

static void
find_body(const char *text, size_t size, struct check_answer *answer)
{
	static const char *const ends[] = {"\r\n\r\n", "\n\n"};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0] && answer->body == NULL; i++) {
		const char *end = memmem(text, size, ends[i], strlen(ends[i]));
		if (end == NULL)
			continue;
		answer->body = end + strlen(ends[i]);
		answer->body_bytes = size - (size_t)(answer->body - text);
	}
}

void
check_answer_parse_http(const char *text, size_t size, struct check_answer *answer)
{
	static const char version[] = "HTTP/1.x ";
	const size_t before = sizeof version - 1;
	if (size > before && strncmp(text, version, before - 2) == 0 && text[before - 1] == ' ')
		answer->status = read_status(text + before, size - before);
	find_body(text, size, answer);
}

void
check_answer_parse_cgi(const char *text, size_t size, struct check_answer *answer)
{
	static const char name[] = "Status: ";
	const size_t name_bytes = sizeof name - 1;
	find_body(text, size, answer);
	if (answer->body == NULL)
		return;
	const char *end = answer->body;
	answer->status = 200;
	for (const char *line = text; line != NULL && line < end; line = memchr(line, '\n', (size_t)(end - line))) {
		line += line > text;
		size_t rest = (size_t)(end - line);
		if (rest > name_bytes && strncasecmp(line, name, name_bytes) == 0)
			answer->status = read_status(line + name_bytes, rest - name_bytes);
	}
}

static bool
found(const struct check_spec *spec, const struct check_answer *answer)
{
	return answer->body != NULL &&
	       memmem(answer->body, answer->body_bytes, spec->contains, strlen(spec->contains)) != NULL;
}

bool
check_answer_wants_more(const struct check_spec *spec, const struct check_answer *answer)
{
	if (answer->status == 0)
		return true;
	return answer->status == spec->status && spec->contains[0] != '\0' && !found(spec, answer);
}

void
check_answer_judge(const struct check_spec *spec, const struct check_answer *answer, struct check_result *result)
{
	if (answer->status == 0)
		check_fail(result, "the answer has no status");
	else if (answer->status != spec->status)
		check_fail(result, "the status is %ld, not %lld", answer->status, (long long)spec->status);
	else if (spec->contains[0] != '\0' && !found(spec, answer))
		check_fail(result, "the body does not contain what it should");
	else
		check_judge(spec, "answered after %s", answer->took_ms, result);
}
