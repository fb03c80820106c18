// Networks: parameters in and out, prediction, gradients, and an epoch of training.
#include <pybind11/native_enum.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "gil.hpp"
#include "guarded.hpp"
#include "network/epoch.hpp"
#include "network/inference.hpp"
#include "network/loss_gradient.hpp"
#include "network/penalty.hpp"
#include "network/step.hpp"
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

  static std::unique_ptr<Bound> make(Architecture architecture) {
    const WithoutGil released;
    return std::make_unique<Bound>(std::move(architecture));
  }

  static std::vector<Layer> layers(const Bound& network) { return network.value.layout().layers(); }

  static Array values(const Bound& network) {
    const Index count = network.value.layout().n_values();
    Array out(count);
    Scalar* to = out.mutable_data();
    hold(network, Use::kRead,
         [&](const StopRequested&) { std::copy_n(network.value.parameters(), count, to); });
    return out;
  }

  static void set_values(Bound& network, const Array& values) {
    const Index wanted = network.value.layout().n_values();
    if (values.ndim() != 1 || values.size() != wanted) {
      throw py::value_error("this network has " + std::to_string(wanted) +
                            " values, got an array of shape " +
                            py::str(values.attr("shape")).template cast<std::string>());
    }
    const Scalar* from = values.data();
    hold(network, Use::kWrite,
         [&](const StopRequested&) { std::copy_n(from, wanted, network.value.parameters()); });
  }

  static void set_dropout_seed(Bound& network, std::uint64_t seed) {
    hold(network, Use::kWrite, [&](const StopRequested&) { network.value.set_dropout_seed(seed); });
  }

  template <typename Predicate>
  static Index first_sample_where(Index count, Predicate&& bad) {
    for (Index sample = 0; sample < count; ++sample) {
      if (bad(sample)) return sample;
    }
    return -1;
  }

  static void expect(const Bound& network, const SampleArrays& samples) {
    const Layout& layout = network.value.layout();
    samples.expect({layout.n_features(), layout.n_outputs(), sizeof(Scalar) == sizeof(float)});
  }

  // The samples with targets that fit the loss, and the loss that fits the network.
  static Samples expect(const Bound& network, const SampleArrays& samples, const Loss& loss) {
    expect(network, samples);
    const bool softmax = network.value.architecture().output == Output::kSoftmax;
    if (softmax != (loss.kind == LossKind::kCrossEntropy)) {
      throw std::invalid_argument("this loss belongs to another kind of output");
    }
    samples.expect(softmax                                      ? TargetKind::kLabels
                   : loss.kind == LossKind::kBinaryCrossEntropy ? TargetKind::kProbabilities
                   : loss.kind == LossKind::kPoisson            ? TargetKind::kCounts
                                                                : TargetKind::kReals);
    return samples.samples();
  }

  // The outputs, and the first sample that has none since it overflowed on its way, or -1.
  static std::tuple<Array, Index> predict_outputs(const Bound& network, const SampleArrays& samples,
                                                  const Threads& threads) {
    expect(network, samples);
    const Index n_outputs = network.value.layout().n_outputs();
    Array out({samples.inputs().count, n_outputs});
    Scalar* to = out.mutable_data();
    hold(network, Use::kRead, [&](const StopRequested& stop) {
      eigenmlp::predict_outputs(network.value, samples.inputs(), threads, stop, to);
    });
    return {out, first_sample_where(samples.inputs().count, [&](Index sample) {
              const Scalar* outputs = to + sample * n_outputs;
              return std::any_of(outputs, outputs + n_outputs,
                                 [](Scalar value) { return !std::isfinite(value); });
            })};
  }

  // The classes, and the first sample that has none, as above.
  static std::tuple<py::array_t<std::int64_t>, Index> predict(const Bound& network,
                                                              const SampleArrays& samples,
                                                              const Threads& threads) {
    expect(network, samples);
    py::array_t<std::int64_t> out(samples.inputs().count);
    std::int64_t* to = out.mutable_data();
    hold(network, Use::kRead, [&](const StopRequested& stop) {
      predict_classes(network.value, samples.inputs(), threads, stop, to);
    });
    return {out, first_sample_where(samples.inputs().count,
                                    [&](Index sample) { return to[sample] < 0; })};
  }

  // The sum of the losses, of the hits, and of the weights.
  static std::tuple<double, double, double> evaluate(const Bound& network,
                                                     const SampleArrays& samples, const Loss& loss,
                                                     const Threads& threads) {
    const Samples checked = expect(network, samples, loss);
    std::optional<LossSum> sum;
    hold(network, Use::kRead, [&](const StopRequested& stop) {
      sum = eigenmlp::evaluate(network.value, checked, loss, threads, stop);
    });
    return {sum->loss, sum->correct, sum->weight};
  }

  // With statistics, the gradient has n_values: the batch's lie where the running ones would.
  static std::tuple<double, Array> loss_and_gradient(const Bound& network,
                                                     const SampleArrays& samples, const Loss& loss,
                                                     const Penalty& penalty,
                                                     std::optional<std::int64_t> dropout_step,
                                                     Index dropout_first, bool statistics,
                                                     const Threads& threads) {
    const Samples checked = expect(network, samples, loss);
    const std::vector<Index> present = samples.present();
    const Order order{present.empty() ? nullptr : present.data(),
                      static_cast<Index>(present.size())};
    const Layout& layout = network.value.layout();
    Array gradient(statistics ? layout.n_values() : layout.n_parameters());
    Scalar* to = gradient.mutable_data();
    double value = 0;
    hold(network, Use::kRead, [&](const StopRequested& stop) {
      const std::optional<LossSum> sum = eigenmlp::loss_and_gradient(
          network.value, checked, order, loss, penalty, {dropout_step, dropout_first}, threads,
          stop, to, statistics ? to : nullptr);
      if (sum) {
        value = sum->loss / sum->weight +
                penalty_of(network.value, penalty.of(sum->weight), penalty.biases);
      }
    });
    return {value, gradient};
  }

  // Whether all is finite afterwards. With n_values, the running statistics move as well.
  static bool step(Bound& network, BoundOptimizer& optimizer, Array gradient,
                   double learning_rate) {
    const Layout& layout = network.value.layout();
    if (gradient.ndim() != 1 ||
        (gradient.size() != layout.n_parameters() && gradient.size() != layout.n_values())) {
      throw py::value_error("gradient must have n_parameters or n_values numbers");
    }
    Scalar* values = gradient.mutable_data();
    const Scalar* statistics = gradient.size() == layout.n_values() ? values : nullptr;
    bool finite = true;
    hold_both(network, optimizer, [&](const StopRequested&) {
      eigenmlp::step(network.value, optimizer.value, learning_rate, values, statistics);
      finite = is_finite(network.value, optimizer.value);
    });
    return finite;
  }

  // Calls work(stop) while this thread holds both, to change them.
  template <typename Work>
  static void hold_both(Bound& network, BoundOptimizer& optimizer, Work&& work) {
    hold(network, Use::kWrite, [&](const StopRequested& stop) {
      const Held optimizer_held(optimizer.mutex, Use::kWrite, stop);
      if (!optimizer_held) return;
      for (const Buffer<Scalar>& moments : optimizer.value.moments()) {
        if (moments.size() == network.value.layout().n_parameters()) continue;
        throw std::invalid_argument("this optimizer state belongs to another network");
      }
      work(stop);
    });
  }

  static double penalty(const Bound& network, const Penalty& penalty) {
    double value = 0;
    hold(network, Use::kRead, [&](const StopRequested&) {
      value = penalty_of(network.value, penalty.lambda, penalty.biases);
    });
    return value;
  }

  static EpochResult train_epoch(Bound& network, BoundOptimizer& optimizer,
                                 const SampleArrays& samples,
                                 const std::optional<py::array_t<Index, py::array::c_style>>& order,
                                 const EpochSettings& settings, const Threads& threads) {
    const Samples checked = expect(network, samples, settings.loss);
    std::vector<Index> chosen;
    if (order) {
      chosen.assign(order->data(), order->data() + order->size());
      const auto outside = [&](Index sample) {
        return sample < 0 || sample >= checked.inputs.count;
      };
      if (chosen.empty() || std::any_of(chosen.begin(), chosen.end(), outside)) {
        throw py::value_error("order must hold numbers of rows");
      }
    }
    const Index count = order ? static_cast<Index>(chosen.size()) : checked.inputs.count;
    if (settings.batch_size < 1) throw py::value_error("batch_size must be at least 1");
    EpochResult result;
    hold_both(network, optimizer, [&](const StopRequested& stop) {
      const Order taken{order ? chosen.data() : nullptr, count};
      result = eigenmlp::train_epoch(network.value, optimizer.value, checked, taken, settings,
                                     threads, stop);
    });
    return result;
  }

  static void bind(py::module_& module, const char* name) {
    py::class_<Bound>(module, name)
        .def(py::init(&make), py::arg("architecture"))
        .def("layers", &layers)
        .def("claim", [](const Bound& network) { return std::make_unique<Claim>(network.claimed); })
        .def("values", &values)
        .def("set_values", &set_values, py::arg("values").noconvert())
        .def("set_dropout_seed", &set_dropout_seed, py::arg("seed"))
        .def_property_readonly(
            "n_parameters",
            [](const Bound& network) { return network.value.layout().n_parameters(); })
        .def("predict", &predict, py::arg("samples"), py::arg("threads"))
        .def("predict_outputs", &predict_outputs, py::arg("samples"), py::arg("threads"))
        .def("evaluate", &evaluate, py::arg("samples"), py::arg("loss"), py::arg("threads"))
        .def("loss_and_gradient", &loss_and_gradient, py::arg("samples"), py::arg("loss"),
             py::arg("penalty"), py::arg("dropout_step"), py::arg("dropout_first"),
             py::arg("statistics"), py::arg("threads"))
        .def("step", &step, py::arg("optimizer"), py::arg("gradient").noconvert(),
             py::arg("learning_rate"))
        .def("penalty", &penalty, py::arg("penalty"))
        .def("train_epoch", &train_epoch, py::arg("optimizer"), py::arg("samples"),
             py::arg("order"), py::arg("settings"), py::arg("threads"));
  }
};

