/* A host with two capture threads that number nothing, as an IDS has them.
 *
 *   cc capture_threads.c $(pkg-config --cflags --libs wormsift) -pthread -o capture_threads
 *   ./capture_threads CAPTURE [THREADS]
 *
 * The frames of a pcap file are dealt out by flow, to two threads unless told otherwise.
 * Each has a worker of its own and runs as fast as it can. With "ordered" = "time" the
 * engine puts what they give in the order of packet time, so that the findings are those
 * of one thread. Prints one JSON line for each finding.
 *
 * Here frames come from a file, faster than they were captured, so "hold" is "none": a
 * thread waits for the others however far ahead it is. A host on a live interface leaves
 * "hold" at its default, and calls wormsift_engine_advance once a second with the time. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wormsift.h>

enum { MOST_THREADS = 64, OFTEN = 4096 };

static uint8_t *file;
static size_t size, threads = 2;
static uint32_t link_type;
static uint64_t unit;
static wormsift_engine *engine;
static wormsift_worker *workers[MOST_THREADS];
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

static void must(wormsift_status status) {
    if (status < 0) {
        fprintf(stderr, "capture_threads: %s: %s\n", wormsift_status_text(status),
                wormsift_last_error());
        exit(1);
    }
}

static uint32_t number(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* A little-endian pcap file, times in micro- or nanoseconds. */
static void read_capture(const char *path) {
    FILE *stream = fopen(path, "rb");
    size_t room = 1 << 20, got;
    if (stream == NULL) {
        perror(path);
        exit(1);
    }
    file = malloc(room);
    while (file != NULL && (got = fread(file + size, 1, room - size, stream)) > 0) {
        size += got;
        if (size == room) file = realloc(file, room *= 2);
    }
    fclose(stream);
    if (file == NULL || size < 24
        || (number(file) != 0xa1b2c3d4 && number(file) != 0xa1b23c4d)) {
        fprintf(stderr, "%s: expected a little-endian pcap file\n", path);
        exit(1);
    }
    unit = number(file) == 0xa1b2c3d4 ? 1000 : 1;
    link_type = number(file + 20) & 0xffff;
}

/* Both directions of an IPv4 flow to one thread; everything else to the first. */
static size_t thread_of(const uint8_t *frame, uint32_t length) {
    if (length < 34 || frame[12] != 0x08 || frame[13] != 0x00) return 0;
    uint32_t both = number(frame + 26) ^ number(frame + 30);
    return (both * UINT32_C(2654435761) >> 16) % threads;
}

static void print_findings(void) {
    wormsift_finding *finding = NULL;
    while (wormsift_engine_next(engine, &finding) == WORMSIFT_OK) {
        wormsift_buffer line = {0};
        must(wormsift_finding_render(finding, WORMSIFT_JSON, 0, 0, &line));
        puts(line.data);
        wormsift_buffer_free(&line);
        wormsift_finding_free(finding);
    }
}

static void *capture(void *argument) {
    size_t mine = (size_t)argument, since = 0;
    wormsift_worker *worker = workers[mine];
    for (size_t at = 24; at + 16 <= size;) {
        uint32_t length = number(file + at + 8);
        const uint8_t *data = file + at + 16;
        wormsift_frame frame = {0};
        frame.struct_size = sizeof frame;
        frame.time_ns =
            number(file + at) * UINT64_C(1000000000) + number(file + at + 4) * unit;
        frame.link_type = link_type;
        frame.original_length = number(file + at + 12);
        if (length > size - at - 16) break;
        at += 16 + length;
        if (thread_of(data, length) == mine)
            must(wormsift_worker_frame(worker, &frame, data, length));
        if (++since % OFTEN == 0) {
            /* It has come so far, whether or not it had a packet; whoever is first
             * sifts what is settled, the others go on. */
            must(wormsift_worker_pass(worker, frame.time_ns));
            if (pthread_mutex_trylock(&printing) == 0) {
                must(wormsift_engine_advance(engine, 0));
                print_findings();
                pthread_mutex_unlock(&printing);
            }
        }
    }
    wormsift_worker_free(worker);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: capture_threads CAPTURE [THREADS]\n");
        return 2;
    }
    if (wormsift_abi_version() != WORMSIFT_ABI_VERSION) {
        fprintf(stderr, "capture_threads: built for interface %d, found %u\n",
                WORMSIFT_ABI_VERSION, (unsigned)wormsift_abi_version());
        return 1;
    }
    if (argc == 3) threads = strtoul(argv[2], NULL, 10);
    if (threads < 1 || threads > MOST_THREADS) {
        fprintf(stderr, "capture_threads: expected 1 to %d threads\n", MOST_THREADS);
        return 2;
    }
    read_capture(argv[1]);

    wormsift_config *config = NULL;
    must(wormsift_config_new(&config));
    must(wormsift_config_set(config, "ordered", "time"));
    must(wormsift_config_set(config, "hold", "none"));
    must(wormsift_engine_new(config, &engine));
    wormsift_config_free(config);

    /* All of them before the first packet: one that is not there holds nobody up. */
    for (size_t i = 0; i < threads; i++) must(wormsift_worker_new(engine, &workers[i]));
    pthread_t all[MOST_THREADS];
    for (size_t i = 0; i < threads; i++)
        if (pthread_create(&all[i], NULL, capture, (void *)i) != 0) return 1;
    for (size_t i = 0; i < threads; i++) pthread_join(all[i], NULL);

    must(wormsift_engine_finish(engine));
    print_findings();
    wormsift_stats stats = {0};
    stats.struct_size = sizeof stats;
    must(wormsift_engine_stats(engine, &stats));
    fprintf(stderr, "%llu frames, %llu packets, %llu signatures, %llu late\n",
            (unsigned long long)stats.frames, (unsigned long long)stats.packets,
            (unsigned long long)stats.signatures, (unsigned long long)stats.late);
    wormsift_engine_free(engine);
    free(file);
    return 0;
}
