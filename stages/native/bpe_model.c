/* Loading a byte-level BPE model: see bpe.h and bpe_model.h. */
#include "bpe_model.h"

#include <stdlib.h>
#include <string.h>

static uint64_t bytes_hash(const uint8_t *bytes, size_t size)
{
    uint64_t hash = size * factors[1];
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * factors[0], hash ^= hash >> 29;
    return hash * factors[2];
}

uint32_t bpe_token_of(const struct bpe_model *model, const uint8_t *bytes, size_t size, size_t *slot)
{
    const size_t mask = ((size_t)1 << (64 - model->table_shift)) - 1;
    for (size_t i = bytes_hash(bytes, size) >> model->table_shift;; i = (i + 1) & mask) {
        const uint32_t token = model->table[i];
        *slot = i;
        if (token == NONE)
            return NONE;
        if (model->at[token + 1] - model->at[token] == size && memcmp(model->bytes + model->at[token], bytes, size) == 0)
            return token;
    }
}

/* The byte of a code point of the byte alphabet: printable Latin-1 is itself, the 68 others follow from U+0100 on. */
static int32_t byte_of(uint32_t code)
{
    if ((code >= 0x21 && code <= 0x7E) || (code >= 0xA1 && code <= 0xAC) || (code >= 0xAE && code <= 0xFF))
        return (int32_t)code;
    if (code < 0x100 || code >= 0x144)
        return -1;
    const uint32_t n = code - 0x100; /* 00 to 20, 7F to A0, AD */
    return (int32_t)(n < 0x21 ? n : n < 0x43 ? n - 0x21 + 0x7F : 0xAD);
}

/* Reads one string up to its zero byte; *out takes its bytes. Answers their number, -1 where a character is none of the
 * alphabet (such a token can never be in a text). */
static ptrdiff_t spelled(const char **text, uint8_t *out)
{
    const uint8_t *at = (const uint8_t *)*text;
    ptrdiff_t count = 0;
    bool good = true;
    while (*at) {
        uint32_t bytes;
        const int32_t byte = byte_of(utf8_at(at, &bytes));
        good = good && byte >= 0;
        out[count++] = (uint8_t)byte;
        at += bytes;
    }
    *text = (const char *)at + 1;
    return good ? count : -1;
}

uint32_t bpe_shift_for(size_t entries)
{
    uint32_t shift = 64 - 10;
    while (((size_t)1 << (64 - shift)) < 2 * entries)
        shift--;
    return shift;
}

static enum bpe_fault read_vocabulary(struct bpe_model *model, const char *text, size_t size, const int32_t *ids,
                                      size_t tokens)
{
    model->table_shift = bpe_shift_for(tokens);
    const size_t slots = (size_t)1 << (64 - model->table_shift);
    model->bytes = malloc(size + 1);
    model->at = malloc((tokens + 1) * sizeof *model->at);
    model->ids = malloc((tokens + 1) * sizeof *model->ids);
    model->table = malloc(slots * sizeof *model->table);
    uint8_t *taken = calloc(BPE_MOST_IDS / 8 + 1, 1);
    enum bpe_fault fault = model->bytes && model->at && model->ids && model->table && taken ? BPE_FINE : BPE_MEMORY;
    if (fault == BPE_FINE)
        memset(model->table, 0xFF, slots * sizeof *model->table);
    uint32_t at = 0;
    for (size_t i = 0; i < tokens && fault == BPE_FINE; i++) {
        if (ids[i] < 0 || ids[i] >= BPE_MOST_IDS || taken[ids[i] / 8] >> ids[i] % 8 & 1) {
            fault = BPE_ID;
            break;
        }
        taken[ids[i] / 8] |= (uint8_t)(1 << ids[i] % 8);
        const ptrdiff_t count = spelled(&text, model->bytes + at);
        if (count <= 0)
            continue;
        size_t slot;
        const size_t number = model->tokens++;
        model->at[number] = at;
        model->at[number + 1] = at + (uint32_t)count;
        model->ids[number] = (uint32_t)ids[i];
        if (bpe_token_of(model, model->bytes + at, (size_t)count, &slot) == NONE)
            model->table[slot] = (uint32_t)number;
        at += (uint32_t)count;
    }
    free(taken);
    for (uint32_t byte = 0; byte < 256 && fault == BPE_FINE; byte++) {
        const uint8_t one = (uint8_t)byte;
        size_t slot;
        const uint32_t token = bpe_token_of(model, &one, 1, &slot);
        if (token == NONE)
            fault = BPE_BYTES;
        else
            model->byte_ids[byte] = model->ids[token];
    }
    return fault;
}

