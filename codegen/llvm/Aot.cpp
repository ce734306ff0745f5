// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/Aot.h"

#include "codegen/llvm/LowerProgram.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace fluxion::codegen {
namespace {

const char *dtypeName(int32_t dtype) {
  static const char *names[] = {"f64", "f32", "bf16", "f16", "i64", "i32", "i16", "i8", "u8", "i1"};
  return names[dtype];
}

std::string shapeText(const fx_tensor &tensor) {
  std::string text = std::string(tensor.name) + " " + dtypeName(tensor.dtype) + "[";
  for (int32_t d = 0; d < tensor.rank; ++d)
    text += (d ? ", " : "") + std::to_string(tensor.dims[d]);
  return text + "]";
}

Expected<std::string> findLinker() {
  SmallVector<std::string> names;
  if (auto given = sys::Process::GetEnv("CXX"); given && !given->empty())
    names.push_back(*given);
  names.append({"c++", "g++", "clang++", "clang++-22"});
  for (const std::string &name : names)
    if (auto path = sys::findProgramByName(name))
      return *path;
  return createStringError(
      "no linker: none of " + join(names, ", ") +
      " is on the PATH; install one (Debian: apt install g++) or use --emit=object");
}

Error runTool(StringRef program, ArrayRef<std::string> arguments, StringRef log) {
  SmallVector<StringRef> argv{program};
  argv.append(arguments.begin(), arguments.end());
  std::string message;
  std::optional<StringRef> redirects[] = {std::nullopt, log, log};
  int code = sys::ExecuteAndWait(program, argv, std::nullopt, redirects, 0, 0, &message);
  if (code == 0)
    return Error::success();
  auto output = MemoryBuffer::getFile(log, /*IsText=*/true);
  return createStringError(sys::path::filename(program) + " failed (exit " + Twine(code) +
                           "): " + message +
                           (output ? (*output)->getBuffer().trim().str() : std::string()));
}

} // namespace

Error writeFile(StringRef path, StringRef bytes, bool executable) {
  // The rename below would put a file in the place of a device.
  if (sys::fs::exists(path) && !sys::fs::is_regular_file(path))
    return createStringError("cannot write " + path + ": not a regular file");
  SmallString<128> temporary;
  int fd;
  if (std::error_code error = sys::fs::createUniqueFile(path + ".%%%%%%", fd, temporary))
    return createStringError("cannot write " + path + ": " + error.message());
  scope_exit removeTemporary([&] { sys::fs::remove(temporary); });
  raw_fd_ostream out(fd, /*shouldClose=*/true);
  out << bytes;
  out.close();
  if (out.has_error()) {
    std::string reason = out.error().message();
    out.clear_error();
    return createStringError("cannot write " + path + ": " + reason);
  }
  auto mode = executable ? sys::fs::perms(0755) : sys::fs::perms(0644);
  if (std::error_code error = sys::fs::setPermissions(temporary, mode))
    return createStringError("cannot write " + path + ": " + error.message());
  if (std::error_code error = sys::fs::rename(temporary, path))
    return createStringError("cannot write " + path + ": " + error.message());
  removeTemporary.release();
  return Error::success();
}

Error writeObject(StringRef path, ArrayRef<std::string> objects) {
  if (objects.size() == 1)
    return writeFile(path, objects[0]);
  auto linker = findLinker();
  if (!linker)
    return linker.takeError();
  SmallString<128> folder;
  if (std::error_code error = sys::fs::createUniqueDirectory("fluxion-link", folder))
    return createStringError("cannot create a temporary folder: " + error.message());
  scope_exit removeFolder([&] { sys::fs::remove_directories(folder); });
  std::string joined = (folder + "/joined.o").str();
  std::vector<std::string> arguments{"-r", "-nostdlib", "-o", joined};
  for (auto [i, object] : enumerate(objects)) {
    arguments.push_back((folder + "/" + Twine(i) + ".o").str());
    if (Error error = writeFile(arguments.back(), object))
      return error;
  }
  if (Error error = runTool(*linker, arguments, (folder + "/log").str()))
    return error;
  auto bytes = MemoryBuffer::getFile(joined, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!bytes)
    return createStringError("the linker wrote no object");
  return writeFile(path, (*bytes)->getBuffer());
}

