/* From blocks to text: see blocks_text.h. */
#include "blocks_text.h"

#include <stdlib.h>
#include <string.h>

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
    return true;
}

static bool put(struct blocks_text *out, const char *bytes, size_t size)
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

static bool put_words(struct blocks_text *out, const char *words) { return put(out, words, strlen(words)); }

/* A block's lines, each behind `before`. */
static bool put_lines(struct blocks_text *out, const char *text, size_t size, const char *before)
{
    while (size) {
        const char *const line_end = memchr(text, '\n', size);
        const size_t line = line_end ? (size_t)(line_end - text) + 1 : size;
        if (!put_words(out, before) || !put(out, text, line))
            return false;
        text += line;
        size -= line;
    }
    return true;
}

static const char *sign(const struct block *block, const struct block *before, bool markdown)
{
    static const char *const headings[] = {"", "# ", "## ", "### ", "#### ", "##### ", "###### "};
    if (block->kind == BLOCK_ITEM) /* a second paragraph of the same item has no mark of its own */
        return before && before->kind == BLOCK_ITEM && before->item == block->item ? "" : "- ";
    return markdown && block->kind == BLOCK_HEADING ? headings[block->level] : "";
}

static bool put_block(struct blocks_text *out, const struct blocks *blocks, const struct block *block,
                      const struct block *before, bool markdown)
{
    const char *const text = blocks->text + block->text;
    if (markdown && block->kind == BLOCK_CODE)
        return put_words(out, "```\n") && put(out, text, block->size) && put_words(out, "\n```");
    if (markdown && block->kind == BLOCK_QUOTE)
        return put_lines(out, text, block->size, "> ");
    return put_words(out, sign(block, before, markdown)) && put(out, text, block->size);
}

static const char *between(const struct block *before, const struct block *block, bool markdown)
{
    if (block->kind == BLOCK_CELL && before->kind == BLOCK_CELL && block->row && block->row == before->row)
        return " | ";
    const bool tight = block->kind == before->kind && (block->kind == BLOCK_ITEM || block->kind == BLOCK_CELL);
    return markdown && !tight ? "\n\n" : "\n";
}

bool blocks_put_facts(const struct blocks *blocks, struct blocks_text *out)
{
    return put(out, blocks->facts, blocks->facts_size);
}

bool blocks_put_all(const struct blocks *blocks, struct blocks_text *out)
{
    bool good = true;
    for (size_t i = 0; i < blocks->count && good; i++)
        good = put(out, blocks->text + blocks->block[i].text, blocks->block[i].size) && put(out, "\n", 1);
    return good;
}

bool blocks_join(const struct blocks *blocks, const bool *kept, bool markdown, struct blocks_text *out)
{
    const struct block *before = NULL;
    bool good = true;
    for (size_t i = 0; i < blocks->count && good; i++) {
        if (!kept[i])
            continue;
        const struct block *const block = blocks->block + i;
        good = (!before || put_words(out, between(before, block, markdown))) && put_block(out, blocks, block, before, markdown);
        before = block;
    }
    return good;
}
