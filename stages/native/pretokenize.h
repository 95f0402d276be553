/* Cuts a text into pretokens, as the regular expressions of byte-level tokenizers do.
 *
 * Theory. A pre-tokenizer is a list of splitters; each cuts every piece that the one before it left, and sees nothing
 * outside of that piece. A splitter is a list of alternatives tried in order at each position (leftmost, first
 * alternative, greedy, with backtracking: the meaning of a Perl-style expression); what no alternative matches stays as
 * a piece of its own. An alternative is a row of items:
 *
 *   ITEM_CLASS       a class of code points, at least `least` and at most `most` times, as many as possible
 *   ITEM_POSSESSIVE  the same, and none is given back
 *   ITEM_NOT_BEFORE  what follows is no code point of the class (end of the piece is none)
 *   ITEM_ENDING      's 't 're 've 'm 'll 'd; `class` says whether case counts. Where it does not, U+017F is an s.
 *
 * That is the definition. Three expressions, those of nearly all models, have a second way without any backtracking,
 * by bit masks of 64 bytes; its theory is in pretokenize.c. Both give the same pieces, which tests hold.
 *
 * Text is valid UTF-8. Behind a ByteLevel node text is bytes: each counts as one code point, that of the byte alphabet,
 * and the caller gives a table of 256 entries.
 */
#ifndef FLORILEGIUM_PRETOKENIZE_H
#define FLORILEGIUM_PRETOKENIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum item_kind { ITEM_CLASS, ITEM_POSSESSIVE, ITEM_NOT_BEFORE, ITEM_ENDING };
enum fast_split { FAST_NONE, FAST_GPT2, FAST_DIGITS_3, FAST_DIGITS_1 };
enum fast_class { CLASS_LETTER = 1, CLASS_NUMBER = 2, CLASS_BLANK = 4 }; /* bits that a fast splitter's table has */

#define PRETOKENIZE_ALTERNATIVES 32

struct item {
    int32_t kind, class, least, most; /* most < 0: without bound */
};

struct splitter {
    const uint16_t *classes; /* of each code point (or byte): bit k is set where it belongs to class k */
    const struct item *items;
    const int32_t *lengths; /* items of each alternative */
    int32_t alternatives;
    bool bytes;
    enum fast_split fast;
    uint16_t starts[PRETOKENIZE_ALTERNATIVES]; /* a code point of none of these classes cannot begin the alternative */
    uint8_t vectors; /* the classes are those that the vector code knows, and the machine has AVX2: 1, AVX-512 too: 2 */
};

struct pretokens {
    uint32_t *ends; /* where each piece ends, counted from the start of the text */
    size_t count;
    size_t room;
    uint32_t *other; /* of the splitter before */
    size_t other_room;
    void *masks;
    size_t masks_room;
};

/* Sets `starts`, and `vectors`: whether this machine and these classes allow the vector code. */
void pretokenize_prepare(struct splitter *splitter);

/* Cuts text (below 2^32 - 64 bytes). False where memory ran out. */
bool pretokenize(const struct splitter *splitters, size_t count, const uint8_t *text, size_t size,
                 struct pretokens *pieces);

void pretokenize_free(struct pretokens *pieces);

/* The code point at `at`, and its bytes. */
static inline uint32_t utf8_at(const uint8_t *at, uint32_t *bytes)
{
    const uint32_t a = at[0];
    if (a < 0x80)
        return *bytes = 1, a;
    if (a < 0xE0)
        return *bytes = 2, (a & 0x1F) << 6 | (at[1] & 0x3Fu);
    if (a < 0xF0)
        return *bytes = 3, (a & 0x0F) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    return *bytes = 4, (a & 0x07) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 | (at[3] & 0x3Fu);
}

#endif
