/* From rows of an Arrow array to tokens: see pieces.h for the theory.
 *
 * Rows are copied back to back into a window of a few KiB that stays in the fastest cache, with the blank before them,
 * and with U+2581 as the space that it means. There they are cut into units, which go through four steps in lots: keys are
 * computed and the lines of the cache asked for; entries are found; what has none is encoded (pieces_merge.h, or
 * model_unit for long ones); tokens are written in order. What was learnt is put into the cache after that, because its
 * entries may move then.
 */
#define _DEFAULT_SOURCE /* madvise */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "added.h"
#include "pieces.h"
#include "pieces_cache.h"
#include "pieces_cut.h"
#include "pieces_merge.h"
#include "pieces_model.h"
#include "pieces_warm.h"

#define WINDOW 16384 /* bytes of text looked at together; a longer row has a window of its own */
#define ROWS 1024    /* rows in a window: more only if all are tiny */
#define LOT 256      /* units looked up together: so many that what is missing keeps pieces_merge.c busy, so few that
                      * their lines stay in the fastest cache */
#define PADDING 64   /* bytes that may be read behind the text of a window */
#define USUAL 3      /* bytes a token, at least, in most texts: room for so many is asked for at once */
#define HUGE ((size_t)2 << 20) /* bytes of a large page */
#define SPARE ((size_t)64 << 20) /* bytes of tokens that may wait for the next call: those of some 100 MB of text */
#define SLACK 16     /* tokens that may be written behind the last one */
#define LONGEST_ROW ((size_t)1 << 30) /* bytes: positions have 32 bits, and a row takes five times as much memory */
#define MOST_THREADS 64
#define BUDGET ((size_t)128 << 20) /* bytes of all caches together: one half takes 1.5 million units, one their log */

/* Units that are looked up together, so that memory answers to all of them at the same time. */
struct lot {
    struct cache_key keys[LOT];
    struct cache_entry *found[LOT];
    struct merge_task tasks[LOT]; /* what is missing */
    uint32_t units[LOT];          /* whose tasks they are */
    size_t missing;
    uint32_t few[LOT * MERGE_SLOTS]; /* their tokens */
};

struct worker {
    struct cache cache;
    struct unit_room room;
    uint8_t *text; /* the window */
    uint64_t *marks;
    uint32_t *starts; /* of units, and the end of the last */
    size_t window;    /* bytes that text, marks and starts are enough for */
    uint32_t ends[ROWS];
    int64_t rows[ROWS];
    int32_t kinds[ROWS];
    size_t row_count;
    struct lot lot;
    uint32_t *many; /* tokens of tasks for which `few` is too small */
    size_t many_size;
    uint8_t *out;
    size_t out_used, out_size; /* bytes */
    int64_t *counts; /* tokens behind each row of the span, from its first row on */
    size_t count_size;
    int64_t *hard;
    size_t hard_count, hard_size;
    bool ready;
};

/* Neighbouring rows for one thread. */
struct span {
    struct pieces *pieces;
    struct worker *worker;
    const uint8_t *data;
    const int64_t *offsets;
    const int32_t *kinds;
    int64_t from, to;
    enum pieces_status status;
    int64_t row; /* where it failed */
};

struct pieces {
    struct model model;
    struct cuts cuts;
    enum pieces_prefix prefix, later, normal;
    enum cache_form form;
    const struct units *known; /* NULL for none */
    uint32_t ids;
    pthread_mutex_t lock;
    struct worker *workers;
    int worker_count;
    _Atomic(uint8_t *) spare; /* tokens that were handed back */
    struct span spans[MOST_THREADS]; /* of the call that holds the lock */
    int span_count;
};

/* ---- memory ---- */

/* Memory for tokens behind its size. Large pages, where the system has them on request, take a tenth of the time to come
 * by; what is handed back and used again takes none. */
#define HEAD 64 /* bytes for the size: a line */

static size_t block_size(const uint8_t *out)
{
    size_t size;
    memcpy(&size, out - HEAD, sizeof size);
    return size;
}

static void out_free(uint8_t *out)
{
    if (out)
        free(out - HEAD);
}

