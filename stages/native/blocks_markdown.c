/* From blocks to Markdown: see blocks_markdown.h. */
#include "blocks_markdown.h"

#include <stdio.h>
#include <string.h>

/* An item that is open. */
struct level {
    uint32_t item;
    unsigned indent; /* of its text */
};

/* Deeper lists are indented no further: lines are short, and a page could grow by their product. */
#define INDENT 16

struct writer {
    const struct blocks *blocks;
    const struct table *tables;
    const uint32_t *ordinal;
    struct blocks_text *out;
    const struct block *before;
    struct level level[BLOCKS_DEEPEST];
    size_t levels;
    struct spot spot;  /* of the block before, where that stands in a table of data */
    uint32_t cells;    /* of this row so far */
    bool header;       /* this row is one */
    bool good;
};

static void put(struct writer *writer, const char *bytes, size_t size)
{
    writer->good = writer->good && blocks_put(writer->out, bytes, size);
}

static void put_words(struct writer *writer, const char *words) { put(writer, words, strlen(words)); }

static void put_times(struct writer *writer, const char *words, size_t times)
{
    while (times-- && writer->good)
        put_words(writer, words);
}

/* A block's lines, all but the first behind blanks and a mark. */
static void put_lines(struct writer *writer, const char *text, size_t size, unsigned indent, const char *mark)
{
    for (bool first = true; size; first = false) {
        const char *const line_end = memchr(text, '\n', size);
        const size_t line = line_end ? (size_t)(line_end - text) + 1 : size;
        if (!first && (*mark || *text != '\n')) {
            put_times(writer, " ", indent);
            put_words(writer, mark);
        }
        put(writer, text, line);
        text += line;
        size -= line;
    }
}

/* Text that must stay on its line; pipes: they are escaped. */
static void put_on_line(struct writer *writer, const char *text, size_t size, bool pipes)
{
    size_t from = 0;
    for (size_t at = 0; at < size; at++) {
        if (text[at] != '\n' && (text[at] != '|' || !pipes))
            continue;
        put(writer, text + from, at - from);
        put_words(writer, text[at] == '\n' ? " " : "\\|");
        from = at + 1;
    }
    put(writer, text + from, size - from);
}

/* ---- tables ---- */

static void end_row(struct writer *writer)
{
    const uint32_t columns = writer->tables[writer->spot.table].columns;
    put_words(writer, " |");
    put_times(writer, "  |", columns - writer->cells);
    if (writer->header) {
        put_words(writer, "\n|");
        put_times(writer, " --- |", columns);
    }
    writer->header = false;
}

static void end_table(struct writer *writer)
{
    if (writer->spot.table)
        end_row(writer);
    writer->spot = (struct spot){0};
}

static void start_table(struct writer *writer, const struct table *table)
{
    put_words(writer, writer->before ? "\n\n" : "");
    writer->header = table->head_first || !table->heads;
    if (!writer->header) { /* a table in Markdown has one, if an empty one */
        put_words(writer, "|");
        put_times(writer, "  |", table->columns);
        put_words(writer, "\n|");
        put_times(writer, " --- |", table->columns);
        put_words(writer, "\n");
    }
}

static void put_cell(struct writer *writer, const struct block *block, struct spot spot)
{
    const struct table *const table = writer->tables + spot.table;
    const struct spot last = writer->spot;
    if (last.table != spot.table) {
        end_table(writer);
        start_table(writer, table);
    } else if (last.row != spot.row) {
        end_row(writer);
        put_words(writer, "\n");
    }
    if (last.table != spot.table || last.row != spot.row) {
        put_words(writer, "|");
        writer->cells = 0;
    }
    writer->spot = spot;
    const uint32_t column = writer->ordinal[spot.cell] ? writer->ordinal[spot.cell] : 1;
    if (writer->cells < column) {
        put_words(writer, writer->cells ? " |" : "");
        put_times(writer, "  |", column - writer->cells - 1);
        writer->cells = column;
    }
    put_words(writer, " ");
    put_on_line(writer, writer->blocks->text + block->text, block->size, true);
}

