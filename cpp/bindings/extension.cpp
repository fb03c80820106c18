#include "extension.hpp"

namespace eigenmlp {

PyObject* create_module(PyObject* spec, PyModuleDef* definition) {
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(
        PyExc_ImportError,
        "eigenmlp can't be imported in a sub-interpreter, since its core keeps state of "
        "the whole process; import it in the main interpreter, and compute in threads, "
        "which it lets run side by side, or in processes (multiprocessing)");
    return nullptr;
  }
  return pybind11::detail::cached_create_module(spec, definition);
}

}  // namespace eigenmlp