/* `size` bytes, HEAD of them for the size. */
static uint8_t *out_new(size_t size)
{
    uint8_t *block = size < 2 * HUGE ? malloc(size) : aligned_alloc(HUGE, size);
    if (!block)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (size >= 2 * HUGE)
        madvise(block, size, MADV_HUGEPAGE);
#endif
    memcpy(block, &size, sizeof size);
    return block + HEAD;
}

static bool out_room(struct worker *worker, size_t bytes)
{
    if (worker->out_size - worker->out_used >= bytes)
        return true;
    size_t size = 2 * worker->out_used + bytes + HEAD;
    size = size < HUGE ? size : (size + HUGE - 1) / HUGE * HUGE;
    uint8_t *grown = out_new(size);
    if (!grown)
        return false;
    if (worker->out_used)
        memcpy(grown, worker->out, worker->out_used);
    out_free(worker->out);
    worker->out = grown;
    worker->out_size = size - HEAD;
    return true;
}

static bool window_room(struct worker *worker, size_t bytes)
{
    if (bytes <= worker->window)
        return true;
    free(worker->text);
    free(worker->marks);
    free(worker->starts);
    worker->text = calloc(bytes + PADDING, 1);
    worker->marks = malloc((bytes / 64 + 2) * sizeof *worker->marks);
    worker->starts = malloc((bytes + 2 + CUTS_MORE) * sizeof *worker->starts);
    worker->window = worker->text && worker->marks && worker->starts ? bytes : 0;
    return worker->window != 0;
}

static bool many_room(struct worker *worker, size_t tokens)
{
    if (tokens <= worker->many_size)
        return true;
    free(worker->many);
    worker->many = malloc(tokens * sizeof *worker->many);
    worker->many_size = worker->many ? tokens : 0;
    return worker->many;
}

static void worker_close(struct worker *worker)
{
    cache_close(&worker->cache);
    free(worker->room.tokens);
    free(worker->room.dead);
    free(worker->text);
    free(worker->marks);
    free(worker->starts);
    free(worker->many);
    out_free(worker->out);
    free(worker->counts);
    free(worker->hard);
    memset(worker, 0, sizeof *worker);
}

static bool worker_open(struct worker *worker, const struct pieces *pieces, size_t bytes)
{
    if (worker->ready)
        return true;
    worker->ready = cache_open(&worker->cache, pieces->form, bytes);
    if (!worker->ready)
        worker_close(worker);
    else if (pieces->known)
        cache_learn(&worker->cache, pieces->known, pieces->ids);
    return worker->ready;
}

/* ---- tokens of one unit ---- */

static size_t width_of(enum cache_form form) { return form == CACHE_16_16 ? 2 : 4; }

/* Writes tokens of 32 bits in the width of the output. */
static inline uint8_t *write_tokens(enum cache_form form, const uint32_t *tokens, size_t count, uint8_t *out)
{
    if (form != CACHE_16_16) {
        memcpy(out, tokens, 4 * count);
        return out + 4 * count;
    }
    for (size_t i = 0; i < count; i++, out += 2) {
        const uint16_t half = (uint16_t)tokens[i];
        memcpy(out, &half, 2);
    }
    return out;
}

/* Writes the tokens of a near entry, and some bytes behind them that mean nothing. */
static inline __attribute__((always_inline)) uint8_t *write_near(enum cache_form form, const struct cache_entry *entry,
                                                                 uint8_t *out)
{
    const size_t count = entry->state & 15;
    if (form == CACHE_16_16) {
        memcpy(out, entry->body + 1, 14);
        return out + 2 * count;
    }
    if (form == CACHE_16_32) {
        uint16_t halves[8];
        uint32_t wide[8];
        memcpy(halves, entry->body + 1, 16); /* two bytes of the next entry */
        for (unsigned i = 0; i < 8; i++)
            wide[i] = halves[i];
        memcpy(out, wide, sizeof wide);
        return out + 4 * count;
    }
    for (unsigned i = 0; i < 5; i++) {
        uint32_t token;
        memcpy(&token, entry->body + 3 * i, 4); /* a byte of the next entry */
        token &= 0xFFFFFF;
        memcpy(out + 4 * i, &token, 4);
    }
    return out + 4 * count;
}

