// Networks: parameters in and out, prediction, gradients, and an epoch of training.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "arrays.hpp"
#include "epoch.hpp"
#include "gil.hpp"
#include "guarded.hpp"
#include "inference.hpp"
#include "interrupts.hpp"
#include "topics.hpp"

namespace eigenmlp {

namespace py = pybind11;

namespace {

template <typename Scalar>
struct Bindings {
  using Bound = GuardedNetwork<Scalar>;
  using BoundOptimizer = GuardedOptimizer<Scalar>;
  // Written by us or checked by us: contiguous, of this type, never converted on the way.
  using Array = py::array_t<Scalar, py::array::c_style>;

  static std::unique_ptr<Bound> make(std::vector<Index> sizes, double input_scale) {
    const WithoutGil released;
    return std::make_unique<Bound>(std::move(sizes), input_scale);
  }

  // (fan_in, fan_out, offset of the weights, offset of the biases) of each layer.
  static std::vector<std::tuple<Index, Index, Index, Index>> layers(const Bound& network) {
    std::vector<std::tuple<Index, Index, Index, Index>> out;
    for (const Layer& layer : network.value.layout().layers()) {
      out.emplace_back(layer.fan_in, layer.fan_out, layer.weights, layer.biases);
    }
    return out;
  }

  static Array parameters(const Bound& network) {
    Array out(network.value.layout().n_parameters());
    Scalar* to = out.mutable_data();
    const WithoutGil released;
    const std::shared_lock lock(network.mutex);
    std::copy_n(network.value.parameters(), network.value.layout().n_parameters(), to);
    return out;
  }

  static void set_parameters(Bound& network, const Array& values) {
    const Index wanted = network.value.layout().n_parameters();
    if (values.ndim() != 1 || values.size() != wanted) {
      throw py::value_error("this network has " + std::to_string(wanted) +
                            " parameters, got an array of shape " +
                            py::str(values.attr("shape")).template cast<std::string>());
    }
    const Scalar* from = values.data();
    const WithoutGil released;
    const std::unique_lock lock(network.mutex);
    std::copy_n(from, wanted, network.value.parameters());
  }

  template <typename Predicate>
  static Index first_row_where(Index count, Predicate&& bad) {
    for (Index row = 0; row < count; ++row) {
      if (bad(row)) return row;
    }
    return -1;
  }

  static void expect(const Bound& network, const SampleArrays& samples) {
    const Layout& layout = network.value.layout();
    samples.expect(layout.n_features(), layout.n_classes(), sizeof(Scalar) == sizeof(float));
  }

  // The probabilities, and the first row that has none since it overflowed on its way, or -1.
  static std::tuple<Array, Index> predict_proba(const Bound& network, const SampleArrays& samples,
                                                const Threads& threads) {
    expect(network, samples);
    Array out({samples.rows().count, network.value.layout().n_classes()});
    Scalar* to = out.mutable_data();
    Interrupts interrupts;
    {
      WithoutGil released;
      const std::shared_lock lock(network.mutex);
      predict_probabilities(network.value, samples.rows(), threads, interrupts.poll(released), to);
    }
    interrupts.raise_if_any();
    const Index n_classes = network.value.layout().n_classes();
    return {out, first_row_where(samples.rows().count,
                                 [&](Index row) { return std::isnan(to[row * n_classes]); })};
  }

  // The classes, and the first row that has none, as above.
  static std::tuple<py::array_t<std::int64_t>, Index> predict(const Bound& network,
                                                              const SampleArrays& samples,
                                                              const Threads& threads) {
    expect(network, samples);
    py::array_t<std::int64_t> out(samples.rows().count);
    std::int64_t* to = out.mutable_data();
    Interrupts interrupts;
    {
      WithoutGil released;
      const std::shared_lock lock(network.mutex);
      predict_classes(network.value, samples.rows(), threads, interrupts.poll(released), to);
    }
    interrupts.raise_if_any();
    return {out, first_row_where(samples.rows().count, [&](Index row) { return to[row] < 0; })};
  }

  static std::tuple<double, Index> evaluate(const Bound& network, const SampleArrays& samples,
                                            const Threads& threads) {
    expect(network, samples);
    const Samples labelled = samples.labelled();
    Interrupts interrupts;
    std::optional<LossSum> sum;
    {
      WithoutGil released;
      const std::shared_lock lock(network.mutex);
      sum = eigenmlp::evaluate(network.value, labelled.rows, labelled.labels, threads,
                               interrupts.poll(released));
    }
    interrupts.raise_if_any();
    return {sum->loss, sum->correct};
  }

