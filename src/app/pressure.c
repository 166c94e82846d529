/* pressure.c - reads "some avg10=0.12 avg60=…" and "full avg10=…" for each resource. */
#include "pressure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_file.h"

static const char *const names[PRESSURE_RESOURCES] = {
	[PRESSURE_CPU] = "cpu",
	[PRESSURE_MEMORY] = "memory",
	[PRESSURE_IO] = "io",
};

const char *
pressure_name(enum pressure_resource resource)
{
	return names[resource];
}

/* The avg10 after "some" or "full". */
static bool
read_share(const char *text, const char *kind, double *share)
{
	static const char key[] = " avg10=";
	const char *line = strstr(text, kind);
	if (line == NULL || strncmp(line + strlen(kind), key, sizeof key - 1) != 0)
		return false;
	const char *number = line + strlen(kind) + sizeof key - 1;
	char *end;
	*share = strtod(number, &end);
	return end != number;
}

static void
read_resource(const char *folder, const char *name, struct pressure_share *share)
{
	char path[256], text[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (kernel_file_read(path, text, sizeof text) < 0)
		return;
	share->known = read_share(text, "some", &share->some);
	share->full_known = share->known && read_share(text, "full", &share->full);
}

void
pressure_read(const char *folder, struct pressure *pressure)
{
	*pressure = (struct pressure){0};
	for (unsigned i = 0; i < PRESSURE_RESOURCES; i++)
		read_resource(folder, names[i], &pressure->shares[i]);
}

bool
pressure_known(const struct pressure *pressure)
{
	for (unsigned i = 0; i < PRESSURE_RESOURCES; i++)
		if (pressure->shares[i].known)
			return true;
	return false;
}