// The names of a table of the core, in its order.
template <typename Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& [value, name] : table) names.emplace_back(name);
  return names;
}

template <typename Value, std::size_t kSize>
Value named(const std::pair<Value, const char*> (&table)[kSize], const std::string& asked) {
  for (const auto& [value, name] : table) {
    if (asked == name) return value;
  }
  throw std::invalid_argument("unknown name: " + asked);
}

void bind_architecture(py::module_& module) {
  module.def("activations", [] { return names_of(kActivations); });
  module.def("constants", [] {
    return std::map<std::string, double>(std::begin(kConstants), std::end(kConstants));
  });
  py::native_enum<Normalization>(module, "Normalization", "enum.Enum")
      .value("none", Normalization::kNone)
      .value("batch", Normalization::kBatch)
      .value("layer", Normalization::kLayer)
      .finalize();
  py::native_enum<Output>(module, "Output", "enum.Enum")
      .value("softmax", Output::kSoftmax)
      .value("logistic", Output::kLogistic)
      .value("identity", Output::kIdentity)
      .value("exponential", Output::kExponential)
      .finalize();
  py::class_<HiddenLayer>(module, "HiddenLayer")
      .def(py::init([](const std::string& activation, Normalization normalization, double dropout) {
             return HiddenLayer{named(kActivations, activation), normalization, dropout};
           }),
           py::arg("activation"), py::arg("normalization"), py::arg("dropout"));
  py::class_<Architecture>(module, "Architecture")
      .def(py::init<std::vector<Index>, std::vector<HiddenLayer>, Output, double, std::uint64_t>(),
           py::arg("sizes"), py::arg("hidden"), py::arg("output"), py::arg("input_scale"),
           py::arg("dropout_seed"));
  py::class_<Layer>(module, "Layer")
      .def_readonly("fan_in", &Layer::fan_in)
      .def_readonly("fan_out", &Layer::fan_out)
      .def_readonly("weights", &Layer::weights)
      .def_readonly("biases", &Layer::biases)
      .def_readonly("gains", &Layer::gains)
      .def_readonly("shifts", &Layer::shifts)
      .def_readonly("means", &Layer::means)
      .def_readonly("variances", &Layer::variances);
}

