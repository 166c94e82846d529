/*
 * settings_module.c - settings that modules declare: proved like the table's, and kept beside it.
 *
 * Called only during setup, in the supervisor; read from then on.
 */
#include <string.h>

#include "arena.h"
#include "err.h"
#include "redact.h"
#include "settings_reader.h"

#define NAME_MAX_BYTES 64

static bool
name_allowed(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", others[] = "0123456789_";
	if (name == NULL || strspn(name, letters) == 0)
		return false;
	size_t size = strlen(name), i = 0;
	while (i < size && (strchr(letters, name[i]) != NULL || strchr(others, name[i]) != NULL))
		i++;
	return i == size && size <= NAME_MAX_BYTES;
}

static struct declared *
find(const struct settings_reader *reader, const char *name)
{
	for (struct declared *d = reader->declared; d != NULL; d = d->next)
		if (strcmp(d->def.name, name) == 0)
			return d;
	return NULL;
}

static int
refuse(struct settings_reader *reader, const struct vt_setting *setting, const char *why)
{
	struct err err;
	err_set(&err, "A module declares the setting \"%.80s\", %s.", setting->name == NULL ? "" : setting->name, why);
	settings_add_problem(reader, err.text);
	return -1;
}

static bool
is_number(enum vt_setting_type type)
{
	return type == VT_SETTING_INT || type == VT_SETTING_DURATION_MS || type == VT_SETTING_BYTES;
}

static void
set_range(struct setting_def *def, const struct vt_setting *setting)
{
	def->min = setting->type == VT_SETTING_INT ? INT64_MIN : 0;
	def->max = INT64_MAX;
	if (is_number(setting->type) && (setting->min != 0 || setting->max != 0)) {
		def->min = setting->min;
		def->max = setting->max;
	}
}

static int
make_def(struct settings_reader *reader, const struct vt_setting *setting, struct setting_def *def)
{
	static const enum setting_type types[] = {
		[VT_SETTING_TEXT] = SETTING_TEXT,  [VT_SETTING_BOOL] = SETTING_BOOL,
		[VT_SETTING_INT] = SETTING_INT,    [VT_SETTING_DURATION_MS] = SETTING_DURATION,
		[VT_SETTING_BYTES] = SETTING_SIZE,
	};
	*def = (struct setting_def){.type = types[setting->type]};
	def->secret = setting->secret || redact_is_secret(reader->redact, setting->name, strlen(setting->name));
	def->name = arena_strdup(reader->arena, setting->name);
	def->default_text = arena_strdup(reader->arena, setting->default_value == NULL ? "" : setting->default_value);
	def->help = arena_strdup(reader->arena, setting->help);
	set_range(def, setting);
	return def->name != NULL && def->default_text != NULL && def->help != NULL ? 0 : -1;
}

/* NULL, or why the declaration is not taken. */
static const char *
objection(const struct settings_reader *reader, const struct vt_setting *setting)
{
	if (!name_allowed(setting->name))
		return "whose name is not [A-Z][A-Z0-9_]{0,63}";
	if (settings_table_find(setting->name) != NULL)
		return "which is a setting of the service";
	if (find(reader, setting->name) != NULL)
		return "which is declared already";
	if ((int)setting->type < VT_SETTING_TEXT || (int)setting->type > VT_SETTING_BYTES)
		return "whose type is none of enum vt_setting_type";
	if (setting->help == NULL || setting->help[0] == '\0')
		return "which has no help";
	return NULL;
}

int
settings_declare(struct settings_reader *reader, const struct vt_setting *setting)
{
	const char *why = objection(reader, setting);
	if (why != NULL)
		return refuse(reader, setting, why);
	struct declared *d = arena_zalloc(reader->arena, sizeof *d);
	if (d == NULL || make_def(reader, setting, &d->def) != 0)
		return refuse(reader, setting, "for which there is no memory");
	if (setting_value_parse(&d->def, d->def.default_text, &d->value, NULL) != 0)
		return refuse(reader, setting, "whose default is not a value of its type and range");
	*reader->declared_end = d;
	reader->declared_end = &d->next;
	return settings_resolve(reader, &d->def, &d->origin, &d->value);
}

/* ---- Values ------------------------------------------------------------------------------------- */

const char *
settings_module_text(const struct settings_reader *reader, const char *name)
{
	const struct declared *d = find(reader, name);
	return d != NULL && d->def.type == SETTING_TEXT ? d->value.text : NULL;
}

bool
settings_module_bool(const struct settings_reader *reader, const char *name)
{
	const struct declared *d = find(reader, name);
	return d != NULL && d->def.type == SETTING_BOOL && d->value.number != 0;
}

int64_t
settings_module_int(const struct settings_reader *reader, const char *name)
{
	const struct declared *d = find(reader, name);
	if (d == NULL || d->def.type == SETTING_TEXT || d->def.type == SETTING_BOOL)
		return 0;
	return d->value.number;
}
