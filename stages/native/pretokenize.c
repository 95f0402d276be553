/* Cuts a text into pretokens: see pretokenize.h.
 *
 * Theory of the fast way. Each byte of the text gets bits: letter, number, blank, line break, space (U+0020),
 * apostrophe, continuation. A character's bytes all have the bits of the character, what is neither letter, number nor
 * blank is "other". 64 bytes make a word; "the byte before is x" is a shift by one with a carry from word to word.
 *
 * Where a piece begins (Llama 3; `^` is begin of text, which is like a line break before):
 *   other    the first of a run, unless a space stands before it: ` ?[^\s\p{L}\p{N}]+`
 *   letter   the first of a run, unless the character before it is a blank but no line break, or an other that is both
 *            first of its piece and alone in its run: `[^\r\n\p{L}\p{N}]?\p{L}+`
 *   number   the first of a run, and every third from there on
 *   blank    the first of a run; but in runs of several blanks or with line breaks:
 *            line breaks at the front belong to the others before them, if any; what then follows up to the last line
 *            break is one piece; of the blanks behind that, the last one begins a piece unless the text ends there
 *   endings  a first, lone apostrophe with s t re ve m ll d: letters go on in a new piece
 * GPT-2: the only character that joins what follows is a space, for letters, numbers and others alike; line breaks are
 * blanks; an ending is joined to its apostrophe.
 * Runs of blanks, long numbers and endings are rare: the words only flag them, and a walk along the run repairs the
 * word's bits and later ones, never earlier ones, so that a word is ready to be read when its own repairs are done.
 */
#include "pretokenize.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && !defined(PLAIN_C)
#include <immintrin.h>
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

static bool reserve(void **block, size_t *room, size_t wanted, size_t width)
{
    if (wanted <= *room)
        return true;
    const size_t more = wanted + wanted / 2 + 64;
    void *larger = realloc(*block, more * width);
    if (!larger)
        return false;
    *block = larger;
    *room = more;
    return true;
}

/* ---- the definition: items and backtracking ---- */

struct text {
    const uint8_t *at;
    size_t size;
    const struct splitter *splitter;
};

static inline uint16_t classes_at(const struct text *text, size_t at, uint32_t *bytes)
{
    if (text->splitter->bytes)
        return *bytes = 1, text->splitter->classes[text->at[at]];
    return text->splitter->classes[utf8_at(text->at + at, bytes)];
}

static inline size_t one_back(const struct text *text, size_t at)
{
    at--;
    if (!text->splitter->bytes)
        while ((text->at[at] & 0xC0) == 0x80)
            at--;
    return at;
}