void bind_training(py::module_& module) {
  py::class_<Loss>(module, "Loss")
      .def(py::init([](const std::string& kind, double parameter) {
             return Loss{named(kLosses, kind), parameter};
           }),
           py::arg("kind"), py::arg("parameter"));
  py::class_<Penalty>(module, "Penalty")
      .def(py::init<double, bool, bool>(), py::arg("l2"), py::arg("biases"), py::arg("divided"));
  py::class_<Clipping>(module, "Clipping")
      .def(py::init<double, double>(), py::arg("value"), py::arg("norm"));
  py::class_<EpochSettings>(module, "EpochSettings")
      .def(py::init<Index, std::vector<double>, Loss, Penalty, Clipping, bool>(),
           py::arg("batch_size"), py::arg("learning_rates"), py::arg("loss"), py::arg("penalty"),
           py::arg("clipping"), py::arg("objective"));
  py::class_<EpochResult>(module, "EpochResult")
      .def_property_readonly("diverged",
                             [](const EpochResult& r) { return r.ending == Ending::kDiverged; })
      .def_property_readonly("loss", [](const EpochResult& r) { return r.sum.loss; })
      .def_property_readonly("correct", [](const EpochResult& r) { return r.sum.correct; })
      .def_property_readonly("weight", [](const EpochResult& r) { return r.sum.weight; })
      .def_readonly("objective", &EpochResult::objective)
      .def_readonly("penalty", &EpochResult::penalty)
      .def_readonly("n_samples", &EpochResult::n_samples)
      .def_readonly("n_batches", &EpochResult::n_batches);
}

}  // namespace

void bind_networks(py::module_& module) {
  bind_architecture(module);
  bind_training(module);
  py::class_<Claim>(module, "Claim")
      .def("__enter__", [](Claim&) {})
      .def("__exit__", [](Claim& claim, const py::args&) { claim.release(); });
  Bindings<float>::bind(module, "Network32");
  Bindings<double>::bind(module, "Network64");
}

}  // namespace eigenmlp
