// The processor, threads, and errors that can come from anywhere in the core.
#include <exception>
#include <new>

#include "system/build.hpp"
#include "system/sharing.hpp"
#include "system/threads.hpp"
#include "topics.hpp"

// By these names threadpoolctl finds the pool of threads in the library and limits it.
#define EIGENMLP_EXPORTED extern "C" __attribute__((visibility("default")))
EIGENMLP_EXPORTED int eigenmlp_thread_limit() { return eigenmlp::thread_limit(); }
EIGENMLP_EXPORTED void eigenmlp_limit_threads(int most) { eigenmlp::limit_threads(most); }

namespace eigenmlp {

void bind_system(pybind11::module_& module) {
  pybind11::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::bad_alloc&) {
      pybind11::set_error(PyExc_MemoryError,
                          "not enough memory for the core's arrays; use a smaller network or "
                          "batch, or float32");
    }
  });
  module.def("instruction_set", [] { return kInstructionSet; });
  pybind11::class_<Threads>(module, "Threads")
      .def(pybind11::init<int, bool>(), pybind11::arg("count"), pybind11::arg("exact"))
      .def_readonly("count", &Threads::count)
      // A run shares the cores also while it isn't in the core.
      .def("__enter__",
           [](const Threads& threads) {
             if (!threads.exact) Sharing::enter();
           })
      .def("__exit__", [](const Threads& threads, const pybind11::args&) {
        if (!threads.exact) Sharing::leave();
      });
  module.def("sharing_threads", &sharing_threads);
}

}  // namespace eigenmlp
