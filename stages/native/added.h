/* Added tokens: rows of an Arrow array to texts and tokens by turns, as the `tokenizers` library cuts them.
 *
 * Theory. The library looks for the contents of added tokens from left to right; of those at one place the longest
 * counts, and the search goes on behind it (leftmost, longest, not overlapping). A match of a token that must be a single
 * word is dropped where a word goes on beside it, and nothing inside of it is looked at again. A token may take the white
 * space on its left (back to the match before) or on its right with it. What lies between matches is text, and each text
 * goes through the rest of the tokenizer alone.
 *
 * The library does this twice, for those of its tokens that are looked for in the text as it stands, and, with other
 * tokens, for those that are looked for in each of the texts that are left once they are normalized. Each time is one
 * `struct added` here. Its rows out are given to the encoders: every byte of a row in is in one row out, in order, so
 * the data is not copied and the offsets are those of an array again.
 *
 * Two tokens that both take the same white space overlap in the library's answer. Such rows are hard: left to it.
 *
 * The search looks at two bytes of 32 positions at once: halves of bytes say which of eight families of tokens may begin
 * there (the fingerprints of Teddy in Hyperscan and in Rust's aho-corasick), a trie says which one does.
 */
#ifndef FLORILEGIUM_ADDED_H
#define FLORILEGIUM_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kind of a row: at least 0, it is the token of this id; else a text. */
enum added_kind {
    ADDED_TEXT = -1,  /* at the very start of a document */
    ADDED_LATER = -2, /* not there */
    ADDED_HARD = -3,  /* with its whole document it is left to `tokenizers` */
    ADDED_NORMAL = -4, /* the whole normalizer has been over it, so that nothing is to be put before it */
};

enum added_flag { ADDED_SINGLE_WORD = 1, ADDED_LSTRIP = 2, ADDED_RSTRIP = 4 };

#define ADDED_LIMIT 0x110000

struct added_token {
    const uint8_t *text; /* valid UTF-8, not empty, no two alike */
    size_t size;
    int32_t id;
    int32_t flags; /* enum added_flag */
};

/* Rows are data[offsets[i]] up to data[offsets[i + 1]]. */
struct added_rows {
    const uint8_t *data;
    const int64_t *offsets; /* count + 1 that rise from 0 on */
    const int32_t *kinds;   /* NULL: each is ADDED_TEXT; tokens and hard rows come out as they are */
    size_t count;
};

struct added_split {
    int64_t *offsets; /* count + 1 */
    int32_t *kinds;   /* count */
    int64_t *firsts;  /* of each row in, and the end: its first row out */
    size_t count;
    size_t room;
};

struct added;

/* words: a bit for each code point that a word has, ADDED_LIMIT / 8 bytes; wanted where a token is a single word. The
 * arguments need not outlive the call. NULL where memory ran out. */
struct added *added_build(const struct added_token *tokens, size_t count, const uint8_t *words);
void added_free(struct added *added);

/* False where memory ran out. out->count is 0, and nothing is allocated, where no row has a token in it. */
bool added_split(const struct added *added, const struct added_rows *rows, struct added_split *out);
void added_split_free(struct added_split *split);

/* Where a normalizer may change the texts: runs of code points with bits in common with `mask`, each with the code point
 * before it, if its row has one. What is not in a run stays as it is, and apart from what the runs become.
 *
 * table: ADDED_LIMIT numbers; leads: for each byte, whether such a code point may begin with it. Rows may be invalid
 * UTF-8. Begin and end of each run in turns, malloc'ed; NULL where memory ran out. */
int64_t *added_runs(const struct added_rows *rows, const uint16_t *table, uint16_t mask, const uint8_t *leads,
                    size_t *count);

#endif