/* ---- a window ---- */

static bool is_ascii(const uint8_t *text, size_t size)
{
    uint64_t all = 0, eight = 0;
    for (; size > 8; size -= 8, text += 8) {
        memcpy(&eight, text, 8);
        all |= eight;
    }
    memcpy(&eight, text, 8); /* it may be read */
    return !((all | eight << (64 - 8 * size)) & 0x8080808080808080u);
}

/* Finds the units of the window: their starts, then its end. Rows begin at worker->ends of the row before. */
static size_t find_units(const struct cuts *cuts, struct worker *worker, size_t size)
{
    cuts_find(cuts, worker->text, size, worker->marks);
    worker->marks[0] |= 1;
    for (size_t i = 0; i + 1 < worker->row_count; i++)
        if (worker->ends[i] < size)
            worker->marks[worker->ends[i] / 64] |= UINT64_C(1) << (worker->ends[i] % 64);
    if (size % 64)
        worker->marks[size / 64] &= (UINT64_C(1) << (size % 64)) - 1;
    uint32_t *start = worker->starts + cuts_list(cuts, worker->marks, size, worker->starts);
    *start = (uint32_t)size;
    return (size_t)(start - worker->starts);
}

/* Asks for the lines of the cache where a lot's units may stand. */
static inline void ask(struct worker *worker, const uint32_t *starts, size_t count)
{
    struct lot *lot = &worker->lot;
    for (size_t i = 0; i < count; i++) {
        lot->keys[i] = cache_key_of(worker->text + starts[i], starts[i + 1] - starts[i]);
        __builtin_prefetch(cache_line(&worker->cache, lot->keys[i].hash));
    }
}

/* Finds their entries; those that have none become tasks. What is in the log is asked for in its turn. */
static inline void find(struct worker *worker, const uint32_t *starts, size_t count)
{
    struct lot *lot = &worker->lot;
    lot->missing = 0;
    for (size_t i = 0; i < count; i++) {
        struct cache_entry *entry = lot->found[i] = cache_find(&worker->cache, lot->keys + i);
        if (!entry) {
            lot->units[lot->missing] = (uint32_t)i;
            lot->tasks[lot->missing] = (struct merge_task){worker->text + starts[i], lot->few + MERGE_SLOTS * lot->missing,
                                                           starts[i + 1] - starts[i], 0, false};
            lot->missing++;
        } else if ((entry->state & 15) == CACHE_FAR) {
            __builtin_prefetch(cache_place(&worker->cache, entry));
        }
    }
}

/* Encodes tasks; *failed is the first one that is not UTF-8. */
static enum pieces_status learn(const struct pieces *pieces, struct worker *worker, struct merge_task *tasks, size_t count,
                                size_t *failed)
{
    for (size_t i = 0; i < count; i++) {
        tasks[i].ascii = is_ascii(tasks[i].text, tasks[i].size);
        if (!tasks[i].ascii && pieces_invalid(tasks[i].text, tasks[i].size) >= 0) {
            *failed = i;
            return PIECES_INVALID;
        }
    }
    merge_units(&pieces->model, tasks, count);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += tasks[i].count ? 0 : tasks[i].size;
    if (!many_room(worker, bytes))
        return PIECES_NO_MEMORY;
    uint32_t *tokens = worker->many;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i].count)
            continue;
        const int64_t found = model_unit(&pieces->model, &worker->room, tasks[i].text, tasks[i].size);
        if (found < 0)
            return PIECES_NO_MEMORY;
        memcpy(tokens, worker->room.tokens, (size_t)found * sizeof *tokens);
        tasks[i].tokens = tokens;
        tasks[i].count = (uint32_t)found;
        tokens += found;
    }
    return PIECES_DONE;
}

/* Puts what was learnt into the cache, once all of the lot's entries have been used: it may move them. */
static void keep(struct worker *worker)
{
    struct lot *lot = &worker->lot;
    for (size_t i = 0; i < lot->missing; i++) {
        const struct merge_task *task = lot->tasks + i;
        const struct cache_key *key = lot->keys + lot->units[i];
        struct cache_entry *entry = i ? cache_find(&worker->cache, key) : NULL;
        if (entry) /* twice in this lot */
            entry->state |= CACHE_ASKED;
        else if (task->size <= CACHE_LONGEST)
            cache_put(&worker->cache, key, task->text, task->size, task->tokens, task->count);
    }
}

