/*
 * crash.c - the handler of the signals by which a process ends for its own fault.
 *
 * It runs in a process of which nothing is sure: it calls nothing that takes a lock or memory, writes only into the
 * slot, and first what is certain. The unwinder may itself fault on a broken stack: that ends the process, since the
 * signals are blocked meanwhile, and what was written by then stays. Should it never come back, an alarm ends it.
 *
 * A stack that overflowed has no room for a handler, so the main thread gets another one for it.
 */
#include "crash.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include "crash_map.h"
#include "scoreboard.h"
#include "strbuf.h"

#define STACK_BYTES ((size_t)64 << 10)
#define HANDLER_SECONDS 2
#define SKIPPED_MAX 8 /* the handler's own frames */

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

struct crash {
	struct slot *slot;
	pid_t pid; /* a process that a worker forks has its handlers, but not its slot */
	_Atomic bool running;
	struct crash_map map;
};

/* A handler is given nothing but its signal. */
static struct crash *installed;

/* ---- Where the fault was ------------------------------------------------------------------------ */

/* False: not known on this machine. */
static bool
find_pc(const ucontext_t *context, uintptr_t *pc)
{
#if defined __x86_64__
	*pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined __aarch64__
	*pc = context->uc_mcontext.pc;
#else
	(void)context;
	*pc = 0;
	return false;
#endif
	return true;
}

/* After a jump to nowhere, which the unwinder cannot see behind, its return address is where a call leaves it. */
static uintptr_t
find_caller(const ucontext_t *context)
{
#if defined __x86_64__
	return *(const uintptr_t *)context->uc_mcontext.gregs[REG_RSP]; // NOLINT
#elif defined __aarch64__
	return context->uc_mcontext.regs[30];
#else
	(void)context;
	return 0;
#endif
}

/* ---- The backtrace ------------------------------------------------------------------------------ */

struct walk {
	struct crash *crash;
	struct strbuf out;
	bool pc_known;
	uintptr_t pc; /* of the fault: the frames before it are the handler's */
	unsigned skipped, frames;
};

/* A line is there for the reader when it is whole. */
static void
add_frame(struct walk *walk, uintptr_t pc, enum crash_frame kind)
{
	if (walk->frames++ > 0)
		strbuf_putc(&walk->out, '\n');
	crash_map_write(&walk->crash->map, &walk->out, pc, kind);
	if (!walk->out.failed)
		atomic_store_explicit(&walk->crash->slot->crash.length, (uint32_t)walk->out.length,
		                      memory_order_release);
}

static _Unwind_Reason_Code
step(struct _Unwind_Context *context, void *argument)
{
	struct walk *walk = argument;
	uintptr_t pc = _Unwind_GetIP(context);
	if (walk->frames == 0 && walk->pc_known && pc != walk->pc)
		return ++walk->skipped < SKIPPED_MAX ? _URC_NO_REASON : _URC_NORMAL_STOP;
	if (pc == 0 && walk->frames > 0) /* what called the first function of all */
		return _URC_NORMAL_STOP;
	add_frame(walk, pc, walk->frames == 0 ? CRASH_FRAME_FAULT : CRASH_FRAME_CALLER);
	return walk->frames < CRASH_FRAMES_MAX && !walk->out.failed ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static void
write_backtrace(struct crash *crash, const ucontext_t *context)
{
	struct slot_crash *left = &crash->slot->crash;
	const struct crash_map *map = &crash->map;
	struct walk walk = {.crash = crash};
	strbuf_init_fixed(&walk.out, left->backtrace, sizeof left->backtrace);
	walk.pc_known = find_pc(context, &walk.pc);
	_Unwind_Backtrace(step, &walk);
	if (walk.frames == 0)
		add_frame(&walk, walk.pc, CRASH_FRAME_FAULT);
	if (walk.frames > 1 || crash_map_has(map, walk.pc))
		return;
	uintptr_t caller = find_caller(context);
	if (crash_map_has(map, caller))
		add_frame(&walk, caller, CRASH_FRAME_CALLER);
}

/* ---- The handler -------------------------------------------------------------------------------- */

static void
limit_time(void)
{
	sigset_t set;
	signal(SIGALRM, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	alarm(HANDLER_SECONDS);
}

static void
on_crash(int signal_number, siginfo_t *info, void *context)
{
	struct crash *crash = installed;
	if (crash->pid == getpid() && !atomic_exchange(&crash->running, true)) {
		struct slot_crash *left = &crash->slot->crash;
		limit_time();
		left->code = info->si_code;
		if (info->si_code > 0)
			left->address = (uint64_t)(uintptr_t)info->si_addr;
		else
			left->sender = info->si_pid;
		atomic_store_explicit(&left->signal, signal_number, memory_order_release);
		write_backtrace(crash, context);
		alarm(0);
	}
	/* The default action is in force again. A fault comes again by itself, with its registers; the rest does not. */
	if (info->si_code <= 0)
		raise(signal_number);
}

/* ---- Installing --------------------------------------------------------------------------------- */

static bool
give_stack(void)
{
	stack_t present;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (sigaltstack(NULL, &present) == 0 && (present.ss_flags & SS_DISABLE) == 0)
		return true; /* somebody else's will do */
	long least = sysconf(_SC_SIGSTKSZ);
	size_t size = STACK_BYTES + (least > 0 ? (size_t)least : 0);
	char *memory = mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (memory == MAP_FAILED)
		return false;
	mprotect(memory, page, PROT_NONE);
	return sigaltstack(&(stack_t){.ss_sp = memory + page, .ss_size = size}, NULL) == 0;
}

static _Unwind_Reason_Code
look_no_further(struct _Unwind_Context *context, void *argument)
{
	(void)context;
	(void)argument;
	return _URC_NORMAL_STOP;
}

void
crash_watch(struct slot *slot)
{
	struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND)};
	struct crash *crash = calloc(1, sizeof *crash);
	if (crash == NULL || !give_stack()) {
		free(crash);
		return;
	}
	crash->slot = slot;
	crash->pid = getpid();
	crash_map_read(&crash->map);
	installed = crash;
	_Unwind_Backtrace(look_no_further, NULL); /* what is bound or allocated at the first call is so now */
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaddset(&action.sa_mask, signals[i]);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct sigaction present;
		if (sigaction(signals[i], NULL, &present) == 0 && present.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
	}
}
