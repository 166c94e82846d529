/* repeat.c - see repeat.h. */
#include "repeat.h"

#include <stdlib.h>
#include <string.h>

static char **
copy_params(char *const *params)
{
	size_t count = 0, bytes = 0;
	for (; params[count] != NULL; count++)
		bytes += strlen(params[count]) + 1;
	char **copy = malloc((count + 1) * sizeof *copy + bytes);
	if (copy == NULL)
		return NULL;
	char *text = (char *)(copy + count + 1);
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(params[i]) + 1;
		copy[i] = memcpy(text, params[i], size);
		text += size;
	}
	copy[count] = NULL;
	return copy;
}

bool
repeat_keep(struct repeat *repeat, const struct vt_request *req, char *const *params)
{
	free(repeat->params);
	repeat->params = copy_params(params);
	memcpy(repeat->correlation_id, req->correlation_id, sizeof req->correlation_id);
	memcpy(repeat->request_id, req->request_id, sizeof req->request_id);
	repeat->trace = req->trace;
	return repeat->params != NULL;
}

void
repeat_assume(const struct repeat *repeat, struct vt_request *req)
{
	memcpy(req->correlation_id, repeat->correlation_id, sizeof req->correlation_id);
	memcpy(req->request_id, repeat->request_id, sizeof req->request_id);
	req->trace = repeat->trace;
}

void
repeat_forget(struct repeat *repeat)
{
	free(repeat->params);
	repeat->params = NULL;
}
