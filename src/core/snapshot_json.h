/* snapshot_json.h - a snapshot's members in JSON: what vitalsctl and /status show under the same names. */
#ifndef CORE_SNAPSHOT_JSON_H
#define CORE_SNAPSHOT_JSON_H

struct jsonw;
struct snapshot;

/* Writes the members into an object that the caller has begun, and ends. */
void snapshot_write(struct jsonw *w, const struct snapshot *snapshot);

#endif
