/* From blocks to text: see blocks_text.h. */
#include "blocks_text.h"

#include <stdlib.h>
#include <string.h>

#include "blocks_markdown.h"
#include "blocks_names.h"

bool blocks_put(struct blocks_text *out, const char *bytes, size_t size)
{
    if (out->room - out->size < size) {
        size_t room = out->room ? out->room : 65536;
        while (room - out->size < size)
            room *= 2;
        char *const grown = realloc(out->text, room);
        if (!grown)
            return false;
        out->text = grown;
        out->room = room;
    }
    if (size)
        memcpy(out->text + out->size, bytes, size);
    out->size += size;
    return true;
}

bool blocks_put_facts(const struct blocks *blocks, struct blocks_text *out)
{
    return blocks_put(out, blocks->facts, blocks->facts_size);
}

bool blocks_put_all(const struct blocks *blocks, struct blocks_text *out)
{
    bool good = true;
    for (size_t i = 0; i < blocks->count && good; i++)
        good = blocks_put(out, blocks->text + blocks->block[i].text, blocks->block[i].size) && blocks_put(out, "\n", 1);
    return good;
}

/* ---- tables ---- */

/* A table with two such blocks in one cell is a way to place prose: bytes of a block. */
#define PROSE 120
/* One with more columns is none to be written out: short rows are filled up, so a page could grow by their product. */
#define COLUMNS 100

static bool is_cell(const struct container *container)
{
    return container->place == PLACE_CELL || container->place == PLACE_HEAD;
}

struct spot blocks_spot(const struct blocks *blocks, const struct block *block)
{
    const struct container *const all = blocks->container;
    struct spot spot = {0};
    if (!block->row)
        return spot;
    for (uint32_t at = block->container; at && !spot.table; at = all[at].parent) {
        if (!spot.cell && is_cell(all + at))
            spot.cell = at, spot.row = all[at].parent;
        if (all[at].place == PLACE_TABLE)
            spot.table = at;
    }
    return spot.cell && spot.table ? spot : (struct spot){0};
}

static uint32_t *ordinals(const struct blocks *blocks)
{
    const struct container *const all = blocks->container;
    uint32_t *const found = calloc(blocks->containers, sizeof *found);
    for (uint32_t at = 1; found && at < blocks->containers; at++) {
        const struct container *const parent = all + all[at].parent;
        if ((all[at].place == PLACE_ITEM || is_cell(all + at)) && parent->place != PLACE_ITEM && !is_cell(parent))
            found[at] = ++found[all[at].parent]; /* which counts there: it is none of a row itself */
    }
    return found;
}

static void look_at(const struct blocks *blocks, struct table *tables, const uint32_t *ordinal, const struct block *block,
                    struct spot spot)
{
    struct table *const table = tables + spot.table;
    const bool head = blocks->container[spot.cell].place == PLACE_HEAD;
    if (!table->first) {
        table->first = spot.row;
        table->head_first = true;
        for (uint32_t at = blocks->container[spot.table].parent; at; at = blocks->container[at].parent)
            tables[at].layout = true; /* what holds a table is none of data */
    }
    const uint32_t column = ordinal ? ordinal[spot.cell] : 0;
    table->columns = column > table->columns ? column : table->columns;
    table->heads = table->heads || head;
    table->head_first = table->head_first && (head || spot.row != table->first);
    if (table->cell != spot.cell)
        table->cell = spot.cell, table->prose = 0;
    table->prose += block->size >= PROSE;
    table->layout = table->layout || table->prose > 1 || column > COLUMNS || block->kind == BLOCK_HEADING || block->kind == BLOCK_CODE ||
                    block->kind == BLOCK_QUOTE;
}

