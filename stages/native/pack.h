/* Packing: which documents, or parts of one, make up which sequence of a training shard.
 *
 * A *piece* is tokens [begin, end) of a document; a *sequence* is some pieces back to back, at most `length` tokens.
 * Every token of every document is in exactly one piece; a document of no tokens has none. The result depends on the
 * arguments alone, on no clock, address or machine.
 *
 *   documents             one document a sequence, in the order of the input
 *   concat                documents back to back, cut every `length` tokens whatever is there
 *   best-fit              a document goes where the least room is left that suffices, among the `open_bins` sequences
 *                         that are open; where none has the room, a new one is opened. If they are too many then, the
 *                         fullest is closed. One walk, neighbours stay near: sequences are in the order of opening.
 *   best-fit-decreasing   the same with all sequences open, the longest documents first: fills the last half percent.
 *                         As length would tell the position in the shard, the sequences are shuffled at the end.
 *
 * Cutting. Only a document longer than `length` is cut (concat: also one that meets the end of a sequence), from its
 * front on, as long as what is left does not fit. A cut is made behind the last paragraph end among the last
 * length/4 tokens of the window; if there is none, behind the last sentence or line end; if there is none or the
 * qualities are not known, at the window's end. The window ends at `length`, or earlier so that the rest has `smallest`
 * tokens; no cut leaves less than that on either side. Concat looks at no qualities, and `smallest` above 1 makes some
 * of its sequences short: one ends early where a cut would leave too little.
 *
 * Theory. Lengths are small integers, so "least room that suffices" is the successor in a set of integers below
 * 2^24: a bitmap, over it a bitmap of its words that are not zero, and so on: four levels of 64 to one, 64^4 = 2^24,
 * found by two or three count-trailing-zeros. Sequences with the same room hang on a list. Sorting by length is a
 * counting sort. So all kinds are O(documents) with O(length) of room beside, and the walk over the documents is made
 * anew wherever its pieces are needed rather than stored.
 */
#ifndef FLORILEGIUM_PACK_H
#define FLORILEGIUM_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACK_DOCUMENT 2147483647 /* longest document: Megatron's index stores int32 lengths */
#define PACK_LENGTH 16777215     /* longest sequence of the best-fit kinds: four levels of bits, 64^4 - 1 */
#define PACK_PIECES 2147483647   /* most pieces of one plan: they are numbered in int32 */

enum pack_kind { PACK_DOCUMENTS, PACK_CONCAT, PACK_BEST_FIT, PACK_DECREASING };

struct pack_how {
    enum pack_kind kind;
    int64_t length;    /* tokens of a sequence, 1 to PACK_DOCUMENT; best-fit kinds: to PACK_LENGTH */
    int64_t open_bins; /* 1 or more; best-fit alone looks at it */
    int64_t smallest;  /* 1 or more, at most length/2 (1 where length is 1) */
    bool shuffle;      /* documents before they are packed, sequences after it */
    uint64_t seed;     /* documents are shuffled with it, sequences with its complement */
};

/* Quality of a cut behind each token, for some documents: 0 none, 1 sentence or line end, 2 (or more) paragraph end. */
struct pack_marks {
    const int64_t *documents; /* rising */
    const int64_t *offsets;   /* count + 1, into qualities; a document's run has as many bytes as it has tokens */
    const uint8_t *qualities;
    int64_t count;
};

enum pack_fault { PACK_FINE, PACK_NO_MEMORY, PACK_TOO_MANY_PIECES };

struct pack_plan {
    int64_t pieces, sequences;
    int32_t *sequence_of; /* of each piece, in the order of the walk, numbered as they were opened */
    int32_t *pieces_of;   /* of each sequence */
    uint32_t *order;      /* documents in the order of the walk, and */
    int64_t *lengths;     /* their lengths; both NULL: as given */
    enum pack_fault fault;
};

/* Deals the pieces out. lengths: 0 to PACK_DOCUMENT each, fewer than 2^32 of them. To be freed whatever the fault. */
struct pack_plan pack_deal(const int64_t *lengths, int64_t documents, const struct pack_marks *marks,
                           const struct pack_how *how);

/* Writes the pieces, sequence by sequence, within one in the order of the documents' walk, and how many each has:
 * plan->pieces numbers to document, begin, end, plan->sequences numbers to pieces. False: no memory. */
bool pack_write(const struct pack_plan *plan, const int64_t *lengths, int64_t documents, const struct pack_marks *marks,
                const struct pack_how *how, int64_t *document, int64_t *begin, int64_t *end, int64_t *pieces);

void pack_free(struct pack_plan *plan);

/* 0 to count - 1 in an order that the seed alone decides: Fisher and Yates from the end down (Durstenfeld 1964), numbers
 * of SplitMix64 (Steele et al. 2014) begun at seed, the upper 32 bits brought below i by Lemire's product (2019), his
 * rejection included, so that all orders are equally likely as far as 64 bits of seed go. count is below 2^32. */
void pack_shuffle(uint32_t *order, int64_t count, uint64_t seed);

/* Tokens of some documents: uint16 or int32 (width 2 or 4), document i being [offsets[i], offsets[i + 1]). What is
 * written of a document that has tokens: bos if it does not begin with it, the tokens, eos if it does not end with it;
 * bos or eos below 0: none. Pieces count in these numbers. */
struct pack_tokens {
    const void *tokens;
    const int64_t *offsets;
    int64_t documents;
    int width;
    int64_t bos, eos;
};

/* Tokens of document i as it is written. */
int64_t pack_length(const struct pack_tokens *from, int64_t i);

/* Writes tokens [begin, end) of document i as it is written; returns the place behind. */
char *pack_copy(const struct pack_tokens *from, int64_t i, int64_t begin, int64_t end, char *out);

/* What the text of a token says of the places before and behind it; see pack_qualities. */
enum pack_ending {
    PACK_ENDS_SENTENCE = 1,
    PACK_ENDS_LINE = 2,
    PACK_ENDS_PARAGRAPH = 4, /* with two line breaks or more */
    PACK_BEGINS_WITH_SPACE = 8,
    PACK_BEGINS_WITH_BREAK = 16, /* of a line */
    PACK_BEGINS_WITH_BREAKS = 32, /* two or more */
};

/* Qualities (struct pack_marks) of document i as it is written, pack_length of them. Of a cut between two tokens:
 * paragraph end if one of them has the breaks, or each has one, or the first is a break and the one before it ends a
 * line; line end if one of them has a break; end of a sentence if the first ends one and the second begins with a space.
 * SentencePiece style has tokens that begin with breaks and go on. endings: one of each token below `known`; those above
 * say nothing, nor do tokens that are added. Nothing is behind the last token but its own ending. */
void pack_qualities(const struct pack_tokens *from, int64_t i, const uint8_t *endings, int64_t known, uint8_t *out);

/* Most equal tokens in a row in [first, last); 0 if there are none. */
int64_t pack_longest_run(const void *tokens, int width, int64_t first, int64_t last);

#endif
