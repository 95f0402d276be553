/* Signatures seen from Python: checks what shingles.c and minhash.c take for granted, and lets the GIL go. */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "minhash.h"
#include "shingles.h"
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
