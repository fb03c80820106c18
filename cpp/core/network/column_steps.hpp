// Steps of the first layer's weights where the inputs are sparse. Update rules, penalties and
// bounds work on each weight alone, and the gradient of an input that a batch doesn't have is zero:
// so its weights' steps wait until the input comes or an epoch ends, and are then taken one after
// the other while the weights are in the first-level cache. Every weight takes the same steps as if
// none waited, and has the same bits.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <variant>
#include <vector>

#include "kernels/clipping.hpp"
#include "kernels/sums.hpp"
#include "kernels/update.hpp"
#include "shapes/layout.hpp"
#include "shapes/optimizer.hpp"

namespace eigenmlp {

// Whether a step with the gradient 0 leaves parameters as they are whose moments are 0.
inline bool rests_at_zero(const Rule& rule) {
  return std::visit(
      []<typename Kind>(const Kind& kind) {
        bool rests = true;
        if constexpr (requires { kind.epsilon; }) rests = kind.epsilon > 0;
        if constexpr (requires { kind.weight_decay; }) rests = rests && kind.weight_decay == 0;
        return rests;
      },
      rule);
}

// Each thread has a share of the inputs, whose weights it alone reads here and changes.
template <typename Scalar>
class ColumnSteps {
 public:
  // Steps that wait at most: their numbers are to stay in the second-level cache.
  static constexpr std::size_t kMostSteps = 128;

  // weights: input by input, as the optimizer's moments lie. bound: of each element of the
  // gradient. squares: whether to sum the squares of the weights before each step.
  ColumnSteps(Optimizer<Scalar>& optimizer, const Layer& layer, Scalar* weights, bool decays,
              double bound, bool squares, int n_threads)
      : optimizer_(optimizer),
        fan_out_(layer.fan_out),
        weights_(weights),
        decays_(decays),
        bound_(bound),
        sums_squares_(squares),
        run_(std::clamp(kRunValues / layer.fan_out, Index{1}, layer.fan_in)),
        rests_(rests_at_zero(optimizer.rule())),
        taken_(layer.fan_in) {
    for (int thread = 0; thread < n_threads; ++thread) {
      logs_.push_back({share_of(layer.fan_in, thread, n_threads),
                       {},
                       {},
                       {},
                       Buffer<Scalar>(std::isfinite(bound) ? layer.fan_out : 0)});
      logs_.back().steps.reserve(kMostSteps);
      logs_.back().decays.reserve(kMostSteps);
      logs_.back().squares.reserve(squares ? kMostSteps : 0);
    }
  }

  // A thread's share of the inputs.
  Share columns(int thread) const { return logs_[static_cast<std::size_t>(thread)].columns; }

  // Begins a step: its rule and λ.
  void open(int thread, const Step<Scalar>& step, Scalar decay) {
    Log& log = log_of(thread);
    log.steps.push_back(step);
    log.decays.push_back(decay);
    if (sums_squares_) log.squares.emplace_back();
  }

  // The step that has begun is not taken.
  void cancel(int thread) {
    Log& log = log_of(thread);
    log.steps.pop_back();
    log.decays.pop_back();
    if (sums_squares_) log.squares.pop_back();
  }

  // Fetches what the steps of an input need, in advance.
  void fetch(Index column) const {
    constexpr Index kLine = kAlignment / sizeof(Scalar);
    const Index begin = column * fan_out_;
    for (Index at = begin; at < begin + fan_out_; at += kLine) {
      __builtin_prefetch(weights_ + at);
      for (const Buffer<Scalar>& moments : optimizer_.moments()) {
        __builtin_prefetch(moments.data() + at);
      }
    }
  }

  // Takes the steps before the present one, of an input.
  void prepare(int thread, Index column) {
    Log& log = log_of(thread);
    catch_up(log, column, 1, static_cast<Index>(log.steps.size()) - 1);
  }

  void start(const Share&) const {}

  // Takes the present step with a gradient (fan_out), which is changed on the way.
  void take(int thread, Index column, Scalar* gradient) {
    Log& log = log_of(thread);
    take(log, log.steps.size() - 1, column, gradient);
    taken_.data()[column] = static_cast<Count>(log.steps.size());
  }

  bool full(int thread) { return log_of(thread).steps.size() == kMostSteps; }

  // Takes all steps of this thread's inputs.
  void finish(int thread) {
    Log& log = log_of(thread);
    const auto all = static_cast<Index>(log.steps.size());
    for (Index column = log.columns.begin; column < log.columns.end;) {
      Index count = 1;
      while (count < run_ && column + count < log.columns.end &&
             taken_.data()[column + count] == taken_.data()[column]) {
        ++count;
      }
      catch_up(log, column, count, all);
      column += count;
    }
  }

  // Of a finished step, the sum of the squares of all weights before it.
  double squares(std::size_t step) const {
    ExactSum sum;
    for (const Log& log : logs_) sum += log.squares[step];
    return sum.total();
  }

