/* Counts in text: see blocks_count.h.
 *
 * Theory. Most bytes of European pages are ASCII, even in languages with accents. So 32 bytes that are all ASCII are
 * classed by comparisons at once, and what is counted are bits of masks; other text is read code point by code point,
 * by tables. Both give the same numbers.
 */
#include "blocks_count.h"

#if defined(__x86_64__) && !defined(PLAIN_C)
#define AVX2
#include <immintrin.h>
#endif

/* ---- words ---- */

/* Digits have the bit that makes ASCII letters small; bytes of other letters are left alone. */
static uint64_t small(uint64_t bytes) { return bytes | (~bytes >> 2 & UINT64_C(0x2020202020202020)); }

static uint64_t word_hash(const uint8_t *at, size_t size)
{
    uint64_t hash = size * MIX;
    for (; size >= 8; size -= 8, at += 8)
        hash = mixed(hash, small(eight_at(at)));
    return mixed(hash, small(few_at(at, size)));
}

static bool is_in(const struct title *title, uint64_t word)
{
    if (!(title->filter >> (word & 63) & 1))
        return false;
    for (size_t i = 0; i < title->count; i++)
        if (title->word[i] == word)
            return true;
    return false;
}

static size_t word_end(const struct blocks_names *names, const uint8_t *text, size_t from, size_t end)
{
    for (size_t size; from < end; from += size)
        if (!(bits_of(names, code_at(text + from, &size)) & WORD))
            break;
    return from;
}

static size_t word_start(const struct blocks_names *names, const uint8_t *text, size_t from, size_t end)
{
    for (size_t size; from < end; from += size)
        if (bits_of(names, code_at(text + from, &size)) & WORD)
            break;
    return from;
}

void title_add(struct title *title, const struct blocks_names *names, const uint8_t *text, size_t size)
{
    for (size_t at = 0; (at = word_start(names, text, at, size)) < size;) {
        const size_t end = word_end(names, text, at, size);
        const uint64_t word = word_hash(text + at, end - at);
        if (title->count < TITLE_WORDS) {
            title->word[title->count++] = word;
            title->filter |= UINT64_C(1) << (word & 63);
        }
        at = end;
    }
}

/* ---- counts ---- */

/* What has been counted so far, and what the last character was. */
struct tally {
    const struct blocks_names *names;
    const struct title *title;
    const uint8_t *text;
    struct block *block;
    size_t at, word; /* where it has come; where the word began that it stands in, or NONE */
    uint32_t last;
    bool blank;
};

#define NONE SIZE_MAX

static void end_word(struct tally *tally, size_t end)
{
    if (tally->word != NONE)
        tally->block->title_words += is_in(tally->title, word_hash(tally->text + tally->word, end - tally->word));
    tally->word = NONE;
}

static void add_counts(struct block *block, uint64_t counts)
{
    uint32_t *const to[] = {&block->characters, &block->uppers,  &block->digits, &block->marks,
                            &block->commas,     &block->symbols, &block->lines};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        *to[i] += counts >> 8 * i & 255;
}

/* Up to COUNTS_MOST characters, and at least to `end`: both are ends of characters. */
static void count_some(struct tally *tally, size_t end)
{
    const struct blocks_names *const names = tally->names;
    const bool titled = tally->title->count > 0;
    uint64_t counts = 0;
    uint32_t words = 0;
    for (unsigned room = COUNTS_MOST; room && tally->at < end; room--) {
        size_t size;
        const uint32_t code = code_at(tally->text + tally->at, &size);
        const unsigned bits = bits_of(names, code);
        const uint64_t one = code < 0x80 ? names->counts[code] : counts_of(code, bits);
        counts += one;
        words += tally->blank & (one & 1);
        tally->blank = !(one & 1);
        if (titled && !(bits & WORD) != (tally->word == NONE)) {
            if (bits & WORD)
                tally->word = tally->at;
            else
                end_word(tally, tally->at);
        }
        tally->last = code;
        tally->at += size;
    }
    add_counts(tally->block, counts);
    tally->block->words += words;
}

