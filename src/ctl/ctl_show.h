/* ctl_show.h - a snapshot for people, and for programs. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <stdio.h>

#include "snapshot.h"

/* A few lines on the service and a line a worker. What clients chose is shown without control characters. */
void ctl_show_text(const struct snapshot *snapshot, FILE *out);
/*
 * Its pieces, which ctl_top.h shows too. The first is a line and a half: the status to the generation, the workers to
 * those that are held back, with reason behind their number.
 */
void ctl_show_state(const struct snapshot *snapshot, const char *reason, FILE *out);
/* "GET /path (ID)" and nothing where the worker has no request. */
void ctl_show_request(const struct snapshot_worker *row, FILE *out);
/* The line of them: deaths by cause, recycled workers, reloads. */
void ctl_show_deaths(const struct snapshot *snapshot, FILE *out);
/* One JSON object in one line. -1 with err: no memory. */
int ctl_show_json(const struct snapshot *snapshot, FILE *out, struct err *err);

#endif
