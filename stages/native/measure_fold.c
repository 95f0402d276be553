/* Composed and in lower case: see measure_fold.h.
 *
 * Most words hold nothing that composition changes or moves and are written out letter by letter. For the rest: take
 * apart, order the marks of each letter by their class, put together.
 */
#include "measure_fold.h"

#include <stdlib.h>
#include <string.h>

#include "letters.h"
#include "measure_read.h"
#include "measure_room.h"

enum {
    SYLLABLES = 0xAC00, SYLLABLES_END = 0xD7A4,
    LEADS = 0x1100, LEADS_COUNT = 19,
    VOWELS = 0x1161, VOWELS_COUNT = 21,
    FINALS = 0x11A7, FINALS_COUNT = 28, /* the first stands for none */
    SIGMA = 0x3A3, SIGMA_SMALL = 0x3C3, SIGMA_FINAL = 0x3C2, DOTTED_I = 0x130, DOT_ABOVE = 0x307,
};

static uint32_t bits_of(uint32_t code) { return letter_classes[letter_class(code)].bits; }
static uint32_t class_of(uint32_t code) { return bits_of(code) >> LETTER_COMBINING; }

static bool push(struct fold *fold, uint32_t code)
{
    if (!ROOM_FOR(fold->codes, fold->codes_room, fold->count + 1))
        return false;
    fold->codes[fold->count++] = code;
    return true;
}