std::string headerText(const fx_program &program, StringRef descriptor) {
  std::string text, upper = StringRef("FX_" + identifier(program.name)).upper();
  raw_string_ostream out(text);
  std::string targets = program.target;
  for (const fx_program *other = program.next; other; other = other->next)
    targets += std::string(", ") + other->target;
  out << "/* " << program.name << ", compiled by Fluxion for " << targets << ".\n"
      << " * Link with libfluxion_rt.a, or call the entry points directly; see fluxion/abi.h. */\n"
      << "#ifndef " << upper << "_H\n#define " << upper << "_H\n\n#include \"fluxion/abi.h\"\n\n"
      << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
      << "extern const fx_program " << descriptor << ";\n\n"
      << "#define " << upper << "_STATE_BYTES " << program.state_bytes << "\n"
      << "#define " << upper << "_ARENA_BYTES " << program.arena_bytes << "\n\n"
      << "/* Positions in the descriptor's `entries`. */\nenum {\n";
  for (uint32_t e = 0; e < program.num_entries; ++e) {
    const fx_entry &entry = program.entries[e];
    out << "  /* (";
    for (uint32_t i = 0; i < entry.num_inputs; ++i)
      out << (i ? ", " : "") << shapeText(entry.inputs[i]);
    out << ") -> (";
    for (uint32_t i = 0; i < entry.num_outputs; ++i)
      out << (i ? ", " : "") << shapeText(entry.outputs[i]);
    out << ") */\n  " << upper << "_" << StringRef(identifier(entry.name)).upper() << " = " << e
        << ",\n";
  }
  out << "};\n\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return text;
}

Error linkExecutable(StringRef path, ArrayRef<std::string> objects, const LinkOptions &options) {
  auto linker = findLinker();
  if (!linker)
    return linker.takeError();
  for (const std::string &archive : options.archives)
    if (std::string full = options.libraries + "/" + archive; !sys::fs::exists(full))
      return createStringError(
          "the runtime archive " + full +
          " is missing; set FLUXION_RUNTIME_DIR to the folder that has libfluxion_rt.a");
  SmallString<128> folder;
  if (std::error_code error = sys::fs::createUniqueDirectory("fluxion-link", folder))
    return createStringError("cannot create a temporary folder: " + error.message());
  scope_exit removeFolder([&] { sys::fs::remove_directories(folder); });
  std::string linked = (folder + "/linked").str();
  // Code and constants share pages: padding between them would be a thirtieth of a small program.
  std::vector<std::string> arguments{"-o",
                                     linked,
                                     "-s",
                                     "-pthread",
                                     "-Wl,--gc-sections",
                                     "-Wl,--as-needed",
                                     "-Wl,-z,noseparate-code"};
  for (auto [i, object] : enumerate(objects)) {
    arguments.push_back((folder + "/" + Twine(i) + ".o").str());
    if (Error error = writeFile(arguments.back(), object))
      return error;
  }
  for (const std::string &archive : options.archives)
    arguments.push_back(options.libraries + "/" + archive);
  // zlib reads compressed data files; statically, so that the program needs the C and C++ libraries
  // alone.
  for (const char *argument : {"-Wl,-Bstatic", "-lz", "-Wl,-Bdynamic", "-lm", "-ldl"})
    arguments.push_back(argument);
  if (Error error = runTool(*linker, arguments, (folder + "/log").str()))
    return error;
  auto bytes = MemoryBuffer::getFile(linked, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!bytes)
    return createStringError("the linker wrote no executable");
  return writeFile(path, (*bytes)->getBuffer(), /*executable=*/true);
}

} // namespace fluxion::codegen
