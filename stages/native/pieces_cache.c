/* The tokens of units seen before: see pieces_cache.h. */
#define _DEFAULT_SOURCE /* madvise */
#include <stdlib.h>
#include <sys/mman.h>

#include "pieces_cache.h"

#define LINE 64
#define HUGE ((size_t)2 << 20) /* of a large page on x86-64 and most others */
#define FIRST_LINES 4096          /* 256 KiB: a few documents need no more */
#define FIRST_LOG (UINT64_C(1) << 18) /* enough for the longest unit many times */

static unsigned near_most(enum cache_form form) { return form == CACHE_24_32 ? 5 : 7; }

/* A table of free entries. On its own boundary, so that large pages can hold it: its lines are met in no order, and each
 * small page more is a miss of the address cache. Fresh pages are zero without being written. */
static struct cache_entry *table_new(size_t lines, struct cache_memory *memory)
{
    memory->size = lines * LINE + HUGE + LINE;
    memory->from = mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory->from == MAP_FAILED) {
        memory->from = NULL;
        return NULL;
    }
    uint8_t *table = (uint8_t *)memory->from + (HUGE - (uintptr_t)memory->from % HUGE);
#ifdef MADV_HUGEPAGE
    if (lines * LINE >= HUGE)
        madvise(table, lines * LINE, MADV_HUGEPAGE);
#endif
    return (struct cache_entry *)(void *)table;
}

static void table_free(struct cache_memory *memory)
{
    if (memory->from)
        munmap(memory->from, memory->size);
}

bool cache_open(struct cache *cache, enum cache_form form, size_t bytes)
{
    memset(cache, 0, sizeof *cache);
    cache->form = form;
    size_t half = FIRST_LOG;
    while (half * 4 <= bytes)
        half *= 2;
    cache->log_size = FIRST_LOG;
    cache->most_log = half;
    cache->most_lines = half / LINE;
    cache->lines = FIRST_LINES < cache->most_lines ? FIRST_LINES : cache->most_lines;
    cache->log = malloc(cache->log_size);
    cache->table = table_new(cache->lines, &cache->memory);
    return cache->log && cache->table;
}

void cache_close(struct cache *cache)
{
    free(cache->log);
    table_free(&cache->memory);
}

static uint64_t hash_of(const struct cache_entry *entry)
{
    return entry->key[1] >> 56 == 255 ? entry->key[0] : cache_mix(entry->key[0], entry->key[1]);
}

static struct cache_entry *line_at(const struct cache *cache, uint64_t line)
{
    return cache->table + 2 * (line & (cache->lines - 1));
}

static struct cache_entry *free_in(struct cache_entry *line)
{
    return !line[0].key[1] ? line : !line[1].key[1] ? line + 1 : NULL;
}

static bool is_full(const struct cache *cache) { return cache->used / 3 > cache->lines / 2; }

/* A place for this hash: free, or taken from an entry that was not asked for. A full table that may not grow stays at
 * 3/4, so that lines with room still end most searches. */
static struct cache_entry *place_for(struct cache *cache, uint64_t hash)
{
    for (uint64_t step = 0; step < (is_full(cache) ? 1 : CACHE_REACH); step++) {
        struct cache_entry *place = free_in(line_at(cache, hash + step));
        if (!place)
            continue;
        cache->used++;
        return place;
    }
    struct cache_entry *window[4]; /* in the two nearest lines */
    for (unsigned i = 0; i < 4; i++)
        window[i] = line_at(cache, hash + i / 2) + i % 2;
    const unsigned start = cache->hand++;
    for (unsigned i = 0; i < 4; i++)
        if (!(window[(start + i) % 4]->state & CACHE_ASKED))
            return window[(start + i) % 4];
    for (unsigned i = 0; i < 4; i++)
        window[i]->state &= (uint8_t)~CACHE_ASKED;
    return window[start % 4];
}

static void grow_table(struct cache *cache, size_t lines)
{
    struct cache_memory memory;
    struct cache_entry *table = table_new(lines, &memory);
    if (!table) {
        cache->most_lines = cache->lines;
        return;
    }
    struct cache old = *cache;
    cache->table = table;
    cache->memory = memory;
    cache->lines = lines;
    cache->used = 0;
    for (size_t i = 0; i < 2 * old.lines; i++) {
        if (!old.table[i].key[1])
            continue;
        *place_for(cache, hash_of(old.table + i)) = old.table[i];
    }
    table_free(&old.memory);
}

static void write_near(struct cache_entry *entry, enum cache_form form, const uint32_t *tokens, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t bytes[3] = {(uint8_t)tokens[i], (uint8_t)(tokens[i] >> 8), (uint8_t)(tokens[i] >> 16)};
        const uint16_t half = (uint16_t)tokens[i];
        if (form == CACHE_24_32)
            memcpy(entry->body + 3 * i, bytes, 3);
        else
            memcpy(entry->body + 1 + 2 * i, &half, 2);
    }
}

/* To so many bytes, before it has gone round: what is written stays where it is. */
static void grow_log(struct cache *cache, uint64_t size)
{
    uint8_t *log = realloc(cache->log, size);
    if (!log) {
        cache->most_log = cache->log_size;
        return;
    }
    cache->log = log;
    cache->log_size = size;
}

