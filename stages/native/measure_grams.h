/* Runs of words that repeat: the most frequent ones of 2 to 4, repeated ones of 5 to 10 (filters/repetition.py). */
#ifndef FLORILEGIUM_MEASURE_GRAMS_H
#define FLORILEGIUM_MEASURE_GRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure_words.h"

#define GRAMS_TOP_FIRST 2
#define GRAMS_TOP_LAST 4
#define GRAMS_LAST 10

/* Room, zero to begin with. */
struct grams {
    uint32_t *positions, *groups, *slots;
    size_t positions_room, groups_room, slots_room;
    uint32_t *ids; /* those of the words */
};

/* For n words: top[n]: characters of the most frequent run joined by blanks, times its count; repeated[n]: characters of
 * runs that stood before, read from the left. */
struct grams_counts {
    uint64_t top[GRAMS_TOP_LAST + 1], repeated[GRAMS_LAST + 1];
};

/* offsets: characters of the words before each, and of all. What is in words->ids is overwritten. False: no memory. */
bool grams_count(struct grams *grams, struct words *words, const uint32_t *offsets, struct grams_counts *counts);

void grams_free(struct grams *grams);

#endif
