/* Validation of UTF-8: see utf8.h.
 *
 * Theory (Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021). Every error but a missing
 * third or fourth byte shows in two neighbouring bytes: in the high and low nibble of the first and the high nibble of
 * the second. Three tables of 16 give, for each nibble, the errors that it allows; an error that all three allow is
 * there. Two continuation bytes in a row are an error unless the byte two or three before them asks for them.
 */
#include "utf8.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__) && !defined(PLAIN_C)
#include <immintrin.h>

enum {
    TOO_SHORT = 1,   /* a lead, then no continuation */
    TOO_LONG = 2,    /* ASCII, then a continuation */
    OVERLONG_3 = 4,  /* E0 80-9F */
    TOO_LARGE = 8,   /* F4 90-BF, F5-FF */
    SURROGATE = 16,  /* ED A0-BF */
    OVERLONG_2 = 32, /* C0, C1 */
    OVERLONG_4 = 64, /* F0 80-8F; F5-FF 80-8F too */
    TWO_CONTINUE = 128,
    ALWAYS = TOO_SHORT | TOO_LONG | TWO_CONTINUE, /* where the low nibble does not matter */
};

#define TABLE(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)
#define B(bits) ((char)(bits))
#define TARGET __attribute__((target("avx2")))

TARGET static inline __m256i faults(__m256i block, __m256i before)
{
    const __m256i first_high = TABLE(
        TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, B(TWO_CONTINUE), B(TWO_CONTINUE),
        B(TWO_CONTINUE), B(TWO_CONTINUE), TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE,
        TOO_SHORT | TOO_LARGE | OVERLONG_4);
    const char large = B(ALWAYS | TOO_LARGE | OVERLONG_4);
    const __m256i first_low =
        TABLE(B(ALWAYS | OVERLONG_2 | OVERLONG_3 | OVERLONG_4), B(ALWAYS | OVERLONG_2), B(ALWAYS), B(ALWAYS),
              B(ALWAYS | TOO_LARGE), large, large, large, large, large, large, large, large, B(large | SURROGATE), large,
              large);
    const char third = B(TOO_LONG | OVERLONG_2 | TWO_CONTINUE | SURROGATE | TOO_LARGE);
    const __m256i second_high =
        TABLE(TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
              B(TOO_LONG | OVERLONG_2 | TWO_CONTINUE | OVERLONG_3 | OVERLONG_4),
              B(TOO_LONG | OVERLONG_2 | TWO_CONTINUE | OVERLONG_3 | TOO_LARGE), third, third, TOO_SHORT, TOO_SHORT,
              TOO_SHORT, TOO_SHORT);
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i carried = _mm256_permute2x128_si256(before, block, 0x21);
    const __m256i one = _mm256_alignr_epi8(block, carried, 15), two = _mm256_alignr_epi8(block, carried, 14);
    const __m256i three = _mm256_alignr_epi8(block, carried, 13);
    const __m256i shown = _mm256_and_si256(
        _mm256_and_si256(_mm256_shuffle_epi8(first_high, _mm256_and_si256(_mm256_srli_epi16(one, 4), nibble)),
                         _mm256_shuffle_epi8(first_low, _mm256_and_si256(one, nibble))),
        _mm256_shuffle_epi8(second_high, _mm256_and_si256(_mm256_srli_epi16(block, 4), nibble)));
    const __m256i asked = _mm256_or_si256(_mm256_subs_epu8(two, _mm256_set1_epi8(0xE0 - 0x80)),
                                          _mm256_subs_epu8(three, _mm256_set1_epi8(0xF0 - 0x80)));
    return _mm256_xor_si256(_mm256_and_si256(asked, _mm256_set1_epi8(B(0x80))), shown);
}

TARGET static bool good_vectors(const uint8_t *text, size_t size)
{
    __m256i fault = _mm256_setzero_si256(), before = _mm256_setzero_si256();
    size_t at = 0;
    for (; at + 32 <= size; at += 32) {
        const __m256i block = _mm256_loadu_si256((const __m256i *)(const void *)(text + at));
        if (_mm256_movemask_epi8(_mm256_or_si256(block, before)))
            fault = _mm256_or_si256(fault, faults(block, before));
        before = block;
    }
    uint8_t last[32] = {0}; /* at least one zero, so that what is cut off at the end is too short */
    memcpy(last, text + at, size - at);
    fault = _mm256_or_si256(fault, faults(_mm256_loadu_si256((const __m256i *)(const void *)last), before));
    return _mm256_testz_si256(fault, fault);
}
#endif

/* Bytes of the well-formed sequence at `at`, 0 where there is none. */
static size_t sequence(const uint8_t *at, size_t left)
{
    const uint8_t a = at[0];
    if (a < 0x80)
        return 1;
    const size_t bytes = a < 0xC2 ? 0 : a < 0xE0 ? 2 : a < 0xF0 ? 3 : a < 0xF5 ? 4 : 0;
    if (bytes == 0 || left < bytes)
        return 0;
    const uint8_t least = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80, most = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < least || at[1] > most)
        return 0;
    for (size_t i = 2; i < bytes; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return bytes;
}

size_t utf8_fault(const uint8_t *text, size_t size)
{
#if defined(__x86_64__) && !defined(PLAIN_C)
    if (__builtin_cpu_supports("avx2") && good_vectors(text, size))
        return size;
#endif
    size_t at = 0;
    while (at < size) {
        const size_t bytes = sequence(text + at, size - at);
        if (bytes == 0)
            break;
        at += bytes;
    }
    return at;
}
