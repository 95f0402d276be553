/* The words of a text, numbered, and folded as word lists have them: composed (NFC), in lower case. */
#ifndef FLORILEGIUM_MEASURE_WORDS_H
#define FLORILEGIUM_MEASURE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure_fold.h"
#include "measure_room.h"

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

/* A different word: as it stands in the text, and as what others become when they are folded. */
struct word {
    uint64_t hash;
    uint32_t count;  /* as it stands in the text */
    uint32_t folded; /* the word that it becomes; WORDS_NONE for what holds neither letter nor digit */
    uint32_t total;  /* of all that become it; from words_count on */
    uint32_t listed; /* its number in the list, or WORDS_NONE; from there on too */
    enum {
        WORD_KNOWN = 1, /* some word becomes it; then the rest is told */
        WORD_LETTERED = 2,
        WORD_LONE = 4,       /* one character */
        WORD_LONG = 8,       /* four characters, or more */
        WORD_MIXED = 16,     /* digits between letters */
        WORD_CONSONANTS = 32 /* six of them in a row */
    } kind;
};

struct words {
    struct word *words;
    uint32_t *ids; /* the words of the text */
    size_t words_count, words_room, ids_count, ids_room;
    uint32_t *slots; /* number + 1; 0: empty */
    size_t size;     /* of the slots, a power of two */
    uint8_t *met;    /* a bit a listed word: it is in the text */
    size_t met_room;
    struct fold fold;
};

/* Forgets the words of the text before. False: no memory. */
bool words_begin(struct words *words, const struct words_list *list);

/* A word that was not in the text before; bits: of letters.h, of all its characters. False: no memory. */
bool words_new(struct words *words, const struct words_list *list, const uint8_t *word, size_t size, size_t length,
               uint32_t bits, uint64_t hash);

/* The finaliser of MurmurHash3 (Appleby 2011): no two numbers become one. */
static inline uint64_t words_mixed(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= 0xFF51AFD7ED558CCDu;
    hash ^= hash >> 33;
    hash *= 0xC4CEB9FE1A85EC53u;
    return hash ^ hash >> 33;
}

/* A hash of 64 bits; bytes before `end` may be read. */
static inline uint64_t words_hash(const uint8_t *bytes, size_t size, const uint8_t *end)
{
    uint64_t hash = size * 0x9E3779B97F4A7C15u, part; /* 2^64 / the golden ratio */
    for (; size > 8; size -= 8, bytes += 8) {
        memcpy(&part, bytes, 8);
        hash = (hash ^ part) * 0xFF51AFD7ED558CCDu;
        hash ^= hash >> 32;
    }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (end - bytes >= 8 && size) {
        memcpy(&part, bytes, 8);
        return words_mixed(hash ^ (part & UINT64_MAX >> (64 - 8 * size)));
    }
#endif
    uint8_t last[8] = {0};
    memcpy(last, bytes, size);
    memcpy(&part, last, 8);
    return words_mixed(hash ^ part);
}

/* The next word of the text. False: no memory. */
static inline bool words_add(struct words *words, const struct words_list *list, const uint8_t *word, size_t size, size_t length,
               uint32_t bits, const uint8_t *end)
{
    const uint64_t hash = words_hash(word, size, end);
    if (!ROOM_FOR(words->ids, words->ids_room, words->ids_count + 1))
        return false;
    for (size_t slot = hash & (words->size - 1); words->slots[slot]; slot = (slot + 1) & (words->size - 1)) {
        struct word *const known = words->words + words->slots[slot] - 1;
        if (known->hash == hash && known->count) {
            known->count++;
            words->ids[words->ids_count++] = words->slots[slot] - 1;
            return true;
        }
    }
    return words_new(words, list, word, size, length, bits, hash);
}

struct words_counts {
    uint64_t lettered, lone, mixed, consonants, top, unknown; /* occurrences of words with a letter */
    uint64_t stops, stops_distinct;
    uint64_t first_phrase, phrases; /* occurrences of the first; how many of the others occur */
    double logs;
};

/* Counts over the whole text. */
void words_count(struct words *words, const struct words_list *list, struct words_counts *counts);

void words_free(struct words *words);

#endif
