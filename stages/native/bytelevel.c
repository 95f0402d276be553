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

static void write_token(uint8_t *out, int32_t id, bool small)
{
    const uint16_t half = (uint16_t)id;
    if (small)
        memcpy(out, &half, sizeof half);
    else
        memcpy(out, &id, sizeof id);
}

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
    for (size_t row = part->begin; row < part->end; row++) {
        const uint8_t *text = rows->data + rows->offsets[row];
        const size_t size = (size_t)(rows->offsets[row + 1] - rows->offsets[row]);
        const int32_t kind = rows->kinds ? rows->kinds[row] : ADDED_TEXT;
        if (kind >= 0) {
            write_token(tokens + part->tokens++ * width, kind, engine->small);
        } else if (kind == ADDED_HARD || size > LONGEST) {
            rows->hard[row] = 1;
        } else {
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