/* The tokens of a unit in the log; NULL: see *status. */
static uint8_t *write_far(const struct pieces *pieces, struct worker *worker, struct cache_entry *entry, const uint32_t *start,
                          uint8_t *out, enum pieces_status *status)
{
    const uint8_t *text = worker->text + start[0];
    uint32_t count;
    const uint8_t *far = cache_far(&worker->cache, entry, text, start[1] - start[0], &count);
    if (far) {
        memcpy(out, far, count * width_of(pieces->form));
        return out + count * width_of(pieces->form);
    }
    /* Overwritten, or another unit's. It will be missing, and kept, next time. */
    uint32_t few[MERGE_SLOTS];
    struct merge_task task = {text, few, start[1] - start[0], 0, false};
    *status = learn(pieces, worker, &task, 1, &(size_t){0});
    return *status == PIECES_DONE ? write_tokens(pieces->form, task.tokens, task.count, out) : NULL;
}

/* A row's tokens are out: only that of a row that is an added token is not. */
static inline uint8_t *end_row(struct worker *worker, enum cache_form form, size_t i, int64_t first, uint8_t *out)
{
    if (worker->kinds[i] >= 0) {
        const uint32_t token = (uint32_t)worker->kinds[i];
        out = write_tokens(form, &token, 1, out);
    }
    worker->counts[worker->rows[i] - first] = (int64_t)((size_t)(out - worker->out) / width_of(form));
    return out;
}

static inline __attribute__((always_inline)) enum pieces_status run_window(const struct pieces *pieces,
                                                                           struct worker *worker, enum cache_form form,
                                                                           size_t size, int64_t first, int64_t *row)
{
    const size_t width = form == CACHE_16_16 ? 2 : 4;
    const size_t units = find_units(&pieces->cuts, worker, size);
    if (!out_room(worker, (size + ROWS + SLACK) * width)) /* a row may be a token that has no bytes here */
        return PIECES_NO_MEMORY;
    struct lot *lot = &worker->lot;
    enum pieces_status status = PIECES_DONE;
    uint8_t *out = worker->out + worker->out_used;
    size_t i = 0;
    for (size_t done = 0; done < units; done += LOT) {
        const uint32_t *starts = worker->starts + done;
        const size_t count = units - done < LOT ? units - done : LOT;
        size_t failed = 0, learnt = 0;
        ask(worker, starts, count);
        find(worker, starts, count);
        status = learn(pieces, worker, lot->tasks, lot->missing, &failed);
        failed = lot->units[failed];
        for (size_t unit = 0; unit < count && status == PIECES_DONE; unit++) {
            while (starts[unit] >= worker->ends[i])
                out = end_row(worker, form, i++, first, out);
            struct cache_entry *entry = lot->found[unit];
            if (!entry) {
                out = write_tokens(form, lot->tasks[learnt].tokens, lot->tasks[learnt].count, out);
                learnt++;
            } else if ((entry->state & 15) != CACHE_FAR) {
                if (!(entry->state & CACHE_ASKED))
                    entry->state |= CACHE_ASKED;
                out = write_near(form, entry, out);
            } else {
                out = write_far(pieces, worker, entry, starts + unit, out, &status);
                failed = unit;
            }
        }
        if (status != PIECES_DONE) {
            while (starts[failed] >= worker->ends[i])
                i++;
            *row = worker->rows[i];
            return status;
        }
        keep(worker);
    }
    while (i < worker->row_count)
        out = end_row(worker, form, i++, first, out);
    worker->out_used = (size_t)(out - worker->out);
    return PIECES_DONE;
}

static enum pieces_status run(const struct pieces *pieces, struct worker *worker, size_t size, int64_t first, int64_t *row)
{
    if (pieces->form == CACHE_16_16)
        return run_window(pieces, worker, CACHE_16_16, size, first, row);
    if (pieces->form == CACHE_16_32)
        return run_window(pieces, worker, CACHE_16_32, size, first, row);
    return run_window(pieces, worker, CACHE_24_32, size, first, row);
}

