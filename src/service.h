/*
 * service.h - the service as a whole: settings and modules in, a running pool out.
 *
 * The top floor: the only place where app and proc meet. vt_main() (vitals.c) calls it.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "app.h"

struct err;
struct settings_reader;

struct service;

/* Loads modules, runs setup and proves everything that can be proved without starting; problems go to the reader. NULL: no memory. */
struct service *service_prepare(struct settings_reader *reader, vt_setup_fn *setup);
void service_destroy(struct service *service);
/* Opens log, scoreboard and listeners, gives privileges up, and supervises until told to stop. -1 with err where it could not start. */
int service_run(struct service *service, struct err *err);

#endif
