/* The file itself is the register of numbers: each rule has the id of its signature in its
 * metadata. Rules that it has are kept when the plugin starts, whether or not it still knows
 * their signatures; delete lines, or the file, while Suricata is down. The rule of what was
 * found to be a part of another content, is muted, or is of a kind that has no rules any more,
 * is put out of use by a `#` before it, so that its number is not given to another. */
#include "rules_file.h"

#include "plugin.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the range for local rules, and where `wormsift export` begins, too. */
#define FIRST_SID 1500000u

/* So many revisions has a rule in one run at most, so that a content that goes to and fro
 * does not have Suricata reload without end. */
#define MOST_REVISIONS 32

struct rule {
    char id[33];
    unsigned sid, rev, revised;
    bool off;      /* out of use */
    uint64_t what; /* a digest of what it matches, and of its grade */
    char *text;
};

static struct {
    char *path, *beside;
    struct rule *all;
    size_t count, room;
    unsigned next;
    bool changed;
} rules;

/* FNV-1a over all of a rule before its numbers, and over its grade: counts may differ. */
static uint64_t digest(const char *rule)
{
    static const char sid[] = "; sid:", grade[] = "wormsift_confidence ";
    uint64_t all = UINT64_C(0xcbf29ce484222325);
    const char *end = strstr(rule, sid), *at = strstr(rule, grade);
    for (const char *c = rule; *c != 0 && c != end; c++)
        all = (all ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    for (const char *c = at; c != NULL && *c != 0 && *c != ',' && *c != ';'; c++)
        all = (all ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    return all;
}

static struct rule *find(const char *id)
{
    for (size_t i = 0; i < rules.count; i++)
        if (strcmp(rules.all[i].id, id) == 0)
            return &rules.all[i];
    return NULL;
}

/* Takes over the text. */
static bool add(const char *id, unsigned sid, unsigned rev, bool off, char *text)
{
    if (rules.count == rules.room) {
        size_t room = rules.room == 0 ? 64 : rules.room * 2;
        struct rule *all = realloc(rules.all, room * sizeof(*all));
        if (all == NULL)
            return false;
        rules.all = all;
        rules.room = room;
    }
    struct rule *it = &rules.all[rules.count++];
    *it = (struct rule){
        .sid = sid, .rev = rev, .off = off, .what = digest(text), .text = text
    };
    snprintf(it->id, sizeof(it->id), "%s", id);
    if (sid >= rules.next)
        rules.next = sid + 1;
    return true;
}

/* The number after the last `name` in a line, or 0: a rule's own stand behind its contents. */
static unsigned number(const char *line, const char *name)
{
    const char *last = NULL;
    for (const char *at = line; (at = strstr(at, name)) != NULL; at += strlen(name))
        last = at;
    return last == NULL ? 0 : (unsigned)strtoul(last + strlen(name), NULL, 10);
}

/* Before a rule that is out of use. */
#define OFF "# "

/* Reads the file; false after saying why it cannot be used. A line that the plugin did not
 * write means that the file is somebody else's. */
static bool read_rules(void)
{
    FILE *file = fopen(rules.path, "re");
    if (file == NULL && errno == ENOENT)
        return true;
    if (file == NULL) {
        SCLogError("wormsift: rules: %s: %s", rules.path, strerror(errno));
        return false;
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    unsigned at_line = 0;
    bool well = true;
    while (well && (length = getline(&line, &room, file)) > 0) {
        at_line++;
        if (line[length - 1] == '\n')
            line[--length] = 0;
        if (length == 0)
            continue;
        char id[33];
        bool off = strncmp(line, OFF, strlen(OFF)) == 0;
        const char *rule = off ? line + strlen(OFF) : line;
        const char *at = strstr(rule, "wormsift_id ");
        unsigned sid = number(rule, " sid:"), rev = number(rule, " rev:");
        if (strncmp(rule, "alert ", 6) != 0 || at == NULL || sid == 0 || rev == 0
                || sscanf(at, "wormsift_id %32[0-9a-f]", id) != 1) {
            SCLogError("wormsift: rules: %s, line %u: expected a rule that wormsift wrote, found "
                       "\"%.40s\"; give it a file of its own", rules.path, at_line, line);
            well = false;
        } else if (find(id) == NULL) {
            char *text = strdup(rule);
            well = text != NULL && add(id, sid, rev, off, text);
        }
    }
    if (ferror(file)) {
        SCLogError("wormsift: rules: %s: %s", rules.path, strerror(errno));
        well = false;
    }
    free(line);
    fclose(file);
    return well;
}

bool rules_open(const char *path, bool writes)
{
    size_t room = strlen(path) + sizeof(".new");
    rules.next = FIRST_SID;
    rules.path = strdup(path);
    rules.beside = malloc(room);
    if (rules.path == NULL || rules.beside == NULL)
        return false;
    snprintf(rules.beside, room, "%s.new", path);
    if (!read_rules())
        return false;
    /* There from the start, so that Suricata does not miss it. */
    rules.changed = access(path, F_OK) != 0;
    if (!writes || rules_write())
        return true;
    SCLogError("wormsift: rules: %s: %s", rules.path, strerror(errno));
    return false;
}

/* Puts a rule out of use, if there is one. */
static wormsift_status put_off(struct rule *known)
{
    if (known != NULL && !known->off)
        known->off = rules.changed = true;
    return WORMSIFT_OK;
}

wormsift_status rules_take(const wormsift_finding *finding)
{
    const char *id = wormsift_finding_id(finding);
    struct rule *known = find(id);
    /* The rule of the whole takes its place. */
    if (wormsift_finding_part_of(finding) != NULL)
        return put_off(known);
    unsigned sid = known != NULL ? known->sid : rules.next;
    unsigned rev = known != NULL ? known->rev + 1 : 1;
    wormsift_buffer text = { 0 };
    wormsift_status status =
            wormsift_finding_render(finding, WORMSIFT_SURICATA, sid, rev, &text);
    if (status == WORMSIFT_ERR_NO_RULE)
        return put_off(known);
    if (known != NULL && known->revised >= MOST_REVISIONS) {
        wormsift_buffer_free(&text);
        return WORMSIFT_OK;
    }
    char *copy = status == WORMSIFT_OK ? strdup(text.data) : NULL;
    wormsift_buffer_free(&text);
    if (copy == NULL)
        return status < 0 ? status : WORMSIFT_ERR_LIMIT;
    copy[strcspn(copy, "\n")] = 0;
    if (known != NULL && !known->off && known->what == digest(copy)) {
        free(copy);
        return WORMSIFT_OK;
    }
    if (known == NULL) {
        if (!add(id, sid, rev, false, copy)) {
            free(copy);
            return WORMSIFT_ERR_LIMIT;
        }
    } else {
        free(known->text);
        known->text = copy;
        known->rev = rev;
        known->off = false;
        known->revised++;
        known->what = digest(copy);
    }
    rules.changed = true;
    return WORMSIFT_OK;
}

bool rules_write(void)
{
    if (!rules.changed)
        return true;
    FILE *file = fopen(rules.beside, "we");
    if (file == NULL)
        return false;
    bool well = true;
    for (size_t i = 0; i < rules.count; i++)
        well &= fprintf(file, "%s%s\n", rules.all[i].off ? OFF : "", rules.all[i].text) > 0;
    well &= fflush(file) == 0 && fsync(fileno(file)) == 0;
    well &= fclose(file) == 0;
    if (!well || rename(rules.beside, rules.path) != 0) {
        int why = errno;
        unlink(rules.beside);
        errno = why;
        return false;
    }
    rules.changed = false;
    return true;
}

void rules_close(void)
{
    for (size_t i = 0; i < rules.count; i++)
        free(rules.all[i].text);
    free(rules.all);
    free(rules.path);
    free(rules.beside);
    memset(&rules, 0, sizeof(rules));
}
