/*
 * oom_kills.h - how many processes the kernel has killed for want of memory.
 *
 * A process that died of SIGKILL was killed by somebody, or by the kernel: when the count is higher than
 * before, it was the kernel. The kernel counts before it sends the signal, so that whoever has reaped the
 * process reads a count that has it.
 */
#ifndef CORE_OOM_KILLS_H
#define CORE_OOM_KILLS_H

#include <stdint.h>

struct memory_roots;

/*
 * Of this process's own cgroup, which a supervisor's children are in too: "oom_kill" of memory.events in
 * version 2, with the cgroups below it, of memory.oom_control in version 1. Where that is not to be had, of the
 * nearest cgroup above that tells, else of the machine by /proc/vmstat; then other services' are among them.
 * -1: unknown (a kernel before 4.13). Compare readings of one process that stays in its cgroup.
 */
int64_t oom_kills_read(const struct memory_roots *roots);

#endif
