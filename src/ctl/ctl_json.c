/* ctl_json.c - a snapshot as one JSON object in one line. */
#include "ctl_print.h"
#include "ctl_show.h"
#include "snapshot_json.h"

static void
put_snapshot(struct jsonw *w, const void *what)
{
	snapshot_write(w, what);
}

int
ctl_show_json(const struct snapshot *snapshot, FILE *out, struct err *err)
{
	return ctl_show_object(put_snapshot, snapshot, out, err);
}