/* End of the ending that begins with the apostrophe at `at`, or `at` where there is none. */
static size_t ending(const uint8_t *text, size_t at, size_t size, bool cased, bool bytes)
{
    if (at + 1 >= size || text[at] != '\'')
        return at;
    const uint8_t fold = cased ? 0 : 0x20, a = text[at + 1] | fold, b = at + 2 < size ? text[at + 2] | fold : 0;
    if (text[at + 1] < 0x80 && (a == 's' || a == 't' || a == 'm' || a == 'd'))
        return at + 2;
    if (text[at + 1] >= 0x80)
        return !cased && !bytes && text[at + 1] == 0xC5 && text[at + 2] == 0xBF ? at + 3 : at;
    if (at + 2 < size && text[at + 2] < 0x80 &&
        ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')))
        return at + 3;
    return at;
}

#define NO_MATCH SIZE_MAX

static size_t match(const struct text *text, const struct item *item, int32_t items, size_t at)
{
    uint32_t bytes;
    if (items == 0)
        return at;
    if (item->kind == ITEM_NOT_BEFORE) {
        if (at < text->size && classes_at(text, at, &bytes) >> item->class & 1)
            return NO_MATCH;
        return match(text, item + 1, items - 1, at);
    }
    if (item->kind == ITEM_ENDING) {
        const size_t end = ending(text->at, at, text->size, item->class, text->splitter->bytes);
        if (end != at) {
            const size_t found = match(text, item + 1, items - 1, end);
            if (found != NO_MATCH)
                return found;
        }
        return item->least ? NO_MATCH : match(text, item + 1, items - 1, at);
    }
    size_t end = at, count = 0;
    while ((item->most < 0 || count < (size_t)item->most) && end < text->size) {
        if (!(classes_at(text, end, &bytes) >> item->class & 1))
            break;
        end += bytes;
        count++;
    }
    for (;; end = one_back(text, end), count--) {
        if (count < (size_t)item->least)
            return NO_MATCH;
        const size_t found = match(text, item + 1, items - 1, end);
        if (found != NO_MATCH || item->kind == ITEM_POSSESSIVE)
            return found;
        if (count == 0)
            return NO_MATCH;
    }
}

/* Class 15 is that of all code points in `starts`: no table has so many (check_items in module_bytelevel.c). */
#define ANY_CLASS 0x8000

/* Classes of what can be first: those of items up to the first that must be there. */
static uint16_t starts_of(const struct item *item, int32_t items)
{
    uint16_t starts = 0;
    for (int32_t i = 0; i < items; i++) {
        if (item[i].kind == ITEM_NOT_BEFORE)
            continue;
        starts |= item[i].kind == ITEM_ENDING ? ANY_CLASS : (uint16_t)(1 << item[i].class);
        if (item[i].least)
            break;
    }
    return starts;
}

static size_t match_any(const struct text *text, size_t at)
{
    uint32_t bytes;
    const struct item *item = text->splitter->items;
    const uint16_t classes = classes_at(text, at, &bytes) | ANY_CLASS;
    for (int32_t i = 0; i < text->splitter->alternatives; i++) {
        const int32_t items = text->splitter->lengths[i];
        const size_t end = classes & text->splitter->starts[i] ? match(text, item, items, at) : NO_MATCH;
        if (end != NO_MATCH && end > at)
            return end;
        item += items;
    }
    return NO_MATCH;
}

/* Appends the ends of the pieces of text[begin, end). Room for one end a byte is there. */
static void split_slowly(const struct splitter *splitter, const uint8_t *whole, size_t begin, size_t size,
                         struct pretokens *pieces)
{
    const struct text text = {whole + begin, size, splitter};
    size_t gap = 0, at = 0;
    while (at < size) {
        const size_t end = match_any(&text, at);
        if (end == NO_MATCH) {
            uint32_t bytes = 1;
            classes_at(&text, at, &bytes);
            at += bytes;
            continue;
        }
        if (gap < at)
            pieces->ends[pieces->count++] = (uint32_t)(begin + at);
        pieces->ends[pieces->count++] = (uint32_t)(begin + end);
        gap = at = end;
    }
    if (gap < size)
        pieces->ends[pieces->count++] = (uint32_t)(begin + size);
}

/* ---- the fast way: masks ---- */

struct word {
    uint64_t letter, number, blank, line, space, apostrophe, inner; /* classes; inner: continuation bytes */
    uint64_t begins;                                                /* where pieces begin */
    uint64_t blanks, digits, endings;                               /* what must be repaired, flagged at one byte */
};

static inline uint64_t valid_bits(size_t left) { return left < 64 ? (UINT64_C(1) << left) - 1 : ~UINT64_C(0); }

static void classify_slowly(const struct splitter *splitter, const uint8_t *text, size_t size, struct word *words)
{
    memset(words, 0, (size + 63) / 64 * sizeof *words);
    for (size_t at = 0; at < size;) {
        uint32_t bytes;
        const uint16_t class = splitter->classes[utf8_at(text + at, &bytes)];
        for (uint32_t i = 0; i < bytes; i++, at++) {
            struct word *word = words + at / 64;
            const uint64_t bit = UINT64_C(1) << at % 64;
            word->letter |= class & CLASS_LETTER ? bit : 0;
            word->number |= class & CLASS_NUMBER ? bit : 0;
            word->blank |= class & CLASS_BLANK ? bit : 0;
            word->line |= text[at] == '\n' || text[at] == '\r' ? bit : 0;
            word->space |= text[at] == ' ' ? bit : 0;
            word->apostrophe |= text[at] == '\'' ? bit : 0;
            word->inner |= i ? bit : 0;
        }
    }
}

#if defined(__x86_64__) && !defined(PLAIN_C)
/* Lead bytes whose two-byte characters are letters but for a few: U+00C0 to U+02BF, U+0380 to U+047F. */
static bool letters_by_lead(uint32_t lead)
{
    return (lead >= 0xC3 && lead <= 0xCA) || lead == 0xCE || lead == 0xCF || lead == 0xD0 || lead == 0xD1;
}

static bool letter_exception(uint32_t code)
{
    return code == 0xD7 || code == 0xF7 || (code >= 0x380 && code <= 0x385) || code == 0x387 || code == 0x38B ||
           code == 0x38D || code == 0x3A2 || code == 0x3F6;
}

#define FAST_CLASSES (CLASS_LETTER | CLASS_NUMBER | CLASS_BLANK)

static bool vectors_know(const uint16_t *classes)
{
    for (uint32_t code = 0; code < 0x80; code++) {
        const bool letter = (code | 0x20) >= 'a' && (code | 0x20) <= 'z', number = code >= '0' && code <= '9';
        const bool blank = code == ' ' || (code >= 9 && code <= 13);
        if ((classes[code] & FAST_CLASSES) != (letter ? CLASS_LETTER : number ? CLASS_NUMBER : blank ? CLASS_BLANK : 0))
            return false;
    }
    for (uint32_t code = 0x80; code < 0x800; code++)
        if (letters_by_lead(0xC0 | code >> 6) &&
            (classes[code] & FAST_CLASSES) != (letter_exception(code) ? 0 : CLASS_LETTER))
            return false;
    return true;
}

/* Classes of bytes by two table look-ups, of the high and the low nibble, joined by AND: each bit is a set of high
 * nibbles times a set of low nibbles. Bits of `kind`: 0 and 1 ASCII letters, 2 digits, 3 space, 4 tab, vertical tab and
 * form feed, 5 line breaks, 6 and 7 lead bytes of letters. `lead` and `second` meet, a byte apart, where the two bytes
 * are one of the exceptions: bit 0 C3 97/B7, 1 CE 80-85/87/8B/8D, 2 CF B6, 3 CE A2. */
static const uint8_t places_512[64] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
};

