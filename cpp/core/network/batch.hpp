// One mini-batch through the network, shared by several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "network/workspace.hpp"
#include "system/sharing.hpp"
#include "system/threads.hpp"

namespace eigenmlp {

// A batch passes in chunks of at most this many samples, so that memory stays bounded and in the
// second-level cache; every element of the gradient is still summed in the order of the samples.
inline constexpr Index kChunkSamples = 128;

// Parameters of this size fit a core's second-level cache beside the activations.
inline constexpr Index kSmallBytes = 512 * 1024;

// Forward and backward cost two operations per weight each, the gradient two more; the input layer
// needs no backward.
inline double flops_per_sample(const Layout& layout) {
  const Layer& first = layout.layers().front();
  return 2.0 * (3.0 * static_cast<double>(layout.n_parameters()) -
                static_cast<double>(first.fan_in * first.fan_out));
}

template <typename Scalar>
ThreadCount threads_for(const Layout& layout, Index batch_size, const Threads& allowed) {
  // Threads wait for each other in every chunk.
  const Index samples = std::min(batch_size, kChunkSamples);
  const Index n_panels = divide_up(samples, kLanes<Scalar>);
  return ThreadCount(allowed, n_panels * divide_up(layout.widest(), kTileRows),
                     flops_per_sample(layout) * static_cast<double>(samples));
}

template <typename Scalar>
class BatchRunner {
 public:
  BatchRunner(const Network<Scalar>& network, Index batch_size, int n_threads,
              const StopRequested& stop)
      : network_(network),
        n_threads_(n_threads),
        stop_(stop),
        workspace_(network, divide_up(chunk_for(network.layout(), batch_size), kLanes<Scalar>)),
        normalized_(network.layout().normalized()),
        small_(network.layout().n_parameters() * static_cast<Index>(sizeof(Scalar)) <= kSmallBytes),
        piece_size_(round_up(gradient_piece<Scalar>(network.layout().widest()),
                             kAlignment / sizeof(Scalar))),
        pieces_(piece_size_ * n_threads),
        barrier_(n_threads) {
    if (batch_size > chunk()) {
      Index size = 0;
      for (const Layer& layer : network.layout().layers()) size += gradient_sums<Scalar>(layer);
      sums_ = Buffer<Scalar>(size);
    }
  }

  // Called by every thread with the same batch. sum: the batch's loss. consume(offset, n, gradient,
  // is_weight) takes n finished values of the mean loss's gradient, each value once, on some
  // thread.
  template <typename Consume>
  Ending run(int thread, const Selection& batch, const Pass<Scalar>& pass, LossSum& sum,
             Consume&& consume) {
    sum = {};
    Chunk part{batch, 0, weight_of(batch)};
    for (Index first = 0; first < batch.count; first += chunk()) {
      part.samples.first = batch.first + first;
      part.samples.count = std::min(chunk(), batch.count - first);
      part.first = first;
      // One thread asks, so that after the next barrier all threads see the same answer.
      if (thread == 0 && stop_()) stopped_.store(true, std::memory_order_relaxed);
      forward_backward(thread, part, pass);
      if (stopped_.load(std::memory_order_relaxed)) return Ending::kStopped;
      workspace_.add_losses(part, sum);
      if (!std::isfinite(sum.loss)) return Ending::kDiverged;
      gradients(thread, part.samples.count, first > 0, first + chunk() >= batch.count, pass,
                consume);
      barrier_.arrive_and_wait();
    }
    return Ending::kFinished;
  }

  // Σ of the weights of a batch's samples.
  static double weight_of(const Selection& batch) {
    if (!batch.samples->weights) return static_cast<double>(batch.count);
    double weight = 0;
    for (Index i = 0; i < batch.count; ++i) weight += batch.samples->weights[batch.index(i)];
    return weight;
  }

  // For the threads that run batches, between them.
  Barrier& barrier() { return barrier_; }

