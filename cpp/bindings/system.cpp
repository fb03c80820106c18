// The processor: what the core was built for, and what is here.
#include <exception>
#include <new>
#include <string>

#include "build.hpp"
#include "threads.hpp"
#include "topics.hpp"

namespace eigenmlp {

namespace {

bool processor_suits_build() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (kBuild.avx2 && !__builtin_cpu_supports("avx2")) return false;
  if (kBuild.fma && !__builtin_cpu_supports("fma")) return false;
  if (kBuild.avx512 &&
      !(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))) {
    return false;
  }
#endif
  return true;
}

}  // namespace

void bind_system(pybind11::module_& module) {
  if (!processor_suits_build()) {
    throw pybind11::import_error(std::string("this build of eigenmlp needs a processor with ") +
                                 kBuild.instruction_set + ", which this one lacks");
  }
  pybind11::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::bad_alloc&) {
      pybind11::set_error(PyExc_MemoryError,
                          "not enough memory for the core's arrays; use a smaller network or "
                          "batch, or float32");
    }
  });
  module.def("instruction_set", [] { return kBuild.instruction_set; });
  module.def("available_cores", &available_cores);
}

}  // namespace eigenmlp
