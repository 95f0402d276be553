/* The blocks of a page that are its main text, as Markdown (CommonMark, and the tables of GitHub's).
 *
 * Headings, quotes, fenced code, lists with their depth and numbers, tables of data. The first row of a table is its
 * header, unless only other cells are th. Blank lines between blocks, none between items. Nothing is escaped but the pipe
 * in a cell: the text is for reading, and a star or a hash in it is seldom taken for more.
 */
#ifndef FLORILEGIUM_BLOCKS_MARKDOWN_H
#define FLORILEGIUM_BLOCKS_MARKDOWN_H

#include "blocks_text.h"

/* tables: one a container, surveyed, or NULL where there are none. ordinal: of each container that is an item in its list,
 * or a cell in its row, from 1, empty ones counted; 0 where that is none. False: memory. */
bool blocks_join_markdown(const struct blocks *blocks, const bool *kept, const struct table *tables, const uint32_t *ordinal,
                          struct blocks_text *out);

#endif
