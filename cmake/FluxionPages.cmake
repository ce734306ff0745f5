# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# cmake -DFOLDER=codes -DOUT=Pages.cpp -P FluxionPages.cmake: the error pages as one source.
file(GLOB pages ${FOLDER}/*.md)
list(SORT pages)
set(text "// Generated from frontend/diagnostics/codes.\n#include \"frontend/diagnostics/Pages.h\"\n\nconst std::vector<fluxion::diagnostics::Page> &fluxion::diagnostics::pages() {\n  static const std::vector<Page> all = {\n")
foreach(page ${pages})
  get_filename_component(code ${page} NAME_WE)
  file(READ ${page} content)
  string(APPEND text "    {\"${code}\", R\"page(${content})page\"},\n")
endforeach()
file(WRITE ${OUT} "${text}  };\n  return all;\n}\n")