  static std::tuple<double, Array> loss_and_gradient(const Bound& network,
                                                     const SampleArrays& samples, double l2,
                                                     bool l2_biases, const Threads& threads) {
    expect(network, samples);
    const Samples labelled = samples.labelled();
    const Penalty penalty{l2, l2_biases};
    Array gradient(network.value.layout().n_parameters());
    Scalar* to = gradient.mutable_data();
    Interrupts interrupts;
    double loss = 0;
    {
      WithoutGil released;
      const std::shared_lock lock(network.mutex);
      const std::optional<LossSum> sum = eigenmlp::loss_and_gradient(
          network.value, labelled, penalty, threads, interrupts.poll(released), to);
      if (sum) {
        loss = sum->loss / static_cast<double>(labelled.rows.count) +
               penalty_of(network.value, penalty);
      }
    }
    interrupts.raise_if_any();
    return {loss, gradient};
  }

  static EpochResult train_epoch(Bound& network, BoundOptimizer& optimizer,
                                 const SampleArrays& samples,
                                 const std::optional<py::array_t<Index, py::array::c_style>>& order,
                                 Index batch_size, double learning_rate, double l2, bool l2_biases,
                                 const Threads& threads) {
    expect(network, samples);
    const Samples labelled = samples.labelled();
    std::vector<Index> rows;
    if (order) {
      rows.assign(order->data(), order->data() + order->size());
      const auto outside = [&](Index row) { return row < 0 || row >= labelled.rows.count; };
      if (static_cast<Index>(rows.size()) != labelled.rows.count ||
          std::any_of(rows.begin(), rows.end(), outside)) {
        throw py::value_error("order must hold one row number for each of the samples");
      }
    }
    if (batch_size < 1) throw py::value_error("batch_size must be at least 1");
    Interrupts interrupts;
    EpochResult result;
    {
      WithoutGil released;
      const std::scoped_lock lock(network.mutex, optimizer.mutex);
      const Index moments = optimizer.value.n_parameters();
      if (moments != 0 && moments != network.value.layout().n_parameters()) {
        throw std::invalid_argument("this optimizer state belongs to another network");
      }
      result = eigenmlp::train_epoch(network.value, optimizer.value, labelled,
                                     order ? rows.data() : nullptr, batch_size, learning_rate,
                                     Penalty{l2, l2_biases}, threads, interrupts.poll(released));
    }
    interrupts.raise_if_any();
    return result;
  }

  static void bind(py::module_& module, const char* name) {
    py::class_<Bound>(module, name)
        .def(py::init(&make), py::arg("sizes"), py::arg("input_scale"))
        .def("layers", &layers)
        .def("parameters", &parameters)
        .def("set_parameters", &set_parameters, py::arg("values").noconvert())
        .def("predict", &predict, py::arg("samples"), py::arg("threads"))
        .def("predict_proba", &predict_proba, py::arg("samples"), py::arg("threads"))
        .def("evaluate", &evaluate, py::arg("samples"), py::arg("threads"))
        .def("loss_and_gradient", &loss_and_gradient, py::arg("samples"), py::arg("l2"),
             py::arg("l2_biases"), py::arg("threads"))
        .def("train_epoch", &train_epoch, py::arg("optimizer"), py::arg("samples"),
             py::arg("order"), py::arg("batch_size"), py::arg("learning_rate"), py::arg("l2"),
             py::arg("l2_biases"), py::arg("threads"));
  }
};

}  // namespace

void bind_networks(py::module_& module) {
  py::class_<EpochResult>(module, "EpochResult")
      .def_property_readonly("diverged",
                             [](const EpochResult& r) { return r.ending == Ending::kDiverged; })
      .def_property_readonly("loss", [](const EpochResult& r) { return r.sum.loss; })
      .def_property_readonly("correct", [](const EpochResult& r) { return r.sum.correct; })
      .def_readonly("n_samples", &EpochResult::n_samples)
      .def_readonly("n_batches", &EpochResult::n_batches);
  Bindings<float>::bind(module, "Network32");
  Bindings<double>::bind(module, "Network64");
}

}  // namespace eigenmlp
