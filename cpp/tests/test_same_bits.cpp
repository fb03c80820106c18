// One number for everything that must not depend on the instruction set: run by hand or by a script
// for several, to be compared.
#include <cstdio>
#include <cstring>

#include "check.hpp"
#include "network/inference.hpp"
#include "problem.hpp"

namespace {

using eigenmlp::Index;
using eigenmlp::Optimizer;
using problem::never;
using problem::Problem;
using problem::settings;

// FNV-1a over bytes.
class Digest {
 public:
  template <typename T>
  void add(const T* values, Index count) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(values);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count) * sizeof(T); ++i) {
      value_ = (value_ ^ bytes[i]) * 1099511628211ULL;
    }
  }
  unsigned long long value() const { return value_; }

 private:
  unsigned long long value_ = 14695981039346656037ULL;
};

// Inputs that every standard library draws alike, unlike std::normal_distribution.
template <typename Scalar>
void fill(std::mt19937& random, Scalar* values, Index count, double scale) {
  for (Index i = 0; i < count; ++i) {
    values[i] = static_cast<Scalar>(scale * (static_cast<double>(random() % 20001) / 10000 - 1));
  }
}

template <typename Scalar>
void run(const std::vector<Index>& sizes, Index n_samples, Index batch_size, bool adam, int threads,
         Digest& digest) {
  Problem<Scalar> p(sizes, n_samples);
  std::mt19937 random(7);
  const Index n = p.network.layout().n_parameters();
  fill(random, p.network.parameters(), n, 0.3);
  fill(random, p.inputs.data(), static_cast<Index>(p.inputs.size()), 1.0);
  auto optimizer = adam ? Optimizer<Scalar>(eigenmlp::Adam{}, n) : Optimizer<Scalar>();
  for (int epoch = 0; epoch < 4; ++epoch) {
    const auto result =
        eigenmlp::train_epoch(p.network, optimizer, p.samples(), {},
                              settings(batch_size, 0.01, {0.001, epoch == 2}), {threads}, never);
    digest.add(&result.sum.loss, 1);
  }
  digest.add(p.network.parameters(), n);
  std::vector<Scalar> probabilities(static_cast<std::size_t>(n_samples * sizes.back()));
  eigenmlp::predict_outputs(p.network, p.table, {threads}, never, probabilities.data());
  digest.add(probabilities.data(), static_cast<Index>(probabilities.size()));
  const auto scores = eigenmlp::evaluate(p.network, p.samples(), {}, {threads}, never);
  digest.add(&scores->loss, 1);
}

unsigned long long digest_of_everything(int threads) {
  Digest digest;
  for (const bool adam : {false, true}) {
    run<float>({13, 17, 7, 5}, 333, 100, adam, threads, digest);
    run<double>({13, 17, 7, 5}, 333, 100, adam, threads, digest);
    run<float>({65, 33, 31, 2}, 150, 149, adam, threads, digest);
    run<double>({65, 33, 31, 2}, 700, 700, adam, threads, digest);
    run<float>({100, 130, 49}, 200, 64, adam, threads, digest);
    run<float>({3, 2}, 1, 1, adam, threads, digest);
  }
  return digest.value();
}

TEST(the_same_digest_for_any_number_of_threads) {
  const unsigned long long expected = digest_of_everything(1);
  std::printf("digest  %016llx\n", expected);
  for (const int threads : {2, 3, 5}) {
    check::equal(digest_of_everything(threads), expected, std::to_string(threads) + " threads");
  }
}

}  // namespace
