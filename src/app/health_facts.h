/*
 * health_facts.h - gathers what health.h judges by: clocks, settings, scoreboard, listeners.
 */
#ifndef APP_HEALTH_FACTS_H
#define APP_HEALTH_FACTS_H

#include "health.h"

struct services;
struct settings;

/* Time and version alone: for the route that touches nothing else. */
void health_facts_now(const struct settings *settings, struct health_facts *facts);
/* The same and the state of the service, its pool and its listeners' queues, without the pressure. */
void health_facts_gather(const struct services *services, struct health_facts *facts);

#endif
