/* A host with several threads: the frames of a pcap file, dealt out by flow.
 *
 *   cc threaded.c $(pkg-config --cflags --libs wormsift) -pthread -o threaded
 *   ./threaded CAPTURE [THREADS]
 *
 * Prints one JSON line for each finding. Each thread has a worker of its own and no
 * locks. Packets keep the numbers that they have in the file, and threads meet every
 * ROUND packets; so the answer is the same for any number of threads. A host that can do
 * without that leaves "ordered" alone, and its threads never wait for each other. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wormsift.h>

enum { ROUND = 20000, MOST_THREADS = 64 };

struct record {
    uint64_t time_ns;
    uint32_t length, original_length;
    size_t at;
};

static uint8_t *file;
static struct record *records;
static size_t count, threads = 1;
static uint32_t link_type;
static wormsift_engine *engine;
static pthread_barrier_t barrier;

static void must(wormsift_status status) {
    if (status < 0) {
        fprintf(stderr, "threaded: %s: %s\n", wormsift_status_text(status),
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
    size_t size = 0, room = 1 << 20, got;
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
    uint64_t unit = number(file) == 0xa1b2c3d4 ? 1000 : 1;
    link_type = number(file + 20) & 0xffff;
    size_t most = 1024, at = 24;
    records = malloc(most * sizeof *records);
    while (records != NULL && at + 16 <= size) {
        struct record it;
        it.time_ns = number(file + at) * UINT64_C(1000000000) + number(file + at + 4) * unit;
        it.length = number(file + at + 8);
        it.original_length = number(file + at + 12);
        it.at = at + 16;
        if (it.length > size - it.at) break;
        at = it.at + it.length;
        if (count == most) records = realloc(records, (most *= 2) * sizeof *records);
        if (records != NULL) records[count++] = it;
    }
    if (records == NULL) {
        fprintf(stderr, "%s: out of memory\n", path);
        exit(1);
    }
}

/* Both directions of an IPv4 flow to one thread; everything else to the first. */
static size_t thread_of(const struct record *it) {
    const uint8_t *frame = file + it->at;
    if (it->length < 34 || frame[12] != 0x08 || frame[13] != 0x00) return 0;
    uint32_t both = number(frame + 26) ^ number(frame + 30);
    return (both * UINT32_C(2654435761) >> 16) % threads;
}

static void *sift(void *argument) {
    size_t mine = (size_t)argument;
    wormsift_worker *worker = NULL;
    must(wormsift_worker_new(engine, &worker));
    for (size_t start = 0; start < count; start += ROUND) {
        size_t end = count - start < ROUND ? count : start + ROUND;
        for (size_t i = start; i < end; i++) {
            if (thread_of(&records[i]) != mine) continue;
            wormsift_frame frame = {0};
            frame.struct_size = sizeof frame;
            frame.number = i + 1;
            frame.time_ns = records[i].time_ns;
            frame.link_type = link_type;
            frame.original_length = records[i].original_length;
            must(wormsift_worker_frame(worker, &frame, file + records[i].at,
                                       records[i].length));
        }
        must(wormsift_worker_flush(worker));
        /* Everybody has handed over; one sifts, the others wait. */
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            must(wormsift_engine_advance(engine, 0));
        pthread_barrier_wait(&barrier);
    }
    wormsift_worker_free(worker);
    return NULL;
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

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: threaded CAPTURE [THREADS]\n");
        return 2;
    }
    if (wormsift_abi_version() != WORMSIFT_ABI_VERSION) {
        fprintf(stderr, "threaded: built for interface %d, found %u\n",
                WORMSIFT_ABI_VERSION, (unsigned)wormsift_abi_version());
        return 1;
    }
    if (argc == 3) threads = strtoul(argv[2], NULL, 10);
    if (threads < 1 || threads > MOST_THREADS) {
        fprintf(stderr, "threaded: expected 1 to %d threads\n", MOST_THREADS);
        return 2;
    }
    read_capture(argv[1]);

    wormsift_config *config = NULL;
    must(wormsift_config_new(&config));
    must(wormsift_config_set(config, "ordered", "1"));
    must(wormsift_engine_new(config, &engine));
    wormsift_config_free(config);

    pthread_t others[MOST_THREADS];
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (size_t i = 0; i < threads; i++)
        if (pthread_create(&others[i], NULL, sift, (void *)i) != 0) return 1;
    for (size_t i = 0; i < threads; i++) pthread_join(others[i], NULL);
    pthread_barrier_destroy(&barrier);

    must(wormsift_engine_finish(engine));
    print_findings();
    wormsift_stats stats = {0};
    stats.struct_size = sizeof stats;
    must(wormsift_engine_stats(engine, &stats));
    fprintf(stderr, "%llu frames, %llu packets, %llu signatures\n",
            (unsigned long long)stats.frames, (unsigned long long)stats.packets,
            (unsigned long long)stats.signatures);
    wormsift_engine_free(engine);
    free(records);
    free(file);
    return 0;
}
