/*
 * pressure.h - the kernel's pressure stall information (PSI, proc(5) /proc/pressure), where there is one.
 */
#ifndef APP_PRESSURE_H
#define APP_PRESSURE_H

#include <stdbool.h>

enum pressure_resource { PRESSURE_CPU, PRESSURE_MEMORY, PRESSURE_IO, PRESSURE_RESOURCES };

/* Shares of the last ten seconds, in percent, in which some or all of the tasks waited for it. */
struct pressure_share {
	bool known, full_known; /* older kernels have no "full" for the processor */
	double some, full;
};

struct pressure {
	struct pressure_share shares[PRESSURE_RESOURCES];
};

/* Reads folder ("/proc/pressure"); what cannot be read is not known. */
void pressure_read(const char *folder, struct pressure *pressure);
/* True where at least one of them is known. */
bool pressure_known(const struct pressure *pressure);
/* "cpu", "memory", "io". */
const char *pressure_name(enum pressure_resource resource);

#endif
