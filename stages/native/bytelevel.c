/* Rows to tokens: see bytelevel.h.
 *
 * Threads take neighbouring rows, as many bytes each, and write behind one another into one buffer with gaps, which are
 * closed at the end: the result is that of one thread. Each thread has tables of its own.
 */
#include "bytelevel.h"

#include <pthread.h>
#include <string.h>

#include "utf8.h"

struct part {
    struct bytelevel *engine;
    const struct bytelevel_rows *rows;
    size_t begin, end; /* rows */
    size_t worker;
    size_t tokens;  /* found */
    size_t row, byte;
    enum bytelevel_fault fault;
};

void bytelevel_prepare(struct bytelevel *engine)
{
    size_t i = 0;
    for (unsigned byte = 0; byte < 257; byte++) {
        while (i < engine->added_count && engine->added[i].text[0] < byte)
            i++;
        engine->first[byte] = (uint32_t)i;
    }
}

static bool added_at(const struct bytelevel *engine, const uint8_t *text, size_t left)
{
    for (uint32_t i = engine->first[text[0]]; i < engine->first[text[0] + 1]; i++)
        if (engine->added[i].size <= left && memcmp(engine->added[i].text, text, engine->added[i].size) == 0)
            return true;
    return false;
}

static size_t row_of(const struct part *part, int64_t at)
{
    size_t low = part->begin, high = part->end; /* the last row that begins at or before `at` */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (part->rows->offsets[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void mark(const struct part *part, const uint8_t *found)
{
    const struct bytelevel_rows *rows = part->rows;
    const int64_t at = found - rows->data;
    const size_t row = row_of(part, at);
    if (!rows->hard[row] && added_at(part->engine, found, (size_t)(rows->offsets[row + 1] - at)))
        rows->hard[row] = 1;
}

/* Few first bytes: the system's search for a byte is many times as fast as a look at each. */
static void find_added(const struct part *part, const uint8_t *data, size_t size)
{
    const uint32_t *first = part->engine->first;
    unsigned kinds = 0;
    for (unsigned byte = 0; byte < 256; byte++)
        kinds += first[byte] != first[byte + 1];
    if (kinds > 4) {
        for (size_t i = 0; i < size; i++)
            if (first[data[i]] != first[data[i] + 1])
                mark(part, data + i);
        return;
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t *at = data;
        if (first[byte] == first[byte + 1])
            continue;
        while ((at = memchr(at, (int)byte, size - (size_t)(at - data))) != NULL)
            mark(part, at++);
    }
}

static bool changes(const uint16_t *unstable, const uint8_t *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        uint32_t bytes;
        if (unstable[utf8_at(text + at, &bytes)])
            return true;
        at += bytes;
    }
    return false;
}

static bool valid(struct part *part)
{
    const struct bytelevel_rows *rows = part->rows;
    const int64_t begin = rows->offsets[part->begin], size = rows->offsets[part->end] - begin;
    bool good = utf8_fault(rows->data + begin, (size_t)size) == (size_t)size;
    for (size_t row = part->begin; row < part->end && good; row++) {
        const int64_t at = rows->offsets[row];
        good = at == begin + size || (rows->data[at] & 0xC0) != 0x80;
    }
    for (size_t row = part->begin; row < part->end && !good; row++) {
        const size_t length = (size_t)(rows->offsets[row + 1] - rows->offsets[row]);
        const size_t fault = utf8_fault(rows->data + rows->offsets[row], length);
        if (fault != length) {
            part->row = row;
            part->byte = fault;
            part->fault = BYTELEVEL_INVALID;
            return false;
        }
    }
    return true;
}

/* Bytes of offset pieces are 32 bits: longer rows are left to `tokenizers`. */
#define LONGEST (UINT32_MAX / 2)

static void *work(void *argument)
{
    struct part *part = argument;
    const struct bytelevel *engine = part->engine;
    const struct bytelevel_rows *rows = part->rows;
    if (!valid(part))
        return NULL;
    const int64_t begin = rows->offsets[part->begin];
    const uint8_t *limit = rows->data + rows->offsets[part->end];
    const size_t width = part->engine->small ? sizeof(uint16_t) : sizeof(uint32_t);
    uint8_t *tokens = (uint8_t *)rows->tokens + ((size_t)begin + part->worker * BYTELEVEL_SPARE) * width;
    find_added(part, rows->data + begin, (size_t)(rows->offsets[part->end] - begin));
    for (size_t row = part->begin; row < part->end; row++) {
        const uint8_t *text = rows->data + rows->offsets[row];
        const size_t size = (size_t)(rows->offsets[row + 1] - rows->offsets[row]);
        if (size > LONGEST || (engine->unstable && changes(engine->unstable, text, size)))
            rows->hard[row] = 1;
        if (!rows->hard[row]) {
            const size_t found = bpe_encode(engine->workers[part->worker], engine->splitters, engine->splitters_count,
                                            text, size, limit, tokens + part->tokens * width);
            if (found == SIZE_MAX) {
                part->fault = BYTELEVEL_MEMORY;
                return NULL;
            }
            part->tokens += found;
        }
        rows->ends[row + 1] = (int64_t)part->tokens;
    }
    return NULL;
}

static size_t share(const struct bytelevel_rows *rows, struct part *parts, size_t threads)
{
    const int64_t size = rows->offsets[rows->count];
    size_t row = 0;
    for (size_t i = 0; i < threads; i++) {
        parts[i].begin = row;
        const int64_t until = size / (int64_t)threads * (int64_t)(i + 1);
        while (row < rows->count && (i + 1 == threads || rows->offsets[row] < until))
            row++;
        parts[i].end = row;
    }
    return threads;
}

/* Closes the gaps between the parts' tokens. */
static void join(const struct bytelevel_rows *rows, const struct part *parts, size_t threads)
{
    const size_t width = parts->engine->small ? sizeof(uint16_t) : sizeof(uint32_t);
    size_t total = 0;
    rows->ends[0] = 0;
    for (size_t i = 0; i < threads; i++) {
        const size_t from = (size_t)rows->offsets[parts[i].begin] + parts[i].worker * BYTELEVEL_SPARE;
        if (i) {
            memmove((uint8_t *)rows->tokens + total * width, (uint8_t *)rows->tokens + from * width,
                    parts[i].tokens * width);
            for (size_t row = parts[i].begin; row < parts[i].end; row++)
                rows->ends[row + 1] += (int64_t)total;
        }
        total += parts[i].tokens;
    }
}

enum bytelevel_fault bytelevel_encode(struct bytelevel *engine, const struct bytelevel_rows *rows, size_t threads,
                                      size_t *row, size_t *byte)
{
    struct part parts[BYTELEVEL_THREADS] = {{0}};
    pthread_t running[BYTELEVEL_THREADS];
    bool started[BYTELEVEL_THREADS] = {false};
    threads = threads < 1 ? 1 : threads > BYTELEVEL_THREADS ? BYTELEVEL_THREADS : threads;
    share(rows, parts, threads);
    for (size_t i = 0; i < threads; i++) {
        parts[i].engine = engine;
        parts[i].rows = rows;
        parts[i].worker = i;
        if (!engine->workers[i])
            engine->workers[i] = bpe_worker(engine->model, engine->known, engine->bound / threads, engine->small);
        if (!engine->workers[i])
            return BYTELEVEL_MEMORY;
    }
    for (size_t i = 1; i < threads; i++)
        started[i] = pthread_create(&running[i], NULL, work, &parts[i]) == 0;
    work(&parts[0]);
    for (size_t i = 1; i < threads; i++) {
        if (started[i])
            pthread_join(running[i], NULL);
        else
            work(&parts[i]);
    }
    for (size_t i = 0; i < threads; i++) {
        *row = parts[i].row;
        *byte = parts[i].byte;
        if (parts[i].fault != BYTELEVEL_FINE)
            return parts[i].fault;
    }
    join(rows, parts, threads);
    return BYTELEVEL_FINE;
}