#define NIBBLES(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)
#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))

struct halves {
    __m256i kind[2], lead[2], bytes[2];
};

TARGET static inline uint64_t bits_of(const __m256i halves[2], int left)
{
    const uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(halves[0], left));
    const uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(halves[1], left));
    return a | (uint64_t)b << 32;
}

TARGET static inline uint64_t equal(const __m256i halves[2], char byte)
{
    const __m256i wanted = _mm256_set1_epi8(byte);
    const uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(halves[0], wanted));
    const uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(halves[1], wanted));
    return a | (uint64_t)b << 32;
}

TARGET static inline __m256i by_nibbles(__m256i low, __m256i high, __m256i lows, __m256i highs)
{
    return _mm256_and_si256(_mm256_shuffle_epi8(low, lows), _mm256_shuffle_epi8(high, highs));
}

/* Characters that vectors do not know, one by one. What of them reaches into the next word is kept in `rest`. */
static void classify_others(const struct splitter *splitter, const uint8_t *text, uint64_t leads, struct word *word,
                            struct word *rest)
{
    for (; leads; leads &= leads - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(leads);
        if (text[at] == 0xE2 && text[at + 1] == 0x80 && text[at + 2] >= 0x90 && text[at + 2] <= 0xA7)
            continue; /* dashes, quotation marks, bullets, dots: other (pretokenize_prepare has looked) */
        uint32_t bytes;
        const uint16_t class = splitter->classes[utf8_at(text + at, &bytes)];
        const uint64_t bits = (UINT64_C(1) << bytes) - 1, here = bits << at, there = at > 60 ? bits >> (64 - at) : 0;
        const uint64_t letter = -(uint64_t)(class & 1), number = -(uint64_t)(class >> 1 & 1);
        const uint64_t blank = -(uint64_t)(class >> 2 & 1);
        word->letter |= here & letter;
        word->number |= here & number;
        word->blank |= here & blank;
        rest->letter |= there & letter;
        rest->number |= there & number;
        rest->blank |= there & blank;
    }
}

