/* Passes over plain bytes: see pieces_cut.h. AVX2 where the processor has it, else byte by byte. */
#include <string.h>

#include "pieces_cut.h"
#include "utf8.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static uint8_t class_of(unsigned byte)
{
    if (byte >= 0x80)
        return OTHER_SCRIPTS;
    if (byte < 0x20)
        return CONTROLS;
    if (byte == ' ')
        return BLANKS;
    if (byte >= '0' && byte <= '9')
        return DIGITS;
    const unsigned lower = byte | 0x20;
    return lower >= 'a' && lower <= 'z' ? LETTERS : OTHERS;
}

/* Class of the first character of a piece. U+2581 is a blank; and a space is nothing that a text has. */
static uint8_t first_class(const uint8_t *text, size_t size)
{
    if (size >= 3 && memcmp(text, "\xE2\x96\x81", 3) == 0)
        return BLANKS;
    return class_of(text[0]);
}

static uint8_t last_class(const uint8_t *text, size_t size)
{
    if (size >= 3 && memcmp(text + size - 3, "\xE2\x96\x81", 3) == 0)
        return BLANKS;
    return class_of(text[size - 1]);
}

void cuts_build(struct cuts *cuts, const struct pieces_spec *spec)
{
    memset(cuts, 0, sizeof *cuts);
    for (unsigned byte = 0; byte < 256; byte++)
        cuts->class_of[byte] = class_of(byte);
    cuts->joined[OTHER_SCRIPTS] = OTHER_SCRIPTS;
    for (uint32_t i = 0; i < spec->merges_count; i++) {
        const int64_t *left = spec->pieces.offsets + spec->merges[3 * (size_t)i];
        const int64_t *right = spec->pieces.offsets + spec->merges[3 * (size_t)i + 1];
        const uint8_t last = last_class(spec->pieces.text + left[0], (size_t)(left[1] - left[0]));
        const uint8_t first = first_class(spec->pieces.text + right[0], (size_t)(right[1] - right[0]));
        if (first != BLANKS || !spec->split)
            cuts->joined[last] |= first;
    }
#if defined(__x86_64__)
    cuts->wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
#endif
}

#if defined(__x86_64__)

static inline __attribute__((target("avx2"))) __m256i twice(const uint8_t *table)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

/* The class bit of 32 bytes. Letters are two rectangles of halves: 4x and 6x but for x0, 5x and 7x up to xA. */
static inline __attribute__((target("avx2"))) __m256i classify(__m256i bytes)
{
    enum { LATE = 64, A = LETTERS, B = LATE, D = DIGITS, S = BLANKS, C = CONTROLS, N = OTHER_SCRIPTS };
    const __m256i low = _mm256_setr_epi8(
        B | D | S | C | N, A | B | D | C | N, A | B | D | C | N, A | B | D | C | N, A | B | D | C | N,
        A | B | D | C | N, A | B | D | C | N, A | B | D | C | N, A | B | D | C | N, A | B | D | C | N, A | B | C | N,
        A | C | N, A | C | N, A | C | N, A | C | N, A | C | N, B | D | S | C | N, A | B | D | C | N, A | B | D | C | N,
        A | B | D | C | N, A | B | D | C | N, A | B | D | C | N, A | B | D | C | N, A | B | D | C | N,
        A | B | D | C | N, A | B | D | C | N, A | B | C | N, A | C | N, A | C | N, A | C | N, A | C | N, A | C | N);
    const __m256i high = _mm256_setr_epi8(C, C, S, D, A, B, A, B, N, N, N, N, N, N, N, N, C, C, S, D, A, B, A, B, N, N, N,
                                          N, N, N, N, N);
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
    __m256i found = _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(bytes, nibble)),
                                     _mm256_shuffle_epi8(high, upper));
    /* LATE becomes LETTERS; nothing becomes OTHERS. */
    const __m256i late = _mm256_cmpeq_epi8(found, _mm256_set1_epi8(LATE));
    found = _mm256_blendv_epi8(found, _mm256_set1_epi8(LETTERS), late);
    const __m256i none = _mm256_cmpeq_epi8(found, _mm256_setzero_si256());
    return _mm256_sub_epi8(found, none);
}

