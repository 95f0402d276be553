/* A byte-level BPE model as it is looked up: tokens by their bytes, ranks by pairs. Read only once it is loaded. */
#ifndef FLORILEGIUM_BPE_MODEL_H
#define FLORILEGIUM_BPE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpe.h"

#define NONE UINT32_MAX
#define NO_RANK 0xFFFFFFu /* of a pair that is no merge */

/* Odd numbers without pattern: the first 64 bits behind the point of the square roots of 2, 3, 5, 7, 11, 13, 17, 19
 * (those of SHA-512), made odd. Multiply and take the upper bits: each upper bit depends on all bits below. */
static const uint64_t factors[8] = {
    UINT64_C(0x6a09e667f3bcc909), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b),
    UINT64_C(0xa54ff53a5f1d36f1), UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
    UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

/* Two bytes a and b, the first in the lower eight bits of their place in the table. A pair of bytes is firm where nothing
 * else can take one of the two first: its rank is below `before` of the byte before it with its first, and below `behind`
 * of its second with the byte behind it. Wherever such a pair stands, it is joined before anything touches it; to join it
 * at once changes nothing, unless its result is part of a merge of a lower rank, which no trained file has. From MUCH on
 * ranks are not told apart: such a pair is not firm. */
struct byte_pair {
    uint32_t rank; /* << 1 | whether it may be firm */
    uint16_t before; /* lowest rank of a merge whose left part ends with a and whose right part is b, at most MUCH */
    uint16_t behind; /* lowest rank of a merge whose left part is a and whose right part begins with b, at most MUCH */
};
#define MUCH 0x7FFF

struct bpe_model {
    uint8_t *bytes;       /* of all tokens, back to back */
    uint32_t *at;         /* tokens + 1 offsets into them, in the order of the vocabulary */
    uint32_t *ids;        /* of each token */
    size_t tokens;
    uint32_t *table;      /* of tokens by their bytes, NONE where empty */
    uint32_t table_shift;
    uint64_t *pairs;      /* left << 44 | right << 24 | rank, or EMPTY */
    uint32_t pairs_shift;
    uint8_t *maybe;       /* a bit for each hash of a pair: a clear one says that it is no merge, and is near */
    uint32_t *joined;     /* id of each rank's result */
    struct byte_pair *byte_pairs; /* of each two bytes */
    uint32_t byte_ids[256];
    bool ignore_merges;
};

#define EMPTY UINT64_MAX /* no pair: its rank would be NO_RANK */

/* 2^20 bits are 128 KB, which stay in the second-level cache; 64k merges set 6 % of them, Llama 3's 280k a quarter. */
#define MAYBE_BITS 20

/* Pairs stand in cache lines of eight, from the line of their hash on, each line filled before the next: a line that is
 * not full ends the search. */
#define LINE 8

static inline uint64_t pair_hash(uint32_t left, uint32_t right)
{
    return ((uint64_t)left << 20 | right) * factors[0];
}

static inline size_t pairs_mask(const struct bpe_model *model) { return ((size_t)1 << (64 - model->pairs_shift)) - 1; }

/* Where the search for a pair begins. */
static inline size_t pair_place(const struct bpe_model *model, uint64_t hash)
{
    return hash >> model->pairs_shift & ~(size_t)(LINE - 1);
}

static inline uint32_t rank_of(const struct bpe_model *model, uint32_t left, uint32_t right)
{
    const uint64_t hash = pair_hash(left, right), bit = hash >> (64 - MAYBE_BITS);
    if (!(model->maybe[bit / 8] >> bit % 8 & 1))
        return NO_RANK;
    const uint64_t key = (uint64_t)left << 20 | right, mask = pairs_mask(model);
    for (size_t i = pair_place(model, hash);; i = (i + 1) & mask) {
        const uint64_t entry = model->pairs[i];
        if (entry == EMPTY)
            return NO_RANK;
        if (entry >> 24 == key)
            return entry & 0xFFFFFF;
    }
}

static inline uint32_t byte_rank(const struct bpe_model *model, const uint8_t *two)
{
    return model->byte_pairs[two[1] << 8 | two[0]].rank >> 1;
}

/* Index of the token with these bytes, NONE where there is none; *slot is where it stands in the table or would. */
uint32_t bpe_token_of(const struct bpe_model *model, const uint8_t *bytes, size_t size, size_t *slot);

/* 64 less the logarithm of a table's size that so many entries fill to less than a half. */
uint32_t bpe_shift_for(size_t entries);

#endif