TARGET static void classify_vectors(const struct splitter *splitter, const uint8_t *text, size_t size,
                                    struct word *words)
{
    const __m256i kind_low = NIBBLES(2 | 4 | 8 | (char)128, 1 | 2 | 4 | (char)128, 1 | 2 | 4, 1 | 2 | 4 | 64, 1 | 2 | 4 | 64,
                                     1 | 2 | 4 | 64, 1 | 2 | 4 | 64, 1 | 2 | 4 | 64, 1 | 2 | 4 | 64, 1 | 2 | 4 | 16 | 64,
                                     1 | 2 | 32 | 64, 1 | 16, 1 | 16, 1 | 32, 1 | 64, 1 | 64);
    const __m256i kind_high = NIBBLES(16 | 32, 0, 8, 4, 1, 2, 1, 2, 0, 0, 0, 0, 64, (char)128, 0, 0);
    const __m256i lead_low = NIBBLES(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 | 8, 4);
    const __m256i lead_high = NIBBLES(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0);
    const __m256i second_low = NIBBLES(2, 2, 2 | 8, 2, 2, 2, 4, 1 | 2, 0, 0, 0, 2, 0, 2, 0, 0);
    const __m256i second_high = NIBBLES(0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 8, 1 | 4, 0, 0, 0, 0);
    const __m256i nibble = _mm256_set1_epi8(15);
    uint64_t lead_before = 0;
    struct word rest = {0};
    __m256i before = _mm256_setzero_si256();
    uint8_t last[64];
    for (size_t at = 0; at < size; at += 64, words++) {
        const uint8_t *block = text + at;
        if (size - at < 64) {
            memset(last, 0, sizeof last);
            memcpy(last, block, size - at);
            block = last;
        }
        __m256i bytes[2], kinds[2], highs[2], lows[2];
        for (int i = 0; i < 2; i++) {
            bytes[i] = _mm256_loadu_si256((const __m256i *)(const void *)(block + 32 * i));
            lows[i] = _mm256_and_si256(bytes[i], nibble);
            highs[i] = _mm256_and_si256(_mm256_srli_epi16(bytes[i], 4), nibble);
            kinds[i] = by_nibbles(kind_low, kind_high, lows[i], highs[i]);
        }
        const uint64_t lead = bits_of(kinds, 0) | bits_of(kinds, 1);
        words->letter = bits_of(kinds, 7) | bits_of(kinds, 6);
        words->number = bits_of(kinds, 5);
        words->space = bits_of(kinds, 4);
        words->line = bits_of(kinds, 2);
        words->blank = words->space | words->line | bits_of(kinds, 3);
        words->apostrophe = equal(bytes, '\'');
        words->inner = 0;
        const uint64_t high = bits_of(bytes, 0);
        if (high) {
            const __m256i leads[2] = {by_nibbles(lead_low, lead_high, lows[0], highs[0]),
                                      by_nibbles(lead_low, lead_high, lows[1], highs[1])};
            const __m256i ahead[2] = {
                _mm256_alignr_epi8(leads[0], _mm256_permute2x128_si256(before, leads[0], 0x21), 15),
                _mm256_alignr_epi8(leads[1], _mm256_permute2x128_si256(leads[0], leads[1], 0x21), 15)};
            const __m256i zero = _mm256_setzero_si256();
            __m256i none[2];
            for (int i = 0; i < 2; i++)
                none[i] = _mm256_cmpeq_epi8(
                    _mm256_and_si256(ahead[i], by_nibbles(second_low, second_high, lows[i], highs[i])), zero);
            const uint64_t wrong = ~bits_of(none, 0);
            before = leads[1];
            words->inner = high & ~(equal(highs, 12) | equal(highs, 13) | equal(highs, 14) | equal(highs, 15));
            words->letter |= lead | lead << 1 | lead_before;
            words->letter |= rest.letter;
            words->number |= rest.number;
            words->blank |= rest.blank;
            rest = (struct word){0};
            const uint64_t others = high & ~words->inner & ~lead;
            if (others)
                classify_others(splitter, block, others, words, &rest);
            if (wrong) {
                words->letter &= ~(wrong | wrong >> 1);
                if (wrong & 1)
                    words[-1].letter &= ~(UINT64_C(1) << 63);
            }
            lead_before = lead >> 63;
        } else {
            before = _mm256_setzero_si256();
            lead_before = 0;
        }
    }
}

