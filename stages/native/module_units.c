/* Units seen from Python: see module.h. */
#include "module.h"

#include <string.h>

enum { TEXT, TEXT_AT, TOKENS, TOKENS_AT };

/* Whether offsets rise from 0 to `size`. */
static bool check_offsets(const int64_t *at, size_t count, Py_ssize_t size)
{
    bool good = at[0] == 0 && at[count] == size;
    for (size_t i = 0; i < count && good; i++)
        good = at[i] <= at[i + 1];
    return good;
}

bool module_units_hold(PyObject *given, struct held_units *held)
{
    PyObject *parts[4];
    size_t taken = 0;
    if (!PyArg_ParseTuple(given, "OOOO", &parts[0], &parts[1], &parts[2], &parts[3]))
        return false;
    while (taken < 4 && PyObject_GetBuffer(parts[taken], held->buffers + taken, PyBUF_SIMPLE) == 0)
        taken++;
    if (taken == 4) {
        const Py_buffer *const buffers = held->buffers;
        const uintptr_t at = (uintptr_t)buffers[TEXT_AT].buf | (uintptr_t)buffers[TOKENS_AT].buf;
        const Py_ssize_t bytes = buffers[TEXT_AT].len, count = bytes / (Py_ssize_t)sizeof(int64_t) - 1;
        const Py_ssize_t tokens = buffers[TOKENS].len / (Py_ssize_t)sizeof(int32_t);
        if (bytes == buffers[TOKENS_AT].len && count >= 0 && at % sizeof(int64_t) == 0 &&
            (uintptr_t)buffers[TOKENS].buf % sizeof(int32_t) == 0 &&
            check_offsets(buffers[TEXT_AT].buf, (size_t)count, buffers[TEXT].len) &&
            check_offsets(buffers[TOKENS_AT].buf, (size_t)count, tokens)) {
            held->units = (struct units){buffers[TEXT].buf, buffers[TEXT_AT].buf, buffers[TOKENS].buf,
                                         buffers[TOKENS_AT].buf, (size_t)count};
            return true;
        }
        PyErr_SetString(PyExc_ValueError, "units: offsets must rise from 0 to the size of the text and of the tokens");
    }
    while (taken)
        PyBuffer_Release(held->buffers + --taken);
    return false;
}

void module_units_let_go(struct held_units *held)
{
    for (size_t i = 0; i < 4; i++)
        PyBuffer_Release(held->buffers + i);
}

PyObject *module_units_new(struct units_made *made)
{
    static const int64_t none = 0;
    const void *const starts[] = {made->text, made->count ? made->text_at : &none, made->tokens,
                                  made->count ? made->tokens_at : &none};
    const size_t sizes[] = {
        made->count ? (size_t)made->text_at[made->count] : 0, (made->count + 1) * sizeof(int64_t),
        made->count ? (size_t)made->tokens_at[made->count] * sizeof(int32_t) : 0, (made->count + 1) * sizeof(int64_t),
    };
    PyObject *const result = PyTuple_New(4);
    for (Py_ssize_t i = 0; result && i < 4; i++) {
        PyObject *const part = PyBytes_FromStringAndSize(starts[i], (Py_ssize_t)sizes[i]);
        if (!part || PyTuple_SetItem(result, i, part)) {
            Py_DECREF(result);
            units_free(made);
            return NULL;
        }
    }
    units_free(made);
    return result;
}
