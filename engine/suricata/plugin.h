/* What the parts of the plugin share. */
#ifndef WORMSIFT_PLUGIN_H
#define WORMSIFT_PLUGIN_H

#include "suricata-common.h"
#include "suricata-plugin.h"

#include "suricata.h"

#include "conf.h"
#include "counters.h"
#include "decode.h"
#include "flow-callbacks.h"
#include "flow-storage.h"
#include "flow.h"
#include "output-packet.h"
#include "output-streaming.h"
#include "output.h"
#include "stream-tcp-private.h"
#include "stream-tcp.h"
#include "thread-callbacks.h"
#include "util-debug.h"
#include "util-streaming-buffer.h"
#include "util-time.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wormsift.h>

#define SECOND UINT64_C(1000000000)

/* Each kind of failure is said once. */
enum failure {
    FAILED_SETTINGS,
    FAILED_ENGINE,
    FAILED_WORKER,
    FAILED_PACKET,
    FAILED_FINDING,
    FAILED_RULE,
    FAILED_RULES,
    FAILED_OUTPUT,
    FAILED_STATE,
    FAILED_MUTE,
    FAILED_LOST,
    FAILURES
};

/* What each thread counts, in Suricata's own statistics. */
enum counter {
    COUNT_PACKETS,       /* packets taken */
    COUNT_PACKET_BYTES,  /* their payload */
    COUNT_PIECES,        /* pieces of streams */
    COUNT_STREAM_BYTES,  /* their bytes */
    COUNT_RELEASED,      /* segments of streams that Suricata did not put together */
    COUNT_RELEASED_BYTES,
    COUNT_COPIES,        /* bytes that had come before, left out */
    COUNT_REFUSED,       /* bytes in segments with a wrong checksum */
    COUNTER_KINDS
};

struct thread {
    wormsift_worker *worker;
    ThreadVars *tv;
    unsigned uses;   /* by the two loggers */
    uint64_t now;    /* the time of its last packet */
    uint64_t ticked; /* when it last looked whether time is to be moved on */
    unsigned since;  /* packets since then */
    bool failed;
    bool in_tunnel;  /* its last packet came through one */
    uint16_t counters[COUNTER_KINDS];
};

/* The node `wormsift:`. Paths are whole. */
struct settings {
    wormsift_config *config;
    bool stream, has_key;
    char *output, *rules, *state, *baseline, *mute;
    uint64_t state_interval;
};

extern struct plugin {
    struct settings settings;
    wormsift_engine *engine;
    bool offline;
    bool registered; /* for this capture */
    FlowStorageId flows;
    pthread_mutex_t mutex; /* of the files, and of moving time on */
    uint64_t next;         /* packet time at which the engine is moved on */
    unsigned threads;
    _Atomic uint64_t lost, findings, parts, muted, late;
    _Atomic bool said[FAILURES + 1]; /* the last: that packets come */
} plugin;

/* Says what went wrong, once for each kind, with the path or what else it is about. */
void failed(enum failure kind, const char *about, const char *why);
/* The same for a call of the library. Whether it went well. */
bool went_well(enum failure kind, const char *about, wormsift_status status);

static inline void count(const struct thread *thread, enum counter counter, uint64_t by)
{
    StatsAddUI64(thread->tv, thread->counters[counter], by);
}

static inline uint64_t nanoseconds(SCTime_t time)
{
    return (uint64_t)SCTIME_SECS(time) * SECOND + (uint64_t)SCTIME_USECS(time) * 1000;
}

/* VLAN ids as one number. */
static inline uint64_t wrapping(const uint16_t *ids, unsigned count)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < count && i < 3; i++)
        all = all << 16 | (uint64_t)(ids[i] + 1u);
    return all;
}

/* settings.c: reads `wormsift:`; says what is wrong with it. */
bool settings_read(struct settings *settings);
void settings_free(struct settings *settings);

/* findings.c: the files that findings go to. Both with the mutex. */
bool findings_open(void);
void findings_write(void);
void findings_close(void);
/* Saves the state if there is one and its time has come. */
void state_save(uint64_t now, bool at_the_end);
/* The engine that goes on from the state, or a new one. */
wormsift_engine *engine_make(bool changes_nothing);

/* streams.c: TCP of sessions that Suricata follows. */
bool streams_want(const Packet *p);
void streams_packet(struct thread *thread, const Packet *p);
void streams_piece(struct thread *thread, const Flow *f, const uint8_t *bytes, uint32_t length,
        bool to_server);
void streams_free(void *session);
void streams_finish(const Flow *f);

/* wormsift_suricata.c */
void give_packet(struct thread *thread, const Packet *p);

#endif
