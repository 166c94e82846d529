/*
 * disk_probe.h - statvfs() in a thread of its own, since on a dead network file system it never returns.
 *
 * The probe is shared by the asker and the thread and freed by whoever lets go of it last: a thread that
 * is stuck in the kernel harms nobody but itself. What is asked is a parameter, so that a test can hang.
 */
#ifndef APP_DISK_PROBE_H
#define APP_DISK_PROBE_H

#include <stdbool.h>
#include <sys/statvfs.h>

struct disk_probe;

typedef int disk_probe_fn(const char *path, struct statvfs *out);

/* Starts asking; NULL with errno where there is no thread, descriptor or memory. The path is copied. */
struct disk_probe *disk_probe_start(const char *path, disk_probe_fn *ask);
/* Becomes readable when the answer is there. */
int disk_probe_fd(const struct disk_probe *probe);
/* True once the answer is there: *error is 0 or an errno, *out valid for 0. */
bool disk_probe_answer(struct disk_probe *probe, struct statvfs *out, int *error);
/* The asker lets go, answered or not. NULL is allowed. */
void disk_probe_release(struct disk_probe *probe);

#endif
