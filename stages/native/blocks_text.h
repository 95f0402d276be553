/* The blocks of a page that are its main text, joined. */
#ifndef FLORILEGIUM_BLOCKS_TEXT_H
#define FLORILEGIUM_BLOCKS_TEXT_H

#include "blocks.h"
#include "trees.h"

struct blocks_text {
    char *text;
    size_t size, room;
};

/* Scores and chooses: kept[i] of each block. A block is main text from `least` on; where none is, those that come near
 * the best are, if that one reaches `hope`. Scores and kept have room for all blocks. False: memory. */
bool blocks_choose(const struct blocks *blocks, const struct trees *trees, int32_t least, int32_t hope, int32_t *scores,
                   bool *kept);

/* Appends the facts; the text of all blocks, kept or not, each with a line break behind it. False: memory. */
bool blocks_put_facts(const struct blocks *blocks, struct blocks_text *out);
bool blocks_put_all(const struct blocks *blocks, struct blocks_text *out);

/* Appends the text of what is kept, a block a line; cells of a row on one line, items of lists behind "- ". markdown:
 * with headings, quotes, code and blank lines between blocks. False: memory. */
bool blocks_join(const struct blocks *blocks, const bool *kept, bool markdown, struct blocks_text *out);

#endif