/* ---- rows into the window ---- */

static bool is_blank(const uint8_t *text, size_t size)
{
    return (size && text[0] == ' ') || (size >= 3 && memcmp(text, "\xE2\x96\x81", 3) == 0);
}

/* Replaces U+2581 by a space; the new size. */
static size_t plain_blanks(uint8_t *text, size_t size)
{
    size_t to = 0;
    for (size_t at = 0; at < size; to++) {
        const bool blank = text[at] == 0xE2 && is_blank(text + at, size - at);
        text[to] = blank ? ' ' : text[at];
        at += blank ? 3 : 1;
    }
    return to;
}

/* Puts a row at the end of the window: its size there, or SIZE_MAX if it is left to others. */
static size_t put_row(const struct pieces *pieces, uint8_t *text, const uint8_t *row, size_t size, int32_t kind)
{
    if (kind == ADDED_HARD)
        return SIZE_MAX;
    if (!size || kind >= 0)
        return 0;
    size_t before = 0;
    const enum pieces_prefix prefix = kind == ADDED_LATER    ? pieces->later
                                      : kind == ADDED_NORMAL ? pieces->normal
                                                             : pieces->prefix;
    if (prefix == PIECES_ALWAYS || (prefix == PIECES_UNLESS && !is_blank(row, size)))
        text[before++] = ' ';
    memcpy(text + before, row, size);
    size += before;
    const uint8_t *at = text; /* U+2581 is rare, and the system's search for its first byte is quick */
    while ((at = memchr(at, 0xE2, size - (size_t)(at - text))) && !is_blank(at, size - (size_t)(at - text)))
        at++;
    return at ? (size_t)(at - text) + plain_blanks(text + (at - text), size - (size_t)(at - text)) : size;
}

static bool counts_room(struct worker *worker, size_t rows)
{
    if (rows <= worker->count_size)
        return true;
    free(worker->counts);
    worker->counts = malloc(rows * sizeof *worker->counts);
    worker->count_size = worker->counts ? rows : 0;
    return worker->counts;
}

static bool add_hard(struct worker *worker, int64_t row)
{
    if (worker->hard_count == worker->hard_size) {
        const size_t size = worker->hard_size ? 2 * worker->hard_size : 64;
        int64_t *grown = realloc(worker->hard, size * sizeof *grown);
        if (!grown)
            return false;
        worker->hard = grown;
        worker->hard_size = size;
    }
    worker->hard[worker->hard_count++] = row;
    return true;
}

/* Fills the window with rows from *row on and encodes them. */
static enum pieces_status next_window(struct span *span, int64_t *row)
{
    struct worker *worker = span->worker;
    size_t size = 0;
    bool invalid = false;
    worker->row_count = 0;
    while (*row < span->to && worker->row_count < ROWS) {
        const size_t bytes = (size_t)(span->offsets[*row + 1] - span->offsets[*row]);
        if (worker->row_count && size + bytes + 1 > WINDOW)
            break;
        if (!worker->row_count && !window_room(worker, bytes + 1 > WINDOW && bytes <= LONGEST_ROW ? bytes + 1 : WINDOW))
            return PIECES_NO_MEMORY;
        const uint8_t *text = span->data + span->offsets[*row];
        const int32_t kind = span->kinds ? span->kinds[*row] : ADDED_TEXT;
        const size_t put = bytes > LONGEST_ROW ? SIZE_MAX : put_row(span->pieces, worker->text + size, text, bytes, kind);
        if (put == SIZE_MAX) {
            if (pieces_invalid(text, bytes) >= 0) {
                invalid = true; /* but a row before it may be so too */
                break;
            }
            if (!add_hard(worker, *row))
                return PIECES_NO_MEMORY;
        } else {
            size += put;
        }
        worker->ends[worker->row_count] = (uint32_t)size;
        worker->kinds[worker->row_count] = kind;
        worker->rows[worker->row_count++] = (*row)++;
    }
    const enum pieces_status status = run(span->pieces, worker, size, span->from, &span->row);
    if (status != PIECES_DONE || !invalid)
        return status;
    span->row = *row;
    return PIECES_INVALID;
}

