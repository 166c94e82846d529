/*
 * exchange.h - what passes between a connection and the application for one request.
 *
 * The connection side (proc) and the application side (app) know only this of each other.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "request.h"

struct strbuf;

struct exchange {
	char *const *params;   /* CGI variables, "NAME=value", NULL-terminated; live until finish() */
	const char *malformed; /* NULL, or why the request is to be answered with 400 */
	struct body_source body;
	const struct strbuf *head;     /* set by serve(), living until finish(): the CGI response's head … */
	const struct strbuf *body_out; /* … and its body; NULL where none is sent */
};

struct exchange_handler {
	/* Answers the request, whatever it is; never fails. */
	void (*serve)(void *context, struct exchange *exchange);
	/* The response has been written, or could not be: everything of the request is let go. */
	void (*finish)(void *context);
	/* Whether the last request has left something to do; NULL: never. Asked when its connection is back among the idle. */
	bool (*owes)(const void *context);
	/* Does it. May take as long as a request, and is none: nobody waits for it. */
	void (*afterwards)(void *context);
	void *context;
};

#endif