static __attribute__((target("avx2"))) void find_wide(const struct cuts *cuts, const uint8_t *text, size_t size,
                                                      uint64_t *marks)
{
    /* What a class is joined with, by the lower and the upper half of its bit. */
    uint8_t from_low[16], from_high[16];
    for (unsigned half = 0; half < 16; half++) {
        from_low[half] = cuts->joined[half];
        from_high[half] = half < 4 ? cuts->joined[half << 4] : 0;
    }
    const __m256i low = twice(from_low), high = twice(from_high), nibble = _mm256_set1_epi8(15);
    __m256i before = _mm256_setzero_si256(); /* what the 32 bytes before are joined with */
    for (size_t at = 0; at < size; at += 64) {
        uint64_t word = 0;
        for (unsigned part = 0; part < 2; part++) {
            const __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(text + at + 32 * part));
            const __m256i class = classify(bytes);
            const __m256i joined = _mm256_or_si256(
                _mm256_shuffle_epi8(low, _mm256_and_si256(class, nibble)),
                _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(class, 4), nibble)));
            const __m256i across = _mm256_permute2x128_si256(before, joined, 0x21);
            const __m256i left = _mm256_alignr_epi8(joined, across, 15);
            const __m256i apart = _mm256_cmpeq_epi8(_mm256_and_si256(left, class), _mm256_setzero_si256());
            word |= (uint64_t)(uint32_t)_mm256_movemask_epi8(apart) << (32 * part);
            before = joined;
        }
        marks[at / 64] = word;
    }
}

#endif

static void find_bytes(const struct cuts *cuts, const uint8_t *text, size_t size, uint64_t *marks)
{
    uint8_t joined = 0;
    for (size_t at = 0; at < size; at += 64) {
        uint64_t word = 0;
        for (unsigned i = 0; i < 64 && at + i < size; i++) {
            const uint8_t class = cuts->class_of[text[at + i]];
            word |= (uint64_t)!(joined & class) << i;
            joined = cuts->joined[class];
        }
        marks[at / 64] = word;
    }
}

void cuts_find(const struct cuts *cuts, const uint8_t *text, size_t size, uint64_t *marks)
{
#if defined(__x86_64__)
    if (cuts->wide) {
        find_wide(cuts, text, size, marks);
        return;
    }
#endif
    find_bytes(cuts, text, size, marks);
}

/* Eight at a time, some of them too many: how often that is needed is easier to foresee than how many there are. */
static inline __attribute__((always_inline)) size_t list(const uint64_t *marks, size_t size, uint32_t *positions)
{
    uint32_t *at = positions;
    for (size_t word = 0; word * 64 < size; word++) {
        uint64_t left = marks[word];
        uint32_t *const end = at + __builtin_popcountll(left);
        do
            for (unsigned i = 0; i < CUTS_MORE; i++, left &= left - 1)
                at[i] = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(left | UINT64_C(1) << 63);
        while ((at += CUTS_MORE) < end);
        at = end;
    }
    return (size_t)(at - positions);
}

#if defined(__x86_64__)
static __attribute__((target("avx2,bmi,popcnt"))) size_t list_wide(const uint64_t *marks, size_t size, uint32_t *positions)
{
    return list(marks, size, positions);
}
#endif

size_t cuts_list(const struct cuts *cuts, const uint64_t *marks, size_t size, uint32_t *positions)
{
#if defined(__x86_64__)
    if (cuts->wide)
        return list_wide(marks, size, positions);
#endif
    return list(marks, size, positions);
}

int64_t pieces_invalid(const uint8_t *text, size_t size)
{
    const size_t at = utf8_fault(text, size);
    return at == size ? -1 : (int64_t)at;
}
