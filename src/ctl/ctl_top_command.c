/*
 * ctl_top_command.c - vitalsctl top: a frame every second, until q or Ctrl-C; one alone with --once or without a
 * terminal.
 *
 * Where the supervisor has died a new one may have made a new scoreboard under the same name, so it is looked for.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "ctl.h"
#include "ctl_print.h"
#include "ctl_screen.h"
#include "ctl_top.h"
#include "err.h"
#include "scoreboard.h"
#include "setting_value.h"

#define INTERVAL_DEFAULT_MS 1000
#define INTERVAL_MIN_MS 100
#define INTERVAL_MAX_MS 3600000

static int
read_interval(const char *text, int64_t *interval_ms, struct err *err)
{
	const struct setting_def def = {.type = SETTING_DURATION, .min = INTERVAL_MIN_MS, .max = INTERVAL_MAX_MS};
	struct setting_value value = {.number = INTERVAL_DEFAULT_MS};
	struct err allowed;
	if (text != NULL && setting_value_parse(&def, text, &value, &allowed) != 0)
		return err_set(err, "--interval is \"%.32s\"; %s", text, allowed.text);
	*interval_ms = value.number;
	return 0;
}

int
ctl_prove_top(const struct ctl *ctl, struct err *err)
{
	int64_t interval_ms = INTERVAL_DEFAULT_MS;
	if (ctl->json)
		return err_set(err, "top is for people; status takes --json.");
	return read_interval(ctl->interval, &interval_ms, err);
}

static int
show_once(const struct ctl *ctl, struct err *err)
{
	struct ctl_look look;
	int status = ctl_look_take(&look, ctl->board, err);
	if (status == 0)
		ctl_show_top(&look, NULL, (struct ctl_frame){.columns = CTL_ANY_WIDTH}, stdout);
	ctl_look_fini(&look);
	return status;
}

/* Two looks, the newer one and the one before it, and the board of the newer one. */
struct top {
	struct scoreboard *board;
	bool board_is_own; /* opened here */
	struct ctl_look looks[2];
	unsigned count;
};

static struct ctl_look *
newest(struct top *top)
{
	return &top->looks[(top->count + 1) % 2];
}

static void
find_board(const struct ctl *ctl, struct top *top)
{
	struct err err;
	struct scoreboard *board = scoreboard_attach(ctl->path, &err);
	if (board == NULL)
		return;
	if (top->board_is_own)
		scoreboard_close(top->board);
	top->board = board;
	top->board_is_own = true;
}

static int
look_again(const struct ctl *ctl, struct top *top, struct err *err)
{
	if (top->count > 0 && strcmp(newest(top)->snapshot.status, "stopped") == 0)
		find_board(ctl, top);
	top->count++;
	ctl_look_fini(newest(top));
	return ctl_look_take(newest(top), top->board, err);
}

/* False: the terminal is gone. */
static bool
draw(struct top *top)
{
	char *text = NULL;
	size_t size_bytes = 0;
	struct ctl_frame frame = ctl_screen_size();
	FILE *out = open_memstream(&text, &size_bytes);
	if (out == NULL)
		return true;
	/* The cursor goes below the last line. */
	if (frame.lines > 1)
		frame.lines--;
	ctl_show_top(newest(top), top->count > 1 ? &top->looks[top->count % 2] : NULL, frame, out);
	bool shown = fclose(out) != 0 || ctl_screen_show(text);
	free(text);
	return shown;
}

/* A new size is drawn at once, with what was seen last. */
static int
run(const struct ctl *ctl, struct top *top, int64_t interval_ms, struct err *err)
{
	struct ctl_screen screen;
	int status = 0;
	if (ctl_screen_open(&screen, err) != 0)
		return -1;
	for (int64_t next_ns = 0;;) {
		if (clock_mono_ns() >= next_ns) {
			if ((status = look_again(ctl, top, err)) != 0)
				break;
			next_ns = deadline_in_ms(interval_ms);
		}
		if (!draw(top) || ctl_screen_wait(&screen, next_ns) == SCREEN_END)
			break;
	}
	ctl_screen_close(&screen);
	return status;
}

int
ctl_top(const struct ctl *ctl, struct err *err)
{
	int64_t interval_ms = INTERVAL_DEFAULT_MS;
	if (read_interval(ctl->interval, &interval_ms, err) != 0)
		return -1;
	if (ctl->once || !isatty(STDOUT_FILENO))
		return show_once(ctl, err);
	struct top *top = calloc(1, sizeof *top);
	if (top == NULL)
		return err_set(err, "There is no memory for what is to be shown.");
	top->board = ctl->board;
	int status = run(ctl, top, interval_ms, err);
	for (size_t i = 0; i < 2; i++)
		ctl_look_fini(&top->looks[i]);
	if (top->board_is_own)
		scoreboard_close(top->board);
	free(top);
	return status;
}
