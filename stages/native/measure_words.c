/* Words, numbered and folded: see measure_words.h.
 *
 * Both tables are open: a slot holds a number, what has it holds the hash. A word is folded when it is met first; of most
 * words that is the word itself, and so is its hash.
 */
#include "measure_words.h"

#include <stdlib.h>
#include <string.h>

#include "letters.h"
#include "measure_read.h"
#include "measure_room.h"

enum {
    FEWEST = 512, /* slots: a page of 250 different words; forgotten in 30 ns */
    LONG = 4,     /* filters/repetition.py */
    RUN = 6,      /* filters/ocr.py */
};

/* ---- hash ---- */

/* The finaliser of MurmurHash3 (Appleby 2011): no two numbers become one. */
static uint64_t mixed(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= 0xFF51AFD7ED558CCDu;
    hash ^= hash >> 33;
    hash *= 0xC4CEB9FE1A85EC53u;
    return hash ^ hash >> 33;
}

uint64_t words_hash(const uint8_t *bytes, size_t size, const uint8_t *end)
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
        return mixed(hash ^ (part & UINT64_MAX >> (64 - 8 * size)));
    }
#endif
    uint8_t last[8] = {0};
    memcpy(last, bytes, size);
    memcpy(&part, last, 8);
    return mixed(hash ^ part);
}

/* ---- lists ---- */

static void *copy(const void *from, size_t size)
{
    void *const found = malloc(size ? size : 1);
    if (found && size)
        memcpy(found, from, size);
    return found;
}

static void fill(struct words_list *list, const uint8_t *text, const int64_t *at)
{
    for (size_t i = 0; i < list->count; i++) {
        const uint64_t hash = words_hash(text + at[i], (size_t)(at[i + 1] - at[i]), text + at[list->count]);
        size_t slot = hash & (list->size - 1);
        while (list->slots[slot].number)
            slot = (slot + 1) & (list->size - 1);
        list->slots[slot] = (struct words_slot){(uint32_t)(hash >> 32), (uint32_t)i + 1};
        list->hashes[i] = hash;
    }
}

bool words_list_make(struct words_list *list, const uint8_t *text, const int64_t *at, size_t count, const double *logs,
                     const uint8_t *stops, const uint32_t *phrases, const int64_t *phrases_at, size_t phrases_count)
{
    list->count = count;
    list->phrases_count = phrases_count;
    for (list->size = 16; list->size < 2 * count;)
        list->size *= 2;
    list->slots = calloc(list->size, sizeof *list->slots);
    list->hashes = malloc((count + 1) * sizeof *list->hashes);
    list->logs = copy(logs, count * sizeof *logs);
    list->stops = copy(stops, count);
    list->phrases = copy(phrases, (size_t)phrases_at[phrases_count] * sizeof *phrases);
    list->phrases_at = copy(phrases_at, (phrases_count + 1) * sizeof *phrases_at);
    if (!list->slots || !list->hashes || !list->logs || !list->stops || !list->phrases || !list->phrases_at) {
        words_list_free(list);
        return false;
    }
    fill(list, text, at);
    return true;
}

void words_list_free(struct words_list *list)
{
    free(list->slots);
    free(list->hashes);
    free(list->logs);
    free(list->stops);
    free(list->phrases);
    free(list->phrases_at);
    list->slots = NULL;
    list->hashes = NULL;
    list->logs = NULL;
    list->stops = NULL;
    list->phrases = NULL;
    list->phrases_at = NULL;
}

/* The number of a word in the list. Most words are in none: the tag alone tells. */
static uint32_t listed(const struct words_list *list, uint64_t hash)
{
    size_t slot = hash & (list->size - 1);
    for (; list->slots[slot].number; slot = (slot + 1) & (list->size - 1))
        if (list->slots[slot].tag == hash >> 32 && list->hashes[list->slots[slot].number - 1] == hash)
            return list->slots[slot].number - 1;
    return WORDS_NONE;
}

/* ---- the words of a text ---- */

bool words_begin(struct words *words, const struct words_list *list)
{
    words->words_count = words->folded_count = words->ids_count = 0;
    if (!words->word_slots && !(words->word_slots = malloc(FEWEST * sizeof *words->word_slots)))
        return false;
    if (!words->folded_slots && !(words->folded_slots = malloc(FEWEST * sizeof *words->folded_slots)))
        return false;
    if (!ROOM_FOR(words->met, words->met_room, list->count / 8 + 1))
        return false;
    words->word_size = words->folded_size = FEWEST;
    memset(words->word_slots, 0, FEWEST * sizeof *words->word_slots);
    memset(words->folded_slots, 0, FEWEST * sizeof *words->folded_slots);
    memset(words->met, 0, list->count / 8 + 1);
    return true;
}