/* With AVX-512 (VBMI, VBMI2) a byte's class is one look-up among 128, a mask of 64 bytes one instruction, and the places of
 * a mask's bits another. Bits of `low`, for ASCII: letter, number, space, other blank, line break, apostrophe. Of `high`, by
 * the lower seven bits of others: lead and second byte of exceptions as in `lead` and `second` above, lead of letters. */
#define TARGET_512 __attribute__((target("avx2,bmi,bmi2,popcnt,avx512f,avx512bw,avx512vbmi,avx512vbmi2")))

static const uint8_t low_512[128] = {
    ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['0' ... '9'] = 2, [' '] = 4,          ['\t'] = 8,
    ['\v'] = 8,        ['\f'] = 8,        ['\n'] = 16,       ['\r'] = 16, ['\''] = 32,
};
static const uint8_t lead_512[128] = {
    [0x43] = 16 | 1, [0x44 ... 0x4A] = 16, [0x4E] = 16 | 2 | 8, [0x4F] = 16 | 4, [0x50 ... 0x51] = 16,
};
static const uint8_t second_512[128] = {
    [0x17] = 1, [0x37] = 1, [0x00 ... 0x05] = 2, [0x07] = 2, [0x0B] = 2, [0x0D] = 2, [0x36] = 4, [0x22] = 8,
};

TARGET_512 static void classify_512(const struct splitter *splitter, const uint8_t *text, size_t size, struct word *words)
{
    const __m512i low[2] = {_mm512_loadu_si512(low_512), _mm512_loadu_si512(low_512 + 64)};
    const __m512i leads[2] = {_mm512_loadu_si512(lead_512), _mm512_loadu_si512(lead_512 + 64)};
    const __m512i second[2] = {_mm512_loadu_si512(second_512), _mm512_loadu_si512(second_512 + 64)};
    const __m512i before_each = _mm512_add_epi8(_mm512_loadu_si512(places_512), _mm512_set1_epi8(63));
    __m512i before = _mm512_setzero_si512();
    uint64_t lead_before = 0;
    struct word rest = {0};
    for (size_t at = 0; at < size; at += 64, words++) {
        const __m512i bytes = _mm512_maskz_loadu_epi8(valid_bits(size - at), text + at);
        const uint64_t high = _mm512_movepi8_mask(bytes);
        const __m512i kinds = _mm512_maskz_permutex2var_epi8(~high, low[0], bytes, low[1]);
        words->letter = _mm512_test_epi8_mask(kinds, _mm512_set1_epi8(1));
        words->number = _mm512_test_epi8_mask(kinds, _mm512_set1_epi8(2));
        words->space = _mm512_test_epi8_mask(kinds, _mm512_set1_epi8(4));
        words->blank = _mm512_test_epi8_mask(kinds, _mm512_set1_epi8(4 | 8 | 16));
        words->line = _mm512_test_epi8_mask(kinds, _mm512_set1_epi8(16));
        words->apostrophe = _mm512_test_epi8_mask(kinds, _mm512_set1_epi8(32));
        words->inner = 0;
        if (!high) {
            before = _mm512_setzero_si512();
            lead_before = 0;
            continue;
        }
        const __m512i firsts = _mm512_maskz_permutex2var_epi8(high, leads[0], bytes, leads[1]);
        const __m512i seconds = _mm512_maskz_permutex2var_epi8(high, second[0], bytes, second[1]);
        const uint64_t wrong = _mm512_test_epi8_mask(_mm512_permutex2var_epi8(before, before_each, firsts), seconds);
        const uint64_t lead = _mm512_test_epi8_mask(firsts, _mm512_set1_epi8(16));
        before = firsts;
        words->inner = high & _mm512_cmplt_epu8_mask(bytes, _mm512_set1_epi8((char)0xC0));
        words->letter |= lead | lead << 1 | lead_before | rest.letter;
        words->number |= rest.number;
        words->blank |= rest.blank;
        rest = (struct word){0};
        const uint64_t others = high & ~words->inner & ~lead;
        if (others)
            classify_others(splitter, text + at, others, words, &rest);
        if (wrong) {
            words->letter &= ~(wrong | wrong >> 1);
            if (wrong & 1)
                words[-1].letter &= ~(UINT64_C(1) << 63);
        }
        lead_before = lead >> 63;
    }
}
#endif

