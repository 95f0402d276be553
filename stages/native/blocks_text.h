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
 * the best are, if that one reaches `hope`. A table of data that comes near is kept whole. Scores and kept have room for
 * all blocks. False: memory. */
bool blocks_choose(const struct blocks *blocks, const struct trees *trees, int32_t least, int32_t hope, int32_t *scores,
                   bool *kept);

/* Appends bytes; the facts; the text of all blocks, kept or not, each with a line break behind it. False: memory. */
bool blocks_put(struct blocks_text *out, const char *bytes, size_t size);
bool blocks_put_facts(const struct blocks *blocks, struct blocks_text *out);
bool blocks_put_all(const struct blocks *blocks, struct blocks_text *out);

/* Appends the text of what is kept, a block a line; cells of a row on one line, items of lists behind "- ". A table that
 * only places what it holds has no rows. markdown: see blocks_markdown.h. False: memory. */
bool blocks_join(const struct blocks *blocks, const bool *kept, bool markdown, struct blocks_text *out);

/* Where a block stands in the innermost table: containers; zeros outside of cells. */
struct spot {
    uint32_t cell, row, table;
};

/* A table, by what is kept of it or by all that it holds. */
struct table {
    uint32_t first, columns; /* row; number, of Markdown */
    uint32_t cell, prose;    /* the last; its long blocks */
    bool heads, head_first;  /* some cell is a th; all of the first row are */
    bool layout;             /* it places headings, paragraphs, code, other tables */
    uint32_t row, rows, cells, kept, characters, links; /* for the choice: the last row; numbers */
    int64_t sum;                                        /* of scores */
};

struct spot blocks_spot(const struct blocks *blocks, const struct block *block);

#endif
