/* Merging a pretoken's bytes to tokens: see bpe.h. */
#ifndef FLORILEGIUM_BPE_MERGE_H
#define FLORILEGIUM_BPE_MERGE_H

#include "bpe_model.h"

struct symbol {
    uint32_t id, rank; /* rank of the pair with the next */
    uint32_t before, next;
};

/* What a long pretoken needs. */
struct bpe_room {
    struct symbol *symbols;
    uint64_t *heap;
    uint32_t *found;
    size_t size;
};

/* Up to 60 bytes; tokens has room for 64. Answers their number. The second wants AVX2 and BMI2. */
size_t bpe_merge_few(const struct bpe_model *model, const uint8_t *bytes, size_t size, uint32_t *tokens);
size_t bpe_merge_vectors(const struct bpe_model *model, const uint8_t *bytes, size_t size, uint32_t *tokens);

/* Many of up to 31 bytes (15 where lanes is 16, else 32) side by side: what one waits for from memory, others use. Wants
 * AVX2 and BMI2. Behind the pretoken's bytes are zeros. */
#define ABREAST_BYTES 31

struct mergeable {
    uint8_t bytes[40];
    uint32_t tokens[32];
    uint32_t size, count;
};
void bpe_merge_abreast(const struct bpe_model *model, struct mergeable *all, size_t count, int lanes);

/* Any number of bytes, in near linear time; tokens are in room->found. SIZE_MAX where memory ran out. */
size_t bpe_merge_many(const struct bpe_model *model, const uint8_t *bytes, size_t size, struct bpe_room *room);
void bpe_room_free(struct bpe_room *room);

#endif
