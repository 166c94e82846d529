/*
 * manyroutes.c - a module of a hundred routes, /many/0 to /many/99, for the trial of /metrics: ?status=N is answered
 * with that status. Built by the trial against the public header alone; never installed.
 */
#include "vitals.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUTES 100
#define PATH_BYTES 16
#define NO_CONTENT 204

static enum vt_result
answer(struct vt_request *req, struct vt_response *res)
{
	static const char text[] = "{\"many\":true}";
	const char *status = vt_query_param(req, "status", 0);
	if (status != NULL && atoi(status) == NO_CONTENT)
		return vt_status(res, NO_CONTENT);
	enum vt_result result = vt_json_text(res, text, sizeof text - 1);
	return result == VT_OK && status != NULL ? vt_status(res, atoi(status)) : result;
}

VT_API int vitals_setup(struct vt_app *app);

int
vitals_setup(struct vt_app *app)
{
	static char paths[ROUTES][PATH_BYTES];
	for (int i = 0; i < ROUTES; i++) {
		snprintf(paths[i], sizeof paths[i], "/many/%d", i);
		const struct vt_route get = {.method = "GET", .path = paths[i], .handler = answer};
		const struct vt_route post = {.method = "POST", .path = paths[i], .handler = answer};
		if (vt_route(app, &get) != 0 || vt_route(app, &post) != 0)
			return -1;
	}
	return 0;
}