static void *run_span(void *argument)
{
    struct span *span = argument;
    span->worker->out_used = 0;
    span->worker->hard_count = 0;
    const size_t bytes = (size_t)(span->offsets[span->to] - span->offsets[span->from]);
    span->status = counts_room(span->worker, (size_t)(span->to - span->from)) &&
                           out_room(span->worker, (bytes / USUAL + SLACK) * width_of(span->pieces->form))
                       ? PIECES_DONE
                       : PIECES_NO_MEMORY;
    for (int64_t row = span->from; row < span->to && span->status == PIECES_DONE;)
        span->status = next_window(span, &row);
    if (span->worker->window > 64 * WINDOW) { /* one giant row need not be remembered */
        span->worker->window = span->worker->many_size = span->worker->room.size = 0;
        window_room(span->worker, WINDOW);
    }
    return NULL;
}

/* ---- all rows ---- */

struct pieces *pieces_build(const struct pieces_spec *spec)
{
    struct pieces *pieces = calloc(1, sizeof *pieces);
    if (!pieces)
        return NULL;
    pieces->prefix = spec->prefix;
    pieces->ids = spec->pieces.count;
    pieces->later = spec->later;
    pieces->normal = spec->normal;
    pieces->form = spec->width == 2 ? CACHE_16_16 : spec->pieces.count <= 65536 ? CACHE_16_32 : CACHE_24_32;
    cuts_build(&pieces->cuts, spec);
    if (!model_build(&pieces->model, spec) || pthread_mutex_init(&pieces->lock, NULL)) {
        model_free(&pieces->model);
        free(pieces);
        return NULL;
    }
    return pieces;
}

void pieces_free(struct pieces *pieces)
{
    for (int i = 0; i < pieces->worker_count; i++)
        worker_close(pieces->workers + i);
    free(pieces->workers);
    out_free(pieces->spare);
    pthread_mutex_destroy(&pieces->lock);
    model_free(&pieces->model);
    free(pieces);
}

void pieces_begin(struct pieces *pieces, const struct units *known) { pieces->known = known; }

bool pieces_known(struct pieces *pieces, size_t most, struct units_made *made)
{
    bool good = true;
    pthread_mutex_lock(&pieces->lock);
    for (int i = 0; i < 2 * pieces->worker_count && good; i++) {
        const struct worker *worker = pieces->workers + i % pieces->worker_count;
        good = !worker->ready || cache_known(&worker->cache, i < pieces->worker_count, most, made);
    }
    pthread_mutex_unlock(&pieces->lock);
    return good;
}

/* As many workers as there will be threads. Their caches share the budget, so all begin anew when more are needed. */
static bool open_workers(struct pieces *pieces, int threads)
{
    if (pieces->worker_count < threads) {
        for (int i = 0; i < pieces->worker_count; i++)
            worker_close(pieces->workers + i);
        free(pieces->workers);
        pieces->workers = calloc((size_t)threads, sizeof *pieces->workers);
        pieces->worker_count = pieces->workers ? threads : 0;
        if (!pieces->workers)
            return false;
    }
    for (int i = 0; i < threads; i++)
        if (!worker_open(pieces->workers + i, pieces, BUDGET / (size_t)pieces->worker_count))
            return false;
    return true;
}

