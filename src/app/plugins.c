/* plugins.c - side by side: a plugin that hangs holds up no other. */
#include "plugins.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "check_kind.h"
#include "check_spec.h"
#include "check_table.h"
#include "clock.h"
#include "command_words.h"
#include "insist.h"
#include "settings.h"

enum { PLUGIN_OK, PLUGIN_WARNING, PLUGIN_CRITICAL };

struct plugin {
	struct check_spec spec;
	unsigned index;
	struct command_words words;
	struct child child;
	int64_t started_ns, due_ns;
};

struct plugins {
	struct scoreboard *board;
	size_t count;
	struct plugin plugins[PLUGINS_MOST];
};

_Static_assert(PLUGINS_MOST >= CHECKS_MOST, "every check may be a command");

static void
add(struct plugins *plugins, const struct check_spec *spec, unsigned index)
{
	struct plugin *plugin = &plugins->plugins[plugins->count];
	plugin->spec = *spec;
	plugin->index = index;
	if (command_words_split(&plugin->words, spec->target, NULL) == 0)
		plugins->count++;
}

struct plugins *
plugins_create(const struct checks_config *config)
{
	struct check checks[SCOREBOARD_MAX_CHECKS];
	size_t count;
	struct plugins *plugins = calloc(1, sizeof *plugins);
	if (plugins == NULL || check_table_build(config, checks, &count) != 0) {
		free(plugins);
		return NULL;
	}
	plugins->board = config->board;
	const struct text_list *list = &config->settings->checks;
	for (size_t i = 0; i < list->count; i++) {
		struct check_spec spec;
		if (check_spec_parse(&spec, list->items[i], NULL) != 0 || spec.kind != SPEC_COMMAND)
			continue;
		for (size_t k = 0; k < count; k++)
			if (checks[k].identity == spec.identity)
				add(plugins, &spec, checks[k].index);
	}
	check_table_destroy(checks, count);
	return plugins;
}

void
plugins_destroy(struct plugins *plugins)
{
	if (plugins == NULL)
		return;
	for (size_t i = 0; i < plugins->count; i++)
		child_kill(&plugins->plugins[i].child);
	free(plugins);
}

static void
publish(const struct plugins *plugins, const struct plugin *plugin, struct check_result *result)
{
	result->identity = plugin->spec.identity;
	result->checked_ns = clock_mono_ns();
	result->duration_ns = result->checked_ns - plugin->started_ns;
	check_report(plugins->board, plugin->index, result);
}

static void
judge_exit(int code, const char *said, struct check_result *result)
{
	switch (code) {
	case PLUGIN_OK:
		result->status = CHECK_HEALTHY;
		break;
	case PLUGIN_WARNING:
		check_warn(result, "%s", said);
		break;
	case PLUGIN_CRITICAL:
		check_fail(result, "%s", said);
		break;
	default:
		check_fail(result, "unknown (exit code %d): %s", code, said);
	}
}

static void
conclude(const struct plugins *plugins, struct plugin *plugin)
{
	struct check_result result = {.status = CHECK_UNKNOWN};
	char *said = plugin->child.out;
	int status = plugin->child.wait_status;
	size_t size = strcspn(said, "|\r\n");
	while (size > 0 && said[size - 1] == ' ')
		size--;
	said[size] = '\0';
	if (plugin->child.timed_out)
		check_fail(&result, "the command did not end within %lld ms", (long long)plugin->spec.timeout_ms);
	else if (WIFSIGNALED(status))
		check_fail(&result, "the command died of signal %d", WTERMSIG(status));
	else
		judge_exit(WEXITSTATUS(status), size > 0 ? said : "the command said nothing", &result);
	publish(plugins, plugin, &result);
}

static void
start(const struct plugins *plugins, struct plugin *plugin)
{
	plugin->started_ns = clock_mono_ns();
	plugin->due_ns = deadline_in_ms(plugin->spec.every_ms);
	int error = child_start(&plugin->child, plugin->words.argv, "", plugin->spec.timeout_ms);
	if (error == 0)
		return;
	struct check_result result = {.status = CHECK_UNKNOWN};
	check_fail(&result, "the command cannot be run: %s", strerror(error));
	publish(plugins, plugin, &result);
}

void
plugins_step(struct plugins *plugins, bool leaving)
{
	for (size_t i = 0; i < plugins->count; i++) {
		struct plugin *plugin = &plugins->plugins[i];
		if (child_step(&plugin->child))
			conclude(plugins, plugin);
		if (!leaving && plugin->child.pid == 0 && clock_mono_ns() >= plugin->due_ns)
			start(plugins, plugin);
	}
}

void
plugins_polls(const struct plugins *plugins, struct pollfd polls[PLUGINS_POLLS])
{
	for (size_t i = 0; i < PLUGINS_MOST; i++) {
		static const struct child none;
		child_polls(i < plugins->count ? &plugins->plugins[i].child : &none, &polls[i * CHILD_POLLS]);
	}
}

int64_t
plugins_next_ns(const struct plugins *plugins)
{
	int64_t next_ns = DEADLINE_NEVER;
	for (size_t i = 0; i < plugins->count; i++) {
		const struct plugin *plugin = &plugins->plugins[i];
		next_ns = deadline_min(next_ns, plugin->child.pid > 0 ? plugin->child.deadline_ns : plugin->due_ns);
	}
	return next_ns;
}
