/* Wrong calls are answered, in every build: prints nothing and ends with 0. */
#define _POSIX_C_SOURCE 200809L
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wormsift.h>

static int failures;

#define EXPECT(call, wanted)                                                           \
    do {                                                                               \
        int found = (int)(call);                                                       \
        if (found != (int)(wanted)) {                                                  \
            fprintf(stderr, "%d: %s: expected %d, found %d (%s)\n", __LINE__, #call,   \
                    (int)(wanted), found, wormsift_last_error());                      \
            failures++;                                                                \
        }                                                                              \
    } while (0)

static void nulls(void) {
    wormsift_config *config = NULL;
    wormsift_engine *engine = NULL;
    wormsift_worker *worker = NULL;
    wormsift_finding *finding = NULL;
    wormsift_buffer buffer = {0};
    wormsift_packet packet = {0};
    wormsift_stats stats = {0};
    wormsift_summary summary = {0};
    packet.struct_size = sizeof packet;
    stats.struct_size = sizeof stats;
    summary.struct_size = sizeof summary;
    EXPECT(wormsift_config_new(NULL), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_config_set(NULL, "sources", "3"), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_config_toml(NULL, ""), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_new(NULL, &engine), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_new_with_baseline(NULL, NULL, &engine),
           WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_restore(NULL, "x", &engine), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_advance(NULL, 1), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_finish(NULL), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_next(NULL, &finding), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_next_warning(NULL, &buffer), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_stats(NULL, &stats), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_stats_json(NULL, &buffer), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_save(NULL, "x"), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_worker_new(NULL, &worker), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_worker_packet(NULL, &packet, NULL, 0), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_worker_frame(NULL, NULL, NULL, 0), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_worker_stream(NULL, NULL, NULL, 0), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_worker_flush(NULL), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_worker_pass(NULL, 1), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_finding_summary(NULL, &summary), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_finding_render(NULL, WORMSIFT_JSON, 0, 0, &buffer),
           WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_finding_id(NULL) == NULL, 1);
    EXPECT(wormsift_finding_part_of(NULL) == NULL, 1);
    EXPECT(wormsift_finding_incident(NULL) == NULL, 1);
    EXPECT(wormsift_finding_muted(NULL) == NULL, 1);
    EXPECT(wormsift_engine_mute(NULL, "x"), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_finding_content(NULL, NULL) == NULL, 1);
    wormsift_config_free(NULL);
    wormsift_engine_free(NULL);
    wormsift_worker_free(NULL);
    wormsift_finding_free(NULL);
    wormsift_buffer_free(NULL);
    wormsift_buffer_free(&buffer);
    EXPECT(config == NULL && engine == NULL && worker == NULL && finding == NULL, 1);
}

static wormsift_engine *small_engine(const char *ordered) {
    wormsift_config *config = NULL;
    wormsift_engine *engine = NULL;
    EXPECT(wormsift_config_new(&config), WORMSIFT_OK);
    EXPECT(wormsift_config_set(config, "memory", "16MiB"), WORMSIFT_OK);
    EXPECT(wormsift_config_set(config, "ordered", ordered), WORMSIFT_OK);
    EXPECT(wormsift_engine_new(config, &engine), WORMSIFT_OK);
    wormsift_config_free(config);
    return engine;
}

