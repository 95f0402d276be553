/* Features of blocks: see blocks.h. The order here is that of the model, stages/blocks.npz. */
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "trees.h"

struct group { /* blocks of one signature, or of one text */
    uint64_t key;
    uint32_t count, characters, link_characters;
    bool taken;
};

struct groups {
    struct group *group;
    size_t mask;
};

static bool groups_open(struct groups *groups, size_t count)
{
    size_t size = 16;
    while (size < 2 * count)
        size *= 2;
    groups->mask = size - 1;
    groups->group = calloc(size, sizeof *groups->group);
    return groups->group;
}

static struct group *group_of(const struct groups *groups, uint64_t key)
{
    size_t at = (size_t)(key ^ key >> 29) & groups->mask;
    while (groups->group[at].taken && groups->group[at].key != key)
        at = (at + 1) & groups->mask;
    return groups->group + at;
}

static void add(const struct groups *groups, uint64_t key, const struct block *block)
{
    struct group *const group = group_of(groups, key);
    group->taken = true;
    group->key = key;
    group->count++;
    group->characters += block->characters;
    group->link_characters += block->link_characters;
}

static float share(double part, double whole) { return whole > 0 ? (float)(part / whole) : 0.0f; }

#define LONG 500 /* characters: what is longer counts as this long */

/* Text that reads like prose: characters outside of links, where there are marks. */
static double prose_of(const struct block *block)
{
    const double length = block->characters < LONG ? block->characters : LONG;
    return block->marks + block->commas ? length * (1.0 - share(block->link_characters, block->characters)) : 0.0;
}

/* Sums up to each block, so that a window is a difference. */
struct sums {
    double prose, links, characters;
};

static double between(const struct sums *sums, size_t count, size_t at, size_t reach, int what, size_t *blocks)
{
    const size_t from = at > reach ? at - reach : 0, to = at + reach + 1 < count ? at + reach + 1 : count;
    *blocks = to - from;
    return what == 0   ? sums[to].prose - sums[from].prose
           : what == 1 ? sums[to].links - sums[from].links
                       : sums[to].characters - sums[from].characters;
}

/* The next feature of a row: a column is TREES_ROWS long. */
static float *put(float *at, float value)
{
    *at = value;
    return at + TREES_ROWS;
}

static float *put_container(float *out, const struct blocks *blocks, uint32_t at, double characters)
{
    const struct container *const container = blocks->container + at;
    out = put(out, share(container->characters, characters));
    out = put(out, share(container->link_characters, container->characters));
    out = put(out, (float)container->blocks);
    out = put(out, share(container->paragraphs, container->blocks));
    out = put(out, share(container->characters, container->blocks));
    return out;
}

static float *put_neighbour(float *out, const struct blocks *blocks, size_t at, int step)
{
    const size_t other = at + (size_t)step;
    if (other >= blocks->count) {
        for (int i = 0; i < 5; i++)
            out = put(out, -1.0f);
        return out;
    }
    const struct block *const block = blocks->block + other;
    out = put(out, (float)block->characters);
    out = put(out, share(block->link_characters, block->characters));
    out = put(out, share(block->marks + block->commas, block->words));
    out = put(out, block->kind == BLOCK_PARAGRAPH ? 1.0f : block->kind == BLOCK_ITEM ? 2.0f : block->kind == BLOCK_CELL ? 3.0f : 4.0f);
    out = put(out, block->kind == BLOCK_HEADING ? block->level : 0.0f);
    return out;
}

/* The element whose own text and that of its paragraphs is most: what readability looks for (Arc90 2009). */
static uint32_t best_container(const struct blocks *blocks)
{
    double *const score = calloc(blocks->containers, sizeof *score);
    uint32_t best = 0;
    if (!score)
        return 0;
    for (size_t i = 0; i < blocks->count; i++) {
        const struct block *const block = blocks->block + i;
        const uint32_t parent = blocks->container[block->container].parent;
        const double prose = prose_of(block);
        score[block->container] += prose / 2;
        score[parent] += prose;
        score[blocks->container[parent].parent] += prose / 3;
    }
    for (size_t i = 1; i < blocks->containers; i++)
        if (score[i] > score[best])
            best = (uint32_t)i;
    free(score);
    return best;
}

static bool is_in(const struct blocks *blocks, uint32_t at, uint32_t container)
{
    while (at > container) /* children come after their parents */
        at = blocks->container[at].parent;
    return at == container;
}

/* What the rows of a page need besides its blocks. */
struct blocks_view {
    const struct blocks *blocks;
    struct groups signatures, texts;
    struct sums *sums;
    uint32_t best;
    size_t longs, long_characters; /* blocks of prose that are a paragraph at least */
    size_t headings, link_headings;
    size_t first, last; /* blocks of prose in the best container: the first, and behind the last */
    size_t bodies;      /* blocks in an articleBody */
    double prose, characters;
    long h1, heading;   /* the last of each so far; -1: none */
    size_t next_heading;
    size_t next;        /* block whose row is next */
};

