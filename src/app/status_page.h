/*
 * status_page.h - the page of /status, made of status.html, status.css and status.js by scripts/embed-page.
 *
 * It is constant: what it shows it fetches from the path that it came from, as JSON.
 */
#ifndef APP_STATUS_PAGE_H
#define APP_STATUS_PAGE_H

#include <stddef.h>

extern const unsigned char status_page[];
extern const size_t status_page_bytes;
/* The Content-Security-Policy (CSP Level 3) that lets this page's own script and style run, and nothing else. */
extern const char status_page_policy[];

#endif