/* What the tables of a page are by what is kept, or by all blocks, one a container; NULL: there are none, or no memory. */
static struct table *survey(const struct blocks *blocks, const bool *kept, const uint32_t *ordinal, bool *good)
{
    struct table *tables = NULL;
    for (size_t i = 0; i < blocks->count; i++) {
        const struct spot spot = !kept || kept[i] ? blocks_spot(blocks, blocks->block + i) : (struct spot){0};
        if (!spot.table)
            continue;
        if (!tables && !(tables = calloc(blocks->containers, sizeof *tables))) {
            *good = false;
            return NULL;
        }
        look_at(blocks, tables, ordinal, blocks->block + i, spot);
    }
    return tables;
}

/* ---- choice ---- */

/* A table of data is one thing: cells of a few characters tell the model little, and without its header it says little.
 * So it is kept whole where half of its cells are, or where their mean score comes near (leaves are in parts of 8192).
 * On WCXB's development pages F1 is 0.9272 by this, 0.9266 without; on scrapinghub's and on segments it is the same, but
 * with tables of 3 rows segments lose 0.001. */
#define SHARE 50      /* of a hundred cells */
#define MEAN (-17000) /* below `least`: 0.11 for 0.5 */
#define ROWS_LEAST 4
#define LINKS 10      /* of a hundred characters, at most: tables of links are menus */

static uint32_t table_of(const struct blocks *blocks, const struct block *block)
{
    uint32_t at = block->kind == BLOCK_CAPTION ? block->container : 0;
    while (at && blocks->container[at].place != PLACE_TABLE)
        at = blocks->container[at].parent;
    return at ? at : blocks_spot(blocks, block).table;
}

static void count_cell(struct table *table, const struct block *block, uint32_t row, int32_t score, bool kept)
{
    table->rows += table->row != row;
    table->row = row;
    table->cells++;
    table->kept += kept;
    table->sum += score;
    table->characters += block->characters;
    table->links += block->link_characters;
}

static bool is_whole(const struct table *table, int32_t least)
{
    return !table->layout && table->rows >= ROWS_LEAST && table->cells >= 2 * (uint64_t)table->rows &&
           table->links * UINT64_C(100) <= (uint64_t)table->characters * LINKS &&
           (table->kept * UINT64_C(100) >= (uint64_t)table->cells * SHARE ||
            table->sum >= (int64_t)table->cells * ((int64_t)least + MEAN));
}

static bool complete_tables(const struct blocks *blocks, const int32_t *scores, int32_t least, bool *kept)
{
    bool good = true;
    struct table *const tables = survey(blocks, NULL, NULL, &good);
    for (size_t i = 0; i < blocks->count && tables; i++) {
        const struct spot spot = blocks_spot(blocks, blocks->block + i);
        if (spot.table)
            count_cell(tables + spot.table, blocks->block + i, spot.row, scores[i], kept[i]);
    }
    for (size_t i = 0; i < blocks->count && tables; i++)
        kept[i] = kept[i] || is_whole(tables + table_of(blocks, blocks->block + i), least);
    free(tables);
    return good;
}

/* What stands on a page twice, in two elements, is a copy for another screen, a pull quote or a teaser: the first stays.
 * Two in the same element are an author's, as in a refrain; so are cells and code. F1 on WCXB's
 * development pages is 0.933 by this, 0.928 without; on scrapinghub's 0.952 and 0.951; on segments it is the same. */
#define COPY 25 /* characters, at least */

static bool is_copied(const struct block *block)
{
    return block->characters >= COPY && !block->row && block->kind != BLOCK_CODE;
}

static uint32_t around(const struct blocks *blocks, const struct block *block)
{
    return blocks->container[block->container].parent;
}

static bool drop_copies(const struct blocks *blocks, bool *kept)
{
    size_t room = 16;
    while (room < 2 * blocks->count)
        room *= 2;
    const struct block **const first = calloc(room, sizeof *first);
    for (size_t i = 0; i < blocks->count && first; i++) {
        const struct block *const block = blocks->block + i;
        if (!kept[i] || !is_copied(block))
            continue;
        size_t at = (size_t)(block->hash ^ block->hash >> 29) & (room - 1);
        while (first[at] && first[at]->hash != block->hash)
            at = (at + 1) & (room - 1);
        kept[i] = !first[at] || around(blocks, first[at]) == around(blocks, block);
        first[at] = first[at] ? first[at] : block;
    }
    free(first);
    return first;
}