#define PARAGRAPH 200 /* characters */

static void look_over(struct blocks_view *page, const struct blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++) {
        const struct block *const block = blocks->block + i;
        const bool linked = 2 * block->link_characters > block->characters;
        page->headings += block->kind == BLOCK_HEADING;
        page->link_headings += block->kind == BLOCK_HEADING && linked;
        page->bodies += block->flags >> 20 & 1;
        if (linked || !block->marks || block->characters < PARAGRAPH / 2)
            continue;
        if (is_in(blocks, block->container, page->best)) {
            page->first = page->last ? page->first : i;
            page->last = i + 1;
        }
        page->longs += block->characters >= PARAGRAPH;
        page->long_characters += block->characters >= PARAGRAPH ? block->characters : 0;
    }
}

static float *put_own(float *out, const struct blocks_view *page, const struct block *block)
{
    out = put(out, (float)block->characters);
    out = put(out, (float)block->words);
    out = put(out, share(block->link_characters, block->characters));
    out = put(out, share(block->marks, block->words));
    out = put(out, share(block->commas, block->words));
    out = put(out, share(block->characters, block->words));
    out = put(out, share(block->uppers, block->characters));
    out = put(out, share(block->digits, block->characters));
    out = put(out, share(block->symbols, block->characters));
    out = put(out, block->ends);
    out = put(out, block->lower);
    out = put(out, (float)block->links);
    out = put(out, (float)block->lines);
    out = put(out, share(block->title_words, block->words));
    out = put(out, (float)group_of(&page->texts, block->hash)->count);
    out = put(out, (float)block->marks);
    return out;
}

static float *put_element(float *out, const struct block *block)
{
    for (unsigned kind = 0; kind <= BLOCK_LABEL; kind++)
        out = put(out, kind == BLOCK_HEADING ? (block->kind == kind ? block->level : 0.0f) : block->kind == kind);
    for (unsigned flag = 0; flag < 20; flag++)
        out = put(out, block->flags >> flag & 1);
    for (unsigned group = 0; group < BLOCKS_GROUPS; group++)
        out = put(out, block->groups[group]);
    return out;
}

/* Where it stands in the page. */
static float *put_place(float *at, const struct blocks_view *page, size_t i)
{
    const struct block *const block = page->blocks->block + i;
    const size_t count = page->blocks->count;
    const long h1 = page->h1, heading = page->heading;
    at = put(at, block->depth);
    at = put(at, share((double)i, (double)count));
    at = put(at, (float)i);
    at = put(at, (float)(count - 1 - i));
    at = put(at, share(page->sums[i].characters, page->characters));
    at = put(at, h1 < 0 ? -1.0f : (float)((long)i - h1));
    at = put(at, h1 < 0 ? -1.0f : (float)(page->sums[i].characters - page->sums[h1].characters));
    at = put(at, heading < 0 ? -1.0f : (float)((long)i - heading));
    at = put(at, page->next_heading < count ? (float)(page->next_heading - i) : -1.0f);
    return put(at, share(page->sums[i].prose, page->prose));
}

/* The elements around it, and all blocks of the same path. */
static float *put_containers(float *at, const struct blocks_view *page, const struct block *block)
{
    uint32_t container = block->container;
    for (int level = 0; level < 3; level++) {
        at = put_container(at, page->blocks, container, page->characters);
        container = page->blocks->container[container].parent;
    }
    const struct group *const like = group_of(&page->signatures, block->signature);
    at = put(at, (float)like->count);
    at = put(at, share(like->characters, page->characters));
    at = put(at, share(like->link_characters, like->characters));
    at = put(at, share(like->characters, like->count));
    return put(at, share(like->count, (double)page->blocks->count));
}

static float *put_page(float *at, const struct blocks_view *page)
{
    const size_t count = page->blocks->count;
    at = put(at, (float)count);
    at = put(at, share(page->sums[count].links, page->characters));
    at = put(at, (float)page->characters);
    return put(at, share(page->prose, page->characters));
}

