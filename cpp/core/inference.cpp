#include "inference.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "dense.hpp"
#include "gather.hpp"
#include "row.hpp"
#include "softmax.hpp"
#include "subnormals.hpp"

namespace eigenmlp {

namespace {

// Samples that pass together: enough to use a tile of weights several times while it is in the
// first-level cache. The same on every instruction set, since losses are summed by group.
constexpr Index kGroupSamples = 64;

template <typename Scalar>
constexpr Index kGroupPanels = kGroupSamples / kLanes<Scalar>;

// Takes one row to its logits, in the first lane of a panel. All threads share every layer.
template <typename Scalar>
void forward_row(const Network<Scalar>& network, const Rows& rows, int n_threads, Scalar* memory,
                 Index stride, Scalar* panel) {
  const std::vector<Layer>& layers = network.layout().layers();
  convert_row(rows, 0, network.input_scale(), memory);
  const Scalar* const all_weights = network.row_weights();
  Barrier barrier(n_threads);
  run_on_threads(n_threads, [&](int thread) {
    Scalar* from = memory;
    Scalar* to = memory + stride;
    const Scalar* weights = all_weights;
    for (const Layer& layer : layers) {
      const Scalar* biases = network.parameters() + layer.biases;
      if (&layer == &layers.back()) {
        row_forward<false>(layer, weights, biases, thread, n_threads, from, to);
      } else {
        row_forward<true>(layer, weights, biases, thread, n_threads, from, to);
      }
      weights += row_weights_size<Scalar>(layer);
      barrier.arrive_and_wait();
      std::swap(from, to);
    }
  });
  const Scalar* logits = memory + (layers.size() % 2) * stride;
  for (Index c = 0; c < network.layout().n_classes(); ++c) {
    std::fill_n(panel + c * kLanes<Scalar>, kWidth<Scalar>, logits[c]);
  }
}

// Takes the rows to their logits, a group at a time on several threads, and calls
// finish(first, count, logits) with the panels of samples first … first + count - 1.
template <typename Scalar, typename Finish>
bool for_each_group(const Network<Scalar>& network, const Rows& rows, const Threads& threads,
                    const StopRequested& stop, Finish&& finish) {
  constexpr Index lanes = kLanes<Scalar>;
  constexpr Index width = kWidth<Scalar>;
  const FlushSubnormals flush;
  const std::vector<Layer>& layers = network.layout().layers();
  const Index n_groups = divide_up(rows.count, kGroupSamples);
  const double flops =
      2.0 * static_cast<double>(network.layout().n_parameters()) * static_cast<double>(rows.count);
  const int n_threads = choose_threads(threads, n_groups, flops);
  const Index widest = round_up(network.layout().widest(), width);
  const Index stride = widest * lanes;
  const Index n_panels = std::min(kGroupPanels<Scalar>, divide_up(rows.count, lanes));
  auto scratch = network.scratch().borrow(2 * n_threads * n_panels * stride);
  Scalar* const memory = scratch.cut(0);
  if (rows.count == 1) {
    Scalar* const panel = memory + stride;
    const Index n_tiles = divide_up(widest, kRowVectors * width);
    forward_row(network, rows, choose_threads(threads, n_tiles, flops), memory, stride / lanes,
                panel);
    finish(Index{0}, Index{1}, Panels<Scalar>{panel, stride});
    return !stop();
  }
  std::atomic<bool> stopped{false};
  run_on_threads(n_threads, [&](int thread) {
    Panels<Scalar> from{memory + 2 * thread * n_panels * stride, stride};
    Panels<Scalar> to{from.at(n_panels), stride};
    for (Index group = thread; group < n_groups && !stopped; group += n_threads) {
      if (thread == 0 && stop()) stopped = true;
      const Index first = group * kGroupSamples;
      const Selection samples{&rows, nullptr, nullptr, first,
                              std::min(kGroupSamples, rows.count - first)};
      const Region region{0, divide_up(samples.count, lanes)};
      for (Index sample = 0; sample < region.n_panels * lanes; sample += width) {
        gather<Scalar>(samples, sample, network.input_scale(),
                       from.at(sample / lanes) + sample % lanes, nullptr, 0);
      }
      for (const Layer& layer : layers) {
        if (&layer == &layers.back()) {
          dense_forward<false>(layer, network.parameters(), region, from, to);
        } else {
          dense_forward<true>(layer, network.parameters(), region, from, to);
        }
        std::swap(from, to);
      }
      finish(first, samples.count, from);
    }
  });
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
bool predict_probabilities(const Network<Scalar>& network, const Rows& rows, const Threads& threads,
                           const StopRequested& stop, Scalar* probabilities) {
  const Index n_classes = network.layout().n_classes();
  return for_each_group(
      network, rows, threads, stop, [&](Index first, Index count, const Panels<Scalar>& logits) {
        for_each_vector(count, logits, [&](Index, Index, Scalar* z) { softmax(n_classes, z); });
        for (Index i = 0; i < count; i += kLanes<Scalar>) {
          panel_to_rows<Scalar>(logits.at(i / kLanes<Scalar>), n_classes,
                                std::min(kLanes<Scalar>, count - i),
                                probabilities + (first + i) * n_classes);
        }
      });
}

template <typename Scalar>
bool predict_classes(const Network<Scalar>& network, const Rows& rows, const Threads& threads,
                     const StopRequested& stop, std::int64_t* classes) {
  const Index n_classes = network.layout().n_classes();
  return for_each_group(
      network, rows, threads, stop, [&](Index first, Index count, const Panels<Scalar>& logits) {
        for_each_vector(count, logits, [&](Index offset, Index used, const Scalar* z) {
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
std::optional<LossSum> evaluate(const Network<Scalar>& network, const Rows& rows,
                                const Label* labels, const Threads& threads,
                                const StopRequested& stop) {
  const Index n_classes = network.layout().n_classes();
  std::vector<LossSum> sums(static_cast<std::size_t>(divide_up(rows.count, kGroupSamples)));
  const bool finished = for_each_group(
      network, rows, threads, stop, [&](Index first, Index count, const Panels<Scalar>& logits) {
        LossSum& sum = sums[static_cast<std::size_t>(first / kGroupSamples)];
        for_each_vector(count, logits, [&](Index offset, Index used, Scalar* z) {
          Scalar losses[kWidth<Scalar>];
          sum.correct +=
              softmax_cross_entropy(n_classes, labels + first + offset, used, Scalar(1), z, losses);
          for (Index i = 0; i < used; ++i) sum.loss += static_cast<double>(losses[i]);
        });
      });
  if (!finished) return std::nullopt;
  LossSum total;
  for (const LossSum& sum : sums) total += sum;
  return total;
}

template <typename Scalar>
Index first_bad_row(const Rows& rows) {
  const auto search = [&]<typename Element>(const Element* data) {
    const auto largest = static_cast<Element>(
        std::min<double>(std::numeric_limits<Scalar>::max(), std::numeric_limits<Element>::max()));
    for (Index i = 0; i < rows.count; ++i) {
      const Element* row = data + i * rows.stride;
      // An integer flag instead of an early return, so that the loop is vectorized.
      int bad = 0;
      for (Index j = 0; j < rows.features; ++j) bad |= !(std::abs(row[j]) <= largest);
      if (bad) return i;
    }
    return rows.count;
  };
  switch (rows.type) {
    case ElementType::kUint8:
      return rows.count;
    case ElementType::kFloat32:
      return search(static_cast<const float*>(rows.data));
    case ElementType::kFloat64:
      return search(static_cast<const double*>(rows.data));
  }
  return rows.count;
}

template bool predict_probabilities(const Network<float>&, const Rows&, const Threads&,
                                    const StopRequested&, float*);
template bool predict_probabilities(const Network<double>&, const Rows&, const Threads&,
                                    const StopRequested&, double*);
template bool predict_classes(const Network<float>&, const Rows&, const Threads&,
                              const StopRequested&, std::int64_t*);
template bool predict_classes(const Network<double>&, const Rows&, const Threads&,
                              const StopRequested&, std::int64_t*);
template std::optional<LossSum> evaluate(const Network<float>&, const Rows&, const Label*,
                                         const Threads&, const StopRequested&);
template std::optional<LossSum> evaluate(const Network<double>&, const Rows&, const Label*,
                                         const Threads&, const StopRequested&);
template Index first_bad_row<float>(const Rows&);
template Index first_bad_row<double>(const Rows&);

}  // namespace eigenmlp
