// One mini-batch through the network, shared by several threads.
#pragma once

#include <atomic>
#include <barrier>
#include <cmath>
#include <vector>

#include "epoch.hpp"
#include "threads.hpp"
#include "workspace.hpp"

namespace eigenmlp {

// A batch passes in chunks of at most this many samples, so that memory stays bounded and in the
// second-level cache; every element of the gradient is still summed in the order of the samples.
inline constexpr Index kChunkSamples = 128;

// Rows of weights whose gradient is handed on together: large enough to reuse the activations,
// small enough to be still in cache when the update reads it.
inline constexpr Index kGradientRows = 4 * kTileRows;

template <typename Scalar>
class BatchRunner {
 public:
  BatchRunner(const Network<Scalar>& network, Index batch_size, int n_threads,
              const StopRequested& stop)
      : network_(network),
        n_threads_(n_threads),
        stop_(stop),
        workspace_(network.layout(),
                   divide_up(std::min(batch_size, kChunkSamples), kLanes<Scalar>)),
        panel_sums_(static_cast<std::size_t>(workspace_.n_panels())),
        barrier_(n_threads) {
    if (batch_size > chunk()) {
      gradient_ = Buffer<Scalar>(network.layout().n_parameters());
    } else {
      for (int thread = 0; thread < n_threads; ++thread) {
        pieces_.emplace_back(kGradientRows * network.layout().widest());
      }
    }
  }

  // Called by every thread with the same batch. sum: the batch's loss. consume(offset, n, gradient,
  // is_bias) takes n finished values of the mean loss's gradient, each value once, on some thread.
  template <typename Consume>
  Ending run(int thread, const Selection& batch, LossSum& sum, Consume&& consume) {
    sum = {};
    for (Index first = 0; first < batch.count; first += chunk()) {
      Selection part = batch;
      part.first += first;
      part.count = std::min(chunk(), batch.count - first);
      const Index n_panels = divide_up(part.count, kLanes<Scalar>);
      for (Index panel = thread; panel < n_panels; panel += n_threads_) {
        // One thread asks, so that after the barrier all threads see the same answer.
        if (thread == 0 && stop_()) stopped_ = true;
        if (stopped_) break;
        workspace_.forward(network_, part, panel);
        panel_sums_[static_cast<std::size_t>(panel)] =
            workspace_.loss(part, panel, Scalar(1) / static_cast<Scalar>(batch.count));
        workspace_.backward(network_, panel);
      }
      barrier_.arrive_and_wait();
      if (stopped_) return Ending::kStopped;
      for (Index panel = 0; panel < n_panels; ++panel) {
        sum += panel_sums_[static_cast<std::size_t>(panel)];
      }
      if (!std::isfinite(sum.loss)) return Ending::kDiverged;
      gradients(thread, n_panels, first > 0, first + chunk() >= batch.count, consume);
      barrier_.arrive_and_wait();
    }
    return Ending::kFinished;
  }

 private:
  Index chunk() const { return workspace_.n_panels() * kLanes<Scalar>; }

  // This thread's share of every layer's gradient.
  template <typename Consume>
  void gradients(int thread, Index n_panels, bool accumulate, bool finished, Consume&& consume) {
    const std::vector<Layer>& layers = network_.layout().layers();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const auto sources = workspace_.gradient_sources(l, n_panels);
      const Share share = share_of(layer.fan_out, kTileRows, thread, n_threads_);
      for (Index row = share.begin; row < share.end; row += kGradientRows) {
        const Index last = std::min(row + kGradientRows, share.end);

        const Index weights = layer.weights + row * layer.fan_in;
        Scalar* piece = destination(thread, weights);
        weight_gradient(layer, sources, row, last, accumulate, piece);
        if (finished) consume(weights, (last - row) * layer.fan_in, piece, false);

        piece = destination(thread, layer.biases + row);
        bias_gradient(sources, row, last, accumulate, piece);
        if (finished) consume(layer.biases + row, last - row, piece, true);
      }
    }
  }

  // A gradient that is whole after one chunk is never written out: it lives in the thread's piece
  // until it is consumed.
  Scalar* destination(int thread, Index offset) {
    return gradient_.size() > 0 ? gradient_.data() + offset
                                : pieces_[static_cast<std::size_t>(thread)].data();
  }

  const Network<Scalar>& network_;
  int n_threads_;
  const StopRequested& stop_;
  Workspace<Scalar> workspace_;
  std::vector<LossSum> panel_sums_;
  Buffer<Scalar> gradient_;
  std::vector<Buffer<Scalar>> pieces_;
  std::barrier<> barrier_;
  std::atomic<bool> stopped_{false};
};

}  // namespace eigenmlp
