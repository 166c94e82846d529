/* problem.h - problem documents, RFC 9457, without a response: for answers that must not fail. */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

struct strbuf;

#define PROBLEM_CONTENT_TYPE "application/problem+json"

struct problem {
	int status;
	const char *detail;         /* NULL leaves it out */
	const char *correlation_id; /* NULL or "" leaves it out */
};

/* Section 3: type "about:blank", so the title is the status's reason (section 4.2.1). */
void problem_write(const struct problem *problem, struct strbuf *out);

#endif
