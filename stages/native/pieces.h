/* SentencePiece-style BPE with byte fallback: the ids of the `tokenizers` library, from texts in Arrow buffers.
 *
 * Theory. A text is made of units of characters, blanks being U+2581 (a literal U+2581 is a blank too). BPE merges the
 * neighbours of lowest rank, leftmost first, until no pair has a merge. Four facts carry everything:
 *
 * 1. Hard cuts. Characters x, y can only come together by a merge (L, R) with x the last of L and y the first of R. Where
 *    no merge has such a boundary, nothing ever crosses, and both sides are encoded alone. Characters are put into
 *    classes, and a pair of classes is cut where no merge has it (pieces_cut.c). What lies between two cuts is a unit.
 *    Where the pre-tokenizer splits before blanks, that is a cut as well.
 *    Most units are short, and are merged as BPE is defined, many at once (pieces_merge.c). For long ones:
 * 2. Pairs suffice. A sequence of pieces is the encoding of its text if and only if every piece encodes to itself and
 *    every two neighbours, joined, encode to themselves: as long as nothing crosses a border, each side goes through the
 *    steps it goes through alone; the first step that crosses one would cross it in the joined pair too. The encoding is
 *    unique, so any such sequence that is found is the right one (pieces_model.c: longest piece first, backtracking over
 *    positions; a position that failed once fails for ever, so the time is linear in the length).
 * 3. The pair test. If in the derivation of each of two pieces every merge has a higher rank than those below it, the
 *    pair stays apart unless, at some state of the right edge of the one and the left edge of the other, these two have a
 *    merge of lower rank than the next step of either. Both edges are walked back, the later step first. Equal ranks: the
 *    left one goes first. Pieces whose derivation does not rise are tested by carrying out the merges.
 * 4. An unknown character stands as its bytes, and byte tokens have no merges: it is a border.
 *
 * Units repeat, so a cache holds their tokens (pieces_cache.h); it is a memory of a pure function and never shows in
 * what comes out. UTF-8 is checked where a unit is not in the cache: what is in it has been checked, and a text is valid
 * if its units are.
 */
#ifndef FLORILEGIUM_PIECES_H
#define FLORILEGIUM_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "units.h"

/* Limits of the packed tables: ids of 20 bits, ranks of 24; the last of each says that there is none. */
#define PIECES_IDS ((1u << 20) - 1)
#define PIECES_MERGES ((1u << 24) - 1)

enum pieces_prefix {
    PIECES_BARE,   /* nothing is put before a text */
    PIECES_ALWAYS, /* a blank is put before every text but the empty one */
    PIECES_UNLESS, /* the same, unless the text begins with a blank */
};

/* Strings back to back in UTF-8: string i is text[offsets[i]] up to text[offsets[i + 1]]. */
struct pieces_strings {
    const uint8_t *text;
    const int64_t *offsets;
    uint32_t count;
};

struct pieces_spec {
    struct pieces_strings pieces; /* by id; an id without a piece has the empty string */
    const uint32_t *merges;       /* three ids a merge: left, right, what they become; by rank; a pair's last one counts */
    uint32_t merges_count;
    const uint32_t *bytes;        /* 256 ids: the token of each byte; in no merge */
    enum pieces_prefix prefix;    /* of a text that begins its document */
    enum pieces_prefix later;     /* of a text behind an added token */
    enum pieces_prefix normal;    /* of one that the normalizer has been over */
    bool split;                   /* a border before every blank */
    unsigned width;               /* bytes of a token in the output: 2 or 4; all ids fit */
};

struct pieces;

/* NULL where memory runs out or a packed table is too small. The spec need not outlive the call. U+2581 is a piece. */
struct pieces *pieces_build(const struct pieces_spec *spec);
void pieces_free(struct pieces *pieces);

/* Before the first call: units that caches begin with. They must outlive `pieces`. */
void pieces_begin(struct pieces *pieces, const struct units *known);

/* Adds units of the caches, those that were met again first, until there are `most`. False where memory ran out. */
bool pieces_known(struct pieces *pieces, size_t most, struct units_made *made);

enum pieces_status { PIECES_DONE, PIECES_NO_MEMORY, PIECES_INVALID };

struct pieces_result {
    enum pieces_status status;
    int64_t row, byte;         /* PIECES_INVALID: the first row that is not UTF-8, and where in it */
    int64_t tokens, hard_rows; /* PIECES_DONE: how many there are to take */
};

/* Encodes rows data[offsets[i]] up to data[offsets[i + 1]]. kinds: enum added_kind of each row (added.h); NULL: each is a
 * text that begins its document. Where it is done, pieces_take must follow; until then other
 * calls on the same `pieces` wait. Threads get neighbouring rows of about equal size and a cache each. */
struct pieces_result pieces_encode(struct pieces *pieces, const uint8_t *data, const int64_t *offsets,
                                   const int32_t *kinds, int64_t rows, int threads);

/* Answers the tokens of all rows back to back, to be given back, NULL for no memory; fills in where each
 * row's begin (rows + 1 numbers), and the rows that are left to others, rising: they have no tokens here. */
void *pieces_take(struct pieces *pieces, int64_t *ends, int64_t *hard);

/* Hands back what pieces_take answered; at any time, from any thread, before pieces_free. */
void pieces_give_back(struct pieces *pieces, void *tokens);

/* In place of pieces_take: lets the next call go on. */
void pieces_drop(struct pieces *pieces);

unsigned pieces_width(const struct pieces *pieces);

/* Position of the first byte that is no UTF-8 (RFC 3629), or -1. */
int64_t pieces_invalid(const uint8_t *text, size_t size);

#endif
