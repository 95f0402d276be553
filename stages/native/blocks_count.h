/* Counts in the finished text of a block: characters by kind, words, and words that stand in the page's title. */
#ifndef FLORILEGIUM_BLOCKS_COUNT_H
#define FLORILEGIUM_BLOCKS_COUNT_H

#include <string.h>

#include "blocks_names.h"

/* ---- hashes: for equality within a page ---- */

#define MIX UINT64_C(0x9E3779B97F4A7C15) /* 2^64 / golden ratio */

static inline uint64_t mixed(uint64_t hash, uint64_t more)
{
    hash = (hash ^ more) * MIX;
    return hash ^ hash >> 32;
}

static inline uint64_t eight_at(const uint8_t *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* Fewer than eight bytes as a number. */
static inline uint64_t few_at(const uint8_t *at, size_t size)
{
    if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, at, sizeof first);
        memcpy(&last, at + size - 4, sizeof last);
        return (uint64_t)last << 32 | first;
    }
    return size ? (uint64_t)at[size - 1] << 16 | (uint64_t)at[size / 2] << 8 | at[0] : 0;
}

static inline uint64_t hash_of(uint64_t hash, const uint8_t *at, size_t size)
{
    hash = mixed(hash, size);
    for (; size >= 8; size -= 8, at += 8)
        hash = mixed(hash, eight_at(at));
    return mixed(hash, few_at(at, size));
}

/* ---- counts ---- */

#define TITLE_WORDS 64

struct title {
    uint64_t word[TITLE_WORDS]; /* hashes */
    uint64_t filter;            /* a bit for each word, by its hash: most words of a text end here */
    size_t count;
};

/* Adds the words of the title: runs of letters, digits and accents; ASCII letters count as small ones. */
void title_add(struct title *title, const struct blocks_names *names, const uint8_t *text, size_t size);

/* Fills the counts of a block whose text this is, block->size bytes. */
void blocks_count(const struct blocks_names *names, const struct title *title, const uint8_t *text, struct block *block);

#endif
