/*
 * metric_processes.c - CPU time, memory and descriptors of the service's processes, by proc(5).
 *
 * The CPU time of workers that have ended is the supervisor's, which has waited for them. Workers are read before it, so
 * that one that ends meanwhile is not missed.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "kernel_file.h"
#include "metric_facts.h"
#include "owner.h"
#include "services.h"

#define STAT_BYTES 1024
#define PATH_BYTES 64
#define DECIMAL 10

enum { FIELD_UTIME = 14, FIELD_STIME, FIELD_CUTIME, FIELD_CSTIME, FIELD_STARTTIME = 22, FIELD_RSS = 24 };

struct process {
	uint64_t own_ticks, children_ticks;
	uint64_t started_ticks; /* since boot */
	uint64_t resident_pages;
};

/* The n-th field of proc_pid_stat(5), of those behind the name: the third and later ones. Each follows a blank. */
static uint64_t
field_of(const char *behind_name, int n)
{
	const char *at = behind_name;
	for (int i = 2; i < n && at != NULL; i++)
		at = strchr(at + 1, ' ');
	return at != NULL ? strtoull(at, NULL, DECIMAL) : 0;
}

/* False: it is gone. The name may hold anything, and ends with the last ')'. */
static bool
read_process(pid_t pid, struct process *process)
{
	char path[PATH_BYTES], text[STAT_BYTES];
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	const char *rest = kernel_file_read(path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
	if (rest == NULL)
		return false;
	*process = (struct process){.own_ticks = field_of(rest, FIELD_UTIME) + field_of(rest, FIELD_STIME),
	                            .children_ticks = field_of(rest, FIELD_CUTIME) + field_of(rest, FIELD_CSTIME),
	                            .started_ticks = field_of(rest, FIELD_STARTTIME),
	                            .resident_pages = field_of(rest, FIELD_RSS)};
	return true;
}

/* Linux 6.2 and later say it as the directory's size. 0 where it may not be looked at. */
static uint64_t
count_fds(pid_t pid)
{
	char path[PATH_BYTES];
	struct stat status;
	uint64_t count = 0;
	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	if (stat(path, &status) == 0 && status.st_size > 0)
		return (uint64_t)status.st_size;
	DIR *directory = opendir(path);
	if (directory == NULL)
		return 0;
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

struct process_sums {
	uint64_t ticks, pages, fds;
};

static void
add_process(struct process_sums *sums, pid_t pid, const struct process *process)
{
	sums->ticks += process->own_ticks;
	sums->pages += process->resident_pages;
	sums->fds += count_fds(pid);
}

static void
add_workers(struct process_sums *sums, struct scoreboard *board)
{
	for (unsigned i = 0; i < scoreboard_slots(board); i++) {
		const struct slot *slot = scoreboard_slot(board, i);
		struct process process;
		pid_t pid = slot_pid(slot);
		if (pid > 0 && scoreboard_slot_lives(board, slot) && read_process(pid, &process))
			add_process(sums, pid, &process);
	}
}

static double
start_time(const struct process *process, double ticks_per_s)
{
	struct timespec boot;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	double since_boot = (double)boot.tv_sec + (double)boot.tv_nsec / (double)NS_PER_S;
	double now = (double)clock_real_ns() / (double)NS_PER_S;
	return now - since_boot + (double)process->started_ticks / ticks_per_s;
}

void
metric_processes_gather(struct metric_facts *facts, struct services *services)
{
	struct process_sums sums = {0};
	struct process process;
	double ticks_per_s = (double)sysconf(_SC_CLK_TCK);
	add_workers(&sums, services->board);
	pid_t supervisor = owner_pid(atomic_load(&scoreboard_service(services->board)->supervisor));
	if (supervisor > 0 && read_process(supervisor, &process)) {
		add_process(&sums, supervisor, &process);
		sums.ticks += process.children_ticks;
		metric_facts_add(facts, METRIC_PROCESS_START, NULL, start_time(&process, ticks_per_s));
	}
	metric_facts_add(facts, METRIC_PROCESS_CPU, NULL, (double)sums.ticks / ticks_per_s);
	metric_facts_add(facts, METRIC_PROCESS_MEMORY, NULL, (double)sums.pages * (double)sysconf(_SC_PAGESIZE));
	metric_facts_add(facts, METRIC_PROCESS_FDS, NULL, (double)sums.fds);
}