static enum bpe_fault add_merge(struct bpe_model *model, const uint8_t *bytes, size_t left, size_t right, uint32_t rank)
{
    size_t slot;
    const uint32_t a = bpe_token_of(model, bytes, left, &slot), b = bpe_token_of(model, bytes + left, right, &slot);
    const uint32_t both = bpe_token_of(model, bytes, left + right, &slot);
    if (a == NONE || b == NONE || both == NONE)
        return BPE_MERGE;
    const uint32_t x = model->ids[a], y = model->ids[b];
    if (rank_of(model, x, y) != NO_RANK)
        return BPE_MERGE;
    const uint64_t hash = pair_hash(x, y), bit = hash >> (64 - MAYBE_BITS);
    size_t i = pair_place(model, hash);
    while (model->pairs[i] != EMPTY)
        i = (i + 1) & pairs_mask(model);
    model->pairs[i] = (uint64_t)x << 44 | (uint64_t)y << 24 | rank;
    model->maybe[bit / 8] |= (uint8_t)(1 << bit % 8);
    model->joined[rank] = model->ids[both];
    struct byte_pair *const border = model->byte_pairs + (bytes[left] << 8 | bytes[left - 1]);
    if (left == 1 && right == 1)
        border->rank = rank << 1;
    if (right == 1 && border->before > rank)
        border->before = (uint16_t)rank;
    if (left == 1 && border->behind > rank)
        border->behind = (uint16_t)rank;
    return BPE_FINE;
}

/* Which pairs of bytes may be firm: first[] is the lowest rank that an id is part of. */
static bool find_firm(struct bpe_model *model, size_t merges)
{
    size_t ids = 0;
    for (size_t i = 0; i < model->tokens; i++)
        ids = model->ids[i] >= ids ? model->ids[i] + 1 : ids;
    uint32_t *const first = malloc(ids * sizeof *first);
    if (!first)
        return false;
    memset(first, 0xFF, ids * sizeof *first);
    for (size_t i = 0; i <= pairs_mask(model); i++) {
        const uint64_t entry = model->pairs[i];
        if (entry == EMPTY)
            continue;
        uint32_t *const left = first + (entry >> 44), *const right = first + (entry >> 24 & 0xFFFFF);
        const uint32_t rank = entry & 0xFFFFFF;
        *left = rank < *left ? rank : *left;
        *right = rank < *right ? rank : *right;
    }
    for (size_t i = 0; i < 65536; i++) {
        const uint32_t rank = model->byte_pairs[i].rank >> 1;
        if (rank < merges && first[model->joined[rank]] > rank)
            model->byte_pairs[i].rank |= 1;
    }
    free(first);
    return true;
}

static enum bpe_fault read_merges(struct bpe_model *model, const char *text, size_t size, size_t merges)
{
    if (merges > BPE_MOST_MERGES)
        return BPE_MANY;
    model->pairs_shift = bpe_shift_for(merges);
    const size_t slots = (size_t)1 << (64 - model->pairs_shift);
    model->pairs = aligned_alloc(64, slots * sizeof *model->pairs);
    model->maybe = calloc(((size_t)1 << MAYBE_BITS) / 8, 1);
    model->joined = malloc((merges + 1) * sizeof *model->joined);
    model->byte_pairs = malloc(65536 * sizeof *model->byte_pairs);
    uint8_t *bytes = malloc(size + 2);
    enum bpe_fault fault = model->pairs && model->maybe && model->joined && model->byte_pairs && bytes ? BPE_FINE
                                                                                                       : BPE_MEMORY;
    if (fault == BPE_FINE) {
        memset(model->pairs, 0xFF, slots * sizeof *model->pairs);
        for (size_t i = 0; i < 65536; i++)
            model->byte_pairs[i] = (struct byte_pair){NO_RANK << 1, MUCH, MUCH};
    }
    for (size_t rank = 0; rank < merges && fault == BPE_FINE; rank++) {
        const ptrdiff_t left = spelled(&text, bytes), right = left > 0 ? spelled(&text, bytes + left) : -1;
        fault = left > 0 && right > 0 ? add_merge(model, bytes, (size_t)left, (size_t)right, (uint32_t)rank) : BPE_MERGE;
    }
    free(bytes);
    if (fault == BPE_FINE && !find_firm(model, merges))
        fault = BPE_MEMORY;
    return fault;
}

enum bpe_fault bpe_load(struct bpe_model **made, const char *vocabulary, size_t vocabulary_size, const int32_t *ids,
                        size_t tokens, const char *merges_text, size_t merges_size, size_t merges, bool ignore_merges)
{
    struct bpe_model *model = calloc(1, sizeof *model);
    if (!model)
        return BPE_MEMORY;
    model->ignore_merges = ignore_merges;
    enum bpe_fault fault = read_vocabulary(model, vocabulary, vocabulary_size, ids, tokens);
    if (fault == BPE_FINE)
        fault = read_merges(model, merges_text, merges_size, merges);
    if (fault == BPE_FINE)
        *made = model;
    else
        bpe_free(model);
    return fault;
}

void bpe_free(struct bpe_model *model)
{
    if (!model)
        return;
    void *const blocks[] = {model->bytes, model->at,    model->ids,    model->table,
                            model->pairs, model->maybe, model->joined, model->byte_pairs};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    free(model);
}