static float *put_around(float *at, const struct blocks_view *page, size_t i)
{
    static const size_t reaches[] = {2, 5, 15};
    const size_t count = page->blocks->count;
    const struct block *const block = page->blocks->block + i;
    const struct block *const before = i ? block - 1 : NULL, *const after = i + 1 < count ? block + 1 : NULL;
    size_t around;
    for (int step = -3; step <= 3; step++)
        if (step)
            at = put_neighbour(at, page->blocks, i, step);
    for (size_t k = 0; k < 3; k++) {
        const double near = between(page->sums, count, i, reaches[k], 0, &around);
        at = put(at, share(near, (double)around));
        const double links = between(page->sums, count, i, reaches[k], 1, &around);
        at = put(at, share(links, between(page->sums, count, i, reaches[k], 2, &around)));
    }
    at = put(at, before && before->signature == block->signature);
    at = put(at, after && after->signature == block->signature);
    at = put(at, before && before->container == block->container);
    at = put(at, after && after->container == block->container);
    return put(at, before && before->row && before->row == block->row);
}

/* What the page says it is, and where its prose stands. */
static float *put_whole(float *at, const struct blocks_view *page, size_t i)
{
    const struct blocks *const blocks = page->blocks;
    const struct block *const block = blocks->block + i;
    const struct container *const best = blocks->container + page->best;
    at = put(at, is_in(blocks, block->container, page->best));
    at = put(at, is_in(blocks, block->container, best->parent));
    at = put(at, share(best->characters, page->characters));
    for (unsigned kind = 0; kind < PAGE_KINDS; kind++)
        at = put(at, blocks->kinds >> kind & 1);
    at = put(at, (float)blocks->articles);
    at = put(at, (float)blocks->h1s);
    at = put(at, (float)page->longs);
    at = put(at, share(page->long_characters, page->characters));
    at = put(at, share(page->link_headings, page->headings));
    at = put(at, page->last ? (float)((long)i - (long)page->first) : 0.0f);
    at = put(at, page->last ? (float)((long)page->last - 1 - (long)i) : 0.0f);
    return put(at, page->last && i >= page->first && i < page->last);
}

/* The heading that it stands under. */
static float *put_heading(float *at, const struct blocks_view *page, size_t i)
{
    const struct block *const heading = page->heading < 0 ? NULL : page->blocks->block + page->heading;
    at = put(at, heading ? share(heading->link_characters, heading->characters) : -1.0f);
    at = put(at, heading ? heading->level : -1.0f);
    at = put(at, heading ? (float)(page->sums[i].characters - page->sums[page->heading].characters) : -1.0f);
    return put(at, heading ? (float)group_of(&page->signatures, heading->signature)->count : -1.0f);
}

static void put_row(float *at, struct blocks_view *page, size_t i)
{
    const struct blocks *const blocks = page->blocks;
    const struct block *const block = blocks->block + i;
    size_t around;
    if (block->kind == BLOCK_HEADING) {
        page->heading = (long)i;
        page->h1 = block->level == 1 ? (long)i : page->h1;
    }
    while (page->next_heading < blocks->count &&
           (page->next_heading <= i || blocks->block[page->next_heading].kind != BLOCK_HEADING))
        page->next_heading++;
    at = put_own(at, page, block);
    at = put_element(at, block);
    at = put_place(at, page, i);
    at = put_containers(at, page, block);
    at = put_page(at, page);
    at = put_around(at, page, i);
    at = put_whole(at, page, i);
    at = put_heading(at, page, i);
    at = put(at, (float)block->breaks);
    at = put(at, block->flags >> 20 & 1);
    at = put(at, block->flags >> 21 & 1);
    at = put(at, page->bodies ? 1.0f : 0.0f);
    at = put(at, share(between(page->sums, blocks->count, i, 1, 0, &around), 1));
}

struct blocks_view *blocks_view(const struct blocks *blocks)
{
    struct blocks_view *const page = calloc(1, sizeof *page);
    const size_t count = blocks->count;
    if (!page)
        return NULL;
    page->blocks = blocks;
    page->h1 = page->heading = -1;
    page->sums = calloc(count + 1, sizeof *page->sums);
    if (!page->sums || !groups_open(&page->signatures, count) || !groups_open(&page->texts, count)) {
        blocks_view_free(page);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct block *const block = blocks->block + i;
        add(&page->signatures, block->signature, block);
        add(&page->texts, block->hash, block);
        page->sums[i + 1] = (struct sums){
            page->sums[i].prose + prose_of(block),
            page->sums[i].links + block->link_characters,
            page->sums[i].characters + block->characters,
        };
    }
    page->prose = page->sums[count].prose;
    page->characters = page->sums[count].characters;
    page->best = best_container(blocks);
    look_over(page, blocks);
    return page;
}

void blocks_view_free(struct blocks_view *page)
{
    if (!page)
        return;
    free(page->sums);
    free(page->signatures.group);
    free(page->texts.group);
    free(page);
}

size_t blocks_view_next(struct blocks_view *page, float *columns)
{
    const size_t left = page->blocks->count - page->next, count = left < TREES_ROWS ? left : TREES_ROWS;
    for (size_t row = 0; row < count; row++)
        put_row(columns + row, page, page->next++);
    return count;
}
