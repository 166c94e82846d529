/*
 * metric_processes.c - CPU time, memory and descriptors of the service's processes, by proc(5).
 *
 * The CPU time of workers that have ended is the supervisor's, which has waited for them. Workers are read before it, so
 * that one that ends meanwhile is not missed.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "metric_facts.h"
#include "owner.h"
#include "process_stat.h"
#include "services.h"

#define PATH_BYTES 64

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
add_process(struct process_sums *sums, pid_t pid, const struct process_stat *process)
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
		struct process_stat process;
		pid_t pid = slot_pid(slot);
		if (pid > 0 && scoreboard_slot_lives(board, slot) && process_stat_read(&process, pid))
			add_process(sums, pid, &process);
	}
}

static double
start_time(const struct process_stat *process, double ticks_per_s)
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
	struct process_stat process;
	double ticks_per_s = (double)sysconf(_SC_CLK_TCK);
	add_workers(&sums, services->board);
	pid_t supervisor = owner_pid(atomic_load(&scoreboard_service(services->board)->supervisor));
	if (supervisor > 0 && process_stat_read(&process, supervisor)) {
		add_process(&sums, supervisor, &process);
		sums.ticks += process.children_ticks;
		metric_facts_add(facts, METRIC_PROCESS_START, NULL, start_time(&process, ticks_per_s));
	}
	metric_facts_add(facts, METRIC_PROCESS_CPU, NULL, (double)sums.ticks / ticks_per_s);
	metric_facts_add(facts, METRIC_PROCESS_MEMORY, NULL, (double)sums.pages * (double)sysconf(_SC_PAGESIZE));
	metric_facts_add(facts, METRIC_PROCESS_FDS, NULL, (double)sums.fds);
}
