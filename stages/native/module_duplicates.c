/* Near duplicates seen from Python: checks what shingles.c, minhash.c, match.c and unite.c take for granted, and lets the
 * GIL go. */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "minhash.h"
#include "shingles.h"
#include "unite.h"
#include "utf8.h"

#define TABLE_NAME "florilegium.shingles_table"

static void free_table(PyObject *capsule) { free(PyCapsule_GetPointer(capsule, TABLE_NAME)); }

PyObject *module_shingles_table(PyObject *module, PyObject *arguments)
{
    (void)module;
    (void)arguments;
    struct shingles_table *const table = shingles_table();
    PyObject *const capsule = table ? PyCapsule_New(table, TABLE_NAME, free_table) : PyErr_NoMemory();
    if (!capsule)
        free(table);
    return capsule;
}

/* ---- texts ---- */

struct texts {
    const struct shingles_table *table;
    Py_buffer data, offsets;
    Py_ssize_t n, rows;
};

/* The first row that is no UTF-8, with the byte; -1 where all are. */
static Py_ssize_t bad_row(const struct texts *texts, size_t *byte)
{
    const int64_t *const at = texts->offsets.buf;
    for (Py_ssize_t row = 0; row < texts->rows; row++) {
        const size_t size = (size_t)(at[row + 1] - at[row]);
        *byte = utf8_fault((const uint8_t *)texts->data.buf + at[row], size);
        if (*byte < size)
            return row;
    }
    return -1;
}

static bool check_texts(struct texts *texts, PyObject *table)
{
    texts->table = PyCapsule_GetPointer(table, TABLE_NAME);
    if (!texts->table)
        return false;
    if (texts->n < 1 || texts->n > SHINGLES_WORDS) {
        PyErr_Format(PyExc_ValueError, "n is %zd, expected 1 to %d", texts->n, SHINGLES_WORDS);
        return false;
    }
    texts->rows = module_rows(&texts->offsets, texts->data.len, "offsets");
    if (texts->rows < 0)
        return false;
    Py_ssize_t row;
    size_t byte = 0;
    Py_BEGIN_ALLOW_THREADS
    row = bad_row(texts, &byte);
    Py_END_ALLOW_THREADS
    if (row >= 0)
        PyErr_Format(PyExc_ValueError, "row %zd, byte %zu: not UTF-8", row, byte);
    return row < 0;
}

/* Whether a buffer has room for `count` numbers of `width` bytes. */
static bool check_room(const Py_buffer *buffer, Py_ssize_t count, size_t width, const char *name)
{
    const Py_ssize_t found = module_count(buffer, width, name);
    if (found >= 0 && found < count)
        PyErr_Format(PyExc_ValueError, "%s: %zd numbers, expected %zd", name, found, count);
    return found >= count;
}

static void all_shingles(const struct texts *texts, uint64_t *hashes, int64_t *ends)
{
    const int64_t *const at = texts->offsets.buf;
    uint64_t window[SHINGLES_WINDOW];
    int64_t total = 0;
    ends[0] = 0;
    for (Py_ssize_t row = 0; row < texts->rows; row++) {
        struct shingles shingles;
        const uint8_t *const text = (const uint8_t *)texts->data.buf + at[row];
        shingles_open(&shingles, texts->table, text, (size_t)(at[row + 1] - at[row]), (size_t)texts->n);
        for (size_t count; (count = shingles_next(&shingles, window)); total += (int64_t)count)
            memcpy(hashes + total, window, count * sizeof *window);
        ends[row + 1] = total;
    }
}

/* Shingles that there may be at most. */
static Py_ssize_t most_shingles(const struct texts *texts)
{
    const int64_t *const at = texts->offsets.buf;
    Py_ssize_t most = 0;
    for (Py_ssize_t row = 0; row < texts->rows; row++)
        most += (Py_ssize_t)(at[row + 1] - at[row] + 1) / 2;
    return most;
}

PyObject *module_shingles(PyObject *module, PyObject *arguments)
{
    (void)module;
    struct texts texts;
    Py_buffer hashes, ends;
    PyObject *table;
    bool good;
    if (!PyArg_ParseTuple(arguments, "Oy*y*nw*w*:shingles", &table, &texts.data, &texts.offsets, &texts.n, &hashes, &ends))
        return NULL;
    good = check_texts(&texts, table) &&
           check_room(&hashes, most_shingles(&texts), sizeof(uint64_t), "hashes") &&
           check_room(&ends, texts.rows + 1, sizeof(int64_t), "ends");
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        all_shingles(&texts, hashes.buf, ends.buf);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&texts.data);
    PyBuffer_Release(&texts.offsets);
    PyBuffer_Release(&hashes);
    PyBuffer_Release(&ends);
    return good ? Py_NewRef(Py_None) : NULL;
}

