/* Byte-level tokenizers seen from Python: a capsule that holds an engine, and rows through it. */
#include "module.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bytelevel.h"
#include "unicode.h"

#define CAPSULE "florilegium.stages._native.bytelevel"

struct held {
    struct bytelevel engine;
    struct held_units known; /* held where engine.known is not NULL */
    pthread_mutex_t turn; /* the tables of an engine are written to: one call at a time */
};

static void drop(struct held *held)
{
    struct bytelevel *engine = &held->engine;
    for (size_t i = 0; i < BYTELEVEL_THREADS; i++)
        bpe_worker_free(engine->workers[i]);
    for (size_t i = 0; i < engine->splitters_count; i++) {
        free((void *)engine->splitters[i].classes);
        free((void *)engine->splitters[i].items);
        free((void *)engine->splitters[i].lengths);
    }
    if (engine->known)
        module_units_let_go(&held->known);
    bpe_free(engine->model);
    pthread_mutex_destroy(&held->turn);
    free(held);
}

static void drop_capsule(PyObject *capsule)
{
    drop(PyCapsule_GetPointer(capsule, CAPSULE));
}

/* A copy of a buffer's bytes; NULL with an exception set. */
static void *copied(PyObject *object, Py_ssize_t size)
{
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE))
        return NULL;
    void *copy = NULL;
    if (size >= 0 && view.len != size)
        PyErr_Format(PyExc_ValueError, "a table of %zd bytes, expected %zd", view.len, size);
    else if (!(copy = malloc(view.len ? (size_t)view.len : 1)))
        PyErr_NoMemory();
    else
        memcpy(copy, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return copy;
}

static bool check_items(const struct splitter *splitter, Py_ssize_t items)
{
    Py_ssize_t wanted = 0;
    for (int32_t i = 0; i < splitter->alternatives; i++)
        wanted += splitter->lengths[i] < 0 ? items + 1 : splitter->lengths[i];
    bool good = wanted == items && splitter->alternatives <= PRETOKENIZE_ALTERNATIVES;
    for (Py_ssize_t i = 0; i < items && good; i++) {
        const struct item *item = splitter->items + i;
        good = item->kind >= ITEM_CLASS && item->kind <= ITEM_ENDING && item->class >= 0 && item->class < 15 &&
               item->least >= 0;
    }
    if (!good)
        PyErr_SetString(PyExc_ValueError, "a splitter's items do not fit together");
    return good;
}

/* (classes, items, lengths, bytes, fast): the first three are arrays of uint16, struct item and int32 */
static bool read_splitter(PyObject *given, struct bytelevel *engine)
{
    PyObject *classes, *items, *lengths;
    int bytes, fast;
    struct splitter *splitter = engine->splitters + engine->splitters_count;
    if (!PyArg_ParseTuple(given, "OOOpi", &classes, &items, &lengths, &bytes, &fast))
        return false;
    const Py_ssize_t count = PyObject_Length(items) / (Py_ssize_t)sizeof(struct item);
    const Py_ssize_t alternatives = PyObject_Length(lengths) / (Py_ssize_t)sizeof(int32_t);
    if (PyErr_Occurred())
        return false;
    engine->splitters_count++;
    splitter->bytes = bytes;
    splitter->fast = bytes ? FAST_NONE : (enum fast_split)fast;
    splitter->classes = copied(classes, (bytes ? 256 : UNICODE_LIMIT) * (Py_ssize_t)sizeof *splitter->classes);
    splitter->items = splitter->classes ? copied(items, count * (Py_ssize_t)sizeof *splitter->items) : NULL;
    splitter->lengths = splitter->items ? copied(lengths, alternatives * (Py_ssize_t)sizeof *splitter->lengths) : NULL;
    splitter->alternatives = (int32_t)alternatives;
    if (!splitter->lengths || !check_items(splitter, count))
        return false;
    pretokenize_prepare(splitter);
    return true;
}