void pretokenize_prepare(struct splitter *splitter)
{
    const struct item *item = splitter->items;
    for (int32_t i = 0; i < splitter->alternatives; item += splitter->lengths[i++])
        splitter->starts[i] = starts_of(item, splitter->lengths[i]);
    splitter->vectors = 0;
#if defined(__x86_64__) && !defined(PLAIN_C)
    splitter->vectors = splitter->fast != FAST_NONE && __builtin_cpu_supports("avx2") &&
                        __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") &&
                        vectors_know(splitter->classes);
    for (uint32_t code = 0x2010; splitter->vectors && code <= 0x2027; code++)
        splitter->vectors = (splitter->classes[code] & FAST_CLASSES) == 0;
    if (splitter->vectors && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
        __builtin_cpu_supports("avx512vbmi2"))
        splitter->vectors = 2;
#endif
}

/* The bit before each, with what the word before left. */
static inline uint64_t after(uint64_t bits, uint64_t *carry)
{
    const uint64_t moved = bits << 1 | *carry;
    *carry = bits >> 63;
    return moved;
}

static ALWAYS_INLINE void begin_llama(struct word *words, size_t size, bool threes)
{
    uint64_t cl = 0, cn = 0, co = 0, cb = 0, cr = 0, cs = 0, cf[4] = {0}, cd[2] = {0};
    for (size_t at = 0; at < size; at += 64, words++) {
        const uint64_t letter = words->letter, number = words->number, blank = words->blank;
        const uint64_t other = ~(letter | number | blank) & valid_bits(size - at);
        const uint64_t after_blank = after(blank, &cb), after_number = after(number, &cn);
        const uint64_t others = other & ~after(other, &co) & ~after(words->space, &cs);
        uint64_t first = others; /* all bytes of a first character */
        for (int i = 0; i < 3; i++)
            first |= after(first, &cf[i]) & words->inner;
        const uint64_t joined = (after_blank & ~after(words->line, &cr)) | after(first, &cf[3]);
        const uint64_t letters = letter & ~after(letter, &cl) & ~joined;
        const uint64_t numbers = number & ~(threes ? after_number : words->inner);
        words->begins = others | letters | numbers | (blank & ~after_blank);
        words->blanks = (blank & ~words->inner & after_blank) | words->line;
        words->endings = words->apostrophe & others;
        words->digits = 0;
        if (threes) {
            const uint64_t two = number & after_number, three = two & after(two, &cd[0]);
            words->digits = three & after(three, &cd[1]);
        }
    }
}

static ALWAYS_INLINE void begin_gpt2(struct word *words, size_t size)
{
    uint64_t cl = 0, cn = 0, co = 0, cb = 0, cs = 0;
    for (size_t at = 0; at < size; at += 64, words++) {
        const uint64_t letter = words->letter, number = words->number, blank = words->blank;
        const uint64_t other = ~(letter | number | blank) & valid_bits(size - at);
        const uint64_t after_blank = after(blank, &cb), after_space = after(words->space, &cs);
        const uint64_t others = other & ~after(other, &co) & ~after_space;
        const uint64_t letters = letter & ~after(letter, &cl) & ~after_space;
        const uint64_t numbers = number & ~after(number, &cn) & ~after_space;
        words->begins = others | letters | numbers | (blank & ~after_blank);
        words->blanks = blank & ~words->inner & after_blank;
        words->endings = words->apostrophe & others;
        words->digits = 0;
    }
}

#define HAS(field, at) (words[(at) / 64].field >> ((at) % 64) & 1)
#define BEGIN(at) (words[(at) / 64].begins |= UINT64_C(1) << ((at) % 64))
#define NO_BEGIN(at) (words[(at) / 64].begins &= ~(UINT64_C(1) << ((at) % 64)))

