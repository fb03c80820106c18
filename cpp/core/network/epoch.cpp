#include "network/epoch.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

#include "kernels/clipping.hpp"
#include "kernels/sums.hpp"
#include "kernels/update.hpp"
#include "network/batch.hpp"
#include "network/column_gradients.hpp"
#include "network/column_steps.hpp"
#include "network/moments.hpp"
#include "network/step.hpp"
#include "system/sharing.hpp"
#include "system/subnormals.hpp"
#include "system/threads.hpp"

namespace eigenmlp {

namespace {

// Where each group of parameters that may have a learning rate of its own ends: of each layer its
// weights, biases, gains and shifts, which may be none.
std::vector<Index> ends_of_groups(const Layout& layout) {
  std::vector<Index> ends;
  for (std::size_t l = 0; l < layout.layers().size(); ++l) {
    const Layer& layer = layout.layers()[l];
    const bool last = l + 1 == layout.layers().size();
    const Index end = last ? layout.n_parameters() : layout.layers()[l + 1].weights;
    const Index biases = layer.biases + layer.fan_out;
    ends.insert(ends.end(), {layer.biases, biases, std::min(biases + layer.fan_out, end), end});
  }
  return ends;
}

std::size_t n_rates_of_a_step(const EpochSettings& settings, const Order& order, Index batch_size) {
  const auto n_steps = static_cast<std::size_t>(divide_up(order.count, batch_size));
  return std::max(settings.learning_rates.size() / n_steps, std::size_t{1});
}

// The steps of an epoch from a sample on, as long as the number of threads stays the same.
template <typename Scalar>
class Epoch {
 public:
  Epoch(Network<Scalar>& network, Optimizer<Scalar>& optimizer, const Samples& samples,
        const Order& order, const EpochSettings& settings, Index batch_size, Index first,
        ThreadCount& threads, const StopRequested& stop)
      : network_(network),
        optimizer_(optimizer),
        samples_(samples),
        order_(order),
        settings_(settings),
        batch_size_(batch_size),
        first_(first),
        threads_(threads),
        n_threads_(threads.now()),
        clips_values_(std::isfinite(settings.clipping.value)),
        clips_norm_(std::isfinite(settings.clipping.norm)),
        // The norm of a gradient needs it whole, as it lies in the layout.
        by_input_(samples.inputs.sparse() && !clips_norm_),
        first_weights_(by_input_ ? network.first_weights_to_change() : nullptr),
        parameters_(by_input_ ? network.other_parameters_to_change() : network.parameters()),
        runner_(network, samples.inputs, order, batch_size, n_threads_, stop),
        ends_(ends_of_groups(network.layout())),
        n_groups_(n_rates_of_a_step(settings, order, batch_size)),
        group_steps_(static_cast<std::size_t>(n_threads_)),
        end_(order.count) {
    for (std::vector<Step<Scalar>>& group_steps : group_steps_) group_steps.reserve(n_groups_);
    waiting_.reserve(ColumnSteps<Scalar>::kMostSteps);
    const Index n_parameters = network.layout().n_parameters();
    if (clips_norm_) {
      gradient_ = Buffer<Scalar>(n_parameters);
      norm_.emplace(n_parameters);
    }
    if (!by_input_) {
      lay_as_parameters(optimizer, n_threads_);
      return;
    }
    const Layer& layer = network.layout().layers().front();
    lay_by_input(optimizer, layer, n_threads_);
    const double lambda = settings.penalty.lambda;
    columns_.emplace(optimizer, layer, first_weights_, lambda != 0, settings.clipping.value,
                     settings.objective && lambda != 0, n_threads_);
  }

