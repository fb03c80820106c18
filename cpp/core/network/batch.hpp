// One mini-batch through the network, shared by several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "kernels/sparse.hpp"
#include "network/workspace.hpp"
#include "shapes/order.hpp"
#include "system/sharing.hpp"
#include "system/threads.hpp"

namespace eigenmlp {

// A batch passes in chunks of at most this many samples, so that memory stays bounded and in the
// second-level cache; every element of the gradient is still summed in the order of the samples.
inline constexpr Index kChunkSamples = 128;
// Of sparse inputs by more samples, which take little memory, so that a batch most often is one
// chunk, and its gradient needs no sums over chunks; and by fewer where they store more than this.
inline constexpr Index kSparseChunkSamples = 512;
inline constexpr Index kChunkStored = Index{1} << 18;
// The weights of an input are fetched while those of so many before it are worked on.
inline constexpr Index kColumnsAhead = 2;

// Parameters of this size fit a core's second-level cache beside the activations.
inline constexpr Index kSmallBytes = 512 * 1024;

// Forward and backward cost two operations per weight each, the gradient two more; the input layer
// needs no backward.
inline double flops_per_sample(const Layout& layout, const Table& inputs) {
  const Layer& first = layout.layers().front();
  const double products = products_per_sample(layout, inputs);
  const double others = static_cast<double>(layout.n_parameters()) -
                        static_cast<double>(first.fan_in * first.fan_out);
  return 2.0 * (2.0 * products + others);
}

template <typename Scalar>
ThreadCount threads_for(const Layout& layout, const Table& inputs, Index batch_size,
                        const Threads& allowed) {
  // Threads wait for each other in every chunk.
  const Index samples = std::min(batch_size, kChunkSamples);
  const Index n_panels = divide_up(samples, kLanes<Scalar>);
  double flops = flops_per_sample(layout, inputs) * static_cast<double>(samples);
  // Beside sparse products the update of all weights counts.
  if (inputs.sparse()) flops += static_cast<double>(layout.n_parameters());
  return ThreadCount(allowed, n_panels * divide_up(layout.widest(), kTileRows), flops);
}

template <typename Scalar>
class BatchRunner {
 public:
  // For batches of the order's samples, all of them of batch_size but the last.
  BatchRunner(const Network<Scalar>& network, const Table& inputs, const Order& order,
              Index batch_size, int n_threads, const StopRequested& stop)
      : network_(network),
        n_threads_(n_threads),
        stop_(stop),
        workspace_(network,
                   divide_up(chunk_for(network.layout(), inputs, batch_size), kLanes<Scalar>),
                   inputs.sparse()),
        normalized_(network.layout().normalized()),
        small_(network.layout().n_parameters() * static_cast<Index>(sizeof(Scalar)) <= kSmallBytes),
        piece_size_(
            round_up(gradient_piece<Scalar>(inputs.sparse() ? network.layout().widest_above()
                                                            : network.layout().widest()),
                     kAlignment / sizeof(Scalar))),
        pieces_(piece_size_ * n_threads),
        barrier_(n_threads) {
    const std::vector<Layer>& layers = network.layout().layers();
    const bool in_chunks = batch_size > chunk();
    if (inputs.sparse()) {
      const Layer& first = layers.front();
      first_weights_ = network.first_weights(inputs.stored);
      const Index most = most_stored(inputs, order, batch_size, chunk());
      for (int thread = 0; thread < n_threads; ++thread) {
        const Share columns = share_of(first.fan_in, thread, n_threads);
        Columns& mine = columns_.emplace_back();
        mine.all = columns;
        mine.of_chunk = ColumnEntries<Scalar>(columns, most);
        if (!in_chunks) continue;
        mine.in_batch.reserve(static_cast<std::size_t>(std::min(
            columns.end - columns.begin, most_stored(inputs, order, batch_size, batch_size))));
      }
      if (in_chunks) {
        column_sums_ = Buffer<Scalar>(first.fan_in * first.fan_out);
        is_in_batch_ = Buffer<bool>(first.fan_in);
      }
    }
    if (in_chunks) {
      Index size = 0;
      for (std::size_t l = 0; l < layers.size(); ++l) size += sums_of(l);
      sums_ = Buffer<Scalar>(size);
    }
  }

