/* Measures of a text, all of them in one pass: what the modules of filters/ define, the truth that it is tested against.
 *
 * Lengths are code points, shares are quotients of whole numbers in double precision, and what comes out is the nearest
 * float. Words, lines and paragraphs are known by a hash of 64 bits of their bytes: that two of the n different ones of
 * a text share one, and a measure is off by their count, has the odds n^2 / 2^65: 1 in 10^9 for 200,000 words.
 *
 * A text of n words takes time and room linear in its bytes, whatever it says: about 20 bytes a word and 50 a different
 * one. The room stays for the next text, unless it is large.
 */
#ifndef FLORILEGIUM_MEASURE_H
#define FLORILEGIUM_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure_grams.h"
#include "measure_words.h"

/* The measures by their names, in the order in which they come out. */
#define MEASURE_LIST(X)                                                                                                \
    X(CASING_CAPITAL_WORDS, "casing.capital_words")                                                                    \
    X(CASING_UPPER, "casing.upper")                                                                                    \
    X(CHARACTERS_ALPHABETIC_OF_ALL, "characters.alphabetic_of_all")                                                    \
    X(CHARACTERS_ALPHABETIC_WORDS, "characters.alphabetic_words")                                                      \
    X(CHARACTERS_CURLY_BRACKETS, "characters.curly_brackets")                                                          \
    X(CHARACTERS_DIGITS, "characters.digits")                                                                          \
    X(CHARACTERS_ELLIPSES, "characters.ellipses")                                                                      \
    X(CHARACTERS_HASHES, "characters.hashes")                                                                          \
    X(CHARACTERS_OTHER_SCRIPT, "characters.other_script")                                                              \
    X(CHARACTERS_SYMBOLS, "characters.symbols")                                                                        \
    X(CHARACTERS_UNDECODABLE, "characters.undecodable")                                                                \
    X(LENGTH_LONGEST_WORD, "length.longest_word")                                                                      \
    X(LENGTH_MEAN_WORD, "length.mean_word")                                                                            \
    X(LENGTH_WORDS, "length.words")                                                                                    \
    X(LINES_BULLETS, "lines.bullets")                                                                                  \
    X(LINES_ELLIPSIS, "lines.ellipsis")                                                                                \
    X(LINES_ITEMS, "lines.items")                                                                                      \
    X(LINES_JAVASCRIPT, "lines.javascript")                                                                            \
    X(LINES_LINE_BREAKS, "lines.line_breaks")                                                                          \
    X(LINES_NUMBERED, "lines.numbered")                                                                                \
    X(LINES_PAIRS, "lines.pairs")                                                                                      \
    X(LINES_SENTENCES, "lines.sentences")                                                                              \
    X(LINES_SHORT, "lines.short")                                                                                      \
    X(LINES_TERMINAL_PUNCTUATION, "lines.terminal_punctuation")                                                        \
    X(OCR_CONSONANT_RUNS, "ocr.consonant_runs")                                                                        \
    X(OCR_LONE_LETTERS, "ocr.lone_letters")                                                                            \
    X(OCR_MIXED_WORDS, "ocr.mixed_words")                                                                              \
    X(OCR_ODD_SIGNS, "ocr.odd_signs")                                                                                  \
    X(REPETITION_DUPLICATE_10GRAM, "repetition.duplicate_10gram")                                                      \
    X(REPETITION_DUPLICATE_5GRAM, "repetition.duplicate_5gram")                                                        \
    X(REPETITION_DUPLICATE_6GRAM, "repetition.duplicate_6gram")                                                        \
    X(REPETITION_DUPLICATE_7GRAM, "repetition.duplicate_7gram")                                                        \
    X(REPETITION_DUPLICATE_8GRAM, "repetition.duplicate_8gram")                                                        \
    X(REPETITION_DUPLICATE_9GRAM, "repetition.duplicate_9gram")                                                        \
    X(REPETITION_DUPLICATE_CHARACTERS, "repetition.duplicate_characters")                                              \
    X(REPETITION_DUPLICATE_LINE_CHARACTERS, "repetition.duplicate_line_characters")                                    \
    X(REPETITION_DUPLICATE_LINES, "repetition.duplicate_lines")                                                        \
    X(REPETITION_DUPLICATE_PARAGRAPH_CHARACTERS, "repetition.duplicate_paragraph_characters")                          \
    X(REPETITION_DUPLICATE_PARAGRAPHS, "repetition.duplicate_paragraphs")                                              \
    X(REPETITION_TOP_2GRAM, "repetition.top_2gram")                                                                    \
    X(REPETITION_TOP_3GRAM, "repetition.top_3gram")                                                                    \
    X(REPETITION_TOP_4GRAM, "repetition.top_4gram")                                                                    \
    X(REPETITION_TOP_WORD, "repetition.top_word")                                                                      \
    X(SENTENCES_COUNT, "sentences.count")                                                                              \
    X(SENTENCES_MEAN, "sentences.mean")                                                                                \
    X(SENTENCES_SHORT, "sentences.short")                                                                              \
    X(STOP_WORDS_DISTINCT, "stop_words.distinct")                                                                      \
    X(STOP_WORDS_SHARE, "stop_words.share")                                                                            \
    X(TELLS_LOREM_IPSUM, "tells.lorem_ipsum")                                                                          \
    X(TELLS_PHRASES, "tells.phrases")                                                                                  \
    X(TELLS_PLACEHOLDERS, "tells.placeholders")                                                                        \
    X(VOCABULARY_LOG_PROBABILITY, "vocabulary.log_probability")                                                        \
    X(VOCABULARY_UNKNOWN, "vocabulary.unknown")

enum measure {
#define MEASURE_ENUM(name, text) MEASURE_##name,
    MEASURE_LIST(MEASURE_ENUM)
#undef MEASURE_ENUM
        MEASURES
};

/* What a language gives: see module_measure.c for how Python does. */
struct measure_profile {
    uint32_t *ends; /* characters that end a sentence, none of them white space or of a word */
    size_t ends_count;
    uint64_t ends_ascii[2]; /* a bit for each of them that is ASCII */
    uint32_t scripts; /* a bit for each script that its letters are of; 0: no telling */
    struct words_list list;
};

/* Room that texts take one after the other; zero to begin with. */
struct measure_room {
    struct words words;
    struct grams grams;
    struct seen {
        uint64_t *slots; /* hashes; 0: empty */
        size_t size, used, room;
    } lines, paragraphs;
    uint32_t *offsets; /* characters of the words before each word, and of all */
    size_t offsets_room;
};

/* What a pass counts beside the measures. */
struct measure_counts {
    int64_t words, characters;
};

/* The measures of a text, which must be UTF-8 of fewer than 2^31 bytes: MEASURES floats, `step` floats apart.
 * False: no memory. */
bool measure_text(const struct measure_profile *profile, struct measure_room *room, const uint8_t *text, size_t size,
                  float *out, size_t step, struct measure_counts *counts);

void measure_free(struct measure_room *room);

#endif
