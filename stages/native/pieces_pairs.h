/* Ranks of pairs of tokens, found in one place each.
 *
 * Theory. A table in which no two pairs want the same place (Pagh, "Hash and displace", 1999): pairs fall into buckets of
 * about two; a bucket's shift, which comes into the hash of its pairs, is chosen so that all of them get free places,
 * buckets with many first. A look-up reads a shift and a place and never branches, so that a processor goes through many
 * at once, where one that searches on would wait for each. Tables are less than half full, so that a few tries do.
 */
#ifndef FLORILEGIUM_PIECES_PAIRS_H
#define FLORILEGIUM_PIECES_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAIRS_NONE 0xFFFFFFu  /* rank of a pair that has no merge */
#define PAIRS_NOBODY 0xFFFFFu /* an id that no piece has and no pair is of */

struct pair {
    uint64_t ids;     /* left << 44 | right << 24 | rank, all ones where the place is free */
    uint32_t product; /* what the two become */
};

struct pairs {
    struct pair *places;
    uint8_t *shifts; /* by bucket */
    unsigned places_shift, shifts_shift;
};

/* Merges of three ids, left, right and product, by rank; a pair's last one counts. False: no memory. */
bool pairs_build(struct pairs *pairs, const uint32_t *merges, uint32_t count);
void pairs_free(struct pairs *pairs);

static inline uint64_t pairs_key(uint32_t left, uint32_t right) { return (uint64_t)left << 20 | right; }

/* 2^64 / golden ratio (Knuth, TAOCP 6.4), after a step that lets the left id reach all upper bits. */
static inline uint64_t pairs_hash(uint64_t key) { return (key ^ key >> 29) * 0x9E3779B97F4A7C15u; }

static inline size_t pairs_place(const struct pairs *pairs, uint64_t hash, uint64_t shift)
{
    return (size_t)(((hash ^ shift) * 0xC4CEB9FE1A85EC53u) >> pairs->places_shift); /* of MurmurHash3's finalizer */
}

/* Where the pair is, if it has a merge. */
static inline const struct pair *pairs_at(const struct pairs *pairs, uint64_t key)
{
    const uint64_t hash = pairs_hash(key);
    return pairs->places + pairs_place(pairs, hash, pairs->shifts[hash >> pairs->shifts_shift]);
}

/* Rank of the merge of the pair that is looked for here, or PAIRS_NONE. */
static inline uint32_t pair_rank(const struct pair *place, uint64_t key)
{
    const uint64_t other = place->ids >> 24 ^ key;
    return ((uint32_t)place->ids | (uint32_t)(((other - 1) >> 63) - 1)) & PAIRS_NONE; /* a branch would often be wrong */
}

/* The same for any pair. */
static inline uint32_t pairs_rank(const struct pairs *pairs, uint32_t left, uint32_t right)
{
    const uint64_t key = pairs_key(left, right);
    return pair_rank(pairs_at(pairs, key), key);
}

#endif
