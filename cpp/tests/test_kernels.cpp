// Every kernel against the reference, over the sizes where vectors, tiles and panels begin and end.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>

#include "check.hpp"
#include "kernels/simd.hpp"
#include "network/inference.hpp"
#include "network/loss_gradient.hpp"
#include "problem.hpp"
#include "reference.hpp"
#include "shapes/bad_sample.hpp"
#include "system/subnormals.hpp"

namespace {

using eigenmlp::Index;
using eigenmlp::Penalty;
using problem::never;
using problem::Problem;

const std::vector<Index> kSizes{1, 2, 3, 5, 7, 15, 16, 17, 31, 33, 63, 65};

template <typename Scalar>
reference::Matrix inputs_of(const Problem<Scalar>& p) {
  return Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>>(
             p.inputs.data(), p.table.features, p.table.count)
      .template cast<double>();
}

template <typename Scalar>
void compare(const std::vector<Index>& sizes, Index n_samples, const Penalty& penalty) {
  const Problem<Scalar> p(sizes, n_samples);
  const auto expected =
      reference::forward_backward(reference::layers_of(p.network), inputs_of(p), p.labels, penalty);
  // A few roundings a term of the longest sum.
  const double tolerance = 64 * static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  std::ostringstream description;
  for (const Index size : sizes) description << size << ' ';
  description << "with " << n_samples << " samples: ";
  const std::string what = description.str();

  std::vector<Scalar> gradient(static_cast<std::size_t>(p.network.layout().n_parameters()));
  const auto sum = eigenmlp::loss_and_gradient(p.network, p.samples(), {}, {}, penalty, {}, {},
                                               never, gradient.data());
  const double loss = sum->loss / static_cast<double>(n_samples) +
                      penalty_of(p.network, penalty.lambda, penalty.biases);
  check::close(loss, expected.loss, tolerance, what + "loss");
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    check::close(gradient[i], expected.gradient[i], tolerance,
                 what + "gradient " + std::to_string(i));
  }

  const Index n_classes = sizes.back();
  std::vector<Scalar> probabilities(static_cast<std::size_t>(n_samples * n_classes));
  std::vector<std::int64_t> classes(static_cast<std::size_t>(n_samples));
  eigenmlp::predict_outputs(p.network, p.table, {}, never, probabilities.data());
  eigenmlp::predict_classes(p.network, p.table, {}, never, classes.data());
  Index correct = 0;
  for (Index i = 0; i < n_samples; ++i) {
    Index best = 0;
    for (Index c = 0; c < n_classes; ++c) {
      const Scalar actual = probabilities[static_cast<std::size_t>(i * n_classes + c)];
      check::close(actual, expected.probabilities(c, i), tolerance, what + "probability");
      if (expected.probabilities(c, i) > expected.probabilities(best, i)) best = c;
    }
    check::equal(classes[static_cast<std::size_t>(i)], best, what + "class");
    correct += best == p.labels[static_cast<std::size_t>(i)];
  }
  const auto scores = eigenmlp::evaluate(p.network, p.samples(), {}, {}, never);
  check::equal(scores->correct, static_cast<double>(correct), what + "hits");
  check::close(scores->loss, sum->loss, 1e-12, what + "evaluated loss");
}

TEST(one_layer_of_every_size) {
  for (const Index inputs : kSizes) {
    for (const Index classes : kSizes) {
      compare<float>({inputs, classes}, 33, {});
      compare<double>({inputs, classes}, 17, {0.5, true});
    }
  }
}

TEST(hidden_layers_of_every_size) {
  for (const Index first : kSizes) {
    for (const Index second : kSizes) {
      compare<float>({5, first, second, 3}, 31, {0.1, false});
      compare<double>({7, first, second, 2}, 9, {});
    }
  }
}

TEST(one_sample_of_several_tiles) {
  compare<float>({21, 70, 129, 3}, 1, {});
  compare<double>({21, 70, 129, 3}, 1, {});
}

TEST(every_number_of_samples) {
  for (const Index n_samples : {1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 600}) {
    compare<float>({9, 11, 4}, n_samples, {});
    compare<double>({9, 11, 4}, n_samples, {0.25, false});
  }
}

