/*
 * kept_answer.c - see kept_answer.h.
 *
 * A head of fixed size, then texts with their NULs: content type, names and values of the headers; then the body. In the
 * order of bytes of the machine: one that has another order does not know the mark, and makes its own.
 */
#include "kept_answer.h"

#include <string.h>

#include "strbuf.h"

#define MARK UINT32_C(0x56744131) /* changes with the form */

struct head {
	uint32_t mark;
	uint16_t status, header_count;
	int64_t made_ms, fresh_until_ms, stale_until_ms, error_until_ms, cost_ms;
	char tokens[KEPT_TOKENS][CACHE_TOKEN_BYTES];
	char padding[6];
	uint64_t texts_bytes, body_bytes;
};

static void
put_text(struct strbuf *out, const char *text)
{
	strbuf_append(out, text, strlen(text) + 1);
}

static size_t
texts_bytes(const struct kept_answer *answer)
{
	size_t bytes = strlen(answer->content_type) + 1;
	for (size_t i = 0; i < answer->header_count; i++)
		bytes += strlen(answer->headers[i].name) + strlen(answer->headers[i].value) + 2;
	return bytes;
}

void
kept_answer_write(struct strbuf *out, const struct kept_answer *answer)
{
	struct head head = {.mark = MARK,
	                    .status = (uint16_t)answer->status,
	                    .header_count = (uint16_t)answer->header_count,
	                    .made_ms = answer->made_ms,
	                    .fresh_until_ms = answer->fresh_until_ms,
	                    .stale_until_ms = answer->stale_until_ms,
	                    .error_until_ms = answer->error_until_ms,
	                    .cost_ms = answer->cost_ms,
	                    .texts_bytes = texts_bytes(answer),
	                    .body_bytes = answer->body_bytes};
	memcpy(head.tokens, answer->tokens, sizeof head.tokens);
	strbuf_append(out, &head, sizeof head);
	put_text(out, answer->content_type);
	for (size_t i = 0; i < answer->header_count; i++) {
		put_text(out, answer->headers[i].name);
		put_text(out, answer->headers[i].value);
	}
	if (answer->body_bytes > 0) /* body may be NULL where there is none */
		strbuf_append(out, answer->body, answer->body_bytes);
}

/* The text at *at, which moves past it; NULL: it does not end. */
static const char *
take_text(const char **at, const char *end)
{
	const char *text = *at, *nul = *at < end ? memchr(*at, '\0', (size_t)(end - *at)) : NULL;
	if (nul == NULL)
		return NULL;
	*at = nul + 1;
	return text;
}

static bool
take_texts(const struct head *head, const char *at, const char *end, struct kept_answer *answer)
{
	answer->content_type = take_text(&at, end);
	for (size_t i = 0; i < head->header_count; i++) {
		answer->headers[i].name = take_text(&at, end);
		answer->headers[i].value = take_text(&at, end);
		if (answer->headers[i].value == NULL)
			return false;
	}
	answer->header_count = head->header_count;
	return answer->content_type != NULL && at == end;
}

bool
kept_answer_read(const char *data, size_t size_bytes, struct kept_answer *answer)
{
	struct head head;
	if (size_bytes < sizeof head)
		return false;
	memcpy(&head, data, sizeof head);
	size_t left = size_bytes - sizeof head;
	if (head.mark != MARK || head.header_count > RESPONSE_MAX_HEADERS || head.texts_bytes > left ||
	    head.body_bytes != left - head.texts_bytes)
		return false;
	*answer = (struct kept_answer){.status = head.status,
	                               .made_ms = head.made_ms,
	                               .fresh_until_ms = head.fresh_until_ms,
	                               .stale_until_ms = head.stale_until_ms,
	                               .error_until_ms = head.error_until_ms,
	                               .cost_ms = head.cost_ms,
	                               .body = data + sizeof head + head.texts_bytes,
	                               .body_bytes = (size_t)head.body_bytes};
	memcpy(answer->tokens, head.tokens, sizeof answer->tokens);
	for (size_t i = 0; i < KEPT_TOKENS; i++)
		answer->tokens[i][CACHE_TOKEN_BYTES - 1] = '\0';
	return take_texts(&head, data + sizeof head, answer->body, answer);
}