static inline bool is_other(const struct word *words, size_t at)
{
    return !(HAS(letter, at) || HAS(number, at) || HAS(blank, at));
}

/* A run of blanks that has `at` in it. Answers its end. */
static size_t repair_blanks(struct word *words, size_t size, size_t at, bool lines)
{
    size_t begin = at, end = at + 1;
    while (begin > 0 && HAS(blank, begin - 1))
        begin--;
    while (end < size && HAS(blank, end))
        end++;
    size_t from = begin;
    if (lines) {
        if (begin > 0 && is_other(words, begin - 1))
            while (from < end && HAS(line, from))
                from++;
        if (from != begin) {
            NO_BEGIN(begin);
            if (from < end)
                BEGIN(from);
        }
        size_t last = end;
        while (last > from && !HAS(line, last - 1))
            last--;
        if (last > from && last < end)
            BEGIN(last);
    }
    if (end < size && from < end) { /* the last blank goes with what follows; it has up to three bytes */
        size_t last = end - 1;
        while (HAS(inner, last))
            last--;
        if (!lines || !HAS(line, last))
            BEGIN(last);
    }
    return end;
}

/* A run of numbers that has `at` in it: every third begins a piece. Answers its end. */
static size_t repair_numbers(struct word *words, size_t size, size_t at)
{
    while (at > 0 && HAS(number, at - 1))
        at--;
    for (size_t count = 0; at < size && HAS(number, at); at++) {
        if (HAS(inner, at))
            continue;
        if (count && count % 3 == 0)
            BEGIN(at);
        count++;
    }
    return at;
}

static void repair_ending(struct word *words, const uint8_t *text, size_t size, size_t at, bool gpt2)
{
    const size_t end = ending(text, at, size, gpt2, false);
    if (end == at)
        return;
    if (gpt2)
        NO_BEGIN(at + 1);
    if (end < size && HAS(letter, end))
        BEGIN(end);
}

struct repaired {
    size_t blanks, numbers; /* up to where runs are done */
};

static void repair(struct word *words, const uint8_t *text, size_t size, size_t word, const struct splitter *splitter,
                   struct repaired *done)
{
    const bool gpt2 = splitter->fast == FAST_GPT2;
    for (uint64_t bits = words[word].blanks; bits; bits &= bits - 1) {
        const size_t at = word * 64 + (size_t)__builtin_ctzll(bits);
        if (at >= done->blanks)
            done->blanks = repair_blanks(words, size, at, !gpt2);
    }
    for (uint64_t bits = words[word].digits; bits; bits &= bits - 1) {
        const size_t at = word * 64 + (size_t)__builtin_ctzll(bits);
        if (at >= done->numbers)
            done->numbers = repair_numbers(words, size, at);
    }
    for (uint64_t bits = words[word].endings; bits; bits &= bits - 1)
        repair_ending(words, text, size, word * 64 + (size_t)__builtin_ctzll(bits), gpt2);
}

typedef uint32_t *put_places(uint64_t bits, size_t at, uint32_t *out);

