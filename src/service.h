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

/* What was executed, to be executed again for a reload or an upgrade. */
struct program {
	char *const *argv;
	const char *path; /* absolute: the file that an upgrade executes */
};

/* Loads modules, runs setup and proves everything that can be proved without starting; problems go to the reader. NULL: no memory. */
struct service *service_prepare(struct settings_reader *reader, vt_setup_fn *setup);
void service_destroy(struct service *service);
/*
 * For a check: where a running supervisor asks for it, before a reload, also proves that what these settings need and
 * it does not have can be opened. 0, or -1 with err.
 */
int service_rehearse(struct service *service, struct err *err);
/* Opens log, scoreboard and listeners, gives privileges up, and supervises until told to stop. -1 with err where it could not start. */
int service_run(struct service *service, const struct program *program, struct err *err);

#endif
