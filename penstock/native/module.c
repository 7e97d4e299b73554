/* The compiled part of Penstock: what is done once for every value. penstock/_native.pyi says what comes in and goes out. */
#include "native.h"

static PyMethodDef methods[] = {
    {"digest", native_digest, METH_O, NULL},
    {"change_rows", native_change_rows, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "penstock._native", NULL, -1, methods, NULL, NULL, NULL, NULL};

static int add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    int failed = !type || PyModule_AddType(module, (PyTypeObject *)type) < 0;
    Py_XDECREF(type);
    return failed;
}

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module && (add_type(module, &copy_reader_spec) || add_type(module, &copy_writer_spec)))
        Py_CLEAR(module);
    return module;
}
