/* process_stat.h - what the kernel says of a process in /proc/PID/stat (proc_pid_stat(5)). */
#ifndef SHM_PROCESS_STAT_H
#define SHM_PROCESS_STAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_stat {
	char state;              /* 'R', 'S', 'Z' … */
	uint64_t own_ticks;      /* user and system time, in clock ticks (sysconf(_SC_CLK_TCK)) */
	uint64_t children_ticks; /* of children that have been waited for */
	uint64_t started_ticks;  /* since boot */
	uint64_t resident_pages;
};

/* False: there is no such process. Makes three system calls, allocates nothing. */
bool process_stat_read(struct process_stat *process, pid_t pid);

#endif
