/* The tokens of units seen before.
 *
 * Theory. An entry is 32 bytes, two share a line of 64: 16 of key and 16 of value. A unit of up to 15 bytes is its own
 * key, with its length in the last byte; a longer one has a hash for key, and its bytes are compared. The value is a few
 * tokens; where they do not fit, or the unit is long, it is a place in a log: the unit's bytes (if long), then tokens.
 *
 * An entry stands in the line that its hash names, or in one of the next behind it; lines are filled from the front, so
 * that one with room ends a search. When 3/4 full the table grows to four times its size (memory that is touched for the
 * first time is dearer than what is done in it), and the log, when full, to twice, up to their bounds. From then on a new
 * entry takes the place of one that nobody has asked for since it was last looked over (second chance). The log is a
 * ring: what is written last overwrites what was written first, a place is void once overwritten, and what is asked for
 * in its oldest quarter is written anew. So the cache never grows beyond its bounds, is never wiped, and keeps what
 * recurs.
 *
 * Positions in the log count all bytes ever written; its size is a power of two.
 */
#ifndef FLORILEGIUM_PIECES_CACHE_H
#define FLORILEGIUM_PIECES_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CACHE_SHORT 15     /* bytes of the longest unit that is its own key */
#define CACHE_LONGEST 4096 /* bytes of the longest unit that is kept: what is longer hardly recurs */
#define CACHE_REACH 8      /* lines in which an entry may stand: with 3/4 of the table full hardly one finds no place */
#define CACHE_FAR 15       /* in place of a number of tokens: they are in the log */
#define CACHE_ASKED 128    /* flag beside it: found since it was last looked over */

/* How tokens are stored near their key, and how wide they come out. */
enum cache_form {
    CACHE_16_16, /* 7 of 16 bits, out as 16 bits */
    CACHE_16_32, /* 7 of 16 bits, out as 32 bits */
    CACHE_24_32, /* 5 of 24 bits, out as 32 bits */
};

struct cache_entry {
    uint64_t key[2]; /* both 0: free */
    uint8_t state;   /* number of tokens here, or CACHE_FAR; and CACHE_ASKED */
    uint8_t body[15]; /* near: tokens (16 bits: from body[1] on); far: number (u32 at 3), position (u64 at 7) */
};

struct cache_memory {
    void *from;
    size_t size;
};

struct cache {
    struct cache_entry *table; /* aligned to lines; 64 bytes more than its entries may be read */
    struct cache_memory memory; /* what table lies in */
    size_t lines, most_lines;  /* powers of two */
    size_t used;
    uint8_t *log;
    uint64_t log_size, most_log, head;
    unsigned hand;             /* where the next search for a place to take begins */
    enum cache_form form;
};

struct cache_key {
    uint64_t part[2], hash;
};

/* A cache that takes up to this many bytes (its table half of them), rounded down; false: no memory. */
bool cache_open(struct cache *cache, enum cache_form form, size_t bytes);
void cache_close(struct cache *cache);

/* Puts a unit of up to CACHE_LONGEST bytes that is not there. Without memory to grow, it goes on with what it has. */
void cache_put(struct cache *cache, const struct cache_key *key, const uint8_t *unit, size_t size,
               const uint32_t *tokens, size_t count);

/* The tokens in the log of a far entry, or NULL if they are gone or belong to another unit. Marks it as asked for. */
const uint8_t *cache_far(struct cache *cache, struct cache_entry *entry, const uint8_t *unit, size_t size,
                         uint32_t *count);

/* Gets the table ready for so many units, and the log for so many bytes, as far as their bounds go: what is put then finds
 * its place without growing. Without memory it stays as it is. */
void cache_reserve(struct cache *cache, size_t units, size_t log_bytes);

/* Shows all units that were asked for since they are there, or all that were not, in no order, one or the other perhaps twice: its bytes, at
 * which 16 may be read, and its tokens in 32 bits. Both last as long as the call. */
void cache_walk(const struct cache *cache, bool asked,
                void (*show)(void *to, const uint8_t *unit, size_t size, const uint32_t *tokens, size_t count), void *to);

static inline uint64_t cache_mix(uint64_t a, uint64_t b)
{
    /* Odd constants from the digits of pi and e; the last steps are those of MurmurHash3's finalizer. */
    uint64_t hash = (a ^ 0x243F6A8885A308D3u) * 0x9E3779B97F4A7C15u;
    hash += ((b << 32 | b >> 32) ^ 0x13198A2E03707344u) * 0xB7E151628AED2A6Bu;
    hash = (hash ^ hash >> 32) * 0xC4CEB9FE1A85EC53u;
    return hash ^ hash >> 29;
}

/* The key of a unit of at least one byte; 16 bytes may be read at it. */
static inline struct cache_key cache_key_of(const uint8_t *unit, size_t size)
{
    static const uint8_t masks[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    struct cache_key key;
    if (size <= CACHE_SHORT) {
        uint64_t text[2], mask[2];
        memcpy(text, unit, 16);
        memcpy(mask, masks + 16 - size, 16);
        key.part[0] = text[0] & mask[0];
        key.part[1] = (text[1] & mask[1]) | (uint64_t)size << 56;
        key.hash = cache_mix(key.part[0], key.part[1]);
        return key;
    }
    uint64_t text[2], hash = size;
    for (size_t at = 0; at + 16 < size; at += 16) {
        memcpy(text, unit + at, 16);
        hash = cache_mix(text[0] ^ hash, text[1]);
    }
    memcpy(text, unit + size - 16, 16);
    key.hash = key.part[0] = cache_mix(text[0] ^ hash, text[1]);
    key.part[1] = (uint64_t)255 << 56 | size;
    return key;
}

static inline const struct cache_entry *cache_line(const struct cache *cache, uint64_t hash)
{
    return cache->table + 2 * (hash & (cache->lines - 1));
}

/* Where in the log a far entry points. */
static inline const uint8_t *cache_place(const struct cache *cache, const struct cache_entry *entry)
{
    uint64_t position;
    memcpy(&position, entry->body + 7, sizeof position);
    return cache->log + (position & (cache->log_size - 1));
}

/* The entry under this key, or NULL. Lines are filled from the front: one with room is the last that need be read. */
static inline struct cache_entry *cache_find(const struct cache *cache, const struct cache_key *key)
{
    for (uint64_t step = 0; step < CACHE_REACH; step++) {
        struct cache_entry *entry = cache->table + 2 * ((key->hash + step) & (cache->lines - 1));
        const bool first = (entry[0].key[0] == key->part[0]) & (entry[0].key[1] == key->part[1]);
        const bool second = (entry[1].key[0] == key->part[0]) & (entry[1].key[1] == key->part[1]);
        if (first | second)
            return entry + second;
        if (!entry[1].key[1])
            return NULL;
    }
    return NULL;
}

#endif
