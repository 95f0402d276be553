/* The words of a text, numbered, and folded as word lists have them: composed (NFC), in lower case. */
#ifndef FLORILEGIUM_MEASURE_WORDS_H
#define FLORILEGIUM_MEASURE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure_fold.h"

#define WORDS_NONE UINT32_MAX

/* Folded words that mean something: stop words, frequent words, words of phrases. Numbers are those of `logs` and
 * `stops`; phrase i is the words phrases[phrases_at[i]] up to the next. The first phrase counts by itself. */
struct words_list {
    struct words_slot {
        uint32_t tag, number; /* the hash's upper half; number + 1, 0: empty */
    } *slots;
    size_t size; /* a power of two */
    uint64_t *hashes;
    double *logs; /* natural logarithm of the relative frequency; above 0: it has none */
    uint8_t *stops;
    double floor; /* the logarithm for words without */
    bool frequent; /* there are frequencies */
    size_t count, phrases_count;
    uint32_t *phrases;
    int64_t *phrases_at;
};

/* A list of folded words, back to back, and all arrays as they are above, copied. False: no memory, nothing is held. */
bool words_list_make(struct words_list *list, const uint8_t *text, const int64_t *at, size_t count, const double *logs,
                     const uint8_t *stops, const uint32_t *phrases, const int64_t *phrases_at, size_t phrases_count);
void words_list_free(struct words_list *list);

/* A different word, as it is written. */
struct word {
    uint64_t hash;
    uint32_t count;
    uint32_t folded; /* WORDS_NONE for what holds neither letter nor digit */
};

/* A different folded word. */
struct word_folded {
    uint64_t hash;
    uint32_t count;
    uint32_t listed; /* its number in the list, or WORDS_NONE */
    uint32_t length; /* characters */
    bool lettered, mixed, consonants; /* holds a letter; digits between letters; six consonants in a row */
};

struct words {
    struct word *words;
    struct word_folded *folded;
    uint32_t *ids; /* the words of the text */
    size_t words_count, folded_count, ids_count;
    size_t words_room, folded_room, ids_room;
    uint32_t *word_slots, *folded_slots; /* number + 1; 0: empty */
    size_t word_size, folded_size;
    uint8_t *met; /* a bit a listed word: it is in the text */
    size_t met_room;
    struct fold fold;
};

/* Forgets the words of the text before. False: no memory. */
bool words_begin(struct words *words, const struct words_list *list);

/* The next word of the text; bits: of letters.h, of all its characters. `end`: up to where bytes may be read. */
bool words_add(struct words *words, const struct words_list *list, const uint8_t *word, size_t size, size_t length,
               uint32_t bits, const uint8_t *end);

struct words_counts {
    uint64_t lettered, lone, mixed, consonants, top, unknown; /* occurrences of words with a letter */
    uint64_t stops, stops_distinct;
    uint64_t first_phrase, phrases; /* occurrences of the first; how many of the others occur */
    double logs;
};

/* Counts over the whole text. */
void words_count(struct words *words, const struct words_list *list, struct words_counts *counts);

void words_free(struct words *words);

/* A hash of 64 bits; bytes before `end` may be read. */
uint64_t words_hash(const uint8_t *bytes, size_t size, const uint8_t *end);

#endif
