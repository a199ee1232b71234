# cmake -D OUT=FILE.c -D NAMES=name,... -D FILES=file,... -P embed_text.cmake
# Writes text files as C arrays `name` with `name_size`: what the program carries inside itself.
string(REPLACE "," ";" names "${NAMES}")
string(REPLACE "," ";" files "${FILES}")
set(text "/* Made by cmake/embed_text.cmake. */\n#include \"report/report_style.h\"\n")
foreach(name file IN ZIP_LISTS names files)
    file(READ ${file} bytes HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
    string(APPEND text "const char ${name}[] = {\n${bytes}};\n"
                       "const size_t ${name}_size = sizeof ${name};\n")
endforeach()
file(WRITE ${OUT} "${text}")
