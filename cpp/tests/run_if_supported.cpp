// run_if_supported LEVEL PROGRAM [ARGUMENTS]: the program's exit status, or 77 where this processor
// lacks the level. Compiled for any processor, unlike the program.
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "system/processor.hpp"

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const auto levels = eigenmlp::supported_levels();
  if (std::find(levels.begin(), levels.end(), arguments[1]) == levels.end()) {
    std::printf("this processor lacks %s\n", arguments[1]);
    return 77;
  }
  execv(arguments[2], arguments + 2);
  std::perror(arguments[2]);
  return 1;
}
