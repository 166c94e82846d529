/*
 * alert.c - looks at the checks, asks alert_policy.c, and runs ALERT_COMMAND with the JSON on its standard input.
 */
#include "alert.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alert_policy.h"
#include "checks.h"
#include "clock.h"
#include "command_words.h"
#include "jsonw.h"
#include "log.h"
#include "settings.h"
#include "strbuf.h"

#define LOGGER "vitals.alert"
#define LOOKS_IN_AFTER 3 /* so often the checks run while a change must last */
#define LOOK_LEAST_MS 100
#define LOOK_MOST_MS 10000
#define DOCUMENT_BYTES 32768

struct alert {
	struct alert_config config;
	struct alert_rules rules;
	struct command_words words;
	struct child child;
	struct health_report report; /* the last */
	int64_t look_ns;             /* the next */
	bool leaving;
	char document[DOCUMENT_BYTES];
};

static const char *
health_name(int32_t health)
{
	return health == (int32_t)ALERT_HEALTHY ? "healthy" : "degraded";
}

struct alert *
alert_create(const struct alert_config *config)
{
	const struct settings *settings = config->settings;
	struct alert *alert = calloc(1, sizeof *alert);
	if (alert == NULL)
		return NULL;
	alert->config = *config;
	alert->rules = (struct alert_rules){.after_ms = settings->alert_after_ms,
	                                    .interval_ms = settings->alert_interval_ms,
	                                    .retries = settings->alert_retries};
	if (command_words_split(&alert->words, settings->alert_command, NULL) == 0)
		return alert;
	free(alert);
	return NULL;
}

void
alert_destroy(struct alert *alert)
{
	if (alert == NULL)
		return;
	child_kill(&alert->child);
	free(alert);
}

/* ---- The document ------------------------------------------------------------------------------- */

static void
write_text(struct jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_string(w, text != NULL ? text : "");
}

static void
write_time(struct jsonw *w, const char *key, int64_t real_ns)
{
	char timestamp[RFC3339_BYTES];
	clock_rfc3339(real_ns, timestamp);
	write_text(w, key, timestamp);
}

/* What fails or warns. */
static void
write_checks(struct jsonw *w, const struct health_report *report)
{
	jsonw_key(w, "checks");
	jsonw_begin_array(w);
	for (size_t i = 0; i < report->count; i++) {
		const struct check_report *check = &report->checks[i];
		if (!health_check_fails(check) && !health_check_warns(check))
			continue;
		jsonw_begin_object(w);
		write_text(w, "name", check->name);
		jsonw_key(w, "critical");
		jsonw_bool(w, check->importance == CHECK_CRITICAL);
		write_text(w, "result", check->result.text);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

static void
write_document(struct alert *alert, const struct alert_state *state)
{
	struct strbuf out;
	struct jsonw w;
	char host[256] = "";
	gethostname(host, sizeof host - 1);
	/* One byte is kept for the end of the line. */
	strbuf_init_fixed(&out, alert->document, sizeof alert->document - 1);
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	write_text(&w, "service", alert->config.settings->service_name);
	write_text(&w, "version", alert->config.settings->service_version);
	write_text(&w, "host", host);
	write_text(&w, "from", health_name(state->told));
	write_text(&w, "to", health_name(state->seen));
	write_time(&w, "since", state->seen_real_ns);
	write_time(&w, "time", clock_real_ns());
	write_checks(&w, &alert->report);
	jsonw_end_object(&w);
	alert->document[out.length] = '\n';
	alert->document[out.length + 1] = '\0';
}

/* ---- Telling ------------------------------------------------------------------------------------ */

static struct alert_state *
state_of(const struct alert *alert)
{
	return scoreboard_alert(alert->config.board);
}

static void
log_failure(const struct alert *alert, const struct alert_state *state, const struct vt_field *how, bool goes_on)
{
	log_event(alert->config.log, goes_on ? VT_WARNING : VT_ERROR_LEVEL, LOGGER,
	          goes_on ? "Alert failed" : "Alert given up", VT_STR("to", health_name(state->telling)),
	          VT_INT("attempt", goes_on ? state->tries : alert->rules.retries + 1), *how);
}

static void
fail(struct alert *alert, const struct vt_field *how)
{
	struct alert_state *state = state_of(alert);
	bool goes_on = alert_fail(state, &alert->rules, clock_mono_ns());
	log_failure(alert, state, how, goes_on);
}

static void
begin(struct alert *alert)
{
	struct alert_state *state = state_of(alert);
	write_document(alert, state);
	alert_begin(state, clock_mono_ns());
	int error = child_start(&alert->child, alert->words.argv, alert->document,
	                        alert->config.settings->alert_timeout_ms);
	if (error != 0)
		fail(alert, &VT_STR("reason", strerror(error)));
}

static void
end(struct alert *alert)
{
	struct alert_state *state = state_of(alert);
	int status = alert->child.wait_status;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		alert_succeed(state);
		log_event(alert->config.log, VT_INFO, LOGGER, "Alert delivered",
		          VT_STR("to", health_name(state->told)));
	} else if (alert->child.timed_out) {
		fail(alert, &VT_STR("reason", "it did not end within ALERT_TIMEOUT"));
	} else if (WIFSIGNALED(status)) {
		fail(alert, &VT_INT("signal", WTERMSIG(status)));
	} else {
		fail(alert, &VT_INT("exit_code", WEXITSTATUS(status)));
	}
}

/* ---- Looking ------------------------------------------------------------------------------------ */

static void
look(struct alert *alert)
{
	int64_t every_ms = alert->rules.after_ms / LOOKS_IN_AFTER;
	every_ms = every_ms < LOOK_LEAST_MS ? LOOK_LEAST_MS : every_ms > LOOK_MOST_MS ? LOOK_MOST_MS : every_ms;
	alert->look_ns = deadline_in_ms(every_ms);
	checks_collect(alert->config.checks, &alert->report);
	bool fails = health_first_failure(&alert->report) != NULL;
	alert_observe(state_of(alert), fails ? ALERT_DEGRADED : ALERT_HEALTHY, clock_mono_ns(), clock_real_ns());
}

void
alert_step(struct alert *alert, bool leaving)
{
	if (child_step(&alert->child))
		end(alert);
	alert->leaving = leaving;
	if (leaving)
		return;
	if (clock_mono_ns() >= alert->look_ns)
		look(alert);
	if (!alert_runs(alert) && clock_mono_ns() >= alert_due_ns(state_of(alert), &alert->rules))
		begin(alert);
}

void
alert_polls(const struct alert *alert, struct pollfd polls[CHILD_POLLS])
{
	child_polls(&alert->child, polls);
}

bool
alert_runs(const struct alert *alert)
{
	return alert->child.pid > 0;
}

int64_t
alert_next_ns(const struct alert *alert)
{
	if (alert->leaving)
		return alert_runs(alert) ? alert->child.deadline_ns : DEADLINE_NEVER;
	if (alert_runs(alert))
		return deadline_min(alert->look_ns, alert->child.deadline_ns);
	return deadline_min(alert->look_ns, alert_due_ns(state_of(alert), &alert->rules));
}