  // Called by every thread.
  void run(int thread, EpochResult& result) {
    std::int64_t clock = optimizer_.clock();
    Pass<Scalar> pass{settings_.loss, clock, true, 0, parameters_};
    std::vector<Step<Scalar>>& group_steps = group_steps_[static_cast<std::size_t>(thread)];
    for (Index first = first_; first < end_.load(std::memory_order_relaxed);
         first += batch_size_, ++clock) {
      // The others see it after this batch, whose barriers they wait at; until then, either end is
      // still to come.
      if (thread == 0 && threads_.changes()) {
        end_.store(first + batch_size_, std::memory_order_relaxed);
      }
      const Selection batch{&samples_.inputs, &samples_, order_.samples, first,
                            std::min(batch_size_, order_.count - first)};
      pass.step = clock;
      const std::vector<double>& rates = settings_.learning_rates;
      group_steps.clear();
      const auto step_of_epoch = static_cast<std::size_t>(first / batch_size_);
      for (std::size_t group = 0; group < n_groups_; ++group) {
        const std::size_t at = step_of_epoch * n_groups_ + group;
        group_steps.emplace_back(optimizer_.rule(), clock, rates[rates.size() == 1 ? 0 : at]);
      }
      const double penalty = settings_.penalty.of(weight_of(batch));
      if (columns_) columns_->open(thread, group_steps[0], static_cast<Scalar>(penalty));
      // Computed here, since after the next barrier the step may change parameters.
      const double squares =
          thread == 0 && settings_.objective && settings_.penalty.lambda != 0 ? squares_now() : 0;
      LossSum sum;
      const Ending ending = step(thread, batch, pass, group_steps, penalty, sum);
      if (thread == 0) {
        result.ending = ending;
        if (ending == Ending::kFinished) {
          result.sum += sum;
          waiting_.push_back(
              {static_cast<double>(batch.count), sum.loss / sum.weight, penalty, squares});
          result.n_samples += batch.count;
          ++result.n_batches;
        }
      }
      if (ending != Ending::kFinished && columns_) columns_->cancel(thread);
      if (!columns_ || columns_->full(thread)) settle(thread, result);
      if (ending != Ending::kFinished) break;
    }
    settle(thread, result);
    if (columns_) network_.write_back_first_weights(columns_->columns(thread));
  }

 private:
  double weight_of(const Selection& batch) const {
    return settings_.penalty.divided ? BatchRunner<Scalar>::weight_of(batch) : 1;
  }

  // A finished batch: what it adds to the objective, once the sum of the squares of all weights
  // before its step is known.
  struct Finished {
    double count;
    double loss;  // mean
    double penalty;
    double squares;
  };

  // The squares that the penalty adds up, without those of weights whose steps wait.
  double squares_now() const {
    const double others = other_squares(network_, settings_.penalty.biases);
    return columns_ ? others : others + first_squares(network_);
  }

  // Takes the steps that wait, and adds the objective of their batches.
  void settle(int thread, EpochResult& result) {
    const bool shared = columns_ && settings_.objective && settings_.penalty.lambda != 0;
    if (columns_) columns_->finish(thread);
    if (shared) runner_.barrier().arrive_and_wait();
    if (thread == 0) {
      for (std::size_t i = 0; i < waiting_.size(); ++i) {
        const Finished& batch = waiting_[i];
        const double squares = batch.squares + (shared ? columns_->squares(i) : 0);
        const double penalized = batch.penalty / 2 * squares;
        result.objective += batch.count * (batch.loss + penalized);
        result.penalty += batch.count * penalized;
      }
      waiting_.clear();
    }
    if (shared) runner_.barrier().arrive_and_wait();
    if (columns_) columns_->clear(thread);
  }