static bool read_splitters(PyObject *given, struct bytelevel *engine)
{
    const Py_ssize_t count = PyTuple_Size(given);
    if (count < 0)
        return false;
    if (count > BYTELEVEL_SPLITTERS) {
        PyErr_Format(PyExc_ValueError, "%zd splitters, at most %d", count, BYTELEVEL_SPLITTERS);
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (!read_splitter(PyTuple_GetItem(given, i), engine))
            return false;
    return true;
}

static bool read_model(struct bytelevel *engine, const Py_buffer *vocabulary, const Py_buffer *ids,
                       const Py_buffer *merges, Py_ssize_t count, bool whole)
{
    static const char *const faults[] = {
        [BPE_MEMORY] = "memory", [BPE_ID] = "an id is below 0, above 1,048,574 or there twice",
        [BPE_BYTES] = "a byte has no token", [BPE_MERGE] = "a merge is there twice, or of what is no token of the byte alphabet",
        [BPE_MANY] = "more than 16,777,215 merges",
    };
    enum bpe_fault fault;
    Py_BEGIN_ALLOW_THREADS
    fault = bpe_load(&engine->model, vocabulary->buf, (size_t)vocabulary->len, ids->buf, (size_t)ids->len / sizeof(int32_t),
                     merges->buf, (size_t)merges->len, (size_t)count, whole);
    Py_END_ALLOW_THREADS
    if (fault == BPE_MEMORY)
        PyErr_NoMemory();
    else if (fault != BPE_FINE)
        PyErr_SetString(PyExc_LookupError, faults[fault]);
    return fault == BPE_FINE;
}

/* Whether text is so many strings, each ended by a zero byte. */
static bool check_strings(const Py_buffer *text, Py_ssize_t count)
{
    const char *at = text->buf, *const end = at + text->len;
    for (; count > 0 && at < end; count--) {
        at = memchr(at, 0, (size_t)(end - at));
        if (!at)
            break;
        at++;
    }
    if (count == 0 && at == end)
        return true;
    PyErr_SetString(PyExc_LookupError, "a token has a zero byte in it");
    return false;
}

PyObject *module_bytelevel(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer vocabulary, ids, merges;
    Py_ssize_t count, bound;
    int whole, small;
    PyObject *splitters, *known, *capsule = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*y*npO!npO:bytelevel", &vocabulary, &ids, &merges, &count, &whole, &PyTuple_Type,
                          &splitters, &bound, &small, &known))
        return NULL;
    struct held *held = calloc(1, sizeof *held);
    if (!held) {
        PyErr_NoMemory();
        goto done;
    }
    pthread_mutex_init(&held->turn, NULL);
    held->engine.bound = (size_t)bound;
    held->engine.small = small;
    bool good = check_strings(&vocabulary, ids.len / (Py_ssize_t)sizeof(int32_t)) && check_strings(&merges, 2 * count) &&
                read_splitters(splitters, &held->engine);
    if (good && known != Py_None && (good = module_units_hold(known, &held->known)))
        held->engine.known = &held->known.units;
    if (good && read_model(&held->engine, &vocabulary, &ids, &merges, count, whole))
        capsule = PyCapsule_New(held, CAPSULE, drop_capsule);
    if (!capsule)
        drop(held);
done:
    PyBuffer_Release(&merges);
    PyBuffer_Release(&ids);
    PyBuffer_Release(&vocabulary);
    return capsule;
}