static const struct letter_parts *parts_of(uint32_t code)
{
    size_t low = 0, high = LETTER_PARTS;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (letter_parts[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < LETTER_PARTS && letter_parts[low].code == code ? letter_parts + low : NULL;
}

/* Steps of decomposition are few: the longest chain of Unicode has three. */
static bool take_apart(struct fold *fold, uint32_t code)
{
    if (code >= SYLLABLES && code < SYLLABLES_END) {
        const uint32_t at = code - SYLLABLES, final = at % FINALS_COUNT;
        return push(fold, LEADS + at / (VOWELS_COUNT * FINALS_COUNT)) &&
               push(fold, VOWELS + at / FINALS_COUNT % VOWELS_COUNT) && (!final || push(fold, FINALS + final));
    }
    const struct letter_parts *const parts = parts_of(code);
    if (!parts)
        return push(fold, code);
    return take_apart(fold, parts->first) && (!parts->second || take_apart(fold, parts->second));
}

/* Marks in the order of their classes, equal ones as they stand: counted out, so that many take no longer each. */
static bool order_marks(struct fold *fold, uint32_t *marks, size_t count)
{
    size_t starts[257] = {0};
    if (!ROOM_FOR(fold->spare, fold->spare_room, count))
        return false;
    for (size_t i = 0; i < count; i++)
        starts[class_of(marks[i]) + 1]++;
    for (size_t class = 1; class <= 256; class++)
        starts[class] += starts[class - 1];
    for (size_t i = 0; i < count; i++)
        fold->spare[starts[class_of(marks[i])]++] = marks[i];
    memcpy(marks, fold->spare, count * sizeof *marks);
    return true;
}

static bool order(struct fold *fold)
{
    for (size_t at = 0; at < fold->count; at++) {
        size_t end = at;
        bool sorted = true;
        for (; end < fold->count && class_of(fold->codes[end]); end++)
            sorted = sorted && (end == at || class_of(fold->codes[end - 1]) <= class_of(fold->codes[end]));
        if (!sorted && !order_marks(fold, fold->codes + at, end - at))
            return false;
        at = end; /* a letter, or the end */
    }
    return true;
}

/* What two make, 0 for nothing. */
static uint32_t together(uint32_t first, uint32_t second)
{
    if (first - LEADS < LEADS_COUNT && second - VOWELS < VOWELS_COUNT)
        return SYLLABLES + ((first - LEADS) * VOWELS_COUNT + (second - VOWELS)) * FINALS_COUNT;
    if (first - SYLLABLES < SYLLABLES_END - SYLLABLES && (first - SYLLABLES) % FINALS_COUNT == 0 &&
        second - (FINALS + 1) < FINALS_COUNT - 1)
        return first + (second - FINALS);
    size_t low = 0, high = LETTER_PAIRS;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const struct letter_parts *const pair = letter_parts + letter_pairs[middle];
        if (pair->first < first || (pair->first == first && pair->second < second))
            low = middle + 1;
        else
            high = middle;
    }
    const struct letter_parts *const pair = letter_parts + letter_pairs[low < LETTER_PAIRS ? low : 0];
    return pair->first == first && pair->second == second ? pair->code : 0;
}

/* A mark joins with the letter before it unless one that stays between them has its class, or a higher one. */
static void put_together(struct fold *fold)
{
    uint32_t *const codes = fold->codes;
    size_t kept = 0, letter = SIZE_MAX;
    uint32_t last = 0;
    for (size_t at = 0; at < fold->count; at++) {
        const uint32_t code = codes[at], class = class_of(code);
        const bool near = letter != SIZE_MAX && (kept == letter + 1 || (last && last < class));
        const uint32_t whole = near ? together(codes[letter], code) : 0;
        if (whole) {
            codes[letter] = whole;
            continue;
        }
        if (class == 0)
            letter = kept;
        last = class;
        codes[kept++] = code;
    }
    fold->count = kept;
}

/* Whether a sigma ends a word: a cased letter before it, none behind, what cases ignore left out. */
static bool ends_word(const uint32_t *codes, size_t count, size_t at)
{
    size_t before = at, after = at + 1;
    while (before && bits_of(codes[before - 1]) & LETTER_IGNORABLE)
        before--;
    while (after < count && bits_of(codes[after]) & LETTER_IGNORABLE)
        after++;
    return before && bits_of(codes[before - 1]) & LETTER_CASED &&
           !(after < count && bits_of(codes[after]) & LETTER_CASED);
}

static uint8_t *put(struct fold *fold, uint8_t *out, uint32_t code)
{
    fold->length++;
    fold->bits |= bits_of(code);
    return read_put(out, code);
}

/* The codes in lower case. A run that cases ignore is looked through once for all its sigmas: none is in such a run. */
static void put_lower(struct fold *fold)
{
    uint8_t *out = fold->text;
    for (size_t i = 0; i < fold->count; i++) {
        const uint32_t code = fold->codes[i];
        const int32_t by = letter_classes[letter_class(code)].lower;
        if (code == SIGMA)
            out = put(fold, out, ends_word(fold->codes, fold->count, i) ? SIGMA_FINAL : SIGMA_SMALL);
        else if (code == DOTTED_I)
            out = put(fold, put(fold, out, 'i'), DOT_ABOVE);
        else
            out = put(fold, out, by == LETTER_OTHERS ? code : code + (uint32_t)by);
    }
    fold->size = (size_t)(out - fold->text);
}

/* Letters of ASCII only. */
static void fold_ascii(struct fold *fold, const uint8_t *word, size_t size)
{
    fold->bits = 0;
    for (size_t i = 0; i < size; i++)
        fold->text[i] = (uint8_t)(word[i] + (word[i] >= 'A' && word[i] <= 'Z' ? 'a' - 'A' : 0));
    for (size_t i = 0; i < size; i++)
        fold->bits |= letter_classes[letter_blocks[0][fold->text[i]]].bits;
    fold->size = size;
    fold->length = (uint32_t)size;
}

/* Takes apart, orders, puts together. */
static bool compose(struct fold *fold)
{
    const size_t count = fold->count;
    if (!ROOM_FOR(fold->spare, fold->spare_room, count))
        return false;
    memcpy(fold->spare, fold->codes, count * sizeof *fold->codes);
    fold->count = 0;
    for (size_t i = 0; i < count; i++)
        if (!take_apart(fold, fold->spare[i]))
            return false;
    if (!order(fold))
        return false;
    put_together(fold);
    return true;
}

bool fold_word(struct fold *fold, const uint8_t *word, size_t size)
{
    uint32_t bits = 0;
    bool ascii = true;
    /* A code point has up to four bytes; the one that becomes two, U+0130, has three of them then. */
    if (!ROOM_FOR(fold->codes, fold->codes_room, size) || !ROOM_FOR(fold->text, fold->text_room, 4 * size))
        return false;
    for (size_t i = 0; i < size; i++)
        ascii = ascii && word[i] < 0x80;
    if (ascii) {
        fold_ascii(fold, word, size);
        return true;
    }
    fold->count = fold->length = fold->bits = 0;
    for (const uint8_t *at = word; at < word + size;) {
        const uint32_t code = read_code(&at);
        bits |= bits_of(code);
        fold->codes[fold->count++] = code;
    }
    if (bits & LETTER_UNSTABLE && (!compose(fold) || !ROOM_FOR(fold->text, fold->text_room, 4 * fold->count)))
        return false;
    put_lower(fold);
    return true;
}

void fold_free(struct fold *fold)
{
    free(fold->text);
    free(fold->codes);
    free(fold->spare);
    *fold = (struct fold){0};
}
