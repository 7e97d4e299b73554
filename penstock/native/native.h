/* What the module offers Python; each in a file of its own. */
#ifndef PENSTOCK_NATIVE_H
#define PENSTOCK_NATIVE_H

#include "arrow.h"

PyObject *native_digest(PyObject *self, PyObject *batch);
PyObject *native_change_rows(PyObject *self, PyObject *arguments);

extern PyType_Spec copy_reader_spec;
extern PyType_Spec copy_writer_spec;

#endif
