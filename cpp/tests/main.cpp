#include <cstdio>
#include <exception>

#include "check.hpp"

int main() {
  int failed = 0;
  for (const check::Test& test : check::registry()) {
    try {
      test.body();
      std::printf("ok      %s\n", test.name.c_str());
    } catch (const std::exception& error) {
      ++failed;
      std::printf("FAILED  %s: %s\n", test.name.c_str(), error.what());
    }
  }
  const int passed = static_cast<int>(check::registry().size()) - failed;
  std::printf("%d passed, %d failed\n", passed, failed);
  // No test at all is a failure too.
  return failed == 0 && passed > 0 ? 0 : 1;
}