  Ending step(int thread, const Selection& batch, const Pass<Scalar>& pass,
              const std::vector<Step<Scalar>>& group_steps, double penalty, LossSum& sum) {
    const auto decay = static_cast<Scalar>(penalty);
    const Scalar bias_decay = settings_.penalty.biases ? decay : Scalar(0);
    const auto run = [&](auto&& consume) {
      if (columns_) return runner_.run(thread, batch, pass, sum, consume, *columns_);
      if (!samples_.inputs.sparse()) {
        return runner_.run(thread, batch, pass, sum, consume, NoColumns{});
      }
      const ColumnGradients<Scalar> columns{network_.layout().layers().front(), parameters_, decay,
                                            gradient_.data()};
      return runner_.run(thread, batch, pass, sum, consume, columns);
    };
    if (!clips_values_ && !clips_norm_) {
      return run([&](Index offset, Index count, Scalar* gradient, bool is_weight) {
        move(group_steps, is_weight ? decay : bias_decay, is_weight, offset, count, gradient);
      });
    }
    const Ending ending = run([&](Index offset, Index count, Scalar* gradient, bool is_weight) {
      const Scalar lambda = is_weight ? decay : bias_decay;
      for (Index i = 0; i < count; ++i) gradient[i] += lambda * parameters_[offset + i];
      bound_values(count, gradient);
      if (clips_norm_) {
        std::copy_n(gradient, count, gradient_.data() + offset);
      } else {
        move(group_steps, Scalar(0), is_weight, offset, count, gradient);
      }
    });
    if (!clips_norm_ || ending != Ending::kFinished) return ending;
    if (samples_.inputs.sparse()) {
      const Layer& first = network_.layout().layers().front();
      const Share mine = share_of(first.biases - first.weights, thread, n_threads_);
      bound_values(mine.end - mine.begin, gradient_.data() + first.weights + mine.begin);
      runner_.barrier().arrive_and_wait();
    }
    norm_->add(gradient_.data(), thread, n_threads_);
    runner_.barrier().arrive_and_wait();
    clip_norm_and_update(thread, group_steps);
    runner_.barrier().arrive_and_wait();
    if (samples_.inputs.sparse()) {
      if (thread == 0) network_.copy_first_weights();
      runner_.barrier().arrive_and_wait();
    }
    return ending;
  }

  void bound_values(Index count, Scalar* gradient) const {
    if (clips_values_) clip_values(count, static_cast<Scalar>(settings_.clipping.value), gradient);
  }

  // Updates a range of the parameters, each group in it by its own step.
  void move(const std::vector<Step<Scalar>>& group_steps, Scalar decay, bool is_weight,
            Index offset, Index count, Scalar* gradient) {
    std::size_t group = 0;
    if (n_groups_ > 1) {
      group = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), offset) -
                                       ends_.begin());
    }
    for (; count > 0; ++group) {
      const Index part = n_groups_ > 1 ? std::min(count, ends_[group] - offset) : count;
      update(optimizer_, group_steps[group], decay, is_weight, offset, part, gradient, parameters_);
      offset += part;
      gradient += part;
      count -= part;
    }
  }

  // Every thread decides alike. A gradient that is not finite is left as it is, for the epoch's
  // end to find.
  void clip_norm_and_update(int thread, const std::vector<Step<Scalar>>& group_steps) {
    const double bound = settings_.clipping.norm;
    const double total = norm_->total();
    const double norm = std::sqrt(total);
    const double factor = norm > bound ? bound / norm : 1;
    // Squares below this may have lost some to underflow, which matters if the bound is as small.
    constexpr double kSmallest = 0x1p-960;
    const bool squares_hold = std::isfinite(total) && (total > kSmallest || bound > 0x1p-480);
    if (squares_hold && factor >= static_cast<double>(std::numeric_limits<Scalar>::min())) {
      multiply_and_update(thread, group_steps,
                          [scale = static_cast<Scalar>(factor)](Scalar g) { return g * scale; });
      return;
    }
    const ScaledNorm scaled(gradient_.data(), gradient_.size());
    runner_.barrier().arrive_and_wait();  // all have read before one writes
    if (scaled.exceeds(bound)) {
      multiply_and_update(thread, group_steps, [&](Scalar g) {
        return static_cast<Scalar>(static_cast<double>(g) / scaled.largest / scaled.ratio * bound);
      });
    } else {
      multiply_and_update(thread, group_steps, [](Scalar g) { return g; });
    }
  }

  template <typename Multiply>
  void multiply_and_update(int thread, const std::vector<Step<Scalar>>& group_steps,
                           Multiply&& multiply) {
    for_each_piece(thread, [&](Index offset, Index count, bool is_weight) {
      Scalar* gradient = gradient_.data() + offset;
      for (Index i = 0; i < count; ++i) gradient[i] = multiply(gradient[i]);
      move(group_steps, Scalar(0), is_weight, offset, count, gradient);
    });
  }

  // body(offset, count, is_weight) for this thread's share of the parameters.
  template <typename Body>
  void for_each_piece(int thread, Body&& body) {
    const std::vector<Layer>& layers = network_.layout().layers();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Index end =
          l + 1 < layers.size() ? layers[l + 1].weights : network_.layout().n_parameters();
      const auto share = [&](Index begin, Index size, bool is_weight) {
        const Share mine = share_of(size, thread, n_threads_);
        body(begin + mine.begin, mine.end - mine.begin, is_weight);
      };
      share(layers[l].weights, layers[l].biases - layers[l].weights, true);
      share(layers[l].biases, end - layers[l].biases, false);
    }
  }

  Network<Scalar>& network_;
  Optimizer<Scalar>& optimizer_;
  const Samples& samples_;
  const Order& order_;
  const EpochSettings& settings_;
  Index batch_size_;
  Index first_;
  ThreadCount& threads_;
  int n_threads_;
  bool clips_values_;
  bool clips_norm_;
  // Whether the first layer's weights and their moments lie input by input meanwhile.
  bool by_input_;
  Scalar* first_weights_;  // where they do
  Scalar* parameters_;     // all others, or all
  BatchRunner<Scalar> runner_;
  std::optional<ColumnSteps<Scalar>> columns_;
  std::vector<Finished> waiting_;  // batches whose objective isn't added yet
  std::vector<Index> ends_;
  std::size_t n_groups_;  // that have a rate of their own; 1 where all share one
  // Of each thread, its steps of the groups. As of waiting_, their memory is taken before the
  // threads start, since an exception on one of them would end the process.
  std::vector<std::vector<Step<Scalar>>> group_steps_;
  Buffer<Scalar> gradient_;  // of a step, where its norm is bounded
  std::optional<SquareSum> norm_;
  std::atomic<Index> end_;  // where the run ends, with the samples or before
};

}  // namespace

