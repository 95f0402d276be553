/* Where units begin, and what is UTF-8: the passes over plain bytes. */
#ifndef FLORILEGIUM_PIECES_CUT_H
#define FLORILEGIUM_PIECES_CUT_H

#include "pieces.h"

/* Classes of bytes, one bit each. A pair of characters belongs to the pair of classes of the last byte of the one and
 * the first of the other. Continuation bytes are `other_scripts` like their leads, and that class joins itself: no cut
 * is ever inside a character. */
enum byte_class {
    OTHERS = 1,         /* the ASCII that is left */
    LETTERS = 2,
    DIGITS = 4,
    BLANKS = 8,         /* space: U+2581 has become one */
    CONTROLS = 16,      /* 00 to 1F */
    OTHER_SCRIPTS = 32, /* 80 to FF */
};

struct cuts {
    uint8_t class_of[256];  /* one bit */
    uint8_t joined[64];     /* by class: the classes that it may come together with on its right */
    bool wide;              /* the processor has AVX2, BMI1 and POPCNT */
};

void cuts_build(struct cuts *cuts, const struct pieces_spec *spec);

/* Bit i of marks: no merge brings bytes i - 1 and i together. `size` bytes, rounded up to whole words of 64: so many
 * bytes may be read. Bit 0 has no meaning. */
void cuts_find(const struct cuts *cuts, const uint8_t *text, size_t size, uint64_t *marks);

/* Positions of the marks of `size` bytes, behind which there are none in their last word: how many. Up to CUTS_MORE numbers
 * behind them are written too. */
#define CUTS_MORE 8
size_t cuts_list(const struct cuts *cuts, const uint64_t *marks, size_t size, uint32_t *positions);

#endif