  // Forgets the steps, which are all taken.
  void clear(int thread) {
    Log& log = log_of(thread);
    log.steps.clear();
    log.decays.clear();
    log.squares.clear();
    std::fill(taken_.data() + log.columns.begin, taken_.data() + log.columns.end, Count{0});
  }

 private:
  using Count = std::int32_t;

  // Weights that catch up together: they, their moments and gradient fit the first-level cache.
  static constexpr Index kRunValues = 1024;

  struct Log {
    Share columns;
    std::vector<Step<Scalar>> steps;
    std::vector<Scalar> decays;
    std::vector<ExactSum> squares;
    Buffer<Scalar> zeros;  // the gradient of an input that a batch doesn't have
  };

  Log& log_of(int thread) { return logs_[static_cast<std::size_t>(thread)]; }

  // Takes the steps up to one of `count` columns that have taken as many.
  void catch_up(Log& log, Index column, Index count, Index end) {
    const Index begin = taken_.data()[column];
    if (begin == end) return;
    std::fill_n(taken_.data() + column, count, static_cast<Count>(end));
    if (!rests_ || decays_) return take_all(log, column, count, begin, end);
    // Those that rest divide the run.
    for (Index first = column; first < column + count; ++first) {
      if (rests(first)) continue;
      Index last = first + 1;
      while (last < column + count && !rests(last)) ++last;
      take_all(log, first, last - first, begin, end);
      first = last;
    }
  }

  bool rests(Index column) const {
    const auto none_of = [&](const Scalar* values, auto&& moves) {
      // An integer flag instead of an early return, so that the loop is vectorized.
      int found = 0;
      for (Index i = 0; i < fan_out_; ++i) found |= moves(values[column * fan_out_ + i]);
      return found == 0;
    };
    for (const Buffer<Scalar>& moments : optimizer_.moments()) {
      if (!none_of(moments.data(), [](Scalar moment) { return moment != Scalar(0); })) return false;
    }
    // A step makes 0 of subnormals, and some rules of -0.
    return none_of(weights_, [](Scalar weight) {
      using Bits = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;
      constexpr Bits kMagnitude = std::numeric_limits<Bits>::max() >> 1;
      const auto bits = std::bit_cast<Bits>(weight);
      return bits != 0 &&
             (bits & kMagnitude) < std::bit_cast<Bits>(std::numeric_limits<Scalar>::min());
    });
  }

  // Takes steps without a gradient of their own.
  void take_all(Log& log, Index column, Index count, Index begin, Index end) {
    if (std::isfinite(bound_)) {
      for (Index at = column; at < column + count; ++at) {
        for (Index step = begin; step < end; ++step) {
          std::fill_n(log.zeros.data(), fan_out_, Scalar(0));
          take(log, static_cast<std::size_t>(step), at, log.zeros.data());
        }
      }
      return;
    }
    const auto rest = [&](Index first, Index columns, auto&& before) {
      update_at_rest(optimizer_, log.steps.data() + begin, end - begin, log.decays.data() + begin,
                     true, first * fan_out_, columns * fan_out_, weights_, before);
    };
    if (!sums_squares_) return rest(column, count, [](Index, Index, const auto&) {});
    for (Index at = column; at < column + count; ++at) {
      double sums[kMostSteps][kInputSums];
      std::fill_n(sums[0], (end - begin) * kInputSums, 0.0);
      rest(at, 1, [&]<int kVectors>(Index step, Index, const Packet<Scalar>(&theta)[kVectors]) {
        alignas(kAlignment) Scalar values[kVectors * kWidth<Scalar>];
        for (int v = 0; v < kVectors; ++v) pstore(values + v * kWidth<Scalar>, theta[v]);
        add_squares(values, kVectors * kWidth<Scalar>, sums[step]);
      });
      for (Index step = begin; step < end; ++step) {
        log.squares[static_cast<std::size_t>(step)].add(sum_of(sums[step - begin]));
      }
    }
  }

  void take(Log& log, std::size_t step, Index column, Scalar* gradient) {
    Scalar* const theta = weights_ + column * fan_out_;
    if (sums_squares_) {
      double sums[kInputSums] = {};
      add_squares(theta, fan_out_, sums);
      log.squares[step].add(sum_of(sums));
    }
    Scalar decay = log.decays[step];
    if (std::isfinite(bound_)) {
      for (Index i = 0; i < fan_out_; ++i) gradient[i] += decay * theta[i];
      clip_values(fan_out_, static_cast<Scalar>(bound_), gradient);
      decay = 0;
    }
    update(optimizer_, log.steps[step], decay, true, column * fan_out_, fan_out_, gradient,
           weights_);
  }

  Optimizer<Scalar>& optimizer_;
  Index fan_out_;
  Scalar* weights_;
  bool decays_;
  double bound_;
  bool sums_squares_;
  Index run_;  // columns that catch up together at most
  bool rests_;
  Buffer<Count> taken_;  // of each column, how many of the steps
  std::vector<Log> logs_;
};

}  // namespace eigenmlp