template <typename Scalar>
EpochResult train_epoch(Network<Scalar>& network, Optimizer<Scalar>& optimizer,
                        const Samples& samples, const Order& order, const EpochSettings& settings,
                        const Threads& threads, const StopRequested& stop) {
  const Order taken{order.samples, order.samples ? order.count : samples.inputs.count};
  const Index batch_size = std::min(settings.batch_size, taken.count);
  const std::size_t n_rates = settings.learning_rates.size();
  const auto n_steps = static_cast<std::size_t>(divide_up(taken.count, batch_size));
  const std::size_t n_groups = 4 * network.layout().layers().size();
  if (n_rates != 1 && n_rates != n_steps && n_rates != n_steps * n_groups) {
    throw std::invalid_argument(
        "learning_rates must hold one rate, or one for each step, or for each of its groups");
  }
  ThreadCount n_threads =
      threads_for<Scalar>(network.layout(), samples.inputs, batch_size, threads);

  EpochResult result;
  Index first = 0;
  while (first < taken.count && result.ending == Ending::kFinished) {
    Epoch<Scalar> epoch(network, optimizer, samples, taken, settings, batch_size, first, n_threads,
                        stop);
    const Index n_batches = result.n_batches;
    run_on_threads(n_threads.now(), [&](int thread) { epoch.run(thread, result); });
    optimizer.advance(result.n_batches - n_batches);
    first = result.n_batches * batch_size;
  }
  if (result.ending == Ending::kFinished && !is_finite(network, optimizer)) {
    result.ending = Ending::kDiverged;
  }
  return result;
}

#define EIGENMLP_INSTANTIATE(Scalar)                                                     \
  template EpochResult train_epoch(Network<Scalar>&, Optimizer<Scalar>&, const Samples&, \
                                   const Order&, const EpochSettings&, const Threads&,   \
                                   const StopRequested&)
EIGENMLP_INSTANTIATE(float);
EIGENMLP_INSTANTIATE(double);

}  // namespace eigenmlp
