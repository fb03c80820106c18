#include "inference.hpp"

#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "threads.hpp"
#include "workspace.hpp"

namespace eigenmlp {

namespace {

// Takes every panel of the rows to its logits, on several threads, and calls
// finish(workspace, selection, panel), where panel 0 of the selection is the one at hand.
template <typename Scalar, typename Finish>
bool for_each_panel(const Network<Scalar>& network, const Rows& rows, const Label* labels,
                    int n_threads, const StopRequested& stop, Finish&& finish) {
  constexpr Index lanes = kLanes<Scalar>;
  const Index n_panels = divide_up(rows.count, lanes);
  const double flops =
      2.0 * static_cast<double>(network.layout().n_parameters()) * static_cast<double>(rows.count);
  n_threads = choose_threads(n_threads, n_panels, flops);
  std::vector<Workspace<Scalar>> workspaces;
  workspaces.reserve(static_cast<std::size_t>(n_threads));
  for (int thread = 0; thread < n_threads; ++thread) {
    workspaces.emplace_back(network.layout(), 1);
  }
  std::atomic<bool> stopped{false};
  run_on_threads(n_threads, [&](int thread) {
    Workspace<Scalar>& workspace = workspaces[static_cast<std::size_t>(thread)];
    for (Index panel = thread; panel < n_panels && !stopped; panel += n_threads) {
      if (thread == 0 && stop()) stopped = true;
      const Index first = panel * lanes;
      const Selection selection{&rows, labels, nullptr, first, std::min(lanes, rows.count - first)};
      workspace.forward(network, selection, 0);
      finish(workspace, selection);
    }
  });
  return !stopped;
}

}  // namespace

template <typename Scalar>
bool predict_probabilities(const Network<Scalar>& network, const Rows& rows, int n_threads,
                           const StopRequested& stop, Scalar* probabilities) {
  const Index n_classes = network.layout().n_classes();
  const std::size_t output = network.layout().layers().size();
  return for_each_panel(network, rows, nullptr, n_threads, stop,
                        [&](Workspace<Scalar>& workspace, const Selection& selection) {
                          softmax(n_classes, workspace.activations(output, 0));
                          const Scalar* from = workspace.output_rows(0);
                          for (Index i = 0; i < selection.count; ++i) {
                            std::copy_n(from + i * workspace.output_stride(), n_classes,
                                        probabilities + (selection.first + i) * n_classes);
                          }
                        });
}

template <typename Scalar>
bool predict_classes(const Network<Scalar>& network, const Rows& rows, int n_threads,
                     const StopRequested& stop, std::int64_t* classes) {
  const Index n_classes = network.layout().n_classes();
  const std::size_t output = network.layout().layers().size();
  return for_each_panel(network, rows, nullptr, n_threads, stop,
                        [&](Workspace<Scalar>& workspace, const Selection& selection) {
                          alignas(kAlignment) Scalar best[kLanes<Scalar>];
                          largest_class(n_classes, workspace.activations(output, 0), best);
                          for (Index i = 0; i < selection.count; ++i) {
                            classes[selection.first + i] =
                                std::isnan(best[i]) ? -1 : static_cast<std::int64_t>(best[i]);
                          }
                        });
}

template <typename Scalar>
std::optional<LossSum> evaluate(const Network<Scalar>& network, const Rows& rows,
                                const Label* labels, int n_threads, const StopRequested& stop) {
  std::vector<LossSum> sums(static_cast<std::size_t>(divide_up(rows.count, kLanes<Scalar>)));
  const bool finished =
      for_each_panel(network, rows, labels, n_threads, stop,
                     [&](Workspace<Scalar>& workspace, const Selection& selection) {
                       sums[static_cast<std::size_t>(selection.first / kLanes<Scalar>)] =
                           workspace.loss(selection, 0, Scalar(1));
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

template bool predict_probabilities(const Network<float>&, const Rows&, int, const StopRequested&,
                                    float*);
template bool predict_probabilities(const Network<double>&, const Rows&, int, const StopRequested&,
                                    double*);
template bool predict_classes(const Network<float>&, const Rows&, int, const StopRequested&,
                              std::int64_t*);
template bool predict_classes(const Network<double>&, const Rows&, int, const StopRequested&,
                              std::int64_t*);
template std::optional<LossSum> evaluate(const Network<float>&, const Rows&, const Label*, int,
                                         const StopRequested&);
template std::optional<LossSum> evaluate(const Network<double>&, const Rows&, const Label*, int,
                                         const StopRequested&);
template Index first_bad_row<float>(const Rows&);
template Index first_bad_row<double>(const Rows&);

}  // namespace eigenmlp