  // Called by every thread with the same batch. sum: the batch's loss. consume(offset, n, gradient,
  // is_weight) takes n finished values of the mean loss's gradient, each value once, on some
  // thread. Of sparse inputs `columns` takes the gradient of the first layer's weights, input by
  // input, each thread that of its share: prepare(thread, column) is called before a chunk with
  // that input passes, and fetch(column) a little earlier; start(share) once the batch's gradient
  // is finished, and then take(thread, column, gradient) for every input that the batch has.
  template <typename Consume, typename TakesColumns>
  Ending run(int thread, const Selection& batch, const Pass<Scalar>& pass, LossSum& sum,
             Consume&& consume, TakesColumns&& columns) {
    sum = {};
    Chunk part{batch, 0, weight_of(batch)};
    for (Index first = 0; first < batch.count; first += chunk()) {
      part.samples.first = batch.first + first;
      part.samples.count = std::min(chunk(), batch.count - first);
      part.first = first;
      // One thread asks, so that after the next barrier all threads see the same answer.
      if (thread == 0 && stop_()) stopped_.store(true, std::memory_order_relaxed);
      forward_backward(thread, part, pass, columns);
      if (stopped_.load(std::memory_order_relaxed)) return Ending::kStopped;
      workspace_.add_losses(part, sum);
      if (!std::isfinite(sum.loss)) return Ending::kDiverged;
      gradients(thread, part.samples.count, first > 0, first + chunk() >= batch.count, pass,
                consume, columns);
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
  static Index chunk_for(const Layout& layout, const Table& inputs, Index batch_size) {
    if (layout.batch_normalized()) return batch_size;
    if (!inputs.sparse()) return std::min(batch_size, kChunkSamples);
    const Index stored = divide_up(std::max(inputs.stored, Index{1}), inputs.count);
    const Index samples = std::clamp(kChunkStored / stored, kLanes<Scalar>, kSparseChunkSamples);
    return std::min(batch_size, samples);
  }

  // The most numbers that `together` samples of a batch store.
  static Index most_stored(const Table& inputs, const Order& order, Index batch_size,
                           Index together) {
    Index most = 0;
    Index stored = 0;
    for (Index i = 0; i < order.count; ++i) {
      if (i % batch_size % together == 0) stored = 0;
      const Stored sample = stored_of(inputs, order.samples ? order.samples[i] : i);
      stored += sample.end - sample.begin;
      most = std::max(most, stored);
    }
    return most;
  }

  // What the gradient of layer l takes in sums_.
  Index sums_of(std::size_t l) const {
    const Layer& layer = network_.layout().layers()[l];
    return l == 0 && sparse() ? round_up(layer.fan_out, kWidth<Scalar>)
                              : gradient_sums<Scalar>(layer);
  }

  bool sparse() const { return !columns_.empty(); }

  // Everything up to the δ of all layers. All threads share every layer, and wait for each other
  // after it, so that each core keeps the weights of its share from step to step in its own cache.
  // Only where all weights fit into it and there are many samples, each thread takes whole panels.
  template <typename TakesColumns>
  void forward_backward(int thread, const Chunk& part, const Pass<Scalar>& pass,
                        TakesColumns&& columns) {
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
    workspace_.gather_samples(part, region);
    if (sparse()) {
      Columns& mine = columns_[static_cast<std::size_t>(thread)];
      mine.of_chunk.take(part.samples, network_.input_scale());
      for (const Index* column = mine.of_chunk.begin(); column < mine.of_chunk.end(); ++column) {
        if (mine.of_chunk.end() - column > kColumnsAhead) columns.fetch(column[kColumnsAhead]);
        columns.prepare(thread, *column);
      }
    }
    next(sparse());
    for (std::size_t l = 0; l < n_layers; ++l) {
      workspace_.forward(l, part, pass, region, first_weights_);
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
  template <typename Consume, typename TakesColumns>
  void gradients(int thread, Index n_samples, bool resume, bool finished, const Pass<Scalar>& pass,
                 Consume&& consume, TakesColumns&& columns) {
    const std::vector<Layer>& layers = network_.layout().layers();
    if (sparse()) {
      workspace_.lay_delta_in_rows({0, divide_up(n_samples, kLanes<Scalar>), thread, n_threads_});
      barrier_.arrive_and_wait();
      column_gradients(thread, finished, columns);
      bias_gradients(thread, n_samples, resume, finished, consume);
    }
    const std::size_t lowest = sparse() ? 1 : 0;
    Index total = 0;
    for (std::size_t l = lowest; l < layers.size(); ++l) {
      total += gradient_tiles(layers[l], workspace_.gradient_sources(l, n_samples));
    }
    const Share mine = share_of(total, thread, n_threads_);
    Index before = 0;
    Scalar* sums = sums_.data();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      if (l >= lowest) {
        const GradientSources<Scalar> sources = workspace_.gradient_sources(l, n_samples);
        const Index tiles = gradient_tiles(layers[l], sources);
        const Share share{std::clamp(mine.begin - before, Index{0}, tiles),
                          std::clamp(mine.end - before, Index{0}, tiles)};
        weight_gradient(layers[l], sources, share, sums, resume, finished, piece(thread), consume);
        before += tiles;
      }
      if (sums) sums += sums_of(l);
      if (thread == 0 && finished && workspace_.normalized(l)) {
        consume(layers[l].gains, layers[l].fan_out, workspace_.gain_gradients(l), false);
        consume(layers[l].shifts, layers[l].fan_out, workspace_.shift_gradients(l), false);
        workspace_.keep_statistics(l, pass);
      }
    }
  }

  // The gradient of the first layer's weights over a chunk of sparse inputs, of this thread's share
  // of them.
  template <typename TakesColumns>
  void column_gradients(int thread, bool finished, TakesColumns&& columns) {
    Columns& mine = columns_[static_cast<std::size_t>(thread)];
    const DeltaRows<Scalar>& rows = workspace_.delta_rows();
    const Index fan_out = network_.layout().layers().front().fan_out;
    const bool in_chunks = column_sums_.size() > 0;
    Scalar* const sum = piece(thread);
    if (finished) columns.start(mine.all);
    const Index* ahead = mine.of_chunk.begin();
    mine.of_chunk.for_each_column(
        [&](Index column, Index count, const Index* samples, const Scalar* values) {
          if (mine.of_chunk.end() - ahead > kColumnsAhead) columns.fetch(ahead[kColumnsAhead]);
          ++ahead;
          std::fill_n(sum, rows.stride, Scalar(0));
          if (!in_chunks) {
            add_column_gradient(count, samples, values, rows, sum);
            columns.take(thread, column, sum);
            return;
          }
          Scalar* const total = column_sums_.data() + column * fan_out;
          bool& is_in_batch = is_in_batch_.data()[column];
          if (is_in_batch) {
            std::copy_n(total, fan_out, sum);
          } else {
            is_in_batch = true;
            mine.in_batch.push_back(column);
          }
          add_column_gradient(count, samples, values, rows, sum);
          std::copy_n(sum, fan_out, total);
        });
    if (!finished) return;
    for (const Index column : mine.in_batch) {
      columns.take(thread, column, column_sums_.data() + column * fan_out);
      is_in_batch_.data()[column] = false;
    }
    mine.in_batch.clear();
  }

  // And of its biases, Σ δ in the order of the samples, for a share of them.
  template <typename Consume>
  void bias_gradients(int thread, Index n_samples, bool resume, bool finished, Consume&& consume) {
    const DeltaRows<Scalar>& rows = workspace_.delta_rows();
    const Layer& layer = network_.layout().layers().front();
    const Share mine = share_of(layer.fan_out, thread, n_threads_);
    const Index count = mine.end - mine.begin;
    Scalar* const sum = sums_.size() > 0 ? sums_.data() + mine.begin : piece(thread);
    if (!resume) std::fill_n(sum, count, Scalar(0));
    for (Index sample = 0; sample < n_samples; ++sample) {
      const Scalar* const delta = rows.data + sample * rows.stride + mine.begin;
      for (Index i = 0; i < count; ++i) sum[i] += delta[i];
    }
    if (finished) consume(layer.biases + mine.begin, count, sum, false);
  }

  // Of sparse inputs, those that a thread takes the gradient of.
  struct Columns {
    Share all{0, 0};
    ColumnEntries<Scalar> of_chunk;
    std::vector<Index> in_batch;  // where it passes in several chunks
  };

  const Network<Scalar>& network_;
  int n_threads_;
  const StopRequested& stop_;
  Workspace<Scalar> workspace_;
  bool normalized_;
  bool small_;
  Index piece_size_;
  Buffer<Scalar> pieces_;
  Buffer<Scalar> sums_;  // of the gradient over chunks; empty where a chunk holds the batch
  FirstWeights<Scalar> first_weights_{nullptr, false};
  std::vector<Columns> columns_;  // of each thread; empty where inputs are dense
  Buffer<Scalar> column_sums_;    // as sums_, of the first layer's weights input by input
  Buffer<bool> is_in_batch_;      // of each input
  Barrier barrier_;
  std::atomic<bool> stopped_{false};
};

}  // namespace eigenmlp
