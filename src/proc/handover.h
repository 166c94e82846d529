/*
 * handover.h - what a supervisor leaves to the program that replaces it.
 *
 * The process stays, and with it its children and descriptors; what they are is written into a memory file whose
 * descriptor the environment names (VITALS_HANDOVER). One line a thing, so that another version can read it:
 *
 *   vitals-handover 1
 *   renewal reload
 *   scoreboard FD PATH
 *   handoff ROLE SEND_FD RECEIVE_FD
 *   listener ROLE GIVEN FD DEVICE INODE ADDRESS
 *   worker INDEX PID ROLE GENERATION STARTED_NS
 *   log-writer PID
 *   helper PID
 *   redis-helper PID
 *
 * Lines of an unknown kind are passed over.
 */
#ifndef PROC_HANDOVER_H
#define PROC_HANDOVER_H

#include <stdbool.h>

#include "handoff.h"
#include "listener.h"
#include "supervisor.h"

#define HANDOVER_VARIABLE "VITALS_HANDOVER"
#define HANDOVER_ROLES 2

struct handed_listener {
	enum slot_role role;
	bool given; /* by a launcher: it stands for the setting, whatever that says */
	struct listener listener;
};

struct handover {
	enum renewal renewal; /* RENEWAL_NONE: nothing was handed over, this is a first start */
	int scoreboard_fd;
	char *scoreboard_path;
	struct handoff handoffs[HANDOVER_ROLES]; /* by role */
	struct handed_listener *listeners;       /* whoever takes one sets its fd to -1 */
	size_t listener_count;
	struct predecessor *predecessors;
	size_t predecessor_count;
	pid_t log_writer, helpers[HELPERS]; /* 0: none */
};

/* Adds to the arrays; -1: no memory. */
int handover_add_listener(struct handover *handover, const struct handed_listener *listener);
int handover_add_predecessor(struct handover *handover, const struct predecessor *predecessor);
/* Writes it into a memory file that an executed program inherits; its descriptor, or -1 with err. */
int handover_write(const struct handover *handover, struct err *err);
/*
 * Reads what the environment names, and takes the variable away. Everything in it is close-on-exec from then on.
 * Nothing there: a handover with RENEWAL_NONE. -1 with err where it cannot be read.
 */
int handover_read(struct handover *handover, struct err *err);
/* What an executed program shall inherit, or no longer shall. */
enum handover_keep { HANDOVER_KEEP, HANDOVER_CLOSE };
void handover_mark(const struct handover *handover, enum handover_keep keep);
/* Frees; closes no descriptor. */
void handover_fini(struct handover *handover);
/* Closes listeners that nobody took, and removes their files. */
void handover_close_listeners(struct handover *handover);

#endif
