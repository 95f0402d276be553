/* Runs of words that repeat: see measure_grams.h.
 *
 * Theory. A run of n words is its first n - 1 and its last n - 1, so each length numbers the pairs of the one below:
 * exactly, without hashing runs. A run can only repeat where both of those do, so what is left of the text after each
 * length is a list of places, in most texts soon an empty one.
 *
 * A place is known by its index in the list; a run by the first place where it stands. The table's slots hold such
 * places: four bytes for each, beside twelve for the place itself.
 */
#include "measure_grams.h"

#include <stdlib.h>
#include <string.h>

#include "measure_room.h"

#define FIRST 0x80000000u /* in groups: the run's first place; the rest is its count. Otherwise that place */
#define NONE UINT32_MAX   /* no run of this length begins here */

/* The smallest table that is at most two thirds full, cleared; answers the bits of its slots' numbers, 0: no memory. */
static unsigned table(struct grams *grams, size_t most)
{
    unsigned bits = 4;
    while ((size_t)2 << bits < 3 * most)
        bits++;
    if (!ROOM_FOR(grams->slots, grams->slots_room, (size_t)1 << bits))
        return 0;
    memset(grams->slots, 0, sizeof *grams->slots << bits);
    return bits;
}

/* The first place of the run that pairs `at` and the next. */
static uint32_t first_place(struct grams *grams, unsigned bits, size_t at)
{
    const uint32_t *const ids = grams->ids;
    const uint64_t pair = (uint64_t)ids[at] << 32 | ids[at + 1];
    size_t slot = pair * 0x9E3779B97F4A7C15u >> (64 - bits); /* 2^64 / the golden ratio (Knuth 6.4) */
    for (; grams->slots[slot]; slot = (slot + 1) & (((size_t)1 << bits) - 1)) {
        const uint32_t place = grams->slots[slot] - 1;
        if (ids[place] == ids[at] && ids[place + 1] == ids[at + 1])
            return place;
    }
    grams->slots[slot] = (uint32_t)at + 1;
    return (uint32_t)at;
}

/* Groups the places of a list by the runs that begin there; answers how often the most frequent one does, 0: no memory. */
static uint32_t group(struct grams *grams, size_t places)
{
    uint32_t *const groups = grams->groups;
    const unsigned bits = table(grams, places);
    uint32_t most = FIRST | 1;
    if (!bits)
        return 0;
    for (size_t at = 0; at < places; at++) {
        if (at + 1 == places || grams->positions[at + 1] != grams->positions[at] + 1) {
            groups[at] = NONE;
            continue;
        }
        const uint32_t first = first_place(grams, bits, at);
        if (first == at) {
            groups[at] = FIRST | 1;
        } else {
            groups[at] = first;
            most = ++groups[first] > most ? groups[first] : most;
        }
    }
    return most & ~FIRST;
}

/* The most frequent run; of equally frequent ones the first. Where none repeats, the first of the text is it. */
static uint64_t top(const struct grams *grams, uint32_t most, size_t n, const uint32_t *offsets)
{
    size_t at = 0;
    while (most > 1 && grams->groups[at] != (FIRST | most))
        at++;
    const size_t position = most > 1 ? grams->positions[at] : 0;
    return (uint64_t)(offsets[position + n] - offsets[position] + n - 1) * most;
}

/* Keeps the places of runs that repeat; without a branch, for which do cannot be foreseen. */
static size_t keep(struct grams *grams, size_t places)
{
    size_t kept = 0;
    for (size_t at = 0; at < places; at++) {
        const uint32_t group = grams->groups[at];
        grams->positions[kept] = grams->positions[at];
        grams->ids[kept] = group & FIRST ? (uint32_t)at : group;
        kept += group != NONE && group != (FIRST | 1);
    }
    return kept;
}

/* Characters of runs that stood before; behind one the next begins. What is in groups says which were met. */
static uint64_t repeated(struct grams *grams, size_t places, size_t n, const uint32_t *offsets)
{
    uint64_t found = 0;
    size_t from = 0;
    for (size_t at = 0; at < places; at++) {
        const size_t position = grams->positions[at];
        uint32_t *const unmet = grams->groups + grams->ids[at]; /* a count, and the bit FIRST: not 0 */
        if (position < from)
            continue;
        if (*unmet) {
            *unmet = 0;
            continue;
        }
        found += offsets[position + n] - offsets[position];
        from = position + n;
    }
    return found;
}

bool grams_count(struct grams *grams, struct words *words, const uint32_t *offsets, struct grams_counts *counts)
{
    const size_t count = words->ids_count;
    size_t places = 0;
    *counts = (struct grams_counts){0};
    if (!ROOM_FOR(grams->positions, grams->positions_room, count) ||
        !ROOM_FOR(grams->groups, grams->groups_room, count))
        return false;
    grams->ids = words->ids;
    for (size_t at = 0; at < count; at++) {
        grams->positions[places] = (uint32_t)at;
        grams->ids[places] = words->ids[at];
        places += words->words[words->ids[at]].count > 1;
    }
    for (size_t n = 2; n <= GRAMS_LAST && n <= count; n++) {
        const uint32_t most = places ? group(grams, places) : 1;
        if (!most)
            return false;
        if (n <= GRAMS_TOP_LAST)
            counts->top[n] = top(grams, most, n, offsets);
        places = most > 1 ? keep(grams, places) : 0;
        if (n > GRAMS_TOP_LAST)
            counts->repeated[n] = repeated(grams, places, n, offsets);
    }
    return true;
}

void grams_free(struct grams *grams)
{
    free(grams->positions);
    free(grams->groups);
    free(grams->slots);
    *grams = (struct grams){0};
}