/* Writes `at` and the place of each bit, sixteen at once, more than there are: cheaper than to ask each time. */
static ALWAYS_INLINE uint32_t *put_plainly(uint64_t bits, size_t at, uint32_t *out)
{
    const int count = __builtin_popcountll(bits);
    for (int i = 0; i < count; i += 16) {
        for (int k = 0; k < 16; k++) {
            out[i + k] = (uint32_t)at + (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
            bits &= bits - 1;
        }
    }
    return out + count;
}

static ALWAYS_INLINE void collect(struct word *words, const uint8_t *text, size_t size, const struct splitter *splitter,
                                  struct pretokens *pieces, put_places *put)
{
    struct repaired done = {0, 0};
    uint32_t *out = pieces->ends;
    words[0].begins &= ~UINT64_C(1); /* ends are the begins of what follows */
    for (size_t at = 0; at < size; at += 64) {
        struct word *word = words + at / 64;
        if (word->blanks | word->digits | word->endings)
            repair(words, text, size, at / 64, splitter, &done);
        out = put(word->begins, at, out);
    }
    *out++ = (uint32_t)size;
    pieces->count = (size_t)(out - pieces->ends);
}

static ALWAYS_INLINE void begin_and_collect(const struct splitter *splitter, const uint8_t *text, size_t size,
                                            struct pretokens *pieces, put_places *put)
{
    if (splitter->fast == FAST_GPT2)
        begin_gpt2(pieces->masks, size);
    else
        begin_llama(pieces->masks, size, splitter->fast == FAST_DIGITS_3);
    collect(pieces->masks, text, size, splitter, pieces, put);
}

#if defined(__x86_64__) && !defined(PLAIN_C)
TARGET static void split_vectors(const struct splitter *splitter, const uint8_t *text, size_t size,
                                 struct pretokens *pieces)
{
    classify_vectors(splitter, text, size, pieces->masks);
    begin_and_collect(splitter, text, size, pieces, put_plainly);
}

TARGET_512 static inline uint32_t *put_512(uint64_t bits, size_t at, uint32_t *out)
{
    const __m512i found = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(places_512));
    const __m512i base = _mm512_set1_epi32((int)at);
    const int count = __builtin_popcountll(bits);
    _mm512_storeu_si512(out, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(found))));
    if (__builtin_expect(count > 16, 0)) {
        uint8_t rest[64];
        _mm512_storeu_si512(rest, found);
        for (int i = 16; i < count; i += 16) {
            const __m128i more = _mm_loadu_si128((const __m128i *)(const void *)(rest + i));
            _mm512_storeu_si512(out + i, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(more)));
        }
    }
    return out + count;
}

TARGET_512 static void split_512(const struct splitter *splitter, const uint8_t *text, size_t size, struct pretokens *pieces)
{
    classify_512(splitter, text, size, pieces->masks);
    begin_and_collect(splitter, text, size, pieces, put_512);
}
#endif

static bool split_fast(const struct splitter *splitter, const uint8_t *text, size_t size, struct pretokens *pieces)
{
    if (!reserve(&pieces->masks, &pieces->masks_room, size / 64 + 1, sizeof(struct word)))
        return false;
#if defined(__x86_64__) && !defined(PLAIN_C)
    if (splitter->vectors) {
        (splitter->vectors > 1 ? split_512 : split_vectors)(splitter, text, size, pieces);
        return true;
    }
#endif
    classify_slowly(splitter, text, size, pieces->masks);
    begin_and_collect(splitter, text, size, pieces, put_plainly);
    return true;
}

bool pretokenize(const struct splitter *splitters, size_t count, const uint8_t *text, size_t size,
                 struct pretokens *pieces)
{
    void *block = pieces->ends;
    const bool there = reserve(&block, &pieces->room, size + 17, sizeof *pieces->ends);
    pieces->ends = block;
    if (!there)
        return false;
    pieces->count = 0;
    if (size == 0)
        return true;
    if (count && splitters[0].fast != FAST_NONE) {
        if (!split_fast(splitters, text, size, pieces))
            return false;
    } else if (count) {
        split_slowly(splitters, text, 0, size, pieces);
    } else {
        pieces->ends[pieces->count++] = (uint32_t)size;
    }
    for (size_t i = 1; i < count; i++) {
        block = pieces->other;
        const bool room = reserve(&block, &pieces->other_room, size + 17, sizeof *pieces->other);
        pieces->other = block;
        if (!room)
            return false;
        uint32_t *before = pieces->ends;
        const size_t number = pieces->count, before_room = pieces->room;
        pieces->ends = pieces->other;
        pieces->room = pieces->other_room;
        pieces->other = before;
        pieces->other_room = before_room;
        pieces->count = 0;
        for (size_t k = 0, begin = 0; k < number; begin = before[k++])
            split_slowly(splitters + i, text, begin, before[k] - begin, pieces);
    }
    return true;
}

void pretokenize_free(struct pretokens *pieces)
{
    free(pieces->ends);
    free(pieces->other);
    free(pieces->masks);
    memset(pieces, 0, sizeof *pieces);
}
