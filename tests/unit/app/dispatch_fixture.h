/* dispatch_fixture.h - a worker's services and its dispatch, for the programs that send requests through them. */
#ifndef TESTS_DISPATCH_FIXTURE_H
#define TESTS_DISPATCH_FIXTURE_H

#include "dispatch.h"
#include "router.h"
#include "services.h"

extern struct services services;
extern struct router *router;
extern struct dispatch *dispatch;

/* Everything but routes and the dispatch, which dispatch_fixture_start() makes. */
void dispatch_fixture_setup(void);
void dispatch_fixture_start(void);
void dispatch_fixture_teardown(void);
void add_route(const struct route *route);
/* The log's file. */
const char *dispatch_fixture_log(void);

/* Runs one request; more is one more variable, malformed as in struct exchange; the response stays until the next. */
const char *run(const char *method, const char *uri, const char *more, const char *malformed);
void ck_has(const char *answer, const char *what);

#endif
