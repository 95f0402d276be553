/* From units to a cache and back: see pieces_warm.h. */
#include "pieces_warm.h"

#include <string.h>

#include "pieces.h"

#define AHEAD 16 /* units whose lines are asked for before they are read */

static size_t size_of(const struct units *units, size_t i) { return (size_t)(units->text_at[i + 1] - units->text_at[i]); }

static size_t tokens_of(const struct units *units, size_t i)
{
    return (size_t)(units->tokens_at[i + 1] - units->tokens_at[i]);
}

/* The key of a unit; the last ones may not have 16 bytes that can be read. */
static struct cache_key key_of(const struct units *units, size_t i)
{
    const uint8_t *const unit = units->text + units->text_at[i];
    const size_t size = size_of(units, i), left = (size_t)(units->text_at[units->count] - units->text_at[i]);
    uint8_t padded[16] = {0};
    if (size > CACHE_SHORT || left >= sizeof padded)
        return cache_key_of(unit, size);
    memcpy(padded, unit, size);
    return cache_key_of(padded, size);
}

static bool fits(const struct units *units, size_t i, uint32_t ids)
{
    const size_t size = size_of(units, i), count = tokens_of(units, i);
    bool good = count > 0 && count <= size && size <= CACHE_LONGEST &&
                pieces_invalid(units->text + units->text_at[i], size) < 0;
    for (int64_t j = units->tokens_at[i]; j < units->tokens_at[i + 1] && good; j++)
        good = units->tokens[j] >= 0 && (uint32_t)units->tokens[j] < ids;
    return good;
}

void cache_learn(struct cache *cache, const struct units *units, uint32_t ids)
{
    size_t log = 0;
    for (size_t i = 0; i < units->count; i++)
        if (size_of(units, i) > CACHE_SHORT || tokens_of(units, i) > 5)
            log += size_of(units, i) + 4 * tokens_of(units, i);
    cache_reserve(cache, units->count, log);
    uint32_t tokens[CACHE_LONGEST];
    for (size_t i = 0; i < units->count; i++) {
        if (i + AHEAD < units->count && size_of(units, i + AHEAD)) {
            const struct cache_key next = key_of(units, i + AHEAD);
            __builtin_prefetch(cache_line(cache, next.hash), 1);
        }
        if (!fits(units, i, ids))
            continue;
        const struct cache_key key = key_of(units, i);
        if (cache_find(cache, &key))
            continue; /* there twice */
        const size_t count = tokens_of(units, i);
        for (size_t j = 0; j < count; j++)
            tokens[j] = (uint32_t)units->tokens[units->tokens_at[i] + (int64_t)j];
        cache_put(cache, &key, units->text + units->text_at[i], size_of(units, i), tokens, count);
    }
}

struct gathering {
    struct units_made *made;
    size_t most;
    bool full;
};

static void gather(void *to, const uint8_t *unit, size_t size, const uint32_t *tokens, size_t count)
{
    struct gathering *const gathering = to;
    if (gathering->made->count < gathering->most && !gathering->full)
        gathering->full = !units_add(gathering->made, unit, size, tokens, count);
}

bool cache_known(const struct cache *cache, bool asked, size_t most, struct units_made *made)
{
    struct gathering gathering = {made, most, false};
    cache_walk(cache, asked, gather, &gathering);
    return !gathering.full;
}
