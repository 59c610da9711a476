/* A worm in reassembled streams, seen by a host that stops half way, saves, and goes on
 * with another process's engine: the same findings as without the stop. Prints nothing
 * and ends with 0.
 *
 *   restart STATEFILE */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wormsift.h>

enum { STEPS = 30, HALF = 7, BODY = 300, PIECE = 30 };

static void must(wormsift_status status, const char *what) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", what, wormsift_last_error());
        exit(1);
    }
}

static wormsift_config *settings(void) {
    wormsift_config *config = NULL;
    must(wormsift_config_new(&config), "config");
    must(wormsift_config_toml(config, "memory = '64MiB'\nsampling = '1'"), "toml");
    return config;
}

/* Each host attacks three, in pieces shorter than a window. */
static void give(wormsift_engine *engine, unsigned from, unsigned to) {
    wormsift_worker *worker = NULL;
    uint8_t body[BODY];
    for (unsigned i = 0; i < BODY; i++) body[i] = (uint8_t)(i * i % 251);
    must(wormsift_worker_new(engine, &worker), "worker");
    for (unsigned step = from; step < to; step++)
        for (unsigned at = 0; at < BODY; at += PIECE) {
            wormsift_piece piece = {0};
            piece.struct_size = sizeof piece;
            piece.number = 1 + step * (BODY / PIECE) + at / PIECE;
            piece.time_ns = piece.number * UINT64_C(10000000);
            piece.offset = at;
            piece.ip_version = 4;
            piece.source_port = (uint16_t)(5000 + step);
            piece.destination_port = 4444;
            piece.source[0] = piece.destination[0] = 10;
            piece.source[3] = (uint8_t)(step / 3);
            piece.destination[3] = (uint8_t)(step / 3 + 1 + step % 3 * 20);
            must(wormsift_worker_stream(worker, &piece, body + at, PIECE), "stream");
        }
    wormsift_worker_free(worker);
}

/* All findings as lines. */
static char *found(wormsift_engine *engine) {
    size_t length = 0;
    char *lines = calloc(1, 1);
    wormsift_finding *finding = NULL;
    must(wormsift_engine_finish(engine), "finish");
    while (wormsift_engine_next(engine, &finding) == WORMSIFT_OK) {
        wormsift_buffer line = {0};
        must(wormsift_finding_render(finding, WORMSIFT_JSON, 0, 0, &line), "render");
        lines = realloc(lines, length + line.length + 2);
        if (lines == NULL) exit(1);
        memcpy(lines + length, line.data, line.length);
        length += line.length;
        lines[length++] = '\n';
        lines[length] = 0;
        wormsift_buffer_free(&line);
        wormsift_finding_free(finding);
    }
    wormsift_engine_free(engine);
    return lines;
}

int main(int argc, char **argv) {
    wormsift_engine *engine = NULL, *other = NULL;
    wormsift_config *config = settings();
    if (argc != 2) return 2;

    must(wormsift_engine_new(config, &engine), "engine");
    give(engine, 0, STEPS);
    char *whole = found(engine);

    must(wormsift_engine_new(config, &engine), "engine");
    give(engine, 0, HALF);
    must(wormsift_engine_save(engine, argv[1]), "save");
    wormsift_engine_free(engine);
    must(wormsift_engine_restore(config, argv[1], &engine), "restore");
    give(engine, HALF, STEPS);
    char *stopped = found(engine);

    int good = strstr(whole, "\"type\":\"signature\"") != NULL
        && strcmp(whole, stopped) == 0;
    if (!good) fprintf(stderr, "expected\n%sfound\n%s", whole, stopped);
    free(whole);
    free(stopped);

    /* Under other settings, and damaged, it is refused. */
    must(wormsift_config_set(config, "sources", "7"), "set");
    good &= wormsift_engine_restore(config, argv[1], &other) == WORMSIFT_ERR_CONFIG;
    good &= strstr(wormsift_last_error(), "sources") != NULL;
    wormsift_config_free(config);
    config = settings();
    FILE *file = fopen(argv[1], "r+b");
    good &= file != NULL && fseek(file, 4096, SEEK_SET) == 0;
    int byte = file == NULL ? EOF : fgetc(file);
    good &= file != NULL && fseek(file, 4096, SEEK_SET) == 0
        && fputc((byte + 1) & 0xff, file) != EOF;
    if (file != NULL) fclose(file);
    good &= wormsift_engine_restore(config, argv[1], &other) < 0 && other == NULL;
    wormsift_config_free(config);
    return good ? 0 : 1;
}
