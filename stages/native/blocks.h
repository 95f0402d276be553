/* A page as a row of text blocks with features, in one walk over its tokens and without a tree.
 *
 * Theory. What a reader takes for the main text shows in the blocks around it: prose stands beside prose, links beside
 * links, and the designer of a page gave the same path of elements and classes to what is of one kind. So a page becomes
 * an array of blocks (a run of inline text between two block-level tags), each with counts of its own, of its containers,
 * of all blocks with the same path (signature), and of its neighbours; a model of boosted trees scores the rows
 * (trees.h). No word of any language takes part but fragments of class names, which are code.
 *
 * Only block-level elements are kept on the stack, with the implied ends that change where text stands: p, li, dt and dd,
 * cells and rows, headings. Flags, counts of fragments and the signature are handed down from parent to child, so that a
 * block finds them all in the element that it stands in. Work for a tag is bounded by DEEPEST; memory by the page.
 */
#ifndef FLORILEGIUM_BLOCKS_H
#define FLORILEGIUM_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCKS_GROUPS 16    /* of fragments of class names: blocks_names.c */
#define BLOCKS_FEATURES 164
#define BLOCKS_DEEPEST 256  /* elements on the stack; what is deeper stands in the one at the top */

enum block_kind {
    BLOCK_PARAGRAPH,
    BLOCK_HEADING,
    BLOCK_ITEM,
    BLOCK_CELL,
    BLOCK_QUOTE,
    BLOCK_CODE,
    BLOCK_CAPTION,
    BLOCK_TERM, /* dt, dd */
    BLOCK_LABEL,
    BLOCK_NAVIGATION, /* these two only where a block is shown: see blocks_shown */
    BLOCK_COMMENT,
};

/* Open Graph's og:type and the types of JSON-LD. */
enum block_page { PAGE_OG_ARTICLE, PAGE_OG_PRODUCT, PAGE_OG_WEBSITE, PAGE_ARTICLE, PAGE_PRODUCT, PAGE_LIST, PAGE_FORUM, PAGE_KINDS };

struct block {
    size_t text;   /* where its text begins in blocks.text */
    uint32_t size; /* bytes */
    uint32_t characters, words, link_characters, links, marks, commas, uppers, digits, symbols, lines, breaks;
    uint32_t container;
    uint32_t item; /* the li, dt or dd that it stands in, numbered; 0: none */
    uint32_t row; /* table rows are numbered from 1; 0 outside */
    uint32_t flags;
    uint32_t title_words;
    uint64_t signature, hash;
    uint8_t tag, kind, level, depth;
    bool ends, lower;
    uint8_t groups[BLOCKS_GROUPS];
};

/* What an element is to the blocks in it. */
enum block_place { PLACE_OTHER, PLACE_LIST, PLACE_ORDERED, PLACE_ITEM, PLACE_TABLE, PLACE_CELL, PLACE_HEAD };

struct container {
    uint32_t parent;
    uint32_t characters, link_characters, blocks, paragraphs, marks;
    uint8_t place;
};

/* What a page says about itself, as it says it: blocks.facts is a row of facts, each ended by FACT_END, its three parts
 * parted by FACT_PART: what it stands in, under which name, and its value.
 *
 *   lang             html lang               title           the first title outside of SVG
 *   meta NAME        content of the wanted   link REL        href, of a canonical address or a licence
 *   time             datetime                ld              a script of JSON-LD
 */
#define FACT_PART '\x1F'
#define FACT_END '\x1E'
#define FACTS_MOST 400       /* facts of a page */
#define FACT_BYTES 2048      /* of a value; JSON-LD: */
#define FACT_SCRIPT 131072

struct blocks {
    struct block *block;
    size_t count, room;
    struct container *container; /* the first is the page */
    size_t containers, containers_room;
    char *text;
    size_t text_size, text_room;
    char *facts;
    size_t facts_size, facts_room, facts_count;
    size_t nodes, articles, h1s, times;
    uint32_t kinds; /* what the page says it is: enum block_page, a bit each */
};

struct blocks_names;

/* Tables of names and code points, made once and shared. metas: names of the metas that are facts, in lower case, a line
 * each, 255 at most. NULL: memory, or more. */
struct blocks_names *blocks_names(const char *metas, size_t size);
void blocks_names_free(struct blocks_names *names);

/* Reads a page (UTF-8). `blocks` starts as zeros and may be used again for the next page. False: memory. */
bool blocks_read(struct blocks *blocks, const struct blocks_names *names, const uint8_t *page, size_t size);
void blocks_free(struct blocks *blocks);

/* Its kind as a reader would call it: what stands in a nav or a footer is navigation, and among comments a comment. The
 * model sees places and kinds apart. */
enum block_kind blocks_shown(const struct block *block);

/* Makes room for so many items of so many bytes. False: memory. */
bool blocks_grow(void **data, size_t *room, size_t wanted, size_t width);

/* The rows of a page for the model, in order, some at a time. `columns` is BLOCKS_FEATURES x TREES_ROWS, and zeros at
 * first: a number of blocks, 0 behind the last. NULL: memory. */
struct blocks_view *blocks_view(const struct blocks *blocks);
void blocks_view_free(struct blocks_view *page);
size_t blocks_view_next(struct blocks_view *page, float *columns);

#endif
