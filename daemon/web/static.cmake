# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=static.c "-DFILES=a;b" -P static.cmake: the files as C, for daemon/web/static.h.
set(text "#include \"web/static.h\"\n")
set(rows "")
set(count 0)
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND text "static const unsigned char file_${count}[] = {${bytes}0};\n")
  string(APPEND rows "    {\"${name}\", file_${count}, sizeof file_${count} - 1},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUT} "${text}const struct static_file static_files[] = {\n${rows}    {0, 0, 0},\n};\n")
