/* The file of rules that the plugin keeps: one rule a signature, under a number that stays
 * with it over restarts. One thread at a time. */
#ifndef WORMSIFT_RULES_FILE_H
#define WORMSIFT_RULES_FILE_H

#include <stdbool.h>
#include <wormsift.h>

/* Takes the rules from the file at `path`; if there is none, it is made, unless nothing is to
 * be written. False, after saying why, if that cannot be done, or if a line in it is not of
 * this plugin. */
bool rules_open(const char *path, bool writes);
/* Takes the rule of a finding, if it has one. A rule whose content or grade changed gets the
 * next revision, 32 in one run at most. That of a part of another content, and of what has no
 * rule any more (muted, or of a kind that was not asked for), is put out of use. */
wormsift_status rules_take(const wormsift_finding *finding);
/* Replaces the file, at once or not at all, if rules have changed since the last time. False,
 * with `errno` set, if that cannot be done. */
bool rules_write(void);
void rules_close(void);

#endif
