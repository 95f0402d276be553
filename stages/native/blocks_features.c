/* Features of blocks: see blocks.h. The order here is that of the model: stages/blocks.py names them. */
#include <stdlib.h>
#include <string.h>

#include "blocks.h"

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

static float *put_container(float *out, const struct blocks *blocks, uint32_t at, double characters)
{
    const struct container *const container = blocks->container + at;
    *out++ = share(container->characters, characters);
    *out++ = share(container->link_characters, container->characters);
    *out++ = (float)container->blocks;
    *out++ = share(container->paragraphs, container->blocks);
    *out++ = share(container->characters, container->blocks);
    return out;
}

static float *put_neighbour(float *out, const struct blocks *blocks, size_t at, int step)
{
    const size_t other = at + (size_t)step;
    if (other >= blocks->count) {
        for (int i = 0; i < 5; i++)
            *out++ = -1.0f;
        return out;
    }
    const struct block *const block = blocks->block + other;
    *out++ = (float)block->characters;
    *out++ = share(block->link_characters, block->characters);
    *out++ = share(block->marks + block->commas, block->words);
    *out++ = block->kind == BLOCK_PARAGRAPH ? 1.0f : block->kind == BLOCK_ITEM ? 2.0f : block->kind == BLOCK_CELL ? 3.0f : 4.0f;
    *out++ = block->kind == BLOCK_HEADING ? block->level : 0.0f;
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

struct page {
    struct groups signatures, texts;
    struct sums *sums;
    uint32_t best;
    size_t longs, long_characters; /* blocks of prose that are a paragraph at least */
    size_t headings, link_headings;
    size_t first, last; /* blocks of prose in the best container: the first, and behind the last */
    size_t bodies;      /* blocks in an articleBody */
};

#define PARAGRAPH 200 /* characters */

static void look_over(struct page *page, const struct blocks *blocks)
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

static float *put_own(float *out, const struct page *page, const struct block *block)
{
    *out++ = (float)block->characters;
    *out++ = (float)block->words;
    *out++ = share(block->link_characters, block->characters);
    *out++ = share(block->marks, block->words);
    *out++ = share(block->commas, block->words);
    *out++ = share(block->characters, block->words);
    *out++ = share(block->uppers, block->characters);
    *out++ = share(block->digits, block->characters);
    *out++ = share(block->symbols, block->characters);
    *out++ = block->ends;
    *out++ = block->lower;
    *out++ = (float)block->links;
    *out++ = (float)block->lines;
    *out++ = share(block->title_words, block->words);
    *out++ = (float)group_of(&page->texts, block->hash)->count;
    *out++ = (float)block->marks;
    return out;
}

static float *put_element(float *out, const struct block *block)
{
    for (unsigned kind = 0; kind <= BLOCK_LABEL; kind++)
        *out++ = kind == BLOCK_HEADING ? (block->kind == kind ? block->level : 0.0f) : block->kind == kind;
    for (unsigned flag = 0; flag < 20; flag++)
        *out++ = block->flags >> flag & 1;
    for (unsigned group = 0; group < BLOCKS_GROUPS; group++)
        *out++ = block->groups[group];
    return out;
}

bool blocks_features(const struct blocks *blocks, float *out)
{
    const size_t count = blocks->count;
    struct page page = {0};
    page.sums = calloc(count + 1, sizeof *page.sums);
    const bool good = page.sums && groups_open(&page.signatures, count) && groups_open(&page.texts, count);
    if (good) {
        for (size_t i = 0; i < count; i++) {
            const struct block *const block = blocks->block + i;
            add(&page.signatures, block->signature, block);
            add(&page.texts, block->hash, block);
            page.sums[i + 1] = (struct sums){
                page.sums[i].prose + prose_of(block),
                page.sums[i].links + block->link_characters,
                page.sums[i].characters + block->characters,
            };
        }
        page.best = best_container(blocks);
        look_over(&page, blocks);
    }
    const double prose = good ? page.sums[count].prose : 0, characters = good ? page.sums[count].characters : 0;
    long h1 = -1, heading = -1;
    size_t next_heading = 0;
    for (size_t i = 0; i < count && good; i++) {
        size_t around;
        const struct block *const block = blocks->block + i;
        const struct block *const before = i ? block - 1 : NULL, *const after = i + 1 < count ? block + 1 : NULL;
        float *const row = out + i * BLOCKS_FEATURES, *at = row;
        if (block->kind == BLOCK_HEADING) {
            heading = (long)i;
            h1 = block->level == 1 ? (long)i : h1;
        }
        while (next_heading < count && (next_heading <= i || blocks->block[next_heading].kind != BLOCK_HEADING))
            next_heading++;
        at = put_own(at, &page, block);
        at = put_element(at, block);
        *at++ = block->depth;
        *at++ = share((double)i, (double)count);
        *at++ = (float)i;
        *at++ = (float)(count - 1 - i);
        *at++ = share(page.sums[i].characters, characters);
        *at++ = h1 < 0 ? -1.0f : (float)((long)i - h1);
        *at++ = h1 < 0 ? -1.0f : (float)(page.sums[i].characters - page.sums[h1].characters);
        *at++ = heading < 0 ? -1.0f : (float)((long)i - heading);
        *at++ = next_heading < count ? (float)(next_heading - i) : -1.0f;
        *at++ = share(page.sums[i].prose, prose);
        uint32_t container = block->container;
        for (int level = 0; level < 3; level++) {
            at = put_container(at, blocks, container, characters);
            container = blocks->container[container].parent;
        }
        const struct group *const like = group_of(&page.signatures, block->signature);
        *at++ = (float)like->count;
        *at++ = share(like->characters, characters);
        *at++ = share(like->link_characters, like->characters);
        *at++ = share(like->characters, like->count);
        *at++ = share(like->count, (double)count);
        *at++ = (float)count;
        *at++ = share(page.sums[count].links, characters);
        *at++ = (float)characters;
        *at++ = share(prose, characters);
        for (int step = -3; step <= 3; step++)
            if (step)
                at = put_neighbour(at, blocks, i, step);
        static const size_t reaches[] = {2, 5, 15};
        for (size_t k = 0; k < 3; k++) {
            const double near = between(page.sums, count, i, reaches[k], 0, &around);
            *at++ = share(near, (double)around);
            const double links = between(page.sums, count, i, reaches[k], 1, &around);
            *at++ = share(links, between(page.sums, count, i, reaches[k], 2, &around));
        }
        *at++ = before && before->signature == block->signature;
        *at++ = after && after->signature == block->signature;
        *at++ = before && before->container == block->container;
        *at++ = after && after->container == block->container;
        *at++ = before && before->row && before->row == block->row;
        *at++ = is_in(blocks, block->container, page.best);
        *at++ = is_in(blocks, block->container, blocks->container[page.best].parent);
        *at++ = (float)blocks->container[page.best].characters > 0 ? share(blocks->container[page.best].characters, characters) : 0.0f;
        for (unsigned kind = 0; kind < PAGE_KINDS; kind++)
            *at++ = blocks->kinds >> kind & 1;
        *at++ = (float)blocks->articles;
        *at++ = (float)blocks->h1s;
        *at++ = (float)page.longs;
        *at++ = share(page.long_characters, characters);
        *at++ = share(page.link_headings, page.headings);
        *at++ = page.last ? (float)((long)i - (long)page.first) : 0.0f;
        *at++ = page.last ? (float)((long)page.last - 1 - (long)i) : 0.0f;
        *at++ = page.last && i >= page.first && i < page.last;
        *at++ = heading < 0 ? -1.0f : share(blocks->block[heading].link_characters, blocks->block[heading].characters);
        *at++ = heading < 0 ? -1.0f : blocks->block[heading].level;
        *at++ = heading < 0 ? -1.0f : (float)(page.sums[i].characters - page.sums[heading].characters);
        *at++ = heading < 0 ? -1.0f : (float)group_of(&page.signatures, blocks->block[heading].signature)->count;
        *at++ = (float)block->breaks;
        *at++ = block->flags >> 20 & 1;
        *at++ = block->flags >> 21 & 1;
        *at++ = page.bodies ? 1.0f : 0.0f;
        *at++ = share(between(page.sums, count, i, 1, 0, &around), 1);
        while (at < row + BLOCKS_FEATURES)
            *at++ = 0.0f;
    }
    free(page.sums);
    free(page.signatures.group);
    free(page.texts.group);
    return good;
}