/* The first row whose bytes begin at this position or behind. */
static int64_t row_at(const int64_t *offsets, int64_t rows, int64_t position)
{
    int64_t low = 0, high = rows;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (offsets[middle] < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void run_all(struct span *spans, int count)
{
    pthread_t threads[MOST_THREADS];
    bool started[MOST_THREADS] = {false};
    for (int i = 1; i < count; i++)
        started[i] = pthread_create(threads + i, NULL, run_span, spans + i) == 0;
    for (int i = 0; i < count; i++)
        if (!started[i])
            run_span(spans + i);
    for (int i = 1; i < count; i++)
        if (started[i])
            pthread_join(threads[i], NULL);
}

/* The first failure, or the sums. */
static struct pieces_result summed(const struct pieces *pieces)
{
    struct pieces_result result = {PIECES_DONE, -1, -1, 0, 0};
    for (int i = 0; i < pieces->span_count; i++) {
        const struct span *span = pieces->spans + i;
        if (span->status != PIECES_DONE) {
            result.status = span->status;
            result.row = span->row;
            return result;
        }
        result.tokens += (int64_t)(span->worker->out_used / width_of(pieces->form));
        result.hard_rows += (int64_t)span->worker->hard_count;
    }
    return result;
}

static void take_spare(struct pieces *pieces, struct worker *worker)
{
    if (worker->out)
        return;
    worker->out = atomic_exchange(&pieces->spare, NULL);
    worker->out_size = worker->out ? block_size(worker->out) - HEAD : 0;
    worker->out_used = 0;
}

struct pieces_result pieces_encode(struct pieces *pieces, const uint8_t *data, const int64_t *offsets,
                                   const int32_t *kinds, int64_t rows, int threads)
{
    struct pieces_result result = {PIECES_NO_MEMORY, -1, -1, 0, 0};
    const int count = threads < 1 ? 1 : threads > MOST_THREADS ? MOST_THREADS : threads;
    const int64_t bytes = offsets[rows] - offsets[0];
    pthread_mutex_lock(&pieces->lock);
    if (open_workers(pieces, count)) {
        int64_t from = 0;
        for (int i = 0; i < count; i++) {
            const int64_t to = i + 1 < count ? row_at(offsets, rows, offsets[0] + bytes / count * (i + 1)) : rows;
            pieces->spans[i] = (struct span){pieces, pieces->workers + i, data, offsets, kinds, from, to, PIECES_DONE, -1};
            from = to;
        }
        pieces->span_count = count;
        take_spare(pieces, pieces->workers);
        run_all(pieces->spans, count);
        result = summed(pieces);
    }
    if (result.status == PIECES_INVALID) {
        const int64_t *at = offsets + result.row;
        result.byte = pieces_invalid(data + at[0], (size_t)(at[1] - at[0]));
    }
    if (result.status != PIECES_DONE)
        pthread_mutex_unlock(&pieces->lock);
    return result;
}

/* All tokens: those of one thread as they are, those of several put together. */
static void *gathered(struct pieces *pieces)
{
    struct worker *first = pieces->spans[0].worker;
    size_t bytes = 0;
    for (int i = 0; i < pieces->span_count; i++)
        bytes += pieces->spans[i].worker->out_used;
    if (bytes == first->out_used && out_room(first, 1)) {
        void *all = first->out;
        first->out = NULL;
        first->out_size = 0;
        return all;
    }
    uint8_t *all = out_new(bytes + HEAD), *to = all;
    for (int i = 0; all && i < pieces->span_count; i++) {
        const struct worker *worker = pieces->spans[i].worker;
        if (worker->out_used)
            memcpy(to, worker->out, worker->out_used);
        to += worker->out_used;
    }
    return all;
}

void *pieces_take(struct pieces *pieces, int64_t *ends, int64_t *hard)
{
    int64_t before = 0;
    *ends = 0;
    for (int i = 0; i < pieces->span_count; i++) {
        const struct span *span = pieces->spans + i;
        const struct worker *worker = span->worker;
        for (int64_t row = span->from; row < span->to; row++)
            ends[row + 1] = before + worker->counts[row - span->from];
        before += (int64_t)(worker->out_used / width_of(pieces->form));
        for (size_t k = 0; k < worker->hard_count; k++)
            *hard++ = worker->hard[k];
    }
    void *all = gathered(pieces);
    pthread_mutex_unlock(&pieces->lock);
    return all;
}

void pieces_give_back(struct pieces *pieces, void *tokens)
{
    uint8_t *out = tokens;
    if (block_size(out) <= SPARE)
        out = atomic_exchange(&pieces->spare, out);
    out_free(out);
}

void pieces_drop(struct pieces *pieces) { pthread_mutex_unlock(&pieces->lock); }

unsigned pieces_width(const struct pieces *pieces) { return (unsigned)width_of(pieces->form); }
