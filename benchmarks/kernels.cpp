// The core's kernels one by one, warm, on one chunk of a batch, shared by threads as a step shares
// them:
//
//   kernels SECONDS CPU,CPU,… SAMPLES UNITS,UNITS,…
//
// prints lines "kernel seconds", and "samples" for those that the chunk has. A pass is over all
// layers, a barrier after each; seconds are the least of several windows, since whatever disturbs
// only slows down.
#include <sched.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/update.hpp"
#include "network/batch.hpp"

namespace {

using eigenmlp::Index;
using eigenmlp::Share;
using Scalar = float;
using Clock = std::chrono::steady_clock;

class Bench {
 public:
  Bench(double seconds, int n_threads, Index n_samples, const std::vector<Index>& sizes)
      : seconds_(seconds),
        n_threads_(n_threads),
        network_(eigenmlp::Architecture::relu(sizes)),
        n_samples_(std::min(n_samples, eigenmlp::kChunkSamples)),
        n_panels_(eigenmlp::divide_up(n_samples_, eigenmlp::kLanes<Scalar>)),
        workspace_(network_, n_panels_),
        gradient_(layout().n_parameters()),
        adam_(eigenmlp::Adam{}, layout().n_parameters()),
        piece_size_(eigenmlp::round_up(eigenmlp::gradient_piece<Scalar>(layout().widest()),
                                       static_cast<Index>(eigenmlp::kAlignment / sizeof(Scalar)))),
        pieces_(piece_size_ * n_threads) {
    std::mt19937 random(1);
    std::normal_distribution<Scalar> normal;
    for (const eigenmlp::Layer& layer : layout().layers()) {
      const Scalar scale = std::sqrt(2 / static_cast<Scalar>(layer.fan_in));
      for (Index i = layer.weights; i < layer.biases; ++i) {
        network_.parameters()[i] = scale * normal(random);
      }
    }
    for (Scalar& value : gradient_) value = normal(random);
    for (Index i = 0; i < n_samples_ * sizes.front(); ++i) inputs_.push_back(normal(random));
    for (Index i = 0; i < n_samples_; ++i) {
      labels_.push_back(static_cast<eigenmlp::Label>(i % sizes.back()));
    }
    table_ = {inputs_.data(), eigenmlp::ElementType::kFloat32, n_samples_, sizes.front(),
              sizes.front()};
    samples_ = {table_, labels_.data(), {}, nullptr};
    batch_ = {{&table_, &samples_, nullptr, 0, n_samples_}, 0, static_cast<double>(n_samples_)};
  }
  // batch_ points into it.
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // In the order of a step, since each kernel works on what the one before has left.
  void run() {
    const std::size_t n_layers = layout().layers().size();
    std::printf("samples %td\n", n_samples_);
    report("gather", 1,
           [&](int thread, std::size_t) { workspace_.gather_inputs(batch_, region(thread)); });
    report("forward", n_layers, [&](int thread, std::size_t l) {
      workspace_.forward(l, batch_, pass_, region(thread));
    });
    report("loss", 1,
           [&](int thread, std::size_t) { workspace_.loss(batch_, pass_, region(thread)); });
    report("backward", n_layers - 1, [&](int thread, std::size_t i) {
      workspace_.backward(n_layers - 1 - i, region(thread), piece(thread));
    });
    report("gradient", 1,
           [&](int thread, std::size_t) { gradient(thread, [](Index, Index, Scalar*, bool) {}); });
    report_updates("sgd", sgd_);
    report_updates("adam", adam_);
  }

 private:
  const eigenmlp::Layout& layout() const { return network_.layout(); }
  Scalar* piece(int thread) { return pieces_.data() + thread * piece_size_; }
  eigenmlp::Region region(int thread) const { return {0, n_panels_, thread, n_threads_}; }

