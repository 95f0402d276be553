/* Fuzzer of the measures: texts made of pieces that meet every rule, torn and put together at random.
 *
 *   gcc -fsanitize=address,undefined ... && ./measure 20000      number of inputs to try
 *
 * What holds for any UTF-8: no fault; numbers are finite and not below 0, shares not above 1; a room that served other
 * texts gives the same numbers as a new one; no byte behind the text is read; a hash ignores blanks at the ends.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "measure_hash.h"
#include "numbers.h"
#include "utf8.h"

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static const char *const pieces[] = {
    " ", "  ", "\n", "\r\n", "\n\n", "\t", "\xc2\xa0", "\xe2\x80\xa8", "a", "Ab", "der", "und", "DER", "lorem", "ipsum", "x1y",
    "rnrnrnrn", "1", "12.", "(3)", "2.3.1", "a)", "key: ", ".", "...", ". . .", "....", "\xe2\x80\xa6", ",", ";", "!", "?",
    "\"", "\xc2\xbb", ")", "{", "}", "{{x}}", "${x}", "<%x%>", "%s", "%1$d", "%", "[object Object]", "undefined", "NaN",
    "_", "#", "\xe2\x80\xa2", "-", "JavaScript", "\xcc\x81", "\xcc\xa7", "\xcc\x88", "\xcd\x85", "\xc4\xb0", "\xc3\x9f",
    "\xce\xa3", "\xcf\x82", "\xce\x91\xce\xa3", "\xe2\x84\xab", "\xe1\x84\x92", "\xe1\x85\xa1", "\xe1\x86\xab",
    "\xea\xb0\x80", "\xed\x95\x9c", "\xe0\xa5\x98", "\xf0\x9d\x9f\x99", "\xf0\xb0\x80\x80", "\xf0\x9f\x98\x80",
    "\xef\xbf\xbd", "\xee\x80\x80", "a b c d e f g h i j k l ", "a, a, a, a, a, a, ", "\xf4\x8f\xbf\xbf", "",
};
#define PIECES (sizeof pieces / sizeof *pieces)
#define MOST 4096

static struct measure_profile make_profile(void)
{
    static uint32_t ends[] = {'.', '!', '?', 0x2026};
    static const char words[] = "derundloremipsumab";
    static const int64_t at[] = {0, 3, 6, 11, 16, 17, 18};
    static const double logs[] = {-3, -3.5, 1, 1, -5, 1};
    static const uint8_t stops[] = {1, 1, 0, 0, 1, 0};
    static const uint32_t phrases[] = {2, 3, 4, 4, 5};
    static const int64_t phrases_at[] = {0, 2, 5};
    struct measure_profile profile = {.ends = ends, .ends_count = 4, .ends_ascii = {(uint64_t)1 << '.' | (uint64_t)1 << '!' | (uint64_t)1 << '?'}, .scripts = 1u << 20};
    profile.list.floor = -13;
    profile.list.frequent = true;
    require(words_list_make(&profile.list, (const uint8_t *)words, at, 6, logs, stops, phrases, phrases_at, 2), "memory");
    return profile;
}

static bool is_count(size_t measure)
{
    switch (measure) {
    case MEASURE_CHARACTERS_CURLY_BRACKETS:
    case MEASURE_LENGTH_LONGEST_WORD:
    case MEASURE_LENGTH_MEAN_WORD:
    case MEASURE_LENGTH_WORDS:
    case MEASURE_LINES_LINE_BREAKS:
    case MEASURE_SENTENCES_COUNT:
    case MEASURE_SENTENCES_MEAN:
    case MEASURE_STOP_WORDS_DISTINCT:
    case MEASURE_TELLS_LOREM_IPSUM:
    case MEASURE_TELLS_PHRASES:
    case MEASURE_TELLS_PLACEHOLDERS: /* a mark parts some, and no word */
        return true;
    default:
        return false;
    }
}

/* White space at the ends changes nothing; whether a text is left to Python is told every time. */
static void try_hash(const uint8_t *text, size_t size)
{
    uint8_t hash[HASH_BYTES], same[HASH_BYTES];
    uint8_t *const wider = malloc(size + 300);
    require(wider != NULL, "memory");
    memset(wider, ' ', size + 300);
    memcpy(wider + 150, text, size);
    const bool hashed = hash_text(text, size, hash);
    require(hash_text(wider, size + 300, same) == hashed, "left, or not");
    require(!hashed || memcmp(hash, same, sizeof hash) == 0, "the same hash");
    free(wider);
}

static void try_text(const struct measure_profile *profile, struct measure_room *room, const uint8_t *text, size_t size)
{
    float measures[MEASURES], again[2 * MEASURES];
    struct measure_counts counts, same;
    struct measure_room fresh = {0};
    uint8_t *const exact = malloc(size ? size : 1); /* the sanitizer sees what is read behind it */
    require(exact != NULL, "memory");
    memcpy(exact, text, size);
    require(measure_text(profile, room, exact, size, measures, 1, &counts), "memory");
    require(measure_text(profile, &fresh, exact, size, again, 2, &same), "memory");
    for (size_t i = 0; i < MEASURES; i++) {
        require(measures[i] == again[2 * i], "the same numbers in any room");
        if (i == MEASURE_VOCABULARY_LOG_PROBABILITY)
            require(measures[i] <= 0 && measures[i] >= -13, "a logarithm");
        else
            require(isfinite(measures[i]) && measures[i] >= 0 && (is_count(i) || measures[i] <= 1), "a share");
    }
    require(counts.words == same.words && counts.characters == same.characters &&
                counts.characters <= (int64_t)size && counts.words <= counts.characters, "counts");
    try_hash(exact, size);
    measure_free(&fresh);
    free(exact);
}

static void tear(uint8_t *text, size_t size, uint64_t *state)
{
    for (size_t i = below(state, 4); size && i; i--)
        text[below(state, size)] = (uint8_t)next_number(state);
}

int main(int count, char **given)
{
    const size_t inputs = count > 1 ? strtoul(given[1], NULL, 10) : 1000;
    uint64_t state = 0x9E3779B97F4A7C15u ^ (count > 2 ? strtoul(given[2], NULL, 10) * 0xFF51AFD7ED558CCDu : 0);
    struct measure_profile profile = make_profile();
    struct measure_room room = {0};
    static uint8_t text[MOST];
    for (size_t i = 0; i < inputs; i++) {
        const size_t kinds = 1 + below(&state, 16), parts = below(&state, 4) ? below(&state, 40) : below(&state, 600);
        size_t size = 0, chosen[16];
        for (size_t at = 0; at < kinds; at++)
            chosen[at] = below(&state, PIECES);
        for (size_t at = 0; at < parts; at++) {
            const char *const piece = pieces[chosen[below(&state, kinds)]];
            const size_t length = strlen(piece);
            if (size + length <= MOST)
                memcpy(text + size, piece, length), size += length;
        }
        if (below(&state, 3) == 0)
            tear(text, size, &state);
        try_text(&profile, &room, text, utf8_fault(text, size));
    }
    measure_free(&room);
    words_list_free(&profile.list);
    printf("%zu inputs\n", inputs);
    return 0;
}
