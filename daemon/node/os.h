/* SPDX-License-Identifier: Apache-2.0 */
/* What the operating system gives: limits, clocks, randomness, the service manager's socket. The only
 * conditional code. */
#ifndef NODE_OS_H
#define NODE_OS_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First of all: files are private by default, SIGPIPE and SIGXFSZ are errors instead of deaths, no memory is
 * dumped. */
void os_begin(void);

/* Raises the soft limit on open files to the hard one; returns it. */
uint64_t os_files_max(void);

/* Bytes from the kernel's generator. */
void os_random(void *out, size_t len);

/* ms since 1970 by the wall clock, which may be set back and forth; ms by a clock that only goes on. */
uint64_t os_wall_ms(void);
uint64_t os_steady_ms(void);

/* Tells the service manager ("READY=1"), if there is one. */
void os_notify(const char *state);

/* Whether there is one, and whether it expects "WATCHDOG=1" again and again: once a second is often enough. */
bool os_notified(void);
bool os_watched(void);
/* Whether standard error leads to the system's journal, as the service manager says. */
bool os_journal_here(void);
/* A socket to the journal, which takes entries in its own protocol: lines NAME=value, one datagram an entry.
 * -1: there is no journal. */
int os_journal_open(void);
/* False if it was not taken: the caller tells it otherwise. Never waits. */
bool os_journal_send(int fd, const void *entry, size_t len);

/* Bytes of memory that are this process' alone (not shared, not of files), 0 if unknown. */
uint64_t os_anonymous_bytes(void);

/* All of it, also over short writes and signals. False with errno; some of it may have been written then. */
bool os_write_all(int fd, struct iu_bytes bytes);

#endif
