/*
 * log_undecided.h - records of requests whose worker was killed between "Request completed" and the response.
 *
 * Was the response sent or not? The web server knows: where it was not, it gives the request to another worker, which
 * says that it began, under the same key. So such a record is kept back for a moment: when the request is seen to have
 * begun again since, the record was wrong and is forgotten, and otherwise it is true. Called by the log writer.
 */
#ifndef CORE_LOG_UNDECIDED_H
#define CORE_LOG_UNDECIDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;
struct log_undecided;

/* How long a web server may take to come again, ms: it does so at once, but may then wait for a free worker. */
#define LOG_UNDECIDED_MS 1000

/* NULL: no memory. */
struct log_undecided *log_undecided_create(void);
void log_undecided_destroy(struct log_undecided *undecided); /* NULL is allowed */
/* A request has begun. */
void log_undecided_begun(struct log_undecided *undecided, const struct frame *frame);
/* Keeps a record back; returns where to copy it to, frame->size_bytes, or NULL: no room, it counts as true. */
char *log_undecided_add(struct log_undecided *undecided, const struct frame *frame, int64_t now_ns);
/*
 * The next record that is true by now, in *frame its frame and in *record itself, until the next call; false: there
 * is none. With every set, those whose time is not over are true as well.
 */
enum undecided_wait { UNDECIDED_WAIT, UNDECIDED_END };
bool log_undecided_next(struct log_undecided *undecided, int64_t now_ns, enum undecided_wait wait, struct frame *frame,
                        const char **record);
/* When the next one is decided at the latest; DEADLINE_NEVER: there is none. */
int64_t log_undecided_due_ns(const struct log_undecided *undecided);

#endif