static void all_signatures(const struct texts *texts, uint32_t *signatures)
{
    const int64_t *const at = texts->offsets.buf;
    struct minhash_seeds seeds;
    minhash_seeds(&seeds);
    for (Py_ssize_t row = 0; row < texts->rows; row++)
        minhash(&seeds, texts->table, (const uint8_t *)texts->data.buf + at[row], (size_t)(at[row + 1] - at[row]),
                (size_t)texts->n, signatures + row * MINHASH_SIZE);
}

PyObject *module_signatures(PyObject *module, PyObject *arguments)
{
    (void)module;
    struct texts texts;
    Py_buffer out;
    PyObject *table;
    bool good;
    if (!PyArg_ParseTuple(arguments, "Oy*y*nw*:signatures", &table, &texts.data, &texts.offsets, &texts.n, &out))
        return NULL;
    good = check_texts(&texts, table) && check_room(&out, texts.rows * MINHASH_SIZE, sizeof(uint32_t), "signatures");
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        all_signatures(&texts, out.buf);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&texts.data);
    PyBuffer_Release(&texts.offsets);
    PyBuffer_Release(&out);
    return good ? Py_NewRef(Py_None) : NULL;
}

/* ---- signatures ---- */

/* Rows of MINHASH_SIZE numbers; -1 with ValueError set. */
static Py_ssize_t signature_rows(const Py_buffer *signatures)
{
    const Py_ssize_t count = module_count(signatures, sizeof(uint32_t), "signatures");
    if (count >= 0 && count % MINHASH_SIZE) {
        PyErr_Format(PyExc_ValueError, "signatures: %zd numbers are not rows of %d", count, MINHASH_SIZE);
        return -1;
    }
    return count < 0 ? -1 : count / MINHASH_SIZE;
}

static bool check_bands(Py_ssize_t bands, Py_ssize_t rows)
{
    const bool good = bands >= 1 && rows >= 1 && bands <= MINHASH_SIZE && rows <= MINHASH_SIZE / bands;
    if (!good)
        PyErr_Format(PyExc_ValueError, "%zd bands of %zd hashes: expected 1 to %d hashes in all", bands, rows, MINHASH_SIZE);
    return good;
}

PyObject *module_band_keys(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer signatures, out;
    Py_ssize_t bands, rows;
    if (!PyArg_ParseTuple(arguments, "y*nnw*:band_keys", &signatures, &bands, &rows, &out))
        return NULL;
    const Py_ssize_t count = signature_rows(&signatures);
    const bool good =
        count >= 0 && check_bands(bands, rows) && check_room(&out, count * bands, sizeof(uint64_t), "keys");
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t i = 0; i < count; i++)
            minhash_bands((const uint32_t *)signatures.buf + i * MINHASH_SIZE, (size_t)bands, (size_t)rows,
                          (uint64_t *)out.buf + i * bands);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&signatures);
    PyBuffer_Release(&out);
    return good ? Py_NewRef(Py_None) : NULL;
}

PyObject *module_small(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer signatures, out;
    if (!PyArg_ParseTuple(arguments, "y*w*:small", &signatures, &out))
        return NULL;
    const Py_ssize_t count = signature_rows(&signatures);
    const bool good = count >= 0 && check_room(&out, count * MINHASH_SIZE, 1, "bytes");
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t i = 0; i < count; i++)
            minhash_small((const uint32_t *)signatures.buf + i * MINHASH_SIZE, (uint8_t *)out.buf + i * MINHASH_SIZE);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&signatures);
    PyBuffer_Release(&out);
    return good ? Py_NewRef(Py_None) : NULL;
}

/* ---- matches ---- */

static bool check_rows(const struct match_how *how)
{
    for (size_t row = 1; row < how->rows; row++) {
        const bool falls = how->keys[row] < how->keys[row - 1];
        if (falls || (how->keys[row] == how->keys[row - 1] && how->numbers[row] < how->numbers[row - 1])) {
            PyErr_Format(PyExc_ValueError, "row %zu: expected rows that rise by key and number", row);
            return false;
        }
    }
    return true;
}

struct held_blocks {
    struct match_block *blocks;
    Py_buffer *buffers;
    Py_ssize_t count;
};

static void let_blocks_go(struct held_blocks *held)
{
    while (held->count)
        PyBuffer_Release(held->buffers + --held->count);
    free(held->blocks);
    free(held->buffers);
}

/* One block, behind those that are held. */
static bool hold_block(PyObject *given, struct held_blocks *held)
{
    unsigned long long first;
    Py_buffer *const buffer = held->buffers + held->count;
    if (!PyArg_ParseTuple(given, "Ky*:block", &first, buffer))
        return false;
    const struct match_block *const before = held->count ? held->blocks + held->count - 1 : NULL;
    const unsigned long long least = before ? before->first + before->rows : 0;
    const unsigned long long rows = (unsigned long long)buffer->len / MATCH_SIZE;
    held->count++;
    if (buffer->len % MATCH_SIZE || first < least || first > UINT32_MAX || rows > (1ull << 32) - first) {
        PyErr_Format(PyExc_ValueError, "block of %llu: expected rows of %d bytes, behind the block before, below 2^32",
                     first, MATCH_SIZE);
        return false;
    }
    held->blocks[held->count - 1] = (struct match_block){(uint32_t)first, (size_t)rows, buffer->buf};
    return true;
}

