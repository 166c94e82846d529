/* peer.h - what the peers in C have in common: a listener, and processes forked before the first request. */
#ifndef PEER_H
#define PEER_H

#include <stddef.h>

/* A listening Unix socket at path, in place of whatever stood there; exits with a message where there can be none. */
int peer_listen(const char *path);

/* Forks count processes that run serve(listener, body) for ever; returns when SIGTERM or SIGINT has come and all have ended.
 * With a count of 1 the calling process serves by itself. */
void peer_run(long count, void (*serve)(int listener, const char *body), int listener, const char *body);

/* The CGI answer that every peer in C gives, written into text; its length. Exits where there is no room. */
size_t peer_answer(char *text, size_t size, const char *body);

/* Ends the process with what it was about and errno's text. */
void peer_die(const char *what) __attribute__((noreturn));

#endif
