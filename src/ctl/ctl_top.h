/* ctl_top.h - one frame of vitalsctl top, as text; what draws it again and again is ctl_screen.c. */
#ifndef CTL_CTL_TOP_H
#define CTL_CTL_TOP_H

#include <stdint.h>
#include <stdio.h>

#include "error_list.h"
#include "snapshot.h"

#define CTL_TOP_ERRORS 5

/* What a scoreboard said at a moment. */
struct ctl_look {
	int64_t mono_ns, real_ns;
	struct snapshot snapshot;
	struct error_list errors; /* the most frequent */
};

/* A look at the board; -1 with err: no memory. Then ctl_look_fini(), also after that. */
int ctl_look_take(struct ctl_look *look, struct scoreboard *board, struct err *err);
void ctl_look_fini(struct ctl_look *look);

/* Columns and lines that there are; lines 0: as many as there is to say. */
struct ctl_frame {
	int columns, lines;
};

/*
 * The frame of a look, with rates since the one before (NULL: none). Never wider or longer than it may be: columns and
 * lines are cut at the end, workers before errors. What clients chose is shown without control characters.
 */
void ctl_show_top(const struct ctl_look *look, const struct ctl_look *before, struct ctl_frame frame, FILE *out);

#endif
