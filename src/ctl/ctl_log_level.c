/*
 * ctl_log_level.c - vitalsctl log-level: lists, sets and resets levels that hold for a while.
 *
 * What is set stands in the scoreboard at once, where every process of the service sees it at its next record; nobody
 * has to answer, so it works also on a service that hangs.
 */
#include "ctl_log_level.h"

#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "correlation.h"
#include "ctl.h"
#include "ctl_print.h"
#include "err.h"
#include "jsonw.h"
#include "level_list.h"
#include "log.h"
#include "owner.h"
#include "scoreboard.h"
#include "setting_value.h"

#define FOR_DEFAULT_MS (INT64_C(15) * 60 * 1000)
#define FOR_MIN_MS 1000
#define LEVEL_COLUMN 9

/* ---- What is asked for -------------------------------------------------------------------------- */

static int
read_level(struct level_override *override, const char *text, struct err *err)
{
	const char *const words[] = {log_level_name(VT_DEBUG),    log_level_name(VT_INFO),
	                             log_level_name(VT_WARNING),  log_level_name(VT_ERROR_LEVEL),
	                             log_level_name(VT_CRITICAL), NULL};
	const struct setting_def def = {.type = SETTING_WORD, .words = words};
	struct setting_value value;
	struct err allowed;
	if (setting_value_parse(&def, text, &value, &allowed) != 0)
		return err_set(err, "The level is \"%.32s\"; %s", text, allowed.text);
	override->level = (uint8_t)value.number;
	return 0;
}

static int
read_time(struct level_override *override, const char *text, int64_t now_ns, struct err *err)
{
	const struct setting_def def = {.type = SETTING_DURATION, .min = FOR_MIN_MS, .max = LOG_LEVELS_MAX_MS};
	struct setting_value value = {.number = FOR_DEFAULT_MS};
	struct err allowed;
	if (text != NULL && setting_value_parse(&def, text, &value, &allowed) != 0)
		return err_set(err, "--for is \"%.32s\"; %s", text, allowed.text);
	override->until_ns = now_ns + value.number * NS_PER_MS;
	return 0;
}

/* As a logger's name may be: "vitals.request". */
static bool
logger_valid(const char *text)
{
	return correlation_id_valid(text) && text[0] != '.' && text[strlen(text) - 1] != '.';
}

static bool
route_valid(const char *text)
{
	size_t size = strlen(text);
	return text[0] == '/' && size < LOG_LEVELS_TEXT_BYTES;
}

static int
read_target(struct level_override *override, const struct ctl *ctl, struct err *err)
{
	const struct {
		enum level_scope scope;
		const char *option, *text;
		bool (*valid)(const char *text);
		const char *allowed;
	} targets[] = {
		{LEVEL_LOGGER, "--logger", ctl->logger, logger_valid, "a name such as vitals.request"},
		{LEVEL_ROUTE, "--route", ctl->route, route_valid, "a route's template such as /users/{id}"},
		{LEVEL_CORRELATION_ID, "--correlation-id", ctl->correlation_id, correlation_id_valid,
	         "1 to 128 of A-Z a-z 0-9 . _ -"},
	};
	const char *first = NULL;
	override->scope = LEVEL_EVERYTHING;
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		if (targets[i].text == NULL)
			continue;
		if (first != NULL)
			return err_set(err, "Either %s or %s, not both.", first, targets[i].option);
		if (!targets[i].valid(targets[i].text))
			return err_set(err, "%s is \"%.128s\"; allowed is %s.", targets[i].option, targets[i].text,
			               targets[i].allowed);
		first = targets[i].option;
		override->scope = (uint8_t)targets[i].scope;
		snprintf(override->text, sizeof override->text, "%s", targets[i].text);
	}
	return 0;
}

int
ctl_read_override(struct level_override *override, const struct ctl *ctl, int64_t now_ns, struct err *err)
{
	*override = (struct level_override){
		.set_real_ns = clock_real_ns(), .set_by_uid = (int32_t)getuid(), .set_by_pid = (int32_t)getpid()};
	if (read_level(override, ctl->operand, err) != 0 || read_time(override, ctl->duration, now_ns, err) != 0)
		return -1;
	return read_target(override, ctl, err);
}

/* ---- What is in force --------------------------------------------------------------------------- */

static void
show_override(const struct level_override *override, int64_t now_ns, FILE *out)
{
	static const char *const what[LEVEL_SCOPES] = {
		[LEVEL_EVERYTHING] = "everything",
		[LEVEL_LOGGER] = "logger ",
		[LEVEL_ROUTE] = "route ",
		[LEVEL_CORRELATION_ID] = "correlation ID ",
	};
	char left[CTL_AGE_BYTES];
	ctl_write_age(left, level_seconds_left(override, now_ns));
	fprintf(out, "%-*s %10s  %s", LEVEL_COLUMN, log_level_name((enum vt_level) override->level), left,
	        override->scope < LEVEL_SCOPES ? what[override->scope] : "unknown ");
	ctl_put_safe(override->text, out);
	fputc('\n', out);
}