static bool hold_blocks(PyObject *given, struct held_blocks *held)
{
    const Py_ssize_t count = PyTuple_Size(given);
    if (count < 0)
        return false;
    held->blocks = calloc((size_t)count + 1, sizeof *held->blocks);
    held->buffers = calloc((size_t)count + 1, sizeof *held->buffers);
    if (!held->blocks || !held->buffers) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (!hold_block(PyTuple_GetItem(given, i), held))
            return false;
    return true;
}

/* Pairs of uint32; frees the edges. */
static PyObject *pairs_of(const struct match_result *result)
{
    PyObject *const pairs = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(result->count * sizeof *result->edges));
    uint32_t *const out = pairs ? (uint32_t *)(void *)PyBytes_AsString(pairs) : NULL;
    for (size_t i = 0; out && i < result->count; i++) {
        out[2 * i] = (uint32_t)(result->edges[i] >> 32);
        out[2 * i + 1] = (uint32_t)result->edges[i];
    }
    free(result->edges);
    return pairs;
}

static PyObject *matches_of(struct match_how *how)
{
    struct match_result result;
    if (!check_rows(how))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    result = match(how);
    Py_END_ALLOW_THREADS
    if (result.status == MATCH_DONE)
        return pairs_of(&result);
    if (result.status == MATCH_MEMORY)
        return PyErr_NoMemory();
    return PyErr_Format(PyExc_ValueError, "document %lu: its signature is in none of the blocks",
                        (unsigned long)result.unknown);
}

PyObject *module_matches(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer keys, numbers;
    PyObject *given, *result = NULL;
    unsigned long long exact_below;
    Py_ssize_t needed, most;
    struct held_blocks held = {NULL, NULL, 0};
    if (!PyArg_ParseTuple(arguments, "y*y*O!Knn:matches", &keys, &numbers, &PyTuple_Type, &given, &exact_below, &needed,
                          &most))
        return NULL;
    const Py_ssize_t rows = module_count(&keys, sizeof(uint64_t), "keys");
    const Py_ssize_t others = module_count(&numbers, sizeof(uint32_t), "numbers");
    if (rows < 0 || others < 0)
        goto done;
    if (rows != others || needed < 0 || needed > MATCH_SIZE || most < 1) {
        PyErr_Format(PyExc_ValueError,
                     "%zd keys, %zd numbers, %zd equal bytes, most %zd: expected as many numbers as keys, 0 to %d bytes "
                     "and 1 or more",
                     rows, others, needed, most, MATCH_SIZE);
        goto done;
    }
    if (!hold_blocks(given, &held))
        goto done;
    struct match_how how = {keys.buf, numbers.buf, (size_t)rows, held.blocks, (size_t)held.count, exact_below,
                            (size_t)needed, (size_t)most};
    result = matches_of(&how);
done:
    let_blocks_go(&held);
    PyBuffer_Release(&keys);
    PyBuffer_Release(&numbers);
    return result;
}

/* ---- components ---- */

/* The first edge of a node that there is not; `count` where there is none. */
static size_t join_edges(uint32_t *parents, size_t nodes, const uint32_t *edges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (edges[2 * i] >= nodes || edges[2 * i + 1] >= nodes)
            return i;
        unite_join(parents, edges[2 * i], edges[2 * i + 1]);
    }
    return count;
}

PyObject *module_unite(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer parents, edges;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "w*y*:unite", &parents, &edges))
        return NULL;
    const Py_ssize_t nodes = module_count(&parents, sizeof(uint32_t), "parents");
    const Py_ssize_t count = module_count(&edges, sizeof(uint32_t), "edges");
    if (nodes >= 0 && count >= 0) {
        size_t done;
        Py_BEGIN_ALLOW_THREADS
        done = join_edges(parents.buf, (size_t)nodes, edges.buf, (size_t)count / 2);
        Py_END_ALLOW_THREADS
        if (done == (size_t)count / 2)
            result = Py_NewRef(Py_None);
        else
            PyErr_Format(PyExc_ValueError, "edge %zu: expected nodes below %zd", done, nodes);
    }
    PyBuffer_Release(&parents);
    PyBuffer_Release(&edges);
    return result;
}

PyObject *module_unite_label(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer parents;
    if (!PyArg_ParseTuple(arguments, "w*:unite_label", &parents))
        return NULL;
    const Py_ssize_t nodes = module_count(&parents, sizeof(uint32_t), "parents");
    if (nodes >= 0) {
        Py_BEGIN_ALLOW_THREADS
        unite_label(parents.buf, (size_t)nodes);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&parents);
    return nodes >= 0 ? Py_NewRef(Py_None) : NULL;
}