/* Room for so many bytes at the head of the log, all in one piece. */
static uint8_t *log_room(struct cache *cache, size_t size, uint64_t *position)
{
    if (cache->head + size > cache->log_size && cache->log_size < cache->most_log)
        grow_log(cache, 2 * cache->log_size);
    const uint64_t left = cache->log_size - (cache->head & (cache->log_size - 1));
    if (size > left)
        cache->head += left;
    *position = cache->head;
    cache->head += size;
    return cache->log + (*position & (cache->log_size - 1));
}

static uint64_t position_of(const struct cache_entry *entry)
{
    uint64_t position;
    memcpy(&position, entry->body + 7, sizeof position);
    return position;
}

static void point_to(struct cache_entry *entry, uint32_t count, uint64_t position)
{
    memcpy(entry->body + 3, &count, sizeof count);
    memcpy(entry->body + 7, &position, sizeof position);
}

void cache_put(struct cache *cache, const struct cache_key *key, const uint8_t *unit, size_t size,
               const uint32_t *tokens, size_t count)
{
    if (is_full(cache) && cache->lines < cache->most_lines)
        grow_table(cache, cache->lines * (cache->most_lines / cache->lines < 4 ? 2 : 4));
    struct cache_entry *entry = place_for(cache, key->hash);
    entry->key[0] = key->part[0];
    entry->key[1] = key->part[1];
    const size_t bytes = size > CACHE_SHORT ? size : 0; /* a short unit is its own key */
    if (!bytes && count <= near_most(cache->form)) {
        entry->state = (uint8_t)count;
        write_near(entry, cache->form, tokens, count);
        return;
    }
    const size_t width = cache->form == CACHE_16_16 ? 2 : 4;
    uint64_t position;
    uint8_t *to = log_room(cache, bytes + count * width, &position);
    memcpy(to, unit, bytes);
    to += bytes;
    for (size_t i = 0; i < count; i++, to += width) {
        const uint16_t half = (uint16_t)tokens[i];
        if (width == 2)
            memcpy(to, &half, 2);
        else
            memcpy(to, tokens + i, 4);
    }
    entry->state = CACHE_FAR;
    point_to(entry, (uint32_t)count, position);
}

void cache_reserve(struct cache *cache, size_t units, size_t log_bytes)
{
    size_t lines = cache->lines;
    while (lines < cache->most_lines && units / 3 >= lines / 2)
        lines *= 2;
    if (lines > cache->lines)
        grow_table(cache, lines);
    uint64_t size = cache->log_size;
    while (size < cache->most_log && size < cache->head + log_bytes)
        size *= 2;
    if (size > cache->log_size)
        grow_log(cache, size);
}

const uint8_t *cache_far(struct cache *cache, struct cache_entry *entry, const uint8_t *unit, size_t size,
                         uint32_t *count)
{
    const uint64_t position = position_of(entry);
    memcpy(count, entry->body + 3, sizeof *count);
    const size_t bytes = size > CACHE_SHORT ? size : 0;
    const size_t all = bytes + *count * (size_t)(cache->form == CACHE_16_16 ? 2 : 4);
    const uint8_t *from = cache->log + (position & (cache->log_size - 1));
    if (cache->head - position > cache->log_size || memcmp(from, unit, bytes) != 0) {
        cache->used -= entry->key[1] != 0;
        entry->key[1] = 0; /* one place for one key: what comes next is put there */
        entry->key[0] = 0;
        return NULL;
    }
    entry->state |= CACHE_ASKED;
    if (cache->head - position > cache->log_size / 4 * 3 && cache->log_size == cache->most_log) {
        uint64_t anew;
        uint8_t *to = log_room(cache, all, &anew); /* does not move the log: that has its bound */
        memmove(to, from, all);                    /* both may be in the oldest quarter */
        point_to(entry, *count, anew);
        from = to;
    }
    return from + bytes;
}

/* Bytes of the unit under this key. */
static size_t size_of(const struct cache_entry *entry)
{
    const size_t size = entry->key[1] >> 56;
    return size == 255 ? (size_t)(entry->key[1] & 0xFFFFFFFF) : size;
}

static uint32_t token_at(const uint8_t *tokens, size_t i, size_t width)
{
    uint32_t token = 0;
    for (size_t byte = 0; byte < width; byte++)
        token |= (uint32_t)tokens[i * width + byte] << 8 * byte;
    return token;
}

void cache_walk(const struct cache *cache, bool asked,
                void (*show)(void *to, const uint8_t *unit, size_t size, const uint32_t *tokens, size_t count), void *to)
{
    uint32_t tokens[CACHE_LONGEST]; /* no unit has more tokens than bytes */
    for (size_t i = 0; i < 2 * cache->lines; i++) {
        const struct cache_entry *entry = cache->table + i;
        if (!entry->key[1] || !(entry->state & CACHE_ASKED) == asked)
            continue;
        const size_t size = size_of(entry);
        const uint8_t *unit = (const uint8_t *)entry->key;
        const uint8_t *from = cache->form == CACHE_24_32 ? entry->body : entry->body + 1;
        size_t count = entry->state & 15, width = cache->form == CACHE_24_32 ? 3 : 2;
        if (count == CACHE_FAR) {
            if (cache->head - position_of(entry) > cache->log_size)
                continue;
            from = cache_place(cache, entry);
            if (size > CACHE_SHORT) {
                unit = from;
                from += size;
            }
            count = token_at(entry->body + 3, 0, 4);
            width = cache->form == CACHE_16_16 ? 2 : 4;
        }
        for (size_t k = 0; k < count; k++)
            tokens[k] = token_at(from, k, width);
        show(to, unit, size, tokens, count);
    }
}