static void settings(void) {
    wormsift_config *config = NULL;
    wormsift_engine *engine = (wormsift_engine *)&failures;
    EXPECT(wormsift_config_new(&config), WORMSIFT_OK);
    EXPECT(wormsift_config_set(config, NULL, "3"), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_config_set(config, "sources", NULL), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_config_set(config, "\xff", "3"), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_config_set(config, "souces", "3"), WORMSIFT_ERR_CONFIG);
    EXPECT(strstr(wormsift_last_error(), "`sources`") != NULL, 1);
    EXPECT(wormsift_config_toml(config, "sources = "), WORMSIFT_ERR_CONFIG);
    EXPECT(wormsift_config_toml(config, "sources = 5\ndestinations = 6"), WORMSIFT_OK);
    /* One line, whatever the engine's own has. */
    EXPECT(wormsift_config_set(config, "beta", "0"), WORMSIFT_ERR_CONFIG);
    EXPECT(strstr(wormsift_last_error(), "8 to 64") != NULL, 1);
    EXPECT(wormsift_config_toml(config, "sources = 5\ndestinations = \"x\"\n"),
           WORMSIFT_ERR_CONFIG);
    EXPECT(strlen(wormsift_last_error()) > 20, 1);
    EXPECT(strchr(wormsift_last_error(), '\n') == NULL, 1);
    EXPECT(wormsift_config_set(config, "memory", "1KiB"), WORMSIFT_ERR_CONFIG);
    EXPECT(wormsift_config_set(config, "memory", "9999TiB"), WORMSIFT_ERR_CONFIG);
    /* Within the range of the setting, beyond any machine. */
    EXPECT(wormsift_config_set(config, "memory", "15TiB"), WORMSIFT_OK);
    EXPECT(wormsift_engine_new(config, &engine), WORMSIFT_ERR_CONFIG);
    EXPECT(strstr(wormsift_last_error(), "15TiB") != NULL, 1);
    /* Found when an engine is made. */
    EXPECT(wormsift_config_toml(config, "memory = \"1KiB\""), WORMSIFT_OK);
    EXPECT(wormsift_engine_new(config, &engine), WORMSIFT_ERR_CONFIG);
    EXPECT(engine == NULL, 1);
    EXPECT(wormsift_engine_new(config, NULL), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_config_set(config, "memory", "16MiB"), WORMSIFT_OK);
    EXPECT(wormsift_engine_restore(config, "/nonexistent/state", &engine),
           WORMSIFT_ERR_IO);
    EXPECT(wormsift_engine_new_with_baseline(config, "/nonexistent", &engine),
           WORMSIFT_ERR_IO);
    wormsift_config_free(config);
}