/* ---- lists ---- */

/* Closes the items that the block does not stand in. */
static void close_items(struct writer *writer, const struct block *block)
{
    uint32_t at = block->container;
    while (writer->levels) {
        const uint32_t item = writer->level[writer->levels - 1].item;
        while (at > item) /* a container comes behind what holds it */
            at = writer->blocks->container[at].parent;
        if (at == item)
            return;
        writer->levels--;
    }
}

/* Opens the block's item and puts its mark. */
static void open_item(struct writer *writer, const struct block *block)
{
    const unsigned indent = writer->levels ? writer->level[writer->levels - 1].indent : 0;
    const struct container *const list = writer->blocks->container + writer->blocks->container[block->item].parent;
    char mark[16] = "- ";
    if (list->place == PLACE_ORDERED)
        snprintf(mark, sizeof mark, "%u. ", (unsigned)writer->ordinal[block->item]);
    const unsigned inner = indent + (unsigned)strlen(mark);
    writer->level[writer->levels++] = (struct level){block->item, inner < INDENT ? inner : INDENT};
    put_times(writer, " ", indent);
    put_words(writer, mark);
}

/* ---- blocks ---- */

static size_t longest_run(const char *text, size_t size, char of)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < size; i++) {
        run = text[i] == of ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void put_code(struct writer *writer, const char *text, size_t size, unsigned indent)
{
    const size_t ticks = longest_run(text, size, '`'), fence = ticks < 3 ? 3 : ticks + 1;
    put_times(writer, "`", fence);
    put_words(writer, "\n");
    put_times(writer, " ", size && *text != '\n' ? indent : 0);
    put_lines(writer, text, size, indent, "");
    put_words(writer, "\n");
    put_times(writer, " ", indent);
    put_times(writer, "`", fence);
}

static void put_block(struct writer *writer, const struct block *block)
{
    static const char *const headings[] = {"", "# ", "## ", "### ", "#### ", "##### ", "###### "};
    const char *const text = writer->blocks->text + block->text;
    close_items(writer, block);
    const bool opens = block->kind == BLOCK_ITEM && !(writer->levels && writer->level[writer->levels - 1].item == block->item);
    if (writer->before)
        put_words(writer, opens && writer->before->kind == BLOCK_ITEM ? "\n" : "\n\n");
    if (opens && writer->levels < BLOCKS_DEEPEST)
        open_item(writer, block);
    const unsigned indent = writer->levels ? writer->level[writer->levels - 1].indent : 0;
    put_times(writer, " ", opens ? 0 : indent);
    if (block->kind == BLOCK_CODE) {
        put_code(writer, text, block->size, indent);
    } else if (block->kind == BLOCK_HEADING) {
        put_words(writer, headings[block->level]);
        put_on_line(writer, text, block->size, false);
    } else {
        const char *const mark = block->kind == BLOCK_QUOTE ? "> " : "";
        put_words(writer, mark);
        put_lines(writer, text, block->size, indent, mark);
    }
}

bool blocks_join_markdown(const struct blocks *blocks, const bool *kept, const struct table *tables, const uint32_t *ordinal,
                          struct blocks_text *out)
{
    struct writer writer = {.blocks = blocks, .tables = tables, .ordinal = ordinal, .out = out, .good = true};
    for (size_t i = 0; i < blocks->count && writer.good; i++) {
        if (!kept[i])
            continue;
        const struct block *const block = blocks->block + i;
        const struct spot spot = tables ? blocks_spot(blocks, block) : (struct spot){0};
        if (spot.table && tables[spot.table].columns > 1 && !tables[spot.table].layout) {
            put_cell(&writer, block, spot);
        } else {
            end_table(&writer);
            put_block(&writer, block);
        }
        writer.before = block;
    }
    end_table(&writer);
    return writer.good;
}
