/* Words, numbered and folded: see measure_words.h.
 *
 * The table is open: a slot holds the number of a word, the word its hash. A word is folded when it is met first, and what
 * it becomes is a word of the table as well: of most words they themselves. So none is looked for twice but capitals.
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
    words->words_count = words->ids_count = 0;
    if (!words->slots && !(words->slots = malloc(FEWEST * sizeof *words->slots)))
        return false;
    if (!ROOM_FOR(words->met, words->met_room, list->count / 8 + 1))
        return false;
    words->size = FEWEST;
    memset(words->slots, 0, FEWEST * sizeof *words->slots);
    memset(words->met, 0, list->count / 8 + 1);
    return true;
}

static bool grow(struct words *words)
{
    const size_t size = 2 * words->size;
    uint32_t *const slots = realloc(words->slots, size * sizeof *slots);
    if (!slots)
        return false;
    words->slots = memset(slots, 0, size * sizeof *slots);
    words->size = size;
    for (size_t i = 0; i < words->words_count; i++) {
        size_t slot = words->words[i].hash & (size - 1);
        while (slots[slot])
            slot = (slot + 1) & (size - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    return true;
}

/* The number of a word, new or known; WORDS_NONE: no memory. */
static uint32_t number_of(struct words *words, uint64_t hash)
{
    const uint32_t number = (uint32_t)words->words_count;
    size_t slot = hash & (words->size - 1);
    for (; words->slots[slot]; slot = (slot + 1) & (words->size - 1))
        if (words->words[words->slots[slot] - 1].hash == hash)
            return words->slots[slot] - 1;
    if (!ROOM_FOR(words->words, words->words_room, words->words_count + 1))
        return WORDS_NONE;
    words->words[words->words_count++] = (struct word){.hash = hash, .folded = WORDS_NONE, .listed = WORDS_NONE};
    words->slots[slot] = number + 1;
    return 2 * words->words_count <= words->size || grow(words) ? number : WORDS_NONE;
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

/* A bit a letter, up to 64 of them; then runs of two, of four and of six. */
static bool has_consonants_ascii(const uint8_t *word, size_t size)
{
    for (size_t from = 0; from + RUN <= size; from += 64 - RUN + 1) {
        const size_t some = size - from < 64 ? size - from : 64;
        uint64_t run = 0;
        for (size_t i = 0; i < some; i++) {
            const uint32_t bits = letter_classes[letter_blocks[0][word[from + i]]].bits;
            run |= (uint64_t)((bits & LETTER_CONSONANT) != 0) << i;
        }
        run &= run >> 1;
        if (run & run >> 2 & run >> 4)
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

/* Tells what there is to be told of a folded word. */
static void tell(const struct words_list *list, struct word *told, const uint8_t *text, size_t size,
                 size_t length, uint32_t bits)
{
    unsigned kind = WORD_KNOWN | (length == 1 ? WORD_LONE : length >= LONG ? WORD_LONG : 0);
    if (bits & LETTER_ALPHA) {
        kind |= WORD_LETTERED;
        kind |= bits & LETTER_DIGIT && is_mixed(text, text + size) ? WORD_MIXED : 0;
        kind |= length >= RUN && has_consonants(text, size, length) ? WORD_CONSONANTS : 0;
    }
    told->kind = kind;
    __builtin_prefetch(list->slots + (told->hash & (list->size - 1)));
}

bool words_new(struct words *words, const struct words_list *list, const uint8_t *word, size_t size, size_t length,
               uint32_t bits, uint64_t hash)
{
    const uint32_t number = number_of(words, hash);
    if (number == WORDS_NONE)
        return false;
    words->words[number].count = 1;
    words->ids[words->ids_count++] = number;
    if (!(bits & LETTER_ALNUM))
        return true;
    uint32_t folded = number;
    if (bits & LETTER_CHANGES) {
        const struct fold *const fold = &words->fold;
        if (!fold_word(&words->fold, word, size))
            return false;
        folded = number_of(words, words_hash(fold->text, fold->size, fold->text + fold->size));
        if (folded == WORDS_NONE)
            return false;
        word = fold->text;
        size = fold->size;
        length = fold->length;
        bits = fold->bits;
    }
    words->words[number].folded = folded;
    if (!words->words[folded].kind)
        tell(list, words->words + folded, word, size, length, bits);
    return true;
}

/* ---- counts ---- */

static void count_word(struct words *words, const struct words_list *list, const struct word *word, struct words_counts *counts)
{
    const bool known = word->listed != WORDS_NONE, stop = known && list->stops[word->listed];
    const uint64_t count = word->total;
    if (known)
        words->met[word->listed / 8] |= (uint8_t)(1u << word->listed % 8);
    counts->stops += stop ? count : 0;
    counts->stops_distinct += stop;
    if (!(word->kind & WORD_LETTERED))
        return;
    counts->lettered += count;
    counts->mixed += word->kind & WORD_MIXED ? count : 0;
    counts->consonants += word->kind & WORD_CONSONANTS ? count : 0;
    counts->lone += word->kind & WORD_LONE && !stop ? count : 0;
    if (word->kind & WORD_LONG && !stop && count > counts->top)
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
        if (words->words[folded].listed != phrase[of])
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
            words->words[words->words[i].folded].total += words->words[i].count;
    for (size_t i = 0; i < words->words_count; i++)
        if (words->words[i].kind)
            words->words[i].listed = listed(list, words->words[i].hash);
    for (size_t i = 0; i < words->words_count; i++)
        if (words->words[i].kind)
            count_word(words, list, words->words + i, counts);
    count_phrases(words, list, counts);
}

void words_free(struct words *words)
{
    free(words->words);
    free(words->ids);
    free(words->slots);
    free(words->met);
    fold_free(&words->fold);
    *words = (struct words){0};
}