TEST(square_roots_are_correctly_rounded) {
  constexpr Index width = eigenmlp::kWidth<float>;
  alignas(64) float values[width];
  const auto compare_with_the_library = [&] {
    alignas(64) float roots[width];
    eigenmlp::pstore(roots, eigenmlp::square_root(eigenmlp::load(values)));
    for (Index i = 0; i < width; ++i) {
      const float expected = std::sqrt(values[i]);
      const auto bits = [](float value) { return std::bit_cast<std::uint32_t>(value); };
      if (std::isnan(expected) ? !std::isnan(roots[i]) : bits(roots[i]) != bits(expected)) {
        check::fail("the root of ", values[i], " is ", expected, ", got ", roots[i]);
      }
    }
  };
  // Every mantissa, at an even and at an odd exponent: other exponents differ by powers of two.
  for (float next = 0.5F; next < 2;) {
    for (float& value : values) {
      value = next;
      next = std::nextafter(next, 2.F);
    }
    compare_with_the_library();
  }
  for (int exponent = -126; exponent < 128; ++exponent) {
    for (Index i = 0; i < width; ++i) {
      values[i] = std::ldexp(1 + static_cast<float>(i) / width, exponent);
    }
    compare_with_the_library();
  }
  // Single lanes that need other treatment than those beside them; in training, subnormals are
  // zeros.
  const eigenmlp::FlushSubnormals flush;
  for (const float odd :
       {0.F, -0.F, -1.F, 1e-39F, 1e-38F, 1e38F, std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    std::fill_n(values, width, 3.F);
    values[width / 2] = odd;
    compare_with_the_library();
  }
}

TEST(large_logits_do_not_overflow) {
  Problem<float> p({3, 4}, 10);
  for (Index i = 0; i < p.network.layout().n_parameters(); ++i) p.network.parameters()[i] *= 1e4F;
  const auto expected =
      reference::forward_backward(reference::layers_of(p.network), inputs_of(p), p.labels, {});
  const auto scores = eigenmlp::evaluate(p.network, p.samples(), {}, {}, never);
  check::close(scores->loss / 10, expected.loss, 1e-5, "loss");
}

TEST(every_element_type_and_stride_reads_the_same_samples) {
  constexpr Index kSamples = 5;
  constexpr Index kStride = 7;
  constexpr Index kFeatures = 3;
  std::vector<std::uint8_t> bytes(kSamples * kStride);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(37 * i);
  const std::vector<float> floats(bytes.begin(), bytes.end());
  const std::vector<double> doubles(bytes.begin(), bytes.end());
  Problem<float> p({kFeatures, 4, 2}, kSamples);
  eigenmlp::Network<float> network(eigenmlp::Architecture::relu({kFeatures, 4, 2}, 1.0 / 255));
  std::copy_n(p.network.parameters(), p.network.layout().n_parameters(), network.parameters());

  std::vector<std::vector<float>> results;
  using enum eigenmlp::ElementType;
  for (const eigenmlp::Table& table :
       {eigenmlp::Table{bytes.data(), kUint8, kSamples, kFeatures, kStride},
        eigenmlp::Table{floats.data(), kFloat32, kSamples, kFeatures, kStride},
        eigenmlp::Table{doubles.data(), kFloat64, kSamples, kFeatures, kStride}}) {
    results.emplace_back(kSamples * 2);
    eigenmlp::predict_outputs(network, table, {}, never, results.back().data());
  }
  check::equal(results[0] == results[1], true, "uint8 and float32 agree");
  check::equal(results[1] == results[2], true, "float32 and float64 agree");
}

TEST(values_that_no_network_can_take_are_found) {
  std::vector<double> values(12, 1.0);
  const eigenmlp::Table table{values.data(), eigenmlp::ElementType::kFloat64, 4, 3, 3};
  check::equal(eigenmlp::first_bad_sample<float>(table, never), 4, "all good");
  values[7] = 1e300;
  check::equal(eigenmlp::first_bad_sample<float>(table, never), 2, "too large for float32");
  check::equal(eigenmlp::first_bad_sample<double>(table, never), 4, "fine for float64");
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    values[4] = bad;
    check::equal(eigenmlp::first_bad_sample<double>(table, never), 1, "NaN or infinity");
  }
}

}  // namespace