static void structs(void) {
    wormsift_engine *engine = small_engine("0");
    wormsift_worker *worker = NULL;
    wormsift_packet packet = {0};
    wormsift_frame frame = {0};
    wormsift_stats stats = {0};
    wormsift_buffer buffer = {0};
    const uint8_t data[64] = {0};
    EXPECT(wormsift_worker_new(engine, &worker), WORMSIFT_OK);
    EXPECT(wormsift_worker_new(engine, NULL), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_worker_packet(worker, &packet, data, 64), WORMSIFT_ERR_VERSION);
    packet.struct_size = SIZE_MAX;
    EXPECT(wormsift_worker_packet(worker, &packet, data, 64), WORMSIFT_ERR_VERSION);
    packet.struct_size = sizeof packet;
    EXPECT(wormsift_worker_packet(worker, &packet, data, 64), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(strstr(wormsift_last_error(), "ip_version") != NULL, 1);
    packet.ip_version = 4;
    EXPECT(wormsift_worker_packet(worker, NULL, data, 64), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_worker_packet(worker, &packet, NULL, 64), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_worker_packet(worker, &packet, NULL, 0), WORMSIFT_OK);
    EXPECT(wormsift_worker_packet(worker, &packet, data, 64), WORMSIFT_OK);
#if SIZE_MAX > 0xffffffff
    EXPECT(wormsift_worker_packet(worker, &packet, data, SIZE_MAX), WORMSIFT_ERR_LIMIT);
#endif
    frame.struct_size = sizeof frame;
    EXPECT(wormsift_worker_frame(worker, &frame, data, 64), WORMSIFT_OK);
    frame.link_type = UINT32_MAX;
    frame.time_ns = UINT64_MAX;
    frame.number = UINT64_MAX;
    EXPECT(wormsift_worker_frame(worker, &frame, data, 64), WORMSIFT_OK);
    EXPECT(wormsift_worker_flush(worker), WORMSIFT_OK);
    EXPECT(wormsift_engine_stats(engine, NULL), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_stats(engine, &stats), WORMSIFT_ERR_VERSION);
    stats.struct_size = sizeof stats;
    EXPECT(wormsift_engine_stats(engine, &stats), WORMSIFT_OK);
    EXPECT(stats.frames, 4);
    EXPECT(stats.packets, 2);
    EXPECT(stats.drops, 2);
    /* As a host that was built against a header with two members only. */
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats.struct_size + sizeof stats.frames;
    EXPECT(wormsift_engine_stats(engine, &stats), WORMSIFT_OK);
    EXPECT(stats.frames == 4 && stats.packets == 0, 1);
    EXPECT(wormsift_engine_stats_json(engine, NULL), WORMSIFT_ERR_INVALID_ARG);
    EXPECT(wormsift_engine_stats_json(engine, &buffer), WORMSIFT_OK);
    EXPECT(strlen(buffer.data) == buffer.length && strstr(buffer.data, "\"drops\"") != NULL, 1);
    wormsift_buffer_free(&buffer);
    wormsift_buffer_free(&buffer);
    wormsift_worker_free(worker);
    wormsift_engine_free(engine);
}

/* Ends before beginnings, and again. */
static void orders(void) {
    static const char *const ordered[] = {"0", "1", "time"};
    for (int i = 0; i < 3; i++) {
        wormsift_engine *engine = small_engine(ordered[i]);
        wormsift_worker *first = NULL, *second = NULL;
        wormsift_finding *finding = (wormsift_finding *)&failures;
        wormsift_buffer warning = {0};
        wormsift_packet packet = {0};
        wormsift_status status;
        const uint8_t data[64] = {1, 2, 3};
        packet.struct_size = sizeof packet;
        packet.ip_version = 6;
        EXPECT(wormsift_engine_next(engine, &finding), WORMSIFT_AGAIN);
        EXPECT(finding == NULL, 1);
        EXPECT(wormsift_engine_next(engine, NULL), WORMSIFT_ERR_INVALID_ARG);
        EXPECT(wormsift_engine_finish(engine), WORMSIFT_OK);
        EXPECT(wormsift_worker_new(engine, &first), WORMSIFT_OK);
        EXPECT(wormsift_worker_new(engine, &second), WORMSIFT_OK);
        packet.number = 9;
        packet.time_ns = 9000000000u;
        EXPECT(wormsift_worker_packet(first, &packet, data, 64), WORMSIFT_OK);
        packet.number = 3;
        packet.time_ns = 1;
        EXPECT(wormsift_worker_packet(second, &packet, data, 64), WORMSIFT_OK);
        EXPECT(wormsift_engine_advance(engine, 100000000000u), WORMSIFT_OK);
        EXPECT(wormsift_worker_flush(first), WORMSIFT_OK);
        EXPECT(wormsift_engine_advance(engine, 5), WORMSIFT_OK);
        EXPECT(wormsift_engine_finish(engine), WORMSIFT_OK);
        EXPECT(wormsift_engine_finish(engine), WORMSIFT_OK);
        do {
            status = wormsift_engine_next_warning(engine, &warning);
            EXPECT(status == WORMSIFT_OK || status == WORMSIFT_AGAIN, 1);
            wormsift_buffer_free(&warning);
        } while (status == WORMSIFT_OK);
        /* Workers outlive their engine. */
        wormsift_engine_free(engine);
        EXPECT(wormsift_worker_packet(second, &packet, data, 64), WORMSIFT_OK);
        EXPECT(wormsift_worker_flush(second), WORMSIFT_OK);
        wormsift_worker_free(second);
        wormsift_worker_free(first);
    }
}

#define BODY 300

/* Each host is infected by the one before, and attacks three others. */
static void outbreak(wormsift_engine *engine, uint8_t body[BODY]) {
    wormsift_worker *worker = NULL;
    for (unsigned i = 0; i < BODY; i++) body[i] = (uint8_t)(i * i % 251);
    EXPECT(wormsift_worker_new(engine, &worker), WORMSIFT_OK);
    for (unsigned step = 0; step < 30; step++) {
        wormsift_packet packet = {0};
        packet.struct_size = sizeof packet;
        packet.time_ns = step * UINT64_C(100000000);
        packet.ip_version = 4;
        packet.protocol = 17;
        packet.destination_port = 4444;
        packet.source[0] = packet.destination[0] = 10;
        packet.source[3] = (uint8_t)(step / 3);
        packet.destination[3] = (uint8_t)(step / 3 + 1 + step % 3 * 20);
        EXPECT(wormsift_worker_packet(worker, &packet, body, BODY), WORMSIFT_OK);
    }
    wormsift_worker_free(worker);
    EXPECT(wormsift_engine_finish(engine), WORMSIFT_OK);
}

/* A finding in every form, and after its engine. */
static void findings(void) {
    wormsift_engine *engine = small_engine("0");
    wormsift_finding *finding = NULL;
    wormsift_summary summary = {0};
    uint8_t body[BODY];
    size_t length = 0;
    outbreak(engine, body);
    EXPECT(wormsift_engine_next(engine, &finding), WORMSIFT_OK);
    wormsift_engine_free(engine);
    EXPECT(strlen(wormsift_finding_id(finding)), 32);
    EXPECT(wormsift_finding_part_of(finding) == NULL, 1);
    EXPECT(strlen(wormsift_finding_incident(finding)), 32);
    EXPECT(wormsift_finding_muted(finding) == NULL, 1);
    const uint8_t *content = wormsift_finding_content(finding, &length);
    EXPECT(length == sizeof body && memcmp(content, body, length) == 0, 1);
    EXPECT(wormsift_finding_summary(finding, &summary), WORMSIFT_ERR_VERSION);
    summary.struct_size = sizeof summary;
    EXPECT(wormsift_finding_summary(finding, &summary), WORMSIFT_OK);
    EXPECT(summary.kind == WORMSIFT_SIGNATURE && summary.port == 4444, 1);
    EXPECT(summary.relays > 0 && summary.spread >= 3, 1);
    EXPECT(summary.incident_kind, WORMSIFT_OUTBREAK);
    EXPECT(summary.muted == 0 && summary.muted_until_ns == 0, 1);
    /* A host of before gets what it knows, and nothing beyond. */
    summary.struct_size = offsetof(wormsift_summary, incident_kind);
    summary.incident_kind = 77;
    EXPECT(wormsift_finding_summary(finding, &summary), WORMSIFT_OK);
    EXPECT(summary.incident_kind, 77);
    for (uint32_t format = 0; format < 8; format++) {
        wormsift_buffer text = {0};
        int is_rule = format == WORMSIFT_SURICATA || format == WORMSIFT_SNORT3
            || format == WORMSIFT_EVE;
        EXPECT(wormsift_finding_render(finding, format, 0, 1, &text),
               is_rule || format > WORMSIFT_EVE ? WORMSIFT_ERR_INVALID_ARG
                                                : WORMSIFT_OK);
        wormsift_buffer_free(&text);
        EXPECT(wormsift_finding_render(finding, format, 1500000, 1, &text),
               format > WORMSIFT_EVE ? WORMSIFT_ERR_INVALID_ARG : WORMSIFT_OK);
        wormsift_buffer_free(&text);
        EXPECT(wormsift_finding_render(finding, format, 1500000, 1, NULL),
               WORMSIFT_ERR_INVALID_ARG);
    }
    wormsift_finding_free(finding);
}

/* The first finding of an outbreak under a setting, and a file of mutes if there is one. */
static wormsift_finding *first(const char *kinds, const char *mutes, uint8_t body[BODY]) {
    wormsift_config *config = NULL;
    wormsift_engine *engine = NULL;
    wormsift_finding *finding = NULL;
    wormsift_buffer warning = {0};
    EXPECT(wormsift_config_new(&config), WORMSIFT_OK);
    EXPECT(wormsift_config_set(config, "memory", "16MiB"), WORMSIFT_OK);
    EXPECT(wormsift_config_set(config, "rule_kinds", kinds), WORMSIFT_OK);
    EXPECT(wormsift_config_set(config, "rule_kinds", "worm"), WORMSIFT_ERR_CONFIG);
    EXPECT(wormsift_engine_new(config, &engine), WORMSIFT_OK);
    wormsift_config_free(config);
    if (mutes != NULL) {
        EXPECT(wormsift_engine_mute(engine, mutes), WORMSIFT_OK);
        EXPECT(wormsift_engine_mute(engine, "/nonexistent/mutes"), WORMSIFT_ERR_IO);
        EXPECT(wormsift_engine_mute(engine, NULL), WORMSIFT_ERR_INVALID_ARG);
        EXPECT(wormsift_engine_next_warning(engine, &warning), WORMSIFT_OK);
        EXPECT(strstr(warning.data, ": line 3: expected an entry") != NULL, 1);
        wormsift_buffer_free(&warning);
        EXPECT(wormsift_engine_next_warning(engine, &warning), WORMSIFT_AGAIN);
    }
    outbreak(engine, body);
    EXPECT(wormsift_engine_next(engine, &finding), WORMSIFT_OK);
    wormsift_engine_free(engine);
    return finding;
}

/* Kinds that were not asked for, and what is muted, have no rules. */
static void without_rules(void) {
    char path[] = "/tmp/wormsift-mutes-XXXXXX";
    uint8_t body[BODY];
    wormsift_finding *finding = first("unclear, outbreak", NULL, body);
    wormsift_buffer text = {0};
    wormsift_summary summary = {0};
    EXPECT(wormsift_finding_render(finding, WORMSIFT_SURICATA, 1, 1, &text), WORMSIFT_OK);
    wormsift_buffer_free(&text);
    wormsift_finding_free(finding);

    finding = first("[\"mass-delivery\"]", NULL, body);
    EXPECT(wormsift_finding_render(finding, WORMSIFT_YARA, 1, 1, &text),
           WORMSIFT_ERR_NO_RULE);
    EXPECT(strstr(wormsift_last_error(), "of kind outbreak") != NULL, 1);
    EXPECT(wormsift_finding_render(finding, WORMSIFT_JSON, 0, 0, &text), WORMSIFT_OK);
    EXPECT(strstr(text.data, "\"muted\"") == NULL, 1);
    wormsift_buffer_free(&text);
    wormsift_finding_free(finding);

    int mutes = mkstemp(path);
    FILE *file = fdopen(mutes, "w");
    EXPECT(file != NULL, 1);
    fprintf(file, "# ours\n{\"content\":\"");
    for (unsigned i = 20; i < 80; i++) fprintf(file, "%02x", body[i]);
    fprintf(file, "\",\"reason\":\"a scan of ours\",\"until\":\"2001-09-09T01:46:40Z\"}\nwrong\n");
    fclose(file);
    finding = first("all", path, body);
    unlink(path);
    EXPECT(strcmp(wormsift_finding_muted(finding), "a scan of ours"), 0);
    summary.struct_size = sizeof summary;
    EXPECT(wormsift_finding_summary(finding, &summary), WORMSIFT_OK);
    EXPECT(summary.muted, 1);
    EXPECT(summary.muted_until_ns == UINT64_C(1000000000000000000), 1);
    EXPECT(wormsift_finding_render(finding, WORMSIFT_EVE, 1, 1, &text),
           WORMSIFT_ERR_NO_RULE);
    EXPECT(strstr(wormsift_last_error(), "muted until 2001-09-09") != NULL, 1);
    EXPECT(wormsift_finding_render(finding, WORMSIFT_JSON, 0, 0, &text), WORMSIFT_OK);
    EXPECT(strstr(text.data, "\"muted\":{\"entry\"") != NULL, 1);
    wormsift_buffer_free(&text);
    wormsift_finding_free(finding);
}

/* Two ends of a content, each of which is a content of its own until the whole comes. */
static void parts(void) {
    static const struct { size_t from, to; } shown[] = {{0, 300}, {600, 1000}, {0, 1000}};
    wormsift_engine *engine = small_engine("0");
    wormsift_worker *worker = NULL;
    wormsift_finding *finding = NULL;
    uint8_t body[1000];
    char oldest[33] = "";
    unsigned wholes = 0, of_oldest = 0;
    uint32_t noise = 1;
    for (size_t i = 0; i < sizeof body; i++) {
        noise = noise * 1664525u + 1013904223u;
        body[i] = (uint8_t)(noise >> 24);
    }
    EXPECT(wormsift_worker_new(engine, &worker), WORMSIFT_OK);
    for (unsigned step = 0; step < 180; step++) {
        const size_t from = shown[step / 60].from, to = shown[step / 60].to;
        wormsift_packet packet = {0};
        packet.struct_size = sizeof packet;
        packet.time_ns = (step + 1) * UINT64_C(100000000);
        packet.ip_version = 4;
        packet.protocol = 17;
        packet.destination_port = 4444;
        packet.source[0] = packet.destination[0] = 10;
        packet.source[3] = (uint8_t)(step / 3);
        packet.destination[3] = (uint8_t)(step / 3 + 1 + step % 3 * 80);
        EXPECT(wormsift_worker_packet(worker, &packet, body + from, to - from), WORMSIFT_OK);
        EXPECT(wormsift_worker_flush(worker), WORMSIFT_OK);
    }
    wormsift_worker_free(worker);
    EXPECT(wormsift_engine_finish(engine), WORMSIFT_OK);
    while (wormsift_engine_next(engine, &finding) == WORMSIFT_OK) {
        wormsift_summary summary = {0};
        const char *whole = wormsift_finding_part_of(finding);
        summary.struct_size = sizeof summary;
        EXPECT(wormsift_finding_summary(finding, &summary), WORMSIFT_OK);
        if (oldest[0] == 0) strcpy(oldest, wormsift_finding_id(finding));
        if (whole != NULL) {
            EXPECT(summary.kind, WORMSIFT_SUMMARY);
            EXPECT(strcmp(whole, oldest), 0);
            EXPECT(strcmp(wormsift_finding_id(finding), oldest) != 0, 1);
            of_oldest++;
        } else if (summary.kind == WORMSIFT_SUMMARY) {
            wholes++;
        }
        wormsift_finding_free(finding);
    }
    EXPECT(of_oldest, 1);
    EXPECT(wholes, 1);
    wormsift_engine_free(engine);
}

/* A state never takes the place of a device or a folder. */
static void devices(void) {
    wormsift_engine *engine = small_engine("0");
    struct stat it;
    EXPECT(wormsift_engine_save(engine, "/dev/null"), WORMSIFT_ERR_IO);
    EXPECT(stat("/dev/null", &it) == 0 && S_ISCHR(it.st_mode), 1);
    EXPECT(wormsift_engine_save(engine, "/"), WORMSIFT_ERR_IO);
    wormsift_engine_free(engine);
}

/* An engine belongs to the process that made it. */
static void forks(void) {
    wormsift_engine *engine = small_engine("time");
    wormsift_worker *worker = NULL;
    int status = -1;
    EXPECT(wormsift_worker_new(engine, &worker), WORMSIFT_OK);
    pid_t child = fork();
    if (child == 0) {
        EXPECT(wormsift_engine_advance(engine, 1), WORMSIFT_ERR_STATE);
        EXPECT(strstr(wormsift_last_error(), "fork") != NULL, 1);
        EXPECT(wormsift_worker_flush(worker), WORMSIFT_ERR_STATE);
        wormsift_worker_free(worker);
        wormsift_engine_free(engine);
        wormsift_engine *own = small_engine("time");
        EXPECT(wormsift_engine_finish(own), WORMSIFT_OK);
        wormsift_engine_free(own);
        /* What threads of the parent had is in the child and nobody's: no leak of ours. */
        execlp(failures == 0 ? "true" : "false", "answer", (char *)NULL);
        _exit(1);
    }
    EXPECT(waitpid(child, &status, 0) == child && status == 0, 1);
    EXPECT(wormsift_engine_advance(engine, 1), WORMSIFT_OK);
    wormsift_worker_free(worker);
    wormsift_engine_free(engine);
}

int main(void) {
    EXPECT(wormsift_abi_version(), WORMSIFT_ABI_VERSION);
    EXPECT(wormsift_version()[0] != 0, 1);
    for (int status = -200; status < 10; status++)
        EXPECT(wormsift_status_text(status)[0] != 0, 1);
    nulls();
    settings();
    structs();
    orders();
    findings();
    without_rules();
    parts();
    devices();
    forks();
    return failures == 0 ? 0 : 1;
}
