// The update rules, and their state.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "guarded.hpp"
#include "network/moments.hpp"
#include "topics.hpp"

namespace eigenmlp {

namespace py = pybind11;

namespace {

template <typename Scalar>
void bind_optimizer(py::module_& module, const char* name) {
  using Bound = GuardedOptimizer<Scalar>;
  using Array = py::array_t<Scalar, py::array::c_style | py::array::forcecast>;
  py::class_<Bound>(module, name)
      .def(py::init<const Rule&, Index>(), py::arg("rule"), py::arg("n_parameters"))
      .def("clock",
           [](const Bound& optimizer) {
             std::int64_t clock = 0;
             hold(optimizer, Use::kRead,
                  [&](const StopRequested&) { clock = optimizer.value.clock(); });
             return clock;
           })
      .def("reset",
           [](Bound& optimizer) {
             hold(optimizer, Use::kWrite, [&](const StopRequested&) { optimizer.value.reset(); });
           })
      .def("moments",
           [](const Bound& optimizer) {
             std::vector<Array> out;
             std::vector<Scalar*> to;
             for (const Buffer<Scalar>& moments : optimizer.value.moments()) {
               to.push_back(out.emplace_back(moments.size()).mutable_data());
             }
             hold(optimizer, Use::kRead, [&](const StopRequested&) {
               for (std::size_t i = 0; i < to.size(); ++i) {
                 copy_moments(optimizer.value, i, to[i]);
               }
             });
             return out;
           })
      .def(
          "restore",
          [](Bound& optimizer, const std::vector<Array>& moments, std::int64_t clock) {
            if (moments.size() != optimizer.value.moments().size()) {
              throw py::value_error("another number of moments");
            }
            std::vector<const Scalar*> from;
            for (const Array& values : moments) {
              if (values.ndim() != 1 || values.size() != optimizer.value.n_parameters()) {
                throw py::value_error("moments of another size");
              }
              from.push_back(values.data());
            }
            hold(optimizer, Use::kWrite, [&](const StopRequested&) {
              optimizer.value.reset();
              optimizer.value.advance(clock);
              for (std::size_t i = 0; i < from.size(); ++i) {
                std::copy_n(from[i], optimizer.value.n_parameters(),
                            optimizer.value.moments()[i].data());
              }
            });
          },
          py::arg("moments"), py::arg("clock"));
}

}  // namespace

void bind_optimizers(py::module_& module) {
  py::class_<Sgd>(module, "Sgd").def(py::init<>());
  py::class_<Momentum>(module, "Momentum")
      .def(py::init<double, bool>(), py::arg("momentum"), py::arg("nesterov"));
  py::class_<Adam>(module, "Adam")
      .def(py::init<double, double, double, bool, bool>(), py::arg("beta1"), py::arg("beta2"),
           py::arg("epsilon"), py::arg("amsgrad"), py::arg("epsilon_hat"));
  py::class_<AdamW>(module, "AdamW")
      .def(py::init<double, double, double, bool, double, bool>(), py::arg("beta1"),
           py::arg("beta2"), py::arg("epsilon"), py::arg("amsgrad"), py::arg("weight_decay"),
           py::arg("decay_biases"));
  bind_optimizer<float>(module, "Optimizer32");
  bind_optimizer<double>(module, "Optimizer64");
}

}  // namespace eigenmlp
