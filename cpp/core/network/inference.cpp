#include "network/inference.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/dense.hpp"
#include "kernels/gather.hpp"
#include "kernels/hidden.hpp"
#include "kernels/normalization.hpp"
#include "kernels/one_sample.hpp"
#include "kernels/output.hpp"
#include "kernels/sparse.hpp"
#include "system/sharing.hpp"
#include "system/subnormals.hpp"

namespace eigenmlp {

namespace {

// Samples that pass together: enough to use a tile of weights several times while it is in the
// first-level cache. The same on every instruction set, since losses are summed by group.
constexpr Index kGroupSamples = 64;

template <typename Scalar>
constexpr Index kGroupPanels = kGroupSamples / kLanes<Scalar>;

// The activations of a thread's share of a layer's outputs, which it has just computed.
template <typename Scalar>
void activate_one_sample(const Layer& layer, int part, int parts, Scalar* outputs) {
  const Tiling tiles = one_sample_tiles<Scalar>(layer);
  const Share share = share_of(tiles.count(), part, parts);
  const Index end = tiles.first(share.end);
  with_activation(layer.hidden.activation, [&](auto kind) {
    for (Index v = tiles.first(share.begin); v < end; ++v) {
      Scalar* at = outputs + v * kWidth<Scalar>;
      pstore(at, activate<kind, Scalar>(load(at)).value);
    }
  });
}

// What follows the products of a group of samples in a layer that is more than a ReLU.
template <typename Scalar>
void finish_hidden(const Layer& layer, const Scalar* parameters, Index unit, Index n_units,
                   int n_vectors, Scalar* values) {
  if (layer.hidden.normalization == Normalization::kBatch) {
    normalize_by_running(layer, parameters, unit, n_units, n_vectors, values);
  }
  activate_units<Scalar>(layer.hidden.activation, {}, unit, n_units, 0, n_vectors, values, nullptr);
}

// Takes a group through a layer: products<kRelu>(finish) computes its pre-activations, through a
// ReLU if kRelu, as dense_forward does.
template <typename Scalar, typename Products>
void forward_group(const Network<Scalar>& network, const Layer& layer, const Region& region,
                   const Panels<Scalar>& to, Products&& products) {
  const Scalar* parameters = network.parameters();
  const HiddenLayer& hidden = layer.hidden;
  const auto nothing = [](Index, Index, Index, Index) {};
  if (hidden.normalization == Normalization::kLayer) {
    products.template operator()<false>(nothing);
    for (Index panel = 0; panel < region.n_panels; ++panel) {
      for (Index lane = 0; lane < kLanes<Scalar>; lane += kWidth<Scalar>) {
        layer_normalize<Scalar>(layer, parameters, to.at(panel) + lane, nullptr, nullptr);
      }
      finish_hidden(layer, parameters, 0, layer.fan_out, kPanelVectors, to.at(panel));
    }
  } else if (hidden.normalization == Normalization::kNone &&
             hidden.activation == Activation::kRelu) {
    products.template operator()<true>(nothing);
  } else if (hidden.normalization == Normalization::kNone &&
             hidden.activation == Activation::kIdentity) {
    products.template operator()<false>(nothing);
  } else {
    products.template operator()<false>(
        [&](Index unit, Index n_units, Index panel, Index n_panels) {
          for (Index p = panel; p < panel + n_panels; ++p) {
            finish_hidden(layer, parameters, unit, n_units, kPanelVectors,
                          to.at(p) + unit * kLanes<Scalar>);
          }
        });
  }
}

// Takes one sample to its logits, in the first lane of a panel. All threads share every layer.
template <typename Scalar>
void forward_one_sample(const Network<Scalar>& network, const Table& inputs, int n_threads,
                        Scalar* memory, Index stride, Scalar* panel) {
  const std::vector<Layer>& layers = network.layout().layers();
  convert_sample(inputs, 0, network.input_scale(), memory);
  const Scalar* const all_weights = network.one_sample_weights();
  Barrier barrier(n_threads);
  run_on_threads(n_threads, [&](int thread) {
    Scalar* from = memory;
    Scalar* to = memory + stride;
    const Scalar* weights = all_weights;
    for (const Layer& layer : layers) {
      const Scalar* biases = network.parameters() + layer.biases;
      if (layer.hidden.activation == Activation::kRelu) {
        one_sample_forward<true>(layer, weights, biases, thread, n_threads, from, to);
      } else {
        one_sample_forward<false>(layer, weights, biases, thread, n_threads, from, to);
        activate_one_sample(layer, thread, n_threads, to);
      }
      weights += one_sample_weights_size<Scalar>(layer);
      barrier.arrive_and_wait();
      std::swap(from, to);
    }
  });
  const Scalar* logits = memory + (layers.size() % 2) * stride;
  for (Index c = 0; c < network.layout().n_outputs(); ++c) {
    std::fill_n(panel + c * kLanes<Scalar>, kWidth<Scalar>, logits[c]);
  }
}

// Takes the samples to their logits, a group at a time on several threads, and calls
// finish(first, count, logits) with the panels of samples first … first + count - 1.
template <typename Scalar, typename Finish>
bool for_each_group(const Network<Scalar>& network, const Table& inputs, const Threads& allowed,
                    const StopRequested& stop, Finish&& finish) {
  constexpr Index lanes = kLanes<Scalar>;
  constexpr Index width = kWidth<Scalar>;
  const FlushSubnormals flush;
  const std::vector<Layer>& layers = network.layout().layers();
  const Index n_groups = divide_up(inputs.count, kGroupSamples);
  // Of a sparse table there are no panels.
  const FirstWeights<Scalar> first_weights =
      inputs.sparse() ? network.first_weights(inputs.stored) : FirstWeights<Scalar>{};
  const Index widest = round_up(
      inputs.sparse() ? network.layout().widest_above() : network.layout().widest(), width);
  const Index stride = widest * lanes;
  const auto count = static_cast<double>(inputs.count);
  const double flops = 2.0 * count * products_per_sample(network.layout(), inputs);
  const Index n_panels = std::min(kGroupPanels<Scalar>, divide_up(inputs.count, lanes));
  const auto size_for = [&](int n_threads) {
    return Scratch<Scalar>::padded(2 * n_threads * n_panels * stride);
  };
  if (inputs.count == 1 && !network.layout().normalized() && !inputs.sparse()) {
    const ThreadCount threads(allowed, divide_up(widest, kOneSampleVectors * width), flops);
    auto scratch = network.scratch().borrow(size_for(1));
    Scalar* const memory = scratch.cut(size_for(1));
    Scalar* const panel = memory + stride;
    forward_one_sample(network, inputs, threads.now(), memory, stride / lanes, panel);
    finish(Index{0}, Index{1}, Panels<Scalar>{panel, stride}, memory);
    return !stop();
  }
  ThreadCount threads(allowed, n_groups, flops);
  std::atomic<Index> next{0};
  std::atomic<bool> stopped{false};
  while (next < n_groups && !stopped) {
    const int n_threads = threads.now();
    auto scratch = network.scratch().borrow(size_for(n_threads));
    Scalar* const memory = scratch.cut(size_for(n_threads));
    std::atomic<bool> changes{false};
    run_on_threads(n_threads, [&](int thread) {
      Panels<Scalar> from{memory + 2 * thread * n_panels * stride, stride};
      Panels<Scalar> to{from.at(n_panels), stride};
      while (!stopped && !changes) {
        if (thread == 0) {
          if (threads.changes()) changes = true;
          if (stop()) stopped = true;
        }
        const Index group = next++;
        if (group >= n_groups) return;
        const Index first = group * kGroupSamples;
        const Selection samples{&inputs, nullptr, nullptr, first,
                                std::min(kGroupSamples, inputs.count - first)};
        const Region region{0, divide_up(samples.count, lanes)};
        for (Index sample = 0; sample < region.n_panels * lanes && !inputs.sparse();
             sample += width) {
          gather<Scalar>(samples, sample, network.input_scale(),
                         from.at(sample / lanes) + sample % lanes, nullptr, 0);
        }
        for (const Layer& layer : layers) {
          forward_group(network, layer, region, to, [&]<bool kRelu>(auto&& then) {
            if (inputs.sparse() && &layer == &layers.front()) {
              sparse_forward<kRelu>(layer, first_weights, network.parameters() + layer.biases,
                                    samples, network.input_scale(), region, to, then);
            } else {
              dense_forward<kRelu>(layer, network.parameters(), region, from, to, then);
            }
          });
          std::swap(from, to);
        }
        finish(first, samples.count, from, to.data);
      }
    });
  }
  return !stopped;
}

// finish(offset, count, logits) for each vector of `count` samples of a group.
template <typename Scalar, typename Finish>
void for_each_vector(Index count, const Panels<Scalar>& logits, Finish&& finish) {
  constexpr Index lanes = kLanes<Scalar>;
  for (Index i = 0; i < count; i += kWidth<Scalar>) {
    finish(i, std::min(kWidth<Scalar>, count - i), logits.at(i / lanes) + i % lanes);
  }
}

}  // namespace

template <typename Scalar>
bool predict_outputs(const Network<Scalar>& network, const Table& inputs, const Threads& threads,
                     const StopRequested& stop, Scalar* outputs) {
  const Index n_outputs = network.layout().n_outputs();
  return for_each_group(network, inputs, threads, stop,
                        [&](Index first, Index count, const Panels<Scalar>& z, Scalar*) {
                          for_each_vector(count, z, [&](Index, Index, Scalar* values) {
                            predict_outputs(network.architecture().output, n_outputs, values);
                          });
                          for (Index i = 0; i < count; i += kLanes<Scalar>) {
                            panel_to_samples<Scalar>(z.at(i / kLanes<Scalar>), n_outputs,
                                                     std::min(kLanes<Scalar>, count - i),
                                                     outputs + (first + i) * n_outputs);
                          }
                        });
}

template <typename Scalar>
bool predict_classes(const Network<Scalar>& network, const Table& inputs, const Threads& threads,
                     const StopRequested& stop, std::int64_t* classes) {
  const Index n_classes = network.layout().n_outputs();
  return for_each_group(network, inputs, threads, stop,
                        [&](Index first, Index count, const Panels<Scalar>& logits, Scalar*) {
                          for_each_vector(
                              count, logits, [&](Index offset, Index used, const Scalar* z) {
                                alignas(kAlignment) Scalar best[kWidth<Scalar>];
                                largest_class(n_classes, z, best);
                                for (Index i = 0; i < used; ++i) {
                                  classes[first + offset + i] =
                                      std::isnan(best[i]) ? -1 : static_cast<std::int64_t>(best[i]);
                                }
                              });
                        });
}

template <typename Scalar>
std::optional<LossSum> evaluate(const Network<Scalar>& network, const Samples& samples,
                                const Loss& loss, const Threads& threads,
                                const StopRequested& stop) {
  constexpr Index width = kWidth<Scalar>;
  const Index n_outputs = network.layout().n_outputs();
  std::vector<LossSum> sums(
      static_cast<std::size_t>(divide_up(samples.inputs.count, kGroupSamples)));
  alignas(kAlignment) Scalar ones[width];
  std::fill_n(ones, width, Scalar(1));
  const bool finished = for_each_group(
      network, samples.inputs, threads, stop,
      [&](Index first, Index count, const Panels<Scalar>& z, Scalar* targets) {
        LossSum& sum = sums[static_cast<std::size_t>(first / kGroupSamples)];
        const Selection group{&samples.targets, nullptr, nullptr, first, count};
        for_each_vector(count, z, [&](Index offset, Index used, Scalar* values) {
          alignas(kAlignment) Scalar losses[width];
          alignas(kAlignment) Scalar hits[width];
          const Label* labels = samples.labels ? samples.labels + first + offset : nullptr;
          if (!labels) gather<Scalar>(group, offset, 1, targets, nullptr, 0);
          loss_and_delta(loss, OutputVector<Scalar>{n_outputs, used, labels, targets, ones, values,
                                                    losses, hits});
          for (Index i = 0; i < used; ++i) {
            const double weight = samples.weights ? samples.weights[first + offset + i] : 1;
            // Left out as if it were absent, even if its loss is not finite.
            if (weight == 0) continue;
            sum.loss += weight * static_cast<double>(losses[i]);
            sum.correct += weight * static_cast<double>(hits[i]);
            sum.weight += weight;
          }
        });
      });
  if (!finished) return std::nullopt;
  LossSum total;
  for (const LossSum& sum : sums) total += sum;
  return total;
}

#define EIGENMLP_INSTANTIATE(Scalar)                                                            \
  template bool predict_outputs(const Network<Scalar>&, const Table&, const Threads&,           \
                                const StopRequested&, Scalar*);                                 \
  template bool predict_classes(const Network<Scalar>&, const Table&, const Threads&,           \
                                const StopRequested&, std::int64_t*);                           \
  template std::optional<LossSum> evaluate(const Network<Scalar>&, const Samples&, const Loss&, \
                                           const Threads&, const StopRequested&)
EIGENMLP_INSTANTIATE(float);
EIGENMLP_INSTANTIATE(double);

}  // namespace eigenmlp