static void count_plainly(struct tally *tally)
{
    while (tally->at < tally->block->size)
        count_some(tally, tally->block->size);
}

#ifdef AVX2
#define VECTORS __attribute__((target("avx2,popcnt,bmi")))
#define WIDTH 32

VECTORS static inline uint32_t equal(__m256i bytes, char what)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(what)));
}

/* Bytes from `first` on, `count` of them. */
VECTORS static inline uint32_t within(__m256i bytes, char first, char count)
{
    const __m256i from = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first));
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(from, _mm256_set1_epi8(count - 1)), from));
}

/* Words that end in these 32 bytes, of which `word` are parts of words. */
VECTORS static void end_words(struct tally *tally, uint32_t word)
{
    const uint64_t before = tally->word != NONE;
    uint64_t edges = word ^ ((uint64_t)word << 1 | before); /* each a start or an end; the 33rd bit is none yet */
    edges &= UINT32_MAX;
    for (; edges; edges &= edges - 1) {
        const size_t at = tally->at + (size_t)__builtin_ctzll(edges);
        if (tally->word == NONE)
            tally->word = at;
        else
            end_word(tally, at);
    }
}

/* 32 bytes of ASCII. */
VECTORS static void count_ascii(struct tally *tally, __m256i bytes)
{
    struct block *const block = tally->block;
    const uint32_t blank = within(bytes, 0, ' ' + 1), upper = within(bytes, 'A', 26), digit = within(bytes, '0', 10);
    const uint32_t letter = upper | within(bytes, 'a', 26), comma = equal(bytes, ',');
    const uint32_t mark = equal(bytes, '.') | equal(bytes, '!') | equal(bytes, '?') | equal(bytes, ';');
    block->characters += (uint32_t)__builtin_popcount(~blank);
    block->words += (uint32_t)__builtin_popcount(~blank & (blank << 1 | tally->blank));
    block->uppers += (uint32_t)__builtin_popcount(upper);
    block->digits += (uint32_t)__builtin_popcount(digit);
    block->marks += (uint32_t)__builtin_popcount(mark);
    block->commas += (uint32_t)__builtin_popcount(comma);
    block->symbols += (uint32_t)__builtin_popcount(~(blank | letter | digit | mark | comma));
    block->lines += (uint32_t)__builtin_popcount(equal(bytes, '\n'));
    if (tally->title->count)
        end_words(tally, letter | digit);
    tally->blank = blank >> (WIDTH - 1);
    tally->at += WIDTH;
    tally->last = tally->text[tally->at - 1];
}

VECTORS static void count_vectors(struct tally *tally)
{
    const size_t size = tally->block->size;
    while (tally->at < size) {
        if (size - tally->at >= WIDTH) {
            const __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(tally->text + tally->at));
            if (!_mm256_movemask_epi8(bytes)) {
                count_ascii(tally, bytes);
                continue;
            }
        }
        count_some(tally, size - tally->at < WIDTH ? size : tally->at + WIDTH);
    }
}
#endif

static bool begins_small(const struct blocks_names *names, const uint8_t *text, size_t size)
{
    for (size_t at = 0, more; at < size; at += more) {
        const unsigned bits = bits_of(names, code_at(text + at, &more));
        if (!(bits & BLANK))
            return bits & LETTER && !(bits & UPPER);
    }
    return false;
}

void blocks_count(const struct blocks_names *names, const struct title *title, const uint8_t *text, struct block *block)
{
    struct tally tally = {names, title, text, block, 0, NONE, 0, true};
#ifdef AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi"))
        count_vectors(&tally);
    else
#endif
        count_plainly(&tally);
    end_word(&tally, block->size);
    const uint32_t last = tally.last;
    block->ends = is_end(last) || last == ':' || last == 0x201D || last == 0xBB || last == '"';
    block->lower = begins_small(names, text, block->size);
    block->hash = hash_of(0, text, block->size);
}