void
ctl_show_levels_text(const struct level_set *set, int64_t now_ns, FILE *out)
{
	unsigned shown = 0;
	for (unsigned i = 0; i < set->count; i++) {
		if (!level_override_holds(&set->overrides[i], now_ns))
			continue;
		if (shown++ == 0)
			fprintf(out, "%-*s %10s  %s\n", LEVEL_COLUMN, "LEVEL", "TIME LEFT", "FOR");
		show_override(&set->overrides[i], now_ns, out);
	}
	if (shown == 0)
		fprintf(out, "No level is set for a while; LOG_LEVEL holds.\n");
}

struct levels_now {
	const struct level_set *set;
	int64_t now_ns;
};

static void
put_levels(struct jsonw *w, const void *what)
{
	const struct levels_now *levels = what;
	jsonw_key(w, "log_levels");
	level_list_write(w, levels->set, levels->now_ns);
}

int
ctl_show_levels_json(const struct level_set *set, int64_t now_ns, FILE *out, struct err *err)
{
	return ctl_show_object(put_levels, &(struct levels_now){set, now_ns}, out, err);
}

/* ---- The command -------------------------------------------------------------------------------- */

static int
list(const struct ctl *ctl, struct err *err)
{
	struct level_set set;
	if (!log_levels_copy(scoreboard_levels(ctl->board), &set))
		return err_set(err, "The levels of %s change faster than they can be read.", ctl->path);
	int64_t now_ns = clock_mono_ns();
	if (ctl->json)
		return ctl_show_levels_json(&set, now_ns, stdout, err);
	ctl_show_levels_text(&set, now_ns, stdout);
	return 0;
}

/* A scoreboard that somebody left behind would take it, and nobody would ever read it. */
static int
prove_alive(const struct ctl *ctl, struct scoreboard *board, struct err *err)
{
	uint64_t supervisor = atomic_load(&scoreboard_service(board)->supervisor);
	if (owner_pid(supervisor) == 0 || owner_lives(supervisor))
		return 0;
	return err_set(err, "The supervisor of %s, process %ld, does not live any more.", ctl->path,
	               (long)owner_pid(supervisor));
}

static int
set(const struct ctl *ctl, struct level_control *levels, struct err *err)
{
	struct level_override override;
	struct level_set one = {.count = 1};
	int64_t now_ns = clock_mono_ns();
	if (ctl_read_override(&override, ctl, now_ns, err) != 0 ||
	    log_levels_set(levels, &override, deadline_in_ms(ctl->timeout_ms), err) != 0)
		return -1;
	one.overrides[0] = override;
	if (ctl->json)
		return ctl_show_levels_json(&one, now_ns, stdout, err);
	ctl_show_levels_text(&one, now_ns, stdout);
	return 0;
}

static int
reset(const struct ctl *ctl, struct level_control *levels, struct err *err)
{
	unsigned ended;
	if (log_levels_reset(levels, deadline_in_ms(ctl->timeout_ms), &ended, err) != 0)
		return -1;
	printf("%u ended; LOG_LEVEL holds.\n", ended);
	return 0;
}

static bool
is_reset(const struct ctl *ctl)
{
	return strcmp(ctl->operand, "reset") == 0;
}

int
ctl_prove_log_level(const struct ctl *ctl, struct err *err)
{
	struct level_override override;
	bool more = ctl->duration != NULL || ctl->logger != NULL || ctl->route != NULL || ctl->correlation_id != NULL;
	if (ctl->operand == NULL)
		return more ? err_set(err, "Which level? vitalsctl log-level LEVEL [OPTION …] sets one.") : 0;
	if (!is_reset(ctl))
		return ctl_read_override(&override, ctl, clock_mono_ns(), err);
	return more ? err_set(err, "reset ends all levels that are set; it takes no option of log-level.") : 0;
}

int
ctl_log_level(const struct ctl *ctl, struct err *err)
{
	if (ctl->operand == NULL)
		return list(ctl, err);
	struct scoreboard *board = scoreboard_attach_to_control(ctl->path, err);
	if (board == NULL)
		return -1;
	int status = prove_alive(ctl, board, err);
	if (status == 0)
		status = is_reset(ctl) ? reset(ctl, scoreboard_levels(board), err)
		                       : set(ctl, scoreboard_levels(board), err);
	scoreboard_close(board);
	return status;
}
