/* A word composed (Unicode 14, UAX 15: NFC) and in lower case (section 3.13), as unicodedata.normalize and str.lower. */
#ifndef FLORILEGIUM_MEASURE_FOLD_H
#define FLORILEGIUM_MEASURE_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room, and the last word folded. Zero to begin with. */
struct fold {
    uint8_t *text;
    size_t size, text_room;
    uint32_t *codes, *spare;
    size_t count, codes_room, spare_room;
    uint32_t length, bits; /* characters, and the bits (letters.h) of all of them */
};

/* Folds a word, which must be UTF-8. False: no memory. */
bool fold_word(struct fold *fold, const uint8_t *word, size_t size);

void fold_free(struct fold *fold);

#endif
