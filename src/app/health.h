/*
 * health.h - from what is known to the answers of the health routes; pure, no clock, no file, no request.
 *
 * First a verdict for the route, then a body in one of the forms:
 *   HEALTH_FORM_JSON         application/json, our own shape, the default
 *   HEALTH_FORM_DRAFT        application/health+json, draft-inadarei-api-health-check-06
 *   HEALTH_FORM_MICROPROFILE the wire format of MicroProfile Health 4.0
 *   HEALTH_FORM_TEXT         text/plain, a line a check, as kube-apiserver's ?verbose
 */
#ifndef APP_HEALTH_H
#define APP_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "checks.h"
#include "database_pool.h"
#include "listen_queue.h"
#include "pressure.h"

struct strbuf;

enum health_route { HEALTH_BASIC, HEALTH_LIVE, HEALTH_READY, HEALTH_STARTUP, HEALTH_DETAILED };
enum health_form { HEALTH_FORM_JSON, HEALTH_FORM_DRAFT, HEALTH_FORM_MICROPROFILE, HEALTH_FORM_TEXT };
/* HEALTH_WITHHELD: who asked may not see details: status, timestamp and version only. */
enum health_view { HEALTH_SHOWN, HEALTH_WITHHELD };

/* What is known of the service at this moment; health_facts.c gathers it. */
struct health_facts {
	int64_t real_ns, mono_ns; /* now, on both clocks: results are dated with them */
	const char *service, *version;
	struct pool_summary pool;
	unsigned held_back,
		workers_wanted;    /* workers that died young and wait for their restart; how many there shall be */
	bool queue_known;          /* every listener's queue could be read … */
	struct listen_queue queue; /* … and this is their sum */
	bool draining;
	bool started;          /* every worker has started once */
	bool checks_passed;    /* the critical checks have passed once */
	bool saturated;        /* a queue is long, or every worker has been busy with one request for a while */
	bool stuck;            /* all have been so for so long that the pool makes no progress */
	bool pool_excluded;    /* who asked left the pool's state out of the verdict */
	bool unknown_excluded; /* … and named a check that there is not */
	struct pressure pressure;
	struct database_pool database; /* for the route that shows details */
};

struct health_verdict {
	bool passes;
	char reason[160]; /* "" where it passes */
};

struct health_answer {
	enum health_route route;
	enum health_form form;
	enum health_view view;
	struct health_verdict verdict;
	const struct health_facts *facts;
	const struct health_report *report; /* NULL where the route's answer has no checks */
};

/* report is NULL for routes that look at no checks: HEALTH_BASIC, HEALTH_LIVE, and HEALTH_STARTUP once it passed. */
void health_judge(enum health_route route, const struct health_facts *facts, const struct health_report *report,
                  struct health_verdict *verdict);
/* 200 or 503. */
int health_status_code(const struct health_verdict *verdict);
/* Leaves the check of this name ("pool" too) out of the verdict. */
void health_exclude(struct health_facts *facts, struct health_report *report, const char *name);
/* Appends the body to out. */
void health_write(const struct health_answer *answer, struct strbuf *out);
/* The word of the plain form: "ready", "not ready". */
const char *health_word(enum health_route route, bool passes);
/* True where the numbers of a memory or disk check are known. */
bool health_numbers_known(const struct check_report *check);

/* The forms; health_write() chooses. */
void health_write_plain(const struct health_answer *answer, struct strbuf *out);
void health_write_draft(const struct health_answer *answer, struct strbuf *out);
void health_write_microprofile(const struct health_answer *answer, struct strbuf *out);
void health_write_text(const struct health_answer *answer, struct strbuf *out);

#endif