  // The whole gradient, as BatchRunner shares it.
  template <typename Consume>
  void gradient(int thread, Consume&& consume) {
    const std::vector<eigenmlp::Layer>& layers = layout().layers();
    Index total = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      total += gradient_tiles(layers[l], workspace_.gradient_sources(l, n_samples_));
    }
    const Share mine = eigenmlp::share_of(total, thread, n_threads_);
    Index before = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const auto sources = workspace_.gradient_sources(l, n_samples_);
      const Index tiles = gradient_tiles(layers[l], sources);
      const Share share{std::clamp(mine.begin - before, Index{0}, tiles),
                        std::clamp(mine.end - before, Index{0}, tiles)};
      weight_gradient(layers[l], sources, share, static_cast<Scalar*>(nullptr), false, true,
                      piece(thread), consume);
      before += tiles;
    }
  }

  // The update of all parameters from a gradient in memory, and as the end of a gradient's tile.
  void report_updates(const std::string& rule, eigenmlp::Optimizer<Scalar>& optimizer) {
    // So small that many thousand steps change nothing.
    const eigenmlp::Step<Scalar> step(optimizer.rule(), 1000, 1e-12);
    const auto apply = [&](Index offset, Index count, Scalar* values, bool is_weight) {
      update(optimizer, step, Scalar(1e-4), is_weight, offset, count, values,
             network_.parameters());
    };
    report("update_" + rule, 1, [&](int thread, std::size_t) {
      const Share share = eigenmlp::share_of(layout().n_parameters(), thread, n_threads_);
      apply(share.begin, share.end - share.begin, gradient_.data() + share.begin, false);
    });
    report("gradient_" + rule, 1, [&](int thread, std::size_t) { gradient(thread, apply); });
  }

  // body(thread, part) for the parts of a pass, a barrier after each.
  template <typename Body>
  void report(const std::string& kernel, std::size_t parts, Body&& body) {
    constexpr int kWindows = 7;
    eigenmlp::Barrier barrier(n_threads_);
    const auto time_of = [&](long passes) {
      const auto begin = Clock::now();
      eigenmlp::run_on_threads(n_threads_, [&](int thread) {
        for (long pass = 0; pass < passes; ++pass) {
          for (std::size_t part = 0; part < parts; ++part) {
            body(thread, part);
            barrier.arrive_and_wait();
          }
        }
      });
      return std::chrono::duration<double>(Clock::now() - begin).count();
    };
    long passes = 1;
    while (time_of(passes) < seconds_ / kWindows) passes *= 2;
    double best = time_of(passes);
    for (int window = 1; window < kWindows; ++window) best = std::min(best, time_of(passes));
    std::printf("%s %.6g\n", kernel.c_str(), best / static_cast<double>(passes));
  }

  double seconds_;
  int n_threads_;
  eigenmlp::Network<Scalar> network_;
  Index n_samples_;
  Index n_panels_;
  eigenmlp::Workspace<Scalar> workspace_;
  eigenmlp::Buffer<Scalar> gradient_;
  eigenmlp::Optimizer<Scalar> sgd_;
  eigenmlp::Optimizer<Scalar> adam_;
  Index piece_size_;
  eigenmlp::Buffer<Scalar> pieces_;
  std::vector<Scalar> inputs_;
  std::vector<eigenmlp::Label> labels_;
  eigenmlp::Table table_{};
  eigenmlp::Samples samples_{};
  eigenmlp::Pass<Scalar> pass_{};
  eigenmlp::Chunk batch_{};
};

std::vector<Index> numbers(const char* text) {
  std::vector<Index> values;
  std::stringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) values.push_back(std::stol(item));
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: kernels SECONDS CPU,CPU,… SAMPLES UNITS,UNITS,…\n");
    return 2;
  }
  const std::vector<Index> cpus = numbers(argv[2]);
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const Index cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &set);
  sched_setaffinity(0, sizeof(set), &set);
  Bench(std::atof(argv[1]), static_cast<int>(cpus.size()), std::atol(argv[3]), numbers(argv[4]))
      .run();
}
