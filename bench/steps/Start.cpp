// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How long a standalone executable takes to finish its first step.
#include "bench/steps/Steps.h"

#include "bench/harness/Workload.h"
#include "fluxion/compile.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <unistd.h>

namespace fluxion::bench {
namespace {

constexpr uint32_t examples = 256;

std::string randomBytes(size_t count, unsigned below) {
  std::mt19937 random(1);
  std::string bytes(count, 0);
  for (char &byte : bytes)
    byte = char(random() % below);
  return bytes;
}

std::string bigEndian(std::initializer_list<uint32_t> numbers) {
  std::string bytes;
  for (uint32_t number : numbers)
    for (int shift : {24, 16, 8, 0})
      bytes += char(number >> shift);
  return bytes;
}

// A few random examples as MNIST's or CIFAR-10's files have them.
void writeData(const std::filesystem::path &folder) {
  auto write = [&](const std::string &name, const std::string &bytes) {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  };
  for (const char *part : {"train", "t10k"}) {
    std::string stem = part;
    write(stem + "-images-idx3-ubyte",
          bigEndian({0x803, examples, 28, 28}) + randomBytes(size_t(examples) * 28 * 28, 256));
    write(stem + "-labels-idx1-ubyte", bigEndian({0x801, examples}) + randomBytes(examples, 10));
  }
  std::string record = randomBytes(3073, 10), images;
  for (uint32_t i = 0; i < examples; ++i)
    images += record;
  write("data_batch_1.bin", images);
  write("test_batch.bin", images);
}

// A standalone executable and its data, in a folder that goes with it.
class Executable {
public:
  explicit Executable(const Step &step)
      : folder(std::filesystem::temp_directory_path() /
               ("fluxion-bench-" + std::to_string(getpid()) + "-" + step.name)) {
    std::filesystem::create_directories(folder);
    writeData(folder);
    emit(programOf(step), {.kind = Emit::Executable, .path = path(), .data = step.data});
  }
  ~Executable() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::string path() const { return (folder / "program").string(); }

  struct Run {
    double firstStep = 0; // seconds from its start to the report of its first step
    double peakBytes = 0; // of memory, a step and an evaluation
  };
  Run run() const {
    using Clock = std::chrono::steady_clock;
    std::string command =
        "exec '" + path() + "' --json --epochs=1 --batch-limit=1 --data='" + folder.string() + "'";
    Clock::time_point from = Clock::now();
    FILE *pipe = popen(command.c_str(), "r");
    if (!pipe)
      throw std::runtime_error("cannot run " + path());
    Run run;
    char line[4096];
    while (std::fgets(line, sizeof line, pipe)) {
      if (run.firstStep == 0 && std::strstr(line, "\"step\""))
        run.firstStep = std::chrono::duration<double>(Clock::now() - from).count();
      if (const char *peak = std::strstr(line, "\"peak_rss_bytes\":"))
        run.peakBytes = std::atof(std::strchr(peak, ':') + 1);
    }
    if (pclose(pipe) != 0 || run.firstStep == 0)
      throw std::runtime_error(path() + " reports no step");
    return run;
  }

private:
  std::filesystem::path folder;
};

void start(benchmark::State &state, const Step &step) {
  Executable executable(step);
  for (auto _ : state) {
    Executable::Run run = executable.run();
    state.SetIterationTime(run.firstStep);
    state.counters["peak_MB"] = run.peakBytes / 1e6;
  }
  state.counters["bytes"] = double(std::filesystem::file_size(executable.path()));
}

} // namespace

void addStarts() {
  for (const Step &step : steps())
    benchmark::RegisterBenchmark(
        (step.name + "_start").c_str(),
        [step](benchmark::State &state) { guarded(state, [&] { start(state, step); }); })
        ->Unit(benchmark::kMillisecond)
        ->UseManualTime();
}

} // namespace fluxion::bench
