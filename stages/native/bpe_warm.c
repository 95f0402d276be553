/* From units to tables and back: see bpe_warm.h. */
#include "bpe_warm.h"

#include <string.h>

#define AHEAD 16 /* units whose places in the tables are asked for before they are read */

static size_t size_of(const struct units *units, size_t i) { return (size_t)(units->text_at[i + 1] - units->text_at[i]); }

static size_t tokens_of(const struct units *units, size_t i)
{
    return (size_t)(units->tokens_at[i + 1] - units->tokens_at[i]);
}

static void ask_for(const struct bpe_tables *tables, const struct units *units, size_t i)
{
    const uint8_t *const bytes = units->text + units->text_at[i], *const limit = units->text + units->text_at[units->count];
    const size_t size = size_of(units, i);
    uint64_t key[8];
    if (size <= NARROW_BYTES) {
        narrow_key(key, bytes, size, limit);
        __builtin_prefetch(tables->narrow + 2 * (narrow_hash(key) >> tables->narrow_shift), 1);
    } else if (size <= WIDE_BYTES) {
        wide_key(key, bytes, size, limit);
        struct wide *const place = tables->wide + (wide_hash(key) >> tables->wide_shift);
        __builtin_prefetch(place, 1);
        __builtin_prefetch(&place->head, 1);
    }
}

static void learn_one(struct bpe_tables *tables, const struct units *units, size_t i)
{
    const uint8_t *const bytes = units->text + units->text_at[i], *const limit = units->text + units->text_at[units->count];
    const int32_t *const from = units->tokens + units->tokens_at[i];
    const size_t size = size_of(units, i), count = tokens_of(units, i);
    uint32_t tokens[64] = {0};
    uint64_t key[8];
    if (size > WIDE_BYTES || count == 0 || count > size || count > (tables->small ? WIDE_SMALL : WIDE_LARGE))
        return;
    for (size_t j = 0; j < count; j++) {
        if (from[j] < 0 || from[j] >= (tables->small ? 1 << 16 : BPE_MOST_IDS))
            return;
        tokens[j] = (uint32_t)from[j];
    }
    if (size <= NARROW_BYTES) {
        narrow_key(key, bytes, size, limit);
        struct narrow *const entry = narrow_near(tables, key);
        if (entry && entry->key[1])
            return; /* there twice */
        bpe_narrow_keep(tables, entry, key, tokens, count);
        if (count <= (tables->small ? NARROW_SMALL : NARROW_LARGE))
            return;
    }
    wide_key(key, bytes, size, limit);
    struct wide *const entry = wide_near(tables, key);
    if (!entry || !entry->head)
        bpe_wide_keep(tables, entry, key, tokens, count);
}

bool bpe_tables_learn(struct bpe_tables *tables, const struct units *units, size_t bound, bool small)
{
    size_t narrow = 0;
    for (size_t i = 0; i < units->count; i++)
        narrow += size_of(units, i) <= NARROW_BYTES;
    if (!bpe_tables_start(tables, narrow, units->count - narrow, bound, small))
        return false;
    for (size_t i = 0; i < units->count; i++) {
        if (i + AHEAD < units->count)
            ask_for(tables, units, i + AHEAD);
        learn_one(tables, units, i);
    }
    tables->lost = true; /* the vocabulary is not there as a whole */
    tables->singles_stay = false;
    return true;
}

bool bpe_tables_known(const struct bpe_tables *tables, bool asked, size_t most, struct units_made *made)
{
    const size_t narrows = (size_t)2 << (64 - tables->narrow_shift), wides = (size_t)1 << (64 - tables->wide_shift);
    uint32_t tokens[64];
    for (size_t i = 0; i < narrows && made->count < most; i++) {
        const struct narrow *const entry = tables->narrow + i;
        const uint32_t head = head_of(entry, tables->small), count = head & COUNT;
        if (entry->key[1] == 0 || !(head & ASKED) == asked || count == ELSEWHERE)
            continue;
        const uint8_t *const key = (const uint8_t *)entry->key;
        for (uint32_t j = 0; j < count; j++)
            tokens[j] = tables->small ? entry->seven[j] : narrow_token(entry, j);
        if (!units_add(made, key, key[15], tokens, count))
            return false;
    }
    for (size_t i = 0; i < wides && made->count < most; i++) {
        const struct wide *const entry = tables->wide + i;
        const uint32_t count = entry->head & COUNT;
        if (!entry->head || !(entry->head & ASKED) == asked)
            continue;
        for (uint32_t j = 0; j < count; j++)
            tokens[j] = tables->small ? entry->thirty[j] : entry->fifteen[j];
        uint32_t size;
        memcpy(&size, (const uint8_t *)entry->key + WIDE_BYTES, sizeof size);
        if (!units_add(made, (const uint8_t *)entry->key, size, tokens, count))
            return false;
    }
    return true;
}