 private:
  // A thread's own memory for a part of the weights or of the gradient.
  Scalar* piece(int thread) { return pieces_.data() + thread * piece_size_; }

  Index chunk() const { return workspace_.n_panels() * kLanes<Scalar>; }

  // The statistics of batch normalization need the whole batch at once.
  static Index chunk_for(const Layout& layout, Index batch_size) {
    return layout.batch_normalized() ? batch_size : std::min(batch_size, kChunkSamples);
  }

  // Everything up to the δ of all layers. All threads share every layer, and wait for each other
  // after it, so that each core keeps the weights of its share from step to step in its own cache.
  // Only where all weights fit into it and there are many samples, each thread takes whole panels.
  void forward_backward(int thread, const Chunk& part, const Pass<Scalar>& pass) {
    const Index count = part.samples.count;
    const Index n_panels = divide_up(count, kLanes<Scalar>);
    const bool by_panels =
        n_threads_ == 1 || (small_ && !normalized_ && count >= n_threads_ * kChunkSamples / 2);
    const Share own = share_of(n_panels, thread, n_threads_);
    const Region region = by_panels ? Region{own.begin, own.end - own.begin}
                                    : Region{0, n_panels, thread, n_threads_};
    const auto next = [&](bool last = false) {
      if (!by_panels || last) barrier_.arrive_and_wait();
    };
    const std::size_t n_layers = network_.layout().layers().size();
    workspace_.gather_inputs(part, region);
    next();
    for (std::size_t l = 0; l < n_layers; ++l) {
      workspace_.forward(l, part, pass, region);
      next();
      if (workspace_.normalized(l)) {
        workspace_.normalize(l, part, pass, region);
        next();
      }
    }
    workspace_.loss(part, pass, region);
    next(n_layers == 1);
    for (std::size_t l = n_layers - 1; l > 0; --l) {
      workspace_.backward(l, region, piece(thread));
      const bool normalized = workspace_.normalized(l - 1);
      next(l == 1 && !normalized);
      if (normalized) {
        workspace_.normalize_gradients(l - 1, part, part.first > 0, region);
        next();
        workspace_.normalize_backward(l - 1, region);
        next(l == 1);
      }
    }
  }

  // This thread's share of the gradient.
  template <typename Consume>
  void gradients(int thread, Index n_samples, bool resume, bool finished, const Pass<Scalar>& pass,
                 Consume&& consume) {
    const std::vector<Layer>& layers = network_.layout().layers();
    Index total = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      total += gradient_tiles(layers[l], workspace_.gradient_sources(l, n_samples));
    }
    const Share mine = share_of(total, thread, n_threads_);
    Index before = 0;
    Scalar* sums = sums_.data();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const GradientSources<Scalar> sources = workspace_.gradient_sources(l, n_samples);
      const Index tiles = gradient_tiles(layers[l], sources);
      const Share share{std::clamp(mine.begin - before, Index{0}, tiles),
                        std::clamp(mine.end - before, Index{0}, tiles)};
      weight_gradient(layers[l], sources, share, sums, resume, finished, piece(thread), consume);
      if (sums) sums += gradient_sums<Scalar>(layers[l]);
      before += tiles;
      if (thread == 0 && finished && workspace_.normalized(l)) {
        consume(layers[l].gains, layers[l].fan_out, workspace_.gain_gradients(l), false);
        consume(layers[l].shifts, layers[l].fan_out, workspace_.shift_gradients(l), false);
        workspace_.keep_statistics(l, pass);
      }
    }
  }

  const Network<Scalar>& network_;
  int n_threads_;
  const StopRequested& stop_;
  Workspace<Scalar> workspace_;
  bool normalized_;
  bool small_;
  Index piece_size_;
  Buffer<Scalar> pieces_;
  Buffer<Scalar> sums_;  // of the gradient over chunks; empty where a chunk holds the batch
  Barrier barrier_;
  std::atomic<bool> stopped_{false};
};

}  // namespace eigenmlp
