/* counter.c - counters by name, kept in PostgreSQL: the module that doc/writing-a-module.md goes through. */
#include <stdio.h>
#include <vitals.h>

static char step[24]; /* made in vitals_setup(), before the workers are forked, and constant from then on */
static int steps_total;

static enum vt_result
show_counter(struct vt_request *req, struct vt_response *res)
{
	struct vt_rows *rows;
	enum vt_result result = vt_query(req, &rows, "select name, value from counters where name = $1",
	                                 VT_PARAMS(vt_path_param(req, "name")));
	if (result != VT_OK)
		return result; /* the service answers: 503 or 504, as problem+json */
	if (vt_rows_count(rows) == 0)
		return vt_problem(res, 404, "There is no such counter.");
	return vt_json_row(res, rows, 0);
}

static enum vt_result
step_counter(struct vt_request *req, struct vt_response *res)
{
	struct vt_rows *rows;
	enum vt_result result =
		vt_query(req, &rows,
	                 "insert into counters as c values ($1, $2::bigint) on conflict (name) do update "
	                 "set value = c.value + excluded.value returning name, value",
	                 VT_PARAMS(vt_path_param(req, "name"), step));
	if (result != VT_OK)
		return result;
	vt_count(req, steps_total, VT_NO_LABELS, 1);
	vt_log(req, VT_INFO, "Counter stepped", VT_STR("counter", vt_path_param(req, "name")), VT_STR("step", step));
	return vt_json_row(res, rows, 0);
}

int
vitals_setup(struct vt_app *app)
{
	if (vt_setting(app, &(struct vt_setting){.name = "COUNTER_STEP",
	                                         .type = VT_SETTING_INT,
	                                         .default_value = "1",
	                                         .min = 1,
	                                         .max = 1000,
	                                         .help = "What each step adds."}) != 0)
		return -1;
	snprintf(step, sizeof step, "%lld", (long long)vt_setting_int(app, "COUNTER_STEP"));
	steps_total =
		vt_counter(app, &(struct vt_metric){.name = "counter_steps_total", .help = "Steps of all counters."});
	if (steps_total < 0)
		return -1;
	if (vt_route(app, &(struct vt_route){.method = "GET", .path = "/counters/{name}", .handler = show_counter}) !=
	    0)
		return -1;
	return vt_route(app, &(struct vt_route){.method = "POST", .path = "/counters/{name}", .handler = step_counter});
}