/* A page whose text stands in a dialog of consent alone has none: it is a wall before one. (To train the model on such
 * pages cost 0.003 to 0.007 of F1 on the development sets: it took prose in other dialogs for theirs.) */
static void drop_wall(const struct blocks *blocks, bool *kept)
{
    bool other = false;
    for (size_t i = 0; i < blocks->count && !other; i++)
        other = kept[i] && !(blocks->block[i].flags & FLAG(DIALOG) && blocks->block[i].groups[GROUP_CONSENT]);
    if (!other)
        memset(kept, 0, blocks->count * sizeof *kept);
}

static bool score(const struct blocks *blocks, const struct trees *trees, int32_t *scores)
{
    struct blocks_view *const page = blocks_view(blocks);
    float *const columns = calloc(BLOCKS_FEATURES * TREES_ROWS, sizeof *columns);
    uint8_t *const places = malloc(BLOCKS_FEATURES * TREES_ROWS);
    const bool good = page && columns && places;
    for (size_t at = 0, count; good && (count = blocks_view_next(page, columns)); at += count)
        trees_score(trees, columns, count, places, scores + at);
    free(places);
    free(columns);
    blocks_view_free(page);
    return good;
}

bool blocks_choose(const struct blocks *blocks, const struct trees *trees, int32_t least, int32_t hope, int32_t *scores,
                   bool *kept)
{
    if (!score(blocks, trees, scores))
        return false;
    int32_t best = INT32_MIN;
    for (size_t i = 0; i < blocks->count; i++)
        best = scores[i] > best ? scores[i] : best;
    const int32_t from = best >= least ? least : best >= hope ? hope : INT32_MAX;
    for (size_t i = 0; i < blocks->count; i++)
        kept[i] = scores[i] >= from && from != INT32_MAX;
    if (from != INT32_MAX && !(complete_tables(blocks, scores, least, kept) && drop_copies(blocks, kept)))
        return false;
    drop_wall(blocks, kept);
    return true;
}

/* ---- plain text ---- */

static const char *sign(const struct block *block, const struct block *before)
{
    /* a second paragraph of the same item has no mark of its own */
    const bool again = before && before->kind == BLOCK_ITEM && before->item == block->item;
    return block->kind == BLOCK_ITEM && !again ? "- " : "";
}

static const char *between(const struct blocks *blocks, const struct table *tables, const struct block *before,
                           const struct block *block)
{
    if (block->kind != BLOCK_CELL || before->kind != BLOCK_CELL)
        return "\n";
    const struct spot one = blocks_spot(blocks, before), other = blocks_spot(blocks, block);
    if (!other.table || one.table != other.table || one.row != other.row || tables[other.table].layout)
        return "\n";
    return one.cell == other.cell ? " " : " | ";
}

static bool join_plain(const struct blocks *blocks, const bool *kept, const struct table *tables, struct blocks_text *out)
{
    const struct block *before = NULL;
    bool good = true;
    for (size_t i = 0; i < blocks->count && good; i++) {
        if (!kept[i])
            continue;
        const struct block *const block = blocks->block + i;
        const char *const gap = before ? between(blocks, tables, before, block) : "", *const mark = sign(block, before);
        good = blocks_put(out, gap, strlen(gap)) && blocks_put(out, mark, strlen(mark)) &&
               blocks_put(out, blocks->text + block->text, block->size);
        before = block;
    }
    return good;
}

bool blocks_join(const struct blocks *blocks, const bool *kept, bool markdown, struct blocks_text *out)
{
    uint32_t *const ordinal = markdown ? ordinals(blocks) : NULL;
    bool good = ordinal || !markdown;
    struct table *const tables = good ? survey(blocks, kept, ordinal, &good) : NULL;
    good = good && (markdown ? blocks_join_markdown(blocks, kept, tables, ordinal, out) : join_plain(blocks, kept, tables, out));
    free(tables);
    free(ordinal);
    return good;
}
