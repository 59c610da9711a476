/* Where findings go: the file of lines, the rules, the state, and Suricata's own log. What
 * fails is said once for each kind, with its path, and tried again the next time. */
#include "plugin.h"
#include "rules_file.h"

#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>

static struct {
    int file;
    int rotate; /* set by Suricata when logs are to be opened anew */
    uint64_t saved;
    bool saves; /* whether the state may be written */
} out = { .file = -1 };

static int open_output(void)
{
    return open(plugin.settings.output, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

/* What the engine has to say about itself. */
static void say_warnings(wormsift_engine *engine)
{
    wormsift_buffer warning = { 0 };
    while (wormsift_engine_next_warning(engine, &warning) == WORMSIFT_OK) {
        SCLogWarning("wormsift: %s", warning.data);
        wormsift_buffer_free(&warning);
    }
}

/* Reads the file of mutes, if there is one; without it findings are told as any others. */
static void mute(wormsift_engine *engine)
{
    if (plugin.settings.mute == NULL)
        return;
    went_well(FAILED_MUTE, "mute", wormsift_engine_mute(engine, plugin.settings.mute));
    say_warnings(engine);
}

/* A line whole or not at all, even on a full disk. */
static void write_line(const char *line, size_t length)
{
    struct stat before;
    bool regular = fstat(out.file, &before) == 0 && S_ISREG(before.st_mode);
    char *whole = malloc(length + 1);
    if (whole == NULL) {
        failed(FAILED_OUTPUT, plugin.settings.output, "out of memory; a finding is lost");
        return;
    }
    memcpy(whole, line, length);
    whole[length] = '\n';
    ssize_t written = write(out.file, whole, length + 1);
    int why = errno;
    free(whole);
    if (written == (ssize_t)length + 1)
        return;
    if (written > 0 && regular && ftruncate(out.file, before.st_size) != 0)
        why = errno;
    failed(FAILED_OUTPUT, plugin.settings.output, written >= 0 ? "no room" : strerror(why));
}

static void write_one(const wormsift_finding *finding)
{
    wormsift_buffer line = { 0 };
    /* The last word on what turned out to be a part of another content, which goes on. */
    const char *whole = wormsift_finding_part_of(finding);
    if (whole != NULL) {
        atomic_fetch_add(&plugin.parts, 1);
        SCLogNotice("wormsift: %s: a part of %s", wormsift_finding_id(finding), whole);
    }
    if (went_well(FAILED_FINDING, "finding",
                wormsift_finding_render(finding, WORMSIFT_JSON, 0, 0, &line))) {
        wormsift_summary it = { .struct_size = sizeof(it) };
        bool well = wormsift_finding_summary(finding, &it) == WORMSIFT_OK;
        if (well && it.kind == WORMSIFT_SIGNATURE && it.muted != 0) {
            atomic_fetch_add(&plugin.muted, 1);
        } else if (well && it.kind == WORMSIFT_SIGNATURE) {
            atomic_fetch_add(&plugin.findings, 1);
            SCLogNotice("wormsift: %s: protocol %u, port %d, from %u to %u hosts, passed on "
                        "by %u", wormsift_finding_id(finding), (unsigned)it.protocol,
                    (int)it.port, (unsigned)it.sources, (unsigned)it.destinations,
                    (unsigned)it.relays);
        }
        write_line(line.data, line.length);
    }
    if (plugin.settings.rules != NULL)
        went_well(FAILED_RULE, plugin.settings.rules, rules_take(finding));
    wormsift_buffer_free(&line);
}

void findings_write(void)
{
    if (out.rotate) {
        out.rotate = 0;
        int file = open_output();
        if (file >= 0) {
            close(out.file);
            out.file = file;
        } else {
            failed(FAILED_OUTPUT, plugin.settings.output, strerror(errno));
        }
        mute(plugin.engine);
    }
    wormsift_finding *finding = NULL;
    while (wormsift_engine_next(plugin.engine, &finding) == WORMSIFT_OK) {
        write_one(finding);
        wormsift_finding_free(finding);
    }
    if (plugin.settings.rules != NULL && !rules_write())
        failed(FAILED_RULES, plugin.settings.rules, strerror(errno));
    say_warnings(plugin.engine);
    if (atomic_load(&plugin.lost) > 0)
        failed(FAILED_LOST, "stream", "Suricata dropped bytes that it had neither put together "
                                      "nor shown: see wormsift.lost_bytes in its statistics");
}

/* Whether a file can be made where a path says. */
static bool has_folder(const char *path)
{
    char *copy = strdup(path);
    bool there = copy != NULL && access(dirname(copy), W_OK | X_OK) == 0;
    int why = errno;
    free(copy);
    errno = why;
    return there;
}

bool findings_open(void)
{
    const char *path = plugin.settings.output;
    out.file = open_output();
    if (out.file >= 0 && plugin.settings.rules != NULL) {
        path = plugin.settings.rules;
        if (!rules_open(path, true)) {
            /* It has said why. */
            close(out.file);
            out.file = -1;
            SCLogError("wormsift: not active");
            return false;
        }
    }
    if (out.file < 0) {
        SCLogError("wormsift: output: %s: %s; not active", path, strerror(errno));
        return false;
    }
    if (plugin.settings.state != NULL && !has_folder(plugin.settings.state))
        failed(FAILED_STATE, plugin.settings.state, strerror(errno));
    out.saved = 0;
    OutputRegisterFileRotationFlag(&out.rotate);
    return true;
}

void findings_close(void)
{
    if (out.file < 0)
        return;
    OutputUnregisterFileRotationFlag(&out.rotate);
    close(out.file);
    out.file = -1;
    rules_close();
}

void state_save(uint64_t now, bool at_the_end)
{
    const char *path = plugin.settings.state;
    if (path == NULL || !out.saves)
        return;
    if (!at_the_end) {
        if (out.saved == 0 || now + plugin.settings.state_interval < out.saved)
            out.saved = now;
        if (plugin.offline || now < out.saved + plugin.settings.state_interval)
            return;
        out.saved = now;
    }
    went_well(FAILED_STATE, "state", wormsift_engine_save(plugin.engine, path));
}

/* A state that cannot be used is kept beside the new one. Whether it was moved. */
static bool keep_old(const char *path)
{
    char old[4096];
    for (int i = 0; i < 10; i++) {
        int length = i == 0 ? snprintf(old, sizeof(old), "%s.old", path)
                            : snprintf(old, sizeof(old), "%s.old.%d", path, i);
        if (length >= (int)sizeof(old))
            return false;
        if (access(old, F_OK) != 0) {
            if (rename(path, old) != 0)
                return false;
            SCLogWarning("wormsift: %s is kept as %s", path, old);
            return true;
        }
    }
    return false;
}

/* A key that nobody can know, unless one is given. */
static bool set_random_key(wormsift_config *config)
{
    unsigned char bytes[16];
    char text[33];
    FILE *source = fopen("/dev/urandom", "rb");
    bool read = source != NULL && fread(bytes, 1, sizeof(bytes), source) == sizeof(bytes);
    if (source != NULL)
        fclose(source);
    for (size_t i = 0; read && i < sizeof(bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return read && wormsift_config_set(config, "key", text) == WORMSIFT_OK;
}

wormsift_engine *engine_make(bool changes_nothing)
{
    wormsift_engine *engine = NULL;
    struct settings *it = &plugin.settings;
    const char *key = it->has_key ? "the key given" : "a random key";
    out.saves = true;
    if (it->state != NULL && access(it->state, F_OK) == 0) {
        if (wormsift_engine_restore(it->config, it->state, &engine) == WORMSIFT_OK) {
            key = "the key of the state";
            SCLogNotice("wormsift: goes on from %s%s", it->state,
                    it->baseline != NULL ? ", with the baseline that is in it" : "");
        } else {
            SCLogWarning("wormsift: %s is not used: %s", it->state, wormsift_last_error());
            if (!changes_nothing && !keep_old(it->state)) {
                out.saves = false;
                failed(FAILED_STATE, it->state,
                        "it cannot be moved aside, so that no state will be saved");
            }
        }
    }
    if (engine == NULL) {
        /* Only now: a saved state has its key in it. */
        if (!it->has_key && !set_random_key(it->config)) {
            failed(FAILED_ENGINE, "key", "nothing to be read from /dev/urandom");
            return NULL;
        }
        wormsift_status status = it->baseline != NULL
            ? wormsift_engine_new_with_baseline(it->config, it->baseline, &engine)
            : wormsift_engine_new(it->config, &engine);
        if (!went_well(FAILED_ENGINE, "engine", status)) {
            SCLogError("wormsift: not active");
            return NULL;
        }
    }
    mute(engine);
    SCLogNotice("wormsift: libwormsift %s, %s, %s, %s, findings to %s", wormsift_version(), key,
            it->stream ? "reassembled TCP and packets (stream: yes)" : "packets (stream: no)",
            plugin.offline ? "captures" : "live", it->output);
    return engine;
}
