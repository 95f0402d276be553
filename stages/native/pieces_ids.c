/* Pieces by their text: see pieces_ids.h. A table with open addressing, less than half full, of ids and hashes. */
#include "pieces_ids.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct place {
    uint32_t id, hash;
};

struct table {
    const struct pieces_strings *pieces;
    struct place *places;
    size_t mask;
};

/* Eight bytes at a time; constants and last steps as in MurmurHash3's finalizer. */
static uint32_t hash_of(const uint8_t *text, size_t size)
{
    uint64_t hash = size, eight;
    for (; size >= sizeof eight; size -= sizeof eight, text += sizeof eight) {
        memcpy(&eight, text, sizeof eight);
        hash = (hash ^ eight) * 0xFF51AFD7ED558CCDu;
        hash ^= hash >> 33;
    }
    for (eight = 0; size; size--)
        eight = eight << 8 | text[size - 1];
    hash = (hash ^ eight) * 0xC4CEB9FE1A85EC53u;
    return (uint32_t)(hash >> 32);
}

/* Where a string is, or would be. */
static struct place *place_of(const struct table *table, const uint8_t *text, size_t size, uint32_t hash)
{
    const int64_t *offsets = table->pieces->offsets;
    for (size_t at = hash & table->mask;; at = (at + 1) & table->mask) {
        struct place *place = table->places + at;
        if (place->id == NONE)
            return place;
        if (place->hash == hash && (size_t)(offsets[place->id + 1] - offsets[place->id]) == size &&
            memcmp(table->pieces->text + offsets[place->id], text, size) == 0)
            return place;
    }
}

static bool fill(struct table *table)
{
    size_t room = 64;
    while (room < 2 * (size_t)table->pieces->count + 2)
        room *= 2;
    table->mask = room - 1;
    table->places = malloc(room * sizeof *table->places);
    if (!table->places)
        return false;
    memset(table->places, 0xFF, room * sizeof *table->places);
    for (uint32_t id = 0; id < table->pieces->count; id++) {
        const int64_t start = table->pieces->offsets[id];
        const size_t size = (size_t)(table->pieces->offsets[id + 1] - start);
        const uint32_t hash = hash_of(table->pieces->text + start, size);
        if (size)
            *place_of(table, table->pieces->text + start, size, hash) = (struct place){id, hash};
    }
    return true;
}

bool pieces_ids(const struct pieces_strings *pieces, const struct pieces_strings *parts, uint32_t *merges)
{
    struct table table = {pieces, NULL, 0};
    if (!fill(&table))
        return false;
    for (uint32_t i = 0; i < parts->count / 2; i++) {
        const int64_t *at = parts->offsets + 2 * (size_t)i;
        const int64_t from[] = {at[0], at[1], at[0]}, to[] = {at[1], at[2], at[2]}; /* left, right, both */
        for (unsigned k = 0; k < 3; k++) {
            const uint8_t *text = parts->text + from[k];
            const size_t size = (size_t)(to[k] - from[k]);
            *merges++ = place_of(&table, text, size, hash_of(text, size))->id;
        }
    }
    free(table.places);
    return true;
}
