/*
 * dispatch.h - one request through the application: parse, route, wrap, handle, render.
 *
 * One a worker; the other side of exchange.h.
 */
#ifndef APP_DISPATCH_H
#define APP_DISPATCH_H

#include "exchange.h"

struct dispatch;
struct redact;
struct services;

/* services and redact outlive it. NULL: no memory. */
struct dispatch *dispatch_create(struct services *services, const struct redact *redact);
void dispatch_destroy(struct dispatch *dispatch);
struct exchange_handler dispatch_handler(struct dispatch *dispatch);

#endif