static bool check_rows(const Py_buffer *data, const Py_buffer *offsets, const Py_buffer *kinds, const Py_buffer *tokens,
                       const Py_buffer *ends, const Py_buffer *hard, bool small, int threads)
{
    const Py_ssize_t count = offsets->len / (Py_ssize_t)sizeof(int64_t) - 1;
    const Py_ssize_t width = small ? (Py_ssize_t)sizeof(uint16_t) : (Py_ssize_t)sizeof(int32_t);
    const int64_t *at = offsets->buf;
    const int32_t *kind = kinds->buf;
    bool good = count >= 0 && (!kind || kinds->len == count * (Py_ssize_t)sizeof *kind) && ends->len == offsets->len && hard->len == count && threads >= 1 &&
                threads <= BYTELEVEL_THREADS && tokens->len / width >= data->len + BYTELEVEL_SPARE * (Py_ssize_t)threads &&
                (uintptr_t)kind % sizeof *kind == 0 && ((uintptr_t)at | (uintptr_t)ends->buf | (uintptr_t)tokens->buf) % sizeof(int64_t) == 0;
    good = good && at[0] == 0 && at[count] == data->len;
    for (Py_ssize_t i = 0; i < count && good; i++)
        good = at[i] <= at[i + 1] && (!kind || kind[i] < 0 || at[i] < at[i + 1]); /* a token a byte */
    if (!good)
        PyErr_SetString(PyExc_ValueError, "offsets must rise from 0 to the size of the data, and buffers fit them");
    return good;
}

PyObject *module_bytelevel_encode(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer data, offsets, kinds = {0}, tokens, ends, hard;
    PyObject *capsule, *result = NULL;
    int threads;
    if (!PyArg_ParseTuple(arguments, "Oy*y*z*w*w*w*i:bytelevel_encode", &capsule, &data, &offsets, &kinds, &tokens, &ends,
                          &hard, &threads))
        return NULL;
    struct held *held = PyCapsule_GetPointer(capsule, CAPSULE);
    if (!held || !check_rows(&data, &offsets, &kinds, &tokens, &ends, &hard, held->engine.small, threads))
        goto done;
    const struct bytelevel_rows rows = {
        data.buf, offsets.buf, kinds.buf, (size_t)hard.len, tokens.buf, ends.buf, hard.buf,
    };
    size_t row = 0, byte = 0;
    enum bytelevel_fault fault;
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&held->turn);
    fault = bytelevel_encode(&held->engine, &rows, (size_t)threads, &row, &byte);
    pthread_mutex_unlock(&held->turn);
    Py_END_ALLOW_THREADS
    if (fault == BYTELEVEL_INVALID)
        PyErr_Format(PyExc_ValueError, "row %zu is no UTF-8 at byte %zu", row, byte);
    else if (fault == BYTELEVEL_MEMORY)
        PyErr_NoMemory();
    else
        result = Py_NewRef(Py_None);
done:
    PyBuffer_Release(&hard);
    PyBuffer_Release(&ends);
    PyBuffer_Release(&tokens);
    PyBuffer_Release(&kinds);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&data);
    return result;
}

PyObject *module_bytelevel_known(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule;
    Py_ssize_t most;
    if (!PyArg_ParseTuple(arguments, "On:bytelevel_known", &capsule, &most))
        return NULL;
    struct held *held = PyCapsule_GetPointer(capsule, CAPSULE);
    struct units_made made = {0};
    bool good = held != NULL;
    if (!good)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&held->turn);
    for (size_t i = 0; i < 2 * BYTELEVEL_THREADS && good; i++) {
        const struct bpe_worker *worker = held->engine.workers[i % BYTELEVEL_THREADS];
        good = !worker || bpe_known(worker, i < BYTELEVEL_THREADS, (size_t)most, &made);
    }
    pthread_mutex_unlock(&held->turn);
    Py_END_ALLOW_THREADS
    if (good)
        return module_units_new(&made);
    units_free(&made);
    return PyErr_NoMemory();
}

PyObject *module_unicode(PyObject *module, PyObject *arguments)
{
    (void)module;
    (void)arguments;
    PyObject *table = PyBytes_FromStringAndSize(NULL, UNICODE_LIMIT * (Py_ssize_t)sizeof(uint16_t));
    if (!table)
        return NULL;
    uint16_t *out = (uint16_t *)(void *)PyBytes_AsString(table);
    const size_t runs = sizeof unicode_runs / sizeof *unicode_runs;
    for (size_t i = 0; i < runs; i++) {
        const uint32_t end = i + 1 < runs ? unicode_runs[i + 1].first : UNICODE_LIMIT;
        for (uint32_t code = unicode_runs[i].first; code < end; code++)
            out[code] = unicode_runs[i].bits;
    }
    return table;
}
