// The state of update rules.
#include <mutex>

#include "gil.hpp"
#include "guarded.hpp"
#include "topics.hpp"

namespace eigenmlp {

namespace py = pybind11;

namespace {

template <typename Scalar>
void bind_optimizer(py::module_& module, const char* name) {
  using Bound = GuardedOptimizer<Scalar>;
  py::class_<Bound>(module, name)
      .def_static("sgd", [] { return std::make_unique<Bound>(); })
      .def_static(
          "adam",
          [](Index n_parameters, double beta1, double beta2, double epsilon) {
            return std::make_unique<Bound>(AdamConstants{beta1, beta2, epsilon}, n_parameters);
          },
          py::arg("n_parameters"), py::arg("beta1"), py::arg("beta2"), py::arg("epsilon"))
      .def("clock",
           [](const Bound& optimizer) {
             const WithoutGil released;
             const std::shared_lock lock(optimizer.mutex);
             return optimizer.value.clock();
           })
      .def("reset", [](Bound& optimizer) {
        const WithoutGil released;
        const std::unique_lock lock(optimizer.mutex);
        optimizer.value.reset();
      });
}

}  // namespace

void bind_optimizers(py::module_& module) {
  bind_optimizer<float>(module, "Optimizer32");
  bind_optimizer<double>(module, "Optimizer64");
}

}  // namespace eigenmlp