static bool grow_words(struct words *words)
{
    const size_t size = 2 * words->word_size;
    uint32_t *const slots = realloc(words->word_slots, size * sizeof *slots);
    if (!slots)
        return false;
    words->word_slots = memset(slots, 0, size * sizeof *slots);
    words->word_size = size;
    for (size_t i = 0; i < words->words_count; i++) {
        size_t slot = words->words[i].hash & (size - 1);
        while (slots[slot])
            slot = (slot + 1) & (size - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    return true;
}

static bool grow_folded(struct words *words)
{
    const size_t size = 2 * words->folded_size;
    uint32_t *const slots = realloc(words->folded_slots, size * sizeof *slots);
    if (!slots)
        return false;
    words->folded_slots = memset(slots, 0, size * sizeof *slots);
    words->folded_size = size;
    for (size_t i = 0; i < words->folded_count; i++) {
        size_t slot = words->folded[i].hash & (size - 1);
        while (slots[slot])
            slot = (slot + 1) & (size - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    return true;
}

/* Whether digits stand between letters (filters/ocr.py: MIXED). */
static bool is_mixed(const uint8_t *word, const uint8_t *end)
{
    enum { NOTHING, LETTER, DIGITS } state = NOTHING;
    while (word < end) {
        const uint32_t bits = letter_classes[letter_class(read_code(&word))].bits;
        if (bits & LETTER_DIGIT) {
            state = state == NOTHING ? NOTHING : DIGITS;
        } else if (bits & LETTER_ALNUM) {
            if (state == DIGITS)
                return true;
            state = LETTER;
        } else {
            state = NOTHING;
        }
    }
    return false;
}

/* Looks at every sixth letter first: where it is no consonant, no run holds it. */
static bool has_consonants_ascii(const uint8_t *word, size_t size)
{
    const uint8_t *const classes = letter_blocks[0];
    for (size_t end = RUN, run = 0; end <= size; end += RUN - run) {
        for (run = 0; run < RUN && letter_classes[classes[word[end - 1 - run]]].bits & LETTER_CONSONANT;)
            run++;
        if (run == RUN)
            return true;
    }
    return false;
}

static bool has_consonants(const uint8_t *word, size_t size, size_t length)
{
    if (size == length)
        return has_consonants_ascii(word, size);
    size_t run = 0;
    for (const uint8_t *at = word; at < word + size;) {
        run = letter_classes[letter_class(read_code(&at))].bits & LETTER_CONSONANT ? run + 1 : 0;
        if (run == RUN)
            return true;
    }
    return false;
}

/* The number of a folded word, new or known; WORDS_NONE: no memory. */
static uint32_t add_folded(struct words *words, const struct words_list *list, const uint8_t *text, size_t size,
                           size_t length, uint32_t bits, uint64_t hash)
{
    size_t slot = hash & (words->folded_size - 1);
    for (; words->folded_slots[slot]; slot = (slot + 1) & (words->folded_size - 1))
        if (words->folded[words->folded_slots[slot] - 1].hash == hash)
            return words->folded_slots[slot] - 1;
    const uint32_t number = (uint32_t)words->folded_count;
    if (!ROOM_FOR(words->folded, words->folded_room, words->folded_count + 1))
        return WORDS_NONE;
    const bool lettered = bits & LETTER_ALPHA;
    struct word_folded *const folded = words->folded + words->folded_count++;
    *folded = (struct word_folded){
        .hash = hash, .listed = listed(list, hash), .length = (uint32_t)length, .lettered = lettered,
        .mixed = lettered && bits & LETTER_DIGIT && is_mixed(text, text + size),
        .consonants = lettered && length >= RUN && has_consonants(text, size, length)};
    if (folded->listed != WORDS_NONE)
        words->met[folded->listed / 8] |= (uint8_t)(1u << folded->listed % 8);
    words->folded_slots[slot] = number + 1;
    return 2 * words->folded_count <= words->folded_size || grow_folded(words) ? number : WORDS_NONE;
}

static bool add_new(struct words *words, const struct words_list *list, const uint8_t *word, size_t size, size_t length,
                    uint32_t bits, uint64_t hash)
{
    uint32_t folded = WORDS_NONE;
    if (bits & LETTER_ALNUM && !(bits & LETTER_CHANGES)) {
        folded = add_folded(words, list, word, size, length, bits, hash);
        if (folded == WORDS_NONE)
            return false;
    } else if (bits & LETTER_ALNUM) {
        const struct fold *const fold = &words->fold;
        if (!fold_word(&words->fold, word, size))
            return false;
        folded = add_folded(words, list, fold->text, fold->size, fold->length, fold->bits,
                            words_hash(fold->text, fold->size, fold->text + fold->size));
        if (folded == WORDS_NONE)
            return false;
    }
    if (!ROOM_FOR(words->words, words->words_room, words->words_count + 1))
        return false;
    words->words[words->words_count++] = (struct word){hash, 1, folded};
    return 2 * words->words_count <= words->word_size || grow_words(words);
}

bool words_add(struct words *words, const struct words_list *list, const uint8_t *word, size_t size, size_t length,
               uint32_t bits, const uint8_t *end)
{
    const uint64_t hash = words_hash(word, size, end);
    size_t slot = hash & (words->word_size - 1);
    if (!ROOM_FOR(words->ids, words->ids_room, words->ids_count + 1))
        return false;
    for (; words->word_slots[slot]; slot = (slot + 1) & (words->word_size - 1)) {
        struct word *const known = words->words + words->word_slots[slot] - 1;
        if (known->hash == hash) {
            known->count++;
            words->ids[words->ids_count++] = words->word_slots[slot] - 1;
            return true;
        }
    }
    words->ids[words->ids_count++] = (uint32_t)words->words_count;
    words->word_slots[slot] = (uint32_t)words->words_count + 1;
    return add_new(words, list, word, size, length, bits, hash);
}

/* ---- counts ---- */

static void count_lettered(const struct words_list *list, const struct word_folded *word, struct words_counts *counts)
{
    const bool known = word->listed != WORDS_NONE, stop = known && list->stops[word->listed];
    const uint64_t count = word->count;
    counts->lettered += count;
    counts->mixed += word->mixed ? count : 0;
    counts->consonants += word->consonants ? count : 0;
    counts->lone += word->length == 1 && !stop ? count : 0;
    if (word->length >= LONG && !stop && count > counts->top)
        counts->top = count;
    if (known && list->logs[word->listed] <= 0) {
        counts->logs += (double)count * list->logs[word->listed];
    } else {
        counts->logs += (double)count * list->floor;
        counts->unknown += count;
    }
}

static bool is_met(const struct words *words, uint32_t number)
{
    return words->met[number / 8] >> number % 8 & 1;
}

/* Whether the words of a phrase follow each other from here, whatever stands between them. */
static bool stands_at(const struct words *words, size_t at, const uint32_t *phrase, size_t size)
{
    size_t of = 0;
    for (; of < size && at < words->ids_count; at++) {
        const uint32_t folded = words->words[words->ids[at]].folded;
        if (folded == WORDS_NONE)
            continue;
        if (words->folded[folded].listed != phrase[of])
            return false;
        of++;
    }
    return of == size;
}

/* How often a phrase is in a text; no word counts twice. */
static uint64_t occurrences(const struct words *words, const uint32_t *phrase, size_t size)
{
    uint64_t found = 0;
    size_t skip = 0; /* words that may begin none */
    for (size_t at = 0; at < words->ids_count; at++) {
        if (words->words[words->ids[at]].folded == WORDS_NONE)
            continue;
        if (skip)
            skip--;
        else if (stands_at(words, at, phrase, size)) {
            found++;
            skip = size - 1;
        }
    }
    return found;
}

static void count_phrases(const struct words *words, const struct words_list *list, struct words_counts *counts)
{
    for (size_t i = 0; i < list->phrases_count; i++) {
        const uint32_t *const phrase = list->phrases + list->phrases_at[i];
        const size_t size = (size_t)(list->phrases_at[i + 1] - list->phrases_at[i]);
        bool all = true;
        for (size_t at = 0; at < size && all; at++)
            all = is_met(words, phrase[at]);
        const uint64_t found = all && size ? occurrences(words, phrase, size) : 0;
        if (i == 0)
            counts->first_phrase = found;
        else
            counts->phrases += found > 0;
    }
}

void words_count(struct words *words, const struct words_list *list, struct words_counts *counts)
{
    *counts = (struct words_counts){0};
    for (size_t i = 0; i < words->words_count; i++)
        if (words->words[i].folded != WORDS_NONE)
            words->folded[words->words[i].folded].count += words->words[i].count;
    for (size_t i = 0; i < words->folded_count; i++) {
        const struct word_folded *const word = words->folded + i;
        if (word->listed != WORDS_NONE && list->stops[word->listed]) {
            counts->stops += word->count;
            counts->stops_distinct++;
        }
        if (word->lettered)
            count_lettered(list, word, counts);
    }
    count_phrases(words, list, counts);
}

void words_free(struct words *words)
{
    free(words->words);
    free(words->folded);
    free(words->ids);
    free(words->word_slots);
    free(words->folded_slots);
    free(words->met);
    fold_free(&words->fold);
    *words = (struct words){0};
}
